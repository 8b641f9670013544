package journal_test

import (
	"bytes"
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

// used is a journal with a rollout that is written to, and some of which is in its file, not
// in its log alone.
type used struct {
	*journal.SQLite
	path  string
	lease engine.Lease
	seq   int64
}

func inUse(t *testing.T, path string) *used {
	t.Helper()
	before := open(t, path)
	key := journaltest.Key()
	key.Service = "another"
	if _, err := before.Begin(t.Context(), "r0", journaltest.Kim(), journaltest.Started("r0", key, time.Now())); err != nil {
		t.Fatal(err)
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	u := &used{SQLite: open(t, path), path: path, seq: 1}
	lease, err := u.Begin(t.Context(), "r1", journaltest.Kim(), journaltest.Started("r1", journaltest.Key(), time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	u.lease = lease
	for range 20 {
		if err := errors.Join(u.append(t), u.beat(t)); err != nil {
			t.Fatal(err)
		}
	}
	return u
}

func (u *used) append(t *testing.T) error {
	t.Helper()
	err := u.Append(t.Context(), "r1", u.seq, []engine.Event{journaltest.Confirmed(10, time.Now())})
	if err == nil {
		u.seq++
	}
	return err
}

func (u *used) beat(t *testing.T) error {
	t.Helper()
	_, err := u.Beat(t.Context(), u.lease)
	return err
}

// isBroken checks that an error says which file is broken, and what to do.
func (u *used) isBroken(t *testing.T, what string, err error, words string) {
	t.Helper()
	file, is := errors.AsType[*journal.FileError](err)
	if !is || !errors.Is(err, engine.ErrBroken) || file.Path != u.path || file.Mend == "" || !strings.Contains(err.Error(), words) {
		t.Errorf("%s: %v, want that it is broken and %q", what, err, words)
	}
}

// spoil overwrites a file.
func spoil(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.Write(bytes.Repeat([]byte{0xA5}, int(info.Size())))
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsWrittenToADamagedFileIsNotRecorded: SQLite takes it, from what it has in its
// memory, and nobody else would find it.
func TestWhatIsWrittenToADamagedFileIsNotRecorded(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"overwritten":     func(t *testing.T, path string) { t.Helper(); spoil(t, path); spoil(t, path+"-wal") },
		"log overwritten": func(t *testing.T, path string) { t.Helper(); spoil(t, path+"-wal") },
		"log emptied": func(t *testing.T, path string) {
			t.Helper()
			if err := os.Truncate(path+"-wal", 0); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			u := inUse(t, filepath.Join(t.TempDir(), "journal.db"))
			damage(t, u.path)
			u.isBroken(t, "an event", u.append(t), "damaged")
			_, err := u.Commands(t.Context(), "r1", 0)
			u.isBroken(t, "the mailbox", err, "it is damaged")
			u.isBroken(t, "another event", u.append(t), "damaged")
		})
	}
}

// TestALogThatWasEmptiedIsNotOne: what is read has come into the file before, so that all of
// it can be read; but a log without a beginning counts for nothing after a crash.
func TestALogThatWasEmptiedIsNotOne(t *testing.T) {
	u := inUse(t, filepath.Join(t.TempDir(), "journal.db"))
	run(t, raw(t, u.path), "PRAGMA wal_checkpoint(PASSIVE)")
	if err := errors.Join(u.append(t), os.Truncate(u.path+"-wal", 0)); err != nil {
		t.Fatal(err)
	}
	u.isBroken(t, "a sign of life", u.beat(t), "journal.db-wal beside it is damaged")
}

// TestAFileBesideThatIsGone: who opens the journal then sees nothing of what is written to a
// log that has no name any more.
func TestAFileBesideThatIsGone(t *testing.T) {
	for _, suffix := range []string{"-wal", "-shm"} {
		t.Run(suffix, func(t *testing.T) {
			directory := t.TempDir()
			path, link := filepath.Join(directory, "journal.db"), filepath.Join(directory, "link.db")
			if err := os.Symlink(path, link); err != nil {
				t.Fatal(err)
			}
			u := inUse(t, link)
			if err := open(t, path).Close(); err != nil {
				t.Fatal(err)
			}
			if err := u.append(t); err != nil {
				t.Fatalf("after another one was there: %v", err)
			}
			if err := os.Rename(path+suffix, path+".away"); err != nil {
				t.Fatal(err)
			}
			words := "journal.db" + suffix + " beside it was removed or replaced"
			u.isBroken(t, "removed", u.append(t), words)
			u.isBroken(t, "removed", u.beat(t), words)
			write(t, path+suffix, "another")
			u.isBroken(t, "replaced", u.append(t), words)
			if err := os.Rename(path+".away", path+suffix); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(u.append(t), u.beat(t)); err != nil {
				t.Errorf("put back: %v", err)
			}
		})
	}
}
