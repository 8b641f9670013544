package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"serin/internal/engine/analysis"
)

// Event is one thing that happened to a rollout. A rollout is the fold of its events.
type Event struct {
	// Seq counts a rollout's events from 1 on.
	Seq int64
	At  time.Time
	// Actor is who made it happen: a person's or a driver's identity.
	Actor string
	Body  Body
}

// Body is what happened. Every body is one of the types in this file.
type Body interface {
	// Kind is the name of the body's type in the journal and in --output json.
	Kind() EventKind
	apply(r *Rollout, at time.Time)
}

// EventKind names a kind of event.
type EventKind string

// The bodies of events.
type (
	// Started: a rollout begins.
	Started struct {
		ID      string   `json:"id"`
		Key     Key      `json:"key"`
		Spec    Spec     `json:"spec"`
		Plan    Plan     `json:"plan"`
		Stable  *Version `json:"stable,omitempty"`
		Canary  Version  `json:"canary"`
		Route   Route    `json:"route"`
		Record  Deployed `json:"record"`
		Conduct Conduct  `json:"conduct"`
		// Reason is why, in the words of whoever started it.
		Reason string `json:"reason,omitempty"`
		// Back is the number of the record that it goes back to, giving up what came after
		// it; 0 where it goes on.
		Back int64 `json:"back,omitempty"`
	}
	// DriverTook: a driver drives from now on.
	DriverTook struct {
		Driver Driver `json:"driver"`
		Fence  int64  `json:"fence"`
		// Reason is why, in the words of whoever took it over.
		Reason string `json:"reason,omitempty"`
	}
	// StackIntended: the canary's stack is about to be asked for.
	StackIntended struct {
		Name  string `json:"name"`
		Token string `json:"token"`
	}
	// StackRequested: the canary's stack was asked for.
	StackRequested struct {
		ID string `json:"id"`
	}
	// StackProgressed: something happened to a stack.
	StackProgressed struct {
		Name   string       `json:"name"`
		Events []StackEvent `json:"events"`
	}
	// StackBecameReady: the canary's stack is there.
	StackBecameReady struct{}
	// TasksChanged: the health of a version's tasks is not what it was.
	TasksChanged struct {
		Health TaskHealth `json:"health"`
	}
	// TasksBecameHealthy: every task of the canary is healthy; it may have traffic.
	TasksBecameHealthy struct {
		Health TaskHealth `json:"health"`
	}
	// WeightsIntended: weights are about to be written.
	WeightsIntended struct {
		Step   int   `json:"step"`
		Stable int   `json:"stable"`
		Canary int   `json:"canary"`
		Split  Split `json:"split"`
	}
	// WeightsWritten: the router accepted the weights.
	WeightsWritten struct{}
	// WeightsConfirmed: the weights were read back.
	WeightsConfirmed struct {
		Stable int   `json:"stable"`
		Canary int   `json:"canary"`
		Route  Route `json:"route"`
	}
	// GateOpened: a step waits for a person.
	GateOpened struct {
		Step int    `json:"step"`
		Gate string `json:"gate"`
	}
	// StepPassed: a hold or a gate has ended well.
	StepPassed struct {
		Step    int              `json:"step"`
		Weight  int              `json:"weight"`
		Verdict analysis.Verdict `json:"verdict"`
		// By is who promoted before the time; empty when the time was over.
		By string `json:"by,omitempty"`
		// Fully jumps to the bake.
		Fully bool `json:"fully,omitempty"`
	}
	// Observed: responses that were not known before, or were known differently.
	Observed struct {
		Responses []Responses `json:"responses"`
	}
	// Judged: the evidence was judged, with a new result or on new evidence.
	Judged struct {
		Verdict analysis.Verdict `json:"verdict"`
	}
	// CommandTaken: a command was taken up.
	CommandTaken struct {
		Command Command `json:"command"`
	}
	// CommandRefused: a command could not act.
	CommandRefused struct {
		Command Command `json:"command"`
		Why     string  `json:"why"`
	}
	// PausedNow: the clock stands still.
	PausedNow struct {
		Pause Pause `json:"pause"`
	}
	// Resumed: the clock goes on.
	Resumed struct {
		By     string `json:"by"`
		Reason string `json:"reason,omitempty"`
		// Adopted is the route that someone else made and that the rollout goes on from.
		Adopted *Route `json:"adopted,omitempty"`
	}
	// Faulted: a call failed and will be tried again.
	Faulted struct {
		Fault ActiveFault `json:"fault"`
	}
	// Recovered: a call that had failed succeeded.
	Recovered struct {
		Activity Activity `json:"activity"`
	}
	// RollbackStarted: all traffic goes back to stable.
	RollbackStarted struct {
		Cause Cause `json:"cause"`
		// NothingCreated is true when the canary's stack was refused: what bears its name
		// is not this rollout's.
		NothingCreated bool `json:"nothing_created,omitempty"`
	}
	// TrafficReturned: it was read back that all traffic is on stable.
	TrafficReturned struct {
		Route Route `json:"route"`
	}
	// PromotedNow: the route is the canary's alone; there is no way back but another
	// rollout.
	PromotedNow struct{}
	// RecordIntended: the image is about to be recorded.
	RecordIntended struct {
		Image string `json:"image"`
	}
	// Recorded: the image is recorded as the deployed one: the canary's, or of a roll back
	// stable's again.
	Recorded struct {
		Number int64 `json:"number"`
		// Image is the one that is recorded.
		Image string `json:"image,omitempty"`
		// Note says in words what someone else did to the record since the rollout began, and
		// what became of it; empty when nobody did.
		Note string `json:"note,omitempty"`
	}
	// RemovalIntended: a version's stack is about to be deleted.
	RemovalIntended struct {
		Sha   string `json:"sha"`
		Stack string `json:"stack"`
		Token string `json:"token"`
	}
	// RemovalRequested: the deletion was asked for.
	RemovalRequested struct {
		StackID string `json:"stack_id,omitempty"`
	}
	// RemovalFailed: the deletion failed; it may be tried again.
	RemovalFailed struct {
		Sha     string   `json:"sha"`
		Reasons []string `json:"reasons"`
	}
	// Removed: the stack is gone.
	Removed struct {
		Sha string `json:"sha"`
	}
	// StuckNow: a person is needed.
	StuckNow struct {
		Stuck Stuck `json:"stuck"`
	}
	// LetGo: the driver left; the rollout is open, paused and resumable.
	LetGo struct {
		By     string `json:"by"`
		Reason string `json:"reason"`
	}
	// ClockJumped: the clock that events are timed by is another one than before.
	ClockJumped struct {
		// Jump is how far it moved beside the time that passed; negative is back.
		Jump time.Duration `json:"jump"`
		// How it was found, in words.
		How string `json:"how"`
	}
	// Finished: the rollout is over.
	Finished struct {
		Outcome Outcome `json:"outcome"`
		Reason  string  `json:"reason"`
		// Leftover is the stack that could not be removed, with the reason.
		Leftover string `json:"leftover,omitempty"`
	}
)

