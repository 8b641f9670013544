package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// FileError is a journal's file that cannot be used: which, why, and what to do.
type FileError struct {
	Path string
	// Problem says what is wrong, Mend what to do about it.
	Problem, Mend string
	// Err is the cause; it may be nil.
	Err error
	// Broken is true where what is written to it may be found by nobody.
	Broken bool
}

// Error is the file, the problem and what to do.
func (e *FileError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("journal %s: %s (%v): %s", e.Path, e.Problem, e.Err, e.Mend)
	}
	return fmt.Sprintf("journal %s: %s: %s", e.Path, e.Problem, e.Mend)
}

// Unwrap is the cause.
func (e *FileError) Unwrap() error { return e.Err }

// words are a problem and its mend.
type words struct{ problem, mend string }

// sqliteWords is the table of SQLite's primary result codes that a person can mend
// (https://sqlite.org/rescode.html).
var sqliteWords = map[int]words{
	sqlite3.SQLITE_BUSY:     {"another process has locked it for too long", "find that process (fuser FILE) and try again"},
	sqlite3.SQLITE_LOCKED:   {"another process has locked it for too long", "find that process (fuser FILE) and try again"},
	sqlite3.SQLITE_READONLY: {"it cannot be written", "make the file and its directory writable, or give another one with --journal"},
	sqlite3.SQLITE_PERM:     {"it cannot be written", "make the file and its directory writable, or give another one with --journal"},
	sqlite3.SQLITE_FULL:     {"the disk is full", "make room, or give a file on another disk with --journal"},
	sqlite3.SQLITE_IOERR:    {"the disk does not answer as it should", "check the disk, or give a file on another one with --journal"},
	sqlite3.SQLITE_CANTOPEN: {"it cannot be opened", "check the file and its directory, or give another one with --journal"},
	sqlite3.SQLITE_NOTADB:   {"it is not a journal", "give another file with --journal"},
	sqlite3.SQLITE_CORRUPT: {
		"it is damaged", "move it away together with its -wal and -shm files, look at the routes of open rollouts, and start with a new one",
	},
}

// explain turns an error of SQLite into words for an operator. The context's errors
// pass through, and so do those that are not SQLite's.
func explain(path string, err error) error {
	var failure *sqlite.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case !errors.As(err, &failure):
		return fmt.Errorf("journal %s: %w", path, err)
	}
	code := codeOf(err)
	if known, found := sqliteWords[code]; found {
		return &FileError{Path: path, Problem: known.problem, Mend: known.mend, Err: err, Broken: code == sqlite3.SQLITE_CORRUPT}
	}
	return fmt.Errorf("journal %s: %w", path, err)
}

// codeOf is the primary result code of an error of SQLite, the low byte of an extended one;
// 0 for other errors. A file that ends too soon is damaged, and not the disk's fault, and so
// is one without a table.
func codeOf(err error) int {
	var failure *sqlite.Error
	switch {
	case !errors.As(err, &failure):
		return 0
	case failure.Code() == sqlite3.SQLITE_IOERR_SHORT_READ,
		failure.Code() == sqlite3.SQLITE_ERROR && strings.Contains(failure.Error(), "no such table"):
		return sqlite3.SQLITE_CORRUPT
	}
	return failure.Code() & 0xff
}

// busy tells whether an error is another process' lock.
func busy(err error) bool { return codeOf(err) == sqlite3.SQLITE_BUSY }

// explainFile is explain for the errors of the file system.
func explainFile(path string, err error) error {
	problem := words{"it cannot be opened", "check the path, or give another one with --journal"}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		problem = sqliteWords[sqlite3.SQLITE_FULL]
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		problem = sqliteWords[sqlite3.SQLITE_READONLY]
	case errors.Is(err, syscall.ENOTDIR):
		problem = words{"a part of its path is a file, not a directory", "give another path with --journal"}
	}
	return &FileError{Path: path, Problem: problem.problem, Mend: problem.mend, Err: err}
}
