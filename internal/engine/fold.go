package engine

import (
	"cmp"
	"time"

	"serin/internal/engine/analysis"
)

// Fold replays events.
func Fold(events []Event) *Rollout {
	r := &Rollout{}
	for _, event := range events {
		r.Apply(event)
	}
	return r
}

// Apply folds one more event into the rollout.
func (r *Rollout) Apply(event Event) {
	event.Body.apply(r, event.At)
	if event.Body.Kind() == KindStarted {
		r.StartedBy = event.Actor
	}
	r.Seq, r.At = event.Seq, event.At
}

// enter begins a phase.
func (r *Rollout) enter(phase Phase, at time.Time) {
	r.Phase, r.Entered = phase, at
	r.Clock = Clock{}
	if r.Paused == nil {
		r.Clock = r.Clock.started(at)
	}
}

// put sets an entry of a map that is made when it is first needed: a journal that was
// damaged may tell of anything before it tells of the start.
func put[K comparable, V any](entries *map[K]V, key K, value V) {
	if *entries == nil {
		*entries = map[K]V{}
	}
	(*entries)[key] = value
}

func (b *Started) apply(r *Rollout, at time.Time) {
	*r = Rollout{
		ID: b.ID, Key: b.Key, Spec: b.Spec, Plan: b.Plan, Stable: b.Stable, Canary: b.Canary,
		Conduct: b.Conduct, Before: b.Record, StartedAt: at, StartedWhy: b.Reason, Back: b.Back,
		Origin: b.Route, Confirmed: b.Route,
		Faults: map[Activity]ActiveFault{}, Health: map[string]TaskHealth{},
		Responses: map[string][]analysis.Bucket{}, Tally: map[analysis.Result]int{},
	}
	if b.Stable != nil {
		r.Desired.Stable, r.Actual.Stable = 100, 100
	}
	r.CanaryStack.Name = r.Service().StackName(b.Canary.Sha)
	r.enter(Starting, at)
}

func (b *DriverTook) apply(r *Rollout, at time.Time) {
	r.Driver, r.Fence, r.LetGo, r.AttendedAt = b.Driver, b.Fence, false, at
	if r.RecordTouched {
		r.RecordLostAt = at
	}
	r.Faults = map[Activity]ActiveFault{}
	r.Conduct.Unattended = b.Driver.Unattended
}

func (b *StackIntended) apply(r *Rollout, _ time.Time) {
	r.CanaryStack.Name, r.CanaryStack.Token, r.CanaryStack.Intended = b.Name, b.Token, true
}

func (b *StackRequested) apply(r *Rollout, at time.Time) {
	r.CanaryStack.ID, r.CanaryStack.Requested = b.ID, true
	if r.Phase == Starting {
		r.enter(Deploying, at)
	}
}

func (b *StackProgressed) apply(r *Rollout, _ time.Time) {
	if len(b.Events) == 0 {
		return
	}
	last := b.Events[len(b.Events)-1].ID
	if r.Removal == nil {
		r.CanaryStack.LastEvent = last
		return
	}
	r.Removal = amended(r.Removal, func(removal *Removal) { removal.LastEvent = last })
}

func (b *StackBecameReady) apply(r *Rollout, at time.Time) {
	clock := r.Clock
	r.enter(Waiting, at)
	r.Clock = clock
}

func (b *TasksChanged) apply(r *Rollout, _ time.Time) { put(&r.Health, b.Health.Sha, b.Health) }

func (b *TasksBecameHealthy) apply(r *Rollout, at time.Time) {
	put(&r.Health, b.Health.Sha, b.Health)
	r.HealthyTasks, r.HealthyAt = b.Health.Desired, at
	r.enter(Shifting, at)
}

func (b *WeightsIntended) apply(r *Rollout, at time.Time) {
	r.Desired = Weights{Stable: b.Stable, Canary: b.Canary}
	r.Change = &Change{Split: b.Split, Desired: r.Desired}
	if b.Canary > 0 && !r.Exposed {
		r.Exposed, r.ExposedAt = true, at
	}
}

func (b *WeightsWritten) apply(r *Rollout, at time.Time) {
	r.Change = amended(r.Change, func(change *Change) { change.Written, change.WrittenAt = true, at })
}

func (b *WeightsConfirmed) apply(r *Rollout, at time.Time) {
	r.Actual = Weights{Stable: b.Stable, Canary: b.Canary}
	r.Confirmed, r.Change, r.Reassert = b.Route, nil, false
	if r.Phase != Shifting || r.Present().Gate != "" {
		return
	}
	if r.Present().Bake {
		r.enter(Baking, at)
		return
	}
	r.enter(Holding, at)
}

func (b *GateOpened) apply(r *Rollout, at time.Time) { r.enter(Gated, at) }

func (b *StepPassed) apply(r *Rollout, at time.Time) {
	if r.Present().Bake {
		r.enter(Promoting, at)
		return
	}
	r.Step++
	if b.Fully {
		r.Step = len(r.Plan.Steps) - 1
	}
	r.enter(Shifting, at)
}

func (b *Observed) apply(r *Rollout, _ time.Time) {
	for _, responses := range b.Responses {
		put(&r.Responses, responses.Sha, merge(r.Responses[responses.Sha], responses.Buckets))
	}
}

