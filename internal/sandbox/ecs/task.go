package ecs

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"serin/internal/sandbox/clone"
)

// taskStatus is where a task is in its life (ECS developer guide, task lifecycle).
type taskStatus string

const (
	statusProvisioning   taskStatus = "PROVISIONING"
	statusPending        taskStatus = "PENDING"
	statusActivating     taskStatus = "ACTIVATING"
	statusRunning        taskStatus = "RUNNING"
	statusDeactivating   taskStatus = "DEACTIVATING"
	statusStopping       taskStatus = "STOPPING"
	statusDeprovisioning taskStatus = "DEPROVISIONING"
	statusStopped        taskStatus = "STOPPED"
)

// starting reports whether a task has yet to run.
func (t taskStatus) starting() bool {
	return t == statusProvisioning || t == statusPending || t == statusActivating
}

// How long a stopped task, and here a deleted service as well, can be described (ECS
// developer guide), and how many of them: a sandbox lives through more in an hour.
const (
	stoppedKept = time.Hour
	stoppedMost = 200
)

// task is one task. Its lifecycle is driven by one goroutine, Service.run; everything in
// it is guarded by Service.mu, except what never changes.
type task struct {
	id, arn    string
	cluster    *cluster
	definition *types.TaskDefinition
	request    taskRequest
	// workload and deployment are those of a service's task, nil for others.
	workload   *workload
	deployment *deployment

	// alive ends when the task is ordered to stop or the service is closed.
	alive  context.Context
	cancel context.CancelFunc
	// watchers are the goroutines that watch the task's containers.
	watchers sync.WaitGroup

	status     taskStatus
	order      *stopOrder
	ip         netip.Addr
	registered bool
	containers []*container
	version    int64
	// goodSince is since when the task has been running and healthy, zero when it is not.
	goodSince time.Time

	createdAt, pullStartedAt, pullStoppedAt, startedAt *time.Time
	stoppingAt, executionStoppedAt, stoppedAt          *time.Time
}

// taskRequest is what was asked of a task beside its definition.
type taskRequest struct {
	network   *types.NetworkConfiguration
	overrides *types.TaskOverride
	startedBy string
	group     string
	launch    types.LaunchType
}

// stopOrder is why a task stops. failure says that the task is to blame, so that it
// counts against its deployment.
type stopOrder struct {
	code    types.TaskStopCode
	reason  string
	failure bool
}

// container is one container of a task.
type container struct {
	definition types.ContainerDefinition
	status     taskStatus
	health     types.HealthStatus
	process    Process
	exitCode   *int32
	reason     *string
	runtimeID  string
	// news is closed and replaced at each change, for containers that depend on it.
	news chan struct{}
}

func (c *container) essential() bool { return *c.definition.Essential }

// changed tells the dependants of a container; Service.mu is held.
func (c *container) changed() {
	close(c.news)
	c.news = make(chan struct{})
}

// newTask makes a task of a cluster; s.mu is held.
func (s *Service) newTask(in *cluster, definition *types.TaskDefinition, request taskRequest) *task {
	alive, cancel := context.WithCancel(s.life)
	t := &task{
		id: hexadecimal(16), cluster: in, definition: definition, request: request,
		alive: alive, cancel: cancel, status: statusProvisioning, version: 1, createdAt: moment(),
	}
	t.arn = s.region.ARN("ecs", "task/"+in.name+"/"+t.id)
	for _, d := range definition.ContainerDefinitions {
		t.containers = append(t.containers, &container{
			definition: clone.Of(d), status: statusPending, health: types.HealthStatusUnknown, news: make(chan struct{}),
		})
	}
	return t
}

// start gives a new task to its goroutine; s.mu is held.
func (s *Service) start(t *task) {
	s.forgetStopped()
	s.tasks[t.id] = t
	s.goes(func() { s.run(t) })
	s.touch()
}

// forgetStopped drops the tasks that stopped and the services that became inactive
// longer than an hour ago, or before many others; s.mu is held.
func (s *Service) forgetStopped() {
	stopped, gone := map[string]time.Time{}, map[workloadKey]time.Time{}
	for id, t := range s.tasks {
		if t.stoppedAt != nil {
			stopped[id] = *t.stoppedAt
		}
	}
	for key, w := range s.workloads {
		if w.status == inactive {
			gone[key] = w.goneAt
		}
	}
	for _, id := range bygone(stopped) {
		delete(s.tags, s.tasks[id].arn)
		delete(s.tasks, id)
	}
	for _, key := range bygone(gone) {
		delete(s.tags, s.workloads[key].arn)
		delete(s.workloads, key)
	}
}

// bygone are those whose end is no longer remembered.
func bygone[K comparable](ends map[K]time.Time) []K {
	newestFirst := slices.SortedFunc(maps.Keys(ends), func(a, b K) int { return ends[b].Compare(ends[a]) })
	for i, key := range newestFirst {
		if i == stoppedMost || time.Since(ends[key]) > stoppedKept {
			return newestFirst[i:]
		}
	}
	return nil
}

// stop orders a task to stop; the first order counts. s.mu is held.
func (s *Service) stop(t *task, order stopOrder) {
	if t.order != nil || t.status == statusStopped {
		return
	}
	t.order, t.stoppingAt = &order, moment()
	t.goodSince = time.Time{}
	t.cancel()
	if t.workload != nil {
		if order.failure {
			s.failed(t)
		}
		t.workload.wakeUp()
	}
	t.version++
	s.touch()
}

// setStatus moves a task on in its life; s.mu is held.
func (s *Service) setStatus(t *task, to taskStatus) {
	t.status = to
	t.version++
	s.touch()
	if t.workload != nil {
		t.workload.wakeUp()
	}
}

