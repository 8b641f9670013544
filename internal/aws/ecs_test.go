package aws

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	names "github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"serin/internal/engine"
)

// clusterFake is a cluster; its tasks are listed by the service in their Group.
type clusterFake struct {
	services    []types.Service
	tasks       []types.Task
	definitions map[string]*types.TaskDefinition
	failures    []types.Failure
	listSize    int
	fail        map[string]error
	mu          sync.Mutex
	calls       map[string]int
	largest     map[string]int
}

var _ TaskAPI = (*clusterFake)(nil)

func (c *clusterFake) called(operation string, size int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil {
		c.calls, c.largest = map[string]int{}, map[string]int{}
	}
	c.calls[operation]++
	c.largest[operation] = max(c.largest[operation], size)
	return c.fail[operation]
}

func (c *clusterFake) DescribeServices(_ context.Context, in *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	if err := c.called("DescribeServices", len(in.Services)); err != nil {
		return nil, err
	}
	out := &ecs.DescribeServicesOutput{Failures: c.failures}
	for _, name := range in.Services {
		at := slices.IndexFunc(c.services, func(service types.Service) bool { return *service.ServiceName == name })
		if at < 0 {
			out.Failures = append(out.Failures, types.Failure{Arn: &name, Reason: aws.String("MISSING")})
			continue
		}
		out.Services = append(out.Services, c.services[at])
	}
	return out, nil
}

func (c *clusterFake) ListTasks(_ context.Context, in *ecs.ListTasksInput, _ ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	if err := c.called("ListTasks", 0); err != nil {
		return nil, err
	}
	var arns []string
	for _, task := range c.tasks {
		if *task.Group == "service:"+*in.ServiceName && *task.DesiredStatus == string(in.DesiredStatus) {
			arns = append(arns, *task.TaskArn)
		}
	}
	begin := 0
	if in.NextToken != nil {
		_, _ = fmt.Sscan(*in.NextToken, &begin)
	}
	size := max(c.listSize, 1)
	if c.listSize == 0 {
		size = 100
	}
	end := min(begin+size, len(arns))
	out := &ecs.ListTasksOutput{TaskArns: arns[begin:end]}
	if end < len(arns) {
		out.NextToken = aws.String(fmt.Sprint(end))
	}
	return out, nil
}

func (c *clusterFake) DescribeTasks(_ context.Context, in *ecs.DescribeTasksInput, _ ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	if err := c.called("DescribeTasks", len(in.Tasks)); err != nil {
		return nil, err
	}
	out := &ecs.DescribeTasksOutput{}
	for _, arn := range in.Tasks {
		at := slices.IndexFunc(c.tasks, func(task types.Task) bool { return *task.TaskArn == arn })
		if at < 0 {
			out.Failures = append(out.Failures, types.Failure{Arn: &arn, Reason: aws.String("MISSING")})
			continue
		}
		out.Tasks = append(out.Tasks, c.tasks[at])
	}
	return out, nil
}

func (c *clusterFake) DescribeTaskDefinition(_ context.Context, in *ecs.DescribeTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	if err := c.called("DescribeTaskDefinition", 0); err != nil {
		return nil, err
	}
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: c.definitions[*in.TaskDefinition]}, nil
}

// instancesFake are the registrations in Cloud Map: status by task.
type instancesFake struct {
	status map[string]names.HealthStatus
	err    error
	asked  []*servicediscovery.DiscoverInstancesInput
}

var _ InstanceAPI = (*instancesFake)(nil)

func (i *instancesFake) DiscoverInstances(_ context.Context, in *servicediscovery.DiscoverInstancesInput, _ ...func(*servicediscovery.Options)) (*servicediscovery.DiscoverInstancesOutput, error) {
	i.asked = append(i.asked, in)
	if i.err != nil {
		return nil, i.err
	}
	out := &servicediscovery.DiscoverInstancesOutput{}
	for id, status := range i.status {
		out.Instances = append(out.Instances, names.HttpInstanceSummary{InstanceId: &id, HealthStatus: status})
	}
	return out, nil
}

