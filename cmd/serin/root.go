package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"serin/internal/engine"
	"serin/internal/headless"
)

// newRoot is the command line: the table of verbs.
func newRoot(p *program) *cobra.Command {
	var flags consoleFlags
	root := &cobra.Command{
		Use:   "serin",
		Short: "Canary deployments of microservices on AWS",
		Long: "Serin moves a service from one version to the next in steps, watches what each step does,\n" +
			"and gives all traffic back to the old version when the new one does worse.\n\n" +
			"Without a verb it opens the console on an environment: what runs there, live. Nothing starts by itself.",
		Example: "  serin demo                               the console on a sandbox: no account, no set-up\n" +
			"  serin sandbox                            a region of AWS on this machine, without an account\n" +
			"  serin plan deploy.json                   what a rollout would do\n" +
			"  serin deploy deploy.json --ci            one rollout, to its end\n" +
			"  serin status                             what every service does now\n" +
			"  serin rollback yelb-appserver            all traffic back, wherever the rollout is driven",
		Args:          knownVerb,
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE:              func(cmd *cobra.Command, _ []string) error { return p.console(cmd, &flags) },
	}
	flags.register(root)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newDemo(p), newDeploy(p), newPlan(p), newSandbox(p), newLint(p), newVersion(p), newCompletion())
	root.AddCommand(newStatus(p), newWatch(p), newHistory(p), newPromote(p), newPause(p), newResume(p), newRollback(p), newTakeover(p))
	root.SetHelpCommand(newHelp())
	return root
}

// usage is an error of whoever typed the command.
func usage(cmd *cobra.Command, format string, args ...any) error {
	verb := strings.TrimSpace(strings.TrimPrefix(cmd.CommandPath(), "serin"))
	help := "serin help"
	if verb != "" {
		verb, help = verb+": ", help+" "+verb
	}
	return &exitError{headless.ExitUsage, fmt.Errorf("%s%w (see %s)", verb, fmt.Errorf(format, args...), help)}
}

// badInput is an error in what a verb was given to work on.
func badInput(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{headless.ExitUsage, err}
}

// meant is the name that was most likely meant, as the end of a message.
func meant(prefix, name string, candidates []string) string {
	if nearest := engine.Nearest(name, candidates); nearest != "" {
		return ": did you mean " + prefix + nearest + "?"
	}
	return ""
}

// knownVerb refuses what is no verb.
func knownVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var verbs []string
	for _, verb := range cmd.Root().Commands() {
		verbs = append(verbs, verb.Name())
	}
	return usage(cmd, "there is no verb %q%s", args[0], meant("", args[0], verbs))
}

// flagError says what is wrong with a flag.
func flagError(cmd *cobra.Command, err error) error {
	unknown, is := errors.AsType[*pflag.NotExistError](err)
	if !is || unknown.GetSpecifiedShortnames() != "" {
		return usage(cmd, "%w", err)
	}
	var flags []string
	cmd.Flags().VisitAll(func(flag *pflag.Flag) { flags = append(flags, flag.Name) })
	name := unknown.GetSpecifiedName()
	return usage(cmd, "there is no flag --%s%s", name, meant("--", name, flags))
}

// files takes the names of files: at least one, and at most as many as a verb reads.
func files(most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return usage(cmd, "give a file, such as deploy.json")
		case len(args) > most:
			return usage(cmd, "one file at a time: %q is one too many", args[most])
		}
		return nil
	}
}

// noArguments refuses arguments.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(cmd, "takes no arguments: %q is one too many", args[0])
	}
	return nil
}

func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [VERB]",
		Short:   "Say what a verb does, with examples",
		Example: "  serin help deploy",
		RunE: func(cmd *cobra.Command, args []string) error {
			verb, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return knownVerb(cmd.Root(), args)
			}
			verb.InitDefaultHelpFlag()
			return verb.Help()
		},
	}
}
