package cloudformation

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// DescribeStacks describes one stack, by its name or, deleted or not, by its id; or all
// that are not deleted, newest first.
func (s *Service) DescribeStacks(_ context.Context, in *sdk.DescribeStacksInput) (*sdk.DescribeStacksOutput, error) {
	wanted := aStackName
	wanted.mandatory = false
	if err := wanted.check("stackName", in.StackName); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.StackName != nil {
		st, err := s.need(*in.StackName)
		if err != nil {
			return nil, err
		}
		return &sdk.DescribeStacksOutput{Stacks: []types.Stack{st.describe()}}, nil
	}
	var described []types.Stack
	for _, st := range slices.Backward(s.order) {
		if st.deleted.IsZero() {
			described = append(described, st.describe())
		}
	}
	stacks, next, err := page(described, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeStacksOutput{Stacks: stacks, NextToken: next}, nil
}

func (st *stack) describe() types.Stack {
	described := types.Stack{
		StackId: aws.String(st.id), StackName: aws.String(st.name), Description: optional(st.blueprint.template.Description),
		CreationTime: aws.Time(st.created), LastUpdatedTime: moment(st.updated), DeletionTime: moment(st.deleted),
		StackStatus: st.status, StackStatusReason: optional(st.reason),
		Parameters: st.blueprint.shownParameters(), Tags: listed(st.blueprint.tags),
		Capabilities: slices.Clone(st.blueprint.capabilities), Outputs: st.describeOutputs(),
		DisableRollback:             aws.Bool(st.settings.onFailure == types.OnFailureDoNothing),
		EnableTerminationProtection: aws.Bool(st.settings.protected),
		NotificationARNs:            listed(st.settings.notificationARNs), RoleARN: st.settings.roleARN,
		RollbackConfiguration: &types.RollbackConfiguration{}, DeletionMode: st.settings.deletionMode,
		DriftInformation: &types.StackDriftInformation{StackDriftStatus: types.StackDriftStatusNotChecked},
	}
	if minutes := int32(st.settings.timeout / time.Minute); minutes > 0 {
		described.TimeoutInMinutes = &minutes
	}
	return described
}

// listed is a copy of a list that an answer has even when it is empty.
func listed[T any](list []T) []T { return append([]T{}, list...) }

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// shownParameters hides the values that the template wants hidden.
func (b *blueprint) shownParameters() []types.Parameter {
	shown := slices.Clone(b.parameters)
	for i := range shown {
		if b.template.Parameters[*shown[i].ParameterKey].NoEcho {
			shown[i].ParameterValue = aws.String("****")
			shown[i].ResolvedValue = nil
		}
	}
	return shown
}

// shownProperties are a resource's properties as an event shows them: JSON, without the
// values of parameters that the template wants hidden.
func (b *blueprint) shownProperties(evaluated map[string]any) *string {
	if evaluated == nil {
		return nil
	}
	shown := *jsonText(evaluated)
	for _, parameter := range b.parameters {
		if value := *parameter.ParameterValue; value != "" && b.template.Parameters[*parameter.ParameterKey].NoEcho {
			shown = strings.ReplaceAll(shown, strings.Trim(*jsonText(value), `"`), "****")
		}
	}
	return &shown
}

func (st *stack) describeOutputs() []types.Output {
	var described []types.Output
	for _, output := range st.outputs {
		described = append(described, types.Output{
			OutputKey: aws.String(output.Key), OutputValue: aws.String(output.Value),
			Description: optional(output.Description), ExportName: optional(output.Export),
		})
	}
	return described
}

// ListStacks lists stacks, deleted ones too, newest first, with the statuses asked for.
func (s *Service) ListStacks(_ context.Context, in *sdk.ListStacksInput) (*sdk.ListStacksOutput, error) {
	for _, status := range in.StackStatusFilter {
		if err := enumerated("stackStatusFilter", status, status.Values()); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var summaries []types.StackSummary
	for _, st := range slices.Backward(s.order) {
		if len(in.StackStatusFilter) > 0 && !slices.Contains(in.StackStatusFilter, st.status) {
			continue
		}
		summaries = append(summaries, types.StackSummary{
			StackId: aws.String(st.id), StackName: aws.String(st.name),
			TemplateDescription: optional(st.blueprint.template.Description),
			CreationTime:        aws.Time(st.created), LastUpdatedTime: moment(st.updated), DeletionTime: moment(st.deleted),
			StackStatus: st.status, StackStatusReason: optional(st.reason),
			DriftInformation: &types.StackDriftInformationSummary{StackDriftStatus: types.StackDriftStatusNotChecked},
		})
	}
	listed, next, err := page(summaries, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &sdk.ListStacksOutput{StackSummaries: listed, NextToken: next}, nil
}

// DescribeStackEvents are a stack's events, newest first; a deleted stack's by its id.
func (s *Service) DescribeStackEvents(_ context.Context, in *sdk.DescribeStackEventsInput) (*sdk.DescribeStackEventsOutput, error) {
	if err := aStackName.check("stackName", in.StackName); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.find(*in.StackName)
	if st == nil {
		return nil, invalid("Stack [%s] does not exist", *in.StackName)
	}
	// A token counts from the oldest event, so that events which happen between two
	// pages do not shift them.
	before := len(st.events)
	if in.NextToken != nil {
		named, err := position(in.NextToken)
		if err != nil || named > before {
			return nil, invalidToken()
		}
		before = named
	}
	start := max(0, before-pageSize)
	events := slices.Clone(st.events[start:before])
	slices.Reverse(events)
	out := &sdk.DescribeStackEventsOutput{StackEvents: events}
	if start > 0 {
		out.NextToken = pageToken(start)
	}
	return out, nil
}

// UpdateTerminationProtection sets whether a stack can be deleted.
func (s *Service) UpdateTerminationProtection(
	_ context.Context, in *sdk.UpdateTerminationProtectionInput,
) (*sdk.UpdateTerminationProtectionOutput, error) {
	if err := aStackName.check("stackName", in.StackName); err != nil {
		return nil, err
	}
	if in.EnableTerminationProtection == nil {
		return nil, constraintError("null", "enableTerminationProtection", "Member must not be null")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.find(*in.StackName)
	if st == nil || !st.deleted.IsZero() {
		return nil, invalid("Stack [%s] does not exist", *in.StackName)
	}
	st.settings.protected = *in.EnableTerminationProtection
	return &sdk.UpdateTerminationProtectionOutput{StackId: aws.String(st.id)}, nil
}
