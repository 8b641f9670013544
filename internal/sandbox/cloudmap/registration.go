package cloudmap

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"serin/internal/sandbox/clone"
	"serin/internal/sandbox/page"
)

// Attributes that Cloud Map itself understands (API reference, RegisterInstance).
const (
	attributeIPv4   = "AWS_INSTANCE_IPV4"
	attributeIPv6   = "AWS_INSTANCE_IPV6"
	attributePort   = "AWS_INSTANCE_PORT"
	attributeCNAME  = "AWS_INSTANCE_CNAME"
	attributeHealth = "AWS_INIT_HEALTH_STATUS"
)

var (
	instancePattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[0-9a-zA-Z_/:.@-]{1,64}$`)
	})
	attributePattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[a-zA-Z0-9!-~]{1,255}$`)
	})
)

// maximumAttributes is how many attributes an instance may have, and
// maximumInstances how many instances a service (Cloud Map quotas).
const (
	maximumAttributes = 30
	maximumInstances  = 1000
)

// instance is one registered instance. pending is the health that was asked for and
// that becomes the status when its time is over; a newer request has another ticket.
type instance struct {
	types.Instance
	status  types.HealthStatus
	pending types.HealthStatus
	ticket  int
}

func (i *instance) seen() Instance {
	return Instance{ID: *i.Id, Attributes: maps.Clone(i.Attributes), Healthy: i.status != types.HealthStatusUnhealthy}
}

