package main

import (
	"github.com/spf13/cobra"

	"serin/internal/engine"
)

func newPause(p *program) *cobra.Command {
	var flags askFlags
	cmd := &cobra.Command{
		Use:   "pause SERVICE",
		Short: "Stop the clock of a service's rollout; the traffic stays as it is",
		Long: "Pause stops the clock of the open rollout of SERVICE, wherever it is driven. The traffic stays as it is, also\n" +
			"when the canary fails, until the rollout is resumed or rolled back." + askUsage,
		Example: "  serin pause yelb-appserver --reason \"the database is slow, looking into it\"\n" +
			"  serin pause yelb-appserver --output json | jq -r .answer",
		Args: serviceNames(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return p.ask(cmd, args[0], engine.PauseIt, &flags) },
	}
	flags.register(cmd)
	return cmd
}
