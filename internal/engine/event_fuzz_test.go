package engine

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"serin/internal/engine/analysis"
)

// eventsInAnyOrder are events that no driver would write in that order, and steps, tries
// and times that none would write at all.
func eventsInAnyOrder() [][]Body {
	plan := Plan{Steps: []Step{{Weight: 10, Hold: time.Second}, {Gate: "QA", Timeout: -1}, {Weight: 100, Bake: true}}}
	started := &Started{ID: "r1", Plan: plan, Stable: &Version{Sha: "a"}, Canary: Version{Sha: "b"}, Spec: Spec{Alarms: []string{"x"}}}
	fault := &Faulted{Fault: ActiveFault{Activity: ReadRoute, Count: -7}}
	buckets := []analysis.Bucket{{Start: time.Unix(2, 0)}, {Start: time.Unix(1, 0)}}
	return [][]Body{
		{&RemovalRequested{StackID: "s"}, &RemovalFailed{}, &Removed{}, &RemovalIntended{Sha: "b"}},
		{&Observed{Responses: []Responses{{Sha: "a", Buckets: buckets}}}, &Judged{}, fault, started},
		{started, &StepPassed{Step: -1, Fully: true}, &StepPassed{}, &StepPassed{}, &StepPassed{}, fault},
		{started, &WeightsIntended{Step: 99, Canary: 101}, &WeightsWritten{}, &WeightsConfirmed{}, &RollbackStarted{}, &TrafficReturned{}},
		{&Resumed{Adopted: &Route{}}, &PausedNow{}, &StuckNow{}, &LetGo{}, &Finished{}, &CommandTaken{Command: Command{Number: -1}}},
		{started, &TasksBecameHealthy{}, &GateOpened{}, &TasksChanged{Health: TaskHealth{Stops: []TaskStop{{}}}}, &StackProgressed{Events: []StackEvent{{ID: "e"}}}},
	}
}

func journalLines(tb testing.TB, bodies []Body) []byte {
	tb.Helper()
	var lines []byte
	for i, body := range bodies {
		line, err := json.Marshal(Event{Seq: int64(i) + 1, At: time.Unix(int64(i), 0).UTC(), Actor: "kim", Body: body})
		if err != nil {
			tb.Fatal(err)
		}
		lines = append(append(lines, line...), '\n')
	}
	return lines
}

// FuzzEvents reads anything as a journal's lines: what is an event is written again as
// it was read, and whatever the events tell of, in whatever order, they fold into a
// rollout that can be asked everything.
func FuzzEvents(f *testing.F) {
	for _, bodies := range eventsInAnyOrder() {
		f.Add(journalLines(f, bodies))
	}
	for kind := range newBodies() {
		f.Add([]byte(`{"seq":1,"kind":"` + string(kind) + `","body":null}`))
	}
	f.Fuzz(func(t *testing.T, lines []byte) {
		var events []Event
		for line := range bytes.Lines(lines) {
			var event Event
			if json.Unmarshal(line, &event) == nil {
				rewrites(t, event)
				events = append(events, event)
			}
		}
		answers(Fold(events))
	})
}

func rewrites(t *testing.T, event Event) {
	t.Helper()
	written, err := json.Marshal(event)
	if err != nil {
		t.Fatalf("a %s event was read and is not written: %v", event.Body.Kind(), err)
	}
	var again Event
	if err := json.Unmarshal(written, &again); err != nil {
		t.Fatalf("%s is not read again: %v", written, err)
	}
	rewritten, err := json.Marshal(again)
	if err != nil || !bytes.Equal(written, rewritten) {
		t.Fatalf("%s became %s (%v)", written, rewritten, err)
	}
}

// answers asks a rollout everything; none of it may panic.
func answers(r *Rollout) {
	now := r.At.Add(time.Hour)
	evidence := Evidence{Route: &Route{}, Tasks: maps.Clone(r.Health)}
	for _, e := range []Evidence{{}, evidence} {
		Decide(r, e, now)
		Due(r, e, CadenceOf(r.Spec))
		for _, kind := range append(CommandKinds(), "dance") {
			for _, body := range Take(r.clone(), e, Command{Kind: kind}, now) {
				r.clone().Apply(Event{At: now, Body: body})
			}
		}
	}
	NextDeadline(r, now)
	r.HoldEnds()
	endingOf(snapshot(r, evidence, now).Rollout)
	for _, fault := range r.Faults {
		retryAfter(r, fault.Count+1)
	}
}

// Whatever two things a journal tells of, at its start or after it, the fold of them can
// be asked everything, and a rollout that was given out before does not change.
func TestFoldIsTotal(t *testing.T) {
	bodies := newBodies()
	kinds := slices.Sorted(maps.Keys(bodies))
	for _, start := range [][]Event{nil, {{Body: &Started{Plan: Plan{Steps: []Step{{}, {Gate: "QA"}}}}}}} {
		for _, first := range kinds {
			for _, second := range kinds {
				r := Fold(append(slices.Clip(start), Event{Body: bodies[first]()}))
				given := r.clone()
				before, removal := *given, amended(r.Removal, func(*Removal) {})
				r.Apply(Event{Body: bodies[second]()})
				if before.Phase != given.Phase || !reflect.DeepEqual(removal, given.Removal) {
					t.Fatalf("%s changed a rollout that was given out", second)
				}
				answers(r)
			}
		}
	}
}
