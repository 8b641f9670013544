package console

import (
	"context"
	"errors"
	"fmt"
	"time"

	"serin/internal/engine"
)

// Post implements scene.Host.
func (h *Host) Post(service string, command engine.Command) error {
	if h.ReadOnly {
		return errReadOnly
	}
	h.mu.Lock()
	t := h.tracks[service]
	if t == nil || t.rollout.Outcome != "" {
		h.mu.Unlock()
		return fmt.Errorf("%s has no open rollout", service)
	}
	d, lease, lost, letGo := t.drive, t.lease, t.lost, t.rollout.LetGo
	h.mu.Unlock()
	if d != nil {
		d.loop.Post(h.signed(command))
		return nil
	}
	switch {
	case letGo || lease.Free:
		return fmt.Errorf("nobody drives the rollout of %s: take it over first", service)
	case lost:
		return fmt.Errorf("%s, which drove the rollout of %s, gives no sign of life: take it over first", lease.Driver, service)
	}
	h.drives.Go(func() { h.mail(t.id, service, h.signed(command)) })
	return nil
}

// mailTime is how long the journal may take to take a command.
const mailTime = 5 * time.Second

// mail puts a command into the mailbox of a rollout that another process drives. That it
// could not is shown as a fault until one is taken.
func (h *Host) mail(id, service string, command engine.Command) {
	ctx, cancel := context.WithTimeout(context.Background(), mailTime)
	defer cancel()
	_, err := h.Journal.Post(ctx, id, command)
	h.change(func() bool { return h.noteFault("asking "+service, err) })
}

// errReadOnly is the answer to everything that would change anything.
var errReadOnly = errors.New("this console is read-only")

// signed is a command with who asks and when.
func (h *Host) signed(command engine.Command) engine.Command {
	if command.By == "" {
		command.By = h.Driver.Actor
	}
	if command.At.IsZero() {
		command.At = h.Now()
	}
	return command
}

// TakeOver implements scene.Host. A driver that gives signs of life keeps its rollout; to
// find that out may take engine.LeaseTime.
func (h *Host) TakeOver(ctx context.Context, service string) error {
	if h.ReadOnly {
		return errReadOnly
	}
	h.mu.Lock()
	t := h.tracks[service]
	if t == nil || t.rollout.Outcome != "" {
		h.mu.Unlock()
		return fmt.Errorf("%s has no open rollout", service)
	}
	if t.drive != nil {
		h.mu.Unlock()
		return fmt.Errorf("this process drives the rollout of %s already", service)
	}
	seen, lost := t.lease, t.lost
	header := engine.Header{ID: t.id, Key: t.key, Open: true, StartedAt: t.rollout.StartedAt, LastSeq: t.lastSeq(), Lease: seen}
	h.mu.Unlock()
	lease, err := h.claim(ctx, header, lost)
	if err != nil {
		return err
	}
	return h.Drive(context.WithoutCancel(ctx), lease)
}

// claim takes the lease that was seen, if it is still as it was; of a driver that is not
// known to be lost it finds that out first.
func (h *Host) claim(ctx context.Context, header engine.Header, lost bool) (engine.Lease, error) {
	if !lost {
		return engine.TakeOver(ctx, h.Journal, header, h.Driver, engine.LeaseTime)
	}
	lease, err := h.Journal.Claim(ctx, header.Lease, h.Driver)
	if errors.Is(err, engine.ErrLeaseLost) {
		return engine.Lease{}, fmt.Errorf("%s drives the rollout of %s again, or someone else took it over", header.Lease.Driver, header.Key.Service)
	}
	return lease, err
}
