package cloudmap

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"serin/internal/sandbox/clone"
	"serin/internal/sandbox/page"
)

// servicePattern is Cloud Map's ServiceName.
var servicePattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(
		`^([a-zA-Z0-9_][a-zA-Z0-9-_]{0,61}[a-zA-Z0-9_]|[a-zA-Z0-9])(\.([a-zA-Z0-9_][a-zA-Z0-9-_]{0,61}[a-zA-Z0-9_]|[a-zA-Z0-9]))*$`)
})

// registry is one Cloud Map service with the instances that are registered in it.
type registry struct {
	types.Service
	instances map[string]*instance
	// revision counts the changes of the instances and of their health.
	revision int64
}

// registriesOf are the services of a namespace by name; s.mu is held.
func (s *Service) registriesOf(namespaceID string) []*registry {
	var of []*registry
	for _, r := range s.registries {
		if *r.NamespaceId == namespaceID {
			of = append(of, r)
		}
	}
	slices.SortFunc(of, func(a, b *registry) int { return cmp.Compare(*a.Name, *b.Name) })
	return of
}

// registry is a service by its identifier or ARN; s.mu is held.
func (s *Service) registry(id *string) (*registry, error) {
	if aws.ToString(id) == "" {
		return nil, invalid("A service's Id is required.")
	}
	if r, ok := s.registries[bare(*id)]; ok {
		return r, nil
	}
	return nil, &types.ServiceNotFound{Message: new(fmt.Sprintf("Service not found: %s", *id))}
}

func (r *registry) describe() *types.Service {
	out := clone.Of(r.Service)
	out.InstanceCount = new(int32(len(r.instances)))
	return &out
}

