package engine

import (
	"fmt"
	"time"
)

// rollingBack gives all traffic to stable, or removes the route of a first deployment,
// without looking at anything first, and then reads it back.
func (m moment) rollingBack() Action {
	change := m.r.Change
	if change == nil {
		return m.turnBack()
	}
	if !change.Written {
		if m.blocked(WriteWeights) {
			return Action{}
		}
		return Action{Perform: m.turnBackEffect(change.Split)}
	}
	route := m.e.Route
	if route == nil || route.ReadAt.Before(change.WrittenAt) {
		return Action{}
	}
	if m.isBack(*route, change.Split) {
		return Action{Record: []Body{&TrafficReturned{Route: *route}}}
	}
	if foreign := foreignWeight(*route, change.Split); !m.r.First() && foreign > 0 && m.isOurs(*route) {
		return Action{Record: []Body{m.stuck(
			fmt.Sprintf("the route also gives %d to a target that is not Serin's: %s", foreign, formatTargets(route.Targets)),
			"take that target off the route, then resume")}}
	}
	waited := m.now.Sub(change.WrittenAt)
	switch overdue := m.now.Sub(m.r.Entered) >= m.r.Conduct.ErrorLimit; {
	case overdue && waited >= confirmGrace:
		return Action{Record: []Body{m.stuck("the weights that were written are not there: "+formatTargets(route.Targets), "")}}
	case overdue || waited < confirmGrace/6:
		return Action{}
	}
	return m.turnBack()
}

// turnBack intends, and performs, the write that returns the traffic.
func (m moment) turnBack() Action {
	split := Split{Drop: []string{m.r.Canary.Sha}, Token: token(m.r, "b")}
	weights := Weights{}
	if !m.r.First() {
		weights.Stable = 100
		split.Weights = []Weight{{Sha: m.r.StableSha(), Weight: 100}}
		split.Restore = m.r.Origin.Document
	}
	return Action{
		Record:  []Body{&WeightsIntended{Step: m.r.Step, Stable: weights.Stable, Split: split}},
		Perform: m.turnBackEffect(split),
	}
}

func (m moment) turnBackEffect(split Split) Effect {
	if m.r.First() {
		return DropRoute{Sha: m.r.Canary.Sha}
	}
	return ChangeWeights{Split: split}
}

// isBack tells whether a route gives all its traffic to stable; in a first deployment,
// whether it is gone.
func (m moment) isBack(route Route, split Split) bool {
	if m.r.First() {
		return !route.Names(m.r.Canary.Sha)
	}
	return m.isOurs(route) && foreignWeight(route, split) == 0
}

// isOurs tells whether stable is on the route with weight and the canary is not.
func (m moment) isOurs(route Route) bool {
	return route.Weight(m.r.StableSha()) > 0 && !route.Names(m.r.Canary.Sha)
}

// stuck says that nothing moves any more, what is true, and what a person should do.
func (m moment) stuck(reason, hint string) *StuckNow {
	truth := fmt.Sprintf("last confirmed: stable %d, canary %d", m.r.Actual.Stable, m.r.Actual.Canary)
	if route := m.e.Route; route != nil {
		truth = "there is no route"
		if route.Exists {
			truth = "the route gives " + formatTargets(route.Targets)
		}
		truth += ", as read at " + route.ReadAt.UTC().Format(time.RFC3339)
	}
	advice := hint
	if advice == "" {
		advice = "mend what the reason names"
	}
	return &StuckNow{Stuck: Stuck{
		Reason: reason, Truth: truth, At: m.now,
		Advice: advice + "; then go on with: serin deploy FILE --resume",
	}}
}

// meddled says what someone else did to the route that a version should have wholly; after
// a first deployment's roll back none should.
func (m moment) meddled(sequel, sha string) *StuckNow {
	did, advice := "changed", "give the whole route to "
	if !m.e.Route.Exists {
		did, advice = "deleted", "make the route anew, and give it to "
	}
	advice += m.r.Service().VersionName(sha)
	if sha == "" {
		advice = "take " + m.r.Service().VersionName(m.r.Canary.Sha) + " off the route"
	}
	return m.stuck("someone else "+did+" the route"+sequel, advice)
}

// removing deletes the canary's stack once traffic is safe.
func (m moment) removing() Action {
	if m.r.RecordTouched && m.r.Before.Exists {
		return m.restoreRecord()
	}
	if !m.r.CanaryStack.Intended {
		return m.finish("")
	}
	if action, waits := m.untilStableServes(); waits {
		return action
	}
	if m.r.Removal == nil && !m.r.CanaryStack.Requested {
		return m.removeUnknown()
	}
	ref := m.r.CanaryStack.ID
	if ref == "" {
		ref = m.r.CanaryStack.Name
	}
	return m.remove(m.r.Canary.Sha, ref)
}

// removalRestsOnStable tells whether the canary is about to be removed after a roll back of
// traffic: what is left must serve.
func removalRestsOnStable(r *Rollout) bool {
	return r.Phase == Removing && r.Removal == nil && r.CanaryStack.Intended && r.Exposed && !r.First()
}

// untilStableServes keeps the canary while stable, which has all the traffic again, has no
// healthy task: one of the two may be all that can serve. Traffic waited for none of this.
func (m moment) untilStableServes() (Action, bool) {
	if !removalRestsOnStable(m.r) {
		return Action{}, false
	}
	health, read := m.e.Tasks[m.r.StableSha()]
	switch {
	case !read || health.ReadAt.Before(m.r.Entered):
		return Action{}, true
	case health.Healthy > 0:
		return Action{}, false
	case health.Exists && health.Desired > 0 && m.now.Sub(m.r.Entered) < seconds(m.r.Spec.ProgressDeadline):
		return Action{}, true
	}
	service := m.r.Service()
	return Action{Record: []Body{m.stuck(
		fmt.Sprintf("all traffic is on stable, and %d of its %d tasks are healthy: the canary is not removed", health.Healthy, health.Desired),
		"start the tasks of ECS service "+service.VersionName(m.r.StableSha())+", or give the route to "+service.VersionName(m.r.Canary.Sha))}}, true
}

