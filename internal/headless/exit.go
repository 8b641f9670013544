package headless

import "serin/internal/engine"

// The exit codes of serin.
const (
	ExitSucceeded = 0
	// ExitFailed: could not start, or an internal error.
	ExitFailed = 1
	// ExitUsage: a wrong command line or a bad specfile; nothing was touched.
	ExitUsage = 2
	// ExitRolledBack: by a verdict, a deployment that failed, a provider's errors or a
	// time that was over.
	ExitRolledBack = 3
	// ExitRolledBackByPerson: by a person or an interrupt.
	ExitRolledBackByPerson = 4
	ExitStuck              = 5
	// ExitHeld: paused and let go; resumable.
	ExitHeld = 6
	// ExitLeftover: succeeded, but the old version could not be removed.
	ExitLeftover = 7
)

// ExitCode is the exit code of serin deploy for an ending.
func ExitCode(ending engine.Ending) int {
	switch ending.Outcome {
	case engine.Succeeded:
		if ending.Leftover != "" {
			return ExitLeftover
		}
		return ExitSucceeded
	case engine.RolledBack:
		if ending.Cause == engine.ByPerson || ending.Cause == engine.ByInterrupt {
			return ExitRolledBackByPerson
		}
		return ExitRolledBack
	case engine.StuckOutcome:
		return ExitStuck
	case engine.Held:
		return ExitHeld
	default:
		return ExitFailed
	}
}
