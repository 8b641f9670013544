package engine_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
)

func TestACanaryThatIsGoodGetsEverything(t *testing.T) {
	for _, protocol := range []string{"http", "http2", "grpc", "tcp"} {
		t.Run(protocol, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(specOf(t, protocol), build{stackTime: 40 * time.Second, healthyAfter: 20 * time.Second}, false)
				began := time.Now()
				r := start(t, w, specOf(t, protocol), runOptions{})
				ending := r.finish(t)
				if ending.Outcome != engine.Succeeded {
					t.Fatalf("%s: %s; %s", ending.Outcome, ending.Reason, r.story())
				}
				want := []string{
					"create blog-app-9bd0417e", "weights 75/25", "weights 50/50", "weights 25/75", "weights 0/100",
					"weights 0/100", "record app:2", "delete blog-app-3f2a91c0",
				}
				if !slices.Equal(w.calls, want) {
					t.Errorf("calls: %q, want %q", w.calls, want)
				}
				if w.record.Number != 2 {
					t.Errorf("recorded as version %d", w.record.Number)
				}
				if took := time.Since(began); took < 5*time.Minute || took > 7*time.Minute {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

func TestAFirstDeploymentHasTheRouteMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(specOf(t, "http"), build{stackTime: time.Second}, true)
		r := start(t, w, specOf(t, "http"), runOptions{})
		if ending := r.finish(t); ending.Outcome != engine.Succeeded {
			t.Fatalf("%s: %s; %s", ending.Outcome, ending.Reason, r.story())
		}
		want := []string{"create blog-app-9bd0417e", "weights 0/100", "record app:2"}
		if !slices.Equal(w.calls, want) {
			t.Errorf("calls: %q, want %q", w.calls, want)
		}
	})
}

func TestCleanupThatFailsLeavesASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		w.builds[stableSha] = build{stuckDeletions: 9}
		r := start(t, w, spec, runOptions{})
		ending := r.finish(t)
		if ending.Outcome != engine.Succeeded || !strings.Contains(ending.Leftover, "blog-app-"+stableSha) {
			t.Fatalf("%+v", ending)
		}
		deletions := 0
		for _, made := range w.calls {
			if made == "delete blog-app-"+stableSha {
				deletions++
			}
		}
		if deletions != 3 {
			t.Errorf("%d deletions, want 3", deletions)
		}
	})
}

func TestCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		r := start(t, w, spec, runOptions{attended: true})
		r.Post(ask(engine.Promote))
		r.until(t, engine.KindCommandRefused, 1)
		r.until(t, engine.KindWeightsConfirmed, 1)
		held := time.Now()
		r.Post(ask(engine.Promote))
		r.until(t, engine.KindWeightsConfirmed, 2)
		if time.Since(held) > 5*time.Second {
			t.Errorf("promoting took %s", time.Since(held))
		}
		r.Post(ask(engine.PauseIt))
		r.until(t, engine.KindPaused, 1)
		time.Sleep(3 * time.Hour)
		if got := w.callsSoFar(); got[len(got)-1] != "weights 50/50" {
			t.Fatalf("a paused rollout moved: %q", got)
		}
		r.Post(ask(engine.Promote))
		r.until(t, engine.KindCommandRefused, 2)
		r.Post(ask(engine.ResumeIt))
		r.until(t, engine.KindResumed, 1)
		r.Post(ask(engine.PromoteFully))
		r.until(t, engine.KindWeightsConfirmed, 3)
		if got := w.callsSoFar(); got[len(got)-1] != "weights 0/100" {
			t.Fatalf("promoted fully: %q", got)
		}
		if ending := r.finish(t); ending.Outcome != engine.Succeeded {
			t.Fatalf("%s: %s", ending.Outcome, ending.Reason)
		}
	})
}

// TestRollingBackIsLegalInEveryState asks for a roll back after every single event of a
// rollout and of a first deployment.
func TestRollingBackIsLegalInEveryState(t *testing.T) {
	for _, first := range []bool{false, true} {
		for n := 1; ; n++ {
			decided := false
			synctest.Test(t, func(t *testing.T) { decided = rollBackAfter(t, n, first) })
			if decided {
				if n < 10 {
					t.Errorf("only %d events were tried", n)
				}
				break
			}
		}
	}
}

