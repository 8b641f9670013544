package aws

import (
	"context"
	"fmt"
	"maps"
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
	// not tell of one, failed which have a part in a request that failed.
	active map[string]*types.Service
	tasks  map[string][]types.Task
	broken map[string]error
	failed map[string]*mishap
}

// clear forgets what was read.
func (c *cluster) clear() {
	c.active, c.tasks = map[string]*types.Service{}, map[string][]types.Task{}
	c.broken, c.failed = map[string]error{}, map[string]*mishap{}
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
// lists for itself, so that nobody waits for the lists of a thousand. A request that fails
// is the trouble of those who have a version in it.
func (t *Tasks) look(ctx context.Context, callers []*cluster, answer answered) {
	all := &cluster{name: callers[0].name}
	all.clear()
	for _, in := range callers {
		all.versions = append(all.versions, in.versions...)
	}
	t.describeServices(ctx, all)
	owner, now := make(map[string]string), time.Now()
	for name, found := range all.active {
		if arns, known := t.lists.of(all.name, found, now); known {
			all.tasks[name] = []types.Task{}
			for _, arn := range arns {
				owner[arn] = name
			}
		}
	}
	missing := t.describeTasks(ctx, all, owner)
	for name, tasks := range all.tasks {
		if all.failed[name] == nil && (missing[name] || !agrees(all.active[name], tasks)) {
			t.lists.forget(all.name, name)
			delete(all.tasks, name)
		}
	}
	places := make(map[*mishap][]int)
	for i, in := range callers {
		in.take(all)
		places[in.mishap()] = append(places[in.mishap()], i)
	}
	answer.each(places)
}

// lookAlone is a look for nobody else.
func (t *Tasks) lookAlone(ctx context.Context, in *cluster) (failed error) {
	t.look(ctx, []*cluster{in}, func(err error, _ ...int) { failed = err })
	return failed
}

// take takes what was read of the versions of one caller.
func (c *cluster) take(all *cluster) {
	c.clear()
	for _, name := range c.versions {
		if err := all.broken[name]; err != nil {
			c.broken[name] = err
		}
		if wrong := all.failed[name]; wrong != nil {
			c.failed[name] = wrong
		}
		if found := all.active[name]; found != nil {
			c.active[name] = found
		}
		if tasks, read := all.tasks[name]; read {
			c.tasks[name] = tasks
		}
	}
}

// mishap is that of the first request that failed, in the order of the versions.
func (c *cluster) mishap() *mishap {
	for _, name := range c.versions {
		if wrong := c.failed[name]; wrong != nil {
			return wrong
		}
	}
	return nil
}

// fail notes that a request failed that was about these versions.
func (c *cluster) fail(names []string, err error) {
	if err == nil {
		return
	}
	wrong := &mishap{err}
	for _, name := range names {
		c.failed[name] = wrong
	}
}

// describeServices reads the active ECS services of versions.
func (t *Tasks) describeServices(ctx context.Context, in *cluster) {
	parts := slices.Collect(slices.Chunk(unique(in.versions), servicesPerRequest))
	answers, failed := make([]*ecs.DescribeServicesOutput, len(parts)), make([]error, len(parts))
	several(len(parts), t.isCommon, func(at int) (err error) {
		answers[at], err = t.api.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &in.name, Services: parts[at]})
		return err
	}, func(at int, err error) { failed[at] = err })
	for at, part := range parts {
		if failed[at] == nil {
			failed[at] = in.takeServices(part, answers[at])
		}
		in.fail(part, failed[at])
	}
}

// takeServices takes what ECS answered about the services with these names.
func (c *cluster) takeServices(names []string, out *ecs.DescribeServicesOutput) error {
	for _, failure := range out.Failures {
		name := lastPart(awssdk.ToString(failure.Arn))
		if err := c.note(failure, name, slices.Contains(names, name)); err != nil {
			return err
		}
	}
	for i := range out.Services {
		if found := &out.Services[i]; awssdk.ToString(found.Status) == "ACTIVE" {
			c.active[awssdk.ToString(found.ServiceName)] = found
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
	t.describeTasks(ctx, in, owner)
	if wrong := in.mishap(); wrong != nil {
		return wrong.err
	}
	now := time.Now()
	for name, arns := range listed {
		t.lists.keep(in.name, in.active[name], arns, now)
	}
	return nil
}

// describeTasks reads tasks into those of their owners, by ARN. It tells of which owners a
// task was not there any more.
func (t *Tasks) describeTasks(ctx context.Context, in *cluster, owner map[string]string) (missing map[string]bool) {
	parts := slices.Collect(slices.Chunk(slices.Sorted(maps.Keys(owner)), tasksPerRequest))
	answers, failed := make([]*ecs.DescribeTasksOutput, len(parts)), make([]error, len(parts))
	several(len(parts), t.isCommon, func(at int) (err error) {
		answers[at], err = t.api.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &in.name, Tasks: parts[at]})
		return err
	}, func(at int, err error) { failed[at] = err })
	missing = make(map[string]bool)
	for at, part := range parts {
		if failed[at] == nil {
			failed[at] = in.takeTasks(owner, answers[at], missing)
		}
		owners := make([]string, len(part))
		for i, arn := range part {
			owners[i] = owner[arn]
		}
		in.fail(owners, failed[at])
	}
	return missing
}

// takeTasks takes what ECS answered about tasks, and notes whose were not there any more.
func (c *cluster) takeTasks(owner map[string]string, out *ecs.DescribeTasksOutput, missing map[string]bool) error {
	for _, failure := range out.Failures {
		name, known := owner[awssdk.ToString(failure.Arn)]
		if err := c.note(failure, name, known); err != nil {
			return err
		}
		missing[name] = true
	}
	for _, task := range out.Tasks {
		name := owner[awssdk.ToString(task.TaskArn)]
		c.tasks[name] = append(c.tasks[name], task)
	}
	return nil
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
