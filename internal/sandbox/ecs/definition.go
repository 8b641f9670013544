package ecs

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"serin/internal/sandbox/clone"
)

// keptInactive is how many inactive task definitions can still be described. ECS keeps
// them for good; here every version that was ever tried would be one.
const keptInactive = 100

// family is the revisions of a task definition; revision n is at index n-1, and nil when
// it was forgotten.
type family struct {
	name      string
	revisions []*types.TaskDefinition
}

// latest is the newest active revision, nil when there is none.
func (f *family) latest() *types.TaskDefinition {
	for _, d := range slices.Backward(f.revisions) {
		if d != nil && d.Status == types.TaskDefinitionStatusActive {
			return d
		}
	}
	return nil
}

// definition finds a task definition by ARN, by family and revision, or by family, which
// means the newest active revision; nil when there is none. s.mu is held.
func (s *Service) definition(named *string) *types.TaskDefinition {
	name, revision, exact := strings.Cut(lastPart(aws.ToString(named)), ":")
	f, ok := s.families[name]
	switch {
	case !ok:
		return nil
	case !exact:
		return f.latest()
	}
	number, err := strconv.Atoi(revision)
	if err != nil || number < 1 || number > len(f.revisions) {
		return nil
	}
	return f.revisions[number-1]
}

// runnable finds a task definition that tasks of a launch type can be started from; s.mu
// is held.
func (s *Service) runnable(named *string, launch types.LaunchType) (*types.TaskDefinition, error) {
	found := s.definition(named)
	switch {
	case found == nil:
		return nil, client("TaskDefinition not found.")
	case found.Status != types.TaskDefinitionStatusActive:
		return nil, client("TaskDefinition is inactive")
	case launch != types.LaunchTypeEc2 && !slices.Contains(found.Compatibilities, types.CompatibilityFargate):
		return nil, invalid("Task definition does not support launch_type FARGATE.")
	default:
		return found, nil
	}
}

// RegisterTaskDefinition adds a revision to a family.
func (s *Service) RegisterTaskDefinition(
	_ context.Context, in *sdk.RegisterTaskDefinitionInput,
) (*sdk.RegisterTaskDefinitionOutput, error) {
	if err := checkDefinition(in); err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.families[*in.Family]
	if !ok {
		f = &family{name: *in.Family}
		s.families[f.name] = f
	}
	made := newDefinition(in)
	made.Revision = int32(len(f.revisions) + 1)
	made.TaskDefinitionArn = new(s.region.ARN("ecs", fmt.Sprintf("task-definition/%s:%d", f.name, made.Revision)))
	made.RegisteredBy = new(s.region.GlobalARN("iam", "root"))
	f.revisions = append(f.revisions, made)
	s.tags[*made.TaskDefinitionArn] = clone.Of(in.Tags)
	s.touch()
	return &sdk.RegisterTaskDefinitionOutput{TaskDefinition: clone.Of(made), Tags: clone.Of(in.Tags)}, nil
}

// newDefinition is a task definition with the defaults that ECS fills in.
func newDefinition(in *sdk.RegisterTaskDefinitionInput) *types.TaskDefinition {
	made := clone.Of(&types.TaskDefinition{
		Family: in.Family, ContainerDefinitions: in.ContainerDefinitions, Cpu: in.Cpu, Memory: in.Memory,
		EnableFaultInjection: in.EnableFaultInjection, EphemeralStorage: in.EphemeralStorage,
		ExecutionRoleArn: in.ExecutionRoleArn, TaskRoleArn: in.TaskRoleArn, IpcMode: in.IpcMode, PidMode: in.PidMode,
		NetworkMode: in.NetworkMode, PlacementConstraints: in.PlacementConstraints,
		ProxyConfiguration: in.ProxyConfiguration, RequiresCompatibilities: in.RequiresCompatibilities,
		RuntimePlatform: in.RuntimePlatform, Volumes: in.Volumes,
		Status: types.TaskDefinitionStatusActive, RegisteredAt: moment(),
		Compatibilities: []types.Compatibility{types.CompatibilityEc2},
	})
	if checkFargate(in) == nil {
		made.Compatibilities = append(made.Compatibilities, types.CompatibilityFargate)
	}
	made.Cpu, made.Memory = plain(made.Cpu, "vcpu"), plain(made.Memory, "gb")
	for i := range made.ContainerDefinitions {
		completeContainer(&made.ContainerDefinitions[i])
	}
	return made
}

// completeContainer fills in the defaults of a container (ECS API reference,
// ContainerDefinition and HealthCheck).
func completeContainer(c *types.ContainerDefinition) {
	if c.Essential == nil {
		c.Essential = new(true)
	}
	for i := range c.PortMappings {
		mapping := &c.PortMappings[i]
		if mapping.HostPort == nil {
			mapping.HostPort = mapping.ContainerPort
		}
		if mapping.Protocol == "" {
			mapping.Protocol = types.TransportProtocolTcp
		}
	}
	if h := c.HealthCheck; h != nil {
		h.Interval = or(h.Interval, 30)
		h.Timeout = or(h.Timeout, 5)
		h.Retries = or(h.Retries, 3)
	}
}

