package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
)

func TestProviderErrorsAreNotABadRelease(t *testing.T) {
	outage := errors.New("ThrottlingException: Rate exceeded")
	for _, op := range []string{"Responses", "Health", "Route", "SetWeights"} {
		for _, attended := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, attended %v", op, attended), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					spec := specOf(t, "http")
					w := newWorld(spec, build{}, false)
					r := start(t, w, spec, runOptions{attended: attended})
					r.until(t, engine.KindWeightsConfirmed, 1)
					var healed atomic.Bool
					w.hook(func(_ context.Context, called string) error {
						if called == op && !healed.Load() {
							return outage
						}
						return nil
					}, nil)
					r.until(t, engine.KindFaulted, 3)
					if attended {
						r.until(t, engine.KindPaused, 1)
						healed.Store(true)
						r.Post(ask(engine.ResumeIt))
						if ending := r.finish(t); ending.Outcome != engine.Succeeded {
							t.Fatalf("%s: %s; %s", ending.Outcome, ending.Reason, r.story())
						}
						return
					}
					r.until(t, engine.KindRollbackStarted, 1)
					healed.Store(true)
					ending := r.finish(t)
					if ending.Cause != engine.ByProvider || !strings.Contains(ending.Reason, "Rate exceeded") {
						t.Fatalf("%s by %s: %s", ending.Outcome, ending.Cause, ending.Reason)
					}
				})
			})
		}
	}
}

func TestErrorsThatPassOnlyHoldTheStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{stackTime: 10 * time.Second}, false)
		// Every other call of each operation fails: counted together, the operations would
		// fall into step and one of them would always fail.
		var mu sync.Mutex
		calls := map[string]int{}
		w.hook(func(_ context.Context, op string) error {
			mu.Lock()
			defer mu.Unlock()
			if calls[op]++; calls[op]%2 == 0 {
				return errors.New("InternalFailure")
			}
			return nil
		}, nil)
		r := start(t, w, spec, runOptions{})
		if ending := r.finish(t); ending.Outcome != engine.Succeeded {
			t.Fatalf("%s: %s; %s", ending.Outcome, ending.Reason, r.story())
		}
		if w.record.Number != 2 {
			t.Errorf("recorded %d times", w.record.Number-1)
		}
	})
}

func TestARollBackThatCannotMoveTrafficIsStuckAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		r := start(t, w, spec, runOptions{})
		r.until(t, engine.KindWeightsConfirmed, 2)
		denied := &engine.Fault{Op: "update", Target: "route", Kind: engine.Denied, Hint: "grant appmesh:UpdateRoute", Err: errors.New("AccessDenied")}
		w.hook(func(_ context.Context, op string) error {
			if op == "SetWeights" {
				return denied
			}
			return nil
		}, nil)
		r.Post(ask(engine.RollBack))
		ending := r.finish(t)
		if ending.Outcome != engine.StuckOutcome || !strings.Contains(ending.Reason, "AccessDenied") ||
			!strings.Contains(ending.Reason, "grant appmesh:UpdateRoute") || !strings.Contains(ending.Reason, "50") {
			t.Fatalf("%s: %s", ending.Outcome, ending.Reason)
		}
	})
}
