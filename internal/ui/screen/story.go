package screen

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"serin/internal/engine"
	"serin/internal/ui/scene"
	"serin/internal/ui/theme"
)

// story is what the state means now, in a sentence: what is being done, what comes next
// and when.
func (s subject) story() string {
	if s.r == nil {
		if s.service.Fault.Message != "" {
			return "its last reading failed"
		}
		if s.state == Split {
			return "more than one version has traffic, and " + s.sinceWhen()
		}
		return s.sinceWhen()
	}
	switch s.state {
	case Succeeded, RolledBack:
		return s.ending()
	case Stuck:
		return "a person is needed; " + s.where()
	case DriverLost:
		return "nothing moves until somebody takes over; " + s.where()
	case Held:
		return "nobody drives it; the traffic stays as it is until somebody takes over; " + s.where()
	case Drift:
		return s.drifted() + "; the clock stands; " + s.stepWords()
	case Paused:
		return "the traffic stays as it is; " + s.where()
	case RollingBack, RollBackFails:
		return s.rollingBack()
	case ProviderErrors:
		if s.blind() {
			return s.where() + "; the step lasts until it can be judged again"
		}
		return s.where() + s.comingWords()
	case StaleEvidence:
		return s.where() + s.comingWords()
	default:
		return s.doing() + s.comingWords()
	}
}

// sinceWhen is that there is no rollout, and how the last one ended.
func (s subject) sinceWhen() string {
	last := s.service.Last
	if last == nil {
		return "no rollout"
	}
	words := fmt.Sprintf("no rollout; the last one (h), to %s, %s %s ago", last.Sha, last.Outcome.Past(), age(last.At, s.now))
	if last.Cause != nil {
		words += ", " + because(*last.Cause, last.Reason)
	}
	return words
}

// blind tells whether a reading fails that the verdict rests on: the engine then ends no
// hold.
func (s subject) blind() bool {
	for _, activity := range []engine.Activity{engine.ReadMetrics, engine.ReadTasks, engine.ReadAlarms, engine.ReadRoute} {
		if _, failing := s.r.Faults[activity]; failing {
			return s.r.Live()
		}
	}
	return false
}

// ending is how a rollout ended, and why.
func (s subject) ending() string {
	words := fmt.Sprintf("at %s, after %s", stamp(s.r.EndedAt), span(s.r.EndedAt.Sub(s.r.StartedAt)))
	if s.r.Cause != nil {
		return words + ", " + because(*s.r.Cause, s.r.Reason)
	}
	return words + ": " + s.r.Reason
}

// Because is what made a rollout roll back, and why.
func Because(cause engine.Cause) string { return because(cause, cause.Reason) }

// because is Because, with the reason that a rollout ended with. That of a person's roll
// back begins with who it was, which is said already.
func because(cause engine.Cause, reason string) string {
	if cause.By != "" {
		reason = strings.TrimPrefix(strings.TrimPrefix(reason, "asked for by "+cause.By), ": ")
	}
	words := byWhom(cause)
	if words != "" && reason != "" {
		words += ": "
	}
	return words + reason
}

// byWhom is what made a rollout roll back.
func byWhom(cause engine.Cause) string {
	words := map[engine.CauseKind]string{
		engine.ByVerdict: "by the verdict", engine.ByPerson: "by hand", engine.ByInterrupt: "by an interrupt",
		engine.ByDeployment: "because it could not be deployed", engine.ByProvider: "because of provider errors",
		engine.ByTimeout: "because time was up", engine.ByDrift: "because nothing had any traffic",
	}[cause.Kind]
	if cause.By != "" {
		words += " of " + ShortCaller(cause.By)
	}
	return words
}

// rollingBack is what is being returned, and why.
func (s subject) rollingBack() string {
	words := s.goingBack()
	switch {
	case s.r.Cause == nil:
		return words
	case s.r.Stuck != nil || len(s.r.Faults) > 0:
		return words + "; rolling back " + Because(*s.r.Cause)
	}
	return words + ", " + Because(*s.r.Cause)
}

// drifted is what someone else did to the route, and what has become of it since.
func (s subject) drifted() string {
	pause, canary := s.r.Paused, s.r.Canary.Sha
	before, after := scene.Share(pause.Expected, canary), scene.Share(pause.Found, canary)
	foreign := s.r.Foreign(pause.Found)
	if len(pause.Found) == 0 || len(foreign) == 0 && before == after {
		reason, _, _ := strings.Cut(pause.Reason, ": expected ")
		return reason
	}
	var did []string
	if len(foreign) > 0 {
		did = append(did, "gave traffic to "+engine.NamesOf(foreign))
	}
	if before != after {
		did = append(did, fmt.Sprintf("moved the canary from %d %% to %d %%", before, after))
	}
	words := "someone else " + strings.Join(did, " and ")
	if route, _ := s.route(); route.ReadAt.After(pause.At) && s.actual(canary) != after {
		words += fmt.Sprintf(", and it has %d %% now", s.actual(canary))
	}
	return words
}

