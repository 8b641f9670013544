package engine

import (
	"fmt"
	"slices"
	"time"

	"serin/internal/engine/analysis"
)

// Action is what a rollout needs next. Record comes first, then Perform. An empty
// action waits for new evidence, for a command or for a deadline (see NextDeadline).
type Action struct {
	Record  []Body
	Perform Effect
	// Leave ends the driving: the rollout is over, let go of, or stuck unattended.
	Leave bool
}

// Limits that are no field of a spec.
const (
	// confirmGrace is how long a written weight may take to be read back.
	confirmGrace = 30 * time.Second
	// freshness is how old the health of tasks may be when a weight is given to them.
	freshness = 30 * time.Second
	// lookAround is how long a driver watches before it gives up on what is overdue since
	// before it drove.
	lookAround = time.Minute
	// removalLimit is how long the deletion of a stack may take.
	removalLimit = 30 * time.Minute
	// removalTries is how often a failed deletion is tried again (the original's 3).
	removalTries = 3
	// removalPause is waited before a deletion is tried again, doubled every time.
	removalPause = 10 * time.Second
	// absenceGrace is how long a stack that was just asked for may be unknown.
	absenceGrace = 30 * time.Second
)

// moment is a rollout with its evidence at a time. Everything that is decided is a
// function of one.
type moment struct {
	r   *Rollout
	e   Evidence
	now time.Time
}

// Decide is what a rollout needs next: a pure function of its state, of the evidence
// and of the time.
func Decide(r *Rollout, e Evidence, now time.Time) Action {
	m := moment{r: r, e: e, now: now}
	switch {
	case r.Outcome != "" || r.LetGo:
		return Action{Leave: true}
	case r.Stuck != nil:
		return Action{Leave: r.Conduct.Unattended}
	}
	if action, done := m.judgement(); done {
		return action
	}
	if action, done := m.overdueFault(); done {
		return action
	}
	if r.Paused != nil {
		return m.paused()
	}
	if decide, known := deciders[r.Phase]; known {
		return decide(m)
	}
	return Action{}
}

// deciders is the table of phases and what is decided in them.
var deciders = map[Phase]func(moment) Action{
	Starting: moment.starting, Deploying: moment.deploying, Waiting: moment.waiting,
	Shifting: moment.shifting, Holding: moment.holding, Gated: moment.gated, Baking: moment.holding,
	Promoting: moment.promoting, Recording: moment.recording, Retiring: moment.retiring,
	RollingBack: moment.rollingBack, Removing: moment.removing,
}

// judgement records a verdict that is new, and rolls back on a failed one. A person's
// pause keeps traffic as it is, whatever the verdict; any other pause does not.
func (m moment) judgement() (Action, bool) {
	if !m.r.Live() || m.r.RollingBack() {
		return Action{}, false
	}
	end, runs := m.r.HoldEnds()
	verdict := Judge(m.r, m.e, m.now, runs && !m.now.Before(end) && m.readSince(end))
	var record []Body
	if m.isNews(verdict) {
		record = append(record, &Judged{Verdict: verdict})
	}
	if verdict.Result == analysis.Fail && !m.keptByPerson() {
		return Action{Record: append(record, rollback(ByVerdict, "", verdict.Reason))}, true
	}
	return Action{Record: record}, len(record) > 0
}

// isNews tells whether a verdict must be recorded: it rests on newer evidence, or is
// another one than before. A result that only waits for its first reading is not.
func (m moment) isNews(verdict analysis.Verdict) bool {
	if _, read := m.e.Tasks[m.r.Canary.Sha]; !read {
		return false
	}
	last := m.r.Verdict
	return verdict.Result != last.Result || !verdict.EvidenceTo.Equal(last.EvidenceTo)
}

func (m moment) keptByPerson() bool {
	return m.r.Paused != nil && (m.r.Paused.Kind == PausedByPerson || m.r.Paused.Kind == PausedByLetGo)
}

func rollback(kind CauseKind, by, reason string) *RollbackStarted {
	return &RollbackStarted{Cause: Cause{Kind: kind, By: by, Reason: reason}}
}

