package main

import (
	"github.com/spf13/cobra"

	"serin/internal/engine"
)

func newResume(p *program) *cobra.Command {
	var flags askFlags
	cmd := &cobra.Command{
		Use:   "resume SERVICE",
		Short: "Let a rollout go on that is paused or stuck",
		Long: "Resume lets the open rollout of SERVICE go on, wherever it is driven. One that was paused because somebody\n" +
			"else changed the route goes on from the route as it is now." + askUsage,
		Example: "  serin resume yelb-appserver --reason \"it was the database\"",
		Args:    serviceNames(1, 1),
		RunE:    func(cmd *cobra.Command, args []string) error { return p.ask(cmd, args[0], engine.ResumeIt, &flags) },
	}
	flags.register(cmd)
	return cmd
}
