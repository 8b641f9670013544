package trials

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
)

// settable is the wall clock of the machine that drives, which someone sets. The
// region's is always right.
type settable struct{ off atomic.Int64 }

func (s *settable) now() time.Time        { return time.Now().Add(time.Duration(s.off.Load())) }
func (s *settable) jump(by time.Duration) { s.off.Add(int64(by)) }

// until waits for a state of a rollout.
func (at *run) until(t *testing.T, log engine.Journal, reached func(engine.Snapshot) bool) engine.Snapshot {
	t.Helper()
	deadline := time.After(patience)
	for {
		snapshot, changed := at.Latest.Get()
		if snapshot.Rollout != nil && reached(snapshot) {
			return snapshot
		}
		select {
		case <-changed:
		case <-at.done:
			t.Fatalf("it ended with %+v, %v%s", at.ending, at.err, story(events(t, log)))
		case <-deadline:
			t.Fatalf("not reached%s", story(events(t, log)))
		}
	}
}

func isIn(phase engine.Phase, weight int) func(engine.Snapshot) bool {
	return func(s engine.Snapshot) bool { return s.Rollout.Phase == phase && s.Rollout.Actual.Canary == weight }
}

func isPaused(s engine.Snapshot) bool { return s.Rollout.Paused != nil }

// jumping is a rollout whose driver's clock will jump.
type jumping struct {
	*run
	w     *witness
	log   engine.Journal
	clock *settable
	// told is told every event.
	told atomic.Pointer[func(engine.Event, *engine.Rollout)]
}

// aboutToJump drives a rollout to half of the traffic, and ten seconds on.
func aboutToJump(t *testing.T, r *region, attended bool, phase engine.Phase, set ...string) *jumping {
	t.Helper()
	spec := r.specOf(t, "yelb-appserver", "fixed", append([]string{"ProgressDeadline=600"}, set...)...)
	j := &jumping{w: &witness{region: r, service: spec.Service()}, log: journal.NewMemory(), clock: &settable{}}
	j.w.stable = stableOf(j.w.route())
	j.run = r.prepare(j.log, r.begin(t, j.log, spec, attended))
	j.Now, j.Latest = j.clock.now, engine.NewLatest[engine.Snapshot]()
	j.OnEvent = func(event engine.Event, rollout *engine.Rollout) {
		if tell := j.told.Load(); tell != nil {
			(*tell)(event, rollout)
		}
	}
	j.start()
	j.until(t, j.log, isIn(phase, 50))
	time.Sleep(10 * time.Second)
	return j
}

// pauses waits for the pause of a jump, and for longer than any hold: nothing happens
// meanwhile.
func (j *jumping) pauses(t *testing.T, words string) {
	t.Helper()
	paused := j.until(t, j.log, isPaused).Rollout.Paused
	for _, want := range []string{words, "cannot be timed", "check the clock", "resume"} {
		if paused.Kind != engine.PausedByClock || !strings.Contains(paused.Reason, want) {
			t.Errorf("paused by %s: %q, want %q", paused.Kind, paused.Reason, want)
		}
	}
	before := j.w.route()
	time.Sleep(5 * time.Minute)
	snapshot, _ := j.Latest.Get()
	if after := j.w.route(); after.Revision != before.Revision || after.Weight(canarySha) != 50 || !isPaused(snapshot) {
		t.Errorf("five minutes later the route is %v, the rollout %+v%s", after.Targets, snapshot.Rollout.Paused, story(events(t, j.log)))
	}
}

// ends waits for the end.
func (j *jumping) ends(t *testing.T, want engine.Outcome) engine.Ending {
	t.Helper()
	ending, err := j.wait(t, j.log)
	if err != nil || ending.Outcome != want {
		t.Fatalf("it ends with %s, %q, %v%s", ending.Outcome, wordsOf(ending), err, story(events(t, j.log)))
	}
	return ending
}

func jumps() map[string]time.Duration {
	return map[string]time.Duration{"forward": time.Hour, "back": -time.Hour}
}

// eachJump runs a test with the clock jumping forward and back.
func eachJump(t *testing.T, test func(t *testing.T, r *region, way string, by time.Duration)) {
	t.Helper()
	for way, by := range jumps() {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := openRegion(t, still(nil))
				defer r.close()
				test(t, r, way, by)
			})
		})
	}
}