// goingBack is how far a roll back has come, and what of it could not be done.
func (s subject) goingBack() string {
	r := s.r
	switch {
	case r.Phase == engine.Removing && (r.Stuck != nil || len(r.Faults) > 0):
		return "traffic is safe; the canary could not be removed" + yet(r)
	case r.Phase == engine.Removing:
		return "traffic is safe; the canary is being removed"
	case r.Stuck != nil:
		return "traffic could not be rolled back: " + s.leftOnCanary()
	case isNotMovedBack(r) && r.Change != nil && r.Change.Written:
		return "traffic was moved and could not be read back yet: " + s.leftOnCanary()
	case isNotMovedBack(r):
		return "traffic could not be moved yet: " + s.leftOnCanary()
	case r.First():
		return "the canary's traffic is being taken away"
	}
	return "all traffic is going back to stable"
}

// yet is that something is tried again, which it is not where a rollout is stuck.
func yet(r *engine.Rollout) string {
	if r.Stuck != nil {
		return ""
	}
	return " yet"
}

// leftOnCanary is the share that the canary has, as far as it is known.
func (s subject) leftOnCanary() string {
	left := s.actual(s.r.Canary.Sha)
	switch {
	case s.outdated():
		return fmt.Sprintf("%d %% was on the canary when the route was last read", left)
	case left == 0 && s.r.First():
		return "the canary has none, but its route is still there"
	case left == 0:
		return "the canary has none, but stable does not have all of it"
	}
	return fmt.Sprintf("%d %% is still on the canary", left)
}

// where is the place in the plan, for states that are beside it.
func (s subject) where() string { return s.stepWords() + ", " + s.doing() }

// stepWords are the step's number.
func (s subject) stepWords() string {
	return fmt.Sprintf("step %d of %d", min(s.r.Step+1, len(s.r.Plan.Steps)), len(s.r.Plan.Steps))
}

// doing is what the phase is about.
func (s subject) doing() string {
	r := s.r
	if r.Paused != nil && r.Paused.Kind == engine.PausedByDrift {
		return s.drifted()
	}
	switch r.Phase {
	case engine.Starting:
		return "starting"
	case engine.Deploying:
		return "the stack " + r.CanaryStack.Name + " is being created, for " + s.waited()
	case engine.Waiting:
		return s.waitingFor() + ", for " + s.waited()
	case engine.Shifting:
		return fmt.Sprintf("stable %d %%, canary %d %% is being written and read back", r.Desired.Stable, r.Desired.Canary)
	case engine.Holding:
		return fmt.Sprintf("holding at %d %%", r.Present().Weight)
	case engine.Gated:
		return "a person is waited for: " + strconv.Quote(clean(r.Present().Gate))
	case engine.Baking:
		return "the canary has all the traffic; stable stays alive meanwhile"
	case engine.Promoting:
		return "the bake has passed; the route is being given to the canary alone"
	case engine.Recording:
		return "the canary is stable now, and is being recorded as it"
	case engine.Retiring:
		return "the canary is stable now; the old version is being removed"
	case engine.RollingBack, engine.Removing:
		return s.rollingBack()
	default:
		return string(r.Phase)
	}
}

// waited is how long the canary has had to become healthy, and how long it may take.
func (s subject) waited() string {
	return span(s.r.Clock.Elapsed(s.now)) + " of at most " + span(time.Duration(s.r.Spec.ProgressDeadline)*time.Second)
}

func (s subject) waitingFor() string {
	health, known := s.health(s.r.Canary.Sha)
	if !known {
		return "the canary's tasks are waited for"
	}
	return fmt.Sprintf("%d of %d tasks of the canary are healthy", health.Healthy, health.Desired)
}

// comingWords are what comes next and when, behind what is done now.
func (s subject) comingWords() string {
	if coming := s.coming(); coming != "" {
		return "; " + coming
	}
	return ""
}

// coming is what comes next and when; empty when nobody can know.
func (s subject) coming() string {
	end, runs := s.r.HoldEnds()
	switch s.r.Phase {
	case engine.Holding, engine.Baking:
	case engine.Gated:
		if step := s.r.Present(); runs {
			return fmt.Sprintf("without an answer it %s in %s", timeoutWords(step.OnTimeout), span(end.Sub(s.now)))
		}
		return "it waits for ever"
	default:
		return ""
	}
	if !runs {
		return ""
	}
	next := s.nextStep()
	if !end.After(s.now) {
		return next + " as soon as the evidence is complete"
	}
	return next + " in " + span(end.Sub(s.now)) + "; done " + s.done()
}

