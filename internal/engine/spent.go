package engine

import "time"

// Spent is what the time of a rollout went into. The parts make up the whole.
type Spent struct {
	// Working: something was done: stacks, tasks, weights, records, removals.
	Working time.Duration
	// Holding: a weight was held and judged, the bake included.
	Holding time.Duration
	// Waiting: a person was waited for: at a gate, paused, stuck, or let go of.
	Waiting time.Duration
	// Driverless: nobody worked or held, because the driver was lost: from the last thing
	// that it recorded until the next one drove. Of an open rollout that is known once
	// somebody has taken it over.
	Driverless time.Duration
}

// Total is the whole.
func (s Spent) Total() time.Duration { return s.Working + s.Holding + s.Waiting + s.Driverless }

// SpentOn is what the time of a rollout went into, from its first event to its last, or
// to now while it is open. What passed between two events belongs to the state that the
// first of them left the rollout in. What a clock jumped is no time that passed.
func SpentOn(events []Event, now time.Time) Spent {
	var spent Spent
	var r Rollout
	for i, event := range events {
		r.Apply(event)
		part := spent.of(&r)
		var passed time.Duration
		switch {
		case i+1 < len(events):
			passed = between(event, events[i+1])
			if part != &spent.Waiting && replacesLost(events[i+1], &r) {
				part = &spent.Driverless
			}
		case r.Outcome == "":
			passed = now.Sub(event.At)
		}
		*part += max(passed, 0)
	}
	return spent
}

// replacesLost tells whether an event is that another driver took over. Who begins a
// rollout holds its lease with the fence 1.
func replacesLost(next Event, r *Rollout) bool {
	took, is := next.Body.(*DriverTook)
	return is && took.Fence > max(r.Fence, 1)
}

// between is the time that passed between two events.
func between(event, next Event) time.Duration {
	passed := next.At.Sub(event.At)
	if jumped, is := next.Body.(*ClockJumped); is {
		passed -= jumped.Jump
	}
	return passed
}

// of is the part that the time in a rollout's state belongs to.
func (s *Spent) of(r *Rollout) *time.Duration {
	switch {
	case r.LetGo, r.Stuck != nil, r.Paused != nil && !r.RollingBack(), r.Phase == Gated:
		return &s.Waiting
	case r.Phase == Holding, r.Phase == Baking:
		return &s.Holding
	default:
		return &s.Working
	}
}
