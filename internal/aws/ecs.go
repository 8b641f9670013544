package aws

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
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
	lists  *taskLists
	// looks gather the looks at each cluster: a request is one of one cluster.
	mu    sync.Mutex
	looks map[string]*gathering[*cluster]
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
		lists:  newTaskLists(),
		looks:  make(map[string]*gathering[*cluster]),
	}
}

// tasksGathered is for how long looks at tasks are gathered: tasks are looked at every five
// seconds, twice a second at most, so that this little is not missed, and one rollout's looks
// are further apart.
const tasksGathered = 400 * time.Millisecond

// looksAt are the looks at a cluster.
func (t *Tasks) looksAt(name string) *gathering[*cluster] {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.looks[name] == nil {
		t.looks[name] = &gathering[*cluster]{window: tasksGathered, read: t.look, shared: t.isCommon}
	}
	return t.looks[name]
}

// isCommon tells an error that every look at a cluster would meet: that the cluster is not
// there is one; but what these credentials may see can differ from service to service
// (actions defined by ECS, resource types of DescribeServices).
func (t *Tasks) isCommon(err error) bool {
	return hasCode(err, clusterMissing) || t.where.isCommon(err) && !hasCode(err, "AccessDeniedException", "AccessDenied")
}

// How much of the past is told.
const (
	stopsTold    = 10
	messagesTold = 10
)

// Health reads the tasks of versions; see engine.Tasks. It shares requests with those who
// ask at about the same time.
func (t *Tasks) Health(ctx context.Context, service engine.Service, shas []string) ([]engine.TaskHealth, error) {
	if len(shas) == 0 {
		return nil, nil
	}
	in := &cluster{name: service.Environment}
	in.add(service, shas)
	err := t.looksAt(in.name).ask(ctx, service.Name, in)
	if err == nil {
		err = t.complete(ctx, in)
	}
	if err != nil {
		return nil, t.fault(ctx, in, err)
	}
	return t.healthOf(ctx, service, shas, in)
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
		in := clusters[name]
		err := t.lookAlone(ctx, in)
		if err == nil {
			err = t.complete(ctx, in)
		}
		if err != nil {
			return nil, t.fault(ctx, in, err)
		}
		for _, service := range in.services {
			if all[service], err = t.healthOf(ctx, service, versions[service], in); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

const clusterMissing = "ClusterNotFoundException"

// fault is why a cluster could not be looked at.
func (t *Tasks) fault(ctx context.Context, in *cluster, err error) error {
	if hasCode(err, clusterMissing) {
		return refuse("read", in.target(), engine.NotFound,
			"check EnvironmentName, the account and the region",
			"environment %s has no ECS cluster in %s", in.name, t.where.Region)
	}
	return t.where.fault(ctx, "read", in.target(), err)
}

func (t *Tasks) healthOf(ctx context.Context, service engine.Service, shas []string, in *cluster) ([]engine.TaskHealth, error) {
	health := make([]engine.TaskHealth, len(shas))
	for i, sha := range shas {
		health[i] = engine.TaskHealth{Sha: sha}
		name := service.VersionName(sha)
		if err := in.broken[name]; err != nil {
			return nil, t.fault(ctx, in, err)
		}
		if found, there := in.active[name]; there {
			var err error
			if health[i], err = t.health(ctx, service, sha, found, in.tasks[name]); err != nil {
				return nil, err
			}
		}
		health[i].ReadAt = time.Now()
	}
	return health, nil
}

// health is the health of one version, of what was read of it.
func (t *Tasks) health(
	ctx context.Context, service engine.Service, sha string, found *types.Service, tasks []types.Task,
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
