package steer

import (
	"context"
	"time"

	"serin/internal/engine"
)

// Told is who is told what a watcher sees.
type Told struct {
	// Event is told every event, in order, with the rollout after it, which it must not
	// keep.
	Event func(engine.Event, *engine.Rollout)
	// Life is told when it becomes known that nobody drives any more, and that somebody
	// drives again.
	Life func(*View, Life)
	// Fault is told that the journal cannot be read, once for each error; nil when it can
	// be again.
	Fault func(error)
}

// retryLimit is the longest pause before a journal that could not be read is tried again.
const retryLimit = 30 * time.Second

// Watch looks at a rollout until it is over or ctx ends, and answers how it ended. A
// journal that cannot be read is tried again, but for one that knows no such rollout.
func (v *View) Watch(ctx context.Context, every time.Duration, told Told) (engine.Ending, error) {
	watching := watcher{View: v, told: told}
	for {
		if err := watching.look(ctx); err != nil {
			return engine.Ending{}, err
		}
		if v.rollout.Outcome != "" {
			return v.rollout.Ending(), nil
		}
		if !rest(ctx, max(every, watching.pause)) {
			return v.rollout.Ending(), context.Cause(ctx)
		}
	}
}

// watcher is a view with what was said of it.
type watcher struct {
	*View
	told Told
	// driverless is what was said last.
	driverless bool
	fault      string
	// pause is how long a journal rests that could not be read.
	pause time.Duration
}

// look looks once, and tells what is new. The error is one that does not pass.
func (w *watcher) look(ctx context.Context) error {
	_, err := w.Look(ctx, w.told.Event)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return w.failed(err)
	}
	if w.fault != "" {
		w.fault, w.pause = "", 0
		w.told.Fault(nil)
	}
	life := w.Life()
	if w.rollout.Outcome == "" && life.Driverless() != w.driverless {
		w.driverless = life.Driverless()
		w.told.Life(w.View, life)
	}
	return nil
}

// failed says once what is wrong with the journal. What it says of a rollout that was
// never read does not pass.
func (w *watcher) failed(err error) error {
	if w.rollout.Seq == 0 {
		return err
	}
	w.pause = min(max(2*w.pause, time.Second), retryLimit)
	if w.fault != err.Error() {
		w.fault = err.Error()
		w.told.Fault(err)
	}
	return nil
}
