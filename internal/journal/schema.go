package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// applicationID marks a SQLite file as a journal of Serin: "Seri"
// (https://sqlite.org/pragma.html#pragma_application_id).
const applicationID = 0x53657269

// migrations bring a journal from the version of their index to the next one. They are
// never changed once released, only added to.
//
// Events and commands are the JSON of the engine's types: a journal can be read with
// any SQLite client. Of one service, at most one rollout is open: the partial unique
// index says so whatever the program does.
var migrations = []string{
	`CREATE TABLE rollouts (
	number      INTEGER PRIMARY KEY,
	id          TEXT    NOT NULL UNIQUE,
	account     TEXT    NOT NULL,
	region      TEXT    NOT NULL,
	environment TEXT    NOT NULL,
	service     TEXT    NOT NULL,
	open        INTEGER NOT NULL CHECK (open IN (0, 1)),
	started_at  TEXT    NOT NULL,
	last_seq    INTEGER NOT NULL,
	driver      TEXT    NOT NULL,
	fence       INTEGER NOT NULL,
	beat        INTEGER NOT NULL,
	free        INTEGER NOT NULL CHECK (free IN (0, 1))
) STRICT;
CREATE UNIQUE INDEX one_open_rollout ON rollouts (account, region, environment, service) WHERE open = 1;
CREATE INDEX rollouts_of_a_service ON rollouts (service, started_at);
CREATE TABLE events (
	rollout TEXT    NOT NULL REFERENCES rollouts (id),
	seq     INTEGER NOT NULL CHECK (seq >= 1),
	event   TEXT    NOT NULL,
	PRIMARY KEY (rollout, seq)
) STRICT;
CREATE TABLE commands (
	rollout TEXT    NOT NULL REFERENCES rollouts (id),
	number  INTEGER NOT NULL CHECK (number >= 1),
	command TEXT    NOT NULL,
	PRIMARY KEY (rollout, number)
) STRICT;`,
}

// identity is what a file says it is.
type identity struct {
	application, version, tables int
}

// identify reads what a file says, all of it as of one moment: another process may be
// making the file a journal. That takes a transaction.
func identify(ctx context.Context, tx *sql.Tx) (identity, error) {
	var found identity
	for query, to := range map[string]*int{
		"PRAGMA application_id":              &found.application,
		"PRAGMA user_version":                &found.version,
		"SELECT count(*) FROM sqlite_schema": &found.tables,
	} {
		if err := tx.QueryRowContext(ctx, query).Scan(to); err != nil {
			return identity{}, err
		}
	}
	return found, nil
}

// isPresent tells whether a file is a journal of the present version.
func (i identity) isPresent() bool {
	return i.application == applicationID && i.version == len(migrations)
}

// refusal says why a file is not to be touched; nil when it may be.
func (i identity) refusal(path string) error {
	if i.application != applicationID && (i.application != 0 || i.version != 0 || i.tables != 0) {
		return &FileError{
			Path: path, Problem: "it is a SQLite database of another program",
			Mend: "give another file with --journal",
		}
	}
	if i.version > len(migrations) {
		return &FileError{
			Path:    path,
			Problem: fmt.Sprintf("this journal was written by a newer serin (its version is %d, this serin knows %d)", i.version, len(migrations)),
			Mend:    "use that serin, or give another file with --journal",
		}
	}
	return nil
}

// prepare makes a file a journal of the present version: it refuses what is not one,
// turns the write-ahead log on and migrates. The log comes after the refusal: it would
// change another program's file.
func (s *SQLite) prepare(ctx context.Context) error {
	var found identity
	err := s.view(ctx, func(tx *sql.Tx) (err error) {
		if found, err = identify(ctx, tx); err != nil {
			return err
		}
		return found.refusal(s.path)
	})
	if err != nil {
		return err
	}
	if err := s.writeAhead(ctx); err != nil {
		return err
	}
	// One that is of the present version can be read where it cannot be written, on a disk
	// that is full.
	if found.isPresent() {
		return nil
	}
	return s.change(ctx, func(tx *sql.Tx) error { return migrate(ctx, tx, s.path) })
}

// writeAhead turns the write-ahead log on. SQLite does not wait for another process
// that does the same at the same moment, so this does.
func (s *SQLite) writeAhead(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, lockTimeout, errLocked)
	defer cancel()
	for {
		var mode string
		err := s.writer.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
		switch {
		case err == nil && mode == "wal":
			return nil
		case err == nil:
			return &FileError{
				Path: s.path, Problem: "its file system cannot share a write-ahead log between processes",
				Mend: "give a file on a local disk with --journal",
			}
		case !busy(err):
			return explain(s.path, err)
		}
		select {
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), errLocked) {
				return explain(s.path, err)
			}
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

var errLocked = errors.New("locked for too long")

// migrate applies what is missing. It looks again: another process may have been first.
func migrate(ctx context.Context, tx *sql.Tx, path string) error {
	found, err := identify(ctx, tx)
	if err != nil {
		return err
	}
	if err := found.refusal(path); err != nil {
		return err
	}
	for version := found.version; version < len(migrations); version++ {
		if _, err := tx.ExecContext(ctx, migrations[version]); err != nil {
			return fmt.Errorf("migrate to version %d: %w", version+1, err)
		}
	}
	_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, len(migrations)))
	return err
}
