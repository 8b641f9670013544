package engine_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"serin/internal/engine"
)

// rewrite is someone else's hand on the record of deployed versions.
func (w *world) rewrite(record engine.Deployed) {
	w.mu.Lock()
	defer w.mu.Unlock()
	record.Number += w.record.Number
	w.record = record
}

// TestTheRecordIsRewritten has someone else write the record of deployed versions: it is
// said, and never restored over.
func TestTheRecordIsRewritten(t *testing.T) {
	foreign := engine.Deployed{Exists: true, Image: "else:1", Number: 1}
	cases := []struct {
		name string
		// at is the event at which it is written, rollBack the one at which a person asks
		// for a roll back; empty is never.
		at, rollBack engine.EventKind
		record       engine.Deployed
		want         engine.Outcome
		// reason is a part of the ending's, recorded what is recorded in the end.
		reason, recorded string
	}{
		{"before the canary is recorded", engine.KindGateOpened, "", foreign, engine.Succeeded, "recorded as version 3 over else:1, which someone else wrote as version 2 meanwhile", "app:2"},
		{"deleted", engine.KindGateOpened, "", engine.Deployed{Number: -1}, engine.Succeeded, "recorded as version 1 after someone else deleted the record meanwhile", "app:2"},
		{"with the canary's image", engine.KindGateOpened, "", engine.Deployed{Exists: true, Image: "app:2", Number: 2}, engine.Succeeded, "recorded as version 3 after other writes than this one: it was version 1", "app:2"},
		{"nobody", "", "", foreign, engine.Succeeded, "9bd0417e has all the traffic and is recorded as version 2", "app:2"},
		{"rolled back before", engine.KindGateOpened, engine.KindGateOpened, foreign, engine.RolledBack, "asked for by kim", "else:1"},
		{"rolled back, nobody", "", engine.KindRecorded, foreign, engine.RolledBack, "asked for by kim: because", "app:1"},
		{"rolled back, over the canary", engine.KindRecorded, engine.KindRecorded, foreign, engine.RolledBack, "stable was not recorded again: someone else wrote it meanwhile, and it is left so", "else:1"},
		{"rolled back, the canary deleted", engine.KindRecorded, engine.KindRecorded, engine.Deployed{Number: -2}, engine.RolledBack, "someone else deleted the record meanwhile, and it is left so", ""},
		{"rolled back after it was recorded over", engine.KindGateOpened, engine.KindRecorded, foreign, engine.RolledBack, "the canary had been recorded as version 3 over else:1", "app:1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := specOf(t, "http", `Steps=[{"Weight":10,"Hold":30},{"Gate":"QA","Timeout":90,"OnTimeout":"promote"}]`)
				w := newWorld(spec, build{}, false)
				var r *run
				ready := make(chan struct{})
				r = start(t, w, spec, runOptions{attended: true, onEvent: func(event engine.Event, _ *engine.Rollout) {
					<-ready
					if event.Body.Kind() == c.at {
						w.rewrite(c.record)
					}
					if event.Body.Kind() == c.rollBack && event.Seq > 1 {
						r.Post(ask(engine.RollBack))
					}
				}})
				close(ready)
				r.ends(t, c.want)
				if !strings.Contains(r.ending.Reason, c.reason) || strings.Contains(r.ending.Reason, "else") != strings.Contains(c.reason, "else") {
					t.Errorf("%q, want %q; %s", r.ending.Reason, c.reason, r.story())
				}
				if w.record.Image != c.recorded {
					t.Errorf("recorded is %+v, want %q; %s", w.record, c.recorded, r.story())
				}
			})
		})
	}
}
