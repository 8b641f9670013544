package engine

import (
	"fmt"
	"strings"
)

// rules checks the fields against each other, and fills in the defaults that hang on
// other fields.
func (r *specReader) rules(spec *Spec) {
	r.pace()
	r.steps(spec)
	r.bake(spec)
	r.router(spec)
	r.dimensions(spec)
	r.versionNames(spec)
}

// pace wants either PercentageStep and WaitTime or Steps.
func (r *specReader) pace() {
	steps := r.given("Steps")
	switch {
	case steps && r.given("PercentageStep"):
		r.fail("PercentageStep", "and Steps exclude each other", "keep one of them")
	case !steps && !r.given("PercentageStep"):
		r.fail("PercentageStep", "missing", "add it: a whole number from 1 to 100, or Steps")
	}
	if !steps && !r.given("WaitTime") {
		r.fail("WaitTime", "missing", "add it: how many seconds a weight is watched")
	}
}

// steps checks that weights rise, and that gates and weights keep to their own fields.
func (r *specReader) steps(spec *Spec) {
	highest := 0
	for i := range spec.Steps {
		path := fmt.Sprintf("Steps[%d]", i)
		if r.nodes[path].kind != jsonObject {
			continue
		}
		switch gate, weight := r.given(path+".Gate"), r.given(path+".Weight"); {
		case gate && weight:
			r.failAt(r.nodes[path], path, "", "has a Gate and a Weight", "make two steps of it")
		case gate:
			r.gate(&spec.Steps[i], path)
		case weight:
			r.weight(spec, i, highest)
			highest = max(highest, spec.Steps[i].Weight)
		default:
			r.failAt(r.nodes[path], path, "", "has neither a Weight nor a Gate", `write {"Weight": 10, "Hold": 60} or {"Gate": "QA signs off"}`)
		}
	}
}

func (r *specReader) gate(step *StepSpec, path string) {
	if r.given(path + ".Hold") {
		r.fail(path+".Hold", "does not go with a Gate", "write Timeout, or remove it")
	}
	if step.Timeout > 0 && !r.given(path+".OnTimeout") {
		step.OnTimeout = TimeoutRollsBack
	}
}

func (r *specReader) weight(spec *Spec, i, highest int) {
	step, path := &spec.Steps[i], fmt.Sprintf("Steps[%d]", i)
	for _, name := range []string{".Timeout", ".OnTimeout"} {
		if r.given(path + name) {
			r.fail(path+name, "goes with a Gate only", "remove it")
		}
	}
	if step.Weight > 0 && step.Weight <= highest {
		r.fail(path+".Weight", fmt.Sprintf("is not above %d, the weight before it", highest), "write the weights in rising order")
	}
	switch {
	case r.given(path + ".Hold"):
	case r.given("WaitTime"):
		step.Hold = new(spec.WaitTime)
	case step.Weight == 100 && r.given("BakeTime"):
	default:
		r.fail(path+".Hold", "missing", "add it, or WaitTime for all steps: how many seconds the weight is watched")
	}
}

// bake settles the hold at 100: BakeTime, the Hold of a step at 100, or WaitTime. Two
// that differ are an error.
func (r *specReader) bake(spec *Spec) {
	var last *StepSpec
	path := ""
	for i := range spec.Steps {
		if spec.Steps[i].Weight == 100 {
			last, path = &spec.Steps[i], fmt.Sprintf("Steps[%d].Hold", i)
		}
	}
	switch {
	case last != nil && r.given("BakeTime") && r.given(path):
		if last.Hold != nil && *last.Hold != spec.BakeTime && r.isRight("BakeTime") {
			r.fail("BakeTime", fmt.Sprintf("differs from %s, %d, which is the hold at 100 too", path, *last.Hold), "keep one of them")
		}
	case r.given("BakeTime"):
	case last != nil && last.Hold != nil:
		spec.BakeTime = *last.Hold
	case r.given("WaitTime"):
		spec.BakeTime = spec.WaitTime
	case r.given("Steps") && last == nil:
		r.fail("BakeTime", "missing", "add it, or WaitTime: how many seconds the new version has all traffic before the old one is removed")
	}
	if last != nil && !r.given(path) {
		last.Hold = new(spec.BakeTime)
	}
}

