package screen

import (
	"slices"
	"time"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
	"serin/internal/ui/scene"
)

// reading is something that was last known too long ago.
type reading struct {
	what string
	at   time.Time
}

// patience is how old a reading may be that is repeated every few seconds.
const patience = time.Minute

// staleReadings are those that a rollout with traffic on its canary should know better
// than it does. That nothing was ever known is not among them: it is a verdict, no data.
func staleReadings(service scene.Service, rollout *scene.Rollout, now time.Time) []reading {
	r := rollout.Rollout
	if r.Outcome != "" || !r.Live() || r.Phase == engine.Shifting || r.Phase == engine.Promoting {
		return nil
	}
	var stale []reading
	add := func(what string, at time.Time, limit time.Duration) {
		if !at.IsZero() && now.Sub(at) > limit {
			stale = append(stale, reading{what, at})
		}
	}
	if r.Spec.Protocol.HasResponses() {
		period, delay := timing(service, r)
		add("the newest responses", newestResponse(service, r), delay+3*period)
		add("the metrics", rollout.Evidence.MetricsAt, max(3*engine.CadenceOf(r.Spec).Metrics, patience))
	}
	if route := rollout.Evidence.Route; route != nil {
		add("the route", route.ReadAt, patience)
	}
	if tasks, read := rollout.Evidence.Tasks[r.Canary.Sha]; read {
		add("the tasks", tasks.ReadAt, patience)
	}
	return stale
}

// unread is how old a route may be that cannot be read now: three looks of the slowest
// engine.Cadence.
const unread = 15 * time.Second

// readBack is how long it may take to see weights that were written: the slowest look of
// the slowest engine.Cadence.
const readBack = 5 * time.Second

// outdated tells whether the weights may have changed since they were read: because Serin
// was about to write others and cannot see what came of it, because they cannot be read
// now, or because a rollout's were not for longer than they ever are.
func (s subject) outdated() bool {
	route, read := s.route()
	if !read || s.replayed {
		return false
	}
	if intended := s.intended(); intended.After(route.ReadAt) && (s.unreadable() || s.now.Sub(intended) > readBack) {
		return true
	}
	old := s.now.Sub(route.ReadAt)
	failing := s.service.Fault.Message != "" || !s.over() && len(s.r.Faults) > 0
	return failing && old > unread || !s.over() && old > patience
}

// intended is when the weights were about to be written that are not confirmed yet; zero
// without any.
func (s subject) intended() time.Time {
	if s.over() || s.r.Change == nil {
		return time.Time{}
	}
	for _, event := range slices.Backward(s.rollout.Events) {
		if event.Body != nil && event.Body.Kind() == engine.KindWeightsIntended {
			return event.At
		}
	}
	return time.Time{}
}

// unreadable tells whether the route of a rollout cannot be read now.
func (s subject) unreadable() bool {
	_, failing := s.r.Faults[engine.ReadRoute]
	return failing || s.service.Fault.Message != ""
}

// timing is the period of a service's metrics, and how late they are.
func timing(service scene.Service, r *engine.Rollout) (period, delay time.Duration) {
	period, delay = service.Period, service.Delay
	if period <= 0 && r != nil {
		period = time.Duration(r.Spec.MetricPeriod) * time.Second
	}
	if delay <= 0 && r != nil {
		delay = time.Duration(r.Spec.MetricDelay) * time.Second
	}
	if period <= 0 {
		period = time.Minute
	}
	return period, delay
}

// newestResponse is the end of the newest period of the canary that has data.
func newestResponse(service scene.Service, r *engine.Rollout) time.Time {
	period, _ := timing(service, r)
	newest := r.Verdict.EvidenceTo
	for _, buckets := range [][]analysis.Bucket{service.Responses[r.Canary.Sha], r.Responses[r.Canary.Sha]} {
		if len(buckets) == 0 {
			continue
		}
		if end := buckets[len(buckets)-1].Start.Add(period); end.After(newest) {
			newest = end
		}
	}
	return newest
}
