package seed

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"serin/specfiles"
)

// shop is a region whose stacks all come to the same end at once.
type shop struct {
	status     types.StackStatus
	refuse     error
	stacks     []string
	routes     map[string]*appmesh.CreateRouteInput
	parameters map[string]string
}

func (s *shop) CreateStack(_ context.Context, in *cloudformation.CreateStackInput) (*cloudformation.CreateStackOutput, error) {
	s.stacks = append(s.stacks, *in.StackName)
	return &cloudformation.CreateStackOutput{}, s.refuse
}

func (s *shop) DescribeStacks(context.Context, *cloudformation.DescribeStacksInput) (*cloudformation.DescribeStacksOutput, error) {
	return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{{StackStatus: s.status}}}, nil
}

func (s *shop) DescribeStackEvents(context.Context, *cloudformation.DescribeStackEventsInput) (*cloudformation.DescribeStackEventsOutput, error) {
	return &cloudformation.DescribeStackEventsOutput{StackEvents: []types.StackEvent{
		{ResourceStatus: types.ResourceStatusCreateFailed, LogicalResourceId: aws.String("VPC"), ResourceStatusReason: aws.String("no room")},
		{ResourceStatus: types.ResourceStatusCreateComplete, LogicalResourceId: aws.String("Gateway")},
	}}, nil
}

func (s *shop) CreateRoute(_ context.Context, in *appmesh.CreateRouteInput) (*appmesh.CreateRouteOutput, error) {
	s.routes[*in.RouteName] = in
	return &appmesh.CreateRouteOutput{}, s.refuse
}

func (s *shop) PutParameter(_ context.Context, in *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
	s.parameters[*in.Name] = *in.Value
	return &ssm.PutParameterOutput{}, nil
}

func seederOf(status types.StackStatus) (Seeder, *shop) {
	s := &shop{status: status, routes: map[string]*appmesh.CreateRouteInput{}, parameters: map[string]string{}}
	return Seeder{Environment: "shop", Stacks: s, Routes: s, Parameters: s}, s
}

func images() map[string]Image {
	all := make(map[string]Image)
	for _, service := range specfiles.Services() {
		all[service] = Image{URI: "registry/" + service + ":1", Sha: "0123abcd"}
	}
	return all
}

func TestPlantedServicesAreServedAndRecorded(t *testing.T) {
	seeder, shop := seederOf(types.StackStatusCreateComplete)
	if err := seeder.Bare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := seeder.Planted(t.Context(), images()); err != nil {
		t.Fatal(err)
	}
	web, redis := shop.routes["yelb-appserver-route"], shop.routes["yelb-redisserver-route"]
	if web == nil || redis == nil {
		t.Fatalf("routes %v", shop.routes)
	}
	target := web.Spec.HttpRoute.Action.WeightedTargets[0]
	if *target.VirtualNode != "yelb-appserver-0123abcd" || target.Weight != 100 || *web.VirtualRouterName != "yelb-appserver-vr" {
		t.Errorf("route of yelb-appserver goes to %s with %d", *target.VirtualNode, target.Weight)
	}
	retry := web.Spec.HttpRoute.RetryPolicy
	if got := strings.Join(retry.HttpRetryEvents, " "); got != "server-error gateway-error" || *retry.MaxRetries != 2 {
		t.Errorf("retries %s, %d times", got, *retry.MaxRetries)
	}
	if redis.Spec.HttpRoute != nil || *redis.Spec.TcpRoute.Timeout.Idle.Value != 2000 {
		t.Errorf("route of yelb-redisserver %+v", redis.Spec)
	}
	if got := shop.parameters["shop-canary-yelb-ui-version"]; got != "registry/yelb-ui:1" {
		t.Errorf("parameter of yelb-ui %q", got)
	}
}

func TestFailedStackEndsTheSeedWithItsReason(t *testing.T) {
	seeder, shop := seederOf(types.StackStatusCreateFailed)
	err := seeder.Bare(t.Context())
	if err == nil || !strings.Contains(err.Error(), "shop-vpc: VPC: no room") {
		t.Errorf("got %v", err)
	}
	if len(shop.stacks) != 1 {
		t.Errorf("went on to create %v", shop.stacks)
	}
}

func TestRefusalsEndTheSeed(t *testing.T) {
	refused := errors.New("refused")
	seeder, shop := seederOf(types.StackStatusCreateComplete)
	shop.refuse = refused
	if err := seeder.Bare(t.Context()); !errors.Is(err, refused) {
		t.Errorf("stack: %v", err)
	}
	one := service{MicroserviceName: "web", Protocol: "http"}
	if err := seeder.serve(t.Context(), one, Image{}); !errors.Is(err, refused) {
		t.Errorf("route: %v", err)
	}
	one.Protocol = "grpc"
	if err := seeder.serve(t.Context(), one, Image{}); err == nil {
		t.Error("a route for grpc was made up")
	}
	if err := seeder.Planted(t.Context(), nil); err == nil {
		t.Error("a service without an image was deployed")
	}
}

func TestSeedEndsWithItsContext(t *testing.T) {
	seeder, _ := seederOf(types.StackStatusCreateInProgress)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := seeder.Bare(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
