package main

import (
	"cmp"
	"context"
	"errors"
	"os/signal"
	"time"

	"github.com/spf13/cobra"

	"serin/internal/engine"
	"serin/internal/steer"
)

// takeoverFlags are those of serin takeover.
type takeoverFlags struct {
	environmentFlags
	onInterrupt choice
	view        viewFlags
	reason      string
	ci          bool
}

func newTakeover(p *program) *cobra.Command {
	flags := takeoverFlags{onInterrupt: choice{"rollback", []string{"rollback", "hold"}}}
	cmd := &cobra.Command{
		Use:   "takeover SERVICE",
		Short: "Become the driver of a rollout that nobody drives, to its end",
		Long: "Takeover becomes the driver of the open rollout of SERVICE, whose driver is lost or has let go of it, and drives\n" +
			"it to its end from where it is. A driver that gives signs of life keeps its rollout; to find that out may take\n" +
			"9 s. What was let go of, or is stuck, goes on; what a person has paused stays paused until it is resumed.\n\n" +
			"In a terminal the console opens on the rollout. With --ci or --output json, or without a terminal on both ends,\n" +
			"it prints what happens as deploy does. Exit codes and interrupts are those of deploy.",
		Example: "  serin takeover yelb-appserver --reason \"the build was cancelled\"\n" +
			"  serin takeover yelb-appserver --ci --on-interrupt hold",
		Args: serviceNames(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return p.takeover(cmd, args[0], &flags) },
	}
	flags.register(cmd)
	flags.view.register(cmd)
	cmd.Flags().StringVar(&flags.reason, "reason", "", "why, for the journal and for whoever watches")
	cmd.Flags().BoolVar(&flags.ci, "ci", false, "headless: a line an event, no escape codes, no questions")
	cmd.Flags().Var(&flags.onInterrupt, "on-interrupt", "what the first interrupt does: SIGINT, SIGTERM, SIGHUP")
	flags.onInterrupt.completes(cmd, "on-interrupt")
	return cmd
}

func (p *program) takeover(cmd *cobra.Command, service string, flags *takeoverFlags) error {
	return p.visitOpen(cmd, &flags.environmentFlags, service, func(ctx context.Context, there *environment, open engine.Header, handed func()) error {
		view := steer.NewView(there.log, open.ID, there.gone)
		if err := there.find(ctx, view); err != nil {
			return err
		}
		if view.Rollout().Outcome != "" {
			return there.noneOpen(ctx, service)
		}
		d := there.toTakeOver(view.Rollout(), flags)
		defer signal.Stop(d.signals)
		lease, err := there.claim(ctx, open, view, there.account.driver(p.lookup, d.attended))
		if err != nil {
			return d.notStarted(ctx, err)
		}
		handed()
		if d.attended {
			return d.attend(cmd.Context(), lease)
		}
		return d.drive(cmd.Context(), lease)
	})
}

// toTakeOver is the driving of a rollout that is about to be taken over.
func (e *environment) toTakeOver(rollout *engine.Rollout, flags *takeoverFlags) *deployment {
	d := e.goOnWith(rollout, "takeover")
	d.flags.onInterrupt, d.flags.view = flags.onInterrupt, flags.view
	d.attended = !flags.ci && !flags.output.json() && e.hasTerminal()
	d.why = flags.reason
	d.asks = func(r *engine.Rollout) (engine.Command, bool) {
		return d.resumption(cmp.Or(flags.reason, "serin takeover")), r.LetGo || r.Stuck != nil
	}
	return d
}

// find finds out whether somebody drives a rollout.
func (e *environment) find(ctx context.Context, view *steer.View) error {
	looking := time.AfterFunc(time.Second, func() {
		e.warn("looking for a sign of life of its driver, for at most " + engine.LeaseTime.String())
	})
	defer looking.Stop()
	return view.Find(ctx, engine.MailboxEvery(e.log))
}

// claim takes over a rollout that nobody drives, as far as is known; of one that somebody
// drives it says who.
func (e *environment) claim(ctx context.Context, open engine.Header, view *steer.View, driver engine.Driver) (engine.Lease, error) {
	seen := view.Lease()
	if !view.Life().Driverless() {
		open.Lease = seen
		return engine.Lease{}, &engine.OpenError{Header: open}
	}
	lease, err := e.log.Claim(ctx, seen, driver)
	if errors.Is(err, engine.ErrLeaseLost) {
		if open.Lease, err = e.log.Lease(ctx, open.ID); err == nil {
			err = &engine.OpenError{Header: open}
		}
	}
	return lease, err
}

// goOnWith is the driving of an open rollout, which is not taken over yet, without a
// console; verb is what goes on with it again.
func (e *environment) goOnWith(rollout *engine.Rollout, verb string) *deployment {
	return &deployment{
		program: e.program, account: e.account, journal: e.log, spec: rollout.Spec, signals: interrupts(),
		flags: &deployFlags{
			resume: true, output: e.flags.output, account: e.flags.account, journal: e.flags.journal,
			onInterrupt: choice{"rollback", []string{"rollback", "hold"}},
		},
		again: "serin " + verb + " " + rollout.Key.Service,
	}
}
