package ecs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// How long the phases of a task's life take at pace 1, about what Fargate takes: some
// twenty seconds from its creation until it runs.
const (
	provisioningTime   = 7 * time.Second
	pullTime           = 7 * time.Second
	activatingTime     = 6 * time.Second
	drainTime          = 3 * time.Second
	terminationTime    = 2 * time.Second
	deprovisioningTime = 4 * time.Second
)

// defaultStartTimeout is how long a container waits for one that it depends on (Fargate,
// ContainerDefinition startTimeout).
const defaultStartTimeout = 3 * time.Minute

// startFailure is why a task could not be started: what the task says, and what the
// container that is to blame says.
type startFailure struct {
	container *container
	reason    string
	detail    string
}

func (f *startFailure) Error() string { return f.reason }

// run is a task's life from its creation until it has stopped.
func (s *Service) run(t *task) {
	defer t.cancel()
	if err := s.bringUp(t); err != nil {
		s.giveUp(t, err)
	}
	<-t.alive.Done()
	s.bringDown(t)
}

// giveUp orders a task that could not be started to stop, unless it was stopped meanwhile.
func (s *Service) giveUp(t *task, err error) {
	if t.alive.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	order := stopOrder{code: types.TaskStopCodeTaskFailedToStart, reason: err.Error(), failure: true}
	var failure *startFailure
	if errors.As(err, &failure) && failure.container != nil {
		failure.container.reason = &failure.detail
	}
	s.stop(t, order)
}

