package headless

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"serin/internal/engine"
)

// JSON tells a rollout in JSON lines: one object an event, with the keys time, rollout,
// service, event, then the event's own, then stable and canary with the weights that
// were last read back. The last line is the event finished, with outcome and reason.
// Steps count from 1.
type JSON struct {
	out      io.Writer
	rollout  *engine.Rollout
	finished bool
}

var _ Printer = (*JSON)(nil)

// NewJSON writes to out, one Write a line.
func NewJSON(out io.Writer) *JSON { return &JSON{out: out} }

// Event implements Printer.
func (j *JSON) Event(event engine.Event, after *engine.Rollout) {
	j.rollout = after
	j.finished = event.Body.Kind() == engine.KindFinished
	details, err := detailsOf(event.Body, after)
	if err != nil {
		details = fields{"problem": fmt.Sprintf("this event cannot be written as JSON: %v", err)}
	}
	if event.Actor != "" {
		details["actor"] = event.Actor
	}
	j.print(event.At, event.Body.Kind(), details)
}

// End implements Printer.
func (j *JSON) End(ending engine.Ending) error {
	if j.finished {
		return nil
	}
	if ending.Rollout != nil {
		j.rollout = ending.Rollout
	}
	details := fields{"reason": ending.Reason}
	kind := engine.EventKind("left")
	if ending.Outcome != "" {
		kind, details["outcome"] = engine.KindFinished, ending.Outcome
	}
	if ending.Leftover != "" {
		details["leftover"] = ending.Leftover
	}
	j.print(time.Now(), kind, details)
	return nil
}

// fields are the details of an event by their keys.
type fields map[string]any

// share is a version with its weight, as the last reading of the route has it.
type share struct {
	Sha    string `json:"sha"`
	Weight int    `json:"weight"`
}

func (j *JSON) print(at time.Time, kind engine.EventKind, details fields) {
	r := j.rollout
	if r == nil {
		r = &engine.Rollout{}
	}
	line := &object{}
	line.add("time", at.UTC())
	line.add("rollout", r.ID)
	line.add("service", r.Key.Service)
	line.add("event", kind)
	for _, key := range slices.Sorted(maps.Keys(details)) {
		line.add(key, details[key])
	}
	addShares(line, r)
	_, _ = j.out.Write(line.end()) // a Queue takes everything, and tells at its end what was lost
}

// addShares adds the two versions with the weights that were last read back; a first
// deployment has no stable one.
func addShares(line *object, r *engine.Rollout) {
	var stable *share
	if !r.First() {
		stable = &share{Sha: r.StableSha(), Weight: r.Actual.Stable}
	}
	line.add("stable", stable)
	line.add("canary", share{Sha: r.Canary.Sha, Weight: r.Actual.Canary})
}

// object is an object whose keys stay in order.
type object struct{ text bytes.Buffer }

func (l *object) add(key string, value any) {
	separator := byte(',')
	if l.text.Len() == 0 {
		separator = '{'
	}
	l.text.WriteByte(separator)
	l.text.Write(plain(key))
	l.text.WriteByte(':')
	l.text.Write(plain(value))
}

func (l *object) end() []byte {
	l.text.WriteString("}\n")
	return l.text.Bytes()
}

// plain is a value as JSON without the escapes for HTML, and with those for terminals.
func plain(value any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return []byte("null")
	}
	return escaped(bytes.TrimSuffix(text.Bytes(), []byte("\n")))
}

// detailsOf are an event's own keys: those of its body, unless the table below says
// better.
func detailsOf(body engine.Body, r *engine.Rollout) (fields, error) {
	if write, special := specialDetails()[body.Kind()]; special {
		return write(body, r), nil
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	raw := map[string]json.RawMessage{}
	if err := json.Unmarshal(encoded, &raw); err != nil {
		return nil, err
	}
	details := fields{}
	for key, value := range raw {
		details[key] = value
	}
	return details, nil
}

func special[B engine.Body](write func(b B, r *engine.Rollout) fields) func(engine.Body, *engine.Rollout) fields {
	return func(body engine.Body, r *engine.Rollout) fields { return write(body.(B), r) }
}

// specialDetails are the events whose body has keys of the same name as the line's, or
// is more than a log should hold: templates, and the routes' whole documents.
func specialDetails() map[engine.EventKind]func(engine.Body, *engine.Rollout) fields {
	return map[engine.EventKind]func(engine.Body, *engine.Rollout) fields{
		engine.KindStarted: special(func(b *engine.Started, r *engine.Rollout) fields {
			details := fields{
				"account": b.Key.Account, "region": b.Key.Region, "environment": b.Key.Environment,
				"image": b.Canary.Image, "first": r.First(), "steps": stepsOf(b.Plan),
				"seconds": b.Plan.Duration(b.Spec).Seconds(),
			}
			if b.Reason != "" {
				details["reason"] = b.Reason
			}
			if b.Back != 0 {
				details["back"] = b.Back
			}
			return details
		}),
		engine.KindWeightsIntended: special(func(b *engine.WeightsIntended, _ *engine.Rollout) fields {
			return fields{"step": b.Step + 1, "desired": engine.Weights{Stable: b.Stable, Canary: b.Canary}}
		}),
		engine.KindWeightsConfirmed: special(func(b *engine.WeightsConfirmed, _ *engine.Rollout) fields {
			return fields{"targets": b.Route.Targets}
		}),
		engine.KindTrafficReturned: special(func(b *engine.TrafficReturned, _ *engine.Rollout) fields {
			return fields{"targets": b.Route.Targets}
		}),
		engine.KindGateOpened: special(func(b *engine.GateOpened, _ *engine.Rollout) fields {
			return fields{"step": b.Step + 1, "gate": b.Gate}
		}),
		engine.KindStepPassed: special(func(b *engine.StepPassed, _ *engine.Rollout) fields {
			return fields{"step": b.Step + 1, "weight": b.Weight, "verdict": b.Verdict, "by": b.By, "fully": b.Fully}
		}),
		engine.KindClockJumped: special(func(b *engine.ClockJumped, _ *engine.Rollout) fields {
			return fields{"seconds": b.Jump.Seconds(), "how": b.How}
		}),
		engine.KindResumed: special(func(b *engine.Resumed, _ *engine.Rollout) fields {
			details := fields{"by": b.By, "reason": b.Reason}
			if b.Adopted != nil {
				details["targets"] = b.Adopted.Targets
			}
			return details
		}),
	}
}

// stepJSON is a step of a plan; times are in seconds.
type stepJSON struct {
	Step      int              `json:"step"`
	Weight    int              `json:"weight"`
	Hold      float64          `json:"hold"`
	Gate      string           `json:"gate,omitempty"`
	Timeout   float64          `json:"timeout,omitempty"`
	OnTimeout engine.OnTimeout `json:"on_timeout,omitempty"`
	Bake      bool             `json:"bake,omitempty"`
}

func stepsOf(plan engine.Plan) []stepJSON {
	steps := make([]stepJSON, len(plan.Steps))
	for i, step := range plan.Steps {
		steps[i] = stepJSON{
			Step: i + 1, Weight: step.Weight, Hold: step.Hold.Seconds(), Gate: step.Gate,
			Timeout: step.Timeout.Seconds(), OnTimeout: step.OnTimeout, Bake: step.Bake,
		}
	}
	return steps
}
