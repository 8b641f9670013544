package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errJournalRests is returned while a journal that failed is not tried again yet.
var errJournalRests = errors.New("the journal cannot be written")

// record appends bodies to the journal and folds them into the rollout. What the
// journal does not take does not happen, except for a roll back: that goes on, and what
// could not be recorded is said and recorded later.
func (d *DriveLoop) record(ctx context.Context, bodies ...Body) error {
	if len(bodies) == 0 {
		return nil
	}
	urgent := d.mayGoUnrecorded(bodies)
	if time.Now().Before(d.journalRetry) && !urgent {
		return errJournalRests
	}
	events := d.events(bodies)
	timeout := recordTimeout
	if urgent {
		timeout = urgentTimeout
	}
	err := d.append(ctx, timeout, events)
	if errors.Is(err, ErrStale) {
		return err
	}
	if err != nil {
		d.journalFailed(err)
		if !urgent {
			return err
		}
		d.keepUnrecorded(events)
	}
	for _, event := range events {
		d.rollout.Apply(event)
		d.OnEvent(event, d.rollout.clone())
	}
	d.publish()
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

// append writes events, after those that could not be written before.
func (d *DriveLoop) append(ctx context.Context, timeout time.Duration, events []Event) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	all := append(append([]Event(nil), d.unrecorded...), events...)
	err := d.Journal.Append(ctx, d.ID, all[0].Seq-1, all)
	if errors.Is(err, ErrStale) {
		err = d.appendRest(ctx, all, err)
	}
	if err != nil {
		return err
	}
	d.unrecorded, d.journalRetry, d.journalFailures = nil, time.Time{}, 0
	return nil
}

// appendRest finds out whether the events that the journal has, and this driver did not
// know of, are its own: an append whose answer was lost. Then what follows them is
// appended. stale is the error when they are another driver's.
func (d *DriveLoop) appendRest(ctx context.Context, all []Event, stale error) error {
	lease, err := d.Journal.Lease(ctx, d.ID)
	if err != nil || lease.Fence != d.Lease.Fence {
		return stale
	}
	written, err := d.Journal.Events(ctx, d.ID, all[0].Seq-1)
	if err != nil || len(written) > len(all) {
		return stale
	}
	for i, event := range written {
		if event.Body.Kind() != all[i].Body.Kind() {
			return stale
		}
	}
	if rest := all[len(written):]; len(rest) > 0 {
		return d.Journal.Append(ctx, d.ID, rest[0].Seq-1, rest)
	}
	return nil
}

// mayGoUnrecorded tells whether bodies are a roll back's: it does not wait for the
// journal.
func (d *DriveLoop) mayGoUnrecorded(bodies []Body) bool {
	if d.rollout.RollingBack() {
		return true
	}
	for _, body := range bodies {
		if body.Kind() == KindRollbackStarted {
			return true
		}
	}
	return false
}

func (d *DriveLoop) journalFailed(err error) {
	d.journalFailures++
	pause := min(time.Second<<min(d.journalFailures-1, 5), 30*time.Second)
	d.journalRetry = time.Now().Add(pause)
	d.Warn(fmt.Sprintf("the journal cannot be written: %v; nothing moves but a roll back until it can, next try in %s", err, pause))
}

func (d *DriveLoop) keepUnrecorded(events []Event) {
	d.unrecorded = append(d.unrecorded, events...)
	for _, event := range events {
		d.Warn(fmt.Sprintf("not recorded: %s at %s", event.Body.Kind(), event.At.UTC().Format(time.RFC3339)))
	}
}
