package console

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"serin/internal/engine"
	"serin/internal/specfile"
	"serin/internal/ui/scene"
	"serin/specfiles"
)

// lastRollout names the spec of a service's last rollout in messages.
const lastRollout = "the deploy.json of the last rollout"

// usualSpec is how a service is usually rolled out: as its last rollout was, or as the
// specfile says that Serin carries. It has no version. The error wraps
// fs.ErrNotExist when nobody knows.
func (h *Host) usualSpec(ctx context.Context, service string, settings ...string) (engine.Spec, error) {
	last, err := h.lastRollout(ctx, service)
	if err != nil {
		return engine.Spec{}, err
	}
	return h.specAfter(last, service, settings...)
}

// specAfter is usualSpec after a rollout; nil is none.
func (h *Host) specAfter(last *engine.Rollout, service string, settings ...string) (engine.Spec, error) {
	if last != nil {
		spec := last.Spec
		spec.Sha, spec.ContainerImage = "", ""
		data, err := json.Marshal(spec)
		if err != nil {
			return engine.Spec{}, err
		}
		return parse(lastRollout, data, settings)
	}
	data, err := specfiles.Read(service, specfiles.DeployFile)
	if err != nil {
		return engine.Spec{}, err
	}
	template, err := specfiles.Read(service, specfiles.TemplateFile)
	if err != nil {
		return engine.Spec{}, err
	}
	all := append([]string{
		"EnvironmentName=" + h.Where.Environment, "CanaryTemplate=" + base64.StdEncoding.EncodeToString(template),
	}, h.Settings...)
	return parse("the carried deploy.json of "+service, data, append(all, settings...))
}

// lastRollout is a service's last rollout; nil when there was none.
func (h *Host) lastRollout(ctx context.Context, service string) (*engine.Rollout, error) {
	headers, err := h.Journal.Rollouts(ctx, h.key(service), 1)
	if err != nil || len(headers) == 0 {
		return nil, err
	}
	events, err := h.Journal.Events(ctx, headers[0].ID, 0)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	return engine.Fold(events), nil
}

// endOf is how a rollout ended; nil for none, and for one that is open.
func endOf(r *engine.Rollout) *scene.Ended {
	if r == nil || r.Outcome == "" {
		return nil
	}
	return &scene.Ended{Sha: r.Canary.Sha, Outcome: r.Outcome, At: r.EndedAt, Cause: r.Cause, Reason: r.Reason}
}

// parse reads a spec with settings over it and checks its template.
func parse(file string, data []byte, settings []string) (engine.Spec, error) {
	set := make([]engine.Setting, 0, len(settings))
	var problems []*engine.FieldError
	for _, text := range settings {
		setting, err := engine.ParseSetting(text)
		if problem := (*engine.FieldError)(nil); errors.As(err, &problem) {
			problems = append(problems, problem)
		}
		set = append(set, setting)
	}
	if len(problems) > 0 {
		return engine.Spec{}, &engine.SpecError{Errors: problems}
	}
	spec, err := engine.ParseSpec(file, data, set)
	if err != nil || len(spec.CanaryTemplate) == 0 {
		return spec, err
	}
	template, err := specfile.Inspect(spec.CanaryTemplate)
	if err == nil {
		err = template.Check(spec)
	}
	return spec, err
}

// plainSpec is how the responses of a service are counted that nobody ever rolled out:
// as the engine's defaults say.
func plainSpec(service engine.Service) engine.Spec {
	file := map[string]any{
		"EnvironmentName": service.Environment, "MicroserviceName": service.Name, "Namespace": service.Namespace,
		"Protocol": service.Protocol, "Port": service.Port,
		"PercentageStep": 10, "WaitTime": 60, "FailureThresholdValue": 1, "FailureThresholdTime": 600,
	}
	if service.Namespace == "" {
		file["Namespace"] = "unknown"
	}
	data, err := json.Marshal(file)
	if err != nil {
		return engine.Spec{Protocol: service.Protocol, Metric: engine.DefaultMetricSource(), MetricPeriod: 60, MetricDelay: 120}
	}
	spec, err := parse("", data, nil)
	if err != nil { // Names that a specfile may not have.
		return engine.Spec{Protocol: service.Protocol, Metric: engine.DefaultMetricSource(), MetricPeriod: 60, MetricDelay: 120}
	}
	return spec
}

