package engine

import (
	"cmp"
	"slices"
	"time"
)

// Step is one step of a plan: a weight with a hold, or a gate.
type Step struct {
	// Weight is the canary's share during the step, 0 to 100; a gate keeps the one
	// before it.
	Weight int `json:"weight"`
	// Hold is how long the weight is watched.
	Hold time.Duration `json:"hold"`
	// Gate is what the step waits for a person to say; empty for a hold.
	Gate      string        `json:"gate,omitempty"`
	Timeout   time.Duration `json:"timeout,omitempty"`
	OnTimeout OnTimeout     `json:"on_timeout,omitempty"`
	// Bake marks the last step: the hold at 100, with stable still alive.
	Bake bool `json:"bake,omitempty"`
}

// Plan is the steps of a rollout, in order. The last one is the bake.
type Plan struct {
	Steps []Step `json:"steps"`
}

// NewPlan is the plan of a spec. A first deployment has no stable version to share
// with: it goes to 100 at once, and bakes.
func NewPlan(spec Spec, first bool) Plan {
	bake := Step{Weight: 100, Hold: seconds(spec.BakeTime), Bake: true}
	if first {
		return Plan{Steps: []Step{bake}}
	}
	var steps []Step
	if len(spec.Steps) == 0 {
		for weight := spec.PercentageStep; weight < 100; weight += spec.PercentageStep {
			steps = append(steps, Step{Weight: weight, Hold: seconds(spec.WaitTime)})
		}
		return Plan{Steps: append(steps, bake)}
	}
	return Plan{Steps: append(explicitSteps(spec), bake)}
}

// FastPlan is the plan of a spec without its steps: 100 at once, and the bake. Where the
// spec has no bake it has the hold of a step: the bake is all that judges the version.
func FastPlan(spec Spec) Plan {
	return Plan{Steps: []Step{{Weight: 100, Hold: seconds(cmp.Or(spec.BakeTime, spec.WaitTime)), Bake: true}}}
}

// explicitSteps are the steps of a spec before its bake: those at 100 are the bake.
func explicitSteps(spec Spec) []Step {
	var steps []Step
	weight := 0
	for _, step := range spec.Steps {
		if step.Gate != "" {
			steps = append(steps, Step{
				Weight: weight, Gate: step.Gate,
				Timeout: seconds(step.Timeout), OnTimeout: step.OnTimeout,
			})
			continue
		}
		weight = step.Weight
		if weight == 100 {
			continue
		}
		hold := spec.WaitTime
		if step.Hold != nil {
			hold = *step.Hold
		}
		steps = append(steps, Step{Weight: weight, Hold: seconds(hold)})
	}
	return steps
}

// Duration is how long the plan takes when nothing is waited for: the holds, and the
// delay of the metrics that the bake is judged by. Gates count as nothing.
func (p Plan) Duration(spec Spec) time.Duration {
	var total time.Duration
	for _, step := range p.Steps {
		total += step.Hold
	}
	return total + settle(spec)
}

// settle is how long after the bake its evidence is complete.
func settle(spec Spec) time.Duration {
	if !spec.Protocol.HasResponses() {
		return 0
	}
	return seconds(spec.MetricDelay)
}

// Weights are the weights that the plan goes through, without repetition.
func (p Plan) Weights() []int {
	var weights []int
	for _, step := range p.Steps {
		if step.Gate == "" {
			weights = append(weights, step.Weight)
		}
	}
	return slices.Compact(weights)
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
