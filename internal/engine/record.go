package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errJournalRests is returned while a journal that failed is not tried again yet.
var errJournalRests = errors.New("the journal cannot be written")

// urgentRest is how long a roll back does not try a journal that has failed it: what it
// does next must not wait for the journal once more. It is shorter than LeaseTime, so that
// nobody can have taken over unseen meanwhile.
const urgentRest = 4 * time.Second

// record appends bodies to the journal and folds them into the rollout. What the
// journal does not take does not happen, except for a roll back: that goes on, and what
// could not be recorded is said and recorded later.
func (d *DriveLoop) record(ctx context.Context, bodies ...Body) error {
	if len(bodies) == 0 {
		return nil
	}
	urgent := d.mayGoUnrecorded(bodies)
	events := d.events(bodies)
	err := errJournalRests
	if !d.journalRests(urgent) {
		err = d.write(ctx, urgent, events)
	}
	// Of the two that a failed write can find out, a journal that knows more and one that
	// cannot say, neither lets a roll back go on.
	if err != nil && (!urgent || d.unsure || errors.Is(err, ErrStale) || errors.Is(err, errCaughtUp) || ctx.Err() != nil) {
		return err
	}
	if err != nil {
		d.keepUnrecorded(events)
	}
	d.take(events)
	return nil
}

func (d *DriveLoop) events(bodies []Body) []Event {
	now := d.clock.now()
	events := make([]Event, len(bodies))
	for i, body := range bodies {
		actor := d.Driver.String()
		if taken, isCommand := body.(*CommandTaken); isCommand {
			actor = taken.Command.By
		}
		events[i] = Event{Seq: d.rollout.Seq + int64(i) + 1, At: now, Actor: actor, Body: body}
	}
	return events
}

// mayGoUnrecorded tells whether bodies are a roll back's: it does not wait for the
// journal, unless it may be too late for one.
func (d *DriveLoop) mayGoUnrecorded(bodies []Body) bool {
	if d.unsure {
		return false
	}
	if d.rollout.RollingBack() {
		return !isEvidence(bodies)
	}
	for _, body := range bodies {
		if body.Kind() == KindRollbackStarted {
			return true
		}
	}
	return false
}

// isEvidence tells whether bodies are but responses: they are read again.
func isEvidence(bodies []Body) bool {
	for _, body := range bodies {
		if body.Kind() != KindObserved {
			return false
		}
	}
	return len(bodies) > 0
}

// commits tells whether bodies are the point of no return, of which the journal may know
// although its answer was lost.
func (d *DriveLoop) commits(events []Event) bool {
	for _, event := range events {
		switch event.Body.Kind() {
		case KindRemovalIntended:
			return !d.rollout.RollingBack()
		case KindRecordIntended:
			return d.rollout.First()
		default:
		}
	}
	return false
}

// journalRests tells whether a journal that failed is not tried yet.
func (d *DriveLoop) journalRests(urgent bool) bool {
	return time.Now().Before(d.journalRetry) && (!urgent || d.passed(d.journalFailed) < urgentRest)
}

// instant is a moment by the time that passes and by the wall clock. A process that was
// stopped finds out by the one, on a machine that was suspended by the other.
type instant struct{ ticks, wall time.Time }

func (d *DriveLoop) instant() instant { return instant{time.Now(), d.Now().Round(0)} }

// passed is how much time may have passed since a moment.
func (d *DriveLoop) passed(since instant) time.Duration {
	now := d.instant()
	return max(now.ticks.Sub(since.ticks), now.wall.Sub(since.wall).Abs())
}

// journalHasFailed has the journal rest, and says so.
func (d *DriveLoop) journalHasFailed(err error) {
	d.journalFailures++
	pause := min(time.Second<<min(d.journalFailures-1, 5), 30*time.Second)
	d.journalFailed, d.journalRetry, d.journalFault = d.instant(), time.Now().Add(pause), err.Error()
	d.Warn(fmt.Sprintf("the journal cannot be written: %v; nothing moves but a roll back until it can, next try in %s", err, pause))
}

func (d *DriveLoop) keepUnrecorded(events []Event) {
	d.unrecorded = append(d.unrecorded, events...)
	for _, event := range events {
		d.Warn(fmt.Sprintf("not recorded: %s at %s", event.Body.Kind(), event.At.UTC().Format(time.RFC3339)))
	}
}
