package cloudformation

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// DescribeStackResources describes the resources of a stack, or of the stack that a
// physical resource belongs to: the first hundred, for it has no pages (API reference).
func (s *Service) DescribeStackResources(
	_ context.Context, in *sdk.DescribeStackResourcesInput,
) (*sdk.DescribeStackResourcesOutput, error) {
	if in.StackName != nil && in.PhysicalResourceId != nil {
		return nil, invalid("You can specify only one of StackName and PhysicalResourceId")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.owner(in)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeStackResourcesOutput{}
	for _, name := range slices.Sorted(maps.Keys(st.members)) {
		if len(out.StackResources) == pageSize {
			break
		}
		if in.LogicalResourceId != nil && *in.LogicalResourceId != name {
			continue
		}
		m := st.members[name]
		out.StackResources = append(out.StackResources, types.StackResource{
			StackId: aws.String(st.id), StackName: aws.String(st.name),
			LogicalResourceId: aws.String(name), PhysicalResourceId: optional(m.made.PhysicalID),
			ResourceType: aws.String(m.kind), ResourceStatus: m.status, ResourceStatusReason: optional(m.reason),
			Timestamp:        aws.Time(m.at),
			DriftInformation: &types.StackResourceDriftInformation{StackResourceDriftStatus: types.StackResourceDriftStatusNotChecked},
		})
	}
	return out, nil
}

// owner is the stack that a request means.
func (s *Service) owner(in *sdk.DescribeStackResourcesInput) (*stack, error) {
	switch {
	case in.StackName != nil:
		return s.need(*in.StackName)
	case in.PhysicalResourceId == nil:
		return nil, invalid("Either StackName or PhysicalResourceId must be specified")
	}
	for _, st := range s.names {
		for _, m := range st.members {
			if m.exists() && m.made.PhysicalID == *in.PhysicalResourceId {
				return st, nil
			}
		}
	}
	return nil, invalid("Stack for %s does not exist", *in.PhysicalResourceId)
}

// DescribeStackResource describes one resource of a stack.
func (s *Service) DescribeStackResource(
	_ context.Context, in *sdk.DescribeStackResourceInput,
) (*sdk.DescribeStackResourceOutput, error) {
	err := first(aStackName.check("stackName", in.StackName), logicalResource.check("logicalResourceId", in.LogicalResourceId))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.find(*in.StackName)
	if st == nil {
		return nil, invalid("Stack '%s' does not exist", *in.StackName)
	}
	m := st.members[*in.LogicalResourceId]
	if m == nil {
		return nil, invalid("Resource %s does not exist for stack %s", *in.LogicalResourceId, st.name)
	}
	return &sdk.DescribeStackResourceOutput{StackResourceDetail: &types.StackResourceDetail{
		StackId: aws.String(st.id), StackName: aws.String(st.name),
		LogicalResourceId: aws.String(m.logicalID), PhysicalResourceId: optional(m.made.PhysicalID),
		ResourceType: aws.String(m.kind), ResourceStatus: m.status, ResourceStatusReason: optional(m.reason),
		LastUpdatedTimestamp: aws.Time(m.at), Metadata: st.metadata(m.logicalID),
		DriftInformation: &types.StackResourceDriftInformation{StackResourceDriftStatus: types.StackResourceDriftStatusNotChecked},
	}}, nil
}

// metadata is a resource's Metadata as JSON, nil where it has none.
func (st *stack) metadata(logicalID string) *string {
	declared := st.blueprint.template.Resources[logicalID]
	if declared == nil || declared.Metadata == nil {
		return nil
	}
	return jsonText(declared.Metadata)
}

func jsonText(tree any) *string {
	encoded, err := json.Marshal(tree)
	if err != nil {
		// Templates and properties are maps, lists and strings, which JSON always has a form for.
		panic(err)
	}
	return aws.String(string(encoded))
}

// ListStackResources lists the resources of a stack.
func (s *Service) ListStackResources(
	_ context.Context, in *sdk.ListStackResourcesInput,
) (*sdk.ListStackResourcesOutput, error) {
	if err := aStackName.check("stackName", in.StackName); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.need(*in.StackName)
	if err != nil {
		return nil, err
	}
	var summaries []types.StackResourceSummary
	for _, name := range slices.Sorted(maps.Keys(st.members)) {
		m := st.members[name]
		summaries = append(summaries, types.StackResourceSummary{
			LogicalResourceId: aws.String(name), PhysicalResourceId: optional(m.made.PhysicalID),
			ResourceType: aws.String(m.kind), ResourceStatus: m.status, ResourceStatusReason: optional(m.reason),
			LastUpdatedTimestamp: aws.Time(m.at),
			DriftInformation: &types.StackResourceDriftInformationSummary{
				StackResourceDriftStatus: types.StackResourceDriftStatusNotChecked,
			},
		})
	}
	listed, next, err := page(summaries, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &sdk.ListStackResourcesOutput{StackResourceSummaries: listed, NextToken: next}, nil
}

// ListExports lists what stacks export, by name.
func (s *Service) ListExports(_ context.Context, in *sdk.ListExportsInput) (*sdk.ListExportsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	exports := s.exports()
	var described []types.Export
	for _, name := range slices.Sorted(maps.Keys(exports)) {
		described = append(described, types.Export{
			Name: aws.String(name), Value: aws.String(exports[name].value), ExportingStackId: aws.String(exports[name].stack.id),
		})
	}
	listed, next, err := page(described, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &sdk.ListExportsOutput{Exports: listed, NextToken: next}, nil
}

// ListImports lists the stacks that import an export.
func (s *Service) ListImports(_ context.Context, in *sdk.ListImportsInput) (*sdk.ListImportsOutput, error) {
	if err := exportName.check("exportName", in.ExportName); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, exported := s.exports()[*in.ExportName]; !exported {
		return nil, invalid("Export '%s' does not exist.", *in.ExportName)
	}
	importers := s.importers(*in.ExportName)
	if len(importers) == 0 {
		return nil, invalid("Export '%s' is not imported by any stack.", *in.ExportName)
	}
	listed, next, err := page(importers, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &sdk.ListImportsOutput{Imports: listed, NextToken: next}, nil
}