func timeoutWords(rule engine.OnTimeout) string {
	if rule == engine.TimeoutPromotes {
		return "goes on"
	}
	return "rolls back"
}

// nextStep is what follows the present step.
func (s subject) nextStep() string {
	if s.r.Step+1 >= len(s.r.Plan.Steps) {
		return "next stable is removed"
	}
	next := s.r.Plan.Steps[s.r.Step+1]
	switch {
	case next.Gate != "":
		return "next the gate " + strconv.Quote(clean(next.Gate))
	case next.Bake:
		return "next 100 % and bake"
	}
	return fmt.Sprintf("next %d %%", next.Weight)
}

// done is when the plan is through at the earliest.
func (s subject) done() string {
	end, runs := s.r.HoldEnds()
	if !runs || s.r.Phase == engine.Gated {
		return "when it may go on"
	}
	gates := false
	for _, step := range s.r.Plan.Steps[min(s.r.Step+1, len(s.r.Plan.Steps)):] {
		end = end.Add(step.Hold)
		gates = gates || step.Gate != ""
		if step.Bake && s.protocol().HasResponses() {
			end = end.Add(time.Duration(s.r.Spec.MetricDelay) * time.Second)
		}
	}
	if gates {
		return "after a gate"
	}
	layout := "15:04Z"
	if end.Sub(s.now) < 10*time.Minute {
		layout = "15:04:05Z"
	}
	return end.UTC().Format(layout) + " at the earliest"
}

// stepLine is the plan in one line, with the present step in it.
func (p pane) stepLine(s subject) string {
	steps := s.r.Plan.Steps
	row := theme.NewRow(p.width).Put(p.t.Muted, " steps").To(11)
	labels := make([]string, len(steps))
	jumped := s.jumped()
	for i, step := range steps {
		labels[i] = stepLabel(step) + stepMark(s, i, jumped)
	}
	first, last := window(labels, s.r.Step, row.Room()-4)
	if first > 0 {
		row.Put(p.t.Muted, theme.Ellipsis+" ")
	}
	for i := first; i < last; i++ {
		style := p.t.Muted
		switch {
		case i < s.r.Step && i <= jumped:
			style = p.t.Good
		case i == s.r.Step:
			style = styleOf(p.t, s.state)
		}
		if i > first {
			row.Put(p.t.Rule, " "+theme.Dash+theme.Dash+" ")
		}
		row.Put(style, labels[i])
	}
	if last < len(labels) {
		row.Put(p.t.Muted, " "+theme.Ellipsis)
	}
	return row.String()
}

func stepLabel(step engine.Step) string {
	switch {
	case step.Gate != "":
		return "gate"
	case step.Bake:
		return "bake"
	}
	return strconv.Itoa(step.Weight)
}

// jumped is the step from which the rollout was promoted fully: those between it and the
// bake never ran. Without that it is the last of the plan.
func (s subject) jumped() int {
	for _, event := range slices.Backward(s.rollout.Events) {
		if passed, is := event.Body.(*engine.StepPassed); is && passed.Fully {
			return passed.Step
		}
	}
	return len(s.r.Plan.Steps)
}

// stepMark is what became of a step: it ran, was skipped, or runs.
func stepMark(s subject, i, jumped int) string {
	switch {
	case i < s.r.Step && i > jumped:
		return " " + theme.None
	case i < s.r.Step:
		return " " + theme.Check
	case i == s.r.Step && s.r.Phase != engine.Starting && s.r.Phase != engine.Deploying && s.r.Phase != engine.Waiting:
		glyph, _ := Glance(s.state)
		return " " + glyph
	}
	return ""
}

// window is the part of the labels that has room, with the present one in its middle.
func window(labels []string, present, room int) (first, last int) {
	present = min(max(present, 0), len(labels)-1)
	if present < 0 {
		return 0, 0
	}
	first, last = present, present+1
	used := theme.Width(labels[present])
	for grown := true; grown; {
		grown = false
		if last < len(labels) && used+4+theme.Width(labels[last]) <= room {
			used += 4 + theme.Width(labels[last])
			last, grown = last+1, true
		}
		if first > 0 && used+4+theme.Width(labels[first-1]) <= room {
			used += 4 + theme.Width(labels[first-1])
			first, grown = first-1, true
		}
	}
	return first, last
}
