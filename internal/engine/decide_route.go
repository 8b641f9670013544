package engine

import (
	"fmt"
	"slices"
)

// shifting brings the weights of the present step about: the canary's tasks are read
// once more, the route is found as it was left, and then the weights are written.
func (m moment) shifting() Action {
	step := m.r.Present()
	if m.r.Change != nil {
		return m.reach()
	}
	if step.Weight == m.r.Actual.Canary && !m.r.Reassert && step.Gate != "" {
		return Action{Record: []Body{&GateOpened{Step: m.r.Step, Gate: step.Gate}}}
	}
	if action, drifted := m.drift(); drifted {
		return action
	}
	if action, waits := m.untilHealthy(); waits {
		return action
	}
	weights := Weights{Stable: 100 - step.Weight, Canary: step.Weight}
	split := Split{Weights: m.shares(weights), After: m.e.Route.Revision, Create: m.r.First(), Token: token(m.r, "w")}
	if !m.e.Route.Exists && !m.r.First() {
		split.Restore = m.r.Origin.Document
	}
	return m.change(weights, split)
}

// untilHealthy waits while the canary's tasks are not known to be all healthy: before
// that it is given no weight (safety rule 1).
func (m moment) untilHealthy() (Action, bool) {
	health, read := m.e.Tasks[m.r.Canary.Sha]
	switch {
	case !read || health.ReadAt.Before(m.r.Entered):
		return Action{}, true
	case !health.AllHealthy():
		return m.byDeadline(formatTasks(health)), true
	case m.now.Sub(health.ReadAt) > freshness || !m.routeIsFresh():
		return m.byDeadline("the health of the canary's tasks is only known late"), true
	}
	return Action{}, false
}

// shares are the weights of both versions; of the canary alone in a first deployment.
func (m moment) shares(weights Weights) []Weight {
	canary := Weight{Sha: m.r.Canary.Sha, Weight: weights.Canary}
	if m.r.First() {
		return []Weight{canary}
	}
	return []Weight{{Sha: m.r.StableSha(), Weight: weights.Stable}, canary}
}

func (m moment) change(weights Weights, split Split) Action {
	return Action{
		Record: []Body{&WeightsIntended{
			Step: m.r.Step, Stable: weights.Stable, Canary: weights.Canary, Split: split,
		}},
		Perform: ChangeWeights{Split: split},
	}
}

// routeIsFresh tells whether the route was read in this phase.
func (m moment) routeIsFresh() bool {
	return m.e.Route != nil && !m.e.Route.ReadAt.Before(m.r.Entered)
}

// reach writes a change that was intended, by this driver or one before it, and confirms
// one that was written.
func (m moment) reach() Action {
	change := m.r.Change
	switch {
	case change.Written:
		return m.confirm()
	case m.e.Refused == change.Split.Token:
		return m.refused()
	case m.blocked(WriteWeights):
		return Action{}
	}
	if action, waits := m.untilHealthy(); waits && change.Desired.Canary > m.r.Actual.Canary {
		return action
	}
	return Action{Perform: ChangeWeights{Split: change.Split}}
}

// refused looks at what is there instead of what the router refused to change.
func (m moment) refused() Action {
	route := m.e.Route
	switch {
	case route == nil || route.ReadAt.Before(m.e.RefusedAt):
		return Action{}
	case m.has(*route, m.r.Change.Split):
		return Action{Record: []Body{&WeightsWritten{}}}
	}
	return m.drifted(*route)
}

// confirm compares the route that was read after the write with what was wanted.
func (m moment) confirm() Action {
	change, route := m.r.Change, m.e.Route
	if route == nil || route.ReadAt.Before(change.WrittenAt) {
		return Action{}
	}
	if m.has(*route, change.Split) {
		return Action{Record: []Body{&WeightsConfirmed{
			Stable: change.Desired.Stable, Canary: change.Desired.Canary, Route: *route,
		}}}
	}
	unseen := route.Revision == change.Split.After || !route.Exists && change.Split.Create
	if unseen && m.now.Sub(change.WrittenAt) < confirmGrace || m.r.Paused != nil {
		return Action{}
	}
	return m.drifted(*route)
}

