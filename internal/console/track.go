package console

import (
	"reflect"
	"slices"
	"time"

	"serin/internal/engine"
	"serin/internal/ui/scene"
)

// track is one rollout as it is followed: by the journal, or by this process's own
// driver.
type track struct {
	id  string
	key engine.Key
	// events are all of the rollout's, in order; what is given out of them is never
	// changed, they only grow.
	events []engine.Event
	marks  []scene.Mark
	// rollout and evidence are immutable. evidence is a driver's own.
	rollout  *engine.Rollout
	evidence engine.Evidence
	at       time.Time
	// shownAt is when the evidence last made a new scene.
	shownAt time.Time

	// lease is as it was last seen, since when it has been so. beaten is true once it was
	// seen to change.
	lease  engine.Lease
	since  time.Time
	beaten bool
	lost   bool
	// drive is this process's own; nil when another drives, or nobody.
	drive *drive
	// counted is true when there are responses in the rollout that its service does not have.
	counted bool
	// counts is whether its driver counted the responses, when that was last regarded.
	counts bool
	// again is true when all of its events are to be read again.
	again bool
	// taking is true while this process is taking it over; asked is what its own driver is
	// to be asked first.
	taking bool
	asked  []engine.Command
}

// add takes further events in, once each.
func (t *track) add(events ...engine.Event) {
	for _, event := range events {
		if len(t.events) > 0 && event.Seq <= t.events[len(t.events)-1].Seq {
			continue
		}
		t.events = append(t.events, event)
		t.counted = t.counted || event.Body.Kind() == engine.KindObserved
		t.marks = scene.Marked(t.marks, event, t.rollout.Canary.Sha)
	}
}

// lastSeq is the number of the last event that is known.
func (t *track) lastSeq() int64 {
	if len(t.events) == 0 {
		return 0
	}
	return t.events[len(t.events)-1].Seq
}

// shown is the rollout for a scene; w is its service as it is observed, nil when it is
// not. counted says that its driver reads the responses: while it lives, and says of no
// failure, it has read them.
func (t *track) shown(w *watched, counted bool) *scene.Rollout {
	made := &scene.Rollout{
		Snapshot: engine.Snapshot{Rollout: t.rollout, Evidence: t.evidence, At: t.at},
		Mine:     t.drive != nil, Events: t.upTo(t.rollout.Seq), Marks: slices.Clip(t.marks),
		Lost: t.lost, LastSeen: t.lastSeen(),
	}
	if t.drive == nil && w != nil && t.rollout.Outcome == "" {
		made.Evidence = w.evidence(made.Evidence)
		if fault, failing := t.rollout.Faults[engine.ReadMetrics]; counted {
			made.Evidence.MetricsAt = t.lastSeen()
			if failing {
				made.Evidence.MetricsAt = fault.Since
			}
		}
	}
	return made
}

// evidence is what was observed of a service, for a rollout whose driver's own evidence is
// not known.
func (w *watched) evidence(evidence engine.Evidence) engine.Evidence {
	if !w.route.ReadAt.IsZero() {
		route := w.route
		evidence.Route = &route
	}
	if len(w.health) > 0 {
		evidence.Tasks = w.health
	}
	if !w.metricsRead.IsZero() {
		evidence.MetricsAt = w.metricsRead
	}
	return evidence
}

// upTo are the events with numbers up to one.
func (t *track) upTo(seq int64) []engine.Event {
	n := len(t.events)
	for n > 0 && t.events[n-1].Seq > seq {
		n--
	}
	return t.events[:n:n]
}

// lastSeen is when the driver last gave a sign of life, as far as is known.
func (t *track) lastSeen() time.Time {
	if t.beaten && t.since.After(t.rollout.At) {
		return t.since
	}
	return t.rollout.At
}

// takeLease takes a lease in as it is now; it tells whether that is news.
func (t *track) takeLease(lease engine.Lease, gone func(engine.Driver) bool, now time.Time) bool {
	before, lost := t.lastSeen(), t.lost
	switch {
	case t.since.IsZero():
		t.since = now
	case lease != t.lease:
		t.since, t.beaten = now, true
	}
	t.lease = lease
	switch {
	case t.rollout.Outcome != "":
		t.lost = false
	case lease.Free:
		t.lost = !t.rollout.LetGo
	default:
		t.lost = now.Sub(t.since) >= engine.LeaseTime || gone(lease.Driver)
	}
	return t.lost != lost || !t.lastSeen().Equal(before)
}

// takeSnapshot takes in what a driver of this process shows; it tells whether that is
// worth a new scene.
func (t *track) takeSnapshot(snapshot engine.Snapshot, now time.Time) bool {
	news := snapshot.Rollout.Seq != t.rollout.Seq || now.Sub(t.shownAt) >= quickly ||
		!sameEvidence(snapshot.Evidence, t.evidence)
	t.rollout, t.evidence, t.at = snapshot.Rollout, snapshot.Evidence, snapshot.At
	if news {
		t.shownAt = now
	}
	return news
}

// sameEvidence tells whether two pieces of evidence say the same, whenever they were
// read.
func sameEvidence(a, b engine.Evidence) bool {
	switch {
	case (a.Route == nil) != (b.Route == nil), a.Route != nil && !sameRoute(*a.Route, *b.Route):
		return false
	case a.Sick != b.Sick, a.Refused != b.Refused, len(a.Alarms) != len(b.Alarms), !sameHealth(a.Tasks, b.Tasks):
		return false
	}
	for i, alarm := range a.Alarms {
		alarm.ReadAt = b.Alarms[i].ReadAt
		if alarm != b.Alarms[i] {
			return false
		}
	}
	return sameStacks(a.Stacks, b.Stacks)
}

func sameStacks(a, b map[string]engine.Stack) bool {
	if len(a) != len(b) {
		return false
	}
	for name, stack := range a {
		stack.ReadAt = b[name].ReadAt
		if !reflect.DeepEqual(stack, b[name]) {
			return false
		}
	}
	return true
}
