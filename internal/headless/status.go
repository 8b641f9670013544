package headless

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
	"serin/internal/steer"
)

// StatusReport is one service at one moment: its route as it was read, and its open
// rollout, if it has one.
type StatusReport struct {
	At      time.Time
	Service string
	// Route is what was read, Fault why nothing could be.
	Route engine.Route
	Fault string
	// Rollout is the open one; nil without. Life and LastSeen are its driver's.
	Rollout  *engine.Rollout
	Life     steer.Life
	LastSeen time.Time
	// Last is the last rollout, where none is open; nil when there never was one.
	Last *engine.Rollout
}

// State is where the service stands, in one word: idle, split, stuck, driver_lost, let_go,
// paused, or the phase of its rollout.
func (s StatusReport) State() string {
	switch r := s.Rollout; {
	case r == nil && s.Route.IsSplit():
		return "split"
	case r == nil:
		return "idle"
	case r.Stuck != nil:
		return "stuck"
	case s.Life == steer.Lost:
		return "driver_lost"
	case r.LetGo || s.Life == steer.LetGo:
		return "let_go"
	case r.Paused != nil:
		return "paused"
	default:
		return string(r.Phase)
	}
}

// Text writes the service in a line, and its rollout in some more.
func (s StatusReport) Text(out io.Writer) error {
	if s.Rollout == nil {
		return writeLines(out, s.idle())
	}
	r := s.Rollout
	state := spaced(s.State())
	if state != spaced(string(r.Phase)) {
		state += " while " + spaced(string(r.Phase))
	}
	lines := []string{fmt.Sprintf("%s: %s, %s", s.Service, state, step(r, r.Step))}
	add := func(name, words string) { lines = append(lines, fmt.Sprintf("  %-8s %s", name, words)) }
	add("rollout", fmt.Sprintf("%s, %s, began at %s, %s ago", r.ID, versions(r), stamp(r.StartedAt), ago(s.At, r.StartedAt)))
	add("weights", s.weights())
	if r.Verdict.Result != "" {
		add("verdict", verdictWords(r.Verdict)+evidenceTo(r.Verdict))
	}
	add("driver", s.driver())
	if r.Paused != nil {
		add("paused", pauseWords(r.Paused))
	}
	if r.Stuck != nil {
		add("stuck", r.Stuck.Reason+". True now: "+r.Stuck.Truth+". To do: "+r.Stuck.Advice)
	}
	for _, fault := range faultsOf(r) {
		add("failing", fmt.Sprintf("cannot %s since %s (%d times): %s", fault.Activity, stamp(fault.Since), fault.Count, fault.Message))
	}
	next, at := s.Next()
	if !at.IsZero() {
		next = fmt.Sprintf("at %s, in %s: %s", stamp(at), max(at.Sub(s.At), 0).Round(time.Second), next)
	}
	add("next", next)
	return writeLines(out, lines)
}

// evidenceTo is how far a verdict's numbers reach, as the end of a sentence.
func evidenceTo(verdict analysis.Verdict) string {
	if verdict.EvidenceTo.IsZero() {
		return ""
	}
	return "; evidence to " + stamp(verdict.EvidenceTo)
}

// afterSplit says what to do about a route that is split and that no rollout is open for.
const afterSplit = "no deploy begins while it is split: where another journal has its rollout, name that with --journal; " +
	"otherwise give one version all of the weight, with the AWS CLI or its console"

// idle is a service without an open rollout.
func (s StatusReport) idle() []string {
	lines := []string{fmt.Sprintf("%s: %s, %s", s.Service, s.State(), s.route())}
	if s.Route.IsSplit() {
		none := "known"
		if s.Last != nil {
			none = "open"
		}
		lines = []string{
			fmt.Sprintf("%s: split, no rollout is %s, %s", s.Service, none, s.route()),
			"  next     " + afterSplit,
		}
	}
	if s.Last != nil {
		lines = append(lines, fmt.Sprintf("  last     rollout %s, %s, %s at %s", s.Last.ID, versions(s.Last), s.Last.Outcome.Past(), stamp(s.Last.EndedAt)))
	}
	return lines
}