func ecsService(sha string, desired int32) types.Service {
	return types.Service{
		ServiceName: aws.String("yelb-appserver-" + sha), Status: aws.String("ACTIVE"), DesiredCount: desired,
	}
}

func registered(service types.Service) types.Service {
	service.ServiceRegistries = []types.ServiceRegistry{{RegistryArn: aws.String("arn:aws:servicediscovery:us-west-2:1:service/srv-1")}}
	return service
}

func task(sha, id string, health types.HealthStatus) types.Task {
	return types.Task{
		TaskArn: aws.String("arn:aws:ecs:us-west-2:123456789012:task/ecs-blogpost/" + id), Group: aws.String("service:yelb-appserver-" + sha),
		DesiredStatus: aws.String("RUNNING"), LastStatus: aws.String("RUNNING"), HealthStatus: health,
		TaskDefinitionArn: aws.String("definition:1"),
	}
}

func stopped(sha, id string, at int, reason string, containers ...types.Container) types.Task {
	stopped := task(sha, id, types.HealthStatusUnknown)
	stopped.DesiredStatus, stopped.LastStatus = aws.String("STOPPED"), aws.String("STOPPED")
	stopped.StoppedAt, stopped.StoppedReason, stopped.Containers = aws.Time(minute(at)), aws.String(reason), containers
	return stopped
}

func definition(checked bool) map[string]*types.TaskDefinition {
	containers := []types.ContainerDefinition{{Name: aws.String("app")}, {Name: aws.String("xray"), Essential: aws.Bool(false), HealthCheck: &types.HealthCheck{}}}
	if checked {
		containers = append(containers, types.ContainerDefinition{Name: aws.String("envoy"), HealthCheck: &types.HealthCheck{}})
	}
	return map[string]*types.TaskDefinition{"definition:1": {ContainerDefinitions: containers}}
}

