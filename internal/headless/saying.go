package headless

import (
	"fmt"
	"strings"
	"time"

	"serin/internal/engine"
)

// saying is how one kind of event is told.
type saying struct {
	// detail is true for what is told to those who want to know everything.
	detail bool
	// say gives one line or more.
	say func(body engine.Body, r *engine.Rollout) []string
}

// told and detailed make a saying of a function of one type of body.
func told[B engine.Body](say func(b B, r *engine.Rollout) string) saying {
	return saying{say: func(body engine.Body, r *engine.Rollout) []string { return []string{say(body.(B), r)} }}
}

func toldInLines[B engine.Body](say func(b B, r *engine.Rollout) []string) saying {
	return saying{say: func(body engine.Body, r *engine.Rollout) []string { return say(body.(B), r) }}
}

func detailed[B engine.Body](say func(b B, r *engine.Rollout) string) saying {
	s := told(say)
	s.detail = true
	return s
}

// sayings is the table of all kinds of events and how they are told.
func sayings() map[engine.EventKind]saying {
	return map[engine.EventKind]saying{
		engine.KindStarted:       toldInLines(sayStarted),
		engine.KindDriverTook:    told(func(b *engine.DriverTook, _ *engine.Rollout) string { return by("driven", b.Driver.String(), b.Reason) }),
		engine.KindStackIntended: detailed(func(b *engine.StackIntended, _ *engine.Rollout) string { return "about to create stack " + b.Name }),
		engine.KindStackRequested: told(func(_ *engine.StackRequested, r *engine.Rollout) string {
			return "creating stack " + r.CanaryStack.Name
		}),
		engine.KindStackProgressed: toldInLines(sayStackProgressed),
		engine.KindStackBecameReady: told(func(_ *engine.StackBecameReady, r *engine.Rollout) string {
			return "stack " + r.CanaryStack.Name + " is ready"
		}),
		engine.KindTasksChanged:       told(sayTasksChanged),
		engine.KindTasksBecameHealthy: told(sayTasksBecameHealthy),
		engine.KindWeightsIntended:    told(sayWeightsIntended),
		engine.KindWeightsWritten:     detailed(func(*engine.WeightsWritten, *engine.Rollout) string { return "weights written" }),
		engine.KindWeightsConfirmed: told(func(_ *engine.WeightsConfirmed, r *engine.Rollout) string {
			return "weights confirmed: " + weights(r, r.Actual)
		}),
		engine.KindGateOpened:      told(sayGateOpened),
		engine.KindStepPassed:      told(sayStepPassed),
		engine.KindObserved:        detailed(sayObserved),
		engine.KindJudged:          told(sayJudged),
		engine.KindCommandTaken:    told(sayCommandTaken),
		engine.KindCommandRefused:  told(sayCommandRefused),
		engine.KindPaused:          told(sayPaused),
		engine.KindResumed:         told(sayResumed),
		engine.KindFaulted:         told(sayFaulted),
		engine.KindRecovered:       told(func(b *engine.Recovered, _ *engine.Rollout) string { return "can " + string(b.Activity) + " again" }),
		engine.KindRollbackStarted: told(func(b *engine.RollbackStarted, _ *engine.Rollout) string { return "rolling back: " + b.Cause.Reason }),
		engine.KindTrafficReturned: told(sayTrafficReturned),
		engine.KindPromoted: told(func(_ *engine.PromotedNow, r *engine.Rollout) string {
			return r.Canary.Sha + " is the stable version now"
		}),
		engine.KindRecordIntended:   detailed(func(b *engine.RecordIntended, _ *engine.Rollout) string { return "about to record " + b.Image }),
		engine.KindRecorded:         told(sayRecorded),
		engine.KindRemovalIntended:  told(sayRemovalIntended),
		engine.KindRemovalRequested: detailed(func(*engine.RemovalRequested, *engine.Rollout) string { return "the deletion was asked for" }),
		engine.KindRemovalFailed:    told(sayRemovalFailed),
		engine.KindRemoved:          told(func(b *engine.Removed, _ *engine.Rollout) string { return "version " + b.Sha + " is removed" }),
		engine.KindStuck:            toldInLines(sayStuck),
		engine.KindLetGo:            told(func(b *engine.LetGo, _ *engine.Rollout) string { return by("let go", b.By, b.Reason) }),
		engine.KindClockJumped:      told(func(b *engine.ClockJumped, _ *engine.Rollout) string { return "clock: " + b.How }),
		engine.KindFinished:         toldInLines(sayFinished),
	}
}

// by is what was done, by whom and why; whoever and why may be unknown.
func by(what, who, why string) string {
	if who != "" {
		what += " by " + who
	}
	if why != "" {
		what += ": " + why
	}
	return what
}

// weights are two shares in words; a first deployment has one.
func weights(r *engine.Rollout, w engine.Weights) string {
	if r.First() {
		return fmt.Sprintf("canary %d", w.Canary)
	}
	return fmt.Sprintf("stable %d, canary %d", w.Stable, w.Canary)
}

// step is a step's place in the plan: "step 3 of 10". The index counts from 0.
func step(r *engine.Rollout, index int) string {
	if index == len(r.Plan.Steps)-1 {
		return "bake"
	}
	return fmt.Sprintf("step %d of %d", index+1, len(r.Plan.Steps))
}

// role is a version in the words of a rollout.
func role(r *engine.Rollout, sha string) string {
	switch sha {
	case r.Canary.Sha:
		return "canary"
	case r.StableSha():
		return "stable"
	}
	return sha
}

func clock(at time.Time) string { return at.UTC().Format("15:04:05") }

// list joins reasons in one line.
func list(reasons []string) string {
	if len(reasons) == 0 {
		return "no reason was given"
	}
	return strings.Join(reasons, "; ")
}
