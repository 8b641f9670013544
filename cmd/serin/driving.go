package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"serin/internal/engine"
	"serin/internal/headless"
)

// drainLimit is how long the last lines may take to be read.
const drainLimit = 5 * time.Second

// errLeft is why a driver leaves that was interrupted twice.
var errLeft = errors.New("interrupted again: left at once")

// drive drives a rollout to its end and answers an error with its exit code.
func (d *deployment) drive(ctx context.Context, lease engine.Lease) error {
	ctx, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	queue := headless.NewQueue(d.out)
	printers := d.printers(queue)
	driver := engine.NewDriver(engine.DriverOptions{
		Journal: d.journal, Ports: d.account.ports, ID: lease.Rollout, Driver: lease.Driver, Lease: lease, Reason: d.why,
		OnEvent: func(event engine.Event, after *engine.Rollout) {
			for _, printer := range printers {
				printer.Event(event, after)
			}
		},
		Mailbox: engine.MailboxEvery(d.journal), Unclaimed: d.unclaimed, Warn: d.warn,
	})
	if err := d.goOnFrom(ctx, driver, lease); err != nil {
		return errors.Join(err, queue.Close(drainLimit))
	}
	over := make(chan struct{})
	go d.obey(driver, leave, over)
	mayStop := undelayed(func() { d.warn(notSuspended) })
	ending, err := driver.Run(ctx)
	mayStop()
	err = d.byWhom(ctx, lease, err)
	close(over)
	if err != nil {
		ending = engine.Ending{Reason: err.Error(), Rollout: ending.Rollout, Unrecorded: ending.Unrecorded}
	}
	for _, printer := range printers {
		if err := printer.End(ending); err != nil {
			d.say(err)
		}
	}
	if err := queue.Close(drainLimit); err != nil {
		d.warn("not every event could be written to stdout: " + err.Error() + "; the journal has them all")
	}
	return d.ended(ending, err)
}

func (d *deployment) printers(queue *headless.Queue) []headless.Printer {
	printers := []headless.Printer{headless.NewText(queue, d.flags.verbose)}
	if d.flags.output.json() {
		printers[0] = headless.NewJSON(queue)
	}
	if d.junit != nil {
		printers = append(printers, d.junit)
	}
	return printers
}

// goOnFrom makes the report whole with what happened before, and lets a rollout go on
// that stood still.
func (d *deployment) goOnFrom(ctx context.Context, driver *engine.DriveLoop, lease engine.Lease) error {
	if !d.flags.resume {
		return nil
	}
	events, err := d.past(ctx, lease)
	if err != nil {
		return err
	}
	rollout := &engine.Rollout{}
	for _, event := range events {
		rollout.Apply(event)
		if d.junit != nil {
			d.junit.Event(event, rollout)
		}
	}
	if command, asks := d.first(rollout); asks {
		driver.Post(command)
	}
	return nil
}

// past are the events of a rollout that was taken over. One that cannot be read is let go
// of: this process would not drive it, and nobody else could.
func (d *deployment) past(ctx context.Context, lease engine.Lease) ([]engine.Event, error) {
	events, err := d.journal.Events(ctx, lease.Rollout, 0)
	if err == nil || d.unclaimed != nil {
		return events, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
	defer cancel()
	if left := d.journal.Release(ctx, lease); left != nil {
		err = fmt.Errorf("%w. Nor could rollout %s be let go of: it can be taken over in %s: %w", err, lease.Rollout, engine.LeaseTime, left)
	} else {
		err = fmt.Errorf("%w. Rollout %s was let go of again, and nobody drives it", err, lease.Rollout)
	}
	return nil, fmt.Errorf("%w; go on with: %s", err, d.again)
}

// obey does what the first signal asks for, and leaves at once when another insists.
func (d *deployment) obey(driver *engine.DriveLoop, leave context.CancelCauseFunc, over <-chan struct{}) {
	kind, words := engine.RollBack, "rolling back"
	if d.flags.onInterrupt.value == "hold" {
		kind, words = engine.LetGoOfIt, "letting go"
	}
	var received os.Signal
	select {
	case received = <-d.signals:
	case <-over:
		return
	}
	d.warn(received.String() + ": " + words + "; once more to leave at once")
	driver.Post(engine.Command{
		Kind: kind, By: d.account.actor(d.lookup), At: time.Now(), Reason: received.String(), Interrupt: true,
	})
	if isInsistent(d.signals, over) {
		leave(errLeft)
	}
}

// ended says what remains to be done and answers the exit code as an error.
func (d *deployment) ended(ending engine.Ending, err error) error {
	if err != nil {
		d.say(err)
	}
	code := headless.ExitCode(ending)
	switch {
	case errors.Is(err, engine.ErrStale), errors.Is(err, engine.ErrLeaseLost):
		// Another driver goes on with it.
	case d.flags.sandbox && code != headless.ExitSucceeded:
		d.warn("the private sandbox and its rollout are gone")
	case ending.Outcome == "" || ending.Outcome == engine.Held || ending.Outcome == engine.StuckOutcome:
		d.warn("the rollout is open; go on with: " + d.again)
	}
	if missing := ending.Missing(); missing != "" && !d.flags.sandbox {
		d.warn(missing + ": serin rollback " + d.spec.MicroserviceName)
	}
	if code == headless.ExitSucceeded {
		return nil
	}
	return &exitError{code: code}
}
