package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
)

// cracked is a journal that takes what is written, although some of its calls find it
// broken.
type cracked struct {
	*journal.Memory
	mailbox, sign atomic.Bool
}

func isCracked(cracked *atomic.Bool) error {
	if cracked.Load() {
		return fmt.Errorf("journal.db is damaged: %w", engine.ErrBroken)
	}
	return nil
}

func (c *cracked) Commands(ctx context.Context, id string, after int64) ([]engine.Command, error) {
	if err := isCracked(&c.mailbox); err != nil {
		return nil, err
	}
	return c.Memory.Commands(ctx, id, after)
}

func (c *cracked) Addressed(ctx context.Context, after int64) ([]string, int64, error) {
	if err := isCracked(&c.mailbox); err != nil {
		return nil, after, err
	}
	return c.Memory.Addressed(ctx, after)
}

func (c *cracked) Beat(ctx context.Context, lease engine.Lease) (engine.Lease, error) {
	if err := isCracked(&c.sign); err != nil {
		return engine.Lease{}, err
	}
	return c.Memory.Beat(ctx, lease)
}

func (c *cracked) BeatAll(ctx context.Context, leases []engine.Lease) ([]engine.Lease, error) {
	if err := isCracked(&c.sign); err != nil {
		return nil, err
	}
	return c.Memory.BeatAll(ctx, leases)
}

// onCracked runs a test at half of the traffic, once the journal is found broken: by the
// mailbox or by the signs of life, of one driver or of all together.
func onCracked(t *testing.T, test func(t *testing.T, r *run, crack *atomic.Bool, said func() string)) {
	t.Helper()
	for _, shared := range []bool{false, true} {
		for _, by := range []string{"mailbox", "sign"} {
			t.Run(fmt.Sprintf("%s, shared %t", by, shared), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					log := &cracked{Memory: journal.NewMemory()}
					var mu sync.Mutex
					var words strings.Builder
					options := runOptions{journal: log, attended: true, mailbox: time.Second, warn: func(line string) {
						mu.Lock()
						defer mu.Unlock()
						words.WriteString(line + "\n")
					}}
					if shared {
						options.upkeep = engine.NewUpkeep(log)
					}
					spec := specOf(t, "http")
					r := start(t, newWorld(spec, build{}, false), spec, options)
					r.until(t, engine.KindWeightsConfirmed, 2)
					crack := map[string]*atomic.Bool{"mailbox": &log.mailbox, "sign": &log.sign}[by]
					crack.Store(true)
					time.Sleep(10 * time.Minute)
					test(t, r, crack, func() string {
						mu.Lock()
						defer mu.Unlock()
						return words.String()
					})
				})
			})
		}
	}
}

// TestAJournalThatIsFoundBroken: whatever finds it, and although it takes what is written,
// the rollout stands still until it is whole.
func TestAJournalThatIsFoundBroken(t *testing.T) {
	onCracked(t, func(t *testing.T, r *run, crack *atomic.Bool, said func() string) {
		t.Helper()
		snapshot, _ := r.latest.Get()
		if snapshot.Rollout.Actual.Canary != 50 || !strings.Contains(snapshot.Trouble.Journal, "journal.db is damaged") {
			t.Errorf("the canary has %d %%, and the trouble is %+v", snapshot.Rollout.Actual.Canary, snapshot.Trouble)
		}
		if !strings.Contains(said(), "the journal cannot be written") || !strings.Contains(said(), "nothing moves but a roll back") {
			t.Errorf("it says: %s", said())
		}
		crack.Store(false)
		if ending := r.finish(t); ending.Outcome != engine.Succeeded {
			t.Errorf("it ends with %s: %s", ending.Outcome, ending.Reason)
		}
		if snapshot, _ := r.latest.Get(); snapshot.Trouble != (engine.Trouble{}) {
			t.Errorf("after it was mended the trouble is %+v", snapshot.Trouble)
		}
	})
}

// TestARollBackInAJournalThatIsFoundBroken: the traffic moves, and nothing is written until
// it is whole.
func TestARollBackInAJournalThatIsFoundBroken(t *testing.T) {
	onCracked(t, func(t *testing.T, r *run, crack *atomic.Bool, said func() string) {
		t.Helper()
		before := len(eventsOf(t, r))
		r.Post(ask(engine.RollBack))
		r.until(t, engine.KindTrafficReturned, 1)
		if after := len(eventsOf(t, r)); after != before || !strings.Contains(said(), "not recorded: "+string(engine.KindTrafficReturned)) {
			t.Errorf("%d events were written to a broken journal; it says: %s", after-before, said())
		}
		crack.Store(false)
		if ending := r.finish(t); ending.Outcome != engine.RolledBack || ending.Unrecorded != 0 {
			t.Errorf("it ends with %s, %d events unrecorded", ending.Outcome, ending.Unrecorded)
		}
	})
}

func eventsOf(t *testing.T, r *run) []engine.Event {
	t.Helper()
	events, err := r.journal.Events(t.Context(), r.id, 0)
	if err != nil {
		t.Fatal(err)
	}
	return events
}
