package cloudformation

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"serin/internal/sandbox/cloudformation/resource"
	"serin/internal/sandbox/cloudformation/template"
)

const cancelled = "Resource creation cancelled"

// unrecognized is why a resource of a type that the region does not offer fails.
func unrecognized(kind string) error {
	return &template.Error{Message: "Unrecognized resource types: [" + kind + "]"}
}

// request is what a blueprint wants of a resource now, evaluated with the members that
// there are. The caller holds the service's mutex.
func (op *operation) request(b *blueprint, logicalID string) (resource.Type, resource.Request, error) {
	declared := b.template.Resources[logicalID]
	kind, offered := op.service.registry[declared.Type]
	if !offered {
		return kind, resource.Request{}, unrecognized(declared.Type)
	}
	evaluated, err := b.evaluation.Properties(logicalID, resolver{op.service, op.stack})
	if err != nil {
		return kind, resource.Request{}, err
	}
	return kind, resource.Request{
		LogicalID: logicalID, StackName: op.stack.name, StackID: op.stack.id,
		Properties: kind.WithTags(evaluated, b.tagMap()),
	}, nil
}

// member is a new resource of the stack, of which nothing is made yet.
func (b *blueprint) member(logicalID string) *member {
	declared := b.template.Resources[logicalID]
	return &member{
		logicalID: logicalID, kind: declared.Type,
		needs: b.evaluation.Dependencies(logicalID), deletionPolicy: declared.DeletionPolicy,
	}
}

// provision makes one resource, with the events of its creation. It reports success.
// ctx ends the waiting: a call to a service, once begun, is seen through, because only
// its answer says what there is to delete.
func (op *operation) provision(ctx context.Context, b *blueprint, logicalID string) bool {
	m := b.member(logicalID)
	var kind resource.Type
	var request resource.Request
	var err error
	op.locked(func() {
		op.stack.members[logicalID] = m
		kind, request, err = op.request(b, logicalID)
		op.stack.recordMember(op.token, m, types.ResourceStatusCreateInProgress, "")
	})
	if err == nil {
		err = op.make(ctx, m, kind, request, types.ResourceStatusCreateInProgress)
	}
	return op.settle(m, err, types.ResourceStatusCreateComplete, types.ResourceStatusCreateFailed)
}

// make creates a member's resource and waits until it is stable.
func (op *operation) make(ctx context.Context, m *member, kind resource.Type, request resource.Request, progress types.ResourceStatus) error {
	pace := op.service.region.Pace
	if err := pace.Wait(ctx, kind.Duration/2); err != nil {
		return err
	}
	if err := op.disturbed(func(d Disturbance) error { return d.Creating(op.stack.name, m.kind) }); err != nil {
		return err
	}
	made, err := kind.Create(op.service.life, request)
	op.locked(func() {
		m.made = made
		if err == nil {
			op.stack.recordMember(op.token, m, progress, "Resource creation Initiated")
		}
	})
	if err != nil {
		return err
	}
	return op.stabilize(ctx, m, kind)
}

func (op *operation) stabilize(ctx context.Context, m *member, kind resource.Type) error {
	if stabilizer, ok := kind.Provider.(resource.Stabilizer); ok {
		if err := stabilizer.Stabilize(ctx, m.made); err != nil {
			return err
		}
	}
	return op.service.region.Pace.Wait(ctx, kind.Duration/2)
}

// settle records how a resource's creation or update ended.
func (op *operation) settle(m *member, err error, complete, failed types.ResourceStatus) bool {
	op.locked(func() {
		switch {
		case err == nil:
			op.stack.recordMember(op.token, m, complete, "")
		case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
			reason := cancelled
			if failed == types.ResourceStatusUpdateFailed {
				reason = "Resource update cancelled"
			}
			op.stack.recordMember(op.token, m, failed, reason)
		default:
			op.stack.recordMember(op.token, m, failed, resource.Reason(m.logicalID, err))
		}
	})
	return err == nil
}

// remove deletes members in the reverse of the order in which they need each other and
// reports those that could not be. Members that are needed by one that could not be
// deleted stay as well. keep says, and why, which are not to be deleted at all; it is
// called with the service's mutex held.
func (op *operation) remove(members map[string]*member, keep func(*member) bool) *names {
	order := make(graph, len(members))
	op.locked(func() {
		for key, m := range members {
			order[key] = nil
			for other, candidate := range members {
				for _, need := range m.needs {
					if need == candidate.logicalID {
						order[key] = append(order[key], other)
					}
				}
			}
		}
	})
	failed := &names{}
	order.reversed().run(func(key string) bool {
		deleted := op.delete(members[key], keep)
		if !deleted {
			failed.add(members[key].logicalID)
		}
		return deleted
	}, func() bool { return op.ctx.Err() != nil })
	return failed
}

// delete deletes one resource, with the events of its deletion. It reports success.
func (op *operation) delete(m *member, keep func(*member) bool) bool {
	skipped := false
	op.locked(func() {
		switch {
		case !m.exists():
			skipped = true
			if m.status != types.ResourceStatusDeleteComplete && m.status != types.ResourceStatusDeleteSkipped {
				op.stack.recordMember(op.token, m, types.ResourceStatusDeleteComplete, "")
			}
		case keep(m):
			skipped = true
			op.stack.recordMember(op.token, m, types.ResourceStatusDeleteSkipped, "")
		default:
			op.stack.recordMember(op.token, m, types.ResourceStatusDeleteInProgress, "")
		}
	})
	if skipped {
		return true
	}
	err := op.destroy(m)
	op.locked(func() {
		if err != nil {
			op.stack.recordMember(op.token, m, types.ResourceStatusDeleteFailed, resource.Reason(m.logicalID, err))
			return
		}
		op.stack.recordMember(op.token, m, types.ResourceStatusDeleteComplete, "")
	})
	return err == nil
}

func (op *operation) destroy(m *member) error {
	kind, offered := op.service.registry[m.kind]
	if !offered {
		return fmt.Errorf("delete %s: %w", m.logicalID, unrecognized(m.kind))
	}
	if err := op.service.region.Pace.Wait(op.service.life, kind.Duration/2); err != nil {
		return err
	}
	if err := op.disturbed(func(d Disturbance) error { return d.Deleting(op.stack.name, m.kind, m.made.PhysicalID) }); err != nil {
		return err
	}
	return kind.Delete(op.service.life, m.made)
}

// disturbed asks the service's disturbance, if there is one.
func (op *operation) disturbed(ask func(Disturbance) error) error {
	var disturbance Disturbance
	op.locked(func() { disturbance = op.service.disturbance })
	if disturbance == nil {
		return nil
	}
	return ask(disturbance)
}
