package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"

	"github.com/spf13/cobra"

	"serin/internal/engine"
	"serin/internal/headless"
	"serin/internal/steer"
)

func newRollback(p *program) *cobra.Command {
	flags := askFlags{environmentFlags: environmentFlags{reads: true}}
	cmd := &cobra.Command{
		Use:   "rollback SERVICE",
		Short: "Give all traffic back to stable, then remove the canary",
		Long: "Rollback rolls the open rollout of SERVICE back, wherever it is driven; it is the next thing that its driver\n" +
			"does. It waits until the driver has taken it up, and says who it was. In a terminal it asks first, but for --yes\n" +
			"and --output json." + askAgain +
			"A rollout that nobody drives, because its driver is lost or has let go of it, is taken over and rolled back\n" +
			"here and now, to its end: a line an event as deploy --ci prints them, or with --output json an object a line.\n" +
			"It is known after 9 s at the latest that a driver is lost. Where the journal can be read and not be written it\n" +
			"is rolled back unrecorded, and what is not recorded is said; where it cannot be read it is said what to do by hand.\n\n" +
			"Exit codes: 0 taken up by its driver, or so already; 1 refused, not taken up, or an error; 2 a wrong command line. Where it was\n" +
			"rolled back here: 4 rolled back; 5 stuck, a person is needed.",
		Example: "  serin rollback yelb-appserver --reason \"checkout is slow\"\n" +
			"  serin rollback yelb-appserver --output json | jq -r .answer",
		Args: serviceNames(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return p.ask(cmd, args[0], engine.RollBack, &flags) },
	}
	flags.register(cmd)
	return cmd
}

// errTakenOver is why a rollout was not taken over: somebody else was faster.
var errTakenOver = errors.New("somebody else has taken the rollout over")

// rollBackHere takes over a rollout that nobody drives, and rolls it back to its end. One
// that is rolling back already is only gone on with.
func (q *question) rollBackHere(ctx context.Context, view *steer.View, command engine.Command) error {
	rollout, seen := view.Rollout(), view.Lease()
	if refusal := command.Kind.Refusal(rollout); refusal != "" && !rollout.RollingBack() {
		answer := steer.Answer{Kind: steer.Refused, Number: command.Number, Driver: seen.Driver, Life: view.Life(), Why: refusal}
		return q.print(headless.AnswerReport{Command: command, Answer: answer, Rollout: rollout, ToDo: "to drive it to its end from here: serin takeover " + q.service})
	}
	d := q.goOnWith(rollout, "rollback")
	defer signal.Stop(d.signals)
	d.asks = func(*engine.Rollout) (engine.Command, bool) { return command, true }
	lease, err := q.log.Claim(ctx, seen, q.account.driver(q.lookup, false))
	switch {
	case errors.Is(err, engine.ErrLeaseLost):
		return errTakenOver
	case err != nil && (ctx.Err() != nil || errors.Is(err, engine.ErrNoRollout)):
		return err
	case err != nil && q.runs(seen.Driver):
		return withoutJournal(err, seen.Driver)
	case err != nil:
		d.unclaimed = &engine.Unclaimed{Why: err}
		lease = engine.Lease{Rollout: seen.Rollout, Driver: q.account.driver(q.lookup, false), Fence: seen.Fence}
		q.warn(fmt.Sprintf("%v: what is done from here on is not recorded", err))
	}
	q.warn(fmt.Sprintf("%s does not drive rollout %s any more: rolling it back here", seen.Driver, rollout.ID))
	return d.drive(ctx, lease)
}
