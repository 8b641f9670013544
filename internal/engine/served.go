package engine

import (
	"fmt"
	"time"

	"serin/internal/engine/analysis"
)

// Served is what a canary is known to have served. Responses are known late, and whoever
// drives leaves without waiting for the last ones.
type Served struct {
	// Exposed is false for a canary that never had traffic.
	Exposed          bool
	Requests, Errors float64
	// KnownTo is up to when that is known: the end of the newest period that was read of the
	// canary itself, for a new version's first responses come later than others'. Zero while
	// nothing is known.
	KnownTo time.Time
	// Uncounted is for how long the canary had traffic after that.
	Uncounted time.Duration
}

// ServedBy is what the canary of a rollout is known to have served, by its events; now is
// the end of its traffic while it has some.
func ServedBy(events []Event, now time.Time) Served {
	var r Rollout
	var read, returned time.Time
	for _, event := range events {
		r.Apply(event)
		switch body := event.Body.(type) {
		case *TrafficReturned:
			returned = event.At
		case *Observed:
			if body.isOf(r.Canary.Sha) {
				read = event.At
			}
		}
	}
	return r.served(read, trafficEnd(now, r.EndedAt, returned))
}

// isOf tells whether responses of a version were read.
func (b *Observed) isOf(sha string) bool {
	for _, responses := range b.Responses {
		if responses.Sha == sha && len(responses.Buckets) > 0 {
			return true
		}
	}
	return false
}

// trafficEnd is the end of a canary's traffic: when it was returned, or else when the
// rollout ended, or else now.
func trafficEnd(now, ended, returned time.Time) time.Time {
	switch {
	case !returned.IsZero():
		return returned
	case !ended.IsZero():
		return ended
	}
	return now
}

// served sums up the responses since the canary had traffic. The period that still ran
// when they were last read is known up to then.
func (r *Rollout) served(read, end time.Time) Served {
	if !r.Exposed {
		return Served{KnownTo: end}
	}
	period := seconds(r.Spec.MetricPeriod)
	buckets := analysis.Since(r.Responses[r.Canary.Sha], r.ExposedAt.Truncate(max(period, 1)))
	if len(buckets) == 0 {
		return Served{Exposed: true, Uncounted: max(end.Sub(r.ExposedAt), 0)}
	}
	sum := analysis.Sum(buckets)
	to := buckets[len(buckets)-1].Start.Add(period)
	if read.Before(to) {
		to = read
	}
	return Served{
		Exposed: true, Requests: sum.Total(), Errors: sum.Class(5), KnownTo: to, Uncounted: max(end.Sub(to), 0),
	}
}

// String is that in words.
func (s Served) String() string {
	if !s.Exposed {
		return "the canary had no traffic"
	}
	uncounted := s.Uncounted.Round(time.Second)
	if s.KnownTo.IsZero() {
		return fmt.Sprintf("it is not known what the canary served: none of the %s of its traffic is counted", uncounted)
	}
	words := fmt.Sprintf("the canary served %.0f requests, %.0f with a 5xx, as known to %s",
		s.Requests, s.Errors, s.KnownTo.UTC().Format(time.TimeOnly))
	if uncounted > 0 {
		words += fmt.Sprintf("; the last %s of its traffic are not counted", uncounted)
	}
	return words
}
