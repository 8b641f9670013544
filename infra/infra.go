// Package infra carries the CloudFormation templates of what an environment has besides
// its services. It imports the standard library only.
package infra

import _ "embed"

//go:embed journal.yaml
var journal string

// Journal is the template of the table that is a team's journal, <env>-serin, with the
// policies to drive rollouts and to look at them. Its one parameter is EnvironmentName.
func Journal() string { return journal }
