package headless

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
)

func sayStarted(b *engine.Started, r *engine.Rollout) []string {
	what := fmt.Sprintf("rollout %s of %s in %s: %s to %s", b.ID, b.Key.Service, b.Key.Environment, r.StableSha(), b.Canary.Sha)
	if r.First() {
		what = fmt.Sprintf("rollout %s of %s in %s: first deployment, %s", b.ID, b.Key.Service, b.Key.Environment, b.Canary.Sha)
	}
	lines := []string{what, "plan: " + outline(b.Plan) + ", at least " + b.Plan.Duration(b.Spec).String() + " once it is healthy"}
	if b.Reason != "" {
		lines = append(lines, "because: "+b.Reason)
	}
	return lines
}

// outline is a plan in one line: "10 %, gate, 50 %, 100 %".
func outline(plan engine.Plan) string {
	words := make([]string, len(plan.Steps))
	for i, step := range plan.Steps {
		words[i] = fmt.Sprintf("%d %%", step.Weight)
		if step.Gate != "" {
			words[i] = "gate"
		}
	}
	return strings.Join(words, ", ")
}

func sayStackProgressed(b *engine.StackProgressed, _ *engine.Rollout) []string {
	var lines []string
	for _, event := range b.Events {
		// CloudFormation says of every resource twice that its creation began.
		if event.Reason == "Resource creation Initiated" {
			continue
		}
		line := "stack: " + event.Resource
		if event.Type != "" {
			line += " (" + event.Type + ")"
		}
		if event.Resource == b.Name {
			line = "stack: the stack itself"
		}
		line += " " + event.Status
		if event.Reason != "" {
			line += ": " + event.Reason
		}
		lines = append(lines, line)
	}
	return lines
}

func sayTasksChanged(b *engine.TasksChanged, r *engine.Rollout) string {
	if !b.Health.Exists {
		return fmt.Sprintf("tasks of %s: there is no service", role(r, b.Health.Sha))
	}
	words := fmt.Sprintf("tasks of %s: %d of %d healthy", role(r, b.Health.Sha), b.Health.Healthy, b.Health.Desired)
	if len(b.Health.Stops) > 0 {
		words += "; the last one to stop: " + b.Health.Stops[0].Reason
	}
	return words
}

func sayTasksBecameHealthy(b *engine.TasksBecameHealthy, _ *engine.Rollout) string {
	return fmt.Sprintf("canary is healthy: %d of %d tasks", b.Health.Healthy, b.Health.Desired)
}

func sayWeightsIntended(b *engine.WeightsIntended, r *engine.Rollout) string {
	wanted := weights(r, engine.Weights{Stable: b.Stable, Canary: b.Canary})
	switch {
	case r.RollingBack() && r.First():
		return "removing the route"
	case r.RollingBack():
		return "returning the traffic: " + wanted
	case r.Phase == engine.Promoting:
		return "giving the route to the canary alone"
	}
	return step(r, b.Step) + ": writing weights: " + wanted
}

func sayGateOpened(b *engine.GateOpened, r *engine.Rollout) string {
	words := fmt.Sprintf("%s: waiting for a person: %s", step(r, b.Step), b.Gate)
	if present := r.Present(); present.Timeout > 0 {
		words += fmt.Sprintf(" (within %s, else %s)", present.Timeout, present.OnTimeout)
	}
	return words
}

func sayStepPassed(b *engine.StepPassed, r *engine.Rollout) string {
	words := fmt.Sprintf("%s passed at %d %%", step(r, b.Step), b.Weight)
	if b.By != "" {
		what := ", promoted"
		if b.Fully {
			what = ", promoted fully"
		}
		return words + what + " by " + b.By
	}
	if b.Verdict.Warning != "" {
		return words + ", with a warning: " + b.Verdict.Warning
	}
	return words + ": " + b.Verdict.Reason
}

func sayObserved(b *engine.Observed, r *engine.Rollout) string {
	var words []string
	for _, responses := range b.Responses {
		total := 0.0
		for _, bucket := range responses.Buckets {
			total += bucket.Total()
		}
		words = append(words, fmt.Sprintf("%s: %.0f responses in %d periods", role(r, responses.Sha), total, len(responses.Buckets)))
	}
	return "read: " + strings.Join(words, "; ")
}

func sayJudged(b *engine.Judged, _ *engine.Rollout) string {
	return "verdict " + verdictWords(b.Verdict)
}

func verdictWords(verdict analysis.Verdict) string {
	result := spaced(string(verdict.Result))
	if verdict.Warning != "" {
		return fmt.Sprintf("%s, with a warning: %s", result, verdict.Warning)
	}
	return result + ": " + verdict.Reason
}

