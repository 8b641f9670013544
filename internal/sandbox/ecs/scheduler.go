package ecs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// settlingTime is how long, at pace 1, a task must have been running and healthy before
// the scheduler counts on it: a process that ends at once has not started.
const settlingTime = 10 * time.Second

// schedule keeps a service as it should be until it has been deleted or ECS is closed.
func (s *Service) schedule(w *workload) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.life.Done():
			return
		case <-w.wake:
		case <-timer.C:
		}
		next, done := s.reconcile(w)
		if done {
			return
		}
		timer.Reset(next)
	}
}

// census is a service's tasks that are not about to stop, by what they are to the
// scheduler. Settled ones have been good for the settling time.
type census struct {
	current, old []*task
	settled      int
	oldSettled   int
	leaving      int
	// settles is when the next task will have settled, zero when none is about to;
	// recovered is since when the youngest settled task has been good.
	settles, recovered time.Time
}

func (s *Service) census(w *workload) census {
	var c census
	settling := s.paced(settlingTime, shortest)
	for _, t := range s.tasksOf(w) {
		if t.order != nil {
			if t.status != statusStopped {
				c.leaving++
			}
			continue
		}
		settled := t.good() && time.Since(t.goodSince) >= settling
		if t.good() && !settled {
			if at := t.goodSince.Add(settling); c.settles.IsZero() || at.Before(c.settles) {
				c.settles = at
			}
		}
		current := t.deployment == w.primary()
		switch {
		case current:
			c.current = append(c.current, t)
		default:
			c.old = append(c.old, t)
		}
		switch {
		case settled && current:
			c.settled++
			if t.goodSince.After(c.recovered) {
				c.recovered = t.goodSince
			}
		case settled:
			c.oldSettled++
		}
	}
	return c
}

// reconcile does what a service needs now. It answers how long to wait for the next look
// unless something happens, and whether the service is gone.
func (s *Service) reconcile(w *workload) (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.census(w)
	if w.failures > 0 && c.recovered.After(w.failedAt) {
		w.recovered(w.primary())
	}
	s.scaleIn(w, &c)
	s.scaleOut(w, &c)
	s.conclude(w, c)
	if w.status == draining && len(c.current)+len(c.old)+c.leaving == 0 {
		w.status, w.goneAt = inactive, time.Now()
		s.touch()
		return 0, true
	}
	return s.nextLook(w, c), false
}

// nextLook is when a task settles or may be started again, whichever comes first, and
// far away when nothing is due.
func (s *Service) nextLook(w *workload, c census) time.Duration {
	next := time.Now().Add(time.Hour)
	if !c.settles.IsZero() && c.settles.Before(next) {
		next = c.settles
	}
	waiting := int(w.desired) > len(c.current) && w.primary().state != types.DeploymentRolloutStateFailed
	if waiting && w.notBefore.After(time.Now()) && w.notBefore.Before(next) {
		next = w.notBefore
	}
	return max(time.Until(next), time.Millisecond)
}

// bounds are the least number of good tasks and the most tasks that a deployment may
// have (ECS API reference, DeploymentConfiguration: the least is rounded up, the most
// down).
func (w *workload) bounds() (least, most int) {
	desired := int(w.desired)
	least = (desired*int(*w.configuration.MinimumHealthyPercent) + 99) / 100
	most = desired * int(*w.configuration.MaximumPercent) / 100
	return least, max(most, 0)
}

// scaleIn stops tasks that are too many: of the primary deployment those beyond the
// desired count, and of older ones those that the least number of good tasks can do
// without. A failed deployment takes nothing from the ones before it but what is more
// than desired.
func (s *Service) scaleIn(w *workload, c *census) {
	desired := int(w.desired)
	var leave []*task
	if excess := len(c.current) - desired; excess > 0 {
		leave = append(leave, leastUseful(c.current)[:excess]...)
	}
	failed := w.primary().state == types.DeploymentRolloutStateFailed
	least, _ := w.bounds()
	// Older tasks that do not serve leave first; each that serves leaves only when
	// enough others do.
	spare := min(c.settled, desired) + c.oldSettled - least
	if failed {
		spare = c.oldSettled - desired
	}
	for _, t := range leastUseful(c.old) {
		serving := t.good()
		switch {
		case desired == 0 || !serving && !failed:
			leave = append(leave, t)
		case serving && spare > 0:
			leave = append(leave, t)
			spare--
		}
	}
	if len(leave) == 0 {
		return
	}
	for _, t := range leave {
		s.stop(t, stopOrder{
			code:   types.TaskStopCodeServiceSchedulerInitiated,
			reason: fmt.Sprintf("Scaling activity initiated by (deployment %s)", w.primary().id),
		})
	}
	w.event("(service %s) has stopped %d running tasks: %s.", w.name, len(leave), taskList(leave))
	*c = s.census(w)
}

// leastUseful sorts tasks: those that do not serve first, and then the newest.
func leastUseful(tasks []*task) []*task {
	usefulness := func(t *task) int {
		if t.good() {
			return 1
		}
		return 0
	}
	return slices.SortedFunc(slices.Values(tasks), func(a, b *task) int {
		return cmp.Or(cmp.Compare(usefulness(a), usefulness(b)), b.createdAt.Compare(*a.createdAt), cmp.Compare(a.id, b.id))
	})
}

// scaleOut starts the tasks that the primary deployment lacks, as far as the most tasks
// of the service allow and not while it waits after failures.
func (s *Service) scaleOut(w *workload, c *census) {
	if w.primary().state == types.DeploymentRolloutStateFailed || w.notBefore.After(time.Now()) || s.closed {
		return
	}
	_, most := w.bounds()
	lacking := min(int(w.desired)-len(c.current), most-len(c.current)-len(c.old))
	var started []*task
	for range lacking {
		t := s.newTask(w.cluster, w.primary().definition, taskRequest{
			network: w.primary().network, startedBy: w.primary().id, group: "service:" + w.name, launch: w.launch,
		})
		t.workload, t.deployment = w, w.primary()
		s.tagTask(t, w)
		s.start(t)
		started = append(started, t)
	}
	if len(started) > 0 {
		w.event("(service %s) has started %d tasks: %s.", w.name, len(started), taskList(started))
		c.current = append(c.current, started...)
	}
}

func taskList(tasks []*task) string {
	names := make([]string, len(tasks))
	for i, t := range tasks {
		names[i] = fmt.Sprintf("(task %s)", t.id)
	}
	return strings.Join(names, " ")
}

// conclude notes that a service has all it should have: its deployment is completed and
// it is steady.
func (s *Service) conclude(w *workload, c census) {
	steady := c.settled == int(w.desired) && len(c.current) == int(w.desired) && len(c.old)+c.leaving == 0
	if !steady || w.status != active {
		w.steady = w.steady && len(c.current) == int(w.desired)
		return
	}
	d := w.primary()
	if d.state == types.DeploymentRolloutStateInProgress {
		d.progress(types.DeploymentRolloutStateCompleted, fmt.Sprintf("ECS deployment %s completed.", d.id))
		w.deployments, w.completed = w.deployments[:1], d
		w.event("(service %s) (deployment %s) deployment completed.", w.name, d.id)
		s.touch()
	}
	if !w.steady {
		w.steady = true
		w.event("(service %s) has reached a steady state.", w.name)
		s.touch()
	}
}
