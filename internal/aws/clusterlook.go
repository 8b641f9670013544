package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"serin/internal/engine"
)

// Limits of one request (API references of DescribeServices and DescribeTasks).
const (
	servicesPerRequest = 10
	tasksPerRequest    = 100
)

// cluster is what is to be read of one cluster, and what was: versions of services.
type cluster struct {
	name            string
	services        []engine.Service
	names, versions []string

	// active are the ECS services of versions that are there, tasks theirs, by name; of a
	// service whose tasks have to be listed there are none yet. broken says what ECS could
	// not tell of one.
	active map[string]*types.Service
	tasks  map[string][]types.Task
	broken map[string]error
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

// look reads the services of several callers, all of one cluster, and the tasks of those
// that have the same tasks as when they were last listed. Those of the others each caller
// lists for itself, so that nobody waits for the lists of a thousand.
func (t *Tasks) look(ctx context.Context, callers []*cluster) error {
	all := &cluster{name: callers[0].name, active: map[string]*types.Service{}, tasks: map[string][]types.Task{}, broken: map[string]error{}}
	for _, in := range callers {
		all.versions = append(all.versions, in.versions...)
	}
	if err := t.describeServices(ctx, all); err != nil {
		return err
	}
	owner, now := make(map[string]string), time.Now()
	for name, found := range all.active {
		if arns, known := t.lists.of(all.name, found, now); known {
			all.tasks[name] = []types.Task{}
			for _, arn := range arns {
				owner[arn] = name
			}
		}
	}
	missing, err := t.describeTasks(ctx, all, owner)
	if err != nil {
		return err
	}
	for name, tasks := range all.tasks {
		if missing[name] || !agrees(all.active[name], tasks) {
			t.lists.forget(all.name, name)
			delete(all.tasks, name)
		}
	}
	for _, in := range callers {
		in.take(all)
	}
	return nil
}

// take takes what was read of the versions of one caller.
func (c *cluster) take(all *cluster) {
	c.active, c.tasks, c.broken = map[string]*types.Service{}, map[string][]types.Task{}, map[string]error{}
	for _, name := range c.versions {
		if err := all.broken[name]; err != nil {
			c.broken[name] = err
		}
		if found := all.active[name]; found != nil {
			c.active[name] = found
		}
		if tasks, read := all.tasks[name]; read {
			c.tasks[name] = tasks
		}
	}
}

// describeServices reads the active ECS services of versions.
func (t *Tasks) describeServices(ctx context.Context, in *cluster) error {
	for part := range slices.Chunk(unique(in.versions), servicesPerRequest) {
		out, err := t.api.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &in.name, Services: part})
		if err != nil {
			return err
		}
		for _, failure := range out.Failures {
			name := lastPart(awssdk.ToString(failure.Arn))
			if err := in.note(failure, name, slices.Contains(part, name)); err != nil {
				return err
			}
		}
		for i := range out.Services {
			if found := &out.Services[i]; awssdk.ToString(found.Status) == "ACTIVE" {
				in.active[awssdk.ToString(found.ServiceName)] = found
			}
		}
	}
	return nil
}

// note keeps why ECS could not tell about the service with a name. It returns that where it
// is not known which service it is about; that something is not there is no trouble.
func (c *cluster) note(failure types.Failure, name string, known bool) error {
	reason := text(failure.Reason)
	if reason == "MISSING" {
		return nil
	}
	err := fmt.Errorf("ECS says %s of %s %s", reason, lastPart(text(failure.Arn)), text(failure.Detail))
	if !known {
		return err
	}
	c.broken[name] = err
	return nil
}

// complete lists and reads the tasks that a look has left: the running and the stopped ones
// of each service. The tasks of all of them share requests.
func (t *Tasks) complete(ctx context.Context, in *cluster) error {
	owner, listed := make(map[string]string), make(map[string][]string)
	for _, name := range unique(in.versions) {
		_, read := in.tasks[name]
		if read || in.active[name] == nil {
			continue
		}
		arns, err := t.listAll(ctx, in.name, name)
		if err != nil {
			return err
		}
		listed[name], in.tasks[name] = arns, nil
		for _, arn := range arns {
			owner[arn] = name
		}
	}
	if _, err := t.describeTasks(ctx, in, owner); err != nil {
		return err
	}
	now := time.Now()
	for name, arns := range listed {
		t.lists.keep(in.name, in.active[name], arns, now)
	}
	return nil
}

// describeTasks reads tasks into those of their owners, by ARN. It tells of which owners a
// task was not there any more.
func (t *Tasks) describeTasks(ctx context.Context, in *cluster, owner map[string]string) (missing map[string]bool, err error) {
	missing = make(map[string]bool)
	arns := make([]string, 0, len(owner))
	for arn := range owner {
		arns = append(arns, arn)
	}
	slices.Sort(arns)
	for part := range slices.Chunk(arns, tasksPerRequest) {
		out, err := t.api.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &in.name, Tasks: part})
		if err != nil {
			return nil, err
		}
		for _, failure := range out.Failures {
			name, known := owner[awssdk.ToString(failure.Arn)]
			if err := in.note(failure, name, known); err != nil {
				return nil, err
			}
			missing[name] = true
		}
		for _, task := range out.Tasks {
			name := owner[awssdk.ToString(task.TaskArn)]
			in.tasks[name] = append(in.tasks[name], task)
		}
	}
	return missing, nil
}

// listAll are the ARNs of the running and of the stopped tasks of a service; it has none
// when it went meanwhile.
func (t *Tasks) listAll(ctx context.Context, cluster, name string) ([]string, error) {
	var arns []string
	for _, desired := range []types.DesiredStatus{types.DesiredStatusRunning, types.DesiredStatusStopped} {
		some, err := t.list(ctx, cluster, name, desired)
		if err != nil && !hasCode(err, "ServiceNotFoundException", "ServiceNotActiveException") {
			return nil, err
		}
		arns = append(arns, some...)
	}
	return arns, nil
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