func TestHealthCountsTasks(t *testing.T) {
	const healthy, unhealthy, unknown = types.HealthStatusHealthy, types.HealthStatusUnhealthy, types.HealthStatusUnknown
	starting := task("aaaa", "t3", healthy)
	starting.LastStatus = aws.String("PENDING")
	stopping := task("aaaa", "t4", healthy)
	stopping.DesiredStatus = aws.String("STOPPED")
	for name, c := range map[string]struct {
		service          types.Service
		tasks            []types.Task
		checked          bool
		instances        map[string]names.HealthStatus
		running, healthy int
		asked            int
	}{
		"healthy":                        {ecsService("aaaa", 2), []types.Task{task("aaaa", "t1", healthy), task("aaaa", "t2", healthy)}, true, nil, 2, 2, 0},
		"one is not":                     {ecsService("aaaa", 2), []types.Task{task("aaaa", "t1", healthy), task("aaaa", "t2", unhealthy)}, true, nil, 2, 1, 0},
		"not checked yet":                {ecsService("aaaa", 1), []types.Task{task("aaaa", "t1", unknown)}, true, nil, 1, 0, 0},
		"without a check":                {ecsService("aaaa", 1), []types.Task{task("aaaa", "t1", unknown)}, false, nil, 1, 1, 0},
		"starting and stopping":          {ecsService("aaaa", 2), []types.Task{starting, stopping}, true, nil, 0, 0, 0},
		"no tasks":                       {ecsService("aaaa", 2), nil, true, nil, 0, 0, 0},
		"registered":                     {registered(ecsService("aaaa", 1)), []types.Task{task("aaaa", "t1", healthy)}, true, map[string]names.HealthStatus{"t1": "HEALTHY"}, 1, 1, 1},
		"registered without a status":    {registered(ecsService("aaaa", 1)), []types.Task{task("aaaa", "t1", healthy)}, true, map[string]names.HealthStatus{"t1": ""}, 1, 1, 1},
		"not registered yet":             {registered(ecsService("aaaa", 1)), []types.Task{task("aaaa", "t1", healthy)}, true, nil, 1, 0, 1},
		"unhealthy in Cloud Map":         {registered(ecsService("aaaa", 1)), []types.Task{task("aaaa", "t1", healthy)}, true, map[string]names.HealthStatus{"t1": "UNHEALTHY"}, 1, 0, 1},
		"another task is registered":     {registered(ecsService("aaaa", 1)), []types.Task{task("aaaa", "t1", healthy)}, true, map[string]names.HealthStatus{"t0": "HEALTHY"}, 1, 0, 1},
		"nothing to ask Cloud Map about": {registered(ecsService("aaaa", 1)), []types.Task{task("aaaa", "t1", unhealthy)}, true, nil, 1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := &clusterFake{services: []types.Service{c.service}, tasks: c.tasks, definitions: definition(c.checked)}
			instances := &instancesFake{status: c.instances}
			health, err := NewTasks(cluster, instances, here()).Health(t.Context(), appserver(), []string{"aaaa"})
			if err != nil {
				t.Fatal(err)
			}
			got := health[0]
			if !got.Exists || got.Desired != int(c.service.DesiredCount) || got.Running != c.running || got.Healthy != c.healthy || got.ReadAt.IsZero() {
				t.Errorf("%+v", got)
			}
			if len(instances.asked) != c.asked {
				t.Errorf("Cloud Map was asked %d times", len(instances.asked))
			}
			if c.asked > 0 && (*instances.asked[0].NamespaceName != "yelb.local" || *instances.asked[0].ServiceName != "yelb-appserver-aaaa") {
				t.Errorf("asked for %+v", instances.asked[0])
			}
			if waiting := c.asked > 0 && c.healthy == 0; waiting != slices.ContainsFunc(got.Messages, func(message string) bool {
				return strings.Contains(message, "not yet healthy in Cloud Map")
			}) {
				t.Errorf("messages %q", got.Messages)
			}
		})
	}
}

