package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"serin/internal/engine"
	"serin/internal/headless"
	"serin/internal/sandbox/fault"
)

// errorLimit is how long a provider's errors may last before a rollout gives up on it.
const errorLimit = 5 * time.Minute

// deployFlags are those of serin deploy.
type deployFlags struct {
	spec        specFlags
	account     accountFlags
	output      output
	back        backFlags
	onInterrupt choice
	journal     string
	junit       string
	fault       string
	view        viewFlags
	ci, sandbox bool
	resume, yes bool
	verbose     bool
}

func newDeploy(p *program) *cobra.Command {
	flags := deployFlags{onInterrupt: choice{"rollback", []string{"rollback", "hold"}}}
	cmd := &cobra.Command{
		Use:   "deploy FILE | deploy --previous SERVICE",
		Short: "Roll one version out, to the rollout's end",
		Long: "Deploy rolls out the version that FILE, a deploy.json, describes. In a terminal the console opens on the\n" +
			"rollout. With --ci, --output json or --verbose, or without a terminal on both ends, it prints what\n" +
			"happens: a line an event on stdout, everything else on stderr.\n\n" +
			"With --previous it goes back to the version that was there right before the present one, as the journal\n" +
			"tells and, for what the journal does not know, the record of what was deployed (the SSM parameter's\n" +
			"history): never to one that was given up for another. Once more is one further back. It is a rollout as\n" +
			"every other: of SERVICE as the journal knows its last one, with the template and the parameters that the\n" +
			"version then had; or as FILE says, which a journal without a rollout of it needs.\n\n" +
			"Exit codes: 0 succeeded; 1 could not start, or an internal error; 2 a wrong command line or a bad\n" +
			"specfile, nothing was touched; 3 rolled back; 4 rolled back by a person or an interrupt; 5 stuck, a\n" +
			"person is needed; 6 held, resumable; 7 succeeded, but the old version could not be removed.\n\n" +
			"The first SIGINT, SIGTERM or SIGHUP does what --on-interrupt says; a further SIGINT or SIGTERM leaves at once.",
		Example: "  serin deploy deploy.json --ci --sha 9bd0417e --image yelb-appserver:9bd0417e --junit report.xml\n" +
			"  serin deploy deploy.json --sandbox --sha fixed --image yelb-appserver:fixed --set WaitTime=3\n" +
			"  serin deploy deploy.json --output json | jq -r .event\n" +
			"  serin deploy deploy.json --resume\n" +
			"  serin deploy --previous yelb-appserver --fast --reason \"checkout is slow\"",
		Args: fileOrService(&flags),
		RunE: func(cmd *cobra.Command, args []string) error { return p.deploy(cmd, args[0], &flags) },
	}
	flags.register(cmd)
	return cmd
}

func (f *deployFlags) register(cmd *cobra.Command) {
	f.spec.register(cmd)
	f.account.register(cmd)
	f.output.register(cmd)
	f.view.register(cmd)
	f.back.register(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.ci, "ci", false, "headless: a line an event, no escape codes, no questions")
	flags.BoolVar(&f.sandbox, "sandbox", false, "deploy to a private sandbox, made for this one command")
	flags.StringVar(&f.fault, "fault", "", "with --sandbox: "+faultUsage)
	flags.Var(&f.onInterrupt, "on-interrupt", "what the first interrupt does: SIGINT, SIGTERM, SIGHUP")
	f.onInterrupt.completes(cmd, "on-interrupt")
	flags.StringVar(&f.junit, "junit", "", "write a JUnit report to this `file`, at the end")
	flags.BoolVar(&f.resume, "resume", false, "go on with the service's open rollout")
	flags.StringVar(&f.journal, "journal", "", journalUsage)
	flags.BoolVar(&f.yes, "yes", false, "take yes for the answer to every question")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "print every event, readings and repeated verdicts too")
}

// deployment is one run of serin deploy.
type deployment struct {
	*program
	flags   *deployFlags
	file    string
	spec    engine.Spec
	account *account
	journal openLog
	junit   *headless.JUnit
	faults  *fault.Plan
	// previous is the version before the present one, once it is found that it is deployed.
	previous *engine.Previous
	// attended is true in a terminal: the console opens on the rollout.
	attended bool
	// asks is what the driver of a rollout that is gone on with is asked first; nil for
	// what goes on with one that is paused or stuck.
	asks func(*engine.Rollout) (engine.Command, bool)
	// unclaimed is set where the rollout could not be claimed, and is rolled back all the same.
	unclaimed *engine.Unclaimed
	// why is why a rollout is taken over, in the words of whoever does; it may be empty.
	why string
	// again is the command that goes on with the rollout, should it stay open.
	again string
	// page is the URL of the private sandbox's page; empty without one.
	page string
	// signals has every SIGINT, SIGTERM and SIGHUP since the beginning.
	signals chan os.Signal
}

