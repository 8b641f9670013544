package engine_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
)

func TestABadCanaryIsRolledBack(t *testing.T) {
	cases := []struct {
		name     string
		protocol string
		canary   build
		first    bool
		set      []string
		cause    engine.CauseKind
		reason   string
		// within is how long the canary may have had traffic.
		within time.Duration
	}{
		{name: "5xx in a hold, not at its end", protocol: "http", canary: build{errorsPerSecond: 1, breaksAfter: 5 * time.Second}, cause: engine.ByVerdict, reason: "5xx", within: 25 * time.Second},
		{name: "late", protocol: "http", canary: build{errorsPerSecond: 1, breaksAfter: 100 * time.Second}, cause: engine.ByVerdict, reason: "5xx", within: 130 * time.Second},
		{name: "dies, tcp", protocol: "tcp", canary: build{diesAfter: 70 * time.Second}, cause: engine.ByVerdict, reason: "Essential container", within: 80 * time.Second},
		{name: "dies, http", protocol: "http", canary: build{diesAfter: 10 * time.Second}, cause: engine.ByVerdict, reason: "Essential container", within: 20 * time.Second},
		{name: "stack fails", protocol: "http", canary: build{stackTime: time.Minute, stackFails: "Service (AWS::ECS::Service): circuit breaker"}, cause: engine.ByDeployment, reason: "circuit breaker"},
		{name: "never healthy", protocol: "http", canary: build{healthyAfter: 9 * time.Hour}, cause: engine.ByDeployment, reason: "ProgressDeadline"},
		{name: "stack never ready", protocol: "http", canary: build{stackTime: 9 * time.Hour}, cause: engine.ByDeployment, reason: "ProgressDeadline"},
		{name: "first, 5xx", protocol: "http", first: true, canary: build{errorsPerSecond: 1}, cause: engine.ByVerdict, reason: "5xx", within: 25 * time.Second},
		{name: "first, stack fails", protocol: "http", first: true, canary: build{stackFails: "no"}, cause: engine.ByDeployment, reason: "no"},
		{name: "no data fails", protocol: "http", set: []string{"OnNoData=fail"}, canary: build{silent: true}, cause: engine.ByVerdict, reason: "no responses", within: 65 * time.Second},
		{name: "no data holds", protocol: "http", set: []string{"OnNoData=hold"}, canary: build{silent: true}, cause: engine.ByTimeout, reason: "no_data", within: 1000 * time.Second},
		{name: "too few requests", protocol: "http", set: []string{"MinimumRequests=1000000"}, canary: build{}, cause: engine.ByTimeout, reason: "MinimumRequests", within: 1000 * time.Second},
		{name: "a gate that nobody passes", protocol: "http", set: []string{`Steps=[{"Weight":5,"Hold":30},{"Gate":"QA","Timeout":60}]`}, canary: build{}, cause: engine.ByTimeout, reason: "QA", within: 100 * time.Second},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := specOf(t, c.protocol, c.set...)
				w := newWorld(spec, c.canary, c.first)
				r := start(t, w, spec, runOptions{})
				ending := r.finish(t)
				if ending.Outcome != engine.RolledBack || ending.Cause != c.cause || !strings.Contains(ending.Reason, c.reason) {
					t.Fatalf("%s by %s: %s; %s", ending.Outcome, ending.Cause, ending.Reason, r.story())
				}
				if _, left := w.stacks["blog-app-"+canarySha]; left {
					t.Error("the canary's stack is still there")
				}
				seen, exposed := w.exposed[canarySha]
				if exposed != (c.within > 0) {
					t.Fatalf("exposed: %v; %s", exposed, r.story())
				}
				if exposed && rolledBackAt(r).Sub(seen) > c.within {
					t.Errorf("rolled back %s after its first traffic; %s", rolledBackAt(r).Sub(seen), r.story())
				}
				if w.record.Image == "app:2" {
					t.Error("a canary that was rolled back is recorded")
				}
			})
		})
	}
}

func rolledBackAt(r *run) time.Time {
	for _, event := range r.events() {
		if event.Body.Kind() == engine.KindRollbackStarted {
			return event.At
		}
	}
	return time.Time{}
}

func TestOneStaleReadingDoesNotFailACanary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		r := start(t, w, spec, runOptions{})
		r.until(t, engine.KindWeightsConfirmed, 2)
		w.mu.Lock()
		w.stale = true
		w.mu.Unlock()
		if ending := r.finish(t); ending.Outcome != engine.Succeeded {
			t.Fatalf("%s: %s; %s", ending.Outcome, ending.Reason, r.story())
		}
	})
}

func TestAnAlarmFailsTheRollout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http", `Alarms=["p99"]`)
		w := newWorld(spec, build{}, false)
		r := start(t, w, spec, runOptions{})
		r.until(t, engine.KindWeightsConfirmed, 2)
		w.setAlarm("p99", true)
		ending := r.finish(t)
		if ending.Cause != engine.ByVerdict || !strings.Contains(ending.Reason, "p99") {
			t.Fatalf("%s: %s", ending.Outcome, ending.Reason)
		}
	})
}

func TestNoDataPassesWithAWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		r := start(t, newWorld(spec, build{silent: true}, false), spec, runOptions{})
		if ending := r.finish(t); ending.Outcome != engine.Succeeded {
			t.Fatalf("%s: %s", ending.Outcome, ending.Reason)
		}
		for _, event := range r.events() {
			if passed, ok := event.Body.(*engine.StepPassed); ok && passed.Verdict.Warning == "" {
				t.Errorf("step %d passed without data and without a warning", passed.Step)
			}
		}
	})
}

func TestAHoldIsNotPassedOnOldReadings(t *testing.T) {
	for _, op := range []string{"Responses", "Health", "Route"} {
		synctest.Test(t, func(t *testing.T) {
			spec := specOf(t, "http")
			w := newWorld(spec, build{}, false)
			r := start(t, w, spec, runOptions{})
			r.until(t, engine.KindJudged, 3)
			free := make(chan struct{})
			w.hook(func(ctx context.Context, called string) error {
				if called != op {
					return nil
				}
				select {
				case <-free:
				case <-ctx.Done():
				}
				return ctx.Err()
			}, nil)
			time.Sleep(5 * time.Minute)
			synctest.Wait()
			for _, event := range r.events() {
				if event.Body.Kind() == engine.KindStepPassed {
					t.Errorf("%s has hung since the first hold and a step passed", op)
				}
			}
			close(free)
			if ending := r.finish(t); ending.Outcome != engine.Succeeded {
				t.Fatalf("%s: %s", ending.Outcome, ending.Reason)
			}
		})
	}
}

func TestACanaryThatFallsSickBeforeItsTrafficGetsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http", `Steps=[{"Gate":"look at it"},{"Weight":50,"Hold":30}]`)
		w := newWorld(spec, build{}, false)
		r := start(t, w, spec, runOptions{attended: true})
		r.until(t, engine.KindGateOpened, 1)
		time.Sleep(300 * time.Millisecond)
		w.fallSick(canarySha, 1000*time.Hour)
		r.Post(ask(engine.Promote))
		if ending := r.finish(t); ending.Outcome != engine.RolledBack || slices.ContainsFunc(w.calls, func(c string) bool { return strings.HasPrefix(c, "weights") }) {
			t.Fatalf("%s: %s; %q", ending.Outcome, ending.Reason, w.calls)
		}
	})
}
