package aws

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	appmeshtypes "github.com/aws/aws-sdk-go-v2/service/appmesh/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	stacktypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	metrictypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"serin/internal/engine"
)

// world is an environment in which the wanted rollout can start; tests break it.
type world struct {
	mesh     *meshFake
	stacks   *stackFake
	metrics  *metricFake
	registry *registryFake
	wanted   Wanted
}

func soundWorld() *world {
	return &world{
		mesh: meshWith(at("yelb-appserver-aaaa", 100)),
		stacks: &stackFake{
			exports: []cloudformation.ListExportsOutput{{Exports: []stacktypes.Export{
				{Name: aws.String("ecs-blogpost:Mesh")}, {Name: aws.String("ecs-blogpost:VPC")},
			}}},
			validation: &cloudformation.ValidateTemplateOutput{Parameters: []stacktypes.TemplateParameter{
				{ParameterKey: aws.String("Sha")}, {ParameterKey: aws.String("Cpu"), DefaultValue: aws.String("256")},
			}},
		},
		metrics: &metricFake{alarms: func(*cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error) {
			return &cloudwatch.DescribeAlarmsOutput{MetricAlarms: []metrictypes.MetricAlarm{{AlarmName: aws.String("errors")}}}, nil
		}},
		registry: &registryFake{tags: map[string][]string{"yelb-appserver": {"fixed"}}},
		wanted: Wanted{
			Service: appserver(), Sha: "bbbb", Image: "yelb-appserver:fixed", Template: []byte("x"),
			Parameters: map[string]string{"Sha": "bbbb"}, Exports: []string{"ecs-blogpost:Mesh"}, Alarms: []string{"errors"},
		},
	}
}

func (w *world) run(t *testing.T) ([]Problem, error) {
	t.Helper()
	preflight := &Preflight{
		router: w.mesh.router(), stacks: w.stacks.stacks(),
		alarms: NewMetrics(w.metrics, here()), images: NewImages(w.registry, here()),
	}
	return preflight.Run(t.Context(), w.wanted)
}

func TestPreflightFindsNoProblem(t *testing.T) {
	for name, change := range map[string]func(*world){
		"a rollout":                func(*world) {},
		"a first deployment":       func(w *world) { w.mesh.route = nil },
		"nothing to look up":       func(w *world) { w.wanted.Image, w.wanted.Exports, w.wanted.Alarms = "", nil, nil },
		"a public image":           func(w *world) { w.wanted.Image = "docker.io/library/redis:7" },
		"a stack that was deleted": func(w *world) { w.stacks.stack = stackIn(stacktypes.StackStatusDeleteComplete) },
		"a version that serves, which engine.Prepare tells": func(w *world) {
			w.wanted.Sha, w.wanted.Parameters["Sha"], w.stacks.stack = "aaaa", "aaaa", stackIn(stacktypes.StackStatusCreateComplete)
		},
		"a version that has no traffic": func(w *world) { w.mesh = meshWith(at("yelb-appserver-aaaa", 100), at("yelb-appserver-bbbb", 0)) },
	} {
		t.Run(name, func(t *testing.T) {
			world := soundWorld()
			change(world)
			if problems, err := world.run(t); err != nil || len(problems) != 0 {
				t.Errorf("%+v, %v", problems, err)
			}
			if len(world.mesh.updates)+len(world.mesh.creates)+len(world.stacks.created)+len(world.stacks.deleted) != 0 {
				t.Error("it wrote something")
			}
		})
	}
}

