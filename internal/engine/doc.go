// Package engine decides what a rollout does next, and does it through ports.
//
// A rollout is one attempt to move a service from its stable version to a canary. Its
// state is the fold of its events (rollout.go, event.go); Decide is a pure function of
// that state, of the evidence and of the time; a Driver performs what was decided
// through the small interfaces in ports.go and records it in a Journal before and
// after. Nothing that a rollout needs lives in the driver's memory alone, so a driver
// that is killed between any two instructions is replaced by another one.
//
// The package imports the standard library and its own subpackages only: it knows
// neither AWS nor a terminal.
package engine
