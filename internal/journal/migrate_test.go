package journal_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/journal/journaltest"
)

// TestJournalsOfEveryVersionAreRead opens files that serins of every version of the
// journal have written, each with a rollout that succeeded and one that was rolled back,
// and goes on with them. A new version needs a file here.
func TestJournalsOfEveryVersionAreRead(t *testing.T) {
	files, err := filepath.Glob("testdata/version-*.sqlite")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no files, %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "journal.db")
			write(t, path, string(content))
			j := open(t, path)
			headers, err := j.Rollouts(t.Context(), engine.Key{}, 0)
			if err != nil || len(headers) != 2 {
				t.Fatalf("it has %+v, %v", headers, err)
			}
			want := []struct {
				outcome engine.Outcome
				image   string
				steps   int
			}{{engine.RolledBack, "yelb-appserver:late", 2}, {engine.Succeeded, "yelb-appserver:fixed", 4}}
			for i, header := range headers {
				events, err := j.Events(t.Context(), header.ID, 0)
				if err != nil {
					t.Fatal(err)
				}
				r := engine.Fold(events)
				if r.ID != header.ID || r.Outcome != want[i].outcome || r.Canary.Image != want[i].image || len(r.Plan.Steps) != want[i].steps || r.Driver.Actor == "" {
					t.Errorf("rollout %d is %s, %s of %s in %d steps by %+v", i, r.ID, r.Outcome, r.Canary.Image, len(r.Plan.Steps), r.Driver)
				}
				if last := events[len(events)-1].Seq; header.LastSeq != last || header.Open {
					t.Errorf("rollout %d has %d events, %+v", i, last, header)
				}
			}
			if _, err := j.Begin(t.Context(), "new", journaltest.Kim(), journaltest.Started("new", journaltest.Key(), time.Now())); err != nil {
				t.Error(err)
			}
		})
	}
}

// A file that a serin made and was killed before it put its tables in is as a new one.
func TestAJournalThatWasJustMadeIsMigrated(t *testing.T) {
	for name, setting := range map[string]string{
		"empty": "PRAGMA user_version = 0", "marked": "PRAGMA application_id = 0x53657269", "with a log": "PRAGMA journal_mode = WAL",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.db")
			db := raw(t, path)
			run(t, db, setting)
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			j := open(t, path)
			if _, err := j.Begin(t.Context(), "r1", journaltest.Kim(), journaltest.Started("r1", journaltest.Key(), time.Now())); err != nil {
				t.Error(err)
			}
		})
	}
}

// A file that says it is a journal and has no tables is an error, and no empty journal.
func TestAFileWithoutItsTablesIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	run(t, raw(t, path), "PRAGMA application_id = 0x53657269; PRAGMA user_version = 1")
	j, err := journal.Open(t.Context(), path)
	if err == nil {
		defer func() { _ = j.Close() }()
		_, err = j.Rollouts(t.Context(), engine.Key{}, 0)
	}
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v, want an error that names the file", err)
	}
}