func (b *Judged) apply(r *Rollout, _ time.Time) {
	r.Verdict = b.Verdict
	put(&r.Tally, b.Verdict.Result, r.Tally[b.Verdict.Result]+1)
}

func (b *CommandTaken) apply(r *Rollout, _ time.Time) {
	r.CommandsTaken = max(r.CommandsTaken, b.Command.Number)
}

func (b *CommandRefused) apply(r *Rollout, _ time.Time) {
	r.CommandsTaken = max(r.CommandsTaken, b.Command.Number)
}

func (b *PausedNow) apply(r *Rollout, at time.Time) {
	pause := b.Pause
	r.Paused = &pause
	r.Clock = r.Clock.stopped(at)
}

func (b *Resumed) apply(r *Rollout, at time.Time) {
	wasStuck := r.Stuck != nil
	anew := r.Paused != nil && r.Paused.Kind == PausedByClock
	r.Paused, r.Stuck, r.LetGo, r.AttendedAt = nil, nil, false, at
	r.Faults = map[Activity]ActiveFault{}
	r.Clock = r.Clock.started(at)
	if wasStuck || anew {
		r.enter(r.Phase, at)
	}
	if wasStuck {
		r.Change = nil
	}
	if wasStuck && r.RollingBack() && r.Exposed {
		r.turnBack(at)
	}
	if b.Adopted == nil {
		return
	}
	r.Confirmed, r.Change, r.Reassert = *b.Adopted, nil, true
	switch r.Phase {
	case Holding, Gated, Baking, Shifting:
		r.enter(Shifting, at)
	default:
		r.enter(r.Phase, at)
	}
}

func (b *Faulted) apply(r *Rollout, at time.Time) {
	put(&r.Faults, b.Fault.Activity, b.Fault)
	if b.Fault.Unknown && b.Fault.Activity == RecordImage {
		r.RecordLostAt = at
	}
}

func (b *Recovered) apply(r *Rollout, _ time.Time) { delete(r.Faults, b.Activity) }

func (b *RollbackStarted) apply(r *Rollout, at time.Time) {
	cause := b.Cause
	cause.At = at
	r.Cause, r.Paused, r.Stuck, r.LetGo, r.Change = &cause, nil, nil, false, nil
	r.Faults = map[Activity]ActiveFault{}
	if b.NothingCreated {
		r.CanaryStack.Intended = false
	}
	// Also where the canary never had traffic: someone may have deleted the route, or have
	// put the canary on it.
	if r.Exposed || !r.First() {
		r.turnBack(at)
		return
	}
	r.enter(Removing, at)
}

// turnBack begins to give all traffic to stable; in a first deployment, to nobody.
func (r *Rollout) turnBack(at time.Time) {
	r.Desired = Weights{Stable: 100}
	if r.First() {
		r.Desired = Weights{}
	}
	r.enter(RollingBack, at)
}

func (b *TrafficReturned) apply(r *Rollout, at time.Time) {
	r.Actual, r.Confirmed, r.Change = r.Desired, b.Route, nil
	r.enter(Removing, at)
}

func (b *PromotedNow) apply(r *Rollout, at time.Time) { r.enter(Recording, at) }

func (b *RecordIntended) apply(r *Rollout, _ time.Time) { r.RecordTouched = true }

func (b *Recorded) apply(r *Rollout, at time.Time) {
	if r.RollingBack() {
		r.RecordTouched, r.RestoreNote = false, b.Note
		return
	}
	r.Number, r.RecordNote = b.Number, b.Note
	r.enter(Retiring, at)
}

func (b *RemovalIntended) apply(r *Rollout, at time.Time) {
	r.Removal = &Removal{Sha: b.Sha, Stack: b.Stack, Token: b.Token, StartedAt: at}
	if b.Sha == r.Canary.Sha {
		r.Removal.LastEvent = r.CanaryStack.LastEvent
	}
}

func (b *RemovalRequested) apply(r *Rollout, at time.Time) {
	r.Removal = amended(r.Removal, func(removal *Removal) {
		removal.Requested, removal.RequestedAt = true, at
		removal.Stack = cmp.Or(b.StackID, removal.Stack)
	})
}

func (b *RemovalFailed) apply(r *Rollout, at time.Time) {
	r.Removal = amended(r.Removal, func(removal *Removal) {
		removal.Requested, removal.Failed = false, at
		removal.Failures++
		removal.Reasons = b.Reasons
	})
}

func (b *Removed) apply(r *Rollout, _ time.Time) {
	r.Removal = amended(r.Removal, func(removal *Removal) { removal.Done = true })
}

func (b *StuckNow) apply(r *Rollout, at time.Time) {
	stuck := b.Stuck
	r.Stuck = &stuck
	r.Clock = r.Clock.stopped(at)
}

func (b *LetGo) apply(r *Rollout, _ time.Time) { r.LetGo = true }

func (b *Finished) apply(r *Rollout, at time.Time) {
	r.Outcome, r.Reason, r.Leftover, r.EndedAt = b.Outcome, b.Reason, b.Leftover, at
	r.enter(Over, at)
}
