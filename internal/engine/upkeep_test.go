package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
)

// sharedJournal counts what is asked of it, and may fail at it.
type sharedJournal struct {
	*journal.Memory
	beats, looks, readings, alone atomic.Int64
	// broken is why nothing can be asked of it for all at once; deaf has it hang.
	broken atomic.Pointer[error]
	deaf   atomic.Bool
}

func newSharedJournal() *sharedJournal { return &sharedJournal{Memory: journal.NewMemory()} }

func (s *sharedJournal) refuses(ctx context.Context) error {
	if s.deaf.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	if broken := s.broken.Load(); broken != nil {
		return *broken
	}
	return nil
}

func (s *sharedJournal) BeatAll(ctx context.Context, leases []engine.Lease) ([]engine.Lease, error) {
	s.beats.Add(1)
	if err := s.refuses(ctx); err != nil {
		return nil, err
	}
	return s.Memory.BeatAll(ctx, leases)
}

func (s *sharedJournal) Addressed(ctx context.Context, after int64) ([]string, int64, error) {
	s.looks.Add(1)
	if err := s.refuses(ctx); err != nil {
		return nil, after, err
	}
	return s.Memory.Addressed(ctx, after)
}

func (s *sharedJournal) Commands(ctx context.Context, id string, after int64) ([]engine.Command, error) {
	s.readings.Add(1)
	return s.Memory.Commands(ctx, id, after)
}

func (s *sharedJournal) Beat(ctx context.Context, lease engine.Lease) (engine.Lease, error) {
	s.alone.Add(1)
	return s.Memory.Beat(ctx, lease)
}

// together starts rollouts whose drivers share their upkeep, and waits for their first
// weights.
func together(t *testing.T, log engine.Journal, rollouts int, warn func(string)) []*run {
	t.Helper()
	upkeep := engine.NewUpkeep(log)
	runs := make([]*run, rollouts)
	for i := range runs {
		spec := specOf(t, "http", "WaitTime=600")
		runs[i] = start(t, newWorld(spec, build{}, false), spec, runOptions{
			journal: log, attended: true, mailbox: time.Second, id: fmt.Sprintf("r%d", i), service: fmt.Sprintf("app%d", i),
			upkeep: upkeep, warn: warn,
		})
	}
	for _, r := range runs {
		r.until(t, engine.KindWeightsConfirmed, 1)
	}
	return runs
}

// Each gets what was posted to it, within a look at the mailboxes.
func TestDriversThatShareTheirUpkeepGetTheirOwnCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newSharedJournal()
		runs := together(t, log, 3, nil)
		asked := time.Now()
		posted(t, log, "r1", engine.RollBack)
		posted(t, log, "r2", engine.PauseIt)
		runs[2].until(t, engine.KindPaused, 1)
		if took := time.Since(asked); took > engine.MailboxEvery(log) {
			t.Errorf("it was taken up after %s", took)
		}
		if ending := runs[1].finish(t); ending.Outcome != engine.RolledBack || ending.Rollout.CommandsTaken != 1 {
			t.Errorf("%s: %s; %s", ending.Outcome, ending.Reason, runs[1].story())
		}
		if r := engine.Fold(runs[0].events()); r.CommandsTaken != 0 || r.Paused != nil {
			t.Errorf("the other one took %d commands", r.CommandsTaken)
		}
		for _, r := range []*run{runs[0], runs[2]} {
			posted(t, log, r.id, engine.RollBack)
			if ending := r.finish(t); ending.Outcome != engine.RolledBack {
				t.Errorf("%s: %s", ending.Outcome, ending.Reason)
			}
		}
	})
}

// However many they are, a sign of life is one write and a look at the mailboxes one read.
func TestDriversThatShareTheirUpkeepCostTheJournalOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newSharedJournal()
		runs := together(t, log, 20, nil)
		log.beats.Store(0)
		log.looks.Store(0)
		log.readings.Store(0)
		time.Sleep(time.Minute)
		if beats, most := log.beats.Load(), int64(time.Minute/(engine.LeaseTime/3)); beats != most {
			t.Errorf("%d writes a minute, want %d", beats, most)
		}
		if looks, most := log.looks.Load(), int64(time.Minute/engine.MailboxEvery(log)); looks != most {
			t.Errorf("%d looks a minute, want %d", looks, most)
		}
		if log.readings.Load() != 0 || log.alone.Load() != 0 {
			t.Errorf("%d mailboxes were read, and %d signs of life given alone", log.readings.Load(), log.alone.Load())
		}
		for _, r := range runs {
			lease, err := log.Lease(t.Context(), r.id)
			if err != nil || lease.Beat < 20 {
				t.Errorf("%s: %+v, %v", r.id, lease, err)
			}
			r.stop()
			<-r.done
		}
	})
}

