package engine

import "time"

// Clock adds up time while it runs.
type Clock struct {
	Used  time.Duration `json:"used"`
	Since time.Time     `json:"since,omitzero"`
}

// Elapsed is how long the clock has run by now.
func (c Clock) Elapsed(now time.Time) time.Duration {
	if c.Since.IsZero() || now.Before(c.Since) {
		return c.Used
	}
	return c.Used + now.Sub(c.Since)
}

// At is when the clock will have run for a duration; false while it stands.
func (c Clock) At(d time.Duration) (time.Time, bool) {
	if c.Since.IsZero() {
		return time.Time{}, false
	}
	return c.Since.Add(d - c.Used), true
}

func (c Clock) stopped(now time.Time) Clock { return Clock{Used: c.Elapsed(now)} }

func (c Clock) started(now time.Time) Clock {
	if c.Since.IsZero() {
		c.Since = now
	}
	return c
}
