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
	case fault.Activity == RemoveStack || fault.Activity == ReadStack && m.r.Removal != nil,
		fault.Activity == ReadTasks && m.r.Phase == Removing:
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

// paused waits; unattended, not for ever, and not while nothing has any traffic.
func (m moment) paused() Action {
	if m.r.Conduct.Unattended && m.r.Paused.Kind == PausedByDrift && m.nobodyServes() {
		return Action{Record: []Body{rollback(ByDrift, "", m.r.Paused.Reason+": nothing has any traffic, and nobody attends")}}
	}
	limit := seconds(m.r.Spec.ProgressDeadline)
	if m.r.Conduct.Unattended && m.now.Sub(later(m.r.Paused.At, m.r.AttendedAt)) >= limit {
		why := m.r.Paused.Reason
		if why == "" {
			why = m.r.Paused.By + " asked for it"
		}
		return Action{Record: []Body{&LetGo{
			By:     "serin",
			Reason: fmt.Sprintf("nobody resumed it within %s; it was paused because %s", limit, why),
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

func (m moment) recording() Action {
	if m.blocked(RecordImage) {
		return Action{}
	}
	action := Action{Perform: RecordVersion{Image: m.r.Canary.Image, Before: m.r.Before, NotBefore: m.r.recordsAgain()}}
	if !m.r.RecordTouched {
		action.Record = []Body{&RecordIntended{Image: m.r.Canary.Image}}
	}
	return action
}
