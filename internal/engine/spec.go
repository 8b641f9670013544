package engine

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// Spec is a deploy.json: what a rollout of one service shall be. The fields without a
// comment are the original's and mean what they meant. ParseSpec makes one and checks
// it; a Spec that it returned is complete, with every default filled in.
type Spec struct {
	EnvironmentName  string
	MicroserviceName string
	Namespace        string
	Protocol         Protocol
	Port             int
	// PercentageStep is 0 when Steps are given.
	PercentageStep int `json:",omitempty"`
	// WaitTime is in seconds, as are all times here.
	WaitTime              int
	FailureThresholdValue int
	FailureThresholdTime  int
	Sha                   string `json:",omitempty"`
	ContainerImage        string `json:",omitempty"`
	// CanaryTemplate is the decoded template of a version.
	CanaryTemplate []byte `json:",omitempty"`

	// Steps replace PercentageStep and WaitTime.
	Steps []StepSpec `json:",omitempty"`
	// BakeTime is the time at 100 before stable is removed.
	BakeTime int
	Router   RouterSpec
	// MetricPeriod is the length of a metric's period, MetricDelay how late it is.
	MetricPeriod int
	MetricDelay  int
	OnNoData     OnNoData
	// MinimumRequests is how many canary requests a hold must have seen.
	MinimumRequests int
	Alarms          []string `json:",omitempty"`
	// ProgressDeadline is how long a version may take to become healthy.
	ProgressDeadline   int
	TemplateParameters map[string]string `json:",omitempty"`
	Analysis           AnalysisSpec
	// Metric is where the responses are counted.
	Metric MetricSource
}

// StepSpec is one of a spec's explicit steps: a weight with its hold, or a gate.
type StepSpec struct {
	Weight int    `json:",omitempty"`
	Hold   *int   `json:",omitempty"`
	Gate   string `json:",omitempty"`
	// Timeout is how long a gate waits; 0 waits for ever.
	Timeout int `json:",omitempty"`
	// OnTimeout is what a gate does that nobody passed.
	OnTimeout OnTimeout `json:",omitempty"`
}

// RouterSpec says what splits the traffic.
type RouterSpec struct {
	Type            RouterType
	ListenerRuleArn string `json:",omitempty"`
}

// RouterType is a kind of router.
type RouterType string

// The kinds of routers. An ALB is read by the parser and refused until its adapter is
// there.
const (
	AppMesh RouterType = "appmesh"
	ALB     RouterType = "alb"
)

// OnNoData is what a hold without any data does.
type OnNoData string

// What a hold without data does: pass with a warning (the original's), wait, or fail.
const (
	NoDataPasses OnNoData = "pass"
	NoDataHolds  OnNoData = "hold"
	NoDataFails  OnNoData = "fail"
)

// OnTimeout is what a gate does when its time is over.
type OnTimeout string

// What a gate does when its time is over.
const (
	TimeoutRollsBack OnTimeout = "rollback"
	TimeoutPromotes  OnTimeout = "promote"
)

// AnalysisSpec names the policy that judges the evidence.
type AnalysisSpec struct {
	Policy string
}

// ThresholdPolicy is the original's rule: the canary's 5xx of the last
// FailureThresholdTime are more than FailureThresholdValue.
const ThresholdPolicy = "threshold"

// Service is the service that the spec is for.
func (s Spec) Service() Service {
	return Service{
		Environment: s.EnvironmentName, Name: s.MicroserviceName,
		Namespace: s.Namespace, Protocol: s.Protocol, Port: s.Port,
	}
}

// Canary is the version that the spec deploys.
func (s Spec) Canary() Version { return Version{Sha: s.Sha, Image: s.ContainerImage} }

// Parameters are the parameters of the version's template: the original's seven and
// the spec's own.
func (s Spec) Parameters() map[string]string {
	parameters := map[string]string{
		"EnvironmentName": s.EnvironmentName, "MicroserviceName": s.MicroserviceName,
		"Namespace": s.Namespace, "Sha": s.Sha, "ContainerImage": s.ContainerImage,
		"Port": strconv.Itoa(s.Port), "Protocol": string(s.Protocol),
	}
	maps.Copy(parameters, s.TemplateParameters)
	return parameters
}

// DefaultMetricSource is where the original's agent counts a version's responses
// (original.md, "The state machine", 4).
func DefaultMetricSource() MetricSource {
	return MetricSource{
		Namespace: "ECS/ContainerInsights/Prometheus",
		Name:      "envoy_http_downstream_rq_xx",
		Dimensions: map[string]string{
			"ClusterName":                    "{environment}",
			"TaskDefinitionFamily":           "{service}",
			"appmesh_virtual_node":           "{version}",
			"envoy_http_conn_manager_prefix": "ingress",
			"envoy_response_code_class":      "{class}",
		},
	}
}

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
