package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/journal/journaltest"
)

// nobody is a user who owns nothing.
const nobody = 65534

// asNobody does something as a user who owns nothing, on a thread that ends with it. Who is
// not root is one to files that were made for reading only.
func asNobody(t *testing.T, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if os.Getuid() == 0 {
			runtime.LockOSThread()
			if err := syscall.Setfsuid(nobody); err != nil {
				t.Error(err)
				return
			}
		}
		do()
	}()
	<-done
}

// onlyReadable makes a directory, and all that is in it, readable for everybody and writable
// for nobody.
func onlyReadable(t *testing.T, directory string) {
	t.Helper()
	entries, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		err = errors.Join(err, os.Chmod(filepath.Join(directory, entry.Name()), 0o444))
	}
	err = errors.Join(err, os.Chmod(filepath.Dir(directory), 0o755), os.Chmod(directory, 0o555)) //nolint:gosec // others are to read it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(directory, 0o700) })
}

// copied is a directory with a copy of the files of a journal.
func copied(t *testing.T, path string, suffixes ...string) string {
	t.Helper()
	directory := t.TempDir()
	for _, suffix := range suffixes {
		content, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(directory, "journal.db"+suffix), string(content))
	}
	return directory
}

// TestAJournalThatIsOnlyReadable: it is read where nothing can be written, with all that is
// in it, or not at all; nothing of it is changed, and who wants to is told why.
func TestAJournalThatIsOnlyReadable(t *testing.T) {
	u := inUse(t, filepath.Join(t.TempDir(), "journal.db"))
	left := copied(t, u.path, "", "-wal", "-shm")
	torn := copied(t, u.path, "", "-wal")
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ directory, refusal string }{
		"closed":                    {copied(t, u.path, ""), ""},
		"left by one that died":     {left, ""},
		"without its shared memory": {torn, "journal.db-wal beside it cannot be read without writing there"},
	} {
		t.Run(name, func(t *testing.T) {
			onlyReadable(t, test.directory)
			asNobody(t, func() { u.isRead(t, filepath.Join(test.directory, "journal.db"), test.refusal) })
		})
	}
}

func (u *used) isRead(t *testing.T, path, refusal string) {
	t.Helper()
	if _, err := journal.Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "it cannot be written") {
		t.Errorf("who wants to write has %v", err)
	}
	j, err := journal.OpenToRead(t.Context(), path)
	if refusal != "" {
		if err == nil || !strings.Contains(err.Error(), refusal) {
			t.Errorf("who wants to read has %v", err)
		}
		return
	}
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = j.Close() }()
	events, err := j.Events(t.Context(), "r1", 0)
	headers, unlisted := j.Rollouts(t.Context(), engine.Key{}, 0)
	_, unasked := j.Commands(t.Context(), "r1", 0)
	if err := errors.Join(err, unlisted, unasked); err != nil || int64(len(events)) != u.seq || len(headers) != 2 {
		t.Errorf("%d events of %d, %d rollouts, %v", len(events), u.seq, len(headers), err)
	}
	_, posted := j.Post(t.Context(), "r1", engine.Command{Kind: engine.RollBack})
	_, claimed := j.Claim(t.Context(), u.lease, journaltest.Kim())
	for _, err := range []error{posted, claimed} {
		if _, is := errors.AsType[*journal.FileError](err); !is || !strings.Contains(err.Error(), "make the file and its directory writable") {
			t.Errorf("who writes all the same has %v", err)
		}
	}
}

// TestAJournalThatIsReadAloneAndChanges: what is read of a file alone would not show what
// somebody else writes, or be torn by it.
func TestAJournalThatIsReadAloneAndChanges(t *testing.T) {
	u := inUse(t, filepath.Join(t.TempDir(), "journal.db"))
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	directory := copied(t, u.path, "")
	path := filepath.Join(directory, "journal.db")
	onlyReadable(t, directory)
	asNobody(t, func() {
		j, err := journal.OpenToRead(t.Context(), path)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = j.Close() }()
		u.writesOn(t, directory, path)
		for what, err := range map[string]error{
			"events": second(j.Events(t.Context(), "r1", 0)), "rollouts": second(j.Rollouts(t.Context(), engine.Key{}, 0)),
			"commands": second(j.Commands(t.Context(), "r1", 0)),
		} {
			if err == nil || !strings.Contains(err.Error(), "it has changed since it was opened") {
				t.Errorf("of %s it is said: %v", what, err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

// writesOn writes to a journal as its owner.
func (u *used) writesOn(t *testing.T, directory, path string) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := errors.Join(os.Chmod(directory, 0o755), os.Chmod(path, 0o644)); err != nil { //nolint:gosec // others are to read it
			t.Error(err)
			return
		}
		u.SQLite = open(t, path)
		if err := u.Append(t.Context(), "r1", u.seq, []engine.Event{journaltest.Confirmed(10, time.Now())}); err != nil {
			t.Error(err)
		}
	}()
	<-done
}
