package engine

import (
	"errors"
	"maps"
	"slices"
	"time"

	"serin/internal/engine/analysis"
)

// reading is one answer of the world, or a failure to get one.
type reading struct {
	activity  Activity
	stackKey  string
	route     Route
	stack     Stack
	tasks     []TaskHealth
	responses []Responses
	alarms    []Alarm
	// at is when the reading began, so that it is not taken for newer than what was
	// written while it was under way; of a failure, when it ended.
	at time.Time
	// clock is the number of the clock that at is by.
	clock int
	err   error
}

// absorb takes a reading into the evidence and tells what of it must be recorded.
func absorb(r *Rollout, e *Evidence, got reading) []Body {
	if got.err != nil && got.activity == ReadMetrics && forOnlookers(r) {
		return nil
	}
	if got.err != nil {
		return []Body{&Faulted{Fault: nextFault(r, got.activity, got.err, got.at)}}
	}
	var bodies []Body
	if _, failing := r.Faults[got.activity]; failing {
		bodies = append(bodies, &Recovered{Activity: got.activity})
	}
	return append(bodies, takeIn(r, e, got)...)
}

func takeIn(r *Rollout, e *Evidence, got reading) []Body {
	switch got.activity {
	case ReadRoute:
		got.route.ReadAt = got.at
		e.Route = &got.route
	case ReadStack:
		return takeInStack(r, e, got)
	case ReadTasks:
		return takeInTasks(r, e, got)
	case ReadMetrics:
		e.MetricsAt = got.at
		return takeInResponses(r, e, got.responses)
	case ReadAlarms:
		e.Alarms, e.AlarmsAt = got.alarms, got.at
	default:
	}
	return nil
}

func takeInStack(r *Rollout, e *Evidence, got reading) []Body {
	stacks := make(map[string]Stack, len(e.Stacks)+1)
	maps.Copy(stacks, e.Stacks)
	got.stack.ReadAt = got.at
	stacks[got.stackKey] = got.stack
	e.Stacks = stacks
	events := got.stack.Events
	if r.Removal != nil && r.Removal.LastEvent == "" {
		events = sinceRemoval(events, r.Removal.StartedAt)
	}
	if len(events) == 0 {
		return nil
	}
	return []Body{&StackProgressed{Name: got.stack.Name, Events: events}}
}

// sinceRemoval leaves out what happened to an old stack long before this rollout. The
// provider's clock may be a little behind.
func sinceRemoval(events []StackEvent, started time.Time) []StackEvent {
	return slices.DeleteFunc(slices.Clone(events), func(event StackEvent) bool {
		return event.At.Before(started.Add(-2 * time.Second))
	})
}

func takeInTasks(r *Rollout, e *Evidence, got reading) []Body {
	tasks := make(map[string]TaskHealth, len(got.tasks))
	var bodies []Body
	for _, health := range got.tasks {
		health.ReadAt = got.at
		tasks[health.Sha] = health
		if before, known := r.Health[health.Sha]; !known || tasksDiffer(before, health) {
			bodies = append(bodies, &TasksChanged{Health: health})
		}
	}
	e.Tasks = tasks
	e.Sick++
	if tasks[r.Canary.Sha].AllHealthy() {
		e.Sick = 0
	}
	return bodies
}

func tasksDiffer(a, b TaskHealth) bool {
	return a.Exists != b.Exists || a.Desired != b.Desired || a.Running != b.Running || a.Healthy != b.Healthy ||
		!slices.EqualFunc(a.Stops, b.Stops, func(x, y TaskStop) bool { return x.Task == y.Task && x.Reason == y.Reason })
}

// takeInResponses keeps what the journal does not know yet: a canary is judged by it
// although it may not be recorded.
func takeInResponses(r *Rollout, e *Evidence, read []Responses) []Body {
	var changed []Responses
	e.Responses = make(map[string][]analysis.Bucket, len(read))
	for _, responses := range read {
		if buckets := news(r.Responses[responses.Sha], responses.Buckets); len(buckets) > 0 {
			e.Responses[responses.Sha] = merge(slices.Clip(r.Responses[responses.Sha]), buckets)
			responses.Buckets = buckets
			changed = append(changed, responses)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	return []Body{&Observed{Responses: changed}}
}

// nextFault is the fault of an activity after one more failure.
func nextFault(r *Rollout, activity Activity, err error, at time.Time) ActiveFault {
	fault, failing := r.Faults[activity]
	if !failing {
		fault = ActiveFault{Activity: activity, Since: at}
	}
	fault.Count++
	fault.Kind, fault.Message, fault.Hint = KindOf(err), err.Error(), HintOf(err)
	fault.RetryAt = at.Add(retryAfter(r, fault.Count))
	_, fault.Unknown = errors.AsType[*unknownOutcome](err)
	return fault
}

// afterEffect is what must be recorded when an effect has been performed.
func afterEffect(m moment, effect Effect, result any, err error) []Body {
	if err != nil {
		return []Body{&Faulted{Fault: nextFault(m.r, effect.Activity(), err, m.now)}}
	}
	var bodies []Body
	if _, failing := m.r.Faults[effect.Activity()]; failing {
		bodies = append(bodies, &Recovered{Activity: effect.Activity()})
	}
	switch effect.(type) {
	case AskForStack:
		id, _ := result.(string)
		return append(bodies, &StackRequested{ID: id})
	case ChangeWeights, DropRoute:
		return append(bodies, &WeightsWritten{})
	case AskForRemoval:
		return append(bodies, &RemovalRequested{})
	case RecordVersion:
		recorded, _ := result.(*Recorded)
		return append(bodies, recorded)
	}
	return bodies
}