// ordered is the spec of an order, complete but for what the order lacks, and the name
// that messages have for its file.
func (h *Host) ordered(ctx context.Context, order scene.Order) (engine.Spec, string, error) {
	if order.File != "" {
		spec, err := specfile.Load(fromHome(order.File), specfile.Options{Set: order.Set, Sha: order.Sha, Image: order.Image})
		if err == nil {
			err = h.isHere(order, spec)
		}
		return h.drawn(spec), order.File, inForm(err)
	}
	if order.Service == "" {
		return engine.Spec{}, "", errors.New("name a service, or a deploy.json")
	}
	var settings []string
	for field, value := range map[string]string{"Sha": order.Sha, "ContainerImage": order.Image} {
		if value != "" {
			settings = append(settings, field+"="+value)
		}
	}
	spec, err := h.usualSpec(ctx, order.Service, append(settings, order.Set...)...)
	if errors.Is(err, fs.ErrNotExist) {
		return spec, "", fmt.Errorf("nobody knows how %s is rolled out: give the path of its %s", order.Service, filepath.Base(specfiles.DeployFile))
	}
	return h.drawn(spec), "deploy.json of " + order.Service, inForm(err)
}

// fromHome is a path that was typed where no shell reads it, with the home directory for a
// leading ~/.
func fromHome(path string) string {
	rest, is := strings.CutPrefix(path, "~/")
	home, err := os.UserHomeDir()
	if !is || err != nil {
		return path
	}
	return filepath.Join(home, rest)
}

// flagsInMends are how errors name what was not given, and what the form has for it. A
// template comes with its specfile.
func flagsInMends() *strings.Replacer {
	return strings.NewReplacer("give --template, or ", "or ", "give --set ", "set ", "--image", "the image", "--sha", "the sha")
}

// inForm is an error with the names that an order's parts have for whoever gave it: it was
// not given with flags.
func inForm(err error) error {
	var wrong *engine.SpecError
	if !errors.As(err, &wrong) {
		return err
	}
	named, mends := &engine.SpecError{}, flagsInMends()
	for _, problem := range wrong.Errors {
		renamed := *problem
		renamed.Mend = mends.Replace(problem.Mend)
		if flag, is := strings.CutPrefix(problem.File, "--"); is {
			renamed.File = cmp.Or(map[string]string{"Sha": "sha", "ContainerImage": "image"}[problem.Field], flag)
		}
		named.Errors = append(named.Errors, &renamed)
	}
	return named
}

// isHere refuses a file of another environment or service than is meant.
func (h *Host) isHere(order scene.Order, spec engine.Spec) error {
	if spec.EnvironmentName != h.Where.Environment {
		return fmt.Errorf("%s is for environment %s; this console is of %s", order.File, spec.EnvironmentName, h.Where.Environment)
	}
	if order.Service != "" && order.Service != spec.MicroserviceName {
		return fmt.Errorf("%s is for service %s, not for %s", order.File, spec.MicroserviceName, order.Service)
	}
	return nil
}

// drawn is a spec with a name for its version, drawn where it has none.
func (h *Host) drawn(spec engine.Spec) engine.Spec {
	if spec.Sha == "" {
		id := engine.NewID(h.Now())
		spec.Sha = id[len(id)-6:] + id[6:8]
	}
	return spec
}

// lines are errors as the operator reads them, a problem a line.
func lines(problems []string) error { return errors.New(strings.Join(problems, "\n")) }
