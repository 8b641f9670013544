package journal

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	sqlite3 "modernc.org/sqlite/lib"
)

// OpenToRead opens a journal that is only to be read, if need be: one that cannot be written
// is there all the same, and what would change it fails with the reason.
func OpenToRead(ctx context.Context, path string) (*SQLite, error) {
	s, err := Open(ctx, path)
	if !isUnwritable(err) {
		return s, err
	}
	path, absolute := filepath.Abs(path)
	if _, missing := os.Stat(path); absolute != nil || missing != nil {
		return nil, err
	}
	return openAsIs(ctx, path, err)
}

// isUnwritable tells whether a journal could not be opened because nothing can be written
// to it, or beside it.
func isUnwritable(err error) bool {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return true
	}
	switch codeOf(err) {
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR:
		return true
	}
	return false
}

// openAsIs opens a file and changes nothing, also beside it. To read what is in its log
// SQLite needs the shared memory beside it. Where that is not there nobody writes to the
// journal: when there is nothing in a log either, the file alone is all of it.
func openAsIs(ctx context.Context, path string, why error) (*SQLite, error) {
	own, err := os.Stat(path)
	if err != nil {
		return nil, explainFile(path, err)
	}
	led, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, explainFile(path, err)
	}
	if _, err := os.Stat(led + "-shm"); err == nil {
		return readOnly(ctx, path, why, "mode", "ro")
	}
	if unread := unreadLog(path); unread != nil {
		return nil, unread
	}
	s, err := readOnly(ctx, path, why, "mode", "ro", "immutable", "1")
	if err != nil {
		return nil, err
	}
	s.asIs = own
	if err := s.isAsItWas(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// readOnly opens a file of the present version without a connection that writes.
func readOnly(ctx context.Context, path string, why error, settings ...string) (*SQLite, error) {
	reader, err := connect(path, readers, append(settings, "_pragma", "query_only(1)")...)
	if err != nil {
		return nil, explain(path, err)
	}
	s := &SQLite{path: path, reader: reader, unwritable: why}
	err = s.view(ctx, func(tx *sql.Tx) error {
		found, err := identify(ctx, tx)
		switch {
		case err != nil:
			return err
		case found.refusal(path) != nil:
			return found.refusal(path)
		case !found.isPresent():
			return why
		}
		return nil
	})
	if err == nil {
		err = s.learn(ctx, rolloutsOf, commandsOf, addressedAfter)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// unreadLog is the error of a log that has something in it, where the file alone is read;
// nil when there is none.
func unreadLog(path string) error {
	led, err := filepath.EvalSymlinks(path)
	if err != nil {
		return explainFile(path, err)
	}
	switch info, err := os.Stat(led + "-wal"); {
	case errors.Is(err, fs.ErrNotExist), err == nil && info.Size() == 0:
		return nil
	case err != nil:
		return explainFile(path, err)
	}
	return &FileError{
		Path: path, Problem: "what is in " + filepath.Base(led) + "-wal beside it cannot be read without writing there",
		Mend: "copy both files to a directory of your own, and give that with --journal",
	}
}

// isAsItWas finds out whether a file that is read alone is still all of the journal: what
// somebody else writes goes into a log first, and then changes the file. It is asked after
// something was read.
func (s *SQLite) isAsItWas() error {
	if s.asIs == nil {
		return nil
	}
	now, err := os.Stat(s.path)
	if err != nil {
		return explainFile(s.path, err)
	}
	if os.SameFile(now, s.asIs) && now.ModTime().Equal(s.asIs.ModTime()) && now.Size() == s.asIs.Size() && unreadLog(s.path) == nil {
		return nil
	}
	return &FileError{Path: s.path, Problem: "it has changed since it was opened, to be read only", Mend: "open it again"}
}