func (t *task) container(name string) *container {
	at := slices.IndexFunc(t.containers, func(c *container) bool { return *c.definition.Name == name })
	return t.containers[at]
}

// processes are those that have been started.
func (t *task) processes() []Process {
	var all []Process
	for _, c := range t.containers {
		if c.process != nil {
			all = append(all, c.process)
		}
	}
	return all
}

// health is the task's health: that of its essential containers with health checks.
func (t *task) health() types.HealthStatus {
	health := types.HealthStatusUnknown
	for _, c := range t.containers {
		if !c.essential() || c.definition.HealthCheck == nil {
			continue
		}
		if c.health != types.HealthStatusHealthy {
			return c.health
		}
		health = types.HealthStatusHealthy
	}
	return health
}

// checked reports whether any essential container has a health check.
func (t *task) checked() bool {
	return slices.ContainsFunc(t.containers, func(c *container) bool {
		return c.essential() && c.definition.HealthCheck != nil
	})
}

// good reports whether a task runs and is healthy, as far as anybody checks.
func (t *task) good() bool {
	return t.status == statusRunning && t.order == nil && (!t.checked() || t.health() == types.HealthStatusHealthy)
}

// hostname is what the task calls itself in the VPC.
func (s *Service) hostname(t *task) string {
	return fmt.Sprintf("ip-%s.%s.compute.internal", strings.ReplaceAll(t.ip.String(), ".", "-"), s.region.Name)
}

// describeTask is a task as the API gives it; s.mu is held.
func (s *Service) describeTask(t *task, tagged bool) types.Task {
	out := types.Task{
		TaskArn: &t.arn, ClusterArn: &t.cluster.arn, TaskDefinitionArn: t.definition.TaskDefinitionArn,
		LastStatus: new(string(t.status)), DesiredStatus: new(string(types.DesiredStatusRunning)),
		HealthStatus: t.health(), LaunchType: t.request.launch, PlatformFamily: new("Linux"), PlatformVersion: new("1.4.0"),
		Cpu: t.definition.Cpu, Memory: t.definition.Memory, Group: &t.request.group, Version: t.version,
		AvailabilityZone: new(s.region.Name + "a"), Overrides: t.request.overrides,
		CreatedAt: t.createdAt, PullStartedAt: t.pullStartedAt, PullStoppedAt: t.pullStoppedAt, StartedAt: t.startedAt,
		StoppingAt: t.stoppingAt, ExecutionStoppedAt: t.executionStoppedAt, StoppedAt: t.stoppedAt,
		Attachments: []types.Attachment{s.attachment(t)},
	}
	if t.request.startedBy != "" {
		out.StartedBy = &t.request.startedBy
	}
	if t.ip.IsValid() {
		out.Connectivity, out.ConnectivityAt = types.ConnectivityConnected, t.createdAt
	}
	if t.order != nil {
		out.DesiredStatus = new(string(types.DesiredStatusStopped))
		out.StopCode, out.StoppedReason = t.order.code, &t.order.reason
	}
	for _, c := range t.containers {
		out.Containers = append(out.Containers, s.describeContainer(t, c))
	}
	if tagged {
		out.Tags = append([]types.Tag{}, s.tags[t.arn]...)
	}
	return clone.Of(out)
}

func (s *Service) describeContainer(t *task, c *container) types.Container {
	out := types.Container{
		ContainerArn: new(s.region.ARN("ecs", "container/"+t.cluster.name+"/"+t.id+"/"+*c.definition.Name)),
		TaskArn:      &t.arn, Name: c.definition.Name, Image: c.definition.Image,
		LastStatus: new(string(c.status)), HealthStatus: c.health, ExitCode: c.exitCode, Reason: c.reason,
		Cpu: new(fmt.Sprint(c.definition.Cpu)), NetworkBindings: []types.NetworkBinding{},
	}
	if c.runtimeID != "" {
		out.RuntimeId = &c.runtimeID
	}
	if t.ip.IsValid() {
		out.NetworkInterfaces = []types.NetworkInterface{{
			AttachmentId: new(attachmentID(t)), PrivateIpv4Address: new(t.ip.String()),
		}}
	}
	return out
}

func attachmentID(t *task) string {
	return fmt.Sprintf("%s-%s-%s-%s-%s", t.id[:8], t.id[8:12], t.id[12:16], t.id[16:20], t.id[20:])
}

// attachment is the task's network interface.
func (s *Service) attachment(t *task) types.Attachment {
	out := types.Attachment{
		Id: new(attachmentID(t)), Type: new("ElasticNetworkInterface"), Status: new("PRECREATED"),
	}
	detail := func(name, value string) {
		out.Details = append(out.Details, types.KeyValuePair{Name: &name, Value: &value})
	}
	if n := t.request.network; n != nil && n.AwsvpcConfiguration != nil && len(n.AwsvpcConfiguration.Subnets) > 0 {
		detail("subnetId", n.AwsvpcConfiguration.Subnets[0])
	}
	if t.ip.IsValid() {
		out.Status = new("ATTACHED")
		detail("networkInterfaceId", "eni-"+t.id[:17])
		detail("privateDnsName", s.hostname(t))
		detail("privateIPv4Address", t.ip.String())
	}
	if t.status == statusStopped {
		out.Status = new("DELETED")
	}
	return out
}

// override is what a task's request says of one of its containers.
func (t *task) override(name string) types.ContainerOverride {
	if t.request.overrides != nil {
		for _, o := range t.request.overrides.ContainerOverrides {
			if aws.ToString(o.Name) == name {
				return o
			}
		}
	}
	return types.ContainerOverride{}
}
