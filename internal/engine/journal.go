package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Driver is who holds a rollout's lease and acts.
type Driver struct {
	// Actor is the caller's ARN.
	Actor string `json:"actor"`
	// Place is where the process runs: a CodeBuild build's id, or user@host and its
	// process id.
	Place string `json:"place"`
	// Unattended is true without a person who could answer: --ci.
	Unattended bool `json:"unattended,omitempty"`
}

// String is the driver in the words of an operator.
func (d Driver) String() string {
	if d.Place == "" {
		return d.Actor
	}
	return d.Place + " (" + d.Actor + ")"
}

// Lease says who should try to drive a rollout. It protects nothing by itself:
// appending to the journal does.
type Lease struct {
	Rollout string
	Driver  Driver
	// Fence grows by one with every driver, Beat with every sign of life.
	Fence, Beat int64
	// Free is true when the last driver has let go.
	Free bool
}

// Header is what a journal knows of a rollout without reading its events.
type Header struct {
	ID        string
	Key       Key
	Open      bool
	StartedAt time.Time
	LastSeq   int64
	Lease     Lease
}

// The errors of journals.
var (
	// ErrStale: the journal has events that the caller has not seen. Another driver acts.
	ErrStale = errors.New("another driver has written to the journal")
	// ErrLeaseLost: the lease is another driver's.
	ErrLeaseLost = errors.New("another driver holds the lease")
	// ErrNoRollout: there is no such rollout.
	ErrNoRollout = errors.New("no such rollout")
	// ErrOver: the rollout is over.
	ErrOver = errors.New("it is over")
	// ErrBroken: what keeps the journal is damaged, or was taken away from under it. What it
	// takes may be found by nobody.
	ErrBroken = errors.New("the journal is broken")
)

// OpenError is returned when a service already has an open rollout.
type OpenError struct {
	Header Header
}

// Error names the rollout and its driver.
func (e *OpenError) Error() string {
	if e.Header.Lease.Free {
		return fmt.Sprintf("%s has an open rollout, %s, that nobody drives: it was let go by %s",
			e.Header.Key.Service, e.Header.ID, e.Header.Lease.Driver)
	}
	return fmt.Sprintf("%s has an open rollout, %s, driven by %s; it began at %s",
		e.Header.Key.Service, e.Header.ID, e.Header.Lease.Driver, e.Header.StartedAt.UTC().Format(time.RFC3339))
}

// Journal is the durable log of rollouts, their leases and their mailboxes. What a
// method has answered is on disk. Implementations are safe for concurrent use, by
// several processes too.
type Journal interface {
	// Begin makes a rollout with its first event (sequence number 1), held by driver. It
	// fails with an *OpenError when the service has an open rollout.
	Begin(ctx context.Context, id string, driver Driver, first Event) (Lease, error)
	// Append adds events, numbered from after+1, if after is the last number there is;
	// otherwise it fails with ErrStale and adds nothing. A Finished event closes the
	// rollout.
	Append(ctx context.Context, id string, after int64, events []Event) error
	// Events reads the events with numbers above after, ascending.
	Events(ctx context.Context, id string, after int64) ([]Event, error)
	// Current is the open rollout of a service, and ErrNoRollout without one.
	Current(ctx context.Context, key Key) (Header, error)
	// Rollouts are the rollouts of a service (of every one, when key.Service is empty),
	// newest first, at most limit (0 is all).
	Rollouts(ctx context.Context, key Key, limit int) ([]Header, error)

	// Post puts a command into a rollout's mailbox and returns its number, from 1 on.
	Post(ctx context.Context, id string, command Command) (int64, error)
	// Commands reads the commands with numbers above after, ascending.
	Commands(ctx context.Context, id string, after int64) ([]Command, error)

	// Lease reads the lease of a rollout.
	Lease(ctx context.Context, id string) (Lease, error)
	// Claim takes a lease that is free, or that is still exactly as it was seen; the
	// result has a higher fence. Otherwise ErrLeaseLost.
	Claim(ctx context.Context, seen Lease, driver Driver) (Lease, error)
	// Beat gives a sign of life; ErrLeaseLost when the lease is another's.
	Beat(ctx context.Context, lease Lease) (Lease, error)
	// Release lets go of a lease; losing it before is no error.
	Release(ctx context.Context, lease Lease) error
}
