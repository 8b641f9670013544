package journal

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"serin/internal/engine"
)

// sortable is a time in UTC as text that sorts as the times do.
const sortable = "2006-01-02T15:04:05.000000000Z07:00"

// headerColumns are what scanHeader reads, in its order.
const headerColumns = "id, account, region, environment, service, open, started_at, last_seq, driver, fence, beat, free"

// Current implements engine.Journal.
func (s *SQLite) Current(ctx context.Context, key engine.Key) (engine.Header, error) {
	var header engine.Header
	err := s.view(ctx, func(tx *sql.Tx) (err error) {
		header, err = s.openRollout(ctx, tx, key)
		return err
	})
	if err != nil {
		return engine.Header{}, fmt.Errorf("read the open rollout of %s: %w", key, err)
	}
	return header, nil
}

func (s *SQLite) openRollout(ctx context.Context, tx *sql.Tx, key engine.Key) (engine.Header, error) {
	return s.scanHeader(tx.QueryRowContext(ctx, "SELECT "+headerColumns+` FROM rollouts
		WHERE account = ? AND region = ? AND environment = ? AND service = ? AND open = 1`,
		key.Account, key.Region, key.Environment, key.Service).Scan)
}

// Rollouts implements engine.Journal. An empty field of the key stands for every value.
func (s *SQLite) Rollouts(ctx context.Context, key engine.Key, limit int) ([]engine.Header, error) {
	if limit <= 0 {
		limit = -1 // SQLite's word for no limit
	}
	headers, err := s.rollouts(ctx, key, limit)
	if err = cmp.Or(s.isAsItWas(), err); err != nil {
		return nil, fmt.Errorf("list the rollouts: %w", s.pass(err))
	}
	return headers, nil
}

// rolloutsOf are the newest rollouts of a key. A console asks every second.
const rolloutsOf = "SELECT " + headerColumns + ` FROM rollouts
	WHERE ?1 IN ('', account) AND ?2 IN ('', region) AND ?3 IN ('', environment) AND ?4 IN ('', service)
	ORDER BY started_at DESC, number DESC LIMIT ?5`

func (s *SQLite) rollouts(ctx context.Context, key engine.Key, limit int) ([]engine.Header, error) {
	rows, err := s.often[rolloutsOf].QueryContext(ctx, key.Account, key.Region, key.Environment, key.Service, limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err has the error
	var headers []engine.Header
	for rows.Next() {
		header, err := s.scanHeader(rows.Scan)
		if err != nil {
			return nil, err
		}
		headers = append(headers, header)
	}
	return headers, rows.Err()
}

// scanHeader reads one row of headerColumns; ErrNoRollout when there is none.
func (s *SQLite) scanHeader(scan func(into ...any) error) (engine.Header, error) {
	var header engine.Header
	var startedAt string
	var driver []byte
	err := scan(&header.ID, &header.Key.Account, &header.Key.Region, &header.Key.Environment, &header.Key.Service,
		&header.Open, &startedAt, &header.LastSeq, &driver, &header.Lease.Fence, &header.Lease.Beat, &header.Lease.Free)
	if errors.Is(err, sql.ErrNoRows) {
		return engine.Header{}, engine.ErrNoRollout
	}
	if err != nil {
		return engine.Header{}, err
	}
	header.Lease.Rollout = header.ID
	if header.StartedAt, err = time.Parse(sortable, startedAt); err != nil {
		return engine.Header{}, &RowError{Path: s.path, Rollout: header.ID, Row: "its time of starting", Err: err}
	}
	if err := json.Unmarshal(driver, &header.Lease.Driver); err != nil {
		return engine.Header{}, &RowError{Path: s.path, Rollout: header.ID, Row: "its driver", Err: err}
	}
	return header, nil
}

func (s *SQLite) header(ctx context.Context, tx *sql.Tx, id string) (engine.Header, error) {
	return s.scanHeader(tx.QueryRowContext(ctx, "SELECT "+headerColumns+" FROM rollouts WHERE id = ?", id).Scan)
}
