package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
)

// takeOver puts a new driver in the place of one that died or left.
func (r *run) takeOver(t *testing.T, attended bool, commands ...engine.Command) *run {
	t.Helper()
	r.stop()
	<-r.done
	key := engine.Key{Account: "1", Region: "us-west-2", Environment: "blog", Service: "app"}
	header, err := r.journal.Current(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	driver := engine.Driver{Actor: "lee", Place: "p2", Unattended: !attended}
	lease, err := engine.TakeOver(context.Background(), r.journal, header, driver, engine.LeaseTime)
	if err != nil {
		t.Fatal(err)
	}
	return drive(t, r.world, runOptions{journal: r.journal, attended: attended}, driver, lease, commands...)
}

// ends waits for the end of the driving and checks its outcome.
func (r *run) ends(t *testing.T, want engine.Outcome) {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(30 * 24 * time.Hour):
		t.Fatalf("the rollout did not end; %s", r.story())
	}
	r.stop()
	if r.err != nil || r.ending.Outcome != want {
		t.Fatalf("%s (%v): %s; want %s; %s", r.ending.Outcome, r.err, r.ending.Reason, want, r.story())
	}
}

// half gives half of the traffic to each version, behind Serin's back.
func (w *world) half() {
	w.meddle(func(route *engine.Route) {
		route.Targets = []engine.Target{
			{Name: w.service.VersionName(stableSha), Sha: stableSha, Weight: 50},
			{Name: w.service.VersionName(canarySha), Sha: canarySha, Weight: 50},
		}
	})
}

func (w *world) breakCanary() {
	w.mu.Lock()
	defer w.mu.Unlock()
	broken := w.builds[canarySha]
	broken.errorsPerSecond = 5
	w.builds[canarySha] = broken
}

func TestAStuckRollBackIsFinishedByAResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		r := start(t, w, spec, runOptions{})
		r.until(t, engine.KindWeightsConfirmed, 1)
		var gone atomic.Bool
		w.hook(nil, func(_ context.Context, op string) error {
			if op == "SetWeights" && !gone.Load() {
				w.half()
			}
			return nil
		})
		r.Post(ask(engine.RollBack))
		r.ends(t, engine.StuckOutcome)
		gone.Store(true)
		r = r.takeOver(t, false, ask(engine.ResumeIt))
		r.ends(t, engine.RolledBack)
		if w.shares() != "100/0" {
			t.Errorf("rolled back with %s", w.shares())
		}
	})
}

func TestARolloutDoesNotEndWithoutALookAtTheRoute(t *testing.T) {
	t.Run("roll back", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			spec := specOf(t, "http")
			w := newWorld(spec, build{}, false)
			r := start(t, w, spec, runOptions{})
			r.until(t, engine.KindWeightsConfirmed, 1)
			stopMeddling := make(chan struct{})
			go func() {
				for {
					select {
					case <-stopMeddling:
						return
					case <-time.After(100 * time.Millisecond):
						w.half()
					}
				}
			}()
			r.Post(ask(engine.RollBack))
			r.ends(t, engine.StuckOutcome)
			close(stopMeddling)
			synctest.Wait()
			r = r.takeOver(t, false, ask(engine.ResumeIt))
			r.ends(t, engine.RolledBack)
			if w.shares() != "100/0" {
				t.Errorf("rolled back with %s", w.shares())
			}
		})
	})
	t.Run("success", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			spec := specOf(t, "http")
			w := newWorld(spec, build{}, false)
			var once atomic.Bool
			r := start(t, w, spec, runOptions{onEvent: func(event engine.Event, _ *engine.Rollout) {
				if event.Body.Kind() == engine.KindRemovalRequested && !once.Swap(true) {
					w.meddle(func(route *engine.Route) {
						route.Targets = []engine.Target{{Name: "foreign", Weight: 100}, {Name: w.service.VersionName(canarySha), Sha: canarySha}}
					})
				}
			}})
			r.ends(t, engine.StuckOutcome)
			r = r.takeOver(t, false, ask(engine.ResumeIt))
			r.ends(t, engine.StuckOutcome)
		})
	})
}

