package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/headless"
	"serin/internal/journal"
)

// steered is a console on a terminal, with the journal that it writes.
type steered struct {
	*terminal
	log *journal.SQLite
}

// steer opens the console on a region, and its journal beside it.
func (r *region) steer(t *testing.T, args ...string) *steered {
	t.Helper()
	variables := []string{"HOME=" + r.state, "XDG_STATE_HOME=" + r.state}
	for name, value := range r.Exports {
		variables = append(variables, name+"="+value)
	}
	file := filepath.Join(t.TempDir(), "journal.db")
	term := inTerminalWith(t, variables, append([]string{"--journal", file}, args...)...)
	log, err := journal.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return &steered{term, log}
}

// rollouts are all in the journal, newest first.
func (s *steered) rollouts() []engine.Header {
	s.t.Helper()
	headers, err := s.log.Rollouts(s.t.Context(), engine.Key{}, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return headers
}

// awaits waits until the newest of so many rollouts is so, as its journal says.
func (s *steered) awaits(what string, rollouts int, so func(*engine.Rollout) bool) *engine.Rollout {
	s.t.Helper()
	limit := time.After(terminalPatience)
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	var last []engine.Event
	for {
		if headers := s.rollouts(); len(headers) == rollouts {
			events, err := s.log.Events(s.t.Context(), headers[0].ID, 0)
			if err != nil {
				s.t.Fatal(err)
			}
			if r := engine.Fold(events); so(r) {
				return r
			}
			last = events
		}
		select {
		case <-look.C:
		case <-limit:
			s.t.Fatalf("never: %s; the journal has %d events, the last of them %+v; on the terminal: %q",
				what, len(last), last[max(0, len(last)-3):], tail(s.text()))
		}
	}
}

// deploys starts a rollout with keys: the form, the plan, and yes.
func (s *steered) deploys(image string) {
	s.t.Helper()
	s.pressUntil("d", "see the plan")
	s.press(image)
	<-time.After(600 * time.Millisecond) // sooner, it is a part of what was pasted
	s.pressUntil("\r", "! Deploy ")
	s.press("y")
}

// pressUntil presses a key and waits for words that are new on the terminal.
func (s *steered) pressUntil(key, words string) {
	s.t.Helper()
	before := len(s.text())
	s.press(key)
	limit := time.After(terminalPatience)
	for !strings.Contains(s.text()[before:], words) {
		select {
		case <-s.more:
		case <-limit:
			s.t.Fatalf("after %q there is no %q on the terminal: %q", key, words, s.text()[before:])
		}
	}
}

// holdsAt tells whether a rollout holds at a weight and nobody has paused it.
func holdsAt(weight int) func(*engine.Rollout) bool {
	return func(r *engine.Rollout) bool {
		return r.Phase == engine.Holding && r.Actual.Canary == weight && r.Paused == nil
	}
}

// Everything that an operator may ask is asked with keys of the program that is shipped,
// on a real terminal, and seen to happen in its journal and on the router.
func TestAnOperatorSteersARolloutWithKeys(t *testing.T) {
	t.Parallel()
	r := startRegion(t)
	s := r.steer(t)
	s.until("yelb-appserver")

	s.deploys("yelb-appserver:fixed")
	s.awaits("it holds at 10 %", 1, holdsAt(10))
	s.until("yelb-appserver 10 % holding") // the terminal's title: it is seen, too
	s.pressUntil(" ", "PAUSED")
	s.awaits("it is paused", 1, func(r *engine.Rollout) bool { return r.Paused != nil })
	<-time.After(600 * time.Millisecond) // sooner, it is a key that is held down
	s.pressUntil(" ", "HOLDING")
	s.awaits("it is resumed", 1, holdsAt(10))
	s.pressUntil("p", "yelb-appserver 20 % holding")
	s.awaits("it is promoted a step", 1, holdsAt(20))
	s.pressUntil("P", "to 100 %?")
	s.press("y")
	s.awaits("it bakes", 1, func(r *engine.Rollout) bool { return r.Phase == engine.Baking && r.Actual.Canary == 100 })
	s.pressUntil("r", "Roll back yelb-appserver?")
	s.press("\r")
	end := s.awaits("it is rolled back", 1, func(r *engine.Rollout) bool { return r.Outcome == engine.RolledBack })
	if end.Cause.Kind != engine.ByPerson || end.Actual.Canary != 0 {
		t.Errorf("it ends with %+v at %+v", end.Cause, end.Actual)
	}
	var asked []engine.CommandKind
	events, err := s.log.Events(t.Context(), end.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range events {
		if taken, is := event.Body.(*engine.CommandTaken); is {
			asked = append(asked, taken.Command.Kind)
		}
	}
	want := []engine.CommandKind{engine.PauseIt, engine.ResumeIt, engine.Promote, engine.PromoteFully, engine.RollBack}
	if !slices.Equal(asked, want) {
		t.Errorf("the rollout was asked %v, want %v", asked, want)
	}
	// The console learns the end from the journal, as this test did, and later: asked before
	// that, it asks whether to leave what it drives, and puts the question away at the end.
	s.until("serin: yelb-appserver rolled back")
	s.pressUntil("o", "answers in place of AWS")
	s.pressUntil("q", "was rolled back: ") // as it says when the terminal is restored
	s.exits(headless.ExitSucceeded)
}
