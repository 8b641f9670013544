package engine

import (
	"maps"
	"strconv"
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