func TestARollBackOutlastsAnOutageAndALag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		w.lag = 2 * time.Second
		r := start(t, w, spec, runOptions{})
		r.until(t, engine.KindWeightsConfirmed, 1)
		away := time.Now()
		w.hook(func(_ context.Context, op string) error {
			if op == "SetWeights" && time.Since(away) < 119*time.Second {
				return errors.New("503")
			}
			return nil
		}, nil)
		r.Post(ask(engine.RollBack))
		r.ends(t, engine.RolledBack)
	})
}

func TestARollBackIsNotGivenUpAfterOneAnswer(t *testing.T) {
	for _, kind := range []engine.FaultKind{engine.Retired, engine.NotFound, engine.Conflict, engine.Invalid} {
		synctest.Test(t, func(t *testing.T) {
			spec := specOf(t, "http")
			w := newWorld(spec, build{}, false)
			r := start(t, w, spec, runOptions{})
			r.until(t, engine.KindWeightsConfirmed, 1)
			var once atomic.Bool
			w.hook(func(_ context.Context, op string) error {
				if op == "SetWeights" && !once.Swap(true) {
					return &engine.Fault{Op: "update", Target: "route", Kind: kind, Err: errors.New("no")}
				}
				return nil
			}, nil)
			r.Post(ask(engine.RollBack))
			r.ends(t, engine.RolledBack)
		})
	}
}

// TestALateDriverLooksBeforeItGivesUp kills a driver in each phase before the first
// hold, and has another one go on long after ProgressDeadline, with all well.
func TestALateDriverLooksBeforeItGivesUp(t *testing.T) {
	for _, kind := range []engine.EventKind{
		engine.KindStackRequested, engine.KindStackBecameReady, engine.KindTasksBecameHealthy, engine.KindStepPassed,
	} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := specOf(t, "http")
				w := newWorld(spec, build{stackTime: 20 * time.Second, healthyAfter: 5 * time.Second}, false)
				var killed atomic.Bool
				var r *run
				ready := make(chan struct{})
				r = start(t, w, spec, runOptions{onEvent: func(event engine.Event, _ *engine.Rollout) {
					if event.Body.Kind() == kind && !killed.Swap(true) {
						<-ready
						r.stop()
					}
				}})
				close(ready)
				<-r.done
				time.Sleep(20 * time.Minute)
				r = r.takeOver(t, false)
				r.ends(t, engine.Succeeded)
			})
		})
	}
}

func TestAnOldFaultIsTriedAgainByTheNextDriver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		r := start(t, w, spec, runOptions{})
		r.until(t, engine.KindWeightsConfirmed, 1)
		var back atomic.Bool
		w.hook(func(_ context.Context, op string) error {
			if op == "Responses" && !back.Load() {
				return errors.New("503")
			}
			return nil
		}, nil)
		r.until(t, engine.KindFaulted, 1)
		r.stop()
		<-r.done
		back.Store(true)
		time.Sleep(time.Hour)
		r = r.takeOver(t, false)
		r.ends(t, engine.Succeeded)
	})
}

// TestADriftIsResumedByTheNextDriver covers a drift in a hold and one that met a write,
// left as it is and put back.
func TestADriftIsResumedByTheNextDriver(t *testing.T) {
	shift := func(w *world, by int) {
		w.meddle(func(route *engine.Route) { route.Targets[0].Weight += by })
	}
	for _, duringWrite := range []bool{false, true} {
		for _, putBack := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				spec := specOf(t, "http")
				w := newWorld(spec, build{}, false)
				r := start(t, w, spec, runOptions{})
				r.until(t, engine.KindWeightsConfirmed, 1)
				if duringWrite {
					var once atomic.Bool
					w.hook(func(_ context.Context, op string) error {
						if op == "SetWeights" && !once.Swap(true) {
							shift(w, -5)
						}
						return nil
					}, nil)
				} else {
					shift(w, -5)
				}
				r.ends(t, engine.Held)
				if putBack {
					shift(w, 5)
				}
				r = r.takeOver(t, false, ask(engine.ResumeIt))
				r.ends(t, engine.Succeeded)
			})
		}
	}
}

func TestADeletedRouteIsMadeAnewByAResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		r := start(t, w, spec, runOptions{attended: true})
		r.until(t, engine.KindWeightsConfirmed, 2)
		w.meddle(func(route *engine.Route) { *route = engine.Route{} })
		r.until(t, engine.KindPaused, 1)
		r.Post(ask(engine.ResumeIt))
		r.ends(t, engine.Succeeded)
	})
}

func TestSlowReadingsHoldNothingUpForEver(t *testing.T) {
	for took, want := range map[time.Duration]engine.Outcome{11 * time.Second: engine.Succeeded, time.Minute: engine.RolledBack} {
		synctest.Test(t, func(t *testing.T) {
			spec := specOf(t, "http")
			w := newWorld(spec, build{}, false)
			w.hook(func(ctx context.Context, op string) error {
				if op == "Health" {
					select {
					case <-time.After(took):
					case <-ctx.Done():
					}
				}
				return nil
			}, nil)
			r := start(t, w, spec, runOptions{})
			r.ends(t, want)
		})
	}
}

func TestAResumedStallHasTimeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http", "OnNoData=hold")
		w := newWorld(spec, build{silent: true}, false)
		r := start(t, w, spec, runOptions{attended: true})
		r.until(t, engine.KindPaused, 1)
		r.Post(ask(engine.ResumeIt))
		resumed := time.Now()
		r.until(t, engine.KindPaused, 2)
		if took := time.Since(resumed); took < 14*time.Minute {
			t.Errorf("paused again %s after the resume, ProgressDeadline is 15m", took)
		}
		r.Post(ask(engine.RollBack))
		r.ends(t, engine.RolledBack)
	})
}

// TestACanaryIsJudgedUntilItIsPromoted breaks the canary when the bake has passed and
// the route cannot be given to it alone.
func TestACanaryIsJudgedUntilItIsPromoted(t *testing.T) {
	for _, drifts := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			spec := specOf(t, "http")
			w := newWorld(spec, build{}, false)
			r := start(t, w, spec, runOptions{})
			r.until(t, engine.KindWeightsConfirmed, 4)
			var broken atomic.Pointer[time.Time]
			w.hook(func(_ context.Context, op string) error {
				if op != "SetWeights" {
					return nil
				}
				now := time.Now()
				if broken.CompareAndSwap(nil, &now) {
					w.breakCanary()
					if drifts {
						w.meddle(func(route *engine.Route) { route.Shape = "meddled" })
					}
				}
				if time.Since(*broken.Load()) < time.Minute {
					return errors.New("503")
				}
				return nil
			}, nil)
			r.ends(t, engine.RolledBack)
			if r.ending.Cause != engine.ByVerdict || !strings.Contains(r.ending.Reason, "5xx") {
				t.Errorf("by %s: %s", r.ending.Cause, r.ending.Reason)
			}
		})
	}
}

func TestARolloutThatCannotBeRecordedIsRolledBackOnDemand(t *testing.T) {
	for _, recorded := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			spec := specOf(t, "http")
			w := newWorld(spec, build{}, false)
			r := start(t, w, spec, runOptions{attended: true})
			var back atomic.Bool
			fail := func(_ context.Context, op string) error {
				if op == "Record" && !back.Load() {
					return errors.New("AccessDenied")
				}
				return nil
			}
			if recorded {
				w.hook(nil, fail) // it took effect, and its answer is lost
			} else {
				w.hook(fail, nil)
			}
			r.until(t, engine.KindRecordIntended, 1)
			r.Post(ask(engine.RollBack))
			r.until(t, engine.KindTrafficReturned, 1)
			back.Store(true)
			r.ends(t, engine.RolledBack)
			if w.shares() != "100/0" || w.record.Image != "app:1" {
				t.Errorf("rolled back with %s, recorded is %s", w.shares(), w.record.Image)
			}
		})
	}
}

