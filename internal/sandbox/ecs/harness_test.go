package ecs_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	discovery "github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	discoverytypes "github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"serin/internal/sandbox/cloudmap"
	"serin/internal/sandbox/ecs"
	"serin/internal/sandbox/region"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	_ ecs.Registry = (*cloudmap.Service)(nil)
	_ ecs.Runtime  = (*runtime)(nil)
	_ ecs.Process  = (*process)(nil)
)

// behaviour is what an image does. The zero value runs for ever and is always healthy.
type behaviour struct {
	pull, start error
	// lives is how long a process lives before it exits with code.
	lives time.Duration
	code  int
	// sickAfter is when its health check begins to fail, counted from its start; hangs
	// makes the check never answer.
	sickAfter time.Duration
	hangs     bool
}

// runtime is a Runtime whose images behave as they are told.
type runtime struct {
	mu      sync.Mutex
	images  map[string]behaviour
	started []string
	alive   int
	peak    int
	seen    ecs.Container
}

func (r *runtime) behaviour(image string) behaviour {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.images[image]
}

// last is the container that was started last.
func (r *runtime) last() ecs.Container {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen
}

// names are the containers that have been started, in turn.
func (r *runtime) names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.started)
}

// living are how many processes live now, and at most lived at once.
func (r *runtime) living() (now, most int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.alive, r.peak
}

func (r *runtime) Pull(_ context.Context, image string) error { return r.behaviour(image).pull }

func (r *runtime) Start(_ context.Context, c ecs.Container) (ecs.Process, error) {
	does := r.behaviour(c.Image)
	if does.start != nil {
		return nil, does.start
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.started = append(r.started, c.Name)
	r.seen = c
	r.alive++
	r.peak = max(r.peak, r.alive)
	p := &process{runtime: r, container: c, does: does, began: time.Now(), done: make(chan struct{})}
	if does.lives > 0 {
		p.timer = time.AfterFunc(does.lives, func() { p.exit(does.code, "it ended") })
	}
	return p, nil
}

type process struct {
	runtime   *runtime
	container ecs.Container
	does      behaviour
	began     time.Time
	timer     *time.Timer
	once      sync.Once
	done      chan struct{}
	code      int
	reason    string
}

func (p *process) exit(code int, reason string) {
	p.once.Do(func() {
		p.runtime.mu.Lock()
		p.runtime.alive--
		p.runtime.mu.Unlock()
		p.code, p.reason = code, reason
		close(p.done)
	})
}

func (p *process) Address(port int) (string, bool) {
	if !slices.Contains(p.container.Ports, port) {
		return "", false
	}
	return fmt.Sprintf("%s:%d", p.container.TaskID, port), true
}

func (p *process) Exec(ctx context.Context, _ []string) error {
	if p.does.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	if p.does.sickAfter > 0 && time.Since(p.began) >= p.does.sickAfter {
		return errors.New("exit status 1")
	}
	return nil
}

func (p *process) Done() <-chan struct{} { return p.done }
func (p *process) ExitCode() int         { return p.code }
func (p *process) Reason() string        { return p.reason }

func (p *process) Stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
	p.exit(143, "")
}

// fixture is an ECS with a cluster, a Cloud Map service and the task definitions that
// tests register, in virtual time.
type fixture struct {
	*ecs.Service
	t        *testing.T
	runtime  *runtime
	cloudMap *cloudmap.Service
	registry string
	pace     region.Pace
}

const (
	clusterName = "blue"
	serviceName = "app-1"
)

func newFixture(t *testing.T, images map[string]behaviour) *fixture {
	t.Helper()
	in := region.Region{Account: "123456789012", Name: "us-west-2", Network: region.Loopback{}, Pace: region.At(1)}
	f := &fixture{t: t, pace: in.Pace, runtime: &runtime{images: images}, cloudMap: cloudmap.New(in)}
	f.Service = ecs.New(in, f.runtime, f.cloudMap)
	t.Cleanup(f.cloudMap.Close)
	t.Cleanup(f.Close)
	made, err := f.cloudMap.CreateHttpNamespace(t.Context(), &discovery.CreateHttpNamespaceInput{Name: new("local")})
	must(t, err)
	time.Sleep(time.Minute)
	op, err := f.cloudMap.GetOperation(t.Context(), &discovery.GetOperationInput{OperationId: made.OperationId})
	must(t, err)
	registry, err := f.cloudMap.CreateService(t.Context(), &discovery.CreateServiceInput{
		Name: new(serviceName), NamespaceId: new(op.Operation.Targets["NAMESPACE"]),
		HealthCheckCustomConfig: &discoverytypes.HealthCheckCustomConfig{},
	})
	must(t, err)
	f.registry = *registry.Service.Arn
	_, err = f.CreateCluster(t.Context(), &sdk.CreateClusterInput{ClusterName: new(clusterName)})
	must(t, err)
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, err error, code, text string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), text) {
		t.Errorf("got %v, want %s with %q", err, code, text)
	}
}

