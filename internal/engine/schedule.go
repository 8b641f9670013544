package engine

import (
	"time"
)

// Cadence is how often the world is read.
type Cadence struct {
	// World is for routes, tasks and stacks, Metrics for metrics and alarms.
	World, Metrics time.Duration
	// Confirm is for a route that was just written.
	Confirm time.Duration
}

// CadenceOf is the cadence that fits the metric period of a spec: ten looks at the
// world a period, at least every 5 s and at most once a second; three at the metrics.
func CadenceOf(spec Spec) Cadence {
	period := seconds(spec.MetricPeriod)
	return Cadence{
		World:   min(max(period/10, time.Second), 5*time.Second),
		Metrics: max(period/3, time.Second),
		Confirm: 250 * time.Millisecond,
	}
}

// worldEvery is how often a process reads the world of one of its rollouts: an account's
// quotas, and a core, have no room for all of a thousand every few seconds.
const worldEvery = 50 * time.Millisecond

// Among is the cadence of one of several rollouts that a process drives. From a hundred on
// their worlds are read less often, but once a metric period: what is decided by the
// responses is decided no later. What was just written is confirmed as soon as ever.
func (c Cadence) Among(drivers int, period time.Duration) Cadence {
	c.World = max(c.World, min(time.Duration(drivers)*worldEvery, period))
	return c
}

// readings are what is read in each phase.
func readings(r *Rollout) []Activity {
	live := []Activity{ReadRoute, ReadTasks, ReadMetrics, ReadAlarms}
	needed := map[Phase][]Activity{
		Deploying: {ReadStack, ReadTasks}, Waiting: {ReadTasks},
		Shifting: live, Holding: live, Gated: live, Baking: live, Promoting: live,
		Retiring: {ReadRoute, ReadStack}, RollingBack: {ReadRoute}, Removing: {ReadRoute, ReadStack, ReadTasks},
	}[r.Phase]
	var due []Activity
	for _, activity := range needed {
		if isNeeded(r, activity) {
			due = append(due, activity)
		}
	}
	return due
}

func isNeeded(r *Rollout, activity Activity) bool {
	switch activity {
	case ReadMetrics:
		return r.Spec.Protocol.HasResponses() && r.Exposed
	case ReadAlarms:
		return len(r.Spec.Alarms) > 0 && r.Exposed
	case ReadRoute:
		return r.Exposed || r.Phase == Shifting || r.Phase == RollingBack
	case ReadStack:
		return stackToRead(r) != ""
	case ReadTasks:
		return r.Phase != Removing || removalRestsOnStable(r)
	default:
		return true
	}
}

// stackToRead is the stack that a phase waits for, by name or ID; empty when it waits
// for none.
func stackToRead(r *Rollout) string {
	switch {
	case r.Removal != nil && !r.Removal.Done:
		return r.Removal.Stack
	case r.Removal != nil || r.Phase == Retiring || !r.CanaryStack.Intended:
		return ""
	case r.CanaryStack.ID != "":
		return r.CanaryStack.ID
	}
	return r.CanaryStack.Name
}

// lastRead is when an activity last succeeded; zero when it never has.
func lastRead(r *Rollout, e Evidence, activity Activity) time.Time {
	switch activity {
	case ReadRoute:
		if e.Route != nil {
			return e.Route.ReadAt
		}
	case ReadTasks:
		return e.Tasks[r.Canary.Sha].ReadAt
	case ReadMetrics:
		return e.MetricsAt
	case ReadAlarms:
		return e.AlarmsAt
	case ReadStack:
		return e.Stacks[stackKey(r)].ReadAt
	default:
	}
	return time.Time{}
}

// stackKey is where the evidence keeps the stack that is read now.
func stackKey(r *Rollout) string {
	if r.Removal != nil {
		return r.Removal.Stack
	}
	return r.CanaryStack.Name
}