// overdueFault ends the patience with a provider's errors.
func (m moment) overdueFault() (Action, bool) {
	fault, overdue := m.worstFault()
	if !overdue || m.r.Paused != nil {
		return Action{}, false
	}
	reason := fmt.Sprintf("could not %s for %s: %s", fault.Activity, m.now.Sub(fault.Since).Round(time.Second), fault.Message)
	switch {
	case fault.Activity == RemoveStack || fault.Activity == ReadStack && m.r.Removal != nil:
		return m.finish(reason), true
	case m.r.RollingBack() || m.r.Phase == Recording || m.r.Phase == Retiring:
		return Action{Record: []Body{m.stuck(reason, fault.Hint)}}, true
	case fault.Activity == CreateStack && permanent(fault.Kind):
		body := rollback(ByDeployment, "", fault.Message)
		body.NothingCreated = true
		return Action{Record: []Body{body}}, true
	case m.r.Conduct.Unattended:
		return Action{Record: []Body{rollback(ByProvider, "", reason)}}, true
	default:
		return Action{Record: []Body{m.pause(PausedByErrors, reason)}}, true
	}
}

// worstFault is a fault that has lasted past the limit, or will never end.
func (m moment) worstFault() (ActiveFault, bool) {
	for _, activity := range []Activity{
		WriteWeights, ReadRoute, CreateStack, ReadTasks, ReadMetrics, ReadAlarms, ReadStack, RecordImage, RemoveStack,
	} {
		fault, failing := m.r.Faults[activity]
		if !failing || !isDoneIn(m.r, activity) {
			continue
		}
		hopeless := permanent(fault.Kind) && !m.r.RollingBack() && (activity == CreateStack || activity == WriteWeights)
		if hopeless || m.now.Sub(fault.Since) >= m.r.Conduct.ErrorLimit {
			return fault, true
		}
	}
	return ActiveFault{}, false
}

// isDoneIn tells whether a rollout still needs an activity: the fault of one that it
// needs no more is nobody's concern.
func isDoneIn(r *Rollout, activity Activity) bool {
	if slices.Contains(readings(r), activity) {
		return true
	}
	effects := map[Activity][]Phase{
		CreateStack: {Starting}, WriteWeights: {Shifting, Promoting, RollingBack},
		RecordImage: {Recording, Removing}, RemoveStack: {Retiring, Removing},
	}
	return slices.Contains(effects[activity], r.Phase)
}

func permanent(kind FaultKind) bool {
	switch kind {
	case Conflict, Invalid:
		return true
	default:
		return false
	}
}

// blocked tells whether an effect must wait because it failed a moment ago.
func (m moment) blocked(activity Activity) bool {
	fault, failing := m.r.Faults[activity]
	return failing && fault.RetryAt.After(m.now)
}

func (m moment) pause(kind PauseKind, reason string) *PausedNow {
	return &PausedNow{Pause: Pause{Kind: kind, By: "serin", Reason: reason, At: m.now}}
}

// paused waits; unattended, not for ever.
func (m moment) paused() Action {
	limit := seconds(m.r.Spec.ProgressDeadline)
	if m.r.Conduct.Unattended && m.now.Sub(later(m.r.Paused.At, m.r.AttendedAt)) >= limit {
		return Action{Record: []Body{&LetGo{
			By:     "serin",
			Reason: fmt.Sprintf("nobody resumed it within %s; it was paused because %s", limit, m.r.Paused.Reason),
		}}}
	}
	if change := m.r.Change; change != nil && change.Written {
		return m.confirm()
	}
	return Action{}
}

func (m moment) starting() Action {
	if m.blocked(CreateStack) {
		return Action{}
	}
	if !m.r.CanaryStack.Intended {
		name, token := m.r.CanaryStack.Name, token(m.r, "s")
		return Action{
			Record:  []Body{&StackIntended{Name: name, Token: token}},
			Perform: AskForStack{Request: stackRequest(m.r, token)},
		}
	}
	return Action{Perform: AskForStack{Request: stackRequest(m.r, m.r.CanaryStack.Token)}}
}

func (m moment) deploying() Action {
	stack, read := m.e.Stacks[m.r.CanaryStack.Name]
	if read {
		switch stack.State {
		case StackReady:
			return Action{Record: []Body{&StackBecameReady{}}}
		case StackFailed, StackDeleting, StackDeleteFailed:
			return m.notDeployed("stack " + stack.Name + " is " + stack.Status + ": " +
				sentence(stack.Reasons, "no reason was given"))
		case StackAbsent:
			if m.now.Sub(m.r.Entered) > absenceGrace {
				return m.notDeployed("stack " + stack.Name + " is gone: someone else deleted it")
			}
		case StackCreating:
		}
	}
	if !read {
		return Action{}
	}
	return m.byDeadline("the stack is not complete")
}

func (m moment) notDeployed(reason string) Action {
	return Action{Record: []Body{rollback(ByDeployment, "", reason)}}
}

