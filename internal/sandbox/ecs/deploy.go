package ecs

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"serin/internal/sandbox/clone"
)

// CreateService makes a service and begins to start its tasks. The same request for a
// service that is there is answered with it; another one is refused.
func (s *Service) CreateService(_ context.Context, in *sdk.CreateServiceInput) (*sdk.CreateServiceOutput, error) {
	if err := checkCreate(in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.activeCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	if existing, ok := s.workload(c, in.ServiceName); ok && existing.status != inactive {
		if existing.status == draining {
			return nil, invalid("Unable to Start a service that is still Draining.")
		}
		if !sameCreation(existing.request, in) {
			return nil, invalid("Creation of service was not idempotent.")
		}
		return &sdk.CreateServiceOutput{Service: s.describeWorkload(existing, true)}, nil
	}
	definition, err := s.runnable(in.TaskDefinition, in.LaunchType)
	if err != nil {
		return nil, err
	}
	if err := checkNetwork(definition, in.NetworkConfiguration); err != nil {
		return nil, err
	}
	if err := checkRegistries(definition, in.ServiceRegistries); err != nil {
		return nil, err
	}
	w := s.newWorkload(c, in, definition)
	s.workloads[workloadKey{c.name, w.name}] = w
	s.tags[w.arn] = clone.Of(in.Tags)
	s.goes(func() { s.schedule(w) })
	w.wakeUp()
	s.touch()
	return &sdk.CreateServiceOutput{Service: s.describeWorkload(w, true)}, nil
}

// sameCreation compares two requests; the token says nothing about what is asked.
func sameCreation(a, b *sdk.CreateServiceInput) bool {
	left, right := *a, *b
	left.ClientToken, right.ClientToken = nil, nil
	return clone.Equal(left, right)
}

func (s *Service) newWorkload(c *cluster, in *sdk.CreateServiceInput, definition *types.TaskDefinition) *workload {
	request := clone.Of(in)
	w := &workload{
		name: *request.ServiceName, arn: s.serviceARN(c, *request.ServiceName), cluster: c, request: request,
		status: active, createdAt: *moment(),
		desired: *request.DesiredCount, launch: types.LaunchTypeFargate, network: request.NetworkConfiguration,
		registries: request.ServiceRegistries, configuration: completeConfiguration(request.DeploymentConfiguration),
		wake: make(chan struct{}, 1),
	}
	if request.LaunchType != "" {
		w.launch = request.LaunchType
	}
	w.deploy(w.newDeployment(definition))
	return w
}

// completeConfiguration fills in the defaults of a rolling deployment: no fewer than
// desired and no more than twice as many.
func completeConfiguration(given *types.DeploymentConfiguration) types.DeploymentConfiguration {
	var c types.DeploymentConfiguration
	if given != nil {
		c = clone.Of(*given)
	}
	c.MinimumHealthyPercent, c.MaximumPercent = or(c.MinimumHealthyPercent, 100), or(c.MaximumPercent, 200)
	if c.Strategy == "" {
		c.Strategy = types.DeploymentStrategyRolling
	}
	if c.DeploymentCircuitBreaker == nil {
		c.DeploymentCircuitBreaker = &types.DeploymentCircuitBreaker{}
	}
	return c
}

func checkCreate(in *sdk.CreateServiceInput) error {
	switch {
	case !namePattern().MatchString(aws.ToString(in.ServiceName)):
		return invalid("Invalid service name: %q.", aws.ToString(in.ServiceName))
	case aws.ToString(in.TaskDefinition) == "":
		return invalid("TaskDefinition can not be blank.")
	case len(aws.ToString(in.ClientToken)) > 36:
		return invalid("clientToken must have at most 36 characters.")
	case in.SchedulingStrategy == types.SchedulingStrategyDaemon:
		return invalid("The daemon scheduling strategy is not supported for Fargate.")
	case in.DesiredCount == nil:
		return invalid("DesiredCount is required for the REPLICA scheduling strategy.")
	case in.DeploymentController != nil && in.DeploymentController.Type != types.DeploymentControllerTypeEcs:
		return &types.UnsupportedFeatureException{Message: new("Only the deployment controller ECS is offered here.")}
	}
	if err := checkScale(in.DesiredCount); err != nil {
		return err
	}
	if err := checkTags(in.Tags); err != nil {
		return err
	}
	return checkConfiguration(in.DeploymentConfiguration)
}

func checkScale(desired *int32) error {
	if desired != nil && (*desired < 0 || *desired > 5000) {
		return invalid("DesiredCount must be between 0 and 5000.")
	}
	return nil
}

// checkConfiguration refuses bounds that would not let a deployment proceed.
func checkConfiguration(c *types.DeploymentConfiguration) error {
	if c == nil {
		return nil
	}
	if c.Strategy != "" && c.Strategy != types.DeploymentStrategyRolling {
		return &types.UnsupportedFeatureException{Message: new("Only the deployment strategy ROLLING is offered here.")}
	}
	low, high := *or(c.MinimumHealthyPercent, 100), *or(c.MaximumPercent, 200)
	if low < 0 || low > 100 || high < 100 || low >= high {
		return invalid("The minimumHealthyPercent (0 to 100) must be below the maximumPercent (100 or more).")
	}
	if b := c.DeploymentCircuitBreaker; b != nil && b.ThresholdConfiguration != nil {
		if b.ThresholdConfiguration.Value < 1 {
			return invalid("The threshold of the deployment circuit breaker must be at least 1.")
		}
	}
	return nil
}

func checkNetwork(definition *types.TaskDefinition, n *types.NetworkConfiguration) error {
	if definition.NetworkMode != types.NetworkModeAwsvpc {
		return nil
	}
	if n == nil || n.AwsvpcConfiguration == nil || len(n.AwsvpcConfiguration.Subnets) == 0 {
		return invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
	}
	if len(n.AwsvpcConfiguration.Subnets) > 16 || len(n.AwsvpcConfiguration.SecurityGroups) > 5 {
		return invalid("A network configuration can have at most 16 subnets and 5 security groups.")
	}
	return nil
}

// checkRegistries refuses registries without an ARN or for containers that are not there.
func checkRegistries(definition *types.TaskDefinition, registries []types.ServiceRegistry) error {
	if len(registries) > 1 {
		return invalid("Service registries can have at most 1 item.")
	}
	for _, r := range registries {
		if aws.ToString(r.RegistryArn) == "" {
			return invalid("Registry ARN can not be blank.")
		}
		if r.ContainerName != nil && !hasContainer(definition, *r.ContainerName) {
			return invalid("The container %s does not exist in the task definition.", *r.ContainerName)
		}
	}
	return nil
}

func hasContainer(definition *types.TaskDefinition, name string) bool {
	for _, c := range definition.ContainerDefinitions {
		if *c.Name == name {
			return true
		}
	}
	return false
}

// UpdateService changes a service. Another task definition, network or registry, and
// forceNewDeployment, begin a deployment; another scale or configuration does not.
func (s *Service) UpdateService(_ context.Context, in *sdk.UpdateServiceInput) (*sdk.UpdateServiceOutput, error) {
	if err := checkScale(in.DesiredCount); err != nil {
		return nil, err
	}
	if err := checkConfiguration(in.DeploymentConfiguration); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.activeCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	w, ok := s.workload(c, in.Service)
	switch {
	case !ok:
		return nil, serviceNotFound()
	case w.status != active:
		return nil, serviceNotActive()
	}
	definition := w.primary().definition
	if in.TaskDefinition != nil {
		if definition, err = s.runnable(in.TaskDefinition, w.launch); err != nil {
			return nil, err
		}
	}
	if err := s.apply(w, in, definition); err != nil {
		return nil, err
	}
	return &sdk.UpdateServiceOutput{Service: s.describeWorkload(w, false)}, nil
}

// apply checks and makes the changes of an update; s.mu is held.
func (s *Service) apply(w *workload, in *sdk.UpdateServiceInput, definition *types.TaskDefinition) error {
	network, registries := w.network, w.registries
	if in.NetworkConfiguration != nil {
		network = clone.Of(in.NetworkConfiguration)
	}
	if in.ServiceRegistries != nil {
		registries = clone.Of(in.ServiceRegistries)
	}
	if err := checkNetwork(definition, network); err != nil {
		return err
	}
	if err := checkRegistries(definition, registries); err != nil {
		return err
	}
	anew := in.ForceNewDeployment || definition != w.primary().definition ||
		!clone.Equal(network, w.network) || !clone.Equal(registries, w.registries)
	w.network, w.registries = network, registries
	if in.DeploymentConfiguration != nil {
		w.configuration = completeConfiguration(in.DeploymentConfiguration)
	}
	if in.DesiredCount != nil && *in.DesiredCount != w.desired {
		w.desired, w.steady = *in.DesiredCount, false
	}
	if anew {
		w.deploy(w.newDeployment(definition))
	}
	w.wakeUp()
	s.touch()
	return nil
}
