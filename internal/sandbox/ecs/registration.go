package ecs

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	discovery "github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
)

// Registry is where tasks are registered so that others find them; Cloud Map is one.
type Registry interface {
	RegisterInstance(
		context.Context, *servicediscovery.RegisterInstanceInput,
	) (*servicediscovery.RegisterInstanceOutput, error)
	DeregisterInstance(
		context.Context, *servicediscovery.DeregisterInstanceInput,
	) (*servicediscovery.DeregisterInstanceOutput, error)
	UpdateInstanceCustomHealthStatus(
		context.Context, *servicediscovery.UpdateInstanceCustomHealthStatusInput,
	) (*servicediscovery.UpdateInstanceCustomHealthStatusOutput, error)
}

// register registers a service's task in each of the service's registries. What fails is
// an event of the service; the task runs nevertheless.
func (s *Service) register(t *task) {
	if t.workload == nil {
		return
	}
	for _, r := range t.deployment.registries {
		_, err := s.registry.RegisterInstance(t.alive, &servicediscovery.RegisterInstanceInput{
			ServiceId: new(lastPart(*r.RegistryArn)), InstanceId: new(t.id), Attributes: s.attributes(t, r),
		})
		s.registrationOutcome(t, r, "register", err)
	}
	s.mu.Lock()
	t.registered = true
	s.mu.Unlock()
	// What was registered is old news if the health has changed meanwhile.
	if t.checked() {
		s.report(t)
	}
}

// attributes are those that ECS registers a task with (ECS developer guide, service
// discovery).
func (s *Service) attributes(t *task, r types.ServiceRegistry) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	attributes := map[string]string{
		"AWS_INSTANCE_IPV4":          t.ip.String(),
		"AWS_INIT_HEALTH_STATUS":     string(discovery.CustomHealthStatusHealthy),
		"AVAILABILITY_ZONE":          s.region.Name + "a",
		"REGION":                     s.region.Name,
		"ECS_CLUSTER_NAME":           t.cluster.name,
		"ECS_SERVICE_NAME":           t.workload.name,
		"ECS_TASK_DEFINITION_FAMILY": *t.definition.Family,
	}
	if t.checked() && t.health() != types.HealthStatusHealthy {
		attributes["AWS_INIT_HEALTH_STATUS"] = string(discovery.CustomHealthStatusUnhealthy)
	}
	port := r.Port
	if port == nil {
		port = r.ContainerPort
	}
	if port != nil {
		attributes["AWS_INSTANCE_PORT"] = fmt.Sprint(*port)
	}
	return attributes
}

// deregister removes a task from its service's registries.
func (s *Service) deregister(t *task) {
	if !s.isRegistered(t) {
		return
	}
	for _, r := range t.deployment.registries {
		_, err := s.registry.DeregisterInstance(s.life, &servicediscovery.DeregisterInstanceInput{
			ServiceId: new(lastPart(*r.RegistryArn)), InstanceId: new(t.id),
		})
		s.registrationOutcome(t, r, "deregister", err)
	}
}

// report gives a registered task's health to its service's registries.
func (s *Service) report(t *task) {
	if !s.isRegistered(t) {
		return
	}
	s.mu.Lock()
	status := discovery.CustomHealthStatusUnhealthy
	if t.health() == types.HealthStatusHealthy {
		status = discovery.CustomHealthStatusHealthy
	}
	s.mu.Unlock()
	for _, r := range t.deployment.registries {
		_, err := s.registry.UpdateInstanceCustomHealthStatus(t.alive, &servicediscovery.UpdateInstanceCustomHealthStatusInput{
			ServiceId: new(lastPart(*r.RegistryArn)), InstanceId: new(t.id), Status: status,
		})
		s.registrationOutcome(t, r, "update the health of", err)
	}
}

func (s *Service) isRegistered(t *task) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return t.registered
}

// registrationOutcome makes an event of what failed. That the registry has no custom
// health, or has forgotten the task, is no failure.
func (s *Service) registrationOutcome(t *task, r types.ServiceRegistry, verb string, err error) {
	var noHealth *discovery.CustomHealthNotFound
	var forgotten *discovery.InstanceNotFound
	if err == nil || errors.As(err, &noHealth) || errors.As(err, &forgotten) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.workload.event("(service %s) failed to %s (task %s) in (service-registry %s): %v",
		t.workload.name, verb, t.id, lastPart(*r.RegistryArn), err)
	s.touch()
}