// CreateService makes a service in a namespace.
func (s *Service) CreateService(_ context.Context, in *sdk.CreateServiceInput) (*sdk.CreateServiceOutput, error) {
	name := aws.ToString(in.Name)
	if len(name) > 127 || !servicePattern().MatchString(name) {
		return nil, invalid("Name %q is not a valid name of a service.", name)
	}
	if err := checkDescribed(in.Description, in.Tags); err != nil {
		return nil, err
	}
	id := in.NamespaceId
	if id == nil && in.DnsConfig != nil {
		id = in.DnsConfig.NamespaceId //nolint:staticcheck // Old clients and templates still give it here.
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ns, err := s.activeNamespace(id)
	if err != nil {
		return nil, err
	}
	if s.underWay(types.OperationTargetTypeNamespace, *ns.Id, types.OperationTypeDeleteNamespace) != nil {
		return nil, &types.NamespaceNotFound{Message: new(fmt.Sprintf("Namespace %s is being deleted", *ns.Id))}
	}
	if err := checkService(ns, in); err != nil {
		return nil, err
	}
	if existing, err := s.existing(ns, in); existing != nil || err != nil {
		return &sdk.CreateServiceOutput{Service: existing}, err
	}
	created := s.newRegistry(ns, in)
	s.registries[*created.Id] = created
	s.tags[*created.Arn] = clone.Of(in.Tags)
	return &sdk.CreateServiceOutput{Service: created.describe()}, nil
}

// existing is the service that an earlier request with the same identifier made, or
// ServiceAlreadyExists when another one made it.
func (s *Service) existing(ns *namespace, in *sdk.CreateServiceInput) (*types.Service, error) {
	for _, r := range s.registriesOf(*ns.Id) {
		if *r.Name != *in.Name {
			continue
		}
		if in.CreatorRequestId != nil && aws.ToString(r.CreatorRequestId) == *in.CreatorRequestId {
			return r.describe(), nil
		}
		return nil, &types.ServiceAlreadyExists{
			Message:   new(fmt.Sprintf("Service %s already exists.", *in.Name)),
			ServiceId: new(*r.Id), ServiceArn: new(*r.Arn), CreatorRequestId: clone.Of(r.CreatorRequestId),
		}
	}
	return nil, nil
}

func (s *Service) newRegistry(ns *namespace, in *sdk.CreateServiceInput) *registry {
	made := clone.Of(types.Service{
		Name: in.Name, Description: in.Description, CreatorRequestId: in.CreatorRequestId,
		DnsConfig: in.DnsConfig, HealthCheckCustomConfig: in.HealthCheckCustomConfig,
		CreateDate: moment(), NamespaceId: ns.Id, Type: types.ServiceTypeHttp,
		ResourceOwner: &s.region.Account, CreatedByAccount: &s.region.Account,
	})
	made.Id = new(identifier("srv-"))
	made.Arn = new(s.region.ARN("servicediscovery", "service/"+*made.Id))
	if made.DnsConfig != nil {
		made.Type = types.ServiceTypeDnsHttp
		made.DnsConfig.NamespaceId = new(*ns.Id) //nolint:staticcheck // Cloud Map still answers with it.
		if made.DnsConfig.RoutingPolicy == "" {
			made.DnsConfig.RoutingPolicy = types.RoutingPolicyMultivalue
		}
	}
	if made.HealthCheckCustomConfig != nil {
		// The threshold can no longer be chosen (API reference, HealthCheckCustomConfig).
		made.HealthCheckCustomConfig.FailureThreshold = new(int32(1)) //nolint:staticcheck // Cloud Map still answers with it.
	}
	return &registry{Service: made, instances: make(map[string]*instance)}
}

// checkService refuses what Cloud Map refuses of a new service.
func checkService(ns *namespace, in *sdk.CreateServiceInput) error {
	switch {
	case in.HealthCheckConfig != nil && in.HealthCheckCustomConfig != nil:
		return invalid("A service can have a HealthCheckConfig or a HealthCheckCustomConfig, not both.")
	case in.HealthCheckConfig != nil:
		return invalid("HealthCheckConfig is for public DNS namespaces only.")
	case in.DnsConfig != nil && ns.Type == types.NamespaceTypeHttp:
		return invalid("A service in an HTTP namespace can have no DnsConfig.")
	case in.DnsConfig != nil && in.Type == types.ServiceTypeOptionHttp:
		return invalid("A service of type HTTP can have no DnsConfig.")
	case in.DnsConfig != nil:
		return checkDNS(in.DnsConfig.DnsRecords, in.DnsConfig.RoutingPolicy)
	default:
		return nil
	}
}

// checkDNS enforces the rules of records: at least one, each type once, CNAME alone and
// with the weighted policy (Cloud Map API reference, DnsRecord).
func checkDNS(records []types.DnsRecord, policy types.RoutingPolicy) error {
	if len(records) == 0 {
		return invalid("DnsRecords must have at least one record.")
	}
	if policy != "" && !slices.Contains(policy.Values(), policy) {
		return invalid("RoutingPolicy %q is unknown.", policy)
	}
	seen := make(map[types.RecordType]bool)
	for _, r := range records {
		switch {
		case !slices.Contains(r.Type.Values(), r.Type):
			return invalid("The record type %q is unknown.", r.Type)
		case r.TTL == nil || *r.TTL < 0 || *r.TTL > 1<<31-1:
			return invalid("TTL must be between 0 and 2147483647.")
		case seen[r.Type]:
			return invalid("The record type %s is given more than once.", r.Type)
		}
		seen[r.Type] = true
	}
	if seen[types.RecordTypeCname] && (len(records) > 1 || policy != types.RoutingPolicyWeighted) {
		return invalid("A CNAME record must be alone and have the routing policy WEIGHTED.")
	}
	return nil
}

// GetService describes a service.
func (s *Service) GetService(_ context.Context, in *sdk.GetServiceInput) (*sdk.GetServiceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.registry(in.Id)
	if err != nil {
		return nil, err
	}
	return &sdk.GetServiceOutput{Service: r.describe()}, nil
}

// UpdateService changes a service's description and the TTLs of its records. Records
// that are not given are removed.
func (s *Service) UpdateService(_ context.Context, in *sdk.UpdateServiceInput) (*sdk.UpdateServiceOutput, error) {
	if in.Service == nil {
		return nil, invalid("Service is required.")
	}
	if err := checkDescribed(in.Service.Description, nil); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.registry(in.Id)
	if err != nil {
		return nil, err
	}
	if op := s.underWay(types.OperationTargetTypeService, *r.Id, types.OperationTypeUpdateService); op != nil {
		return nil, duplicate(op)
	}
	change := clone.Of(in.Service)
	if change.HealthCheckConfig != nil {
		return nil, invalid("HealthCheckConfig is for public DNS namespaces only.")
	}
	if change.DnsConfig != nil {
		if r.DnsConfig == nil {
			return nil, invalid("Service %s has no DnsConfig that could be changed.", *r.Id)
		}
		if err := checkDNS(change.DnsConfig.DnsRecords, r.DnsConfig.RoutingPolicy); err != nil {
			return nil, err
		}
	}
	targets := map[string]string{string(types.OperationTargetTypeService): *r.Id}
	operation := s.begin(types.OperationTypeUpdateService, targets, instanceTime, func() {
		if change.Description != nil {
			r.Description = change.Description
		}
		if change.DnsConfig != nil {
			r.DnsConfig.DnsRecords = change.DnsConfig.DnsRecords
		}
	})
	return &sdk.UpdateServiceOutput{OperationId: new(*operation)}, nil
}

// DeleteService removes a service without instances; ResourceInUse otherwise.
func (s *Service) DeleteService(_ context.Context, in *sdk.DeleteServiceInput) (*sdk.DeleteServiceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.registry(in.Id)
	if err != nil {
		return nil, err
	}
	if len(r.instances) > 0 {
		return nil, &types.ResourceInUse{
			Message: new("Service contains registered instances; delete the instances before deleting the service"),
		}
	}
	delete(s.registries, *r.Id)
	delete(s.tags, *r.Arn)
	return &sdk.DeleteServiceOutput{}, nil
}

// ListServices lists the services that pass every filter.
func (s *Service) ListServices(_ context.Context, in *sdk.ListServicesInput) (*sdk.ListServicesOutput, error) {
	size, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	for _, f := range in.Filters {
		if err := checkFilter(string(f.Name), f.Condition, f.Values); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []types.ServiceSummary{}
	for _, id := range slices.Sorted(maps.Keys(s.registries)) {
		r := s.registries[id]
		if slices.ContainsFunc(in.Filters, func(f types.ServiceFilter) bool { return !servicePasses(r, f) }) {
			continue
		}
		d := r.describe()
		all = append(all, types.ServiceSummary{
			Arn: d.Arn, CreateDate: d.CreateDate, CreatedByAccount: d.CreatedByAccount, Description: d.Description,
			DnsConfig: d.DnsConfig, HealthCheckCustomConfig: d.HealthCheckCustomConfig, Id: d.Id,
			InstanceCount: d.InstanceCount, Name: d.Name, ResourceOwner: d.ResourceOwner, Type: d.Type,
		})
	}
	some, next, err := page.After(all, func(r types.ServiceSummary) string { return *r.Id }, size, in.NextToken)
	if err != nil {
		return nil, invalid("NextToken is invalid.")
	}
	return &sdk.ListServicesOutput{Services: some, NextToken: next}, nil
}

func servicePasses(r *registry, f types.ServiceFilter) bool {
	switch f.Name {
	case types.ServiceFilterNameNamespaceId:
		return slices.ContainsFunc(f.Values, func(v string) bool { return bare(v) == *r.NamespaceId })
	case types.ServiceFilterNameResourceOwner:
		return f.Values[0] == "SELF"
	default:
		return false
	}
}