// TestClockJumpsInAHold: the hold is not over, and begins anew once a person has put the
// clock right and has resumed.
func TestClockJumpsInAHold(t *testing.T) {
	eachJump(t, func(t *testing.T, r *region, way string, by time.Duration) {
		t.Helper()
		j := aboutToJump(t, r, true, engine.Holding, "WaitTime=60")
		defer j.kill()
		j.clock.jump(by)
		j.pauses(t, "jumped "+way+" by 1h0m0s")
		j.clock.jump(-by)
		time.Sleep(time.Minute)
		resumed := time.Now()
		j.Post(ask(engine.ResumeIt))
		j.until(t, j.log, isIn(engine.Baking, 100))
		if took := time.Since(resumed); took < time.Minute || took > 2*time.Minute {
			t.Errorf("the hold of a minute ended %s after the resume", took)
		}
		ending := j.ends(t, engine.Succeeded)
		if seen := ending.Rollout.Verdict; seen.Canary.Requests == 0 || seen.Warning != "" {
			t.Errorf("it succeeded by %+v", seen)
		}
		judgeJournal(t, events(t, j.log))
	})
}

// TestClockJumpsAtAGate: the gate does not time out.
func TestClockJumpsAtAGate(t *testing.T) {
	eachJump(t, func(t *testing.T, r *region, way string, by time.Duration) {
		t.Helper()
		j := aboutToJump(t, r, true, engine.Gated, `Steps=[{"Weight":50,"Hold":30},{"Gate":"QA","Timeout":300,"OnTimeout":"rollback"}]`)
		defer j.kill()
		j.clock.jump(by)
		j.pauses(t, "jumped "+way+" by 1h0m0s")
		j.Post(ask(engine.ResumeIt))
		time.Sleep(290 * time.Second)
		if snapshot, _ := j.Latest.Get(); snapshot.Rollout.Phase != engine.Gated || isPaused(snapshot) {
			t.Fatalf("it is %s%s", snapshot.Rollout.Phase, story(events(t, j.log)))
		}
		time.Sleep(15 * time.Second)
		if ending := j.ends(t, engine.RolledBack); !strings.Contains(ending.Reason, "QA") {
			t.Errorf("%q", ending.Reason)
		}
	})
}

// TestClockJumpsUnattended: the driver lets go, and the next one, whose clock is right,
// rolls back when it is asked to, although the journal may be of its future.
func TestClockJumpsUnattended(t *testing.T) {
	eachJump(t, func(t *testing.T, r *region, way string, by time.Duration) {
		t.Helper()
		j := aboutToJump(t, r, false, engine.Holding, "WaitTime=60", "ProgressDeadline=120")
		defer j.kill()
		j.clock.jump(by)
		if ending := j.ends(t, engine.Held); !strings.Contains(ending.Reason, "jumped "+way) {
			t.Errorf("%q", ending.Reason)
		}
		asked := time.Now()
		if ending := r.rollBack(t, j.log); ending.Outcome != engine.RolledBack || time.Since(asked) > 2*time.Minute {
			t.Errorf("%s after %s%s", ending.Outcome, time.Since(asked), story(events(t, j.log)))
		}
		if route := j.w.route(); len(route.Targets) != 1 || route.Weight(j.w.stable) == 0 {
			t.Errorf("the route is %v", route.Targets)
		}
	})
}

// TestClockJumpsInARollBack: it goes on as if nothing had happened.
func TestClockJumpsInARollBack(t *testing.T) {
	for _, kind := range []engine.EventKind{
		engine.KindRollbackStarted, engine.KindWeightsWritten, engine.KindRemovalRequested,
	} {
		t.Run(string(kind), func(t *testing.T) {
			eachJump(t, func(t *testing.T, r *region, _ string, by time.Duration) {
				t.Helper()
				j := aboutToJump(t, r, true, engine.Holding, "WaitTime=60")
				defer j.kill()
				var jumped atomic.Bool
				j.told.Store(new(func(event engine.Event, rollout *engine.Rollout) {
					if rollout.RollingBack() && event.Body.Kind() == kind && !jumped.Swap(true) {
						j.clock.jump(by)
					}
				}))
				asked := time.Now()
				j.Post(ask(engine.RollBack))
				ending := j.ends(t, engine.RolledBack)
				if took := time.Since(asked); took > 2*time.Minute || !jumped.Load() || ending.Leftover != "" {
					t.Errorf("it took %s, left over %q%s", took, ending.Leftover, story(events(t, j.log)))
				}
				for _, event := range events(t, j.log) {
					if event.Body.Kind() == engine.KindPaused {
						t.Errorf("it paused%s", story(events(t, j.log)))
					}
				}
				judgeJournal(t, events(t, j.log))
			})
		})
	}
}
