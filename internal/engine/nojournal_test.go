package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
)

// sometimes is a journal that can be written, or cannot.
type sometimes struct {
	engine.Journal
	down atomic.Bool
}

func (s *sometimes) Append(ctx context.Context, id string, after int64, events []engine.Event) error {
	if s.down.Load() {
		return errors.New("the disk is full")
	}
	return s.Journal.Append(ctx, id, after, events)
}

// TestABadCanaryIsRolledBackWithoutAJournal: what cannot be recorded is evidence too.
func TestABadCanaryIsRolledBackWithoutAJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		log := &sometimes{Journal: journal.NewMemory()}
		r := start(t, w, spec, runOptions{journal: log})
		r.until(t, engine.KindWeightsConfirmed, 2)
		log.down.Store(true)
		w.breakCanary()
		r.untilTrue(t, func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.shares() == "100/0"
		})
		log.down.Store(false)
		r.ends(t, engine.RolledBack)
		r.check(t)
		if r.ending.Cause != engine.ByVerdict || !strings.Contains(r.ending.Reason, "5xx") {
			t.Errorf("by %s: %s", r.ending.Cause, r.ending.Reason)
		}
	})
}

// TestARollBackDoesNotWaitForTheJournal: its readings and its repetitions come as soon as
// otherwise, although the journal is tried again only twice a minute.
func TestARollBackDoesNotWaitForTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		w.lag = 3 * time.Second
		log := &sometimes{Journal: journal.NewMemory()}
		r := start(t, w, spec, runOptions{journal: log, attended: true})
		r.until(t, engine.KindWeightsConfirmed, 2)
		log.down.Store(true)
		time.Sleep(10 * time.Minute)
		var failed atomic.Int64
		w.hook(func(_ context.Context, op string) error {
			if op == "SetWeights" && failed.Add(1) < 3 {
				return errors.New("503")
			}
			return nil
		}, nil)
		asked := time.Now()
		r.Post(ask(engine.RollBack))
		r.until(t, engine.KindTrafficReturned, 1)
		if took := time.Since(asked); took > 10*time.Second {
			t.Errorf("the traffic was back after %s; %s", took, r.story())
		}
		log.down.Store(false)
		r.ends(t, engine.RolledBack)
		r.check(t)
	})
}

// TestNothingIsHammeredWithoutAJournal has every reading fail at once, when that cannot
// be recorded either.
func TestNothingIsHammeredWithoutAJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		log := &sometimes{Journal: journal.NewMemory()}
		r := start(t, w, spec, runOptions{journal: log, attended: true})
		r.until(t, engine.KindWeightsConfirmed, 2)
		log.down.Store(true)
		var calls atomic.Int64
		w.hook(func(context.Context, string) error {
			if calls.Add(1) > 1000 {
				time.Sleep(time.Second) // or this bubble's time would stand still
			}
			return errors.New("connection refused")
		}, nil)
		time.Sleep(2 * time.Minute)
		if made := calls.Load(); made < 20 || made > 200 {
			t.Errorf("%d calls in two minutes", made)
		}
		log.down.Store(false)
		w.hook(func(context.Context, string) error { return nil }, nil)
		r.ends(t, engine.Succeeded)
	})
}
