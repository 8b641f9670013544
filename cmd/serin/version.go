package main

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func newVersion(p *program) *cobra.Command {
	var format output
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Say which serin this is",
		Example: "  serin version\n  serin version --output json",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			if format.json() {
				return json.NewEncoder(p.out).Encode(map[string]string{
					"version": version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
				})
			}
			_, err := fmt.Fprintf(p.out, "serin %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
	format.register(cmd)
	return cmd
}
