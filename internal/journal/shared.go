package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"serin/internal/engine"
)

var (
	_ engine.Shared = (*SQLite)(nil)
	_ engine.Shared = (*Memory)(nil)
)

// beatAll gives signs of life for leases that are a JSON list of [rollout, fence], and
// answers with those that are held.
const beatAll = `UPDATE rollouts SET beat = beat + 1 FROM json_each(?) AS held
WHERE rollouts.id = held.value ->> 0 AND rollouts.fence = held.value ->> 1 AND rollouts.free = 0
RETURNING rollouts.id, rollouts.fence`

// BeatAll implements engine.Shared, with one statement.
func (s *SQLite) BeatAll(ctx context.Context, leases []engine.Lease) ([]engine.Lease, error) {
	type name struct {
		rollout string
		fence   int64
	}
	asked := make([][2]any, len(leases))
	for i, lease := range leases {
		asked[i] = [2]any{lease.Rollout, lease.Fence}
	}
	list, err := json.Marshal(asked)
	if err != nil {
		return nil, fmt.Errorf("give signs of life: %w", err)
	}
	held := make(map[name]bool, len(leases))
	err = s.change(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, beatAll, string(list))
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }() // rows.Err has the error
		for rows.Next() {
			var one name
			if err := rows.Scan(&one.rollout, &one.fence); err != nil {
				return err
			}
			held[one] = true
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("give signs of life for %d rollouts: %w", len(leases), err)
	}
	return slices.DeleteFunc(slices.Clone(leases), func(lease engine.Lease) bool {
		return held[name{lease.Rollout, lease.Fence}]
	}), nil
}

// addressedAfter are the commands after a row. A process that drives asks several times a
// second.
const addressedAfter = "SELECT rowid, rollout FROM commands WHERE rowid > ? ORDER BY rowid"

// Addressed implements engine.Shared. The mark is the number of the last row: rows are only
// added, one after the other.
func (s *SQLite) Addressed(ctx context.Context, after int64) (rollouts []string, mark int64, err error) {
	rows, err := s.often[addressedAfter].QueryContext(ctx, after)
	if err != nil {
		return nil, after, fmt.Errorf("look for commands: %w", s.pass(err))
	}
	defer func() { _ = rows.Close() }() // rows.Err has the error
	for mark = after; rows.Next(); {
		var rollout string
		if err := rows.Scan(&mark, &rollout); err != nil {
			return nil, after, fmt.Errorf("look for commands: %w", s.pass(err))
		}
		rollouts = append(rollouts, rollout)
	}
	if err := rows.Err(); err != nil {
		return nil, after, fmt.Errorf("look for commands: %w", s.pass(err))
	}
	return rollouts, mark, nil
}

// BeatAll implements engine.Shared.
func (m *Memory) BeatAll(ctx context.Context, leases []engine.Lease) (lost []engine.Lease, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, lease := range leases {
		held, there := m.rollouts[lease.Rollout]
		if !there || held.Lease.Free || held.Lease.Fence != lease.Fence {
			lost = append(lost, lease)
			continue
		}
		held.Lease.Beat++
	}
	return lost, nil
}

// Addressed implements engine.Shared. The mark is how many commands there are.
func (m *Memory) Addressed(ctx context.Context, after int64) (rollouts []string, mark int64, err error) {
	if err := ctx.Err(); err != nil {
		return nil, after, err
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return slices.Clone(above(m.addressed, after)), int64(len(m.addressed)), nil
}
