package cloudformation

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// DeleteStack begins to delete a stack and answers at once. A stack that does not exist
// (any more) is no error. A creation that is under way is cancelled.
func (s *Service) DeleteStack(_ context.Context, in *sdk.DeleteStackInput) (*sdk.DeleteStackOutput, error) {
	err := first(
		aStackName.check("stackName", in.StackName),
		requestToken.check("clientRequestToken", in.ClientRequestToken),
		enumerated("deletionMode", in.DeletionMode, in.DeletionMode.Values()),
	)
	if err != nil {
		return nil, err
	}
	out := &sdk.DeleteStackOutput{}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.find(*in.StackName)
	if st == nil || st.status == types.StackStatusDeleteComplete || st.status == types.StackStatusDeleteInProgress {
		return out, nil
	}
	if err := s.checkDelete(st, in); err != nil {
		return nil, err
	}
	st.settings.deletionMode = in.DeletionMode
	st.record(aws.ToString(in.ClientRequestToken), types.StackStatusDeleteInProgress, "User Initiated")
	s.begin(st, aws.ToString(in.ClientRequestToken), func(op *operation) {
		op.deleteStack(in.RetainResources, in.DeletionMode)
	})
	return out, nil
}

func (s *Service) checkDelete(st *stack, in *sdk.DeleteStackInput) error {
	if st.settings.protected {
		return invalid("Stack [%s] cannot be deleted while TerminationProtection is enabled", st.name)
	}
	if strings.HasPrefix(string(st.status), "UPDATE_") && strings.HasSuffix(string(st.status), "IN_PROGRESS") {
		return invalid("Stack [%s] cannot be deleted while in status %s", st.name, st.status)
	}
	stuck := st.status == types.StackStatusDeleteFailed
	if in.DeletionMode == types.DeletionModeForceDeleteStack && !stuck {
		return invalid("Force delete stack operation is only valid for stacks in DELETE_FAILED state; stack [%s] is in %s", st.name, st.status)
	}
	if len(in.RetainResources) > 0 && !stuck {
		return invalid("Invalid operation on stack [%s]. Resources can be retained only when the stack is in the DELETE_FAILED state", st.id)
	}
	for _, name := range in.RetainResources {
		if m := st.members[name]; m == nil || !m.exists() {
			return invalid("Resource %s does not exist in stack %s", name, st.name)
		}
	}
	for _, output := range st.outputs {
		if output.Export == "" {
			continue
		}
		if importers := s.importers(output.Export); len(importers) > 0 {
			return invalid("Export %s cannot be deleted as it is in use by %s", output.Export, strings.Join(importers, ", "))
		}
	}
	return nil
}

// deleteStack deletes what the stack has left. A forced deletion leaves behind, in its
// second round, what could not be deleted in the first.
func (op *operation) deleteStack(retained []string, mode types.DeletionMode) {
	keep := func(m *member) bool {
		return m.deletionPolicy == "Retain" || m.deletionPolicy == "RetainExceptOnCreate" ||
			slices.Contains(retained, m.logicalID)
	}
	if mode == types.DeletionModeForceDeleteStack {
		op.remove(op.everything(), keep)
		keep = func(*member) bool { return true }
	}
	op.removeAll(types.StackStatusDeleteComplete, types.StackStatusDeleteFailed, keep)
}
