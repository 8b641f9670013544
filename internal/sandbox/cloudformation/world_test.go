package cloudformation_test

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"serin/internal/sandbox/appmesh"
	"serin/internal/sandbox/cloudformation"
	"serin/internal/sandbox/cloudmap"
	"serin/internal/sandbox/region"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

//go:embed testdata
var testdata embed.FS

func body(t *testing.T, name string) *string {
	t.Helper()
	text, err := testdata.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return aws.String(string(text))
}

// world is a CloudFormation over a real App Mesh and Cloud Map and a cluster that does
// as it is told.
type world struct {
	*cloudformation.Service
	t        *testing.T
	mesh     *appmesh.Service
	cloudMap *cloudmap.Service
	cluster  *cluster
}

// inWorld runs a test in virtual time, at AWS's own pace.
func inWorld(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		place := region.Region{Account: "123456789012", Name: "us-west-2", Network: region.Loopback{}, Pace: region.At(1)}
		w := &world{t: t, mesh: appmesh.New(place), cloudMap: cloudmap.New(place), cluster: &cluster{place: place}}
		defer w.cloudMap.Close()
		w.Service = cloudformation.New(place, cloudformation.Services{
			AppMesh: w.mesh, CloudMap: w.cloudMap, ECS: w.cluster,
		})
		defer w.Close()
		test(w)
	})
}

func parameters(pairs ...string) []types.Parameter {
	var list []types.Parameter
	for pair := range slices.Chunk(pairs, 2) {
		list = append(list, types.Parameter{ParameterKey: aws.String(pair[0]), ParameterValue: aws.String(pair[1])})
	}
	return list
}

func (w *world) create(in *sdk.CreateStackInput) string {
	w.t.Helper()
	out, err := w.CreateStack(w.t.Context(), in)
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.StackId
}

func (w *world) delete(in *sdk.DeleteStackInput) {
	w.t.Helper()
	if _, err := w.DeleteStack(w.t.Context(), in); err != nil {
		w.t.Fatal(err)
	}
}

// environment makes the stack that versions stand on.
func (w *world) environment() string {
	w.t.Helper()
	id := w.create(&sdk.CreateStackInput{
		StackName: aws.String("ecs-blogpost-env"), TemplateBody: body(w.t, "environment.yaml"),
		Capabilities: []types.Capability{types.CapabilityCapabilityIam},
	})
	w.await(id, types.StackStatusCreateComplete)
	return id
}

func (w *world) version(sha string) *sdk.CreateStackInput {
	return &sdk.CreateStackInput{
		StackName: aws.String("ecs-blogpost-yelb-appserver-" + sha), TemplateBody: body(w.t, "version.yaml"),
		ClientRequestToken: aws.String("token-" + sha),
		Parameters: parameters("EnvironmentName", "ecs-blogpost", "MicroserviceName", "yelb-appserver",
			"Namespace", "yelb.local", "Sha", sha, "ContainerImage", "yelb-appserver:planted", "Port", "4567", "Protocol", "http"),
	}
}

func (w *world) describe(nameOrID string) types.Stack {
	w.t.Helper()
	out, err := w.DescribeStacks(w.t.Context(), &sdk.DescribeStacksInput{StackName: &nameOrID})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Stacks[0]
}

// await lets virtual time pass until the stack is no longer in progress, and demands
// the status that it then has.
func (w *world) await(nameOrID string, want types.StackStatus) types.Stack {
	w.t.Helper()
	for range 3600 {
		if found := w.describe(nameOrID); !strings.HasSuffix(string(found.StackStatus), "IN_PROGRESS") {
			if found.StackStatus != want {
				w.t.Fatalf("%s is %s (%s), not %s\n%s", nameOrID, found.StackStatus, aws.ToString(found.StackStatusReason), want,
					strings.Join(w.history(nameOrID), "\n"))
			}
			return found
		}
		time.Sleep(time.Second)
	}
	w.t.Fatalf("%s stays %s", nameOrID, w.describe(nameOrID).StackStatus)
	return types.Stack{}
}

// awaitEvent lets virtual time pass until a resource has a status.
func (w *world) awaitEvent(id, logicalID, status string) {
	w.t.Helper()
	for range 600 {
		if slices.ContainsFunc(w.events(id), func(e types.StackEvent) bool {
			return *e.LogicalResourceId == logicalID && string(e.ResourceStatus) == status && aws.ToString(e.PhysicalResourceId) != ""
		}) {
			return
		}
		time.Sleep(time.Second)
	}
	w.t.Fatalf("%s never becomes %s", logicalID, status)
}

// events are a stack's, oldest first.
func (w *world) events(id string) []types.StackEvent {
	w.t.Helper()
	var all []types.StackEvent
	in := &sdk.DescribeStackEventsInput{StackName: &id}
	for {
		out, err := w.DescribeStackEvents(w.t.Context(), in)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, out.StackEvents...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			slices.Reverse(all)
			return all
		}
	}
}

// history is a stack's events as text: resource, status, reason.
func (w *world) history(id string) []string {
	w.t.Helper()
	var lines []string
	for _, e := range w.events(id) {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s", *e.LogicalResourceId, e.ResourceStatus, aws.ToString(e.ResourceStatusReason))))
	}
	return lines
}

// index is where a line is in a history; the test fails where it is not.
func index(t *testing.T, history []string, line string) int {
	t.Helper()
	at := slices.Index(history, line)
	if at < 0 {
		t.Fatalf("no %q in\n%s", line, strings.Join(history, "\n"))
	}
	return at
}

