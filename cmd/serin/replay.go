package main

import (
	"context"
	"fmt"
	"os/signal"

	"github.com/spf13/cobra"

	"serin/internal/console"
)

// replay opens the console on a rollout that is over.
func (p *program) replay(cmd *cobra.Command, args []string, flags *historyFlags) error {
	if !p.hasTerminal() {
		return usage(cmd, "--replay needs a terminal on both ends: `serin history SERVICE %s` prints everything that happened", flags.replay)
	}
	if len(args) == 2 {
		return usage(cmd, "--replay names the rollout: %q is one argument too many", args[1])
	}
	signals := interrupts()
	defer signal.Stop(signals)
	return p.visit(cmd, &flags.environmentFlags, func(ctx context.Context, there *environment, handed func()) error {
		service := ""
		if len(args) == 1 {
			service = args[0]
		}
		header, err := there.named(ctx, service, flags.replay)
		if err != nil {
			return err
		}
		if header.Open {
			return fmt.Errorf("rollout %s of %s is open: serin watch %s, or serin", header.ID, header.Key.Service, header.Key.Service)
		}
		handed()
		told := newNarrator()
		host := console.New(there.account.hostOptions(p, flags.environment, there.log, told))
		s := newSession(p, flags.view, "hold", signals, told).on(host)
		s.shows.Replay, s.shows.Service = header.ID, header.Key.Service
		err = s.run(cmd.Context(), cmd.Context())
		s.summarise()
		return err
	})
}
