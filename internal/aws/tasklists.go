package aws

import (
	"strconv"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// taskLists remember which tasks ECS services have, so that these need not be listed each
// time that they are looked at. A list holds while its service says of itself what it has
// said for some time when it was listed: every task that the scheduler starts, stops or replaces makes an event
// of the service (ECS developer guide, "Service event messages"). A task that changes by
// itself is seen when it is described, and then disagrees with the service's counts. They
// are safe for concurrent use.
type taskLists struct {
	mu    sync.Mutex
	known map[taskListKey]taskList
}

type taskListKey struct {
	cluster, service string
}

// taskList was made at a time, when the signature had been seen since another.
type taskList struct {
	signature string
	arns      []string
	since, at time.Time
}

// listSettles is how long a service must have said the same before a list of its tasks is
// one to keep: ECS's answers are eventually consistent, and a list may be older than the
// event that tells of what it lacks.
const listSettles = 10 * time.Second

// listHolds is how long a list is used at most, whatever its service says. ECS tells of a
// stopped task for an hour (API reference, DescribeTasks).
const listHolds = 10 * time.Minute

// listsKept bounds the memory of a process that watches for months.
const listsKept = 10000

func newTaskLists() *taskLists { return &taskLists{known: make(map[taskListKey]taskList)} }

// of are the tasks of a service, where they are certainly those that were listed.
func (l *taskLists) of(cluster string, found *types.Service, now time.Time) (arns []string, known bool) {
	said := signature(found)
	l.mu.Lock()
	defer l.mu.Unlock()
	list, there := l.known[taskListKey{cluster, awssdk.ToString(found.ServiceName)}]
	if !there || list.signature != said || list.at.Sub(list.since) < listSettles || now.Sub(list.at) >= listHolds {
		return nil, false
	}
	return list.arns, true
}

// keep remembers a list that was made after its service was described. What is too vague to
// tell one list from another is not kept.
func (l *taskLists) keep(cluster string, found *types.Service, arns []string, now time.Time) {
	said := signature(found)
	l.mu.Lock()
	defer l.mu.Unlock()
	key := taskListKey{cluster, awssdk.ToString(found.ServiceName)}
	if said == "" {
		delete(l.known, key)
		return
	}
	since := now
	if before, there := l.known[key]; there && before.signature == said {
		since = before.since
	}
	if len(l.known) >= listsKept {
		clear(l.known)
	}
	l.known[key] = taskList{signature: said, arns: arns, since: since, at: now}
}

func (l *taskLists) forget(cluster, service string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.known, taskListKey{cluster, service})
}

// signature is what changes of a service with its tasks: its newest event, its counts and
// its deployments. It is empty for one that tells no events, and for one whose tasks are not
// ECS's own to start.
func signature(found *types.Service) string {
	if len(found.Events) == 0 || awssdk.ToString(found.Events[0].Id) == "" || len(found.TaskSets) > 0 {
		return ""
	}
	if found.DeploymentController != nil && found.DeploymentController.Type != types.DeploymentControllerTypeEcs {
		return ""
	}
	said := make([]byte, 0, 256)
	word := func(value string) { said = append(append(said, value...), '|') }
	count := func(value int32) { said = append(strconv.AppendInt(said, int64(value), 10), '|') }
	moment := func(at *time.Time) {
		if at != nil {
			said = strconv.AppendInt(said, at.UnixNano(), 10)
		}
		said = append(said, '|')
	}
	word(awssdk.ToString(found.Events[0].Id))
	moment(found.Events[0].CreatedAt)
	word(awssdk.ToString(found.ServiceArn))
	moment(found.CreatedAt)
	count(found.DesiredCount)
	count(found.RunningCount)
	count(found.PendingCount)
	for i := range found.Deployments {
		deployment := &found.Deployments[i]
		word(awssdk.ToString(deployment.Id))
		word(awssdk.ToString(deployment.Status))
		word(string(deployment.RolloutState))
		count(deployment.FailedTasks)
		moment(deployment.UpdatedAt)
	}
	return string(said)
}

// agrees tells whether the tasks that were described are as many, running and starting, as
// their service says that it has.
func agrees(found *types.Service, tasks []types.Task) bool {
	running, starting := int32(0), int32(0)
	for i := range tasks {
		switch last, desired := awssdk.ToString(tasks[i].LastStatus), awssdk.ToString(tasks[i].DesiredStatus); {
		case last == "RUNNING" && desired != "STOPPED":
			running++
		case desired != "STOPPED" && last != "STOPPED":
			starting++
		}
	}
	return running == found.RunningCount && starting == found.PendingCount
}
