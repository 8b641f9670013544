package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"serin/internal/engine"
)

// askingTime bounds asking the journal who has taken over.
const askingTime = 2 * time.Second

// byWhom says in the error of a driver that was replaced who drives now. Other errors, and
// one whose journal does not answer, stay as they are.
func (d *deployment) byWhom(ctx context.Context, held engine.Lease, err error) error {
	if !errors.Is(err, engine.ErrStale) && !errors.Is(err, engine.ErrLeaseLost) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askingTime)
	defer cancel()
	now, failed := d.journal.Lease(ctx, held.Rollout)
	switch {
	case failed != nil || now.Fence == held.Fence:
		return err
	case now.Free:
		return fmt.Errorf("%w; it was taken over by %s, and is let go of now", err, now.Driver)
	default:
		return fmt.Errorf("%w; it is driven by %s now", err, now.Driver)
	}
}
