package aws

import (
	"context"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"serin/internal/engine"
)

// stackStates are CloudFormation's states in the engine's words. A stack that rolls
// back has failed, though it is not done yet. One that somebody updates still has what
// the version needs.
var stackStates = map[types.StackStatus]engine.StackState{
	types.StackStatusReviewInProgress:                        engine.StackCreating,
	types.StackStatusCreateInProgress:                        engine.StackCreating,
	types.StackStatusImportInProgress:                        engine.StackCreating,
	types.StackStatusCreateComplete:                          engine.StackReady,
	types.StackStatusImportComplete:                          engine.StackReady,
	types.StackStatusUpdateInProgress:                        engine.StackReady,
	types.StackStatusUpdateComplete:                          engine.StackReady,
	types.StackStatusUpdateCompleteCleanupInProgress:         engine.StackReady,
	types.StackStatusUpdateRollbackInProgress:                engine.StackReady,
	types.StackStatusUpdateRollbackComplete:                  engine.StackReady,
	types.StackStatusUpdateRollbackCompleteCleanupInProgress: engine.StackReady,
	types.StackStatusCreateFailed:                            engine.StackFailed,
	types.StackStatusRollbackInProgress:                      engine.StackFailed,
	types.StackStatusRollbackComplete:                        engine.StackFailed,
	types.StackStatusRollbackFailed:                          engine.StackFailed,
	types.StackStatusUpdateFailed:                            engine.StackFailed,
	types.StackStatusUpdateRollbackFailed:                    engine.StackFailed,
	types.StackStatusImportRollbackInProgress:                engine.StackFailed,
	types.StackStatusImportRollbackComplete:                  engine.StackFailed,
	types.StackStatusImportRollbackFailed:                    engine.StackFailed,
	types.StackStatusDeleteInProgress:                        engine.StackDeleting,
	types.StackStatusDeleteFailed:                            engine.StackDeleteFailed,
	types.StackStatusDeleteComplete:                          engine.StackAbsent,
}

// stateOf is the state of a status. One that is not known is waited for, until the
// rollout's own deadline.
func stateOf(status types.StackStatus) engine.StackState {
	if state, known := stackStates[status]; known {
		return state
	}
	return engine.StackCreating
}

// Stack reads a stack; see engine.Stacks. A stack that was deleted is still read by its
// ID, with its events, and is StackAbsent.
func (s *Stacks) Stack(ctx context.Context, nameOrID, afterEvent string) (engine.Stack, error) {
	op, target := "read", "stack "+stackName(nameOrID)
	stack, err := s.describe(ctx, op, target, nameOrID)
	if err != nil {
		return engine.Stack{}, err
	}
	read := engine.Stack{Name: stackName(nameOrID), State: engine.StackAbsent, ReadAt: time.Now()}
	if stack == nil {
		return read, nil
	}
	read.ID, read.Name = awssdk.ToString(stack.StackId), text(stack.StackName)
	read.Status, read.State = clean(string(stack.StackStatus)), stateOf(stack.StackStatus)
	read.Owner = ownerOf(stack)
	failed := read.State == engine.StackFailed || read.State == engine.StackDeleteFailed
	last := func(event types.StackEvent) bool {
		return !failed && afterEvent != "" && awssdk.ToString(event.EventId) == afterEvent
	}
	events, err := s.events(ctx, op, target, read.ID, last)
	if err != nil {
		return engine.Stack{}, err
	}
	read.Events = engineEvents(after(events, afterEvent))
	if failed {
		read.Reasons = reasonsOf(read.State, events, text(stack.StackStatusReason))
	}
	return read, nil
}

// ownerOf is the rollout that asked for a stack, as its tag says.
func ownerOf(stack *types.Stack) string {
	for _, tag := range stack.Tags {
		if awssdk.ToString(tag.Key) == engine.OwnerTag {
			return text(tag.Value)
		}
	}
	return ""
}

