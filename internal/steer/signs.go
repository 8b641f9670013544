package steer

import (
	"time"

	"serin/internal/engine"
)

// Life is what is known of the driver of an open rollout.
type Life string

// The lives of a driver.
const (
	// Unknown: its lease has not been seen to change, nor to stay for long enough.
	Unknown Life = "unknown"
	// Alive: its lease was seen to change within the last engine.LeaseTime.
	Alive Life = "alive"
	// Lost: its lease has stayed as it is for engine.LeaseTime, or its process is no more.
	Lost Life = "lost"
	// LetGo: it has let go of the rollout; nobody drives.
	LetGo Life = "let_go"
)

// Driverless tells whether nobody drives, as far as is known.
func (l Life) Driverless() bool { return l == Lost || l == LetGo }

// signs are a driver's signs of life. A driver lives while its lease changes: how long
// it has been seen to stay as it is counts, and no clock is compared with another.
type signs struct {
	// gone tells for certain that a driver's process has ended; false says nothing.
	gone  func(engine.Driver) bool
	lease engine.Lease
	// since is when the lease was first seen as it is; beaten, whether it was another
	// before.
	since  time.Time
	beaten bool
}

// take takes a lease in, as it was read at a time.
func (s *signs) take(lease engine.Lease, now time.Time) {
	switch {
	case s.since.IsZero():
		s.since = now
	case lease != s.lease:
		s.since, s.beaten = now, true
	}
	s.lease = lease
}

// life is what is known at a time.
func (s *signs) life(now time.Time) Life {
	switch {
	case s.since.IsZero():
		return Unknown
	case s.lease.Free:
		return LetGo
	case now.Sub(s.since) >= engine.LeaseTime, s.gone(s.lease.Driver):
		return Lost
	case s.beaten:
		return Alive
	}
	return Unknown
}
