package engine

import (
	"errors"
	"fmt"
)

// ErrDrift is returned by a router that was asked to change a route that someone else
// has changed since.
var ErrDrift = errors.New("the route was changed by someone else")

// FaultKind says what a failed call means for what to do next.
type FaultKind string

// The kinds of faults.
const (
	// Transient: it may succeed when it is tried again (throttling, 5xx, a lost
	// connection, a timeout).
	Transient FaultKind = "transient"
	// Denied: credentials that are missing, expired or not allowed to.
	Denied FaultKind = "denied"
	// NotFound: what was asked about is not there.
	NotFound FaultKind = "not_found"
	// Conflict: something else is there, or what is to go is in use.
	Conflict FaultKind = "conflict"
	// Invalid: the request will never be accepted.
	Invalid FaultKind = "invalid"
	// Retired: the service itself is no longer there (App Mesh since 2026-09-30).
	Retired FaultKind = "retired"
)

// Fault is a failed call of a port, in words for an operator: what was being done, to
// what, why it failed and what to do next.
type Fault struct {
	// Op is what was being done: "update the weights of".
	Op string
	// Target is to what: "route yelb-appserver-route in mesh ecs-blogpost".
	Target string
	Kind   FaultKind
	// Hint is one sentence on what to do next; it may be empty.
	Hint string
	// Refused says that the provider answered, and has not done it. Without an answer, or
	// with one that says that the provider itself failed, it may have been done.
	Refused bool
	Err     error
}

// Error is the operation, the target and the cause, without the hint.
func (f *Fault) Error() string {
	return fmt.Sprintf("%s %s: %v", f.Op, f.Target, f.Err)
}

// Unwrap is the cause.
func (f *Fault) Unwrap() error { return f.Err }

// KindOf is the kind of the fault in an error; Transient for an error without one.
func KindOf(err error) FaultKind {
	if fault, ok := errors.AsType[*Fault](err); ok {
		return fault.Kind
	}
	return Transient
}

// HintOf is the hint in an error; empty without one.
func HintOf(err error) string {
	if fault, ok := errors.AsType[*Fault](err); ok {
		return fault.Hint
	}
	return ""
}
