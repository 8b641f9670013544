package aws

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"serin/internal/engine"
)

// TaskAPI is what Tasks need of ECS.
type TaskAPI interface {
	DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error)
	ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error)
	DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
	DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
}

// Tasks are the tasks of versions on ECS, and their registrations in Cloud Map. The ECS
// service of a version is <service>-<sha> in the cluster of the environment.
type Tasks struct {
	api    TaskAPI
	where  Where
	names  *registrations
	checks *healthChecks
}

var (
	_ engine.Tasks = (*Tasks)(nil)
	_ TaskAPI      = (*ecs.Client)(nil)
)

// NewTasks are the tasks of one account and region.
func NewTasks(api TaskAPI, names InstanceAPI, where Where) *Tasks {
	return &Tasks{
		api: api, where: where,
		names:  &registrations{api: names, where: where},
		checks: newHealthChecks(api),
	}
}

// Limits of one request (API references of DescribeServices and DescribeTasks), and how
// much of the past is told.
const (
	servicesPerRequest = 10
	tasksPerRequest    = 100
	stopsTold          = 10
	messagesTold       = 10
)

// Health reads the tasks of versions; see engine.Tasks.
func (t *Tasks) Health(ctx context.Context, service engine.Service, shas []string) ([]engine.TaskHealth, error) {
	all, err := t.HealthOf(ctx, map[engine.Service][]string{service: shas})
	return all[service], err
}

// HealthOf reads the tasks of versions of many services, in the order of their shas, with
// the requests of one where they fit: ten ECS services and a hundred tasks a request. It
// fails as a whole. It is safe for concurrent use.
func (t *Tasks) HealthOf(ctx context.Context, versions map[engine.Service][]string) (map[engine.Service][]engine.TaskHealth, error) {
	clusters := map[string]*cluster{}
	byName := func(a, b engine.Service) int { return cmp.Compare(a.Name, b.Name) }
	for _, service := range slices.SortedFunc(maps.Keys(versions), byName) {
		if clusters[service.Environment] == nil {
			clusters[service.Environment] = &cluster{name: service.Environment}
		}
		clusters[service.Environment].add(service, versions[service])
	}
	all := make(map[engine.Service][]engine.TaskHealth, len(versions))
	for _, name := range slices.Sorted(maps.Keys(clusters)) {
		read := clusters[name]
		services, err := t.services(ctx, read)
		if err != nil {
			return nil, err
		}
		tasks, err := t.tasks(ctx, read, services)
		if err != nil {
			return nil, err
		}
		for _, service := range read.services {
			if all[service], err = t.healthOf(ctx, service, versions[service], services, tasks); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// cluster is what is read of one cluster: services, and the names of their versions.
type cluster struct {
	name            string
	services        []engine.Service
	names, versions []string
}

func (c *cluster) add(service engine.Service, shas []string) {
	c.services, c.names = append(c.services, service), append(c.names, service.Name)
	for _, sha := range shas {
		c.versions = append(c.versions, service.VersionName(sha))
	}
}

// target is what is read, in words.
func (c *cluster) target() string {
	return "the tasks of " + strings.Join(c.names, ", ") + " in cluster " + c.name
}

func (t *Tasks) healthOf(
	ctx context.Context, service engine.Service, shas []string, services map[string]types.Service, tasks map[string][]types.Task,
) ([]engine.TaskHealth, error) {
	health := make([]engine.TaskHealth, len(shas))
	var err error
	for i, sha := range shas {
		health[i] = engine.TaskHealth{Sha: sha}
		found, there := services[service.VersionName(sha)]
		if there {
			health[i], err = t.health(ctx, service, sha, found, tasks[service.VersionName(sha)])
		}
		if err != nil {
			return nil, err
		}
		health[i].ReadAt = time.Now()
	}
	return health, nil
}

// services reads the active ECS services of versions, by name.
func (t *Tasks) services(ctx context.Context, in *cluster) (map[string]types.Service, error) {
	active := make(map[string]types.Service, len(in.versions))
	for part := range slices.Chunk(unique(in.versions), servicesPerRequest) {
		out, err := t.api.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &in.name, Services: part})
		if hasCode(err, "ClusterNotFoundException") {
			return nil, refuse("read", in.target(), engine.NotFound,
				"check EnvironmentName, the account and the region",
				"environment %s has no ECS cluster in %s", in.name, t.where.Region)
		}
		if err != nil {
			return nil, t.where.fault(ctx, "read", in.target(), err)
		}
		if err := t.failures(in, out.Failures); err != nil {
			return nil, err
		}
		for _, found := range out.Services {
			if awssdk.ToString(found.Status) == "ACTIVE" {
				active[awssdk.ToString(found.ServiceName)] = found
			}
		}
	}
	return active, nil
}

// failures refuses a part of an answer that failed for another reason than that the
// thing is not there.
func (t *Tasks) failures(in *cluster, failures []types.Failure) error {
	for _, failure := range failures {
		if reason := text(failure.Reason); reason != "MISSING" {
			return refuse("read", in.target(), engine.Transient, "",
				"ECS says %s of %s %s", reason, lastPart(text(failure.Arn)), text(failure.Detail))
		}
	}
	return nil
}

// tasks reads the running and the stopped tasks of services, by the service's name. The
// tasks of all of them share requests.
func (t *Tasks) tasks(ctx context.Context, in *cluster, services map[string]types.Service) (map[string][]types.Task, error) {
	owner := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(services)) {
		for _, desired := range []types.DesiredStatus{types.DesiredStatusRunning, types.DesiredStatusStopped} {
			arns, err := t.list(ctx, in.name, name, desired)
			if hasCode(err, "ServiceNotFoundException", "ServiceNotActiveException") {
				continue
			}
			if err != nil {
				return nil, t.where.fault(ctx, "read", in.target(), err)
			}
			for _, arn := range arns {
				owner[arn] = name
			}
		}
	}
	tasks := make(map[string][]types.Task, len(services))
	for part := range slices.Chunk(slices.Sorted(maps.Keys(owner)), tasksPerRequest) {
		out, err := t.api.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &in.name, Tasks: part})
		if err != nil {
			return nil, t.where.fault(ctx, "read", in.target(), err)
		}
		if err := t.failures(in, out.Failures); err != nil {
			return nil, err
		}
		for _, task := range out.Tasks {
			name := owner[awssdk.ToString(task.TaskArn)]
			tasks[name] = append(tasks[name], task)
		}
	}
	return tasks, nil
}

