package console

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"serin/internal/engine"
)

// errClosed is why a driver leaves whose process ends.
var errClosed = errors.New("the process that drove it ended")

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
// Close. It returns when it has begun. No second one is begun for a service while the
// first lasts.
func (h *Host) Drive(ctx context.Context, lease engine.Lease) error {
	events, err := h.Journal.Events(ctx, lease.Rollout, 0)
	if err == nil && len(events) == 0 {
		err = fmt.Errorf("%w: %s has no events", engine.ErrNoRollout, lease.Rollout)
	}
	if err != nil {
		return errors.Join(err, h.Journal.Release(context.WithoutCancel(ctx), lease))
	}
	h.start(lease, events)
	return nil
}

// start puts a driver to work.
func (h *Host) start(lease engine.Lease, events []engine.Event) {
	rollout := engine.Fold(events)
	d := &drive{latest: engine.NewLatest[engine.Snapshot](), done: make(chan struct{})}
	t := &track{
		id: lease.Rollout, key: rollout.Key, rollout: rollout, at: h.Now(), lease: lease, drive: d,
	}
	t.add(events...)
	service := rollout.Key.Service
	d.loop = engine.NewDriver(engine.DriverOptions{
		Journal: h.Journal, Ports: h.Ports, ID: lease.Rollout, Driver: lease.Driver, Lease: lease,
		OnEvent: func(event engine.Event, after *engine.Rollout) {
			h.takeEvent(t, event)
			h.OnEvent(event, after)
		},
		Latest: d.latest, Mailbox: engine.MailboxEvery(h.Journal),
		Warn: func(words string) {
			h.change(func() bool { return h.noteFault(driving(service), errors.New(words)) })
		},
		Now: h.Now,
	})
	h.change(func() bool {
		if before := h.tracks[service]; before != nil && before.id == t.id {
			for _, command := range before.asked {
				d.loop.Post(command)
			}
		}
		h.begin(service, t)
		return true
	})
	h.drives.Go(func() { h.show(t, d) })
	h.drives.Go(func() {
		ending, err := d.loop.Run(h.driving)
		h.conclude(service, t, ended{ending, err})
		close(d.done)
	})
}

// driving is what fails when a driver warns.
func driving(service string) string { return "driving " + service }

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
			h.change(func() bool { return t.drive == d && t.takeSnapshot(snapshot, h.Now()) })
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
		t.drive = nil
		h.endings[t.id] = how
		h.noteFault(driving(service), nil)
		if how.err != nil && !errors.Is(how.err, errClosed) {
			h.noteFault(driving(service), how.err)
		}
		h.lookNow(service)
		return true
	})
}

// Driving are the services whose rollouts this process drives, or is taking over because
// something was asked of them, sorted.
func (h *Host) Driving() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var services []string
	for service, t := range h.tracks {
		if t.drive != nil || len(t.asked) > 0 {
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
