package main

import (
	"syscall"
	"testing"

	"serin/internal/headless"
)

// TestTheVerbsInATerminal: what cannot be taken back is asked about first, and what is
// driven or replayed opens the console.
func TestTheVerbsInATerminal(t *testing.T) {
	t.Parallel()
	r := startRegion(t)
	build := inAHold(t, r, "11111111")
	variables := []string{"HOME=" + r.state, "XDG_STATE_HOME=" + r.state}
	for name, value := range r.Exports {
		variables = append(variables, name+"="+value)
	}
	answers := func(answer string, code int, words string, args ...string) {
		t.Helper()
		asked := inTerminalWith(t, variables, args...)
		asked.until("[y/N]")
		asked.press(answer)
		asked.until(words)
		_ = asked.command.Wait()
		if got := asked.command.ProcessState.ExitCode(); got != code {
			t.Errorf("%v exits with %d, want %d: %q", args, got, code, asked.text())
		}
	}
	answers("\n", headless.ExitFailed, "not confirmed", "rollback", "yelb-appserver")
	answers("\x03", headless.ExitFailed, "not confirmed", "promote", "yelb-appserver", "--full")
	build.signal(syscall.SIGKILL)
	_ = build.command.Wait()
	takes := inTerminalWith(t, variables, "takeover", "yelb-appserver", "--no-motion")
	takes.until("HOLDING")
	answers("y\n", headless.ExitSucceeded, "taken up by", "rollback", "yelb-appserver", "--reason", "checkout is slow")
	takes.until("rolled back") // the title, or the events
	takes.press("q")
	takes.exits(headless.ExitRolledBackByPerson)

	id := r.history(t).Rollout
	replay := inTerminalWith(t, variables, "history", "--replay", id, "--no-motion")
	replay.until("checkout is slow")
	replay.press("q")
	replay.exits(headless.ExitSucceeded)
}