func (t *Tasks) list(ctx context.Context, cluster, name string, desired types.DesiredStatus) ([]string, error) {
	var arns []string
	input := &ecs.ListTasksInput{Cluster: &cluster, ServiceName: &name, DesiredStatus: desired}
	pages := newPages()
	for {
		out, err := t.api.ListTasks(ctx, input)
		if err != nil {
			return nil, err
		}
		arns = append(arns, out.TaskArns...)
		if awssdk.ToString(out.NextToken) == "" {
			return arns, nil
		}
		if err := pages.next(*out.NextToken); err != nil {
			return nil, err
		}
		input.NextToken = out.NextToken
	}
}

// health is the health of one version, of what was read of it.
func (t *Tasks) health(
	ctx context.Context, service engine.Service, sha string, found types.Service, tasks []types.Task,
) (engine.TaskHealth, error) {
	health := engine.TaskHealth{
		Sha: sha, Exists: true, Desired: int(found.DesiredCount),
		Stops: stopsOf(tasks), Messages: messages(found.Events),
	}
	var healthy []string
	for _, task := range tasks {
		if awssdk.ToString(task.LastStatus) != "RUNNING" || awssdk.ToString(task.DesiredStatus) == "STOPPED" {
			continue
		}
		health.Running++
		passes, err := t.passes(ctx, task)
		if err != nil {
			return engine.TaskHealth{}, t.where.fault(ctx, "read", "the tasks of "+service.Name+" in cluster "+service.Environment, err)
		}
		if passes {
			healthy = append(healthy, lastPart(awssdk.ToString(task.TaskArn)))
		}
	}
	health.Healthy = len(healthy)
	if len(found.ServiceRegistries) == 0 || len(healthy) == 0 {
		return health, nil
	}
	registered, err := t.names.healthy(ctx, service, sha)
	if err != nil {
		return engine.TaskHealth{}, err
	}
	health.Healthy = countIn(healthy, registered)
	if waiting := len(healthy) - health.Healthy; waiting > 0 {
		health.Messages = append([]string{unregistered(service.VersionName(sha), waiting)}, health.Messages...)
	}
	return health, nil
}

// passes tells whether a running task counts as healthy: its checks pass, or nothing
// that it cannot do without has one. ECS says UNKNOWN of both a task without checks and
// one whose checks are not done.
func (t *Tasks) passes(ctx context.Context, task types.Task) (bool, error) {
	switch task.HealthStatus {
	case types.HealthStatusHealthy:
		return true, nil
	case types.HealthStatusUnhealthy:
		return false, nil
	default:
		checked, err := t.checks.has(ctx, awssdk.ToString(task.TaskDefinitionArn))
		return !checked, err
	}
}

// messages are the last events of a service, newest first as ECS has them.
func messages(events []types.ServiceEvent) []string {
	var out []string
	for _, event := range events[:min(len(events), messagesTold)] {
		out = append(out, text(event.Message))
	}
	return out
}

// lastPart is what comes after the last slash of an ARN: a task's or a service's ID.
func lastPart(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

func countIn(names []string, among map[string]bool) int {
	count := 0
	for _, name := range names {
		if among[name] {
			count++
		}
	}
	return count
}
