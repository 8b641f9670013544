package engine_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
)

// settable is the wall clock of a machine, which someone sets.
type settable struct{ off atomic.Int64 }

func (s *settable) now() time.Time        { return time.Now().Add(time.Duration(s.off.Load())) }
func (s *settable) jump(by time.Duration) { s.off.Add(int64(by)) }
func jumps() map[string]time.Duration {
	return map[string]time.Duration{"forward": time.Hour, "back": -time.Hour}
}

func pausedByClock(r *engine.Rollout) bool {
	return r.Paused != nil && r.Paused.Kind == engine.PausedByClock
}

func gatedSpec(t *testing.T) engine.Spec {
	t.Helper()
	return specOf(t, "http", `Steps=[{"Weight":10,"Hold":60},{"Gate":"QA","Timeout":90,"OnTimeout":"promote"},{"Weight":50,"Hold":60}]`, "BakeTime=60", "MetricPeriod=30")
}

// jumping is a rollout during which the clock jumps at one event; a person resumes it
// some minutes after a pause.
type jumping struct {
	spec     engine.Spec
	by       time.Duration
	at       int64
	rollBack engine.EventKind
	// pauses is how often it paused, and took how long it took without that.
	pauses int
	took   time.Duration
	run    *run
}

const look = 3 * time.Minute

// live runs the rollout to its end; it tells whether the clock jumped before that.
func (j *jumping) live(t *testing.T) bool {
	t.Helper()
	w := newWorld(j.spec, build{stackTime: 20 * time.Second, healthyAfter: 10 * time.Second}, false)
	clock, began, ready := &settable{}, time.Now(), make(chan struct{})
	jumped, paused, stood := false, time.Time{}, time.Duration(0)
	j.run = start(t, w, j.spec, runOptions{attended: true, now: clock.now, onEvent: func(event engine.Event, rollout *engine.Rollout) {
		<-ready
		if event.Seq == j.at && rollout.Outcome == "" {
			jumped = true
			clock.jump(j.by)
		}
		if event.Body.Kind() == j.rollBack {
			j.run.Post(ask(engine.RollBack))
		}
		switch event.Body.Kind() {
		case engine.KindPaused:
			j.pauses++
			paused = time.Now()
			time.AfterFunc(look, func() { j.run.Post(ask(engine.ResumeIt)) })
		case engine.KindResumed, engine.KindRollbackStarted:
			if !paused.IsZero() {
				stood, paused = time.Since(paused), time.Time{}
			}
		default:
		}
	}})
	close(ready)
	want := engine.Succeeded
	if j.rollBack != "" {
		want = engine.RolledBack
	}
	j.run.ends(t, want)
	j.run.check(t)
	j.took = time.Since(began) - stood
	return jumped
}

// TestAClockThatJumpsAnywhere lets the clock jump after every single event of a rollout
// and of a roll back: no hold and no gate is shortened, none is stretched by more than
// its own length, and a roll back goes on.
func TestAClockThatJumpsAnywhere(t *testing.T) {
	for _, rollBack := range []engine.EventKind{"", engine.KindGateOpened} {
		for name, by := range jumps() {
			t.Run(name+" "+string(rollBack), func(t *testing.T) {
				spec := gatedSpec(t)
				undisturbed := &jumping{spec: spec, rollBack: rollBack}
				synctest.Test(t, func(t *testing.T) { undisturbed.live(t) })
				pauses := 0
				for at := int64(2); ; at++ {
					j, jumped := &jumping{spec: spec, by: by, at: at, rollBack: rollBack}, false
					synctest.Test(t, func(t *testing.T) {
						jumped = j.live(t)
						j.checkTimes(t, undisturbed.took)
					})
					if !jumped {
						break
					}
					pauses += j.pauses
				}
				if pauses < 15 {
					t.Errorf("it paused %d times", pauses)
				}
			})
		}
	}
}

func (j *jumping) checkTimes(t *testing.T, undisturbed time.Duration) {
	t.Helper()
	// The longest thing that begins anew is the gate of 90 s; the canary's stack and tasks
	// take 30 s, which may go by in the pause.
	if j.took < undisturbed-31*time.Second || j.took > undisturbed+100*time.Second {
		t.Errorf("jumped after event %d: it took %s, undisturbed %s; %s", j.at, j.took, undisturbed, j.run.story())
	}
	rollingBack, paused, began := false, false, time.Time{}
	for _, event := range j.run.events() {
		switch body := event.Body.(type) {
		case *engine.RollbackStarted:
			rollingBack, paused = true, false
		case *engine.PausedNow:
			paused = true
			words := body.Pause.Reason
			if rollingBack || body.Pause.Kind != engine.PausedByClock || !strings.Contains(words, "by 1h0m0s") || !strings.Contains(words, "check the clock") {
				t.Errorf("paused, rolling back %v: %+v", rollingBack, body.Pause)
			}
		case *engine.Resumed:
			paused, began = false, event.At
		case *engine.WeightsConfirmed, *engine.GateOpened:
			began = event.At
		case *engine.StepPassed:
			if held := event.At.Sub(began); paused || held < time.Minute || body.Step == 1 && held < 90*time.Second {
				t.Errorf("step %d passed after %s, paused %v; %s", body.Step, held, paused, j.run.story())
			}
		case *engine.WeightsIntended, *engine.StackBecameReady, *engine.TasksBecameHealthy:
			if paused {
				t.Errorf("%s while it was paused; %s", body.Kind(), j.run.story())
			}
		}
	}
}

func TestSmallStepsOfTheClockAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http", "WaitTime=600")
		clock := &settable{}
		r := start(t, newWorld(spec, build{}, false), spec, runOptions{attended: true, now: clock.now})
		r.until(t, engine.KindWeightsConfirmed, 1)
		clock.jump(20 * time.Second)
		time.Sleep(2 * time.Minute)
		if got, _ := r.latest.Get(); got.Rollout.Paused != nil {
			t.Fatalf("paused for 20 s: %+v", got.Rollout.Paused)
		}
		clock.jump(20 * time.Second)
		r.until(t, engine.KindPaused, 1)
		r.Post(ask(engine.RollBack))
		r.ends(t, engine.RolledBack)
	})
}

// TestAClockThatJumpsAtNight has nobody resume: the driver lets go, with words, and a
// roll back is legal.
func TestAClockThatJumpsAtNight(t *testing.T) {
	for name, by := range jumps() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := specOf(t, "http", "ProgressDeadline=120")
				clock := &settable{}
				r := start(t, newWorld(spec, build{}, false), spec, runOptions{now: clock.now})
				r.until(t, engine.KindWeightsConfirmed, 2)
				clock.jump(by)
				began := time.Now()
				r.ends(t, engine.Held)
				if took := time.Since(began); took < 2*time.Minute || took > 3*time.Minute {
					t.Errorf("let go after %s", took)
				}
				if words := r.ending.Reason; !strings.Contains(words, "jumped "+name+" by 1h0m0s") {
					t.Errorf("%q", words)
				}
				next := r.takeOver(t, false, ask(engine.RollBack))
				next.ends(t, engine.RolledBack)
			})
		})
	}
}

func TestABadCanaryIsRolledBackWhileTheClockPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w, clock := newWorld(spec, build{}, false), &settable{}
		r := start(t, w, spec, runOptions{attended: true, now: clock.now})
		r.until(t, engine.KindWeightsConfirmed, 2)
		clock.jump(time.Hour)
		r.until(t, engine.KindPaused, 1)
		w.fallSick(canarySha, 1000*time.Hour)
		r.ends(t, engine.RolledBack)
		if r.ending.Cause != engine.ByVerdict {
			t.Errorf("by %s: %s", r.ending.Cause, r.ending.Reason)
		}
	})
}

// TestAPersonsPauseStaysOneWhenTheClockJumps: it is not made Serin's, under which a
// failed verdict would roll back.
func TestAPersonsPauseStaysOneWhenTheClockJumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w, clock := newWorld(spec, build{}, false), &settable{}
		r := start(t, w, spec, runOptions{attended: true, now: clock.now})
		r.until(t, engine.KindWeightsConfirmed, 2)
		time.Sleep(50 * time.Second)
		r.Post(ask(engine.PauseIt))
		r.until(t, engine.KindPaused, 1)
		clock.jump(-time.Hour)
		r.until(t, engine.KindClockJumped, 1)
		time.Sleep(time.Hour)
		if got, _ := r.latest.Get(); got.Rollout.Paused == nil || got.Rollout.Paused.Kind != engine.PausedByPerson {
			t.Fatalf("%+v; %s", got.Rollout.Paused, r.story())
		}
		resumed := time.Now()
		r.Post(ask(engine.ResumeIt))
		r.until(t, engine.KindStepPassed, 2)
		if took := time.Since(resumed); took < time.Minute {
			t.Errorf("the hold of a minute ended %s after the resume", took)
		}
		r.ends(t, engine.Succeeded)
	})
}

// TestAJournalFromTheFuture has a driver take over whose clock is an hour behind that of
// the one before.
func TestAJournalFromTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w, ahead := newWorld(spec, build{}, false), &settable{}
		ahead.jump(time.Hour)
		r := start(t, w, spec, runOptions{now: ahead.now})
		r.until(t, engine.KindWeightsConfirmed, 2)
		next := r.takeOver(t, true)
		next.until(t, engine.KindPaused, 1)
		snapshot, _ := next.latest.Get()
		if words := snapshot.Rollout.Paused.Reason; !pausedByClock(snapshot.Rollout) || !strings.Contains(words, "in the future of this machine") || !strings.Contains(words, "test (arn:") {
			t.Fatalf("%+v", snapshot.Rollout.Paused)
		}
		time.Sleep(3 * time.Hour)
		next.Post(ask(engine.ResumeIt))
		resumed := time.Now()
		next.until(t, engine.KindStepPassed, 1)
		if took := time.Since(resumed); took < time.Minute || took > 90*time.Second {
			t.Errorf("the hold of a minute ended %s after the resume", took)
		}
		next.ends(t, engine.Succeeded)
	})
}

// TestAClockThatJumpsWithoutAJournal: the pause that cannot be recorded is not
// forgotten, and nothing moves before it is.
func TestAClockThatJumpsWithoutAJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		log := &sometimes{Journal: journal.NewMemory()}
		clock := &settable{}
		r := start(t, newWorld(spec, build{}, false), spec, runOptions{attended: true, now: clock.now, journal: log})
		r.until(t, engine.KindWeightsConfirmed, 2)
		log.down.Store(true)
		time.Sleep(30 * time.Second)
		clock.jump(time.Hour)
		time.Sleep(10 * time.Minute)
		log.down.Store(false)
		r.until(t, engine.KindPaused, 1)
		for _, event := range r.events() {
			if passed, is := event.Body.(*engine.StepPassed); is && passed.Step > 0 {
				t.Errorf("it passed; %s", r.story())
			}
		}
		r.Post(ask(engine.ResumeIt))
		r.ends(t, engine.Succeeded)
	})
}
