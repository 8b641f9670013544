package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"serin/internal/engine"
)

// Lease implements engine.Journal.
func (s *SQLite) Lease(ctx context.Context, id string) (engine.Lease, error) {
	var lease engine.Lease
	err := s.view(ctx, func(tx *sql.Tx) error {
		header, err := s.header(ctx, tx, id)
		lease = header.Lease
		return err
	})
	if err != nil {
		return engine.Lease{}, fmt.Errorf("read the lease of rollout %s: %w", id, err)
	}
	return lease, nil
}

// Claim implements engine.Journal.
func (s *SQLite) Claim(ctx context.Context, seen engine.Lease, driver engine.Driver) (engine.Lease, error) {
	who, err := json.Marshal(driver)
	if err != nil {
		return engine.Lease{}, fmt.Errorf("claim rollout %s: %w", seen.Rollout, err)
	}
	lease, err := s.updateLease(ctx, seen.Rollout,
		"UPDATE rollouts SET driver = ?, fence = fence + 1, beat = beat + 1, free = 0 WHERE id = ? AND (free = 1 OR (fence = ? AND beat = ?))",
		string(who), seen.Rollout, seen.Fence, seen.Beat)
	if err != nil {
		return engine.Lease{}, fmt.Errorf("claim rollout %s: %w", seen.Rollout, err)
	}
	return lease, nil
}

// Beat implements engine.Journal.
func (s *SQLite) Beat(ctx context.Context, lease engine.Lease) (engine.Lease, error) {
	beaten, err := s.updateLease(ctx, lease.Rollout,
		"UPDATE rollouts SET beat = beat + 1 WHERE id = ? AND fence = ? AND free = 0", lease.Rollout, lease.Fence)
	if err != nil {
		return engine.Lease{}, fmt.Errorf("give a sign of life for rollout %s: %w", lease.Rollout, err)
	}
	return beaten, nil
}

// Release implements engine.Journal.
func (s *SQLite) Release(ctx context.Context, lease engine.Lease) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		if _, err := s.header(ctx, tx, lease.Rollout); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE rollouts SET free = 1 WHERE id = ? AND fence = ?", lease.Rollout, lease.Fence)
		return err
	})
	if err != nil {
		return fmt.Errorf("let go of rollout %s: %w", lease.Rollout, err)
	}
	return nil
}

// updateLease changes a lease and reads it; ErrLeaseLost when the condition of the
// statement was not met.
func (s *SQLite) updateLease(ctx context.Context, id, statement string, args ...any) (engine.Lease, error) {
	var lease engine.Lease
	err := s.change(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		changed, err := result.RowsAffected()
		if err != nil {
			return err
		}
		header, err := s.header(ctx, tx, id)
		if err != nil {
			return err
		}
		if changed == 0 {
			return engine.ErrLeaseLost
		}
		lease = header.Lease
		return nil
	})
	return lease, err
}