// plain is a size as ECS gives it back: a number of CPU units or MiB.
func plain(text *string, unit string) *string {
	if text == nil {
		return nil
	}
	if number, ok := size(*text, unit); ok {
		return new(strconv.Itoa(number))
	}
	return text
}

// or is a number, or another one when it is absent.
func or(number *int32, otherwise int32) *int32 {
	if number == nil {
		return &otherwise
	}
	return number
}

// DescribeTaskDefinition describes a task definition.
func (s *Service) DescribeTaskDefinition(
	_ context.Context, in *sdk.DescribeTaskDefinitionInput,
) (*sdk.DescribeTaskDefinitionOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.definition(in.TaskDefinition)
	if found == nil {
		return nil, client("Unable to describe task definition.")
	}
	out := &sdk.DescribeTaskDefinitionOutput{TaskDefinition: clone.Of(found)}
	if slices.Contains(in.Include, types.TaskDefinitionFieldTags) {
		out.Tags = append([]types.Tag{}, clone.Of(s.tags[*found.TaskDefinitionArn])...)
	}
	return out, nil
}

// DeregisterTaskDefinition makes a revision inactive: what runs goes on, but nothing new
// is started from it.
func (s *Service) DeregisterTaskDefinition(
	_ context.Context, in *sdk.DeregisterTaskDefinitionInput,
) (*sdk.DeregisterTaskDefinitionOutput, error) {
	if !strings.Contains(lastPart(aws.ToString(in.TaskDefinition)), ":") {
		return nil, client("Task definition must have a revision.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.definition(in.TaskDefinition)
	switch {
	case found == nil:
		return nil, client("Unable to describe task definition.")
	case found.Status != types.TaskDefinitionStatusActive:
		return nil, client("The specified task definition is inactive. You can only deregister active task definitions.")
	}
	found.Status, found.DeregisteredAt = types.TaskDefinitionStatusInactive, moment()
	s.forgetInactive()
	s.touch()
	return &sdk.DeregisterTaskDefinitionOutput{TaskDefinition: clone.Of(found)}, nil
}

// forgetInactive drops those of the inactive task definitions that were deregistered
// first, and families of which nothing is left; s.mu is held.
func (s *Service) forgetInactive() {
	var inactive []*types.TaskDefinition
	for _, f := range s.families {
		for _, d := range f.revisions {
			if d != nil && d.Status == types.TaskDefinitionStatusInactive {
				inactive = append(inactive, d)
			}
		}
	}
	slices.SortFunc(inactive, func(a, b *types.TaskDefinition) int { return a.DeregisteredAt.Compare(*b.DeregisteredAt) })
	for _, d := range inactive[:max(len(inactive)-keptInactive, 0)] {
		f := s.families[*d.Family]
		f.revisions[d.Revision-1] = nil
		delete(s.tags, *d.TaskDefinitionArn)
		if !slices.ContainsFunc(f.revisions, func(d *types.TaskDefinition) bool { return d != nil }) {
			delete(s.families, f.name)
		}
	}
}

// ListTaskDefinitions lists the ARNs of the revisions of a family, or of all, by family
// and revision.
func (s *Service) ListTaskDefinitions(
	_ context.Context, in *sdk.ListTaskDefinitionsInput,
) (*sdk.ListTaskDefinitionsOutput, error) {
	status := in.Status
	if status == "" {
		status = types.TaskDefinitionStatusActive
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// The revision is padded, so that the tenth comes after the ninth.
	padded := make(map[string]string)
	var keys []string
	for _, f := range s.families {
		if in.FamilyPrefix != nil && f.name != *in.FamilyPrefix {
			continue
		}
		for _, d := range f.revisions {
			if d != nil && d.Status == status {
				key := fmt.Sprintf("%s:%010d", f.name, d.Revision)
				keys, padded[key] = append(keys, key), *d.TaskDefinitionArn
			}
		}
	}
	some, next, err := listed(keys, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	for i, key := range some {
		some[i] = padded[key]
	}
	if in.Sort == types.SortOrderDesc {
		slices.Reverse(some)
	}
	return &sdk.ListTaskDefinitionsOutput{TaskDefinitionArns: some, NextToken: next}, nil
}

// ListTaskDefinitionFamilies lists the families whose names begin with a prefix.
func (s *Service) ListTaskDefinitionFamilies(
	_ context.Context, in *sdk.ListTaskDefinitionFamiliesInput,
) (*sdk.ListTaskDefinitionFamiliesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, f := range s.families {
		matches := in.Status == "" || in.Status == types.TaskDefinitionFamilyStatusAll ||
			(in.Status == types.TaskDefinitionFamilyStatusActive) == (f.latest() != nil)
		if matches && strings.HasPrefix(f.name, aws.ToString(in.FamilyPrefix)) {
			names = append(names, f.name)
		}
	}
	some, next, err := listed(names, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &sdk.ListTaskDefinitionFamiliesOutput{Families: some, NextToken: next}, nil
}
