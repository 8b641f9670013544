package journal

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"serin/internal/engine"
)

// lockTimeout is how long a change waits for another process' change to end.
const lockTimeout = 10 * time.Second

// readers is how many reads go on at once. Reads wait for nobody.
const readers = 4

// SQLite is a journal in a SQLite file, shared by any number of processes of one
// machine. A change is on disk when its method has answered: every transaction is
// synced (synchronous=FULL on a write-ahead log). It is safe for concurrent use.
type SQLite struct {
	path string
	// writer is one connection, so that the goroutines of this process queue up in order
	// and only processes contend for SQLite's lock; reader is several that never wait.
	writer, reader *sql.DB
	// often are the statements that are asked so often that reading their words again each
	// time would cost more than their answers.
	often map[string]*sql.Stmt
	// anchor is a connection of reader that is never used.
	anchor *sql.Conn
	// files are what was opened, log the path of one of them, the write-ahead log.
	files []usedFile
	log   string
	// unwritable is why it was opened for reading only; nil where it can be written. asIs is
	// its own file where that alone is read, and must stay as it is.
	unwritable error
	asIs       os.FileInfo
}

var _ engine.Journal = (*SQLite)(nil)

// Open opens the journal in a file, and makes the file (0600), its directory (0700) and
// its tables where they are missing. A file that is not a journal, or a newer serin's,
// is refused untouched; errors about the file are a *FileError. Close it after use.
func Open(ctx context.Context, path string) (*SQLite, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if err := makeFile(path); err != nil {
		return nil, err
	}
	s := &SQLite{path: path}
	if s.writer, err = connect(path, 1, "_txlock", "immediate"); err != nil {
		return nil, explain(path, err)
	}
	if s.reader, err = connect(path, readers+1, "_pragma", "query_only(1)"); err != nil {
		return nil, errors.Join(explain(path, err), s.writer.Close())
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.learn(ctx, rolloutsOf, commandsOf, addressedAfter, recorded); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := errors.Join(s.stay(ctx), s.keep()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// learn prepares statements that are asked often. They are closed with their reader.
func (s *SQLite) learn(ctx context.Context, statements ...string) error {
	s.often = make(map[string]*sql.Stmt, len(statements))
	for _, statement := range statements {
		prepared, err := s.reader.PrepareContext(ctx, statement)
		if err != nil {
			return explain(s.path, err)
		}
		s.often[statement] = prepared
	}
	return nil
}

// Path is the journal's file, absolute.
func (s *SQLite) Path() string { return s.path }

// Close closes the file. What was answered is on disk without it.
func (s *SQLite) Close() error {
	if s.anchor != nil {
		_ = s.anchor.Close() // it goes back to the others, which are closed
	}
	if s.writer == nil {
		return s.explain(s.reader.Close())
	}
	return s.explain(errors.Join(s.reader.Close(), s.writer.Close()))
}

// makeFile makes an empty file and its directory, where there is none, for this user
// alone; SQLite gives the files beside it the same mode. A new file's name is synced to
// its directory: SQLite syncs what is in the file.
func makeFile(path string) error {
	if info, err := os.Stat(path); err == nil {
		return checkFile(path, info)
	}
	directory := filepath.Dir(path)
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return explainFile(path, err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return explainFile(path, err)
	}
	if err := file.Close(); err != nil {
		return explainFile(path, err)
	}
	return syncDirectory(path, directory)
}

func syncDirectory(path, directory string) error {
	parent, err := os.Open(directory)
	if err != nil {
		return explainFile(path, err)
	}
	// Some file systems cannot sync a directory; on those the name is as safe as it gets.
	_ = parent.Sync()
	return parent.Close()
}

func checkFile(path string, info os.FileInfo) error {
	if !info.Mode().IsRegular() {
		what := "it is not a file"
		if info.IsDir() {
			what = "it is a directory"
		}
		return &FileError{Path: path, Problem: what, Mend: "give a file with --journal, such as " + filepath.Join(path, "journal.db")}
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return explainFile(path, err)
	}
	return file.Close()
}

// connect makes a pool of connections to a file; more are settings of it, names and values.
func connect(path string, connections int, more ...string) (*sql.DB, error) {
	query := url.Values{
		"_busy_timeout": {strconv.FormatInt(lockTimeout.Milliseconds(), 10)},
		"_error_rc":     {"1"},
		"_pragma":       {"synchronous(FULL)", "foreign_keys(1)"},
	}
	for setting := range slices.Chunk(more, 2) {
		query.Add(setting[0], setting[1])
	}
	address := url.URL{Scheme: "file", Path: path, OmitHost: true, RawQuery: query.Encode()}
	connector, err := sqlite.NewConnector(address.String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// change runs a transaction that has SQLite's write lock from its beginning. Errors of
// the engine pass through; SQLite's are explained.
func (s *SQLite) change(ctx context.Context, do func(tx *sql.Tx) error) error {
	if err := cmp.Or(s.unwritable, s.isThere()); err != nil {
		return err
	}
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return s.explain(err)
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // the first error is the one to tell; without a commit nothing was changed
		return s.pass(err)
	}
	if err := tx.Commit(); err != nil {
		return s.explain(err)
	}
	return s.hasLog()
}

// view runs a transaction that sees one state of the journal.
func (s *SQLite) view(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return s.explain(err)
	}
	err = do(tx)
	_ = tx.Rollback() // nothing was changed
	return s.pass(cmp.Or(s.isAsItWas(), err))
}

// pass explains an error unless it is in the caller's words already.
func (s *SQLite) pass(err error) error {
	var open *engine.OpenError
	var file *FileError
	var row *RowError
	switch {
	case errors.As(err, &open), errors.As(err, &file), errors.As(err, &row),
		errors.Is(err, engine.ErrStale), errors.Is(err, engine.ErrLeaseLost), errors.Is(err, engine.ErrNoRollout),
		errors.Is(err, ErrOver):
		return err
	}
	return s.explain(err)
}

// explain is the error in words for an operator. What was a journal when it was opened, and
// is none now, is damaged.
func (s *SQLite) explain(err error) error {
	told := explain(s.path, err)
	if file, is := errors.AsType[*FileError](told); is && s.files != nil && codeOf(err) == sqlite3.SQLITE_NOTADB {
		broken := damaged(s.path)
		broken.Err = file.Err
		return broken
	}
	return told
}
