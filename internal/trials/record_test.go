package trials

import (
	"context"
	"strings"
	"testing"

	"serin/internal/engine"
	"serin/internal/journal"
)

// TestARollBackLeavesAForeignRecord has someone else write the parameter when the canary
// has just been recorded, and a person roll back: it is theirs, and left so.
func TestARollBackLeavesAForeignRecord(t *testing.T) {
	for name, hand := range map[string]struct {
		do            func(context.Context, *witness) error
		image, reason string
	}{
		"someone else": {rewriteRecord, "someone/else:1", "stable was not recorded again: someone else wrote it meanwhile, and it is left so"},
		"nobody":       {func(context.Context, *witness) error { return nil }, "yelb-appserver:planted", "asked for by kim"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inRegion(t, lively(nil), func(t *testing.T, r *region) {
				t.Helper()
				spec := r.specOf(t, "yelb-appserver", "fixed")
				w := &witness{region: r, service: spec.Service()}
				w.stable = stableOf(w.route())
				log := journal.NewMemory()
				at := r.prepare(log, r.begin(t, log, spec, false))
				defer at.kill()
				at.OnEvent = func(event engine.Event, rollout *engine.Rollout) {
					if event.Body.Kind() != engine.KindRecorded || rollout.RollingBack() {
						return
					}
					if err := hand.do(t.Context(), w); err != nil {
						t.Error(err)
					}
					at.Post(ask(engine.RollBack))
				}
				at.start()
				ending, err := at.wait(t, log)
				if err != nil || ending.Outcome != engine.RolledBack || !strings.Contains(ending.Reason, hand.reason) {
					t.Errorf("%s, %q, %v%s", ending.Outcome, ending.Reason, err, story(events(t, log)))
				}
				deployed, err := r.truth.ports.Versions.Deployed(t.Context(), w.service)
				if err != nil || !strings.HasSuffix(deployed.Image, hand.image) {
					t.Errorf("recorded is %+v, %v", deployed, err)
				}
				if route := w.route(); len(route.Targets) != 1 || route.Weight(w.stable) == 0 {
					t.Errorf("the route is %v", route.Targets)
				}
			})
		})
	}
}
