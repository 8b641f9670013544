package console

import (
	"strings"
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/ui/scene"
)

// TestTheVersionBeforeIsDeployed goes back after a success: at once, once it was proposed
// in steps, and not to what is no longer before the present version.
func TestTheVersionBeforeIsDeployed(t *testing.T) {
	onSandbox(t, nil, func(t *testing.T, l *live) {
		t.Helper()
		planted := l.appserver(t)
		before := scene.Order{Service: appserver, Previous: true}
		if _, err := l.Propose(t.Context(), before); err == nil || !strings.Contains(err.Error(), "has no version before") {
			t.Fatalf("with one version only: %v", err)
		}
		if err := l.Deploy(t.Context(), scene.Order{Service: appserver, Image: appserver + ":fixed", Sha: "fixed1", Fast: true, Reason: "votes"}); err != nil {
			t.Fatal(err)
		}
		done := l.until(t, "it succeeds", hasEnded(engine.Succeeded))
		if r := done.Rollout.Rollout; len(r.Plan.Steps) != 1 || r.StartedWhy != "votes" {
			t.Errorf("fast was %+v, because %q", r.Plan, r.StartedWhy)
		}
		after(quickly)

		proposal, err := l.Propose(t.Context(), before)
		if err != nil || proposal.Canary != planted.Route.Targets[0].Sha || proposal.Image != planted.Deployed.Image || len(proposal.Plan.Steps) != 2 {
			t.Fatalf("%+v, %v", proposal, err)
		}
		if words := strings.Join(proposal.Warnings, "\n"); !strings.Contains(words, "it was recorded as version 1 at ") || !strings.Contains(words, "now it is "+appserver+":fixed (fixed1, version 2); this is by the record alone") {
			t.Errorf("it warns of %q", words)
		}
		other := before
		other.Image = appserver + ":other"
		if err := l.Deploy(t.Context(), other); err == nil || !strings.Contains(err.Error(), "the version before it is "+proposal.Image) {
			t.Errorf("what is not the version before: %v", err)
		}
		before.Image, before.Sha, before.Reason, before.Fast = proposal.Image, proposal.Canary, "slow", true
		if err := l.Deploy(t.Context(), before); err != nil {
			t.Fatal(err)
		}
		back := l.until(t, "it is back", func(s scene.Service) bool {
			return s.Rollout != nil && s.Rollout.Rollout.Outcome == engine.Succeeded && s.Rollout.Rollout.Canary.Sha == proposal.Canary
		})
		if r := back.Rollout.Rollout; r.StartedWhy != "slow (back to what was recorded as version 1)" || len(r.Plan.Steps) != 1 || r.Number != 3 || r.Back != 1 {
			t.Errorf("because %q, by %+v, recorded as %d", r.StartedWhy, r.Plan, r.Number)
		}
		after(time.Second)
	})
}