func wantError(t *testing.T, err error, code, message string) {
	t.Helper()
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || api.ErrorCode() != code || api.ErrorMessage() != message {
		t.Errorf("got %v\nwant %s: %s", err, code, message)
	}
}

// cluster is an ECS whose services do what the test says: they become steady after a
// while, never, or fail.
type cluster struct {
	place region.Region

	mu          sync.Mutex
	services    map[string]*ecstypes.Service
	definitions []*ecs.RegisterTaskDefinitionInput
	created     []*ecs.CreateServiceInput
	updates     int
	// never holds services back for ever; broken lets their circuit breaker trip.
	never, broken bool
	// refuse is the answer to the next UpdateService beyond scaling to nought.
	refuse error
	since  map[string]time.Time
}

func (c *cluster) CreateCluster(_ context.Context, in *ecs.CreateClusterInput) (*ecs.CreateClusterOutput, error) {
	return &ecs.CreateClusterOutput{Cluster: &ecstypes.Cluster{
		ClusterName: in.ClusterName, ClusterArn: aws.String(c.place.ARN("ecs", "cluster/"+*in.ClusterName)),
	}}, nil
}

func (c *cluster) DeleteCluster(context.Context, *ecs.DeleteClusterInput) (*ecs.DeleteClusterOutput, error) {
	return &ecs.DeleteClusterOutput{}, nil
}

func (c *cluster) RegisterTaskDefinition(
	_ context.Context, in *ecs.RegisterTaskDefinitionInput,
) (*ecs.RegisterTaskDefinitionOutput, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.definitions = append(c.definitions, in)
	arn := c.place.ARN("ecs", fmt.Sprintf("task-definition/%s:%d", *in.Family, len(c.definitions)))
	return &ecs.RegisterTaskDefinitionOutput{TaskDefinition: &ecstypes.TaskDefinition{TaskDefinitionArn: &arn}}, nil
}

func (c *cluster) DeregisterTaskDefinition(
	context.Context, *ecs.DeregisterTaskDefinitionInput,
) (*ecs.DeregisterTaskDefinitionOutput, error) {
	return &ecs.DeregisterTaskDefinitionOutput{}, nil
}

func (c *cluster) CreateService(_ context.Context, in *ecs.CreateServiceInput) (*ecs.CreateServiceOutput, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.services == nil {
		c.services, c.since = make(map[string]*ecstypes.Service), make(map[string]time.Time)
	}
	arn := c.place.ARN("ecs", "service/"+*in.Cluster+"/"+*in.ServiceName)
	c.created = append(c.created, in)
	c.since[arn] = time.Now()
	c.services[arn] = &ecstypes.Service{
		ServiceArn: &arn, ServiceName: in.ServiceName, ClusterArn: aws.String(c.place.ARN("ecs", "cluster/"+*in.Cluster)),
		Status: aws.String("ACTIVE"), DesiredCount: *in.DesiredCount, DeploymentConfiguration: in.DeploymentConfiguration,
		Deployments: []ecstypes.Deployment{{
			Status: aws.String("PRIMARY"), DesiredCount: *in.DesiredCount, RolloutState: ecstypes.DeploymentRolloutStateInProgress,
		}},
	}
	described := *c.services[arn]
	return &ecs.CreateServiceOutput{Service: &described}, nil
}

func (c *cluster) UpdateService(_ context.Context, in *ecs.UpdateServiceInput) (*ecs.UpdateServiceOutput, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	service := c.services[*in.Service]
	if service == nil {
		return nil, &ecstypes.ServiceNotFoundException{Message: aws.String("Service not found.")}
	}
	if c.refuse != nil && in.TaskDefinition != nil {
		refused := c.refuse
		c.refuse = nil
		return nil, refused
	}
	if in.TaskDefinition != nil {
		c.updates++
	}
	service.DesiredCount = *in.DesiredCount
	service.Deployments[0].DesiredCount = *in.DesiredCount
	c.since[*in.Service] = time.Now()
	described := *service
	return &ecs.UpdateServiceOutput{Service: &described}, nil
}

func (c *cluster) DeleteService(_ context.Context, in *ecs.DeleteServiceInput) (*ecs.DeleteServiceOutput, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.services, *in.Service)
	return &ecs.DeleteServiceOutput{}, nil
}

func (c *cluster) DescribeServices(_ context.Context, in *ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	service := c.services[in.Services[0]]
	if service == nil {
		return &ecs.DescribeServicesOutput{Failures: []ecstypes.Failure{{Arn: &in.Services[0], Reason: aws.String("MISSING")}}}, nil
	}
	deployment := &service.Deployments[0]
	ripe := time.Since(c.since[in.Services[0]]) >= 30*time.Second
	switch {
	case service.DesiredCount == 0:
		service.RunningCount = 0
	case c.broken && ripe:
		deployment.RolloutState = ecstypes.DeploymentRolloutStateFailed
	case !c.never && ripe:
		service.RunningCount, deployment.RunningCount = service.DesiredCount, service.DesiredCount
		deployment.RolloutState = ecstypes.DeploymentRolloutStateCompleted
	}
	described := *service
	described.Deployments = slices.Clone(service.Deployments)
	return &ecs.DescribeServicesOutput{Services: []ecstypes.Service{described}}, nil
}

func (c *cluster) running() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.services)
}