func (p *program) deploy(cmd *cobra.Command, file string, flags *deployFlags) (err error) {
	d := &deployment{program: p, flags: flags, file: file, again: "serin deploy " + file + " --resume", signals: interrupts()}
	defer signal.Stop(d.signals)
	if err := d.read(cmd); err != nil {
		return err
	}
	// Until there is a rollout, a signal just ends everything.
	ctx, stop := signal.NotifyContext(cmd.Context(), endings()...)
	defer stop()
	leave, err := d.enter(ctx)
	defer leave()
	if err != nil {
		return d.notStarted(ctx, err)
	}
	lease, err := d.lease(ctx)
	if err != nil {
		return d.notStarted(ctx, err)
	}
	if d.attended {
		return d.attend(cmd.Context(), lease)
	}
	return d.drive(cmd.Context(), lease)
}

// read reads what can be wrong without asking anybody.
func (d *deployment) read(cmd *cobra.Command) (err error) {
	if d.flags.sandbox && d.flags.resume {
		return usage(cmd, "--sandbox makes a new sandbox, which has no rollout to --resume")
	}
	if err := d.flags.back.refusal(d.flags); err != nil {
		return usage(cmd, "%w", err)
	}
	if d.flags.fault != "" && !d.flags.sandbox {
		return usage(cmd, "--fault is for the private sandbox: give --sandbox too")
	}
	if d.faults, err = faults(d.flags.fault); err != nil {
		return usage(cmd, "%w", err)
	}
	d.attended = !d.flags.ci && !d.flags.verbose && !d.flags.output.json() && d.hasTerminal()
	if d.flags.back.previous && namesService(d.file) {
		d.nameService()
	} else if err := d.readFile(); err != nil {
		return err
	}
	if d.flags.junit != "" {
		if d.junit, err = headless.NewJUnit(d.flags.junit); err != nil {
			return badInput(err)
		}
	}
	_, err = d.chosenJournal()
	return err
}

// readFile reads the deploy.json, without a version when that is to be found yet.
func (d *deployment) readFile() (err error) {
	if d.spec, err = d.flags.spec.load(d.file); err != nil {
		return err
	}
	if d.flags.resume || d.flags.back.previous {
		return badInput(drivable(d.file, d.spec))
	}
	return badInput(complete(d.file, d.spec))
}

// complete refuses a spec that lacks something, or that this serin cannot roll out.
func complete(file string, spec engine.Spec) error {
	if err := spec.Complete(); err != nil {
		return err
	}
	return drivable(file, spec)
}

func drivable(file string, spec engine.Spec) error {
	if spec.Router.Type == engine.AppMesh {
		return nil
	}
	return &engine.FieldError{
		File: file, Field: "Router.Type", Value: string(spec.Router.Type),
		Problem: "is a router that this serin cannot drive", Mend: "write " + string(engine.AppMesh),
	}
}

// enter reaches the account and opens the journal; leave undoes it, also after an
// error.
func (d *deployment) enter(ctx context.Context) (leave func(), err error) {
	var undo []func()
	leave = func() {
		for _, do := range slices.Backward(undo) {
			do()
		}
	}
	endpoint := ""
	chosen, err := d.chosenJournal()
	if err != nil {
		return leave, err
	}
	if d.flags.sandbox {
		private, err := d.startPrivate(ctx)
		if err != nil {
			return leave, err
		}
		undo = append(undo, private.close)
		endpoint, d.flags.account.region, d.page = private.endpoint, private.region, private.page
		if d.flags.journal == "" {
			chosen = journalChoice{path: filepath.Join(private.directory, "journal.db")}
		}
	}
	if d.account, err = connect(ctx, d.flags.account, endpoint); err != nil {
		return leave, err
	}
	if d.journal, err = chosen.open(ctx, d.account, d.spec.EnvironmentName); err != nil {
		return leave, err
	}
	undo = append(undo, func() {
		if err := d.journal.Close(); err != nil {
			d.say(err)
		}
	})
	return leave, nil
}

// chosenJournal is the journal that --journal names, or stands for; none yet when one
// goes with a private sandbox.
func (d *deployment) chosenJournal() (journalChoice, error) {
	if d.flags.journal == "" && d.flags.sandbox {
		return journalChoice{}, nil
	}
	return d.chooseJournal(d.flags.journal)
}

// notStarted is the error of a rollout that was not begun or taken over.
func (d *deployment) notStarted(ctx context.Context, err error) error {
	if open, is := errors.AsType[*engine.OpenError](err); is {
		d.say(open)
		d.warn(d.afterOpen(open.Header))
		return &exitError{code: headless.ExitFailed}
	}
	if ctx.Err() != nil {
		return errors.New("interrupted before this driver began: nothing was touched")
	}
	return err
}

// afterOpen says what can be done about an open rollout.
func (d *deployment) afterOpen(open engine.Header) string {
	if open.Lease.Free {
		return "go on with it: " + d.again
	}
	if d.flags.resume {
		return fmt.Sprintf("its driver gives signs of life, and keeps it: wait for its end, or ask for what you want with "+
			"serin promote %[1]s, serin pause %[1]s or serin rollback %[1]s", open.Key.Service)
	}
	return "wait for its end; should its driver be gone, go on with it: " + d.again
}
