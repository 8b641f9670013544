// Package steer is a rollout as a process sees it that does not drive it: it follows the
// rollout by its journal, tells whether somebody drives it, and asks the driver by the
// journal's mailbox what came of what it asked.
//
// It imports the engine and the standard library only.
package steer
