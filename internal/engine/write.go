package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// errCaughtUp is returned when the journal had events of this driver that it did not know
// to be there. It knows them now, and what it was about to record must be decided anew.
var errCaughtUp = errors.New("the journal has more of this driver's events than it knew of")

// asleep is how late an answer is that did not come in time because this process did not
// run: another driver may have taken over meanwhile.
const asleep = LeaseTime / 3

// write writes events, within a time that depends on whether a roll back waits for it.
// One that was not in time because this process slept is tried once more: a driver that
// has been replaced meanwhile must hear of it before it acts.
func (d *DriveLoop) write(ctx context.Context, urgent bool, events []Event) error {
	if d.Unclaimed != nil {
		return d.Unclaimed.Why
	}
	if err := d.foundBroken(); err != nil {
		d.journalHasFailed(err)
		return err
	}
	limit := recordTimeout
	if urgent {
		limit = urgentTimeout
	}
	began := d.instant()
	err := d.append(ctx, limit, urgent, events)
	if urgent && hasFailed(err) && d.passed(began) > asleep {
		err = d.append(ctx, limit, urgent, events)
	}
	if !hasFailed(err) {
		return err
	}
	d.unsure = d.unsure || d.commits(events)
	if !errors.Is(err, errPreempted) {
		d.journalHasFailed(err)
	}
	return err
}

// hasFailed tells whether a journal did not do what it was asked, and did not say why not
// either.
func hasFailed(err error) bool {
	return err != nil && !errors.Is(err, ErrStale) && !errors.Is(err, errCaughtUp)
}

// append writes events, after those that could not be written before. Only what is urgent
// is not interrupted by a roll back.
func (d *DriveLoop) append(ctx context.Context, limit time.Duration, urgent bool, events []Event) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if !urgent && d.took {
		if !d.armPreemption(cancel) {
			return errPreempted
		}
		defer d.armPreemption(nil)
	}
	ctx, stop := limited(ctx, limit)
	defer stop()
	all := append(slices.Clone(d.unrecorded), events...)
	err := d.appendAll(ctx, all)
	if err == nil {
		d.unrecorded = nil
		d.journalAnswered()
	}
	return err
}

func (d *DriveLoop) journalAnswered() {
	d.unsure, d.journalRetry, d.journalFailures, d.journalFault = false, time.Time{}, 0, ""
}

func (d *DriveLoop) appendAll(ctx context.Context, all []Event) error {
	before := all[0].Seq - 1
	_, err := within(ctx, func() (struct{}, error) {
		return struct{}{}, d.Journal.Append(ctx, d.ID, before, all)
	})
	if !errors.Is(err, ErrStale) {
		return err
	}
	written, err := d.ownEvents(ctx, err)
	if err != nil {
		return err
	}
	rest, is := follows(written[min(before, int64(len(written))):], all)
	if !is {
		d.catchUp(written, before)
		return errCaughtUp
	}
	if len(rest) == 0 {
		return nil
	}
	_, err = within(ctx, func() (struct{}, error) {
		return struct{}{}, d.Journal.Append(ctx, d.ID, rest[0].Seq-1, rest)
	})
	return err
}

// ownEvents reads all events of the journal, which has some that this driver did not know
// of. They are its own while the lease is: appends whose answers were lost, or the last ones
// of the driver before it. stale is the error when another driver has taken over. While it
// cannot be read which it is, nothing moves.
func (d *DriveLoop) ownEvents(ctx context.Context, stale error) ([]Event, error) {
	read, err := within(ctx, func() ([]Event, error) { return d.Journal.Events(ctx, d.ID, 0) })
	if err != nil {
		d.unsure = true
		return nil, fmt.Errorf("read what else the journal has: %w", err)
	}
	lease, err := within(ctx, func() (Lease, error) { return d.Journal.Lease(ctx, d.ID) })
	if err != nil {
		d.unsure = true
		return nil, fmt.Errorf("read whose the lease is: %w", err)
	}
	if lease.Fence != d.Lease.Fence || Fold(read).Fence > d.Lease.Fence {
		return nil, stale
	}
	return read, nil
}

// follows tells whether what was written is the beginning of all that was to be, and
// which of that is left.
func follows(written, all []Event) (rest []Event, is bool) {
	if len(written) > len(all) {
		return nil, false
	}
	for i, event := range written {
		if !sameEvent(event, all[i]) {
			return nil, false
		}
	}
	return all[len(written):], true
}

func sameEvent(a, b Event) bool { return a.Body.Kind() == b.Body.Kind() && a.At.Equal(b.At) }

// catchUp takes in what the journal has after the event with the number before. What it has
// not taken of a roll back follows that.
func (d *DriveLoop) catchUp(written []Event, before int64) {
	before = min(before, int64(len(written)))
	known := before
	for len(d.unrecorded) > 0 && known < int64(len(written)) && sameEvent(written[known], d.unrecorded[0]) {
		d.unrecorded = d.unrecorded[1:]
		known++
	}
	d.rollout = Fold(written[:known])
	for _, event := range written[known:] {
		d.rollout.Apply(event)
		d.OnEvent(event, d.rollout.clone())
		d.forget(event.Body)
	}
	left := slices.Clone(d.unrecorded)
	for i := range left {
		left[i].Seq = d.rollout.Seq + 1
		d.rollout.Apply(left[i])
	}
	d.unrecorded = left
	d.journalAnswered()
	d.publish()
	d.nudge()
}

// forget leaves out a command of the inbox that the journal has already.
func (d *DriveLoop) forget(body Body) {
	var done Command
	switch body := body.(type) {
	case *CommandTaken:
		done = body.Command
	case *CommandRefused:
		done = body.Command
	default:
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answered = append(d.answered, done)
}

// isAnswered tells whether a command is in the journal already.
func (d *DriveLoop) isAnswered(command Command) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.answered, func(done Command) bool {
		at := done.At
		done.At = command.At
		return done == command && at.Equal(command.At)
	})
}

// noAnswer is why a call of the journal was given up after a time.
type noAnswer time.Duration

func (e noAnswer) Error() string {
	return "the journal gave no answer within " + time.Duration(e).String()
}

// Is makes it a context.DeadlineExceeded, whose own words say neither who nor how long.
func (e noAnswer) Is(target error) bool { return target == context.DeadlineExceeded }

// limited bounds calls of the journal that are made within.
func limited(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, noAnswer(limit))
}

// within makes a call of the journal and waits for it until ctx ends, whether the call
// heeds that or not: one that hangs is left behind.
func within[T any](ctx context.Context, call func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		value, err := call()
		answers <- answer{value, err}
	}()
	select {
	case got := <-answers:
		if ended := ctx.Err(); ended != nil && errors.Is(got.err, ended) && HintOf(got.err) == "" {
			return got.value, context.Cause(ctx)
		}
		return got.value, got.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}