// Kinds of events.
const (
	KindStarted            EventKind = "started"
	KindDriverTook         EventKind = "driver_took"
	KindStackIntended      EventKind = "stack_intended"
	KindStackRequested     EventKind = "stack_requested"
	KindStackProgressed    EventKind = "stack_progressed"
	KindStackBecameReady   EventKind = "stack_ready"
	KindTasksChanged       EventKind = "tasks_changed"
	KindTasksBecameHealthy EventKind = "tasks_healthy"
	KindWeightsIntended    EventKind = "weights_intended"
	KindWeightsWritten     EventKind = "weights_written"
	KindWeightsConfirmed   EventKind = "weights_confirmed"
	KindGateOpened         EventKind = "gate_opened"
	KindStepPassed         EventKind = "step_passed"
	KindObserved           EventKind = "observed"
	KindJudged             EventKind = "judged"
	KindCommandTaken       EventKind = "command_taken"
	KindCommandRefused     EventKind = "command_refused"
	KindPaused             EventKind = "paused"
	KindResumed            EventKind = "resumed"
	KindFaulted            EventKind = "faulted"
	KindRecovered          EventKind = "recovered"
	KindRollbackStarted    EventKind = "rollback_started"
	KindTrafficReturned    EventKind = "traffic_returned"
	KindPromoted           EventKind = "promoted"
	KindRecordIntended     EventKind = "record_intended"
	KindRecorded           EventKind = "recorded"
	KindRemovalIntended    EventKind = "removal_intended"
	KindRemovalRequested   EventKind = "removal_requested"
	KindRemovalFailed      EventKind = "removal_failed"
	KindRemoved            EventKind = "removed"
	KindStuck              EventKind = "stuck"
	KindLetGo              EventKind = "let_go"
	KindClockJumped        EventKind = "clock_jumped"
	KindFinished           EventKind = "finished"
)