// has tells whether a route is as a split wanted it: our weights, no traffic for
// anything foreign, and the shape that it had.
func (m moment) has(route Route, split Split) bool {
	for _, want := range split.Weights {
		if !route.Names(want.Sha) || route.Weight(want.Sha) != want.Weight {
			return false
		}
	}
	if slices.ContainsFunc(split.Drop, route.Names) {
		return false
	}
	return route.Exists && foreignWeight(route, split) == 0 && (m.r.First() || route.Shape == m.shape())
}

// shape is what all of a route but its targets should be: as it was confirmed last, or
// as it was found, where someone deleted it.
func (m moment) shape() string {
	if m.r.Confirmed.Exists {
		return m.r.Confirmed.Shape
	}
	return m.r.Origin.Shape
}

// foreignWeight is the weight of all targets that a split does not speak of.
func foreignWeight(route Route, split Split) int {
	ours := map[string]bool{}
	for _, want := range split.Weights {
		ours[want.Sha] = true
	}
	total := 0
	for _, target := range route.Targets {
		if target.Sha == "" || !ours[target.Sha] {
			total += target.Weight
		}
	}
	return total
}

// drift finds what someone else did to the route since it was confirmed.
func (m moment) drift() (Action, bool) {
	if m.r.Change != nil || !m.routeIsFresh() || sameRoute(*m.e.Route, m.r.Confirmed) {
		return Action{}, false
	}
	return m.drifted(*m.e.Route), true
}

func (m moment) drifted(route Route) Action {
	expected := m.r.Confirmed.Targets
	reason := fmt.Sprintf("someone else changed the route: expected %s, found %s",
		formatTargets(expected), formatTargets(route.Targets))
	if sameTargets(expected, route.Targets) {
		reason = "someone else changed the route: its match, retries, timeouts or priority"
	}
	if !route.Exists {
		reason = "someone else deleted the route"
	}
	pause := m.pause(PausedByDrift, reason)
	pause.Pause.Expected, pause.Pause.Found = expected, route.Targets
	return Action{Record: []Body{pause}}
}

// nobodyServes tells whether the route was read once more after the rollout was paused, and
// still gives nothing to anybody: it is gone, or has no weights.
func (m moment) nobodyServes() bool {
	route := m.e.Route
	if route == nil || !route.ReadAt.After(later(m.r.Paused.At, m.r.AttendedAt)) {
		return false
	}
	return !route.Exists || !slices.ContainsFunc(route.Targets, func(target Target) bool { return target.Weight > 0 })
}

func sameRoute(a, b Route) bool {
	return a.Exists == b.Exists && a.Shape == b.Shape && sameTargets(a.Targets, b.Targets)
}

func sameTargets(a, b []Target) bool {
	if len(a) != len(b) {
		return false
	}
	weights := make(map[string]int, len(a))
	for _, target := range a {
		weights[target.Name] = target.Weight
	}
	for _, target := range b {
		if weight, found := weights[target.Name]; !found || weight != target.Weight {
			return false
		}
	}
	return true
}

// promoting gives the route to the canary alone: stable is taken off it.
func (m moment) promoting() Action {
	if m.r.Change != nil {
		return m.reach()
	}
	if m.r.First() || !m.r.Confirmed.Names(m.r.StableSha()) && !m.r.Reassert {
		return Action{Record: []Body{&PromotedNow{}}}
	}
	if action, drifted := m.drift(); drifted {
		return action
	}
	health := m.e.Tasks[m.r.Canary.Sha]
	if !m.routeIsFresh() || health.ReadAt.Before(m.r.Entered) {
		return Action{}
	}
	if !health.AllHealthy() {
		return Action{} // it is judged like every other reading
	}
	weights := Weights{Canary: 100}
	return m.change(weights, Split{
		Weights: []Weight{{Sha: m.r.Canary.Sha, Weight: 100}}, Drop: []string{m.r.StableSha()},
		After: m.e.Route.Revision, Token: token(m.r, "p"),
	})
}
