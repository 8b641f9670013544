package cloudmap

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
)

// discover finds a service by the names that discovery uses; s.mu is held.
func (s *Service) discover(namespaceName, serviceName string) (*registry, error) {
	found := false
	for _, ns := range s.namespaces {
		if !ns.active || *ns.Properties.HttpProperties.HttpName != namespaceName {
			continue
		}
		found = true
		for _, r := range s.registries {
			if *r.NamespaceId == *ns.Id && *r.Name == serviceName {
				return r, nil
			}
		}
	}
	if !found {
		return nil, &types.NamespaceNotFound{Message: new(fmt.Sprintf("Namespace not found: %s", namespaceName))}
	}
	return nil, &types.ServiceNotFound{Message: new(fmt.Sprintf("Service not found: %s", serviceName))}
}

// selected are the instances that pass a filter of health, by identifier. Where health
// is not checked the filter is ignored.
func (r *registry) selected(filter types.HealthStatusFilter) []*instance {
	all := make([]*instance, 0, len(r.instances))
	for _, id := range slices.Sorted(maps.Keys(r.instances)) {
		all = append(all, r.instances[id])
	}
	if r.HealthCheckCustomConfig == nil || filter == types.HealthStatusFilterAll {
		return all
	}
	wanted := types.HealthStatusHealthy
	if filter == types.HealthStatusFilterUnhealthy {
		wanted = types.HealthStatusUnhealthy
	}
	var some []*instance
	for _, i := range all {
		if i.status == wanted {
			some = append(some, i)
		}
	}
	if len(some) == 0 && filter == types.HealthStatusFilterHealthyOrElseAll {
		return all
	}
	return some
}

// has reports whether an instance has every one of some attributes.
func (i *instance) has(attributes map[string]string) bool {
	for key, value := range attributes {
		if i.Attributes[key] != value {
			return false
		}
	}
	return true
}

// DiscoverInstances gives the instances of a service that have the health asked for
// (all when nothing is asked) and the attributes: those of QueryParameters, and those of
// OptionalParameters too if any instance has both.
func (s *Service) DiscoverInstances(
	_ context.Context, in *sdk.DiscoverInstancesInput,
) (*sdk.DiscoverInstancesOutput, error) {
	filter := in.HealthStatus
	if filter == "" {
		filter = types.HealthStatusFilterAll
	}
	if !slices.Contains(filter.Values(), filter) {
		return nil, invalid("HealthStatus %q is unknown.", filter)
	}
	size := 100
	if in.MaxResults != nil {
		size = int(*in.MaxResults)
	}
	if size < 1 || size > 1000 {
		return nil, invalid("MaxResults must be between 1 and 1000.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.discoverable(in.NamespaceName, in.ServiceName)
	if err != nil {
		return nil, err
	}
	matching := slices.DeleteFunc(r.selected(filter), func(i *instance) bool { return !i.has(in.QueryParameters) })
	preferred := slices.DeleteFunc(slices.Clone(matching), func(i *instance) bool { return !i.has(in.OptionalParameters) })
	if len(preferred) > 0 {
		matching = preferred
	}
	out := &sdk.DiscoverInstancesOutput{Instances: []types.HttpInstanceSummary{}, InstancesRevision: new(r.revision)}
	for _, i := range matching[:min(size, len(matching))] {
		out.Instances = append(out.Instances, types.HttpInstanceSummary{
			InstanceId: new(*i.Id), Attributes: maps.Clone(i.Attributes), HealthStatus: i.status,
			NamespaceName: new(*in.NamespaceName), ServiceName: new(*in.ServiceName),
		})
	}
	return out, nil
}

// DiscoverInstancesRevision gives a number that grows with every change of a service's
// instances or of their health.
func (s *Service) DiscoverInstancesRevision(
	_ context.Context, in *sdk.DiscoverInstancesRevisionInput,
) (*sdk.DiscoverInstancesRevisionOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.discoverable(in.NamespaceName, in.ServiceName)
	if err != nil {
		return nil, err
	}
	return &sdk.DiscoverInstancesRevisionOutput{InstancesRevision: new(r.revision)}, nil
}

func (s *Service) discoverable(namespaceName, serviceName *string) (*registry, error) {
	if aws.ToString(namespaceName) == "" || aws.ToString(serviceName) == "" {
		return nil, invalid("NamespaceName and ServiceName are required.")
	}
	return s.discover(*namespaceName, *serviceName)
}