// isRight tells whether a field that was given had nothing wrong with it so far.
func (r *specReader) isRight(path string) bool {
	for _, failure := range r.errors {
		if failure.Field == path {
			return false
		}
	}
	return true
}

func (r *specReader) router(spec *Spec) {
	const rule = "Router.ListenerRuleArn"
	switch {
	case spec.Router.Type == ALB && !r.given(rule):
		r.fail(rule, "missing", "add the ARN of the listener rule whose weights shall be set")
	case spec.Router.Type == AppMesh && r.given(rule):
		r.fail(rule, "does not go with the router appmesh", `remove it, or write "Type": "alb"`)
	}
}

// dimensions wants a metric that tells versions and response codes apart: without, the
// stable version's errors would be the canary's, or every response an error.
func (r *specReader) dimensions(spec *Spec) {
	const path = "Metric.Dimensions"
	if !r.given(path) || !r.isRight(path) {
		return
	}
	var values []string
	for name, value := range spec.Metric.Dimensions {
		if !r.isRight(join(path, shownName(name))) {
			return
		}
		values = append(values, value)
	}
	all := strings.Join(values, " ")
	if !strings.Contains(all, "{class}") {
		r.fail(path, "has no {class}: every response would count as an error", `add the dimension of the response code's class, like "envoy_response_code_class": "{class}"`)
	}
	if !strings.Contains(all, "{version}") && !strings.Contains(all, "{sha}") {
		r.fail(path, "has neither {version} nor {sha}: the versions would be one", `add the dimension of the version, like "appmesh_virtual_node": "{version}"`)
	}
}

// How long the names of a version may be: a stack's (CloudFormation API reference,
// CreateStack), a virtual node's (App Mesh API reference, CreateVirtualNode; the label
// of a Cloud Map service's DNS name is shorter: RFC 1035, section 2.3.4; its whole name
// may have 127, Cloud Map API reference, CreateService).
const (
	longestStackName   = 128
	longestVersionName = 63
)

// versionNames wants the names of the version's stack and node to be short enough. Where
// there is no sha yet it counts as the shortest.
func (r *specReader) versionNames(spec *Spec) {
	if spec.EnvironmentName == "" || spec.MicroserviceName == "" || r.given("Sha") && spec.Sha == "" {
		return
	}
	field, sha := "Sha", spec.Sha
	if sha == "" {
		field, sha = "MicroserviceName", "0"
	}
	service := spec.Service()
	r.fits(field, "the name of the stack", service.StackName(sha), longestStackName, "EnvironmentName, MicroserviceName or Sha")
	r.fits(field, "the name of the version in DNS", service.VersionName(sha), longestVersionName, "MicroserviceName or Sha")
}

func (r *specReader) fits(field, what, name string, most int, parts string) {
	if over := len(name) - most; over > 0 {
		r.fail(field, fmt.Sprintf("makes %s, %s, %d characters long, %d more than the %d allowed", what, shownName(name), len(name), over, most),
			fmt.Sprintf("shorten %s by %d", parts, over))
	}
}

// Complete tells whether the spec has all that a rollout needs, with a SpecError of what
// is missing: the version, its image and its template are rarely in the file itself.
func (s Spec) Complete() error {
	var missing []*FieldError
	need := func(there bool, field, mend string) {
		if !there {
			missing = append(missing, &FieldError{Field: field, Problem: "missing", Mend: mend})
		}
	}
	need(s.Sha != "", "Sha", "add it to deploy.json, or give --sha")
	need(s.ContainerImage != "", "ContainerImage", "add it to deploy.json, or give --image")
	need(len(s.CanaryTemplate) > 0, "CanaryTemplate", "add it to deploy.json, give --template, or put canary-helper.yaml beside the file")
	if len(missing) > 0 {
		return &SpecError{Errors: missing}
	}
	return nil
}
