package main

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"serin/internal/headless"
	"serin/internal/specfile"
)

func newLint(p *program) *cobra.Command {
	var format output
	cmd := &cobra.Command{
		Use:   "lint FILE…",
		Short: "Check specfiles: their fields, their templates, and how the two fit",
		Long: "Lint checks every deploy.json, with the template that it would be rolled out with, and templates by\n" +
			"themselves. It needs no account. The exit code is 2 when there is an error, and 0 when there are at\n" +
			"most warnings.",
		Example: "  serin lint deploy.json\n" +
			"  serin lint specfiles/*/deploy.json --output json\n" +
			"  serin lint canary-helper.yaml",
		Args: files(math.MaxInt),
		RunE: func(_ *cobra.Command, args []string) error { return p.lint(args, format.json()) },
	}
	format.register(cmd)
	return cmd
}

// findingJSON is a finding in --output json.
type findingJSON struct {
	Severity specfile.Severity `json:"severity"`
	File     string            `json:"file"`
	Field    string            `json:"field,omitempty"`
	Line     int               `json:"line,omitempty"`
	Column   int               `json:"column,omitempty"`
	Value    string            `json:"value,omitempty"`
	Problem  string            `json:"problem"`
	Mend     string            `json:"mend,omitempty"`
}

func (p *program) lint(paths []string, asJSON bool) error {
	bad := false
	for _, finding := range specfile.Lint(paths...) {
		bad = bad || finding.Severity == specfile.Error
		if err := p.printFinding(finding, asJSON); err != nil {
			return err
		}
	}
	if bad {
		return &exitError{code: headless.ExitUsage}
	}
	return nil
}

func (p *program) printFinding(finding specfile.Finding, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(p.out).Encode(findingJSON{
			Severity: finding.Severity, File: finding.File, Field: finding.Field, Line: finding.Line, Column: finding.Column,
			Value: finding.Value, Problem: finding.Problem, Mend: finding.Mend,
		})
	}
	_, err := fmt.Fprintln(p.out, headless.Clean(finding.String()))
	return err
}
