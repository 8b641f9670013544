package console

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"serin/internal/engine"
)

// errClosed is why a driver leaves whose process ends, errClosing why nothing is begun.
var (
	errClosed  = errors.New("the process that drove it ended")
	errClosing = errors.New("this process is ending: nothing is begun any more")
)

// drive is a rollout that this process drives.
type drive struct {
	loop   *engine.DriveLoop
	latest *engine.Latest[engine.Snapshot]
	done   chan struct{}
}

// ended is how a drive ended.
type ended struct {
	engine.Ending
	err error
}

// Drive drives the rollout of a lease that this process holds, until its end or until
// Close; reason is why, in the words of whoever took it over, and may be empty. It returns
// when it has begun; with an error, the lease has been let go of. No second one is begun for
// a service while the first lasts.
func (h *Host) Drive(ctx context.Context, lease engine.Lease, reason string) error {
	events, err := h.Journal.Events(ctx, lease.Rollout, 0)
	if err == nil && len(events) == 0 {
		err = fmt.Errorf("%w: %s has no events", engine.ErrNoRollout, lease.Rollout)
	}
	if err == nil && !h.start(lease, events, reason, nil) {
		err = errClosing
	}
	if err != nil {
		return errors.Join(err, h.letGo(ctx, lease))
	}
	return nil
}

// letGo lets go of a lease that this process does not drive with.
func (h *Host) letGo(ctx context.Context, lease engine.Lease) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), mailTime)
	defer cancel()
	if err := h.Journal.Release(ctx, lease); err != nil {
		return fmt.Errorf("could not let go of rollout %s: it can be taken over in %s: %w", lease.Rollout, engine.LeaseTime, err)
	}
	return nil
}

// start puts a driver to work, with the reason why it takes over, if it does. It only rolls
// back where unclaimed is not nil. False is the answer when the host is closed.
func (h *Host) start(lease engine.Lease, events []engine.Event, reason string, unclaimed *engine.Unclaimed) bool {
	rollout := engine.Fold(events)
	d := &drive{latest: engine.NewLatest[engine.Snapshot](), done: make(chan struct{})}
	t := &track{
		id: lease.Rollout, key: rollout.Key, rollout: rollout, at: h.Now(), lease: lease, drive: d,
	}
	t.add(events...)
	service := rollout.Key.Service
	d.loop = engine.NewDriver(engine.DriverOptions{
		Journal: h.Journal, Ports: h.Ports, ID: lease.Rollout, Driver: lease.Driver, Lease: lease, Reason: reason,
		OnEvent: func(event engine.Event, after *engine.Rollout) {
			h.takeEvent(t, event)
			h.OnEvent(event, after)
		},
		// What keeps it from its journal is in its snapshots and in its ending.
		Latest: d.latest, Mailbox: engine.MailboxEvery(h.Journal), Upkeep: h.upkeep, Now: h.Now,
		Unclaimed: unclaimed,
	})
	begun := false
	h.change(func() bool {
		if h.closed {
			return false
		}
		if before := h.tracks[service]; before != nil && before.id == t.id {
			for _, command := range before.asked {
				d.loop.Post(command)
			}
		}
		h.begin(service, t)
		h.goes(func() { h.show(t, d) })
		h.goes(func() {
			defer h.Driven()()
			ending, err := d.loop.Run(h.driving)
			h.conclude(service, t, ended{ending, err})
			close(d.done)
		})
		begun = true
		return true
	})
	return begun
}

// driving is what fails when a driver cannot do what it should with its journal.
func driving(service string) string { return "driving " + service }