// bringUp takes a task from PROVISIONING to RUNNING. Its error is why it could not.
func (s *Service) bringUp(t *task) error {
	if err := s.region.Pace.Wait(t.alive, provisioningTime); err != nil {
		return err
	}
	if err := s.provision(t); err != nil {
		return err
	}
	if err := s.pull(t); err != nil {
		return err
	}
	order, _ := startOrder(t.definition.ContainerDefinitions)
	for _, name := range order {
		if err := s.startContainer(t, t.container(name)); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.setStatus(t, statusActivating)
	s.mu.Unlock()
	if err := s.region.Pace.Wait(t.alive, activatingTime); err != nil {
		return err
	}
	s.register(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.order == nil {
		t.startedAt = moment()
		s.setStatus(t, statusRunning)
		s.judge(t)
	}
	return nil
}

func (s *Service) provision(t *task) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.assign(t) {
		return &startFailure{reason: "Unexpected EC2 error while attempting to Create Network Interface: " +
			"InsufficientFreeAddressesInSubnet"}
	}
	t.pullStartedAt = moment()
	s.setStatus(t, statusPending)
	return nil
}

func (s *Service) pull(t *task) error {
	if err := s.region.Pace.Wait(t.alive, pullTime); err != nil {
		return err
	}
	for _, c := range t.containers {
		if err := s.runtime.Pull(t.alive, *c.definition.Image); err != nil {
			if t.alive.Err() != nil {
				return t.alive.Err()
			}
			reason := fmt.Sprintf("CannotPullContainerError: %v", err)
			return &startFailure{container: c, reason: reason, detail: reason}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.pullStoppedAt = moment()
	s.touch()
	return nil
}

// startContainer starts a container once what it depends on is as far as it must be.
func (s *Service) startContainer(t *task, c *container) error {
	for _, d := range c.definition.DependsOn {
		if err := s.await(t, c, t.container(*d.ContainerName), d.Condition); err != nil {
			return err
		}
	}
	process, err := s.runtime.Start(t.alive, s.specification(t, c))
	if err != nil {
		if t.alive.Err() != nil {
			return t.alive.Err()
		}
		return &startFailure{container: c, reason: "Task failed to start", detail: fmt.Sprintf("CannotStartContainerError: %v", err)}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.process, c.status, c.runtimeID = process, statusRunning, t.id+"-"+hexadecimal(5)
	c.changed()
	s.touch()
	t.watchers.Go(func() { s.watch(t, c) })
	if c.definition.HealthCheck != nil {
		t.watchers.Go(func() { s.check(t, c) })
	}
	return nil
}

// specification is what the Runtime is told of a container.
func (s *Service) specification(t *task, c *container) Container {
	override := t.override(*c.definition.Name)
	environment := make(map[string]string)
	for _, variable := range slices.Concat(c.definition.Environment, override.Environment) {
		environment[*variable.Name] = aws.ToString(variable.Value)
	}
	spec := Container{
		Name: *c.definition.Name, Image: *c.definition.Image, Environment: environment,
		Cluster: t.cluster.name, Family: *t.definition.Family, TaskID: t.id,
	}
	for _, mapping := range c.definition.PortMappings {
		spec.Ports = append(spec.Ports, int(*mapping.ContainerPort))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	spec.Hostname = s.hostname(t)
	if t.workload != nil {
		spec.Service = t.workload.name
	}
	return spec
}

// await returns when a container that another one depends on fulfils the condition.
func (s *Service) await(t *task, waiting, on *container, condition types.ContainerCondition) error {
	limit := defaultStartTimeout
	if seconds := on.definition.StartTimeout; seconds != nil {
		limit = time.Duration(*seconds) * time.Second
	}
	bounded, cancel := context.WithTimeout(t.alive, s.paced(limit, shortestStart))
	defer cancel()
	for {
		s.mu.Lock()
		met, err := fulfils(on, condition)
		news := on.news
		s.mu.Unlock()
		if met {
			return nil
		}
		if err == nil {
			select {
			case <-news:
				continue
			case <-bounded.Done():
				err = errors.New("dependency timeout")
			}
		}
		if t.alive.Err() != nil {
			return t.alive.Err()
		}
		return &startFailure{
			container: waiting, reason: "Task failed to start",
			detail: fmt.Sprintf("DependencyFailed: container %s: %v", *on.definition.Name, err),
		}
	}
}

// fulfils reports whether a container is as far as a condition demands, and the error
// that says that it never will be.
func fulfils(on *container, condition types.ContainerCondition) (bool, error) {
	exited := on.status == statusStopped
	switch condition {
	case types.ContainerConditionHealthy:
		if exited || on.health == types.HealthStatusUnhealthy {
			return false, errors.New("it is not healthy")
		}
		return on.health == types.HealthStatusHealthy, nil
	case types.ContainerConditionComplete:
		return exited, nil
	case types.ContainerConditionSuccess:
		if exited && *on.exitCode != 0 {
			return false, fmt.Errorf("it exited with %d", *on.exitCode)
		}
		return exited, nil
	default:
		return on.process != nil, nil
	}
}

// watch notes the end of a container; that of an essential one ends its task.
func (s *Service) watch(t *task, c *container) {
	<-c.process.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	c.status, c.exitCode = statusStopped, new(int32(c.process.ExitCode()))
	if reason := c.process.Reason(); reason != "" {
		c.reason = &reason
	}
	c.changed()
	s.touch()
	if c.essential() {
		s.stop(t, stopOrder{
			code: types.TaskStopCodeEssentialContainerExited, reason: "Essential container in task exited", failure: true,
		})
	}
}

// bringDown takes a task that must stop to STOPPED: it leaves Cloud Map, requests under
// way may end, and then its containers end, those that others depend on last. When the
// service is closed nothing of it waits.
func (s *Service) bringDown(t *task) {
	s.mu.Lock()
	if t.order == nil {
		t.order, t.stoppingAt = &stopOrder{reason: "ECS was closed"}, moment()
	}
	started := t.processes()
	if len(started) > 0 {
		s.setStatus(t, statusDeactivating)
	}
	s.mu.Unlock()
	if len(started) > 0 {
		s.deregister(t)
		_ = s.region.Pace.Wait(s.life, drainTime)
		s.terminate(t)
	}
	s.mu.Lock()
	t.executionStoppedAt = moment()
	for _, c := range t.containers {
		c.status = statusStopped
	}
	s.setStatus(t, statusDeprovisioning)
	s.mu.Unlock()
	_ = s.region.Pace.Wait(s.life, deprovisioningTime)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.addresses, t.ip)
	t.stoppedAt = moment()
	s.setStatus(t, statusStopped)
}

// terminate ends a task's containers in the reverse of the order of their start and
// returns when nothing of them is left. Their own end may take the moment between
// SIGTERM and their exit.
func (s *Service) terminate(t *task) {
	s.mu.Lock()
	s.setStatus(t, statusStopping)
	order, _ := startOrder(t.definition.ContainerDefinitions)
	var processes []Process
	for _, name := range slices.Backward(order) {
		if c := t.container(name); c.process != nil {
			processes = append(processes, c.process)
		}
	}
	s.mu.Unlock()
	_ = s.region.Pace.Wait(s.life, terminationTime)
	for _, process := range processes {
		process.Stop()
	}
	t.watchers.Wait()
}
