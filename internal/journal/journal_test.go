package journal_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/journal/journaltest"
)

func open(tb testing.TB, path string) *journal.SQLite {
	tb.Helper()
	j, err := journal.Open(tb.Context(), path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := j.Close(); err != nil {
			tb.Error(err)
		}
	})
	return j
}

func TestMemory(t *testing.T) {
	journaltest.Conform(t, func(*testing.T) engine.Journal { return journal.NewMemory() })
	journaltest.ConformShared(t, func(*testing.T) engine.Shared { return journal.NewMemory() })
}

func TestSQLite(t *testing.T) {
	journaltest.Conform(t, func(t *testing.T) engine.Journal {
		t.Helper()
		return open(t, filepath.Join(t.TempDir(), "journal.db"))
	})
	journaltest.ConformShared(t, func(t *testing.T) engine.Shared {
		t.Helper()
		return open(t, filepath.Join(t.TempDir(), "journal.db"))
	})
}

func TestWhatWasAnsweredIsSeenByOthersAndOutlivesTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a directory", "100% #1?.db")
	first, second := open(t, path), open(t, path)
	at := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	if _, err := first.Begin(t.Context(), "r1", journaltest.Kim(), journaltest.Started("r1", journaltest.Key(), at)); err != nil {
		t.Fatal(err)
	}
	if err := second.Append(t.Context(), "r1", 1, []engine.Event{journaltest.Confirmed(10, at)}); err != nil {
		t.Fatal(err)
	}
	if err := first.Append(t.Context(), "r1", 1, []engine.Event{journaltest.Confirmed(10, at)}); !errors.Is(err, engine.ErrStale) {
		t.Errorf("error is %v, want %v", err, engine.ErrStale)
	}
	events, err := open(t, path).Events(t.Context(), "r1", 0)
	if err != nil || len(events) != 2 {
		t.Errorf("a third reader sees %d events (%v), want 2", len(events), err)
	}
	for name, mode := range map[string]os.FileMode{path: 0o600, path + "-wal": 0o600, filepath.Dir(path): 0o700 | os.ModeDir} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != mode {
			t.Errorf("%s has the mode %v, want %v", name, info.Mode(), mode)
		}
	}
}

const appendsOfARacer = 100

// runRacer appends until the rollout has enough events; it loses whenever the other
// process was faster, and counts what it won.
func runRacer(path string) int {
	ctx := context.Background()
	j, err := journal.Open(ctx, path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = j.Close() }()
	key, at := journaltest.Key(), time.Unix(1_800_000_000, 0)
	_, err = j.Begin(ctx, "r1", journaltest.Kim(), journaltest.Started("r1", key, at))
	if err == nil {
		fmt.Println("began")
	} else if _, taken := errors.AsType[*engine.OpenError](err); !taken {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for {
		header, err := j.Current(ctx, key)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if header.LastSeq > appendsOfARacer {
			return 0
		}
		switch err := j.Append(ctx, "r1", header.LastSeq, []engine.Event{journaltest.Confirmed(10, at)}); {
		case err == nil:
			fmt.Println("won")
		case !errors.Is(err, engine.ErrStale):
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
}

func TestProcessesRace(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "journal.db")
	var racers []*exec.Cmd
	var outputs []*strings.Builder
	for range 2 {
		var output strings.Builder
		command := exec.CommandContext(t.Context(), binary)
		command.Env = append(os.Environ(), racer+"="+path)
		command.Stdout, command.Stderr = &output, os.Stderr
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		racers, outputs = append(racers, command), append(outputs, &output)
	}
	var all string
	for i, command := range racers {
		if err := command.Wait(); err != nil {
			t.Errorf("racer %d: %v", i, err)
		}
		all += outputs[i].String()
	}
	if began := strings.Count(all, "began\n"); began != 1 {
		t.Errorf("%d processes began the rollout, want 1", began)
	}
	events, err := open(t, path).Events(t.Context(), "r1", 0)
	if err != nil {
		t.Fatal(err)
	}
	if won := strings.Count(all, "won\n"); won != len(events)-1 {
		t.Errorf("the processes appended %d events, and %d are there", won, len(events)-1)
	}
}

// Who opens a journal while another one makes it sees all of what makes it one, or none.
func TestManyMakeTheSameJournal(t *testing.T) {
	for range 40 {
		path := filepath.Join(t.TempDir(), "journal.db")
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				j, err := journal.Open(t.Context(), path)
				if err != nil {
					t.Error(err)
					return
				}
				if err := j.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
}

func BenchmarkAppend(b *testing.B) {
	j := open(b, filepath.Join(b.TempDir(), "journal.db"))
	at := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	if _, err := j.Begin(b.Context(), "r1", journaltest.Kim(), journaltest.Started("r1", journaltest.Key(), at)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	after := int64(1)
	for b.Loop() {
		if err := j.Append(b.Context(), "r1", after, []engine.Event{journaltest.Confirmed(10, at)}); err != nil {
			b.Fatal(err)
		}
		after++
	}
}

func BenchmarkAppendInMemory(b *testing.B) {
	j := journal.NewMemory()
	at := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	if _, err := j.Begin(b.Context(), "r1", journaltest.Kim(), journaltest.Started("r1", journaltest.Key(), at)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	after := int64(1)
	for b.Loop() {
		if err := j.Append(b.Context(), "r1", after, []engine.Event{journaltest.Confirmed(10, at)}); err != nil {
			b.Fatal(err)
		}
		after++
	}
}