// byDeadline gives up on a canary that takes longer than ProgressDeadline.
func (m moment) byDeadline(what string) Action {
	deadline := seconds(m.r.Spec.ProgressDeadline)
	patience := min(deadline, lookAround)
	if m.r.Clock.Elapsed(m.now) < deadline || m.now.Sub(m.r.AttendedAt) < patience {
		return Action{}
	}
	return m.notDeployed(fmt.Sprintf("%s after %s (ProgressDeadline)%s",
		what, deadline, lastStop(m.e.Tasks[m.r.Canary.Sha])))
}

func (m moment) waiting() Action {
	health, read := m.e.Tasks[m.r.Canary.Sha]
	switch {
	case !read || health.ReadAt.Before(m.r.Entered):
		return Action{}
	case health.AllHealthy():
		return Action{Record: []Body{&TasksBecameHealthy{Health: health}}}
	}
	return m.byDeadline(formatTasks(health))
}

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
	health, read := m.e.Tasks[m.r.Canary.Sha]
	switch {
	case !read || health.ReadAt.Before(m.r.Entered):
		return Action{}
	case !health.AllHealthy():
		return m.byDeadline(formatTasks(health))
	case m.now.Sub(health.ReadAt) > freshness || !m.routeIsFresh():
		return m.byDeadline("the health of the canary's tasks is only known late")
	}
	weights := Weights{Stable: 100 - step.Weight, Canary: step.Weight}
	split := Split{Weights: m.shares(weights), After: m.e.Route.Revision, Create: m.r.First(), Token: token(m.r, "w")}
	if !m.e.Route.Exists && !m.r.First() {
		split.Restore = m.r.Origin.Document
	}
	return m.change(weights, split)
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

// reach writes a change that was intended, and confirms one that was written.
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

// holding waits for the end of a hold or of the bake and takes the next step on a
// verdict that rests on readings made after that end.
func (m moment) holding() Action {
	if action, drifted := m.drift(); drifted {
		return action
	}
	end, runs := m.r.HoldEnds()
	if !runs || m.now.Before(end) {
		return Action{}
	}
	verdict := Judge(m.r, m.e, m.now, true)
	if verdict.Result == analysis.Error && m.readSince(end) {
		verdict = judge(m.r, m.e, m.now, true, judgeAlarms, judgeTasks)
	}
	if verdict.Result == analysis.Pass {
		if !m.readSince(end) {
			return Action{}
		}
		return Action{Record: []Body{&StepPassed{Step: m.r.Step, Weight: m.r.Present().Weight, Verdict: verdict}}}
	}
	return m.stalled(end, verdict)
}

// readSince tells whether everything that a hold is judged by was read at or after a
// time.
func (m moment) readSince(end time.Time) bool {
	health := m.e.Tasks[m.r.Canary.Sha]
	fresh := m.e.Route != nil && !m.e.Route.ReadAt.Before(end) && !health.ReadAt.Before(end)
	if m.r.Spec.Protocol.HasResponses() {
		fresh = fresh && !m.e.MetricsAt.Before(end)
	}
	if len(m.r.Spec.Alarms) > 0 {
		fresh = fresh && !m.e.AlarmsAt.Before(end)
	}
	return fresh
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// stalled ends the patience with a hold that is over and whose verdict is neither pass
// nor fail.
func (m moment) stalled(end time.Time, verdict analysis.Verdict) Action {
	limit := seconds(m.r.Spec.ProgressDeadline)
	if m.now.Sub(later(end, m.r.AttendedAt)) < limit {
		return Action{}
	}
	reason := fmt.Sprintf("the hold ended %s ago and the verdict is still %s: %s", limit, verdict.Result, verdict.Reason)
	if m.r.Conduct.Unattended {
		return Action{Record: []Body{rollback(ByTimeout, "", reason)}}
	}
	return Action{Record: []Body{m.pause(PausedByStall, reason)}}
}

func (m moment) gated() Action {
	if action, drifted := m.drift(); drifted {
		return action
	}
	end, runs := m.r.HoldEnds()
	if !runs || m.now.Before(end) {
		return Action{}
	}
	step := m.r.Present()
	reason := fmt.Sprintf("nobody passed the gate %q within %s", step.Gate, step.Timeout)
	if step.OnTimeout == TimeoutPromotes {
		return Action{Record: []Body{&StepPassed{Step: m.r.Step, Weight: step.Weight, Verdict: m.r.Verdict, By: "its timeout"}}}
	}
	return Action{Record: []Body{rollback(ByTimeout, "", reason)}}
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

func (m moment) recording() Action {
	if m.blocked(RecordImage) {
		return Action{}
	}
	action := Action{Perform: RecordVersion{Image: m.r.Canary.Image, After: m.r.Before.Number}}
	if !m.r.RecordTouched {
		action.Record = []Body{&RecordIntended{Image: m.r.Canary.Image}}
	}
	return action
}
