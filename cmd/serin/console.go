package main

import (
	"cmp"
	"context"
	"os/signal"

	"github.com/spf13/cobra"

	"serin/internal/aws"
	"serin/internal/console"
	"serin/internal/engine"
)

// postEnvironment is the environment of the post that Serin implements.
const postEnvironment = "ecs-blogpost"

// consoleFlags are those of serin without a verb.
type consoleFlags struct {
	account     accountFlags
	view        viewFlags
	onInterrupt choice
	environment string
	journal     string
	readOnly    bool
}

func (f *consoleFlags) register(cmd *cobra.Command) {
	f.onInterrupt = choice{"hold", []string{"rollback", "hold"}}
	f.account.register(cmd)
	f.view.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.environment, "env", postEnvironment, "environment: the name of its mesh and its cluster")
	flags.StringVar(&f.journal, "journal", "", journalUsage)
	flags.BoolVar(&f.readOnly, "read-only", false, "look only: without the keys that change something")
	flags.Var(&f.onInterrupt, "on-interrupt", "what the first SIGTERM or SIGHUP does to rollouts that this console drives")
	f.onInterrupt.completes(cmd, "on-interrupt")
}

// console opens the console on an environment.
func (p *program) console(cmd *cobra.Command, flags *consoleFlags) error {
	if !p.hasTerminal() {
		return usage(cmd, "the console needs a terminal on both ends: use `serin deploy FILE --ci` in a build, or `serin help` for the verbs")
	}
	chosen, err := p.chooseJournal(flags.journal)
	if err != nil {
		return err
	}
	chosen.tell = nil // the console itself shows it
	chosen.reads = flags.readOnly
	signals := interrupts()
	defer signal.Stop(signals)
	told := newNarrator()
	var log openLog
	attach := func(ctx context.Context) (*console.Host, error) {
		there, err := connect(ctx, flags.account, "")
		if err != nil {
			return nil, err
		}
		opened, err := chosen.open(ctx, there, flags.environment)
		if err != nil {
			return nil, err
		}
		log = opened
		options := there.hostOptions(p, flags.environment, log, told)
		options.ReadOnly, options.Alone = flags.readOnly, log.alone()
		return console.New(options), nil
	}
	s := newSession(p, flags.view, flags.onInterrupt.value, signals, told).onceThere(flags.opening(p.lookup), attach)
	s.shows.ReadOnly, s.again = flags.readOnly, flags.takeover
	err = s.run(cmd.Context(), cmd.Context())
	s.summarise()
	if log != nil {
		if closing := log.Close(); closing != nil {
			p.say(closing)
		}
	}
	return err
}

// takeover is the command that takes over, as this console was opened.
func (f *consoleFlags) takeover(service string) string {
	command := "serin takeover " + service
	if f.environment != postEnvironment {
		command += " --env " + f.environment
	}
	if f.journal != "" {
		command += " --journal " + f.journal
	}
	return command
}

// opening is what the console shows until it is connected. What the AWS configuration says
// is not known yet, only what the flags and the environment do.
func (f *consoleFlags) opening(lookup func(string) (string, bool)) *console.Opening {
	given := func(flag string, names ...string) string {
		for _, name := range names {
			if value, _ := lookup(name); flag == "" {
				flag = value
			}
		}
		return flag
	}
	region := given(f.account.region, "AWS_REGION", "AWS_DEFAULT_REGION")
	endpoint := aws.ShownEndpoint(given("", "AWS_ENDPOINT_URL"))
	connecting := "connecting to " + cmp.Or(endpoint, "AWS")
	if region != "" {
		connecting += " in " + region
	}
	if profile := given(f.account.profile, "AWS_PROFILE", "AWS_DEFAULT_PROFILE"); profile != "" {
		connecting += " with the profile " + profile
	}
	return console.NewOpening(console.Options{
		Where: engine.Key{Environment: f.environment, Region: region}, Endpoint: endpoint,
	}, connecting)
}