func TestAVersionThatAnotherRouteNamesIsNotRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		w.others = []string{"admin"}
		r := start(t, w, spec, runOptions{})
		r.ends(t, engine.Succeeded)
		if !strings.Contains(r.ending.Leftover, "admin") || slices.Contains(w.calls, "delete blog-app-"+stableSha) {
			t.Errorf("leftover: %q; calls %q", r.ending.Leftover, w.calls)
		}
	})
}

func TestAGateThatNobodyCouldPassIsRefused(t *testing.T) {
	spec := specOf(t, "http", `Steps=[{"Weight":10,"Hold":30},{"Gate":"QA"},{"Weight":60,"Hold":30}]`)
	w := newWorld(spec, build{}, false)
	for _, unattended := range []bool{true, false} {
		_, err := engine.Prepare(t.Context(), w.ports(), engine.Opening{ID: "r1", Spec: spec, Conduct: engine.Conduct{Unattended: unattended}})
		if refusal, is := errors.AsType[*engine.Refusal](err); is != unattended || is && !strings.Contains(refusal.Error(), "QA") {
			t.Errorf("unattended %v: %v", unattended, err)
		}
	}
}

// TestNoDataFailsOnlyWhenDataCouldBeKnown has a good canary whose metrics are later than
// its holds are long.
func TestNoDataFailsOnlyWhenDataCouldBeKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http", "OnNoData=fail", "WaitTime=60", "MetricPeriod=60", "MetricDelay=120")
		w := newWorld(spec, build{}, false)
		w.late = 120 * time.Second
		r := start(t, w, spec, runOptions{})
		r.ends(t, engine.Succeeded)
	})
}

// lostAppend is a journal that takes events and loses its answer.
type lostAppend struct {
	engine.Journal
	lose atomic.Bool
}

func (l *lostAppend) Append(ctx context.Context, id string, after int64, events []engine.Event) error {
	err := l.Journal.Append(ctx, id, after, events)
	if err == nil && l.lose.Swap(false) {
		return errors.New("i/o timeout")
	}
	return err
}

func TestAnAppendWhoseAnswerIsLostIsNotAnotherDriver(t *testing.T) {
	for _, command := range []engine.CommandKind{engine.RollBack, engine.Promote} {
		synctest.Test(t, func(t *testing.T) {
			spec := specOf(t, "http")
			w := newWorld(spec, build{}, false)
			log := &lostAppend{Journal: journal.NewMemory()}
			r := start(t, w, spec, runOptions{journal: log})
			r.until(t, engine.KindWeightsConfirmed, 1)
			log.lose.Store(true)
			r.Post(ask(command))
			want := engine.Succeeded
			if command == engine.RollBack {
				want = engine.RolledBack
			}
			r.ends(t, want)
		})
	}
}

// TestAnIntendedWeightNeedsHealthyTasksToo ends a driver between its intention and its
// call, and lets the canary fall sick before the next one comes.
func TestAnIntendedWeightNeedsHealthyTasksToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		began := make(chan *run, 1)
		var stopped atomic.Bool
		w.hook(func(ctx context.Context, op string) error {
			if op == "SetWeights" && !stopped.Swap(true) {
				(<-began).stop()
				return ctx.Err()
			}
			return nil
		}, nil)
		r := start(t, w, spec, runOptions{})
		began <- r
		<-r.done
		w.fallSick(canarySha, 1000*time.Hour)
		time.Sleep(time.Minute)
		next := r.takeOver(t, false)
		next.ends(t, engine.RolledBack)
		next.check(t)
		for _, made := range w.calls {
			if strings.HasPrefix(made, "weights") && made != "weights 100/0" {
				t.Errorf("calls: %q", w.calls)
			}
		}
	})
}