// restoreRecord records stable's image again, after the canary's was or may have been.
// What someone else recorded meanwhile is left.
func (m moment) restoreRecord() Action {
	if m.blocked(RecordImage) {
		return Action{}
	}
	return Action{Perform: RecordVersion{Image: m.r.Before.Image, Restores: m.r.Canary.Image, NotBefore: m.r.recordsAgain()}}
}

// removeUnknown removes a stack whose creation was asked for without an answer: it is
// there or it is not, and it may be someone else's.
func (m moment) removeUnknown() Action {
	stack, read := m.e.Stacks[m.r.CanaryStack.Name]
	switch {
	case !read || stack.ReadAt.Before(m.r.Entered):
		return Action{}
	case stack.State != StackAbsent && stack.Owner == m.r.ID:
		return m.remove(m.r.Canary.Sha, stack.ID)
	case stack.State != StackAbsent:
		return m.finish("")
	case m.now.Sub(m.r.Entered) >= absenceGrace/6:
		return m.finish("")
	}
	return Action{}
}

// retiring deletes the old stable version's stack, which no route may name any more.
func (m moment) retiring() Action {
	if m.r.First() {
		return m.finish("")
	}
	if m.r.Removal == nil {
		if !m.routeIsFresh() {
			return Action{}
		}
		if m.e.Route.Names(m.r.StableSha()) || m.e.Route.Weight(m.r.Canary.Sha) == 0 {
			return Action{Record: []Body{m.meddled(", so the old version is not removed", m.r.Canary.Sha)}}
		}
	}
	return m.remove(m.r.StableSha(), m.r.Service().StackName(m.r.StableSha()))
}

// remove deletes a stack and follows the deletion; a failed one is tried again.
func (m moment) remove(sha, ref string) Action {
	removal := m.r.Removal
	if removal == nil {
		token := token(m.r, "d")
		return Action{
			Record:  []Body{&RemovalIntended{Sha: sha, Stack: ref, Token: token}},
			Perform: AskForRemoval{Sha: sha, Stack: ref, Token: token},
		}
	}
	switch {
	case removal.Done:
		return m.finish("")
	case removal.Failures >= removalTries:
		return m.finish(sentence(removal.Reasons, "its deletion failed"))
	case !removal.Requested && (m.blocked(RemoveStack) || m.now.Before(retryRemovalAt(*removal))):
		return Action{}
	case !removal.Requested:
		return Action{Perform: AskForRemoval{Sha: removal.Sha, Stack: removal.Stack, Token: removalToken(*removal)}}
	}
	return m.followRemoval(*removal)
}

func (m moment) followRemoval(removal Removal) Action {
	stack, read := m.e.Stacks[removal.Stack]
	switch {
	case !read || stack.ReadAt.Before(removal.RequestedAt):
		return Action{}
	case stack.State == StackAbsent:
		return Action{Record: []Body{&Removed{Sha: removal.Sha}}}
	case stack.State == StackDeleteFailed:
		return Action{Record: []Body{&RemovalFailed{Sha: removal.Sha, Reasons: stack.Reasons}}}
	case m.now.Sub(removal.StartedAt) >= removalLimit:
		return m.finish("its deletion takes longer than " + removalLimit.String())
	}
	return Action{}
}

func retryRemovalAt(removal Removal) time.Time {
	if removal.Failures == 0 {
		return time.Time{}
	}
	return removal.Failed.Add(removalPause << (removal.Failures - 1))
}

// removalToken is another one for every try: CloudFormation answers a repeated token
// with the deletion that failed.
func removalToken(removal Removal) string {
	return fmt.Sprintf("%s-%d", removal.Token, removal.Failures)
}

// finish ends the rollout, if the traffic is where the outcome says that it is.
func (m moment) finish(leftoverReason string) Action {
	if m.r.Exposed && (!m.routeIsFresh() || m.now.Sub(m.e.Route.ReadAt) > freshness) {
		return Action{}
	}
	if m.contradicted() {
		due := m.r.Canary.Sha
		if m.r.RollingBack() {
			due = m.r.StableSha()
		}
		return Action{Record: []Body{m.meddled(" after the traffic had been moved", due)}}
	}
	finished := &Finished{Outcome: Succeeded, Reason: m.successReason()}
	stack := m.r.Service().StackName(m.r.StableSha())
	if m.r.RollingBack() {
		finished.Outcome, finished.Reason = RolledBack, m.r.rolledBackReason()
		stack = m.r.CanaryStack.Name
	}
	if leftoverReason != "" {
		finished.Leftover = "stack " + stack + " could not be removed: " + leftoverReason
	}
	return Action{Record: []Body{finished}}
}

func (m moment) successReason() string {
	return m.r.Canary.Sha + " has all the traffic and is " + m.r.recordedWords()
}

// contradicted tells whether the route, as read in this phase, does not have the
// traffic where the end of the rollout would say that it is.
func (m moment) contradicted() bool {
	if !m.r.Exposed {
		return false
	}
	route := *m.e.Route
	if !m.r.RollingBack() {
		return route.Weight(m.r.Canary.Sha) == 0 || foreignWeight(route, Split{Weights: []Weight{{Sha: m.r.Canary.Sha}}}) > 0
	}
	if m.r.First() {
		return route.Names(m.r.Canary.Sha)
	}
	return !m.isBack(route, Split{Weights: []Weight{{Sha: m.r.StableSha()}}})
}