// app is a task definition of one container that listens on 4567, with a health check.
func app(image string) *sdk.RegisterTaskDefinitionInput {
	return &sdk.RegisterTaskDefinitionInput{
		Family: new("app"), Cpu: new("256"), Memory: new("512"), NetworkMode: types.NetworkModeAwsvpc,
		RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate},
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: new("app"), Image: &image,
			PortMappings: []types.PortMapping{{ContainerPort: new(int32(4567))}},
			Environment:  []types.KeyValuePair{{Name: new("MODE"), Value: new("test")}},
			HealthCheck: &types.HealthCheck{
				Command: []string{"CMD-SHELL", "curl localhost:4567"}, Interval: new(int32(5)), Timeout: new(int32(2)), Retries: new(int32(3)),
			},
		}},
	}
}

// unchecked is a task definition like app, but without a health check.
func unchecked(image string) *sdk.RegisterTaskDefinitionInput {
	in := app(image)
	in.ContainerDefinitions[0].HealthCheck = nil
	return in
}

func (f *fixture) define(in *sdk.RegisterTaskDefinitionInput) string {
	f.t.Helper()
	out, err := f.RegisterTaskDefinition(f.t.Context(), in)
	must(f.t, err)
	return *out.TaskDefinition.TaskDefinitionArn
}

func (f *fixture) creation(definition string, desired int32) *sdk.CreateServiceInput {
	return &sdk.CreateServiceInput{
		Cluster: new(clusterName), ServiceName: new(serviceName), TaskDefinition: &definition, DesiredCount: &desired,
		LaunchType: types.LaunchTypeFargate,
		NetworkConfiguration: &types.NetworkConfiguration{
			AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{"subnet-1"}},
		},
		ServiceRegistries: []types.ServiceRegistry{{RegistryArn: &f.registry}},
	}
}

func (f *fixture) create(in *sdk.CreateServiceInput) {
	f.t.Helper()
	_, err := f.CreateService(f.t.Context(), in)
	must(f.t, err)
}

func (f *fixture) update(in sdk.UpdateServiceInput) {
	f.t.Helper()
	in.Cluster, in.Service = new(clusterName), new(serviceName)
	_, err := f.UpdateService(f.t.Context(), &in)
	must(f.t, err)
}

func breaker(rollback bool) *types.DeploymentConfiguration {
	return &types.DeploymentConfiguration{
		DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{Enable: true, Rollback: rollback},
	}
}

func (f *fixture) service() types.Service {
	f.t.Helper()
	out, err := f.DescribeServices(f.t.Context(), &sdk.DescribeServicesInput{
		Cluster: new(clusterName), Services: []string{serviceName},
	})
	must(f.t, err)
	if len(out.Services) != 1 {
		f.t.Fatalf("described %+v", out)
	}
	return out.Services[0]
}

// tasks are the service's tasks of a desired status, described.
func (f *fixture) tasks(desired types.DesiredStatus) []types.Task {
	f.t.Helper()
	listed, err := f.ListTasks(f.t.Context(), &sdk.ListTasksInput{
		Cluster: new(clusterName), ServiceName: new(serviceName), DesiredStatus: desired,
	})
	must(f.t, err)
	if len(listed.TaskArns) == 0 {
		return nil
	}
	out, err := f.DescribeTasks(f.t.Context(), &sdk.DescribeTasksInput{Cluster: new(clusterName), Tasks: listed.TaskArns})
	must(f.t, err)
	return out.Tasks
}

// eventually waits, in virtual time, until a condition holds, and fails after a limit.
func (f *fixture) eventually(limit time.Duration, what string, holds func() bool) {
	f.t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for {
		changed := f.Changed()
		if holds() {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			f.t.Fatalf("after %v: not %s; events: %s", limit, what, strings.Join(f.events(), "\n"))
		}
	}
}

func (f *fixture) events() []string {
	f.t.Helper()
	var messages []string
	for _, e := range f.service().Events {
		messages = append(messages, *e.Message)
	}
	return messages
}

func (f *fixture) told(text string) bool {
	f.t.Helper()
	for _, message := range f.events() {
		if strings.Contains(message, text) {
			return true
		}
	}
	return false
}

func (f *fixture) steady() {
	f.t.Helper()
	f.eventually(10*time.Minute, "steady", func() bool {
		service := f.service()
		return len(service.Deployments) == 1 && service.Deployments[0].RolloutState == types.DeploymentRolloutStateCompleted &&
			service.RunningCount == service.DesiredCount
	})
}

func (f *fixture) instances() []cloudmap.Instance { return f.cloudMap.Instances("local", serviceName) }

// settle lets every goroutine do what it can do now.
func settle() { synctest.Wait() }
