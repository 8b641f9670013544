// Package template reads CloudFormation templates, YAML and JSON, and evaluates them:
// parameters, mappings, conditions, intrinsic functions, the order in which resources
// depend on each other, and outputs.
//
// It is pure: it performs no call and keeps no state; what a template asks of the
// world (the attributes of a resource, an export of another stack) comes through the
// Resolver. Its errors say what CloudFormation says. It imports the standard library
// and the YAML parser only.
package template

import "fmt"

// Error is what CloudFormation answers with the code ValidationError.
type Error struct {
	Message string
}

// Error is the message in CloudFormation's words.
func (e *Error) Error() string { return e.Message }

func errorf(format string, values ...any) error {
	return &Error{Message: fmt.Sprintf(format, values...)}
}

func formatErrorf(format string, values ...any) error {
	return errorf("Template format error: "+format, values...)
}

func templateErrorf(format string, values ...any) error {
	return errorf("Template error: "+format, values...)
}