// RegisterInstance registers an instance or gives a registered one other attributes. It
// can be discovered at once; the operation ends when DNS would have it as well.
func (s *Service) RegisterInstance(
	_ context.Context, in *sdk.RegisterInstanceInput,
) (*sdk.RegisterInstanceOutput, error) {
	if !instancePattern().MatchString(aws.ToString(in.InstanceId)) {
		return nil, invalid("InstanceId %q is not valid.", aws.ToString(in.InstanceId))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.registry(in.ServiceId)
	if err != nil {
		return nil, err
	}
	scope := *r.Id + "/" + *in.InstanceId
	if operation, ok := s.repeated(types.OperationTypeRegisterInstance, scope, in.CreatorRequestId); ok {
		return &sdk.RegisterInstanceOutput{OperationId: operation}, nil
	}
	if err := checkAttributes(r, in.Attributes); err != nil {
		return nil, err
	}
	if _, known := r.instances[*in.InstanceId]; !known && len(r.instances) >= maximumInstances {
		return nil, &types.ResourceLimitExceeded{Message: new("A service can have at most 1000 instances.")}
	}
	r.instances[*in.InstanceId] = &instance{
		Instance: types.Instance{
			Id: new(*in.InstanceId), Attributes: maps.Clone(in.Attributes),
			CreatorRequestId: clone.Of(in.CreatorRequestId), CreatedByAccount: new(s.region.Account),
		},
		status: initialHealth(r, in.Attributes),
	}
	r.revision++
	operation := s.begin(types.OperationTypeRegisterInstance, instanceTargets(r, *in.InstanceId), instanceTime, func() {})
	s.answered(types.OperationTypeRegisterInstance, scope, in.CreatorRequestId, operation)
	return &sdk.RegisterInstanceOutput{OperationId: new(*operation)}, nil
}

func instanceTargets(r *registry, id string) map[string]string {
	return map[string]string{
		string(types.OperationTargetTypeService):  *r.Id,
		string(types.OperationTargetTypeInstance): id,
	}
}

// initialHealth is the status of a new instance: what it says of itself, else healthy,
// where health is checked, and unknown elsewhere.
func initialHealth(r *registry, attributes map[string]string) types.HealthStatus {
	switch {
	case r.HealthCheckCustomConfig == nil:
		return types.HealthStatusUnknown
	case attributes[attributeHealth] == string(types.HealthStatusUnhealthy):
		return types.HealthStatusUnhealthy
	default:
		return types.HealthStatusHealthy
	}
}

// checkAttributes refuses attributes that Cloud Map refuses, or the lack of one that a
// record of the service needs.
func checkAttributes(r *registry, attributes map[string]string) error {
	if len(attributes) > maximumAttributes {
		return invalid("An instance can have at most %d attributes.", maximumAttributes)
	}
	for key, value := range attributes {
		if !attributePattern().MatchString(key) || len(value) > 1024 {
			return invalid("The attribute %q is not valid.", key)
		}
	}
	if ip, given := attributes[attributeIPv4]; given {
		if address, err := netip.ParseAddr(ip); err != nil || !address.Is4() {
			return invalid("%s %q is not an IPv4 address.", attributeIPv4, ip)
		}
	}
	if port, given := attributes[attributePort]; given {
		if number, err := strconv.Atoi(port); err != nil || number < 0 || number > 65535 {
			return invalid("%s %q is not a port.", attributePort, port)
		}
	}
	if health, given := attributes[attributeHealth]; given {
		if health != "HEALTHY" && health != "UNHEALTHY" {
			return invalid("%s must be HEALTHY or UNHEALTHY.", attributeHealth)
		}
	}
	return checkRecords(r, attributes)
}

// checkRecords refuses an instance that lacks what a record of its service is made of.
func checkRecords(r *registry, attributes map[string]string) error {
	if r.DnsConfig == nil {
		return nil
	}
	needed := map[types.RecordType]string{
		types.RecordTypeA: attributeIPv4, types.RecordTypeAaaa: attributeIPv6,
		types.RecordTypeSrv: attributePort, types.RecordTypeCname: attributeCNAME,
	}
	for _, record := range r.DnsConfig.DnsRecords {
		if _, given := attributes[needed[record.Type]]; !given {
			return invalid("The attribute %s is required for a service with a record of type %s.",
				needed[record.Type], record.Type)
		}
	}
	return nil
}

// registered is an instance of a service; s.mu is held.
func (s *Service) registered(serviceID, id *string) (*registry, *instance, error) {
	r, err := s.registry(serviceID)
	if err != nil {
		return nil, nil, err
	}
	if i, ok := r.instances[aws.ToString(id)]; ok {
		return r, i, nil
	}
	return nil, nil, &types.InstanceNotFound{
		Message: new(fmt.Sprintf("Instance %s not found in service %s", aws.ToString(id), *r.Id)),
	}
}

// DeregisterInstance removes an instance. It can no longer be discovered at once; the
// operation ends when DNS would have forgotten it as well.
func (s *Service) DeregisterInstance(
	_ context.Context, in *sdk.DeregisterInstanceInput,
) (*sdk.DeregisterInstanceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, i, err := s.registered(in.ServiceId, in.InstanceId)
	if err != nil {
		return nil, err
	}
	delete(r.instances, *i.Id)
	r.revision++
	operation := s.begin(types.OperationTypeDeregisterInstance, instanceTargets(r, *i.Id), instanceTime, func() {})
	return &sdk.DeregisterInstanceOutput{OperationId: new(*operation)}, nil
}

// GetInstance describes an instance.
func (s *Service) GetInstance(_ context.Context, in *sdk.GetInstanceInput) (*sdk.GetInstanceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, i, err := s.registered(in.ServiceId, in.InstanceId)
	if err != nil {
		return nil, err
	}
	return &sdk.GetInstanceOutput{Instance: clone.Of(&i.Instance), ResourceOwner: new(s.region.Account)}, nil
}

// ListInstances lists the instances of a service.
func (s *Service) ListInstances(_ context.Context, in *sdk.ListInstancesInput) (*sdk.ListInstancesOutput, error) {
	size, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.registry(in.ServiceId)
	if err != nil {
		return nil, err
	}
	all := []types.InstanceSummary{}
	for _, id := range slices.Sorted(maps.Keys(r.instances)) {
		i := r.instances[id]
		all = append(all, clone.Of(types.InstanceSummary{Id: i.Id, Attributes: i.Attributes, CreatedByAccount: i.CreatedByAccount}))
	}
	some, next, err := page.After(all, func(i types.InstanceSummary) string { return *i.Id }, size, in.NextToken)
	if err != nil {
		return nil, invalid("NextToken is invalid.")
	}
	return &sdk.ListInstancesOutput{Instances: some, NextToken: next, ResourceOwner: new(s.region.Account)}, nil
}

// GetInstancesHealthStatus gives the status of the instances asked for, or of all.
func (s *Service) GetInstancesHealthStatus(
	_ context.Context, in *sdk.GetInstancesHealthStatusInput,
) (*sdk.GetInstancesHealthStatusOutput, error) {
	size, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.registry(in.ServiceId)
	if err != nil {
		return nil, err
	}
	ids := slices.Sorted(maps.Keys(r.instances))
	if len(in.Instances) > 0 {
		for _, id := range in.Instances {
			if _, _, err := s.registered(in.ServiceId, &id); err != nil {
				return nil, err
			}
		}
		ids = slices.Sorted(slices.Values(in.Instances))
	}
	some, next, err := page.After(ids, func(id string) string { return id }, size, in.NextToken)
	if err != nil {
		return nil, invalid("NextToken is invalid.")
	}
	status := make(map[string]types.HealthStatus, len(some))
	for _, id := range some {
		status[id] = r.instances[id].status
	}
	return &sdk.GetInstancesHealthStatusOutput{Status: status, NextToken: next}, nil
}

// UpdateInstanceCustomHealthStatus changes an instance's status about 30 seconds later
// (at pace 1). The same request again does not wait longer, the contrary one takes its
// place (API reference, HealthCheckCustomConfig).
func (s *Service) UpdateInstanceCustomHealthStatus(
	_ context.Context, in *sdk.UpdateInstanceCustomHealthStatusInput,
) (*sdk.UpdateInstanceCustomHealthStatusOutput, error) {
	if !slices.Contains(in.Status.Values(), in.Status) {
		return nil, invalid("Status must be HEALTHY or UNHEALTHY.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, i, err := s.registered(in.ServiceId, in.InstanceId)
	if err != nil {
		return nil, err
	}
	if r.HealthCheckCustomConfig == nil {
		return nil, &types.CustomHealthNotFound{
			Message: new(fmt.Sprintf("Service %s has no custom health check.", *r.Id)),
		}
	}
	s.changeHealth(r, i, types.HealthStatus(in.Status))
	return &sdk.UpdateInstanceCustomHealthStatusOutput{}, nil
}

func (s *Service) changeHealth(r *registry, i *instance, to types.HealthStatus) {
	if i.pending == to {
		return
	}
	i.ticket++
	i.pending = ""
	if i.status == to {
		return
	}
	i.pending = to
	ticket := i.ticket
	s.later(customHealthTime, func() {
		if i.ticket == ticket {
			i.status, i.pending = to, ""
			r.revision++
		}
	})
}
