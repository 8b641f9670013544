package engine

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

// jumpLimit is how far the wall clock may move beside the time that passes before a
// driver takes notice. Steps that are smaller add up.
const jumpLimit = 30 * time.Second

// wallClock is the wall clock of a driver: set once, it goes on by the time that passes
// (package time's monotonic clock), so that it never jumps of itself. On Linux and macOS
// that time stands still while the machine is suspended, so that waking up is a jump. It
// is not safe for concurrent use.
type wallClock struct {
	read func() time.Time
	// set is what the wall clock said at the moment began.
	set, began time.Time
}

func newWallClock(read func() time.Time) wallClock {
	return wallClock{read: read, set: read().Round(0), began: time.Now()}
}

func (c wallClock) now() time.Time { return c.set.Add(time.Since(c.began)) }

// jump is how far the machine's clock has moved beside the time that passed.
func (c wallClock) jump() time.Duration { return c.read().Round(0).Sub(c.now()) }

// followClock sets the driver's clock anew after the machine's has jumped. What was read
// before is forgotten, and what is being read will be: its time is another clock's.
func (d *DriveLoop) followClock(ctx context.Context) error {
	jump := d.clock.jump()
	if jump.Abs() < jumpLimit {
		return nil
	}
	before := d.clock
	d.clock = newWallClock(before.read)
	how := fmt.Sprintf("the clock of %s jumped %s", cmp.Or(d.Driver.Place, "the driver's machine"), byHowMuch(jump))
	if err := d.record(ctx, jumped(d.rollout, jump, how, d.clock.now())...); err != nil {
		d.clock = before
		return d.survivable(err)
	}
	d.evidence, d.readingsOf = Evidence{}, d.readingsOf+1
	clear(d.rests)
	return nil
}

func byHowMuch(jump time.Duration) string {
	if jump < 0 {
		return "back by " + jump.Abs().Round(time.Second).String()
	}
	return "forward by " + jump.Round(time.Second).String()
}

// fromTheFuture is how a driver begins whose clock is behind the last event of the
// journal: nothing is said where the two agree.
func fromTheFuture(r *Rollout, now time.Time) []Body {
	ahead := r.At.Sub(now)
	if ahead < jumpLimit {
		return nil
	}
	how := fmt.Sprintf("the last event of the journal is %s in the future of this machine: its clock is wrong, or that of the driver before (%s) was",
		ahead.Round(time.Second), r.Driver)
	return jumped(r, -ahead, how, now)
}

// jumped is what must be recorded when the clock has jumped: everything that is counted
// from a time is counted by the new clock, and what is judged by the time pauses until a
// person has looked.
func jumped(r *Rollout, jump time.Duration, how string, now time.Time) []Body {
	bodies := []Body{&ClockJumped{Jump: jump, How: how}}
	if !r.isTimed() || r.Paused != nil || r.Stuck != nil {
		return bodies
	}
	return append(bodies, moment{r: r, now: now}.pause(PausedByClock, how+
		". Holds and evidence cannot be timed across that: check the clock of the machine, look at the rollout, then resume"+
		" (the hold or gate begins anew) or roll back"))
}

// isTimed tells whether what happens next depends on how long something has lasted. A
// roll back does not: it goes on.
func (r *Rollout) isTimed() bool {
	switch r.Phase {
	case Starting, Deploying, Waiting, Shifting, Holding, Gated, Baking, Promoting:
		return !r.RollingBack()
	default:
		return false
	}
}

// apply moves the times that something is counted from to the new clock. Times that the
// world's are compared with are only ever moved back: what happened after the earlier
// one is evidence, by whichever clock.
func (b *ClockJumped) apply(r *Rollout, at time.Time) {
	move := func(times ...*time.Time) {
		for _, counted := range times {
			if !counted.IsZero() {
				*counted = counted.Add(b.Jump)
			}
		}
	}
	move(&r.Entered)
	if b.Jump < 0 {
		move(&r.StartedAt, &r.ExposedAt, &r.HealthyAt)
	}
	move(&r.RecordLostAt)
	r.Change = amended(r.Change, func(change *Change) { move(&change.WrittenAt) })
	r.Removal = amended(r.Removal, func(removal *Removal) {
		move(&removal.RequestedAt, &removal.Failed, &removal.StartedAt)
	})
	r.Paused = amended(r.Paused, func(pause *Pause) { move(&pause.At) })
	r.Faults = map[Activity]ActiveFault{}
	r.AttendedAt = at
	r.Clock = Clock{}
	if r.Paused == nil && r.Stuck == nil {
		r.Clock = r.Clock.started(at)
	}
}
