package main

import (
	"github.com/spf13/cobra"

	"serin/internal/engine"
)

func newPromote(p *program) *cobra.Command {
	var flags askFlags
	var fully bool
	cmd := &cobra.Command{
		Use:   "promote SERVICE",
		Short: "End the present hold or gate now, and take the next step",
		Long: "Promote ends the present hold or gate of the open rollout of SERVICE, wherever it is driven, and takes the\n" +
			"next step; with --full the step at 100 %, which still bakes. In a terminal --full asks first." + askUsage,
		Example: "  serin promote yelb-appserver --reason \"QA signed off\"\n" +
			"  serin promote yelb-appserver --full --yes --reason \"the fix cannot wait\"",
		Args: serviceNames(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			kind := engine.Promote
			if fully {
				kind = engine.PromoteFully
			}
			return p.ask(cmd, args[0], kind, &flags)
		},
	}
	flags.register(cmd)
	cmd.Flags().BoolVar(&fully, "full", false, "go to 100 % in one step, and bake")
	return cmd
}
