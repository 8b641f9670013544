package specfile

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"serin/internal/engine"
)

// Severity is how bad a finding is.
type Severity string

// An error stops a rollout before it starts; a warning is legal and rarely meant.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one thing that lint has to say of a file.
type Finding struct {
	Severity Severity
	*engine.FieldError
}

// String is the finding in one line, with its severity first.
func (f Finding) String() string { return string(f.Severity) + ": " + f.Error() }

// Lint checks specfiles: every deploy.json with the template that it would be rolled out
// with, and templates by themselves. The findings are in the order of the files, and
// for each file in the order of its lines; nothing is found twice.
func Lint(paths ...string) []Finding {
	var findings []Finding
	seen := map[engine.FieldError]bool{}
	for _, path := range paths {
		for _, finding := range lint(path) {
			if !seen[*finding.FieldError] {
				seen[*finding.FieldError] = true
				findings = append(findings, finding)
			}
		}
	}
	return findings
}

func lint(path string) []Finding {
	data, problem := readFile(path)
	if problem != nil {
		return errorsOf([]*engine.FieldError{problem})
	}
	if isTemplate(path, data) {
		return lintTemplate(path, data)
	}
	all, problems := load(path, Options{})
	if len(problems) > 0 {
		return errorsOf(problems)
	}
	advice := adviser{file: path}
	advice.pace(all.spec)
	advice.gates(all.spec)
	advice.evidence(all.spec)
	if all.templateFile == "" {
		advice.warn(templateField, "missing", "add it, put "+DefaultTemplate+" beside the file, or give --template to deploy")
	} else {
		advice.template(all.templateFile, all.template, all.spec.Router.Type)
	}
	return advice.findings
}

func errorsOf(problems []*engine.FieldError) []Finding {
	findings := make([]Finding, len(problems))
	for i, problem := range problems {
		findings[i] = Finding{Severity: Error, FieldError: problem}
	}
	return findings
}

// isTemplate tells a template from a deploy.json: by what JSON holds, else by the name.
func isTemplate(path string, data []byte) bool {
	var top map[string]json.RawMessage
	if json.Unmarshal(data, &top) == nil {
		_, resources := top["Resources"]
		_, version := top["AWSTemplateFormatVersion"]
		return resources || version
	}
	return slices.Contains([]string{".yaml", ".yml", ".template"}, strings.ToLower(filepath.Ext(path)))
}

// lintTemplate checks a template without a deploy.json: what every version gives.
func lintTemplate(path string, data []byte) []Finding {
	template, err := Inspect(data)
	if err == nil {
		i := &inspector{}
		template.checkDeclared(i)
		err = i.result()
	}
	if err != nil {
		return errorsOf(inFile(path, path, fieldErrors(err)))
	}
	advice := adviser{file: path}
	advice.template(path, template, engine.AppMesh)
	return advice.findings
}

// adviser gathers warnings about one file.
type adviser struct {
	file     string
	findings []Finding
}

func (a *adviser) warn(field, problem, mend string) {
	a.findings = append(a.findings, Finding{Severity: Warning, FieldError: &engine.FieldError{
		File: a.file, Field: field, Problem: problem, Mend: mend,
	}})
}

// pace warns of holds that prove little. The bake is judged when its evidence is
// complete, so only the others can be too short for their metric.
func (a *adviser) pace(spec engine.Spec) {
	needed := spec.MetricPeriod + spec.MetricDelay
	for _, hold := range holds(spec) {
		switch {
		case hold.seconds == 0:
			a.warn(hold.field, "0: nothing is watched at this weight", "write how many seconds it shall be watched")
		case spec.Protocol.HasResponses() && hold.seconds < needed:
			a.warn(hold.field, fmt.Sprintf("%d is shorter than MetricPeriod and MetricDelay together, %d: the weight is judged by evidence from before it", hold.seconds, needed),
				fmt.Sprintf("write %d or more", needed))
		}
	}
	if spec.BakeTime == 0 {
		a.warn("BakeTime", "0: the old version is removed without a look at the new one with all traffic", "write how many seconds to look")
	}
}

// hold is the time of a weight with the field that says it.
type hold struct {
	field   string
	seconds int
}

func holds(spec engine.Spec) []hold {
	if len(spec.Steps) == 0 {
		if spec.PercentageStep >= 100 {
			return nil
		}
		return []hold{{field: "WaitTime", seconds: spec.WaitTime}}
	}
	var all []hold
	for i, step := range spec.Steps {
		if step.Gate == "" && step.Weight < 100 && step.Hold != nil {
			all = append(all, hold{field: fmt.Sprintf("Steps[%d].Hold", i), seconds: *step.Hold})
		}
	}
	return all
}

// gates warns of gates that may stay shut, and of those that open by themselves.
func (a *adviser) gates(spec engine.Spec) {
	for i, step := range spec.Steps {
		field := fmt.Sprintf("Steps[%d].Timeout", i)
		switch {
		case step.Gate == "" || step.Timeout > 0:
		case step.OnTimeout != "":
			a.warn(field, "missing: the gate waits for ever, so OnTimeout never happens", "add it, or remove OnTimeout")
		default:
			a.warn(field, "missing: the gate waits for ever", "add it: after how many seconds to roll back")
		}
	}
}

// evidence warns of rules that the service's evidence can never meet.
func (a *adviser) evidence(spec engine.Spec) {
	if !spec.Protocol.HasResponses() {
		const problem = "a tcp service has no responses to count: it is judged by the health of its tasks"
		if spec.MinimumRequests > 0 {
			a.warn("MinimumRequests", problem, "remove it")
		}
		if spec.OnNoData != engine.NoDataPasses {
			a.warn("OnNoData", problem, "remove it")
		}
		return
	}
	if spec.FailureThresholdTime < spec.MetricPeriod {
		a.warn("FailureThresholdTime", fmt.Sprintf("%d is shorter than MetricPeriod, %d: no period fits into it", spec.FailureThresholdTime, spec.MetricPeriod),
			fmt.Sprintf("write %d or more", spec.MetricPeriod))
	}
}

// template warns of a version without what the route names or what is judged by its
// health.
func (a *adviser) template(file string, template Template, router engine.RouterType) {
	if template.Transformed {
		return
	}
	needed := []string{"AWS::ECS::Service"}
	if router == engine.AppMesh {
		needed = append(needed, "AWS::AppMesh::VirtualNode")
	}
	types := slices.Collect(maps.Values(template.Resources))
	for _, wanted := range needed {
		if !slices.Contains(types, wanted) {
			a.findings = append(a.findings, Finding{Severity: Warning, FieldError: &engine.FieldError{
				File: file, Field: templateField, Problem: "has no resource of type " + wanted,
				Mend: "add one: a version is a service and the node that the route names",
			}})
		}
	}
}
