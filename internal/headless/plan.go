package headless

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"serin/internal/engine"
)

// PlanReport is what a rollout would do, without doing it. Times are in seconds; steps
// count from 1.
type PlanReport struct {
	Environment string `json:"environment"`
	Service     string `json:"service"`
	Sha         string `json:"sha,omitempty"`
	Image       string `json:"image,omitempty"`
	// Stable is the version that serves; empty when it is not known, and for a first
	// deployment.
	Stable string `json:"stable,omitempty"`
	First  bool   `json:"first"`
	// Assumed says why First is an assumption; empty when it was looked up.
	Assumed string     `json:"assumed,omitempty"`
	Steps   []PlanStep `json:"steps"`
	// Seconds is how long the plan takes from the first weight on, without gates; Deadline
	// how long the canary may take before that to become healthy.
	Seconds  float64 `json:"seconds"`
	Deadline float64 `json:"deadline"`
	// Changes are what would be changed, in order.
	Changes []string `json:"changes"`
	// Reads is how many times the world would be read while the canary has traffic.
	Reads int `json:"reads"`
	// RequestsPerMinute is what the exposure is reckoned with.
	RequestsPerMinute float64   `json:"requests_per_minute"`
	Exposure          *Exposure `json:"exposure,omitempty"`
}

// PlanStep is one step of a plan.
type PlanStep struct {
	stepJSON
	// Start is when the step begins, after the first weight.
	Start float64 `json:"start"`
	// Requests is how many requests the canary serves during the step.
	Requests float64 `json:"requests"`
}

// Exposure is how many requests a canary spoils that answers every one of them with an
// error, from its first on.
type Exposure struct {
	// Seconds is how long it takes until the verdict: the metric's period, its delay, and
	// the pause between two readings. Weight is the canary's share by then.
	Seconds  float64 `json:"seconds"`
	Weight   int     `json:"weight"`
	Requests float64 `json:"requests"`
}

// World is what was found out about a service before planning.
type World struct {
	First   bool
	Stable  string
	Assumed string
	// RequestsPerMinute is the service's traffic.
	RequestsPerMinute float64
}

// NewPlanReport reckons what a rollout of a spec would do in a world.
func NewPlanReport(spec engine.Spec, world World) PlanReport {
	plan := engine.NewPlan(spec, world.First)
	report := PlanReport{
		Environment: spec.EnvironmentName, Service: spec.MicroserviceName, Sha: spec.Sha, Image: spec.ContainerImage,
		Stable: world.Stable, First: world.First, Assumed: world.Assumed,
		Seconds: plan.Duration(spec).Seconds(), Deadline: float64(spec.ProgressDeadline),
		Changes: changes(spec, plan, world), RequestsPerMinute: world.RequestsPerMinute,
	}
	start := 0.0
	for _, step := range stepsOf(plan) {
		requests := world.RequestsPerMinute / 60 * step.Hold * float64(step.Weight) / 100
		report.Steps = append(report.Steps, PlanStep{stepJSON: step, Start: start, Requests: requests})
		start += step.Hold
	}
	cadence := engine.CadenceOf(spec)
	report.Reads = 2 * readings(report.Seconds, cadence.World)
	if spec.Protocol.HasResponses() {
		report.Reads += readings(report.Seconds, cadence.Metrics)
		report.Exposure = exposure(spec, report.Steps, cadence, world.RequestsPerMinute)
	}
	return report
}

func readings(seconds float64, every time.Duration) int {
	return int(math.Ceil(seconds / every.Seconds()))
}

// exposure adds up the canary's requests until its first errors can be known. A hold
// that waits for data keeps the first weight until then.
func exposure(spec engine.Spec, steps []PlanStep, cadence engine.Cadence, requestsPerMinute float64) *Exposure {
	left := float64(spec.MetricPeriod+spec.MetricDelay) + cadence.Metrics.Seconds()
	found := &Exposure{Seconds: left}
	waits := spec.OnNoData != engine.NoDataPasses || spec.MinimumRequests > 0
	for i, step := range steps {
		if step.Weight == 0 {
			continue
		}
		last := i == len(steps)-1 || waits || step.Gate != ""
		lasts := step.Hold
		if last {
			lasts = left
		}
		lasts = min(lasts, left)
		found.Weight = step.Weight
		found.Requests += requestsPerMinute / 60 * lasts * float64(step.Weight) / 100
		if left -= lasts; left <= 0 {
			break
		}
	}
	return found
}

