package engine

import (
	"context"
	"errors"
	"time"
)

const (
	// settleTime is how long a driver that nobody attends, or that is let go of, tries to
	// record what the journal did not take.
	settleTime = 10 * time.Second
	// settleEvery is how often it is tried at least.
	settleEvery = 5 * time.Second
)

// settle records what the journal did not take of a roll back, before the driver leaves:
// for everybody else the rollout is open until then. Where a person attends, a rollout that
// is over waits for its journal as long as its process lives.
func (d *DriveLoop) settle(ctx context.Context) error {
	until := time.Now().Add(settleTime)
	waits := d.rollout.Outcome != "" && !d.rollout.Conduct.Unattended
	for len(d.unrecorded) > 0 && d.Unclaimed == nil {
		err := d.foundBroken()
		if err == nil {
			err = d.append(ctx, recordTimeout, true, nil)
		}
		switch {
		case errors.Is(err, errCaughtUp):
			continue
		case hasFailed(err):
			d.journalHasFailed(err)
		case err != nil:
			return d.survivable(err)
		}
		d.publish()
		if err == nil || !waits && !time.Now().Before(until) {
			return nil
		}
		timer := time.NewTimer(min(time.Until(d.journalRetry), settleEvery))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}