// Kind names the body's type.
func (*Started) Kind() EventKind            { return KindStarted }
func (*DriverTook) Kind() EventKind         { return KindDriverTook }
func (*StackIntended) Kind() EventKind      { return KindStackIntended }
func (*StackRequested) Kind() EventKind     { return KindStackRequested }
func (*StackProgressed) Kind() EventKind    { return KindStackProgressed }
func (*StackBecameReady) Kind() EventKind   { return KindStackBecameReady }
func (*TasksChanged) Kind() EventKind       { return KindTasksChanged }
func (*TasksBecameHealthy) Kind() EventKind { return KindTasksBecameHealthy }
func (*WeightsIntended) Kind() EventKind    { return KindWeightsIntended }
func (*WeightsWritten) Kind() EventKind     { return KindWeightsWritten }
func (*WeightsConfirmed) Kind() EventKind   { return KindWeightsConfirmed }
func (*GateOpened) Kind() EventKind         { return KindGateOpened }
func (*StepPassed) Kind() EventKind         { return KindStepPassed }
func (*Observed) Kind() EventKind           { return KindObserved }
func (*Judged) Kind() EventKind             { return KindJudged }
func (*CommandTaken) Kind() EventKind       { return KindCommandTaken }
func (*CommandRefused) Kind() EventKind     { return KindCommandRefused }
func (*PausedNow) Kind() EventKind          { return KindPaused }
func (*Resumed) Kind() EventKind            { return KindResumed }
func (*Faulted) Kind() EventKind            { return KindFaulted }
func (*Recovered) Kind() EventKind          { return KindRecovered }
func (*RollbackStarted) Kind() EventKind    { return KindRollbackStarted }
func (*TrafficReturned) Kind() EventKind    { return KindTrafficReturned }
func (*PromotedNow) Kind() EventKind        { return KindPromoted }
func (*RecordIntended) Kind() EventKind     { return KindRecordIntended }
func (*Recorded) Kind() EventKind           { return KindRecorded }
func (*RemovalIntended) Kind() EventKind    { return KindRemovalIntended }
func (*RemovalRequested) Kind() EventKind   { return KindRemovalRequested }
func (*RemovalFailed) Kind() EventKind      { return KindRemovalFailed }
func (*Removed) Kind() EventKind            { return KindRemoved }
func (*StuckNow) Kind() EventKind           { return KindStuck }
func (*LetGo) Kind() EventKind              { return KindLetGo }
func (*ClockJumped) Kind() EventKind        { return KindClockJumped }
func (*Finished) Kind() EventKind           { return KindFinished }