// route is what the router says now.
func (s StatusReport) route() string {
	switch {
	case s.Fault != "":
		return "its route could not be read: " + s.Fault
	case !s.Route.Exists:
		return "without a route"
	}
	var words []string
	for _, target := range s.Route.Targets {
		words = append(words, fmt.Sprintf("%s %d", target.Name, target.Weight))
	}
	return strings.Join(words, ", ")
}

// weights are those that the router has and, where they are others, those that were asked
// for.
func (s StatusReport) weights() string {
	r := s.Rollout
	if s.Fault != "" {
		return s.route() + "; last read back: " + weights(r, r.Actual) + "; asked for: " + weights(r, r.Desired)
	}
	words := weights(r, s.actual())
	if s.actual() != r.Desired {
		words += "; asked for: " + weights(r, r.Desired)
	}
	return words
}

// actual are the weights of the two versions on the route as it was read.
func (s StatusReport) actual() engine.Weights {
	return engine.Weights{Stable: s.Route.Weight(s.Rollout.StableSha()), Canary: s.Route.Weight(s.Rollout.Canary.Sha)}
}

func (s StatusReport) driver() string {
	driver := s.Rollout.Driver.String()
	seen := ", last sign of life " + ago(s.At, s.LastSeen) + " ago"
	switch s.Life {
	case steer.Lost:
		return "LOST: " + driver + seen
	case steer.LetGo:
		return "none: " + driver + " has let go of it" + seen
	case steer.Alive:
		return driver + ", alive" + seen
	default:
		return driver + seen
	}
}

// pauseWords are who paused, when, and why, where that was said.
func pauseWords(pause *engine.Pause) string {
	words := fmt.Sprintf("by %s at %s", pause.By, stamp(pause.At))
	if pause.Reason == "" {
		return words
	}
	return words + ": " + pause.Reason
}

// Next is what comes next, and when; without a time when that is not known.
func (s StatusReport) Next() (string, time.Time) {
	r := s.Rollout
	if r == nil && s.Route.IsSplit() {
		return afterSplit, time.Time{}
	}
	if r == nil {
		return "", time.Time{}
	}
	if s.Life.Driverless() || r.LetGo {
		return fmt.Sprintf("nothing, until somebody drives it: serin takeover %s, or serin rollback %s", s.Service, s.Service), time.Time{}
	}
	if words := s.standstill(); words != "" {
		return words, time.Time{}
	}
	end, _ := r.HoldEnds()
	return following(r), end
}

// standstill is what is waited for, where the clock of a rollout stands.
func (s StatusReport) standstill() string {
	switch r := s.Rollout; {
	case r.Stuck != nil:
		return "a person is needed: " + r.Stuck.Advice
	case r.Paused != nil && !r.RollingBack() && r.Paused.Kind == engine.PausedByDrift:
		return "the traffic stays as it is: " + afterDrift(r, *r.Paused)
	case r.Paused != nil && !r.RollingBack():
		return fmt.Sprintf("the traffic stays as it is until serin resume %s, or serin rollback %s", s.Service, s.Service)
	}
	return ""
}

// following is what follows the present phase.
func following(r *engine.Rollout) string {
	switch r.Phase {
	case engine.Starting, engine.Deploying, engine.Waiting:
		return fmt.Sprintf("canary %d once all its tasks are healthy", r.Present().Weight)
	case engine.Shifting:
		return "the weights are read back, then " + present(r)
	case engine.Holding:
		return "if the verdict is pass, " + coming(r)
	case engine.Gated:
		words := fmt.Sprintf("a person is waited for (%s): serin promote %s", r.Present().Gate, r.Key.Service)
		if r.Present().Timeout > 0 {
			words += fmt.Sprintf("; else %s", r.Present().OnTimeout)
		}
		return words
	case engine.Baking:
		return "if the verdict is pass, " + r.Canary.Sha + " is the stable version"
	case engine.Promoting, engine.Recording:
		return r.Canary.Sha + " is recorded as the stable version"
	case engine.Retiring:
		return "the old version is removed, and the rollout is over"
	case engine.RollingBack:
		return "all traffic is back on stable, then the canary is removed"
	case engine.Removing:
		return "the canary is removed, and the rollout is over"
	default:
		return ""
	}
}