// events reads the events of a stack, newest first as CloudFormation has them, until
// the first one that is the last, which is included.
func (s *Stacks) events(
	ctx context.Context, op, target, id string, last func(types.StackEvent) bool,
) ([]types.StackEvent, error) {
	var events []types.StackEvent
	pages := newPages()
	for token := (*string)(nil); ; {
		out, err := s.api.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &id, NextToken: token})
		if isNoStack(err) {
			return events, nil
		}
		if err != nil {
			return nil, s.where.fault(ctx, op, "the events of "+target, err)
		}
		events = append(events, out.StackEvents...)
		token = out.NextToken
		if awssdk.ToString(token) == "" || slices.ContainsFunc(out.StackEvents, last) {
			return events, nil
		}
		if err := pages.next(*token); err != nil {
			return nil, s.where.fault(ctx, op, "the events of "+target, err)
		}
	}
}

// after are the events, newest first, that are newer than the one with an ID; all when
// there is none with it.
func after(events []types.StackEvent, id string) []types.StackEvent {
	at := slices.IndexFunc(events, func(event types.StackEvent) bool {
		return id != "" && awssdk.ToString(event.EventId) == id
	})
	if at < 0 {
		return events
	}
	return events[:at]
}

// engineEvents are events in the engine's words, oldest first.
func engineEvents(events []types.StackEvent) []engine.StackEvent {
	var out []engine.StackEvent
	for _, event := range slices.Backward(events) {
		out = append(out, engine.StackEvent{
			ID:       awssdk.ToString(event.EventId),
			At:       awssdk.ToTime(event.Timestamp),
			Resource: text(event.LogicalResourceId),
			Type:     text(event.ResourceType),
			Status:   clean(string(event.ResourceStatus)),
			Reason:   text(event.ResourceStatusReason),
		})
	}
	return out
}

// reasonsOf says why a stack failed, the first cause in time first. The resources that
// CloudFormation gave up on because another one failed are left out, and so are the
// stack's own lines, which only count them.
func reasonsOf(state engine.StackState, events []types.StackEvent, fallback string) []string {
	var reasons []string
	for _, event := range slices.Backward(latest(state, events)) {
		resource, kind := text(event.LogicalResourceId), text(event.ResourceType)
		reason := text(event.ResourceStatusReason)
		if !isFailure(state, event.ResourceStatus) || isFollower(reason) || isStackItself(event) {
			continue
		}
		if reason == "" {
			reason = clean(string(event.ResourceStatus)) + ", without a reason"
		}
		said := resource + " (" + kind + "): " + reason
		if !slices.Contains(reasons, said) {
			reasons = append(reasons, said)
		}
	}
	if len(reasons) == 0 && fallback != "" {
		reasons = []string{fallback}
	}
	return reasons
}

// latest are the events, newest first, of a deletion that failed: those after the last
// time that it was begun. Earlier ones are of an attempt that is past.
func latest(state engine.StackState, events []types.StackEvent) []types.StackEvent {
	if state != engine.StackDeleteFailed {
		return events
	}
	begun := slices.IndexFunc(events, func(event types.StackEvent) bool {
		return isStackItself(event) && event.ResourceStatus == types.ResourceStatusDeleteInProgress
	})
	if begun < 0 {
		return events
	}
	return events[:begun]
}

func isStackItself(event types.StackEvent) bool {
	return awssdk.ToString(event.PhysicalResourceId) == awssdk.ToString(event.StackId) && event.StackId != nil
}

func isFailure(state engine.StackState, status types.ResourceStatus) bool {
	if state == engine.StackDeleteFailed {
		return status == types.ResourceStatusDeleteFailed
	}
	return strings.HasSuffix(string(status), "_FAILED")
}

// isFollower tells CloudFormation's words for a resource that did not fail itself.
func isFollower(reason string) bool {
	reason = strings.ToLower(reason)
	return strings.Contains(reason, "creation cancelled") || strings.Contains(reason, "update cancelled") ||
		strings.Contains(reason, "deletion cancelled")
}