func TestHealthOfVersionsInTheirOrder(t *testing.T) {
	drained := ecsService("cccc", 1)
	drained.Status = aws.String("INACTIVE")
	cluster := &clusterFake{
		services: []types.Service{ecsService("bbbb", 1), ecsService("aaaa", 1), drained},
		tasks:    []types.Task{task("bbbb", "t1", types.HealthStatusHealthy)},
	}
	health, err := NewTasks(cluster, &instancesFake{}, here()).Health(t.Context(), appserver(), []string{"aaaa", "zzzz", "bbbb", "cccc", "aaaa"})
	if err != nil {
		t.Fatal(err)
	}
	type brief struct {
		sha     string
		exists  bool
		healthy int
	}
	var got []brief
	for _, one := range health {
		got = append(got, brief{one.Sha, one.Exists, one.Healthy})
	}
	if want := []brief{{"aaaa", true, 0}, {"zzzz", false, 0}, {"bbbb", true, 1}, {"cccc", false, 0}, {"aaaa", true, 0}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestHealthAsksInBatches(t *testing.T) {
	cluster := &clusterFake{definitions: definition(false), listSize: 40}
	var shas []string
	for i := range 21 {
		sha := fmt.Sprintf("s%02d", i)
		shas = append(shas, sha)
		cluster.services = append(cluster.services, ecsService(sha, 12))
		for n := range 12 {
			cluster.tasks = append(cluster.tasks, task(sha, fmt.Sprintf("%s-%d", sha, n), types.HealthStatusUnknown))
		}
	}
	for n := range 90 {
		cluster.tasks = append(cluster.tasks, task("s00", fmt.Sprintf("more-%d", n), types.HealthStatusUnknown))
	}
	tasks := NewTasks(cluster, &instancesFake{}, here())
	for range 2 {
		health, err := tasks.Health(t.Context(), appserver(), shas)
		if err != nil {
			t.Fatal(err)
		}
		if health[0].Healthy != 102 || health[20].Healthy != 12 {
			t.Errorf("%d and %d are healthy", health[0].Healthy, health[20].Healthy)
		}
	}
	if cluster.calls["DescribeServices"] != 6 || cluster.largest["DescribeServices"] != 10 ||
		cluster.calls["DescribeTasks"] != 8 || cluster.largest["DescribeTasks"] != 100 || cluster.calls["DescribeTaskDefinition"] != 1 {
		t.Errorf("%v, at most %v", cluster.calls, cluster.largest)
	}
}

func TestStopsSayWhy(t *testing.T) {
	container := func(name, reason string, code int32) types.Container {
		out := types.Container{Name: &name}
		if reason != "" {
			out.Reason = &reason
		}
		if code >= 0 {
			out.ExitCode = &code
		}
		return out
	}
	unhealthy := container("envoy", "", 137)
	unhealthy.HealthStatus = types.HealthStatusUnhealthy
	coded := stopped("aaaa", "x", 9, "")
	coded.StopCode = types.TaskStopCodeUserInitiated
	cluster := &clusterFake{services: []types.Service{ecsService("aaaa", 1)}, tasks: []types.Task{
		stopped("aaaa", "x", 1, "Essential container in task exited", container("app", "", 1), container("envoy", "", 0), container("xray", "", 143)),
		stopped("aaaa", "x", 3, "Task failed to start", container("app", "CannotPullContainerError: \x1b[31mnot found", -1)),
		stopped("aaaa", "x", 2, "Essential container in task exited.", container("app", "OutOfMemoryError: killed", 137)),
		stopped("aaaa", "x", 4, "Task failed container health checks", unhealthy),
		stopped("aaaa", "x", 5, ""), stopped("aaaa", "x", 6, "Scaling activity initiated by (deployment 1)", container("app", "", 0)), coded,
	}}
	for i, code := range []types.TaskStopCode{
		types.TaskStopCodeEssentialContainerExited, types.TaskStopCodeTaskFailedToStart, types.TaskStopCodeEssentialContainerExited,
		types.TaskStopCodeServiceSchedulerInitiated, "", types.TaskStopCodeServiceSchedulerInitiated, types.TaskStopCodeUserInitiated,
	} {
		cluster.tasks[i].TaskArn = aws.String(fmt.Sprintf("arn:aws:ecs:us-west-2:1:task/ecs-blogpost/task%d", i))
		cluster.tasks[i].StopCode = code
	}
	health, err := NewTasks(cluster, &instancesFake{}, here()).Health(t.Context(), appserver(), []string{"aaaa"})
	if err != nil {
		t.Fatal(err)
	}
	want := []engine.TaskStop{
		{Task: "task6", At: minute(9), Reason: "UserInitiated"},
		{Task: "task5", At: minute(6), Reason: "Scaling activity initiated by (deployment 1)"},
		{Task: "task4", At: minute(5), Reason: "ECS gave no reason"},
		{Task: "task3", At: minute(4), Reason: "Task failed container health checks: envoy failed its health check", Failed: true},
		{Task: "task1", At: minute(3), Reason: "Task failed to start: app did not start: CannotPullContainerError: [31mnot found", Failed: true},
		{Task: "task2", At: minute(2), Reason: "Essential container in task exited: app exited with code 137 (OutOfMemoryError: killed)", Failed: true},
		{Task: "task0", At: minute(1), Reason: "Essential container in task exited: app exited with code 1", Failed: true},
	}
	if !reflect.DeepEqual(health[0].Stops, want) {
		t.Errorf("got  %+v\nwant %+v", health[0].Stops, want)
	}
	for n := range 20 {
		cluster.tasks = append(cluster.tasks, stopped("aaaa", fmt.Sprint("more", n), 20+n, "x"))
	}
	health, err = NewTasks(cluster, &instancesFake{}, here()).Health(t.Context(), appserver(), []string{"aaaa"})
	if err != nil || len(health[0].Stops) != stopsTold || health[0].Stops[0].Task != "more19" {
		t.Errorf("%d stops, %v", len(health[0].Stops), err)
	}
}

func TestMessagesAreTheLastEvents(t *testing.T) {
	service := ecsService("aaaa", 1)
	for n := range 15 {
		service.Events = append(service.Events, types.ServiceEvent{Message: aws.String(fmt.Sprintf("event\x07 %d", n))})
	}
	health, err := NewTasks(&clusterFake{services: []types.Service{service}}, &instancesFake{}, here()).Health(t.Context(), appserver(), []string{"aaaa"})
	if err != nil || len(health[0].Messages) != messagesTold || health[0].Messages[0] != "event 0" {
		t.Errorf("%q, %v", health[0].Messages, err)
	}
}

func TestWhatTheEnvironmentDoesNotHave(t *testing.T) {
	health := func(cluster *clusterFake, instances *instancesFake) error {
		_, err := NewTasks(cluster, instances, here()).Health(t.Context(), appserver(), []string{"aaaa"})
		return err
	}
	err := health(&clusterFake{fail: map[string]error{"DescribeServices": said("ECS", "DescribeServices", 400, "ClusterNotFoundException", "x")}}, nil)
	wantFault(t, err, engine.NotFound, "environment ecs-blogpost has no ECS cluster in us-west-2")
	err = health(&clusterFake{failures: []types.Failure{{Arn: aws.String("service/x"), Reason: aws.String("ACCESS"), Detail: aws.String("later")}}}, nil)
	wantFault(t, err, engine.Transient, "ECS says ACCESS of x later")
	cluster := &clusterFake{services: []types.Service{registered(ecsService("aaaa", 1))}, tasks: []types.Task{task("aaaa", "t1", types.HealthStatusHealthy)}}
	err = health(cluster, &instancesFake{err: said("ServiceDiscovery", "DiscoverInstances", 400, "NamespaceNotFound", "x")})
	wantFault(t, err, engine.NotFound, "no Cloud Map namespace yelb.local")
	if err = health(cluster, &instancesFake{err: said("ServiceDiscovery", "DiscoverInstances", 400, "ServiceNotFound", "x")}); err != nil {
		t.Errorf("no Cloud Map service: %v", err)
	}
	cluster.fail = map[string]error{"ListTasks": said("ECS", "ListTasks", 400, "ServiceNotFoundException", "gone meanwhile")}
	if err = health(cluster, &instancesFake{}); err != nil {
		t.Errorf("gone meanwhile: %v", err)
	}
}

func TestTaskTroubles(t *testing.T) {
	for _, operation := range []string{"DescribeServices", "ListTasks", "DescribeTasks", "DescribeTaskDefinition"} {
		t.Run(operation, func(t *testing.T) {
			testTroubles(t, "ECS", operation, func(failure error) error {
				cluster := &clusterFake{
					services: []types.Service{ecsService("aaaa", 1)}, tasks: []types.Task{task("aaaa", "t1", types.HealthStatusUnknown)},
					fail: map[string]error{operation: failure},
				}
				_, err := NewTasks(cluster, &instancesFake{}, here()).Health(t.Context(), appserver(), []string{"aaaa"})
				return err
			})
		})
	}
	t.Run("DiscoverInstances", func(t *testing.T) {
		testTroubles(t, "ServiceDiscovery", "DiscoverInstances", func(failure error) error {
			cluster := &clusterFake{services: []types.Service{registered(ecsService("aaaa", 1))}, tasks: []types.Task{task("aaaa", "t1", types.HealthStatusHealthy)}}
			_, err := NewTasks(cluster, &instancesFake{err: failure}, here()).Health(t.Context(), appserver(), []string{"aaaa"})
			return err
		})
	})
}
