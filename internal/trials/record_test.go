package trials

import (
	"context"
	"strings"
	"testing"

	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/sandbox/fault"
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

// TestALostRecordIsNotWrittenTwice loses the answer to the write of the parameter, and
// has what is read of it be of the past for a while: there is one new version of it.
func TestALostRecordIsNotWrittenTwice(t *testing.T) {
	for name, hand := range map[string]struct {
		plan string
		dies bool
	}{
		"lost":          {"ssm:PutParameter#1=lose,ssm:GetParameter#3-12=stale:20s", false},
		"driver killed": {"ssm:GetParameter#3-12=stale:20s", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan, err := fault.Parse(hand.plan)
			if err != nil {
				t.Fatal(err)
			}
			plan.Spares = observer
			options := lively(nil)
			options.Faults = plan
			inRegion(t, options, func(t *testing.T, r *region) {
				t.Helper()
				spec := r.specOf(t, "yelb-appserver", "fixed")
				log := &reaper{Journal: journal.NewMemory()}
				if hand.dies {
					log.place.event = engine.KindRecorded
				}
				at := r.drive(log, r.begin(t, log, spec, false))
				<-at.done
				at.kill()
				if hand.dies {
					log = &reaper{Journal: log.Journal}
					lease, err := engine.TakeOver(t.Context(), log, headerOf(t, log), engine.Driver{Actor: "lee", Place: "trial 2", Unattended: true}, engine.LeaseTime)
					if err != nil {
						t.Fatal(err)
					}
					at = r.drive(log, lease)
					defer at.kill()
					<-at.done
				}
				deployed, err := r.truth.ports.Versions.Deployed(t.Context(), spec.Service())
				if err != nil || deployed.Number != 2 || at.ending.Outcome != engine.Succeeded {
					t.Errorf("%s, recorded is %+v, %v%s", at.ending.Outcome, deployed, err, story(events(t, log)))
				}
			})
		})
	}
}
