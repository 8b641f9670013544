package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	sqlite3 "modernc.org/sqlite/lib"

	"serin/internal/engine"
)

// usedFile is a file of a journal as it was when the journal was opened.
type usedFile struct {
	path string
	was  os.FileInfo
}

// keep remembers the files of a journal that is open: its own, and those that SQLite has
// beside it, or beside what a link leads to: the write-ahead log, and the memory by which
// processes find their way in that.
func (s *SQLite) keep() error {
	led, err := filepath.EvalSymlinks(s.path)
	if err != nil {
		return explainFile(s.path, err)
	}
	s.log = led + "-wal"
	var files []usedFile
	for _, path := range []string{s.path, s.log, led + "-shm"} {
		info, err := os.Stat(path)
		if err != nil {
			return explainFile(s.path, err)
		}
		files = append(files, usedFile{path, info})
	}
	s.files = files
	return nil
}

// stay opens a connection that nobody uses, and so nobody interrupts: as long as there is
// one, no process that closes the journal takes the files beside it away.
func (s *SQLite) stay(ctx context.Context) error {
	anchor, err := s.reader.Conn(ctx)
	if err != nil {
		return explain(s.path, err)
	}
	s.anchor = anchor
	var version int
	return explain(s.path, anchor.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version))
}

// isThere refuses to write to files that nobody else can open any more: SQLite would, and
// another process would make new ones and begin a rollout of the same service.
func (s *SQLite) isThere() error {
	for _, used := range s.files {
		now, err := os.Stat(used.path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(now, used.was) {
			return s.gone(used.path)
		}
	}
	return nil // what else is wrong SQLite finds out, and says it better
}

func (s *SQLite) gone(path string) error {
	told := &FileError{
		Path: s.path, Problem: "it was removed or replaced while it was in use", Mend: "put the file back that was there", Broken: true,
	}
	if path != s.path {
		told.Problem = filepath.Base(path) + " beside it was removed or replaced while it was in use"
		told.Mend += ", or have whoever drives roll back: what was recorded last nobody else can read"
	}
	return told
}

// logBegins are the beginnings of a write-ahead log: one of two magic numbers, and the
// version of its format (https://sqlite.org/fileformat2.html#the_write_ahead_log).
var logBegins = map[uint64]bool{0x377f0682_002de218: true, 0x377f0683_002de218: true}

// hasLog finds out whether the log begins as one, unless it is empty. SQLite looks only
// when it is opened after a crash, and takes one without a beginning for empty. Of the files
// it has no lock on this one, which a process loses when it closes a file that it is on.
func (s *SQLite) hasLog() error {
	if s.files == nil {
		return nil
	}
	file, err := os.Open(s.log)
	if err != nil {
		return explainFile(s.path, err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	var begins [8]byte
	if n, err := file.ReadAt(begins[:], 0); n == 0 && errors.Is(err, io.EOF) || err == nil && logBegins[binary.BigEndian.Uint64(begins[:])] {
		return nil
	}
	told := damaged(s.path)
	told.Problem = filepath.Base(s.log) + " beside it is damaged"
	return told
}

// recorded finds an event of a rollout where others would, on another connection: what a
// writer has of a file that is damaged may be in its own memory alone.
const recorded = "SELECT count(*) FROM rollouts r JOIN events e ON e.rollout = r.id AND e.seq = ?2 WHERE r.id = ?1 AND r.last_seq >= ?2"

// readBack is what is answered of events up to a number that were written, or were not
// because there are others: a file that is damaged is not believed either way.
func (s *SQLite) readBack(ctx context.Context, id string, seq int64, answer error) error {
	if answer != nil && !errors.Is(answer, engine.ErrStale) {
		return answer
	}
	var found bool
	err := s.explain(s.often[recorded].QueryRowContext(ctx, id, seq).Scan(&found))
	switch {
	case errors.Is(err, engine.ErrBroken):
		return err
	case answer != nil:
		return answer
	case err == nil && !found:
		return damaged(s.path)
	}
	return err
}

// damaged is the error of a file that is.
func damaged(path string) *FileError {
	known := sqliteWords[sqlite3.SQLITE_CORRUPT]
	return &FileError{Path: path, Problem: known.problem, Mend: known.mend, Broken: true}
}

// Is tells that what a broken file takes may be found by nobody: it is engine.ErrBroken.
func (e *FileError) Is(target error) bool { return e.Broken && target == engine.ErrBroken }
