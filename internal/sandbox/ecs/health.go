package ecs

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Durations of a task that depend on real work are scaled by the pace but not below
// these: a check that is executed in earnest needs its time however fast control planes
// are.
const (
	shortest       = 100 * time.Millisecond
	shortestAnswer = 5 * time.Second
	// shortestStart leaves a container time for its first checks before another one that
	// depends on its health gives up.
	shortestStart = 5 * time.Second
)

// paced is a duration at the region's pace, but not below a bound.
func (s *Service) paced(d, bound time.Duration) time.Duration {
	return max(s.region.Pace.Scale(d), bound)
}

// check executes a container's health check again and again, as long as the container
// and its task live (ECS developer guide, container health checks): the first after one
// interval; failures in the start period do not count; retries failures in a row make it
// unhealthy, one success healthy.
func (s *Service) check(t *task, c *container) {
	h := c.definition.HealthCheck
	seconds := func(n *int32) time.Duration { return time.Duration(aws.ToInt32(n)) * time.Second }
	grace := time.Now()
	if h.StartPeriod != nil && *h.StartPeriod > 0 {
		grace = grace.Add(s.paced(seconds(h.StartPeriod), shortest))
	}
	// The pace may change while the container lives, so each wait asks for it.
	timer := time.NewTimer(s.paced(seconds(h.Interval), shortest))
	defer timer.Stop()
	for failures := int32(0); ; timer.Reset(s.paced(seconds(h.Interval), shortest)) {
		select {
		case <-t.alive.Done():
			return
		case <-c.process.Done():
			return
		case <-timer.C:
		}
		err := execute(t.alive, c.process, h.Command, s.paced(seconds(h.Timeout), shortestAnswer))
		switch {
		case t.alive.Err() != nil:
			return
		case err == nil:
			failures = 0
			s.setHealth(t, c, types.HealthStatusHealthy)
		case c.health != types.HealthStatusHealthy && time.Now().Before(grace):
		default:
			if failures++; failures >= *h.Retries {
				s.setHealth(t, c, types.HealthStatusUnhealthy)
			}
		}
	}
}

func execute(ctx context.Context, process Process, command []string, timeout time.Duration) error {
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return process.Exec(bounded, command)
}

// setHealth notes a container's health. A service stops a task whose essential container
// is unhealthy; others keep running, as in ECS.
func (s *Service) setHealth(t *task, c *container, to types.HealthStatus) {
	if !s.noteHealth(t, c, to) {
		return
	}
	s.report(t)
}

// noteHealth reports whether the task's registration must be told.
func (s *Service) noteHealth(t *task, c *container, to types.HealthStatus) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.health == to {
		return false
	}
	before := t.health()
	c.health = to
	t.version++
	c.changed()
	s.judge(t)
	s.touch()
	if to == types.HealthStatusUnhealthy && c.essential() && t.workload != nil {
		t.workload.event("(service %s) (task %s) failed container health checks.", t.workload.name, t.id)
		s.stop(t, stopOrder{
			code: types.TaskStopCodeServiceSchedulerInitiated, reason: "Task failed container health checks", failure: true,
		})
		return false
	}
	return before != t.health()
}

// judge notes since when a task has been good; s.mu is held.
func (s *Service) judge(t *task) {
	switch {
	case !t.good():
		t.goodSince = time.Time{}
	case t.goodSince.IsZero():
		t.goodSince = time.Now()
	}
	if t.workload != nil {
		t.workload.wakeUp()
	}
}