// asked is a command in words: what was asked, by whom and why.
func asked(c engine.Command) string {
	who := c.By
	if c.Interrupt {
		who = "an interrupt of " + c.By
	}
	what := strings.ReplaceAll(string(c.Kind), "_", " ")
	if c.Reason != "" {
		return fmt.Sprintf("%s by %s: %s", what, who, c.Reason)
	}
	return what + " by " + who
}

// sayCommandTaken says what was asked, and that nothing follows where it was so already: r
// is the rollout before what the command becomes.
func sayCommandTaken(b *engine.CommandTaken, r *engine.Rollout) string {
	words := "asked to " + asked(b.Command)
	if already := b.Command.Kind.Already(r); already != "" {
		words += "; " + already
	}
	return words
}

func sayCommandRefused(b *engine.CommandRefused, _ *engine.Rollout) string {
	return "refused to " + asked(b.Command) + ": " + b.Why
}

// sayPaused says what to do only after a drift: who paused of his own will knows.
func sayPaused(b *engine.PausedNow, r *engine.Rollout) string {
	words := by("paused", b.Pause.By, b.Pause.Reason)
	if b.Pause.Kind == engine.PausedByDrift {
		words += "; " + afterDrift(r, b.Pause)
	}
	return words
}

// afterDrift says what a person can do when someone else changed the route. A target that is
// neither version keeps its weight, and leaves no room for those of a step.
func afterDrift(r *engine.Rollout, drift engine.Pause) string {
	back := "gives stable all of the traffic"
	if r.First() {
		back = "takes the canary off the route"
	}
	if foreign := r.Foreign(drift.Found); len(foreign) > 0 {
		return fmt.Sprintf("take %s off the route, then serin resume %[2]s; serin rollback %[2]s takes the canary's traffic off at once",
			engine.NamesOf(foreign), r.Key.Service)
	}
	return fmt.Sprintf("serin resume %[1]s writes the weights of this step over that, serin rollback %[1]s %s", r.Key.Service, back)
}

func sayResumed(b *engine.Resumed, _ *engine.Rollout) string {
	words := by("resumed", b.By, b.Reason)
	if b.Adopted != nil {
		words += ", going on from the route as it was found"
	}
	return words
}

func sayFaulted(b *engine.Faulted, _ *engine.Rollout) string {
	words := fmt.Sprintf("could not %s: %s; trying again at %s", b.Fault.Activity, b.Fault.Message, clock(b.Fault.RetryAt))
	if b.Fault.Hint != "" {
		words += "; " + b.Fault.Hint
	}
	return words
}

func sayTrafficReturned(_ *engine.TrafficReturned, r *engine.Rollout) string {
	if r.First() {
		return "the route is removed: the canary has no traffic"
	}
	return "traffic is back: " + weights(r, r.Actual)
}

func sayRecorded(b *engine.Recorded, r *engine.Rollout) string {
	words := fmt.Sprintf("recorded as version %d: %s", b.Number, cmp.Or(b.Image, r.Canary.Image))
	if b.Number == 0 {
		words = "no version is recorded"
	}
	if b.Note != "" {
		words += " (" + b.Note + ")"
	}
	return words
}

func sayRemovalIntended(b *engine.RemovalIntended, r *engine.Rollout) string {
	return fmt.Sprintf("removing version %s: stack %s", b.Sha, r.Service().StackName(b.Sha))
}

func sayRemovalFailed(b *engine.RemovalFailed, r *engine.Rollout) string {
	return fmt.Sprintf("could not remove version %s (try %d): %s", b.Sha, failures(r), list(b.Reasons))
}

func failures(r *engine.Rollout) int {
	if r.Removal == nil {
		return 1
	}
	return r.Removal.Failures
}

func sayStuck(b *engine.StuckNow, _ *engine.Rollout) []string {
	return []string{
		"STUCK, a person is needed: " + b.Stuck.Reason,
		"what is true: " + b.Stuck.Truth,
		"what to do: " + b.Stuck.Advice,
	}
}

func sayFinished(b *engine.Finished, r *engine.Rollout) []string {
	word := strings.ReplaceAll(string(b.Outcome), "_", " ")
	lines := []string{fmt.Sprintf("%s after %s: %s", word, r.EndedAt.Sub(r.StartedAt).Round(time.Second), b.Reason)}
	if b.Leftover != "" {
		lines = append(lines, "left over: "+b.Leftover)
	}
	return lines
}