func TestPreflightFindsProblems(t *testing.T) {
	unwritable := httpSpec(at("yelb-appserver-aaaa", 100))
	unwritable.HttpRoute.Match.Headers[0].Match = &appmeshtypes.UnknownUnionMember{Tag: "contains"}
	for name, c := range map[string]struct {
		change       func(*world)
		field, value string
		words        string
	}{
		"no mesh":             {func(w *world) { w.mesh = &meshFake{noMesh: true} }, "EnvironmentName", "ecs-blogpost", "environment ecs-blogpost has no mesh"},
		"no router":           {func(w *world) { w.mesh = &meshFake{noRouter: true} }, "EnvironmentName", "ecs-blogpost", "no virtual router yelb-appserver-vr"},
		"a route to refuse":   {func(w *world) { w.mesh.route.Spec = unwritable }, "MicroserviceName", "yelb-appserver", "cannot be written back unchanged"},
		"another protocol":    {func(w *world) { w.wanted.Service.Protocol = engine.TCP }, "Protocol", "tcp", "is for http"},
		"no such parameter":   {func(w *world) { w.wanted.Parameters["Memory"] = "1" }, "TemplateParameters", "Memory", "no parameter Memory"},
		"a parameter too few": {func(w *world) { w.wanted.Parameters = nil }, "TemplateParameters", "Sha", "parameter Sha has no value"},
		"a bad template": {func(w *world) {
			w.stacks.fail = map[string]error{"ValidateTemplate": said("CloudFormation", "ValidateTemplate", 400, "ValidationError", "format error")}
		}, "CanaryTemplate", "", "format error"},
		"a large template": {func(w *world) { w.wanted.Template = make([]byte, templateLimit+1) }, "CanaryTemplate", "", "51201 bytes"},
		"missing exports": {
			func(w *world) { w.wanted.Exports = append(w.wanted.Exports, "ecs-blogpost:X", "ecs-blogpost:Y") },
			"EnvironmentName", "ecs-blogpost", "no stack exports ecs-blogpost:X and ecs-blogpost:Y",
		},
		"no image":        {func(w *world) { w.wanted.Image = "yelb-appserver:fix" }, "ContainerImage", "yelb-appserver:fix", "it has fixed"},
		"no repository":   {func(w *world) { w.wanted.Image = "redis:7" }, "ContainerImage", "redis:7", "no repository redis"},
		"a taken name":    {func(w *world) { w.stacks.stack = stackIn(stacktypes.StackStatusCreateComplete) }, "Sha", "bbbb", "exists already (CREATE_COMPLETE"},
		"an alarm's gone": {func(w *world) { w.wanted.Alarms = []string{"errors", "latency"} }, "Alarms", "errors and latency", "no alarm latency"},
	} {
		t.Run(name, func(t *testing.T) {
			world := soundWorld()
			c.change(world)
			problems, err := world.run(t)
			if err != nil || len(problems) != 1 {
				t.Fatalf("%+v, %v", problems, err)
			}
			if got := problems[0]; got.Field != c.field || got.Value != c.value || !strings.Contains(got.Problem, c.words) || got.Mend == "" && c.field != "CanaryTemplate" || strings.HasPrefix(got.Mend, "delete") {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestPreflightTellsEverythingAtOnce(t *testing.T) {
	world := soundWorld()
	world.mesh = &meshFake{noMesh: true}
	world.wanted.Image, world.wanted.Alarms = "yelb-appserver:none", []string{"none"}
	world.wanted.Exports = []string{"none"}
	world.stacks.stack = stackIn(stacktypes.StackStatusCreateFailed)
	world.wanted.Parameters["None"] = "1"
	problems, err := world.run(t)
	var fields []string
	for _, problem := range problems {
		fields = append(fields, problem.Field)
	}
	want := []string{"EnvironmentName", "TemplateParameters", "EnvironmentName", "ContainerImage", "Sha", "Alarms"}
	if err != nil || !slices.Equal(fields, want) {
		t.Errorf("%v, %v", fields, err)
	}
}

func TestPreflightTellsWhatItCouldNotCheck(t *testing.T) {
	world := soundWorld()
	world.mesh.onDescribeRoute = func(*appmesh.DescribeRouteInput) error {
		return operationError("App Mesh", "DescribeRoute", unknownHost("appmesh.us-west-2.amazonaws.com"))
	}
	world.stacks.fail = map[string]error{"ListExports": said("CloudFormation", "ListExports", 403, "AccessDenied", "no")}
	world.wanted.Image = "yelb-appserver:none"
	problems, err := world.run(t)
	if len(problems) != 1 || problems[0].Field != "ContainerImage" {
		t.Errorf("%+v", problems)
	}
	if err == nil || !contains(err.Error(), "appmesh.us-west-2") || !contains(err.Error(), "the exports of stacks") {
		t.Errorf("got %v", err)
	}
	if engine.KindOf(err) != engine.Retired {
		t.Errorf("the first is %s", engine.KindOf(err))
	}
}

func TestPreflightEndsWithItsCaller(t *testing.T) {
	world := soundWorld()
	world.mesh.onDescribeRoute = func(*appmesh.DescribeRouteInput) error {
		return operationError("App Mesh", "DescribeRoute", context.Canceled)
	}
	if _, err := world.run(t); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestPreflightTroublesAreErrors(t *testing.T) {
	for _, operation := range []string{"ValidateTemplate", "DescribeStacks", "ListExports"} {
		t.Run(operation, func(t *testing.T) {
			testTroubles(t, "CloudFormation", operation, func(failure error) error {
				world := soundWorld()
				world.stacks.fail = map[string]error{operation: failure}
				problems, err := world.run(t)
				if len(problems) != 0 {
					t.Errorf("%+v", problems)
				}
				return err
			})
		})
	}
}
