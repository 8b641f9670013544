package engine_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
)

func TestDriftPausesAndDoesNotFight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		r := start(t, w, spec, runOptions{attended: true})
		r.until(t, engine.KindWeightsConfirmed, 2)
		w.meddle(func(route *engine.Route) { route.Targets[0].Weight, route.Targets[1].Weight = 90, 10 })
		r.until(t, engine.KindPaused, 1)
		writes := len(w.callsSoFar())
		time.Sleep(time.Hour)
		if len(w.callsSoFar()) != writes {
			t.Fatalf("it fought: %q", w.callsSoFar())
		}
		snapshot, _ := r.latest.Get()
		pause := snapshot.Rollout.Paused
		if pause == nil || pause.Kind != engine.PausedByDrift || pause.Found[0].Weight != 90 || pause.Expected[0].Weight != 50 {
			t.Fatalf("%+v", pause)
		}
		r.Post(ask(engine.ResumeIt))
		if ending := r.finish(t); ending.Outcome != engine.Succeeded {
			t.Fatalf("%s: %s; %s", ending.Outcome, ending.Reason, r.story())
		}
	})
}

func TestForeignHands(t *testing.T) {
	cases := []struct {
		name   string
		meddle func(w *world)
		want   engine.Outcome
	}{
		{"the route's shape is changed", func(w *world) { w.meddle(func(route *engine.Route) { route.Shape = "regex" }) }, engine.Held},
		{"the route is deleted", func(w *world) { w.meddle(func(route *engine.Route) { *route = engine.Route{} }) }, engine.RolledBack},
		{"the route's weights are taken away", func(w *world) {
			w.meddle(func(route *engine.Route) {
				for i := range route.Targets {
					route.Targets[i].Weight = 0
				}
			})
		}, engine.RolledBack},
		{"a foreign target is added", func(w *world) {
			w.meddle(func(route *engine.Route) {
				route.Targets = append(route.Targets, engine.Target{Name: "other", Weight: 5})
			})
		}, engine.Held},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := specOf(t, "http")
				w := newWorld(spec, build{}, false)
				r := start(t, w, spec, runOptions{})
				r.until(t, engine.KindWeightsConfirmed, 2)
				c.meddle(w)
				ending := r.finish(t)
				if ending.Outcome != c.want || !strings.Contains(ending.Reason, "someone else") && !strings.Contains(ending.Reason, "nobody resumed") {
					t.Fatalf("%s: %s; %s", ending.Outcome, ending.Reason, r.story())
				}
				if back := w.shares(); c.want == engine.RolledBack && (back != "100/0" || ending.Cause != engine.ByDrift) {
					t.Fatalf("rolled back by %s, with %s; %s", ending.Cause, back, r.story())
				}
			})
		})
	}
}

func TestADeletedRouteIsMadeAnewByARollBack(t *testing.T) {
	madeAnewByARollBack(t, build{}, engine.KindWeightsConfirmed, 2)
}

func TestARouteDeletedBeforeTheCanaryHasTrafficIsMadeAnewByARollBack(t *testing.T) {
	madeAnewByARollBack(t, build{stackTime: time.Minute}, engine.KindStackRequested, 1)
}

// madeAnewByARollBack deletes the route after the n-th event of a kind, and rolls back from
// the pause that comes of it.
func madeAnewByARollBack(t *testing.T, canary build, after engine.EventKind, n int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, canary, false)
		r := start(t, w, spec, runOptions{attended: true})
		r.until(t, after, n)
		w.meddle(func(route *engine.Route) { *route = engine.Route{} })
		r.until(t, engine.KindPaused, 1)
		r.Post(ask(engine.RollBack))
		if ending := r.finish(t); ending.Outcome != engine.RolledBack || w.shares() != "100/0" {
			t.Fatalf("%s with %s", ending.Outcome, w.shares())
		}
	})
}

func TestAForeignStackOfTheSameNameIsNotTouched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		name := "blog-app-" + canarySha
		w.stacks[name] = &worldStack{id: "arn:other", name: name, sha: canarySha, asked: time.Now()}
		r := start(t, w, spec, runOptions{})
		ending := r.finish(t)
		if ending.Outcome != engine.RolledBack || w.stacks[name] == nil || len(w.calls) != 0 {
			t.Fatalf("%s: %s; calls %q", ending.Outcome, ending.Reason, w.calls)
		}
	})
}

// Someone stops stable's tasks: a roll back moves the traffic all the same, and keeps the
// canary, which may be all that can serve, until stable can.
func TestARollBackKeepsTheCanaryWhileStableCannotServe(t *testing.T) {
	for name, c := range map[string]struct {
		sick time.Duration
		want engine.Outcome
	}{
		"for a while": {3 * time.Minute, engine.RolledBack},
		"for good":    {1000 * time.Hour, engine.StuckOutcome},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := specOf(t, "http", "ProgressDeadline=600")
				w := newWorld(spec, build{}, false)
				r := start(t, w, spec, runOptions{})
				r.until(t, engine.KindWeightsConfirmed, 2)
				w.fallSick(stableSha, c.sick)
				asked := time.Now()
				r.Post(ask(engine.RollBack))
				ending := r.finish(t)
				for _, event := range r.events() {
					if took := event.At.Sub(asked); event.Body.Kind() == engine.KindTrafficReturned && took > time.Second {
						t.Errorf("the traffic moved after %s", took)
					}
				}
				kept := w.has(canarySha)
				if ending.Outcome != c.want || kept != (c.want == engine.StuckOutcome) || w.shares() != "100/0" {
					t.Fatalf("%s: %s, with %s, canary kept: %t; %s", ending.Outcome, ending.Reason, w.shares(), kept, r.story())
				}
				if kept && !strings.Contains(ending.Reason, "start the tasks of ECS service app-"+stableSha) {
					t.Errorf("it does not say what to do: %s", ending.Reason)
				}
				if took := time.Since(asked); !kept && took < c.sick {
					t.Errorf("the canary was removed after %s", took)
				}
			})
		})
	}
}

// Someone deletes the route when the canary has it all: the rollout says so, and what is
// true.
func TestARouteDeletedAtTheEndIsSaidToBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		r := start(t, w, spec, runOptions{onEvent: func(event engine.Event, _ *engine.Rollout) {
			if event.Body.Kind() == engine.KindRecorded {
				w.meddle(func(route *engine.Route) { *route = engine.Route{} })
			}
		}})
		ending := r.finish(t)
		if ending.Outcome != engine.StuckOutcome {
			t.Fatalf("%s: %s", ending.Outcome, ending.Reason)
		}
		for _, words := range []string{"someone else deleted the route", "there is no route", "give it to app-" + canarySha} {
			if !strings.Contains(ending.Reason, words) {
				t.Errorf("it does not say %q: %s", words, ending.Reason)
			}
		}
	})
}
