package main

import (
	"time"

	"serin/internal/engine"
)

// first is what the driver of a rollout that is gone on with is asked first; false for
// nothing.
func (d *deployment) first(r *engine.Rollout) (engine.Command, bool) {
	if d.asks != nil {
		return d.asks(r)
	}
	return d.resumption("serin deploy --resume"), r.Paused != nil || r.Stuck != nil
}

// resumption lets a rollout go on that stands still; reason is what was asked for.
func (d *deployment) resumption(reason string) engine.Command {
	return engine.Command{Kind: engine.ResumeIt, By: d.account.actor(d.lookup), At: time.Now(), Reason: reason}
}
