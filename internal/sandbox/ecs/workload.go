package ecs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/uuid"

	"serin/internal/sandbox/clone"
)

// keptEvents is how many events of a service ECS keeps.
const keptEvents = 100

// workloadKey names a service: its cluster and its name.
type workloadKey struct{ cluster, name string }

// workload is what ECS calls a service (the word is taken here by the API itself). It is
// guarded by Service.mu; its scheduler is the only one that starts its tasks.
type workload struct {
	name, arn string
	cluster   *cluster
	request   *sdk.CreateServiceInput
	status    string
	createdAt time.Time
	goneAt    time.Time

	desired       int32
	launch        types.LaunchType
	configuration types.DeploymentConfiguration
	network       *types.NetworkConfiguration
	registries    []types.ServiceRegistry
	// deployments are newest first; the first is the primary one.
	deployments []*deployment
	// completed is the last deployment that was completed, nil at first.
	completed *deployment
	events    []types.ServiceEvent

	// steady says that the service has its desired tasks; failures counts tasks that
	// failed in a row, the last at failedAt, and no task starts before notBefore.
	steady    bool
	failures  int
	failedAt  time.Time
	notBefore time.Time
	wake      chan struct{}
}

// wakeUp makes the scheduler look at the service.
func (w *workload) wakeUp() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// event adds to what the service tells, newest first; Service.mu is held.
func (w *workload) event(format string, args ...any) {
	w.events = append([]types.ServiceEvent{{
		Id: new(uuid.NewString()), CreatedAt: moment(), Message: new(fmt.Sprintf(format, args...)),
	}}, w.events...)
	w.events = w.events[:min(len(w.events), keptEvents)]
}

// Serves tells whether a service of a cluster is active and has as many healthy running
// tasks as it shall have, at least one.
func (s *Service) Serves(clusterName, service string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.workloads[workloadKey{clusterName, service}]
	if !ok || w.status != "ACTIVE" {
		return false
	}
	healthy := int32(0)
	for _, t := range s.tasks {
		if t.workload == w && t.order == nil && t.health() == types.HealthStatusHealthy {
			healthy++
		}
	}
	return healthy > 0 && healthy >= w.desired
}

// tasksOf are the tasks of a service in the order of their creation; s.mu is held.
func (s *Service) tasksOf(w *workload) []*task {
	var of []*task
	for _, t := range s.tasks {
		if t.workload == w {
			of = append(of, t)
		}
	}
	slices.SortFunc(of, func(a, b *task) int {
		return cmp.Or(a.createdAt.Compare(*b.createdAt), cmp.Compare(a.id, b.id))
	})
	return of
}

// workload finds a service of a cluster by name or ARN; s.mu is held.
func (s *Service) workload(in *cluster, nameOrARN *string) (*workload, bool) {
	w, ok := s.workloads[workloadKey{in.name, lastPart(aws.ToString(nameOrARN))}]
	return w, ok
}

// describeWorkload is a service as the API gives it; s.mu is held.
func (s *Service) describeWorkload(w *workload, tagged bool) *types.Service {
	out := &types.Service{
		ServiceName: &w.name, ServiceArn: &w.arn, ClusterArn: &w.cluster.arn, Status: &w.status, CreatedAt: &w.createdAt,
		CreatedBy: new(s.region.GlobalARN("iam", "root")), DesiredCount: w.desired,
		TaskDefinition: w.primary().definition.TaskDefinitionArn, DeploymentConfiguration: &w.configuration,
		DeploymentController: &types.DeploymentController{Type: types.DeploymentControllerTypeEcs},
		LaunchType:           w.launch, NetworkConfiguration: w.network, ServiceRegistries: w.registries,
		LoadBalancers: w.request.LoadBalancers, HealthCheckGracePeriodSeconds: w.request.HealthCheckGracePeriodSeconds,
		EnableECSManagedTags: w.request.EnableECSManagedTags, EnableExecuteCommand: w.request.EnableExecuteCommand,
		PropagateTags: w.request.PropagateTags, SchedulingStrategy: types.SchedulingStrategyReplica,
		PlatformFamily: new("Linux"), PlatformVersion: new(cmp.Or(aws.ToString(w.request.PlatformVersion), "LATEST")),
		Events: w.events, RoleArn: new(s.region.GlobalARN("iam", "role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS")),
	}
	for _, d := range w.deployments {
		described := s.describeDeployment(w, d)
		out.RunningCount += described.RunningCount
		out.PendingCount += described.PendingCount
		if w.status != inactive {
			out.Deployments = append(out.Deployments, described)
		}
	}
	if tagged {
		out.Tags = s.tags[w.arn]
	}
	return clone.Of(out)
}

// DescribeServices describes up to ten services of a cluster, those that are not there
// as failures.
func (s *Service) DescribeServices(
	_ context.Context, in *sdk.DescribeServicesInput,
) (*sdk.DescribeServicesOutput, error) {
	switch {
	case len(in.Services) == 0:
		return nil, invalid("Services cannot be empty.")
	case len(in.Services) > 10:
		return nil, invalid("Services can have at most 10 items.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetStopped()
	c, err := s.activeCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeServicesOutput{Services: []types.Service{}, Failures: []types.Failure{}}
	for _, name := range in.Services {
		w, ok := s.workload(c, &name)
		if !ok {
			out.Failures = append(out.Failures, missing(s.serviceARN(c, lastPart(name))))
			continue
		}
		out.Services = append(out.Services, *s.describeWorkload(w, slices.Contains(in.Include, types.ServiceFieldTags)))
	}
	return out, nil
}

func (s *Service) serviceARN(in *cluster, name string) string {
	return s.region.ARN("ecs", "service/"+in.name+"/"+name)
}

// ListServices lists the ARNs of a cluster's services that have not been deleted.
func (s *Service) ListServices(_ context.Context, in *sdk.ListServicesInput) (*sdk.ListServicesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.activeCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	var arns []string
	for _, w := range s.workloads {
		if w.cluster == c && w.status != inactive && (in.LaunchType == "" || in.LaunchType == w.launch) {
			arns = append(arns, w.arn)
		}
	}
	some, next, err := listed(arns, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &sdk.ListServicesOutput{ServiceArns: some, NextToken: next}, nil
}

// DeleteService drains a service and makes it inactive when none of its tasks is left.
// Unless force is given it must have been scaled to nothing before.
func (s *Service) DeleteService(_ context.Context, in *sdk.DeleteServiceInput) (*sdk.DeleteServiceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.activeCluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	w, ok := s.workload(c, in.Service)
	if !ok || w.status == inactive {
		return nil, serviceNotFound()
	}
	if w.desired > 0 && !aws.ToBool(in.Force) {
		return nil, invalid("The service cannot be stopped while it is scaled above 0.")
	}
	w.status, w.desired = draining, 0
	w.wakeUp()
	s.touch()
	return &sdk.DeleteServiceOutput{Service: s.describeWorkload(w, false)}, nil
}