// changes are what a rollout changes, in its order.
func changes(spec engine.Spec, plan engine.Plan, world World) []string {
	service, sha, stable := spec.Service(), spec.Sha, world.Stable
	if sha == "" {
		sha = "<sha>"
	}
	if stable == "" {
		stable = "<stable sha>"
	}
	all := []string{"create stack " + service.StackName(sha)}
	if world.First {
		all = append(all, "create the route of "+service.Name+" with 100 for the canary")
	} else {
		for _, weight := range plan.Weights() {
			all = append(all, fmt.Sprintf("write the route's weights: stable %d, canary %d", 100-weight, weight))
		}
		all = append(all, "take the old version off the route")
	}
	all = append(all, "record the image in parameter "+service.ParameterName())
	if !world.First {
		all = append(all, "delete stack "+service.StackName(stable))
	}
	return all
}

// JSON writes the report as one object on one line.
func (p PlanReport) JSON(out io.Writer) error {
	_, err := out.Write(append(plain(p), '\n'))
	return err
}

// Text writes the report for a person.
func (p PlanReport) Text(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	write := func(format string, args ...any) {
		// A tabwriter keeps its first error and gives it to Flush.
		_, _ = fmt.Fprintf(table, format, args...)
	}
	write("%s\n\n", p.title())
	write("step\tweight\thold\tstarts at\tcanary requests\t\n")
	for _, step := range p.Steps {
		write("%s\t%d %%\t%s\t%s\t%.0f\t\n", step.name(), step.Weight, step.length(), span(step.Start), step.Requests)
	}
	write("\nfrom the first weight on: %s%s; before that: at most %s until the canary is healthy\n", span(p.Seconds), p.gates(), span(p.Deadline))
	write("\nchanges:\n")
	for _, change := range p.Changes {
		write("  %s\n", change)
	}
	write("reads while the canary has traffic: about %d\n", p.Reads)
	write("\n%s\n", p.danger())
	return table.Flush()
}

func (p PlanReport) title() string {
	title := fmt.Sprintf("%s in %s", p.Service, p.Environment)
	if p.Sha != "" {
		title += ": " + p.Sha
	}
	if p.Image != "" {
		title += " (" + Clean(p.Image) + ")"
	}
	switch {
	case p.First:
		title += ", a first deployment"
	case p.Stable != "":
		title += ", in place of " + p.Stable
	default:
		title += ", a later deployment"
	}
	if p.Assumed != "" {
		title += "\nassumed: " + Clean(p.Assumed)
	}
	return title
}

func (s PlanStep) name() string {
	if s.Bake {
		return "bake"
	}
	return fmt.Sprint(s.Step)
}

func (s PlanStep) length() string {
	switch {
	case s.Gate == "":
		return span(s.Hold)
	case s.Timeout > 0:
		return fmt.Sprintf("gate: %s (at most %s, then %s)", Clean(s.Gate), span(s.Timeout), s.OnTimeout)
	}
	return "gate: " + Clean(s.Gate)
}

// gates says that the time of gates is not counted, if there are any.
func (p PlanReport) gates() string {
	for _, step := range p.Steps {
		if step.Gate != "" {
			return " and the time at gates"
		}
	}
	return ""
}

func (p PlanReport) danger() string {
	if p.Exposure == nil {
		return "could go wrong: tcp has no response codes; a canary is found to be bad by the health of its tasks"
	}
	return fmt.Sprintf("could go wrong, at %.0f requests a minute: a canary that fails every request is found after about %s,\n"+
		"at %d %%, when about %.0f requests have failed", p.RequestsPerMinute, span(p.Exposure.Seconds), p.Exposure.Weight, p.Exposure.Requests)
}

func span(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}
