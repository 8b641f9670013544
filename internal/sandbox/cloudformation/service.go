// Package cloudformation is AWS CloudFormation as aws-sdk-go-v2 and the AWS CLI know
// it: templates, stacks that come about and go away resource by resource with their
// events, exports and imports, updates and change sets.
//
// It stands on package region; templates are read by its subpackage template, and
// resources made by its subpackage resource, through interfaces that are declared
// there: it knows no other service of the sandbox.
package cloudformation

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"serin/internal/sandbox/cloudformation/resource"
	"serin/internal/sandbox/region"
	"serin/internal/sandbox/wire"
)

// Services are the APIs that stacks make their resources through. The resource types of
// a service that is nil are not offered.
type Services = resource.Services

// Service is CloudFormation in one region. All its methods are safe for concurrent use.
// Close must be called.
type Service struct {
	region   region.Region
	services Services
	registry resource.Registry

	// life ends with Close; operations that are under way end with it.
	life context.Context
	end  context.CancelFunc
	work sync.WaitGroup

	// mu guards what follows and everything within it; it is never held over a call to
	// a service or a wait.
	mu sync.Mutex
	// stacks are those that there are and that were deleted lately, by id; names those
	// that are not deleted.
	stacks map[string]*stack
	names  map[string]*stack
	// order is the stacks as they were created.
	order  []*stack
	closed bool
	// disturbance may be nil.
	disturbance Disturbance
}

// Disturbance makes resources of stacks fail that would not.
type Disturbance interface {
	// Creating is why a resource of a type is not created, and nil where it is.
	Creating(stack, kind string) error
	// Deleting is why a resource is not deleted, and nil where it is; name is its
	// physical id.
	Deleting(stack, kind, name string) error
}

// Disturb has every resource that is created or deleted from now on pass a disturbance.
func (s *Service) Disturb(disturbance Disturbance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disturbance = disturbance
}

// New is CloudFormation in a region, without a stack. Its work ends with Close.
func New(place region.Region, services Services) *Service {
	life, end := context.WithCancel(context.Background())
	return &Service{
		region: place, services: services, registry: resource.NewRegistry(place, services),
		life: life, end: end,
		stacks: make(map[string]*stack), names: make(map[string]*stack),
	}
}

// Close abandons the operations that are under way, leaving stacks and resources as
// they are, and returns when nothing runs any more. Closing twice is harmless.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.work.Wait()
}

// Operations lists the service's operations for the front door.
func (s *Service) Operations() []wire.Operation {
	return []wire.Operation{
		wire.Op("CreateChangeSet", s.CreateChangeSet),
		wire.Op("CreateStack", s.CreateStack),
		wire.Op("DeleteChangeSet", s.DeleteChangeSet),
		wire.Op("DeleteStack", s.DeleteStack),
		wire.Op("DescribeChangeSet", s.DescribeChangeSet),
		wire.Op("DescribeStackEvents", s.DescribeStackEvents),
		wire.Op("DescribeStackResource", s.DescribeStackResource),
		wire.Op("DescribeStackResources", s.DescribeStackResources),
		wire.Op("DescribeStacks", s.DescribeStacks),
		wire.Op("ExecuteChangeSet", s.ExecuteChangeSet),
		wire.Op("GetTemplate", s.GetTemplate),
		wire.Op("GetTemplateSummary", s.GetTemplateSummary),
		wire.Op("ListChangeSets", s.ListChangeSets),
		wire.Op("ListExports", s.ListExports),
		wire.Op("ListImports", s.ListImports),
		wire.Op("ListStackResources", s.ListStackResources),
		wire.Op("ListStacks", s.ListStacks),
		wire.Op("UpdateStack", s.UpdateStack),
		wire.Op("UpdateTerminationProtection", s.UpdateTerminationProtection),
		wire.Op("ValidateTemplate", s.ValidateTemplate),
	}
}

// find is a stack by its name, while it is not deleted, or by its id. The caller holds mu.
func (s *Service) find(nameOrID string) *stack {
	if found := s.names[nameOrID]; found != nil {
		return found
	}
	return s.stacks[nameOrID]
}

// need is find with CloudFormation's error where there is no such stack.
func (s *Service) need(nameOrID string) (*stack, error) {
	if found := s.find(nameOrID); found != nil {
		return found, nil
	}
	return nil, invalid("Stack with id %s does not exist", nameOrID)
}

// exports are the values that stacks export, by name, with the stack of each; a stack
// that is being deleted exports nothing any more. The caller holds mu.
func (s *Service) exports() map[string]export {
	all := make(map[string]export)
	for _, st := range s.names {
		if st.status == types.StackStatusDeleteInProgress {
			continue
		}
		for _, output := range st.outputs {
			if output.Export != "" {
				all[output.Export] = export{value: output.Value, stack: st}
			}
		}
	}
	return all
}

type export struct {
	value string
	stack *stack
}

// importers are the names of the stacks that import an export. The caller holds mu.
func (s *Service) importers(name string) []string {
	var importers []string
	for _, st := range s.order {
		if s.names[st.name] == st && st.imports(name) {
			importers = append(importers, st.name)
		}
	}
	return importers
}
