package steer

import (
	"context"
	"fmt"
	"time"

	"serin/internal/engine"
)

// Journal is what a view needs of a journal.
type Journal interface {
	// Events reads the events of a rollout with numbers above after, ascending.
	Events(ctx context.Context, id string, after int64) ([]engine.Event, error)
	// Lease reads the lease of a rollout.
	Lease(ctx context.Context, id string) (engine.Lease, error)
	// Post puts a command into a rollout's mailbox and returns its number.
	Post(ctx context.Context, id string, command engine.Command) (int64, error)
}

var _ Journal = engine.Journal(nil)

// View is one rollout as it is followed. It is for one goroutine.
type View struct {
	journal Journal
	id      string
	rollout engine.Rollout
	signs   signs
	// already is, of the commands that changed nothing, what was so already.
	already map[int64]string
}

// NewView is a view of a rollout that nothing is known of yet. gone tells for certain
// that a driver's process has ended; nil for nobody who could.
func NewView(journal Journal, id string, gone func(engine.Driver) bool) *View {
	if gone == nil {
		gone = func(engine.Driver) bool { return false }
	}
	return &View{journal: journal, id: id, signs: signs{gone: gone}, already: map[int64]string{}}
}

// Look reads what is new, and answers the events that were not known. told is told each
// of them, with the rollout after it, which it must not keep; nil for nobody. A rollout
// without an event is engine.ErrNoRollout.
func (v *View) Look(ctx context.Context, told func(engine.Event, *engine.Rollout)) ([]engine.Event, error) {
	// The lease comes first: what its holder recorded before it let go is then known too.
	lease, err := v.journal.Lease(ctx, v.id)
	if err != nil {
		return nil, err
	}
	events, err := v.journal.Events(ctx, v.id, v.rollout.Seq)
	if err != nil {
		return nil, err
	}
	for _, event := range events {
		v.rollout.Apply(event)
		if taken, is := event.Body.(*engine.CommandTaken); is {
			v.already[taken.Command.Number] = taken.Command.Kind.Already(&v.rollout)
		}
		if told != nil {
			told(event, &v.rollout)
		}
	}
	if v.rollout.Seq == 0 {
		return nil, fmt.Errorf("%w: %s has no events", engine.ErrNoRollout, v.id)
	}
	v.signs.take(lease, time.Now())
	return events, nil
}

// Rollout is the rollout as it was when it was last looked at. It changes with the next
// look.
func (v *View) Rollout() *engine.Rollout { return &v.rollout }

// Lease is the lease as it was last read.
func (v *View) Lease() engine.Lease { return v.signs.lease }

// Life is what is known of the driver now.
func (v *View) Life() Life { return v.signs.life(time.Now()) }

// Seems is Life by everything that is known of the driver: as long as nothing is known of
// its lease, one that recorded something within engine.LeaseTime seems to be alive. It is
// to be shown; whoever takes a rollout over goes by Life, which compares no clocks.
func (v *View) Seems() Life {
	if life := v.Life(); life != Unknown || !v.recordedLately() {
		return life
	}
	return Alive
}

// recordedLately tells whether something was recorded within engine.LeaseTime. A time far
// in the future is another clock's, and says nothing.
func (v *View) recordedLately() bool { return time.Since(v.rollout.At).Abs() < engine.LeaseTime }

// LastSeen is when the driver last gave a sign of life, as far as is known: its lease
// changed, or it recorded something.
func (v *View) LastSeen() time.Time {
	if v.signs.beaten && v.signs.since.After(v.rollout.At) {
		return v.signs.since
	}
	return v.rollout.At
}

// Ascertain looks until it is known whether somebody drives, for engine.LeaseTime at
// most. A rollout that is over, and one of which something was recorded within that time,
// are looked at once.
func (v *View) Ascertain(ctx context.Context, every time.Duration) error {
	return v.lookUntil(ctx, every, func() bool {
		return v.Seems() != Unknown
	})
}

// Find looks until it is known for certain whether somebody drives, whatever was recorded
// when: for engine.LeaseTime at most. A driver that lives is found within a third of it.
func (v *View) Find(ctx context.Context, every time.Duration) error {
	return v.lookUntil(ctx, every, func() bool { return v.Life() != Unknown })
}

// lookUntil looks until enough is known, or the rollout is over.
func (v *View) lookUntil(ctx context.Context, every time.Duration, known func() bool) error {
	for {
		if _, err := v.Look(ctx, nil); err != nil {
			return err
		}
		if v.rollout.Outcome != "" || known() {
			return nil
		}
		if !rest(ctx, every) {
			return context.Cause(ctx)
		}
	}
}