// rollBackAfter asks for a roll back once event n is recorded; it tells whether the
// rollout was decided by then.
func rollBackAfter(t *testing.T, n int, first bool) bool {
	t.Helper()
	spec := specOf(t, "http")
	w := newWorld(spec, build{stackTime: 5 * time.Second}, first)
	var r *run
	asked, exposed, decided := 0, false, false
	var calls int
	ready := make(chan struct{})
	options := runOptions{attended: true, onEvent: func(_ engine.Event, rollout *engine.Rollout) {
		if int(rollout.Seq) == n {
			<-ready
			asked, exposed, decided = n, rollout.Exposed, rollout.Decided() || rollout.Outcome != ""
			calls = len(w.callsSoFar())
			r.Post(ask(engine.RollBack))
		}
	}}
	r = start(t, w, spec, options)
	close(ready)
	ending := r.finish(t)
	if asked == 0 || decided {
		return true
	}
	if ending.Outcome != engine.RolledBack || ending.Cause != engine.ByPerson {
		t.Fatalf("after event %d: %s by %s; %s", n, ending.Outcome, ending.Cause, r.story())
	}
	// A write of the router that had been intended with the event may come first; nothing
	// else may.
	for _, made := range w.calls[calls:] {
		if strings.HasPrefix(made, "weights") || made == "remove route" {
			break
		}
		if exposed && strings.HasPrefix(made, "delete") {
			t.Errorf("rule 4: after event %d %q comes before the traffic; %s", n, made, r.story())
		}
	}
	return false
}

func TestARollBackWaitsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		r := start(t, w, spec, runOptions{attended: true})
		r.until(t, engine.KindWeightsConfirmed, 1)
		hang := make(chan struct{})
		w.hook(func(ctx context.Context, op string) error {
			if op == "SetWeights" || op == "Route" {
				return nil
			}
			<-hang // even a call that does not obey its context
			return ctx.Err()
		}, nil)
		time.Sleep(time.Minute)
		asked := time.Now()
		r.Post(ask(engine.RollBack))
		r.until(t, engine.KindTrafficReturned, 1)
		for _, event := range r.events() {
			if event.Body.Kind() == engine.KindWeightsWritten && event.At.After(asked) && event.At.Sub(asked) > 50*time.Millisecond {
				t.Errorf("the weights were written %s after the command", event.At.Sub(asked))
			}
		}
		close(hang)
		r.finish(t)
	})
}

func TestAWeightCountsWhenItIsReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{errorsPerSecond: 1, breaksAfter: 70 * time.Second}, false)
		w.lag = 4 * time.Second
		r := start(t, w, spec, runOptions{})
		ending := r.finish(t)
		if ending.Outcome != engine.RolledBack || ending.Cause != engine.ByVerdict {
			t.Fatalf("%s: %s; %s", ending.Outcome, ending.Reason, r.story())
		}
		var written time.Time
		for _, event := range r.events() {
			switch event.Body.Kind() {
			case engine.KindWeightsWritten:
				written = event.At
			case engine.KindWeightsConfirmed, engine.KindTrafficReturned:
				if event.At.Sub(written) < w.lag {
					t.Errorf("%s %s after the write, which is seen after %s", event.Body.Kind(), event.At.Sub(written), w.lag)
				}
			default:
			}
		}
	})
}

func TestLettingGoAndGoingOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		log := journal.NewMemory()
		r := start(t, w, spec, runOptions{journal: log})
		r.until(t, engine.KindWeightsConfirmed, 2)
		r.Post(ask(engine.LetGoOfIt))
		if ending := r.finish(t); ending.Outcome != engine.Held {
			t.Fatalf("%s: %s", ending.Outcome, ending.Reason)
		}
		key := engine.Key{Account: "1", Region: "us-west-2", Environment: "blog", Service: "app"}
		header, err := log.Current(t.Context(), key)
		if err != nil || !header.Lease.Free {
			t.Fatalf("%+v, %v", header, err)
		}
		driver := engine.Driver{Actor: "lee", Unattended: true}
		lease, err := engine.TakeOver(t.Context(), log, header, driver, engine.LeaseTime)
		if err != nil {
			t.Fatal(err)
		}
		next := drive(t, w, runOptions{journal: log}, driver, lease, ask(engine.ResumeIt))
		if ending := next.finish(t); ending.Outcome != engine.Succeeded {
			t.Fatalf("%s: %s; %s", ending.Outcome, ending.Reason, next.story())
		}
		if w.record.Number != 2 {
			t.Errorf("recorded as %d", w.record.Number)
		}
	})
}