// Due is when each reading that the rollout needs is due next.
func Due(r *Rollout, e Evidence, cadence Cadence) map[Activity]time.Time {
	due := map[Activity]time.Time{}
	if r.Outcome != "" {
		return due
	}
	for _, activity := range readings(r) {
		due[activity] = dueAt(r, e, activity, cadence)
	}
	if forOnlookers(r) {
		due[ReadMetrics] = dueAt(r, e, ReadMetrics, cadence)
	}
	return due
}

// forOnlookers tells whether responses are read although nothing is decided by them: while
// the canary comes and goes, so that consoles need not ask for what the journal has. No
// failure of these readings counts, and none comes before traffic is safe.
func forOnlookers(r *Rollout) bool {
	switch r.Phase {
	case Deploying, Waiting, Removing, Retiring:
		return r.Spec.Protocol.HasResponses()
	default:
		return false
	}
}

func dueAt(r *Rollout, e Evidence, activity Activity, cadence Cadence) time.Time {
	if fault, failing := r.Faults[activity]; failing {
		return fault.RetryAt
	}
	last := lastRead(r, e, activity)
	if wanted := wantedSince(r, e, activity); last.Before(wanted) {
		return wanted
	}
	next := last.Add(interval(r, e, activity, cadence))
	if end, runs := r.HoldEnds(); runs && last.Before(end) && end.Before(next) {
		return end
	}
	return next
}

// wantedSince is the moment that a reading must not be older than.
func wantedSince(r *Rollout, e Evidence, activity Activity) time.Time {
	switch {
	case activity == ReadMetrics || activity == ReadAlarms:
		return time.Time{}
	case activity != ReadRoute || r.Change == nil:
		return r.Entered
	case e.Refused == r.Change.Split.Token:
		return later(r.Entered, e.RefusedAt)
	}
	return later(r.Entered, r.Change.WrittenAt)
}

// interval is how long a reading is good for.
func interval(r *Rollout, e Evidence, activity Activity, cadence Cadence) time.Duration {
	switch {
	case activity == ReadMetrics || activity == ReadAlarms:
		return cadence.Metrics
	case activity == ReadTasks && e.Sick == 1 && r.Exposed:
		return min(cadence.World, time.Second)
	case activity == ReadRoute && r.Change != nil && r.Change.Written:
		return cadence.Confirm
	}
	return cadence.World
}

// NextDeadline is the earliest time after now at which Decide may have a new answer
// although nothing was read; zero when there is none.
func NextDeadline(r *Rollout, now time.Time) time.Time {
	deadlines := []time.Time{}
	add := func(at time.Time) {
		if at.After(now) {
			deadlines = append(deadlines, at)
		}
	}
	limit := seconds(r.Spec.ProgressDeadline)
	if end, runs := r.HoldEnds(); runs {
		add(end)
		add(end.Add(limit))
	}
	if end, runs := r.Clock.At(limit); runs {
		add(end)
	}
	if r.Paused != nil {
		add(later(r.Paused.At, r.AttendedAt).Add(limit))
	}
	add(r.AttendedAt.Add(limit))
	add(r.AttendedAt.Add(lookAround))
	for _, fault := range r.Faults {
		add(fault.RetryAt)
		add(fault.Since.Add(r.Conduct.ErrorLimit))
	}
	if r.Removal != nil {
		add(retryRemovalAt(*r.Removal))
		add(r.Removal.StartedAt.Add(removalLimit))
	}
	if r.Change != nil && r.Change.Written {
		add(r.Change.WrittenAt.Add(confirmGrace / 6))
		add(r.Change.WrittenAt.Add(confirmGrace))
	}
	add(r.Entered.Add(absenceGrace / 6))
	add(r.Entered.Add(absenceGrace + time.Millisecond))
	return earliest(deadlines)
}

func earliest(times []time.Time) time.Time {
	var first time.Time
	for _, at := range times {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

// retryAfter is the pause before the n-th repetition of a failed call: 1 s, doubled up
// to 30 s; while rolling back at most 4 s.
func retryAfter(r *Rollout, count int) time.Duration {
	longest := 30 * time.Second
	if r.RollingBack() {
		longest = 4 * time.Second
	}
	return min(time.Second<<min(max(count-1, 0), 5), longest)
}