// One whose lease another driver has leaves; the others go on.
func TestOneOfThoseThatShareTheirUpkeepIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newSharedJournal()
		runs := together(t, log, 2, nil)
		seen, err := log.Lease(t.Context(), "r0")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := log.Claim(t.Context(), seen, engine.Driver{Actor: "lee"}); err != nil {
			t.Fatal(err)
		}
		claimed := time.Now()
		<-runs[0].done
		if took := time.Since(claimed); !errors.Is(runs[0].err, engine.ErrLeaseLost) || took > engine.LeaseTime/3 {
			t.Errorf("%v after %s", runs[0].err, took)
		}
		posted(t, log, "r1", engine.RollBack)
		if ending := runs[1].finish(t); ending.Outcome != engine.RolledBack {
			t.Errorf("%s: %s", ending.Outcome, ending.Reason)
		}
	})
}

// A journal that fails or hangs is said to each, once; what was posted meanwhile is taken
// when it can be read again.
func TestTheSharedUpkeepOutlivesAJournalThatFails(t *testing.T) {
	for name, broken := range map[string]error{"fails": errors.New("the disk is gone"), "hangs": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var said atomic.Int64
				log := newSharedJournal()
				runs := together(t, log, 2, func(words string) {
					if strings.Contains(words, "commands that others post are not seen") {
						said.Add(1)
					}
				})
				if broken != nil {
					log.broken.Store(&broken)
				}
				log.deaf.Store(broken == nil)
				for _, r := range runs {
					posted(t, log, r.id, engine.RollBack)
				}
				time.Sleep(time.Minute)
				for _, r := range runs {
					if engine.Fold(r.events()).RollingBack() {
						t.Errorf("%s rolls back by what could not be read", r.id)
					}
				}
				log.broken.Store(nil)
				log.deaf.Store(false)
				for _, r := range runs {
					if ending := r.finish(t); ending.Outcome != engine.RolledBack {
						t.Errorf("%s: %s", ending.Outcome, ending.Reason)
					}
				}
				if said.Load() != 2 {
					t.Errorf("it was said %d times", said.Load())
				}
			})
		})
	}
}

// A mailbox that cannot be read is read again, though nothing more is posted to it.
func TestAMailboxOfTheSharedUpkeepIsReadUntilItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &deafJournal{Memory: journal.NewMemory()}
		runs := together(t, log, 2, nil)
		log.failures = 5
		posted(t, log, "r0", engine.RollBack)
		if ending := runs[0].finish(t); ending.Outcome != engine.RolledBack || log.failures != 0 {
			t.Errorf("%s: %s, %d failures left", ending.Outcome, ending.Reason, log.failures)
		}
		runs[1].stop()
		<-runs[1].done
	})
}

func TestTheWorldOfOneOfManyIsReadLessOften(t *testing.T) {
	minute, second := engine.CadenceOf(specOf(t, "http", "MetricPeriod=60")), engine.CadenceOf(specOf(t, "http", "MetricPeriod=1"))
	for _, test := range []struct {
		alone   engine.Cadence
		drivers int
		period  time.Duration
		want    time.Duration
	}{
		{minute, 1, time.Minute, 5 * time.Second},
		{minute, 100, time.Minute, 5 * time.Second},
		{minute, 1000, time.Minute, 50 * time.Second},
		{minute, 5000, time.Minute, time.Minute},
		{second, 4, time.Second, time.Second},
		{second, 1000, time.Second, time.Second},
	} {
		got := test.alone.Among(test.drivers, test.period)
		if got.World != test.want || got.Metrics != test.alone.Metrics || got.Confirm != test.alone.Confirm {
			t.Errorf("%d drivers at %s: %+v, want a world every %s", test.drivers, test.period, got, test.want)
		}
	}
}
