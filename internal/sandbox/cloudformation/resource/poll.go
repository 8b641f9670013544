package resource

import (
	"context"
	"time"

	"serin/internal/sandbox/region"
)

// leastInterval keeps a poll from spinning at a pace that is nearly nought.
const leastInterval = 20 * time.Millisecond

// Notifier is a service that says when something in it has changed: the channel is
// closed at the next change after the call.
type Notifier interface {
	Changed() <-chan struct{}
}

// poll asks until it is answered with done or an error: again whenever the service
// says that something changed, else after an interval of pace 1.
func poll(ctx context.Context, pace region.Pace, service any, interval time.Duration, ask func(context.Context) (bool, error)) error {
	notifier, notifies := service.(Notifier)
	for {
		var changed <-chan struct{}
		if notifies {
			changed = notifier.Changed()
		}
		done, err := ask(ctx)
		if done || err != nil {
			return err
		}
		timer := time.NewTimer(max(pace.Scale(interval), leastInterval))
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}
