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

// posted posts a command to the mailbox of the rollout, as another process does.
func posted(t *testing.T, log engine.Journal, id string, kind engine.CommandKind) {
	t.Helper()
	command := engine.Command{Kind: kind, By: "lee", At: time.Now(), Reason: "by post"}
	if _, err := log.Post(t.Context(), id, command); err != nil {
		t.Fatal(err)
	}
}

// withMailbox is a rollout at its first weight, whose driver reads its mailbox.
func withMailbox(t *testing.T) (*run, *journal.Memory) {
	t.Helper()
	spec, log := specOf(t, "http"), journal.NewMemory()
	r := start(t, newWorld(spec, build{}, false), spec, runOptions{journal: log, attended: true, mailbox: time.Second})
	r.until(t, engine.KindWeightsConfirmed, 1)
	return r, log
}

func TestCommandsOfTheMailboxAreTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, log := withMailbox(t)
		posted(t, log, r.ID, engine.PauseIt)
		r.until(t, engine.KindPaused, 1)
		posted(t, log, r.ID, engine.Promote)
		r.until(t, engine.KindCommandRefused, 1)
		posted(t, log, r.ID, engine.RollBack)
		ending := r.finish(t)
		if ending.Outcome != engine.RolledBack || ending.Cause != engine.ByPerson || ending.Rollout.Cause.By != "lee" {
			t.Errorf("%s: %s; %s", ending.Outcome, ending.Reason, r.story())
		}
		if ending.Rollout.CommandsTaken != 3 {
			t.Errorf("%d commands were taken", ending.Rollout.CommandsTaken)
		}
	})
}

// A driver that goes on takes what nobody took, if it is a roll back; what was taken is
// not taken again.
func TestWhatWasPostedToADriverThatIsGone(t *testing.T) {
	for last, want := range map[engine.CommandKind]engine.Outcome{engine.Promote: engine.Succeeded, engine.RollBack: engine.RolledBack} {
		synctest.Test(t, func(t *testing.T) {
			spec := specOf(t, "http")
			w := newWorld(spec, build{}, false)
			log := journal.NewMemory()
			first := start(t, w, spec, runOptions{journal: log, mailbox: time.Second})
			first.until(t, engine.KindWeightsConfirmed, 1)
			posted(t, log, first.ID, engine.LetGoOfIt)
			if ending := first.finish(t); ending.Outcome != engine.Held {
				t.Fatalf("%s: %s", ending.Outcome, ending.Reason)
			}
			posted(t, log, first.ID, last)
			time.Sleep(time.Minute)
			header, err := log.Rollouts(t.Context(), engine.Key{}, 1)
			if err != nil {
				t.Fatal(err)
			}
			driver := engine.Driver{Actor: "lee", Unattended: true}
			lease, err := engine.TakeOver(t.Context(), log, header[0], driver, engine.LeaseTime)
			if err != nil {
				t.Fatal(err)
			}
			next := drive(t, w, runOptions{journal: log, mailbox: time.Second}, driver, lease, ask(engine.ResumeIt))
			ending := next.finish(t)
			if ending.Outcome != want {
				t.Fatalf("%s: %s; %s", ending.Outcome, ending.Reason, next.story())
			}
			refused := strings.Contains(next.story(), "before this driver began")
			if refused != (last == engine.Promote) {
				t.Errorf("after %s: %s", last, next.story())
			}
		})
	}
}

// Who takes a rollout over to roll it back hands the driver what lies in the mailbox too.
func TestACommandOfTheMailboxIsTakenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, log := withMailbox(t)
		command := engine.Command{Kind: engine.RollBack, By: "lee", At: time.Now(), Reason: "by post"}
		number, err := log.Post(t.Context(), r.ID, command)
		if err != nil {
			t.Fatal(err)
		}
		command.Number = number
		r.Post(command)
		ending := r.finish(t)
		if ending.Outcome != engine.RolledBack || strings.Count(r.story(), string(engine.KindCommandTaken)) != 1 ||
			strings.Contains(r.story(), string(engine.KindCommandRefused)) {
			t.Errorf("%s: %s; %s", ending.Outcome, ending.Reason, r.story())
		}
	})
}

// A machine whose clock is wrong asks as well as any other, and not from the future.
func TestTheClockOfWhoAsksDoesNotMatter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		log := journal.NewMemory()
		first := start(t, w, spec, runOptions{journal: log, attended: true, mailbox: time.Second})
		first.until(t, engine.KindWeightsConfirmed, 1)
		late := engine.Command{Kind: engine.PauseIt, By: "lee", At: time.Now().Add(-time.Hour)}
		if _, err := log.Post(t.Context(), first.ID, late); err != nil {
			t.Fatal(err)
		}
		first.until(t, engine.KindPaused, 1)
		posted(t, log, first.ID, engine.LetGoOfIt)
		first.finish(t)
		early := engine.Command{Kind: engine.ResumeIt, By: "lee", At: time.Now().Add(time.Hour)}
		if _, err := log.Post(t.Context(), first.ID, early); err != nil {
			t.Fatal(err)
		}
		seen, err := log.Lease(t.Context(), first.ID)
		if err != nil {
			t.Fatal(err)
		}
		lease, err := log.Claim(t.Context(), seen, engine.Driver{Actor: "lee"})
		if err != nil {
			t.Fatal(err)
		}
		next := drive(t, w, runOptions{journal: log, mailbox: time.Second}, lease.Driver, lease)
		next.until(t, engine.KindCommandRefused, 1)
		posted(t, log, first.ID, engine.RollBack)
		if ending := next.finish(t); ending.Outcome != engine.RolledBack || !strings.Contains(next.story(), "before this driver began") {
			t.Errorf("%s: %s; %s", ending.Outcome, ending.Reason, next.story())
		}
	})
}

// deafJournal cannot read its mailbox for a while.
type deafJournal struct {
	*journal.Memory
	failures int
}

func (d *deafJournal) Commands(ctx context.Context, id string, after int64) ([]engine.Command, error) {
	if d.failures > 0 {
		d.failures--
		return nil, errors.New("a row is missing")
	}
	return d.Memory.Commands(ctx, id, after)
}

func TestAMailboxThatCannotBeReadIsSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		log := &deafJournal{Memory: journal.NewMemory(), failures: 5}
		warnings := make(chan string, 10)
		r := start(t, w, spec, runOptions{
			journal: log, attended: true, mailbox: time.Second, warn: func(words string) { warnings <- words },
		})
		posted(t, log, r.ID, engine.RollBack)
		if ending := r.finish(t); ending.Outcome != engine.RolledBack {
			t.Errorf("%s: %s", ending.Outcome, ending.Reason)
		}
		if len(warnings) != 1 || !strings.Contains(<-warnings, "a row is missing") {
			t.Errorf("%d warnings", len(warnings))
		}
	})
}
