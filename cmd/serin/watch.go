package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"serin/internal/engine"
	"serin/internal/headless"
	"serin/internal/steer"
)

// watchEvery is how often a watcher looks into the journal.
const watchEvery = time.Second

// watchFlags are those of serin watch.
type watchFlags struct {
	environmentFlags
	verbose bool
}

func newWatch(p *program) *cobra.Command {
	flags := watchFlags{environmentFlags: environmentFlags{reads: true}}
	cmd := &cobra.Command{
		Use:   "watch SERVICE [ROLLOUT]",
		Short: "Follow a rollout to its end, from any process",
		Long: "Watch prints what happens to the open rollout of SERVICE, from its beginning, as deploy --ci does: a line an\n" +
			"event, or with --output json an object a line. It changes nothing, reads the journal only, and ends when the\n" +
			"rollout ends. It says when nobody drives any more, and goes on watching. With ROLLOUT it tells that one, which\n" +
			"may be over.\n\n" +
			"Exit codes are those of deploy for how the rollout ended: 0 succeeded; 3 rolled back; 4 rolled back by a person\n" +
			"or an interrupt; 7 succeeded, but the old version could not be removed. 1 there is none, or it was not watched\n" +
			"to its end; 2 a wrong command line.",
		Example: "  serin watch yelb-appserver\n" +
			"  serin watch yelb-appserver 6b04be05d3dc30 --output json | jq -r .event",
		Args: serviceNames(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error { return p.watch(cmd, args, &flags) },
	}
	flags.register(cmd)
	cmd.Flags().BoolVarP(&flags.verbose, "verbose", "v", false, "print every event, readings and repeated verdicts too")
	return cmd
}

func (p *program) watch(cmd *cobra.Command, args []string, flags *watchFlags) error {
	return p.visit(cmd, &flags.environmentFlags, func(ctx context.Context, there *environment, _ func()) error {
		header, err := there.toTell(ctx, args)
		if err != nil {
			return err
		}
		return there.watch(ctx, header.ID, flags.verbose)
	})
}

// watch prints a rollout to its end.
func (e *environment) watch(ctx context.Context, id string, verbose bool) error {
	queue := headless.NewQueue(e.out)
	var printer headless.Printer = headless.NewText(queue, verbose)
	if e.flags.output.json() {
		printer = headless.NewJSON(queue)
	}
	view := steer.NewView(e.log, id, e.gone)
	ending, err := view.Watch(ctx, watchEvery, steer.Told{
		Event: printer.Event,
		Life:  func(v *steer.View, life steer.Life) { e.warn(lifeOf(v, life)) },
		Fault: func(fault error) {
			if fault == nil {
				e.warn("the journal can be read again")
				return
			}
			e.warn("the journal cannot be read, trying again: " + fault.Error())
		},
	})
	if ctx.Err() != nil {
		err = errors.New("interrupted: the rollout goes on")
	}
	if closing := queue.Close(drainLimit); err == nil && closing != nil {
		err = fmt.Errorf("not every event could be written to stdout: %w", closing)
	}
	if err != nil {
		return err
	}
	if code := headless.ExitCode(ending); code != headless.ExitSucceeded {
		return &exitError{code: code}
	}
	return nil
}

// lifeOf says that nobody drives any more, and what to do, or that somebody does again.
func lifeOf(v *steer.View, life steer.Life) string {
	r := v.Rollout()
	driver, service := v.Lease().Driver, r.Key.Service
	switch life {
	case steer.Lost:
		return fmt.Sprintf("driver lost: %s gives no sign of life: nothing moves until serin takeover %s, or serin rollback %s", driver, service, service)
	case steer.LetGo:
		return fmt.Sprintf("%s has let go of the rollout: nothing moves until serin takeover %s, or serin rollback %s", driver, service, service)
	default:
		return driver.String() + " drives"
	}
}

// toTell is the rollout that was asked for: the open one of a service, or the one that is
// named too, by its ID or by the beginning of it.
func (e *environment) toTell(ctx context.Context, args []string) (engine.Header, error) {
	if len(args) < 2 {
		return e.current(ctx, args[0])
	}
	return e.named(ctx, args[0], args[1])
}
