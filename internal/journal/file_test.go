package journal_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/journal/journaltest"
)

// raw opens the file of a journal as any SQLite client would.
func raw(tb testing.TB, path string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		tb.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

func run(tb testing.TB, db *sql.DB, statement string, args ...any) {
	tb.Helper()
	if _, err := db.ExecContext(tb.Context(), statement, args...); err != nil {
		tb.Fatal(err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		make func(t *testing.T, path string)
		want string
	}{
		"a directory": {
			func(t *testing.T, path string) {
				t.Helper()
				if err := os.Mkdir(path, 0o700); err != nil {
					t.Fatal(err)
				}
			}, "it is a directory",
		},
		"a text": {
			func(t *testing.T, path string) { t.Helper(); write(t, path, strings.Repeat("not a journal\n", 100)) },
			"it is not a journal",
		},
		"another program's": {
			func(t *testing.T, path string) { t.Helper(); run(t, raw(t, path), "CREATE TABLE songs (title TEXT)") },
			"a SQLite database of another program",
		},
		"a newer serin's": {
			func(t *testing.T, path string) {
				t.Helper()
				run(t, raw(t, path), "PRAGMA application_id = 0x53657269; PRAGMA user_version = 99")
			}, "this journal was written by a newer serin (its version is 99, this serin knows 1)",
		},
		"a broken one": {
			func(t *testing.T, path string) {
				t.Helper()
				run(t, raw(t, path), "CREATE TABLE songs (title TEXT)")
				content, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				for i := 100; i < len(content); i++ {
					content[i] = 0xA5
				}
				write(t, path, string(content))
			}, "it is damaged",
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.db")
			test.make(t, path)
			before, _ := os.ReadFile(path)
			_, err := journal.Open(t.Context(), path)
			var file *journal.FileError
			if !errors.As(err, &file) || file.Mend == "" {
				t.Fatalf("error is %v, want one that says what to do", err)
			}
			if !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error is %q, want one that names the file and has %q", err, test.want)
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestAPathThatCannotBe(t *testing.T) {
	directory := t.TempDir()
	write(t, filepath.Join(directory, "file"), "x")
	_, err := journal.Open(t.Context(), filepath.Join(directory, "file", "journal.db"))
	if err == nil || !strings.Contains(err.Error(), "a part of its path is a file") {
		t.Errorf("error is %v, want one that says which part is wrong", err)
	}
	if os.Getuid() == 0 {
		return // root may write anywhere
	}
	if err := os.Chmod(directory, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err = journal.Open(t.Context(), filepath.Join(directory, "journal.db"))
	if err == nil || !strings.Contains(err.Error(), "make the file and its directory writable") {
		t.Errorf("error is %v, want one that says what to do", err)
	}
}

func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	db := raw(t, path)
	run(t, db, "BEGIN IMMEDIATE")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := j.Begin(ctx, "r1", journaltest.Kim(), journaltest.Started("r1", journaltest.Key(), time.Now()))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v: a wait for a lock did not end with its context", err)
	}
	if _, err := j.Current(t.Context(), journaltest.Key()); !errors.Is(err, engine.ErrNoRollout) {
		t.Errorf("a reader that meets a lock has %v, want no wait and %v", err, engine.ErrNoRollout)
	}
	run(t, db, "ROLLBACK")
	if _, err := j.Begin(t.Context(), "r1", journaltest.Kim(), journaltest.Started("r1", journaltest.Key(), time.Now())); err != nil {
		t.Error(err)
	}
}

func TestOneOpenRolloutIsTheDatabasesOwnRule(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	if _, err := j.Begin(t.Context(), "r1", journaltest.Kim(), journaltest.Started("r1", journaltest.Key(), time.Now())); err != nil {
		t.Fatal(err)
	}
	_, err := raw(t, path).ExecContext(t.Context(), `INSERT INTO rollouts
		SELECT 2, 'r2', account, region, environment, service, 1, started_at, last_seq, driver, fence, beat, free FROM rollouts`)
	if err == nil || !strings.Contains(err.Error(), "UNIQUE") {
		t.Errorf("error is %v: a second open rollout was written", err)
	}
}

// TestAFileThatIsGone: nothing is written to a file that nobody else can see, until it is
// put back.
func TestAFileThatIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	lease, err := j.Begin(t.Context(), "r1", journaltest.Kim(), journaltest.Started("r1", journaltest.Key(), time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	away := path + ".away"
	if err := os.Rename(path, away); err != nil {
		t.Fatal(err)
	}
	refused := func(what string) {
		t.Helper()
		_, beat := j.Beat(t.Context(), lease)
		appended := j.Append(t.Context(), "r1", 1, []engine.Event{journaltest.Confirmed(10, time.Now())})
		for _, err := range []error{beat, appended} {
			if file, is := errors.AsType[*journal.FileError](err); !is || file.Path != path || !strings.Contains(err.Error(), "removed or replaced") {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	refused("removed")
	write(t, path, "another")
	refused("replaced")
	if err := os.Rename(away, path); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Beat(t.Context(), lease); err != nil {
		t.Error(err)
	}
	if err := j.Append(t.Context(), "r1", 1, []engine.Event{journaltest.Confirmed(10, time.Now())}); err != nil {
		t.Error(err)
	}
}

// TestAJournalIsReadWhereItCannotBeWritten: who opens one of the present version writes
// nothing, so that a rollout is seen on a disk that is full too, and while another process
// has the file locked for writing.
func TestAJournalIsReadWhereItCannotBeWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	if _, err := open(t, path).Begin(t.Context(), "r1", journaltest.Kim(), journaltest.Started("r1", journaltest.Key(), time.Now())); err != nil {
		t.Fatal(err)
	}
	run(t, raw(t, path), "BEGIN IMMEDIATE")
	began := time.Now()
	j := open(t, path)
	events, err := j.Events(t.Context(), "r1", 0)
	if err != nil || len(events) != 1 || time.Since(began) > 3*time.Second {
		t.Errorf("it has %d events after %s, %v", len(events), time.Since(began), err)
	}
}

func TestRowsThatCannotBeRead(t *testing.T) {
	for name, test := range map[string]struct{ damage, want string }{
		"not JSON":       {"UPDATE events SET event = 'x' WHERE seq = 2", "event 2 cannot be read"},
		"unknown kind":   {`UPDATE events SET event = '{"seq":2,"kind":"sung","body":{}}' WHERE seq = 2`, `"sung"`},
		"unknown field":  {`UPDATE events SET event = replace(event, '"canary":10', '"canary":10,"shadow":5') WHERE seq = 2`, `it has the field "shadow", which this version of serin does not know`},
		"unknown within": {`UPDATE events SET event = replace(event, '"route":{', '"route":{"mirror":1,') WHERE seq = 2`, `it has the field "mirror", which this version of serin does not know`},
		"unknown around": {`UPDATE events SET event = replace(event, '"seq":2', '"seq":2,"signed":"x"') WHERE seq = 2`, `it has the field "signed", which this version of serin does not know`},
		"another's":      {`UPDATE events SET event = replace(event, '"seq":2', '"seq":7') WHERE seq = 2`, "it says that it is event 7"},
		"no body":        {`UPDATE events SET event = '{"seq":2,"kind":"judged"}' WHERE seq = 2`, "event 2 cannot be read"},
		"a gap":          {"DELETE FROM events WHERE seq = 2", "event 2 is missing"},
		"a lost tail":    {"DELETE FROM events WHERE seq = 3", "event 3 cannot be read: it is missing: 3 events were recorded"},
		"driver":         {"UPDATE rollouts SET driver = '{'", "its driver cannot be read"},
		"start":          {"UPDATE rollouts SET started_at = 'today'", "its time of starting cannot be read"},
		"command":        {"UPDATE commands SET command = '[]'", "command 1 cannot be read"},
		"command's gap":  {"DELETE FROM commands WHERE number = 1", "command 1 is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.db")
			j := open(t, path)
			ctx, at := t.Context(), time.Now()
			_, err := j.Begin(ctx, "r1", journaltest.Kim(), journaltest.Started("r1", journaltest.Key(), at))
			err = errors.Join(err, j.Append(ctx, "r1", 1, []engine.Event{journaltest.Confirmed(10, at), journaltest.Confirmed(20, at)}))
			_, first := j.Post(ctx, "r1", engine.Command{Kind: engine.PauseIt})
			_, second := j.Post(ctx, "r1", engine.Command{Kind: engine.ResumeIt})
			if err := errors.Join(err, first, second); err != nil {
				t.Fatal(err)
			}
			run(t, raw(t, path), test.damage)
			_, events := j.Events(ctx, "r1", 0)
			_, commands := j.Commands(ctx, "r1", 0)
			_, header := j.Current(ctx, journaltest.Key())
			err = errors.Join(events, commands, header)
			var row *journal.RowError
			if !errors.As(err, &row) || row.Rollout != "r1" {
				t.Fatalf("error is %v, want one that names the rollout and the row", err)
			}
			if !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error is %q, want one with %q and the file", err, test.want)
			}
		})
	}
}

// TestACommandOfANewerSerinIsToldFromOthers: the mailbox can be read on, and what was not
// understood is said of the one command.
func TestACommandOfANewerSerinIsToldFromOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	_, err := j.Begin(t.Context(), "r1", journaltest.Kim(), journaltest.Started("r1", journaltest.Key(), time.Now()))
	_, first := j.Post(t.Context(), "r1", engine.Command{Kind: engine.PauseIt, By: "kim"})
	_, second := j.Post(t.Context(), "r1", engine.Command{Kind: engine.RollBack, By: "lee"})
	if err := errors.Join(err, first, second); err != nil {
		t.Fatal(err)
	}
	run(t, raw(t, path), `UPDATE commands SET command = replace(command, '"by":"kim"', '"by":"kim","for":"10m"')`)
	commands, err := j.Commands(t.Context(), "r1", 0)
	if err != nil || len(commands) != 2 || !strings.Contains(commands[0].Unknown, `"for"`) || commands[0].By != "kim" || commands[1].Unknown != "" {
		t.Errorf("the mailbox has %+v, %v", commands, err)
	}
}

// FuzzRows puts anything into a row of events: reading it gives the event or an error
// that names the rollout and the row, and never a panic or a skipped row.
func FuzzRows(f *testing.F) {
	path := filepath.Join(f.TempDir(), "journal.db")
	j := open(f, path)
	at := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	_, err := j.Begin(f.Context(), "r1", journaltest.Kim(), journaltest.Started("r1", journaltest.Key(), at))
	err = errors.Join(err, j.Append(f.Context(), "r1", 1, []engine.Event{journaltest.Confirmed(10, at)}))
	if err != nil {
		f.Fatal(err)
	}
	db := raw(f, path)
	f.Add(`{"seq":2,"at":"2026-11-23T14:03:08Z","kind":"weights_confirmed","body":{"stable":70,"canary":30}}`)
	f.Add(`{"seq":2,"kind":"judged","body":null}`)
	f.Add(`{"seq":2,"kind":"started","body":{"spec":{"Steps":[{"Hold":null}]}}}`)
	f.Add(`{"seq":3,"kind":"judged","body":{}}`)
	f.Add("\x00\xff")
	f.Fuzz(func(t *testing.T, row string) {
		run(t, db, "UPDATE events SET event = ? WHERE rollout = 'r1' AND seq = 2", row)
		events, err := j.Events(t.Context(), "r1", 0)
		if err == nil {
			if len(events) != 2 || events[1].Body == nil {
				t.Fatalf("a row was skipped: %d events", len(events))
			}
			return
		}
		var broken *journal.RowError
		if !errors.As(err, &broken) || broken.Rollout != "r1" || broken.Row != "event 2" {
			t.Fatalf("error is %v, want one that names the rollout and the row", err)
		}
	})
}
