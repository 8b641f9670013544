// Package property turns the evaluated properties of a CloudFormation resource into
// the input structs of the AWS SDK, by reflection: one mapper for every type, with
// CloudFormation's coercions and CloudFormation's complaints.
//
// It imports the standard library only; which SDK types there are is its caller's
// business.
package property

import (
	"slices"
	"strings"
)

// Error lists what is wrong with a resource's properties, in the words and with the
// JSON pointers of CloudFormation's schema validation.
type Error struct {
	Violations []string
}

// Error is the violations, sorted, a line each.
func (e *Error) Error() string {
	return strings.Join(slices.Sorted(slices.Values(e.Violations)), "\n")
}
