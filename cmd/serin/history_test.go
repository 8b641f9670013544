package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/journal/journaltest"
)

// halfRead is a journal with a rollout that cannot be read.
type halfRead struct {
	*journal.Memory
	unread string
}

func (h halfRead) Events(ctx context.Context, id string, after int64) ([]engine.Event, error) {
	if id == h.unread {
		return nil, &journal.RowError{Path: "j", Rollout: id, Row: "event 2", Err: errors.New("it is a newer serin's")}
	}
	return h.Memory.Events(ctx, id, after)
}

func (halfRead) Close() error  { return nil }
func (halfRead) alone() string { return "" }

// history of an ID alone, or of its beginning, is that rollout's; a service of that name
// comes first.
func TestHistoryOfARolloutByItsIDAlone(t *testing.T) {
	t.Parallel()
	log, key := halfRead{journal.NewMemory(), ""}, journaltest.Key()
	named := key
	named.Service = "6b04"
	for id, key := range map[string]engine.Key{"6b04ff7297bfb3": key, "6b05aa7297bfb3": key, "6c00aa7297bfb3": named} {
		if _, err := log.Begin(t.Context(), id, journaltest.Kim(), journaltest.Started(id, key, time.Now())); err != nil {
			t.Fatal(err)
		}
		if err := log.Append(t.Context(), id, 1, []engine.Event{{At: time.Now(), Body: &engine.Finished{Outcome: engine.Succeeded}}}); err != nil {
			t.Fatal(err)
		}
	}
	for typed, want := range map[string]string{
		"6b04ff7297bfb3": "  6b04ff7297bfb3  " + key.Service, "6b05": "  6b05aa7297bfb3  " + key.Service, "6b04": "  6c00aa7297bfb3  6b04",
		"6b": "2 rollouts begin with 6b", "6d": "the journal knows no rollout of 6d in",
	} {
		var out bytes.Buffer
		there := &environment{
			program: &program{out: &out}, log: log, account: &account{},
			flags: &environmentFlags{environment: key.Environment, output: output{choice{value: "text"}}},
		}
		there.account.caller.Account, there.account.caller.Region = key.Account, key.Region
		if err := there.listPast(t.Context(), typed, 0); err != nil {
			out.WriteString(err.Error())
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s: %q is missing in %s", typed, want, out.String())
		}
	}
}

// A rollout that a newer serin wrote keeps nobody from reading of the others.
func TestARolloutThatCannotBeReadHidesNoOther(t *testing.T) {
	t.Parallel()
	log := halfRead{journal.NewMemory(), "r2"}
	for i, id := range []string{"r1", "r2", "r3"} {
		at := time.Date(2026, 11, 23, 14, i, 0, 0, time.UTC)
		if _, err := log.Begin(t.Context(), id, journaltest.Kim(), journaltest.Started(id, journaltest.Key(), at)); err != nil {
			t.Fatal(err)
		}
		if err := log.Append(t.Context(), id, 1, []engine.Event{{At: at, Body: &engine.Finished{Outcome: engine.Succeeded}}}); err != nil {
			t.Fatal(err)
		}
	}
	key := journaltest.Key()
	for _, form := range []string{"text", "json"} {
		var out bytes.Buffer
		there := &environment{
			program: &program{out: &out}, log: log, account: &account{},
			flags: &environmentFlags{environment: key.Environment, output: output{choice{value: form}}},
		}
		there.account.caller.Account, there.account.caller.Region = key.Account, key.Region
		err := there.listPast(t.Context(), key.Service, 0)
		if err == nil || !strings.Contains(err.Error(), "r2: event 2 cannot be read: it is a newer serin's") {
			t.Errorf("%s: the error is %v", form, err)
		}
		said := out.String()
		if first, last := strings.Index(said, "r3"), strings.Index(said, "r1"); first < 0 || last < first || strings.Contains(said, "r2") {
			t.Errorf("%s: it says %q", form, said)
		}
	}
}