// newBodies is the table of kinds and the bodies that they are read into.
func newBodies() map[EventKind]func() Body {
	return map[EventKind]func() Body{
		KindStarted:            func() Body { return new(Started) },
		KindDriverTook:         func() Body { return new(DriverTook) },
		KindStackIntended:      func() Body { return new(StackIntended) },
		KindStackRequested:     func() Body { return new(StackRequested) },
		KindStackProgressed:    func() Body { return new(StackProgressed) },
		KindStackBecameReady:   func() Body { return new(StackBecameReady) },
		KindTasksChanged:       func() Body { return new(TasksChanged) },
		KindTasksBecameHealthy: func() Body { return new(TasksBecameHealthy) },
		KindWeightsIntended:    func() Body { return new(WeightsIntended) },
		KindWeightsWritten:     func() Body { return new(WeightsWritten) },
		KindWeightsConfirmed:   func() Body { return new(WeightsConfirmed) },
		KindGateOpened:         func() Body { return new(GateOpened) },
		KindStepPassed:         func() Body { return new(StepPassed) },
		KindObserved:           func() Body { return new(Observed) },
		KindJudged:             func() Body { return new(Judged) },
		KindCommandTaken:       func() Body { return new(CommandTaken) },
		KindCommandRefused:     func() Body { return new(CommandRefused) },
		KindPaused:             func() Body { return new(PausedNow) },
		KindResumed:            func() Body { return new(Resumed) },
		KindFaulted:            func() Body { return new(Faulted) },
		KindRecovered:          func() Body { return new(Recovered) },
		KindRollbackStarted:    func() Body { return new(RollbackStarted) },
		KindTrafficReturned:    func() Body { return new(TrafficReturned) },
		KindPromoted:           func() Body { return new(PromotedNow) },
		KindRecordIntended:     func() Body { return new(RecordIntended) },
		KindRecorded:           func() Body { return new(Recorded) },
		KindRemovalIntended:    func() Body { return new(RemovalIntended) },
		KindRemovalRequested:   func() Body { return new(RemovalRequested) },
		KindRemovalFailed:      func() Body { return new(RemovalFailed) },
		KindRemoved:            func() Body { return new(Removed) },
		KindStuck:              func() Body { return new(StuckNow) },
		KindLetGo:              func() Body { return new(LetGo) },
		KindClockJumped:        func() Body { return new(ClockJumped) },
		KindFinished:           func() Body { return new(Finished) },
	}
}

// EventKinds are all kinds that a journal may hold.
func EventKinds() []EventKind {
	var kinds []EventKind
	for kind := range newBodies() {
		kinds = append(kinds, kind)
	}
	return kinds
}

// eventJSON is an event in the journal.
type eventJSON struct {
	Seq   int64           `json:"seq"`
	At    time.Time       `json:"at"`
	Actor string          `json:"actor,omitempty"`
	Kind  EventKind       `json:"kind"`
	Body  json.RawMessage `json:"body"`
}

// MarshalJSON writes the event with the kind of its body.
func (e Event) MarshalJSON() ([]byte, error) {
	body, err := json.Marshal(e.Body)
	if err != nil {
		return nil, fmt.Errorf("encode a %s event: %w", e.Body.Kind(), err)
	}
	return json.Marshal(eventJSON{Seq: e.Seq, At: e.At, Actor: e.Actor, Kind: e.Body.Kind(), Body: body})
}

// UnmarshalJSON reads an event; a kind that this version of Serin does not know, or a
// field, is an error, never skipped: what a newer version meant by it is not known.
func (e *Event) UnmarshalJSON(data []byte) error {
	var raw eventJSON
	if err := unmarshalWhole(data, &raw); err != nil {
		return fmt.Errorf("decode an event: %w", err)
	}
	newBody, known := newBodies()[raw.Kind]
	if !known {
		return fmt.Errorf("event %d is of the kind %q, which this version of serin does not know: use the newer one that wrote it", raw.Seq, raw.Kind)
	}
	body := newBody()
	if err := unmarshalWhole(raw.Body, body); err != nil {
		return fmt.Errorf("decode event %d (%s): %w", raw.Seq, raw.Kind, err)
	}
	*e = Event{Seq: raw.Seq, At: raw.At, Actor: raw.Actor, Body: body}
	return nil
}

// unmarshalWhole decodes JSON that has no field but those of a type.
func unmarshalWhole(data []byte, to any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(to)
	// The package has no type for this error.
	if field, unknown := strings.CutPrefix(fmt.Sprint(err), "json: unknown field "); unknown {
		return fmt.Errorf("it has the field %s, which this version of serin does not know: use the newer one that wrote it", field)
	}
	if err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more follows it")
	}
	return nil
}
