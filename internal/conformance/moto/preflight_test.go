package moto

import (
	"context"
	"fmt"
	"slices"

	"serin/internal/aws"
)

func preflightBehaviours() []behaviour {
	return []behaviour{
		{"a rollout into what is there has no problem", func(ctx context.Context, w world) error {
			wanted, err := w.prepare(ctx)
			if err != nil {
				return err
			}
			return w.expectProblems(ctx, wanted)
		}},
		{"a rollout into nothing has its problems told", func(ctx context.Context, w world) error {
			wanted := w.wanted()
			wanted.Image = w.service.Environment + ":none"
			return w.expectProblems(ctx, wanted, "Alarms", "ContainerImage", "EnvironmentName", "EnvironmentName")
		}},
		{"a rollout of what is there already has its problems told", repeatedRollout},
		{"a template that is none is a problem", func(ctx context.Context, w world) error {
			return w.expectProblemsOf(ctx, "Resources: [", nil, "CanaryTemplate")
		}},
		{"parameters that do not fit the template are problems", func(ctx context.Context, w world) error {
			return w.expectProblemsOf(ctx, template, map[string]string{"Other": "x"}, "TemplateParameters", "TemplateParameters")
		}},
	}
}

// bare is a template without parameters.
const bare = `
Resources:
  Name:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: one}
`

// wanted is a rollout of the canary, into what prepare makes.
func (w world) wanted() aws.Wanted {
	return aws.Wanted{
		Service: w.service, Sha: canary, Template: []byte(bare),
		Exports: []string{w.service.StackName(stable) + ":Table"}, Alarms: []string{w.service.Environment + "-errors"},
	}
}

// prepare makes a tuned route, and an alarm and an export that a rollout needs.
func (w world) prepare(ctx context.Context) (aws.Wanted, error) {
	wanted := w.wanted()
	if _, err := w.tune(ctx, 100, 0); err != nil {
		return wanted, err
	}
	if err := w.makeAlarm(ctx, wanted.Alarms[0]); err != nil {
		return wanted, err
	}
	request := w.request()
	request.Name, request.Token = w.service.StackName(stable), "stable"
	request.Parameters = map[string]string{"Name": w.service.Environment + "-stable"}
	_, err := w.makeStack(ctx, request)
	return wanted, err
}

// expectProblems checks which fields have problems.
func (w world) expectProblems(ctx context.Context, wanted aws.Wanted, fields ...string) error {
	problems, err := aws.NewPreflight(w.clients, "").Run(ctx, wanted)
	var found []string
	for _, problem := range problems {
		found = append(found, problem.Field)
	}
	slices.Sort(found)
	if err == nil && !slices.Equal(found, fields) {
		err = fmt.Errorf("the problems are %+v, want those of %q", problems, fields)
	}
	return err
}

// expectProblemsOf checks the problems of a template, beside a route.
func (w world) expectProblemsOf(ctx context.Context, template string, parameters map[string]string, fields ...string) error {
	if _, err := w.tune(ctx, 100, 0); err != nil {
		return err
	}
	wanted := aws.Wanted{Service: w.service, Sha: canary, Template: []byte(template), Parameters: parameters}
	return w.expectProblems(ctx, wanted, fields...)
}

// repeatedRollout has the canary's stack already, and another route that names a version.
func repeatedRollout(ctx context.Context, w world) error {
	wanted, err := w.prepare(ctx)
	if err != nil {
		return err
	}
	if err := w.makeNamedRoute(ctx, "app-admin", tunedSpec(w.service, 100, 0)); err != nil {
		return err
	}
	if _, err := w.ready(ctx); err != nil {
		return err
	}
	return w.expectProblems(ctx, wanted, "MicroserviceName", "Sha")
}
