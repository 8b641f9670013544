package screen

import (
	"slices"
	"time"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
	"serin/internal/ui/scene"
)

// subject is a service as it is shown: with its rollout, if there is one to show.
type subject struct {
	service scene.Service
	// rollout and r are nil without a rollout.
	rollout *scene.Rollout
	r       *engine.Rollout
	state   RolloutState
	now     time.Time
	// replayed is true for a rollout of the past.
	replayed bool
}

func subjectOf(service scene.Service, now time.Time) subject {
	s := subject{service: service, now: now, state: StateOf(service, now)}
	if service.Rollout != nil && service.Rollout.Rollout != nil {
		s.rollout, s.r = service.Rollout, service.Rollout.Rollout
	}
	return s
}

// replayOf is a rollout of the past, as it was at its last event.
func replayOf(rollout *scene.Rollout) subject {
	r := rollout.Rollout
	service := scene.Service{Name: r.Key.Service, Protocol: r.Spec.Protocol, Rollout: rollout}
	return subject{service: service, rollout: rollout, r: r, state: stateOf(service, rollout, r.At), now: r.At, replayed: true}
}

// over tells whether there is nothing to steer.
func (s subject) over() bool { return s.r == nil || s.r.Outcome != "" }

// route is the newest reading of the service's route; false when there is none.
func (s subject) route() (engine.Route, bool) {
	newest := s.service.Route
	if s.rollout != nil && s.rollout.Evidence.Route != nil && s.rollout.Evidence.Route.ReadAt.After(newest.ReadAt) {
		newest = *s.rollout.Evidence.Route
	}
	if s.r != nil && s.r.Confirmed.ReadAt.After(newest.ReadAt) {
		newest = s.r.Confirmed
	}
	return newest, !newest.ReadAt.IsZero()
}

// actual is the share of a version as it was last read, 0 to 100.
func (s subject) actual(sha string) int {
	if route, read := s.route(); read {
		return scene.Share(route.Targets, sha)
	}
	switch {
	case s.r == nil || sha == "":
		return 0
	case sha == s.r.Canary.Sha:
		return s.r.Actual.Canary
	case sha == s.r.StableSha():
		return s.r.Actual.Stable
	}
	return 0
}

// heaviest is the greatest share that a version has on the route; 0 without any.
func (s subject) heaviest() int {
	route, _ := s.route()
	most := 0
	for _, target := range route.Targets {
		if target.Sha != "" {
			most = max(most, scene.Share(route.Targets, target.Sha))
		}
	}
	return most
}

// version is one version that is shown.
type version struct {
	role, sha string
	canary    bool
	// asked is the share that it shall have; -1 when nobody asks for one.
	asked int
}

// versions are those of the rollout, or those on the route of an idle service.
func (s subject) versions() []version {
	if s.r != nil {
		canary := version{role: "canary", sha: s.r.Canary.Sha, canary: true, asked: s.r.Desired.Canary}
		if s.r.First() {
			return []version{canary}
		}
		return []version{{role: "stable", sha: s.r.StableSha(), asked: s.r.Desired.Stable}, canary}
	}
	var found []version
	for _, target := range s.service.Route.Targets {
		if target.Sha != "" {
			found = append(found, version{role: "serves", sha: target.Sha, asked: -1})
		}
	}
	return found
}

// strangers are the targets on the route that are none of the versions shown.
func (s subject) strangers() []engine.Target {
	route, _ := s.route()
	if s.r != nil && s.over() {
		return nil
	}
	shown := s.versions()
	var found []engine.Target
	for _, target := range route.Targets {
		known := slices.ContainsFunc(shown, func(v version) bool { return v.sha == target.Sha && target.Sha != "" })
		if !known {
			found = append(found, target)
		}
	}
	return found
}

// health is the newest that is known of a version's tasks.
func (s subject) health(sha string) (engine.TaskHealth, bool) {
	newest, known := s.service.Health[sha]
	if s.r == nil {
		return newest, known
	}
	for _, readings := range []map[string]engine.TaskHealth{s.rollout.Evidence.Tasks, s.r.Health} {
		if health, read := readings[sha]; read && (!known || health.ReadAt.After(newest.ReadAt)) {
			newest, known = health, true
		}
	}
	return newest, known
}

// buckets are the responses of a version: those of the service, or those that the
// rollout knew.
func (s subject) buckets(sha string) []analysis.Bucket {
	live := s.service.Responses[sha]
	if s.r == nil {
		return live
	}
	if known := s.r.Responses[sha]; newer(known, live) {
		return known
	}
	return live
}

// newer tells whether one line of buckets ends after another.
func newer(a, b []analysis.Bucket) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(b) == 0
	}
	return a[len(a)-1].Start.After(b[len(b)-1].Start)
}

// protocol is what the service speaks.
func (s subject) protocol() engine.Protocol {
	if s.r != nil && s.r.Spec.Protocol != "" {
		return s.r.Spec.Protocol
	}
	return s.service.Protocol
}
