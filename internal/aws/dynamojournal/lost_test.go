package dynamojournal_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"serin/internal/aws/dynamojournal"
	"serin/internal/engine"
	"serin/internal/journal/journaltest"
)

func start() time.Time { return time.Date(2026, 11, 23, 14, 3, 8, 0, time.UTC) }

func begun(t *testing.T, j engine.Journal, id string) engine.Lease {
	t.Helper()
	lease, err := j.Begin(t.Context(), id, journaltest.Kim(), journaltest.Started(id, journaltest.Key(), start()))
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

// lostAnswers loses the answer to a write that was done: once, which the SDK sends again
// and whose condition then fails; and as often as the SDK tries. Either way the write is
// found to have been done, once.
func lostAnswers(t *testing.T, w *world) {
	t.Helper()
	for name, write := range map[string]struct {
		operation string
		do        func(t *testing.T, j *dynamojournal.Journal)
	}{
		"begin": {"TransactWriteItems", func(t *testing.T, j *dynamojournal.Journal) {
			t.Helper()
			if lease := begun(t, j, "r1"); lease.Fence != 1 {
				t.Errorf("the lease is %+v", lease)
			}
		}},
		"append": {"TransactWriteItems", func(t *testing.T, j *dynamojournal.Journal) {
			t.Helper()
			err := j.Append(t.Context(), "r1", 1, []engine.Event{journaltest.Confirmed(10, start()), journaltest.Confirmed(20, start())})
			if err != nil {
				t.Error(err)
			}
			if events, err := j.Events(t.Context(), "r1", 0); err != nil || len(events) != 3 {
				t.Errorf("there are %d events (%v), want 3", len(events), err)
			}
		}},
		"claim": {"UpdateItem", func(t *testing.T, j *dynamojournal.Journal) {
			t.Helper()
			seen, err := j.Lease(t.Context(), "r1")
			if err != nil {
				t.Fatal(err)
			}
			if lease, err := j.Claim(t.Context(), seen, journaltest.Build()); err != nil || lease.Fence != 2 || lease.Driver != journaltest.Build() {
				t.Errorf("claimed %+v, %v", lease, err)
			}
		}},
		"post": {"PutItem", func(t *testing.T, j *dynamojournal.Journal) {
			t.Helper()
			if number, err := j.Post(t.Context(), "r1", engine.Command{Kind: engine.RollBack, At: start()}); err != nil || number != 1 {
				t.Errorf("posted as %d, %v", number, err)
			}
			if commands, err := j.Commands(t.Context(), "r1", 0); err != nil || len(commands) != 1 {
				t.Errorf("there are %d commands (%v), want 1", len(commands), err)
			}
		}},
		"let go": {"UpdateItem", func(t *testing.T, j *dynamojournal.Journal) {
			t.Helper()
			seen, err := j.Lease(t.Context(), "r1")
			if err == nil {
				err = j.Release(t.Context(), seen)
			}
			if err != nil {
				t.Error(err)
			}
			if lease, err := j.Lease(t.Context(), "r1"); err != nil || !lease.Free {
				t.Errorf("the lease is %+v, %v", lease, err)
			}
		}},
	} {
		for _, lost := range []int{1, 4} { // four is as often as aws.Connect's clients try
			if name == "let go" && lost > 1 {
				continue // whether it was let go of is not looked for: the lease runs out
			}
			t.Run(fmt.Sprintf("%s, %d times", name, lost), func(t *testing.T) {
				t.Parallel() // the SDK waits before it tries again
				w := w.apart(t, fmt.Sprintf("%s-%d", strings.ReplaceAll(name, " ", "-"), lost))
				j := w.open(t, w.table(t))
				if name != "begin" {
					begun(t, j, "r1")
				}
				w.network.losing(write.operation, lost)
				defer w.network.losing("", 0)
				write.do(t, j)
				if calls := w.network.called(write.operation); calls < min(lost+1, 4) {
					t.Errorf("%s was called %d times: no answer was lost", write.operation, calls)
				}
			})
		}
	}
}

// writersApart begins and appends the same twice: what another wrote is not taken for
// one's own.
func writersApart(t *testing.T, w *world) {
	t.Helper()
	table := w.table(t)
	first, second := w.open(t, table), w.open(t, table)
	begun(t, first, "r1")
	_, err := second.Begin(t.Context(), "r1", journaltest.Kim(), journaltest.Started("r1", journaltest.Key(), start()))
	if err == nil {
		t.Error("a rollout was begun twice")
	}
	same := []engine.Event{journaltest.Confirmed(10, start())}
	if err := first.Append(t.Context(), "r1", 1, same); err != nil {
		t.Fatal(err)
	}
	if err := second.Append(t.Context(), "r1", 1, same); !errors.Is(err, engine.ErrStale) {
		t.Errorf("the same event of another writer was taken for its own: %v", err)
	}
}
