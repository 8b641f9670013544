package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
)

// TestARollBackOvertakesWhatMustWait posts a roll back after a command that cannot be
// taken yet: a pause that the journal does not take, and a resume that needs the route
// read.
func TestARollBackOvertakesWhatMustWait(t *testing.T) {
	waits := map[engine.CommandKind]func(t *testing.T, r *run, log *sometimes){
		engine.PauseIt: func(_ *testing.T, _ *run, log *sometimes) { log.down.Store(true) },
		engine.ResumeIt: func(t *testing.T, r *run, _ *sometimes) {
			t.Helper()
			r.world.meddle(func(route *engine.Route) { route.Targets[0].Weight, route.Targets[1].Weight = 90, 10 })
			r.until(t, engine.KindPaused, 1)
		},
	}
	for first, hinder := range waits {
		t.Run(string(first), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := specOf(t, "http")
				w := newWorld(spec, build{}, false)
				w.hook(slowRoute, nil)
				log := &sometimes{Journal: journal.NewMemory()}
				r := start(t, w, spec, runOptions{journal: log, attended: true, onEvent: func(event engine.Event, _ *engine.Rollout) {
					if event.Body.Kind() == engine.KindPaused {
						w.hook(unreadableRoute, nil)
					}
				}})
				r.until(t, engine.KindWeightsConfirmed, 2)
				hinder(t, r, log)
				r.Post(ask(first))
				time.Sleep(7 * time.Second)
				r.Post(ask(engine.RollBack))
				time.Sleep(time.Second)
				w.mu.Lock()
				shares := w.shares()
				w.mu.Unlock()
				if shares != "100/0" {
					t.Errorf("a second after the roll back was asked: %s; %s", shares, r.story())
				}
				log.down.Store(false)
				w.hook(func(context.Context, string) error { return nil }, nil)
				r.ends(t, engine.RolledBack)
				r.check(t)
				if !strings.Contains(r.story(), string(engine.KindCommandRefused)) {
					t.Errorf("nothing is said of the other command; %s", r.story())
				}
			})
		})
	}
}

// slowRoute takes its time to be read, so that what is read is older than what follows.
func slowRoute(_ context.Context, op string) error {
	if op == "Route" {
		time.Sleep(50 * time.Millisecond)
	}
	return nil
}

func unreadableRoute(_ context.Context, op string) error {
	if op == "Route" {
		return errors.New("503")
	}
	return nil
}

// TestCommandsAfterTheClockWasSetBack are not older than the driver.
func TestCommandsAfterTheClockWasSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		clock, log := &settable{}, journal.NewMemory()
		r := start(t, newWorld(spec, build{}, false), spec, runOptions{journal: log, attended: true, now: clock.now, mailbox: time.Second})
		r.until(t, engine.KindWeightsConfirmed, 2)
		clock.jump(-time.Hour)
		r.until(t, engine.KindPaused, 1)
		if _, err := log.Post(t.Context(), r.id, engine.Command{Kind: engine.ResumeIt, By: "lee", At: clock.now()}); err != nil {
			t.Fatal(err)
		}
		r.until(t, engine.KindResumed, 1)
		r.ends(t, engine.Succeeded)
	})
}

// TestADriverThatCannotBeginLetsGo: nobody waits for a sign of life of one that never
// drove.
func TestADriverThatCannotBeginLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		log := journal.NewMemory()
		r := start(t, newWorld(spec, build{}, false), spec, runOptions{journal: log, attended: true})
		r.until(t, engine.KindWeightsConfirmed, 1)
		r.Post(ask(engine.LetGoOfIt))
		r.ends(t, engine.Held)
		seen, err := log.Lease(t.Context(), r.id)
		if err != nil {
			t.Fatal(err)
		}
		lease, err := log.Claim(t.Context(), seen, engine.Driver{Actor: "lee"})
		if err != nil {
			t.Fatal(err)
		}
		next := engine.NewDriver(engine.DriverOptions{Journal: unreadable{log}, ID: r.id, Lease: lease})
		if _, err := next.Run(t.Context()); err == nil {
			t.Fatal("it began")
		}
		if left, err := log.Lease(t.Context(), r.id); err != nil || !left.Free {
			t.Errorf("%+v, %v", left, err)
		}
	})
}

// unreadable is a journal whose events cannot be read.
type unreadable struct{ engine.Journal }

func (unreadable) Events(context.Context, string, int64) ([]engine.Event, error) {
	return nil, errors.New("a row is missing")
}
