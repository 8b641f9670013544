package fault

import (
	"fmt"
	"path"
)

// reason is why a resource fails, in CloudFormation's words.
type reason string

func (r reason) Error() string { return string(r) }

// The resources of a stack that go wrong.
const (
	ecsService  = "AWS::ECS::Service"
	virtualNode = "AWS::AppMesh::VirtualNode"
)

// Creating is why a resource of a stack is not to be created, and nil where it is.
func (i *Injector) Creating(stack, kind string) error {
	if kind != ecsService {
		return nil
	}
	_, found := i.next("create "+stack, func(rule Rule) bool {
		return rule.Target.is(stacks, stack) && (rule.Kind == Fail || rule.Kind == RollBack)
	})
	if !found {
		return nil
	}
	return reason("Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit " +
		"Breaker was triggered'.\" (HandlerErrorCode: GeneralServiceException)")
}

// Deleting is why a resource of a stack is not to be deleted, and nil where it is.
func (i *Injector) Deleting(stack, kind, name string) error {
	if kind != virtualNode {
		return nil
	}
	_, found := i.next("delete "+stack, func(rule Rule) bool {
		return rule.Target.is(stacks, stack) && rule.Kind == DeleteFailed
	})
	if !found {
		return nil
	}
	return reason(fmt.Sprintf("Resource handler returned message: \"VirtualNode with name %s cannot be deleted because it is the "+
		"target of one or more routes. (Service: AppMesh, Status Code: 409)\" (HandlerErrorCode: ResourceConflict)", path.Base(name)))
}