// present is what the present step is once its weights are there.
func present(r *engine.Rollout) string {
	switch {
	case r.Present().Gate != "":
		return "a person is waited for"
	case r.Present().Bake:
		return "the bake begins"
	}
	return "the hold begins"
}

// coming is the step after the present one.
func coming(r *engine.Rollout) string {
	if r.Step+1 >= len(r.Plan.Steps) {
		return "the bake"
	}
	if next := r.Plan.Steps[r.Step+1]; next.Gate != "" {
		return "the gate: " + next.Gate
	}
	return fmt.Sprintf("canary %d", r.Plan.Steps[r.Step+1].Weight)
}

// JSON writes the service as one object in one line: time, service, state, route (the
// targets that were read), fault, and of an open rollout rollout, phase, step (from 1),
// steps, started, stable and canary with their shas, desired and actual weights, verdict,
// driver, life, last_seen, paused, stuck, faults, next and next_at. What there is none of
// is null. Without one, a route that is split has next too.
func (s StatusReport) JSON(out io.Writer) error {
	line := &object{}
	line.add("time", s.At.UTC())
	line.add("service", s.Service)
	line.add("state", s.State())
	line.add("route", s.Route.Targets)
	line.add("fault", textOrNull(s.Fault))
	if r := s.Rollout; r == nil {
		line.add("rollout", nil)
		if next, _ := s.Next(); next != "" {
			line.add("next", next)
		}
	} else {
		s.addRollout(line, r)
	}
	if s.Last != nil {
		line.add("last", map[string]any{
			"rollout": s.Last.ID, "outcome": s.Last.Outcome, "ended": s.Last.EndedAt.UTC(), "canary": s.Last.Canary.Sha,
		})
	}
	_, err := out.Write(line.end())
	return err
}

func (s StatusReport) addRollout(line *object, r *engine.Rollout) {
	next, at := s.Next()
	line.add("rollout", r.ID)
	line.add("phase", r.Phase)
	line.add("step", r.Step+1)
	line.add("steps", len(r.Plan.Steps))
	line.add("started", r.StartedAt.UTC())
	line.add("stable", textOrNull(r.StableSha()))
	line.add("canary", r.Canary.Sha)
	line.add("desired", r.Desired)
	if s.Fault == "" {
		line.add("actual", s.actual())
	} else {
		line.add("actual", nil)
	}
	line.add("verdict", r.Verdict)
	line.add("driver", r.Driver)
	line.add("life", s.Life)
	line.add("last_seen", s.LastSeen.UTC())
	line.add("paused", r.Paused)
	line.add("stuck", r.Stuck)
	line.add("faults", faultsOf(r))
	line.add("next", next)
	if at.IsZero() {
		line.add("next_at", nil)
	} else {
		line.add("next_at", at.UTC())
	}
}

// faultsOf are the faults of a rollout, in order.
func faultsOf(r *engine.Rollout) []engine.ActiveFault {
	faults := make([]engine.ActiveFault, 0, len(r.Faults))
	for _, fault := range r.Faults {
		faults = append(faults, fault)
	}
	slices.SortFunc(faults, func(a, b engine.ActiveFault) int { return a.Since.Compare(b.Since) })
	return faults
}

func textOrNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// versions are what a rollout goes from and to.
func versions(r *engine.Rollout) string {
	if r.First() {
		return "first deployment of " + r.Canary.Sha
	}
	return r.StableSha() + " to " + r.Canary.Sha
}

// stamp is a time with its day, in UTC.
func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// ago is how long before now a time was.
func ago(now, at time.Time) string { return max(now.Sub(at), 0).Round(time.Second).String() }
