package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"serin/internal/engine"
)

// ErrOver is returned when events are appended to a rollout that has finished.
var ErrOver = errors.New("the rollout is over: its journal is closed")

// RowError is a row of a journal that cannot be read. Nothing is skipped: a rollout
// with such a row is not driven.
type RowError struct {
	// Path is the journal's file, or another journal's name.
	Path string
	// Rollout is the rollout's ID; Row names the row: "event 17".
	Rollout, Row string
	Err          error
}

// Error names the journal, the rollout and the row.
func (e *RowError) Error() string {
	return fmt.Sprintf("journal %s: rollout %s: %s cannot be read: %v", e.Path, e.Rollout, e.Row, e.Err)
}

// Unwrap is the cause.
func (e *RowError) Unwrap() error { return e.Err }

// FirstBody is the body of a rollout's first event, which must be Started and of the same
// rollout. Every journal asks it before it begins one.
func FirstBody(id string, first engine.Event) (*engine.Started, error) {
	body, ok := first.Body.(*engine.Started)
	if !ok {
		return nil, fmt.Errorf("begin rollout %s: its first event must be %s", id, engine.KindStarted)
	}
	if id == "" || body.ID != id {
		return nil, fmt.Errorf("begin rollout %q: its first event is of rollout %q", id, body.ID)
	}
	return body, nil
}

// Numbered are events as they are recorded: numbered from after+1, in UTC. The caller's
// are left alone. The second result tells whether they close the rollout.
func Numbered(after int64, events []engine.Event) (recorded []engine.Event, closes bool, err error) {
	recorded = make([]engine.Event, len(events))
	for i, event := range events {
		if event.Body == nil {
			return nil, false, errors.New("an event without a body")
		}
		if closes {
			return nil, false, fmt.Errorf("a %s event after the %s one", event.Body.Kind(), engine.KindFinished)
		}
		event.Seq = after + 1 + int64(i)
		event.At = event.At.Round(0).UTC()
		recorded[i] = event
		closes = event.Body.Kind() == engine.KindFinished
	}
	return recorded, closes, nil
}

// Begin implements engine.Journal.
func (s *SQLite) Begin(ctx context.Context, id string, driver engine.Driver, first engine.Event) (engine.Lease, error) {
	body, err := FirstBody(id, first)
	if err != nil {
		return engine.Lease{}, err
	}
	events, _, err := Numbered(0, []engine.Event{first})
	if err != nil {
		return engine.Lease{}, fmt.Errorf("begin rollout %s: %w", id, err)
	}
	err = s.change(ctx, func(tx *sql.Tx) error {
		switch open, err := s.openRollout(ctx, tx, body.Key); {
		case err == nil:
			return &engine.OpenError{Header: open}
		case !errors.Is(err, engine.ErrNoRollout):
			return err
		}
		who, err := json.Marshal(driver)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO rollouts
			(id, account, region, environment, service, open, started_at, last_seq, driver, fence, beat, free)
			VALUES (?, ?, ?, ?, ?, 1, ?, 1, ?, 1, 1, 0)`,
			id, body.Key.Account, body.Key.Region, body.Key.Environment, body.Key.Service,
			events[0].At.Format(sortable), string(who))
		if err != nil {
			return err
		}
		return insert(ctx, tx, id, events)
	})
	if err = s.readBack(ctx, id, 1, err); err != nil {
		return engine.Lease{}, fmt.Errorf("begin rollout %s: %w", id, err)
	}
	return engine.Lease{Rollout: id, Driver: driver, Fence: 1, Beat: 1}, nil
}

// Append implements engine.Journal. Appending to a finished rollout fails with ErrOver.
func (s *SQLite) Append(ctx context.Context, id string, after int64, events []engine.Event) error {
	recorded, closes, err := Numbered(after, events)
	if err != nil {
		return fmt.Errorf("append to rollout %s: %w", id, err)
	}
	err = s.change(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx,
			"UPDATE rollouts SET last_seq = ?, open = ? WHERE id = ? AND last_seq = ? AND open = 1",
			after+int64(len(recorded)), !closes, id, after)
		if err != nil {
			return err
		}
		if changed, err := result.RowsAffected(); err != nil || changed == 1 {
			return errors.Join(err, insert(ctx, tx, id, recorded))
		}
		return whyNotAppended(ctx, tx, id, after)
	})
	if err = s.readBack(ctx, id, after+int64(len(recorded)), err); err != nil {
		return fmt.Errorf("append to rollout %s: %w", id, err)
	}
	return nil
}

// whyNotAppended says why no rollout could be appended to.
func whyNotAppended(ctx context.Context, tx *sql.Tx, id string, after int64) error {
	var last int64
	err := tx.QueryRowContext(ctx, "SELECT last_seq FROM rollouts WHERE id = ?", id).Scan(&last)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return engine.ErrNoRollout
	case err != nil:
		return err
	case last != after:
		return engine.ErrStale
	}
	return ErrOver
}

func insert(ctx context.Context, tx *sql.Tx, id string, events []engine.Event) error {
	for _, event := range events {
		row, err := json.Marshal(event)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO events (rollout, seq, event) VALUES (?, ?, ?)", id, event.Seq, string(row)); err != nil {
			return err
		}
	}
	return nil
}

// Events implements engine.Journal. A row that is missing, or that cannot be read, is a
// *RowError.
func (s *SQLite) Events(ctx context.Context, id string, after int64) ([]engine.Event, error) {
	var events []engine.Event
	err := s.view(ctx, func(tx *sql.Tx) error {
		var last int64
		err := tx.QueryRowContext(ctx, "SELECT last_seq FROM rollouts WHERE id = ?", id).Scan(&last)
		if errors.Is(err, sql.ErrNoRows) {
			return engine.ErrNoRollout
		}
		if err != nil {
			return err
		}
		read := func(number int64, row []byte) error {
			event, err := DecodeEvent(number, after+1+int64(len(events)), row)
			events = append(events, event)
			return err
		}
		err = s.rows(ctx, tx, id, "SELECT seq, event FROM events WHERE rollout = ? AND seq > ? ORDER BY seq", after, read)
		if err != nil {
			return err
		}
		if next := after + 1 + int64(len(events)); next <= last {
			return s.rowError(id, "event", next, fmt.Errorf("it is missing: %d events were recorded", last))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the events of rollout %s: %w", id, err)
	}
	return events, nil
}

// DecodeEvent reads one row of a journal, which must be the next one.
func DecodeEvent(number, next int64, row []byte) (engine.Event, error) {
	var event engine.Event
	if number != next {
		return event, fmt.Errorf("event %d is missing before it", next)
	}
	if err := json.Unmarshal(row, &event); err != nil {
		return engine.Event{}, err
	}
	if event.Seq != number {
		return event, fmt.Errorf("it says that it is event %d", event.Seq)
	}
	return event, nil
}

// rows reads the numbered rows of a rollout, one by one.
func (s *SQLite) rows(ctx context.Context, tx *sql.Tx, id, query string, after int64, read func(number int64, row []byte) error) error {
	rows, err := tx.QueryContext(ctx, query, id, after)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // rows.Err has the error
	for rows.Next() {
		var number int64
		var row sql.RawBytes
		if err := rows.Scan(&number, &row); err != nil {
			return err
		}
		if err := read(number, row); err != nil {
			return s.rowError(id, "event", number, err)
		}
	}
	return rows.Err()
}

func (s *SQLite) rowError(id, what string, number int64, err error) error {
	return &RowError{Path: s.path, Rollout: id, Row: fmt.Sprintf("%s %d", what, number), Err: err}
}