// troubled is what a driver's trouble with its journal means; nil without any.
func troubled(snapshot engine.Snapshot) error {
	trouble := snapshot.Trouble
	switch {
	case trouble.Unrecorded > 0 && snapshot.Rollout.Outcome != "":
		return fmt.Errorf("the roll back is done and not recorded (%d events): for everybody else the rollout is open. "+
			"Mend the journal, and leave this running until it has recorded them: %s", trouble.Unrecorded, trouble.Journal)
	case trouble.Unrecorded > 0:
		return fmt.Errorf("not recorded yet: %d events of the roll back, which goes on. Mend the journal: %s", trouble.Unrecorded, trouble.Journal)
	case trouble.Journal != "":
		return fmt.Errorf("the journal cannot be written, and nothing moves but a roll back until it can: %s", trouble.Journal)
	case trouble.Mailbox != "":
		return fmt.Errorf("commands that others post are not seen: %s", trouble.Mailbox)
	}
	return nil
}

// takeEvent keeps an event of a drive. The snapshot that follows it makes the scene.
func (h *Host) takeEvent(t *track, event engine.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t.add(event)
}

// show shows what a driver shows, until it is done.
func (h *Host) show(t *track, d *drive) {
	for {
		snapshot, changed := d.latest.Get()
		if snapshot.Rollout != nil {
			h.change(func() bool {
				if t.drive != d {
					return false
				}
				troubled := h.noteUndone(driving(t.key.Service), troubled(snapshot))
				news := t.takeSnapshot(snapshot, h.Now())
				return h.takeCounted(t) || news || troubled
			})
		}
		select {
		case <-changed:
		case <-d.done:
			return
		}
	}
}

// conclude notes how a drive ended. A rollout that is still open is followed from then
// on, as those of others are.
func (h *Host) conclude(service string, t *track, how ended) {
	h.change(func() bool {
		if snapshot, _ := t.drive.latest.Get(); snapshot.Rollout != nil {
			t.takeSnapshot(snapshot, h.Now())
		}
		if how.Rollout == nil {
			how.Rollout = t.rollout
		}
		// The journal may have it otherwise than this driver did.
		t.drive, t.again = nil, true
		h.endings[t.id] = how
		h.noteUndone(driving(service), how.remains())
		h.takeCounted(t)
		nudge(h.metricsWake)
		h.lookNow(service)
		return true
	})
}

// remains is what an operator must know of a drive that has ended; nil when nothing
// remains to be done.
func (e ended) remains() error {
	var remains []error
	if e.err != nil && !errors.Is(e.err, errClosed) {
		remains = append(remains, e.err)
	}
	if missing := e.Missing(); missing != "" {
		remains = append(remains, errors.New(missing))
	}
	if e.Kept != nil {
		remains = append(remains, fmt.Errorf("could not let go of it: it can be taken over in %s: %w", engine.LeaseTime, e.Kept))
	}
	return errors.Join(remains...)
}

// Driving are the services whose rollouts this process drives, or is taking over because
// something was asked of them, sorted. One that is over is not among them, although its
// driver may still have to record that.
func (h *Host) Driving() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var services []string
	for service, t := range h.tracks {
		if t.drive != nil && t.rollout.Outcome == "" || len(t.asked) > 0 {
			services = append(services, service)
		}
	}
	slices.Sort(services)
	return services
}

// Ask asks the same of every rollout that this process drives, as an interrupt does.
func (h *Host) Ask(command engine.Command) {
	for _, service := range h.Driving() {
		// One that ended just now needs no asking.
		_ = h.Post(service, command)
	}
}

// Wait waits until this process drives nothing, or until ctx ends.
func (h *Host) Wait(ctx context.Context) error {
	for {
		_, changed := h.Scene()
		if len(h.Driving()) == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Ending is how the driving of a rollout by this process ended; false while it has not.
func (h *Host) Ending(rollout string) (engine.Ending, error, bool) { //nolint:revive // the error is a part of the ending
	h.mu.Lock()
	defer h.mu.Unlock()
	how, is := h.endings[rollout]
	return how.Ending, how.err, is
}

// Endings are how the drives of this process ended, by rollout.
func (h *Host) Endings() map[string]engine.Ending {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make(map[string]engine.Ending, len(h.endings))
	for id, how := range h.endings {
		all[id] = how.Ending
	}
	return all
}
