package main

import (
	"os/signal"

	"github.com/spf13/cobra"

	"serin/internal/console"
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
	signals := interrupts()
	defer signal.Stop(signals)
	ctx, stop := signal.NotifyContext(cmd.Context(), endings()...)
	defer stop()
	there, err := connect(ctx, flags.account, "")
	if err != nil {
		return err
	}
	log, err := chosen.open(ctx, there, flags.environment)
	if err != nil {
		return err
	}
	told := newNarrator()
	options := there.hostOptions(p, flags.environment, log, told)
	options.ReadOnly = flags.readOnly
	s := &session{
		program: p, host: console.New(options), shows: flags.view.options(there.caller.ARN),
		onInterrupt: flags.onInterrupt.value, signals: signals, narrator: told,
	}
	s.shows.ReadOnly = flags.readOnly
	err = s.run(cmd.Context(), cmd.Context())
	s.summarise()
	if closing := log.Close(); closing != nil {
		p.say(closing)
	}
	return err
}
