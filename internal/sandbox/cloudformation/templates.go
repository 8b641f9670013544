package cloudformation

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"serin/internal/sandbox/cloudformation/template"
)

// GetTemplate is a stack's template, or a change set's, as it was given.
func (s *Service) GetTemplate(_ context.Context, in *sdk.GetTemplateInput) (*sdk.GetTemplateOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body := ""
	switch {
	case in.ChangeSetName != nil:
		_, cs, err := s.changeSet(in.ChangeSetName, in.StackName)
		if err != nil {
			return nil, err
		}
		body = cs.blueprint.body
	case in.StackName != nil:
		st, err := s.need(*in.StackName)
		if err != nil {
			return nil, err
		}
		body = st.blueprint.body
	default:
		return nil, invalid("StackName is required if ChangeSetName is not specified.")
	}
	return &sdk.GetTemplateOutput{
		TemplateBody:    aws.String(body),
		StagesAvailable: []types.TemplateStage{types.TemplateStageOriginal, types.TemplateStageProcessed},
	}, nil
}

// ValidateTemplate checks a template as far as that can be done without parameters.
func (s *Service) ValidateTemplate(_ context.Context, in *sdk.ValidateTemplateInput) (*sdk.ValidateTemplateOutput, error) {
	body, err := templateText(in.TemplateBody, in.TemplateURL)
	if err != nil {
		return nil, err
	}
	parsed, err := template.Parse(body)
	if err != nil {
		return nil, refused(err)
	}
	// The AWS CLI reads Parameters whether there are any or not.
	out := &sdk.ValidateTemplateOutput{Description: optional(parsed.Description), Parameters: []types.TemplateParameter{}}
	if needed, reason := requiredCapabilities(parsed); len(needed) > 0 {
		out.Capabilities, out.CapabilitiesReason = needed, &reason
	}
	for _, name := range slices.Sorted(maps.Keys(parsed.Parameters)) {
		parameter := parsed.Parameters[name]
		out.Parameters = append(out.Parameters, types.TemplateParameter{
			ParameterKey: aws.String(name), DefaultValue: parameter.Default, NoEcho: aws.Bool(parameter.NoEcho),
			Description: optional(parameter.Description),
		})
	}
	return out, nil
}

// GetTemplateSummary tells what a template, or a stack's template, holds.
func (s *Service) GetTemplateSummary(
	_ context.Context, in *sdk.GetTemplateSummaryInput,
) (*sdk.GetTemplateSummaryOutput, error) {
	parsed, err := s.summarized(in)
	if err != nil {
		return nil, err
	}
	out := &sdk.GetTemplateSummaryOutput{
		Description: optional(parsed.Description), Version: aws.String("2010-09-09"), Parameters: []types.ParameterDeclaration{},
	}
	if needed, reason := requiredCapabilities(parsed); len(needed) > 0 {
		out.Capabilities, out.CapabilitiesReason = needed, &reason
	}
	if parsed.Metadata != nil {
		out.Metadata = jsonText(parsed.Metadata)
	}
	for _, name := range slices.Sorted(maps.Keys(parsed.Parameters)) {
		parameter := parsed.Parameters[name]
		declaration := types.ParameterDeclaration{
			ParameterKey: aws.String(name), ParameterType: aws.String(parameter.Type), DefaultValue: parameter.Default,
			NoEcho: aws.Bool(parameter.NoEcho), Description: optional(parameter.Description),
			ParameterConstraints: &types.ParameterConstraints{AllowedValues: parameter.AllowedValues},
		}
		out.Parameters = append(out.Parameters, declaration)
	}
	for _, name := range slices.Sorted(maps.Keys(parsed.Resources)) {
		if kind := parsed.Resources[name].Type; !slices.Contains(out.ResourceTypes, kind) {
			out.ResourceTypes = append(out.ResourceTypes, kind)
		}
	}
	return out, nil
}

func (s *Service) summarized(in *sdk.GetTemplateSummaryInput) (*template.Template, error) {
	if in.StackName != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		st, err := s.need(*in.StackName)
		if err != nil {
			return nil, err
		}
		return st.blueprint.template, nil
	}
	body, err := templateText(in.TemplateBody, in.TemplateURL)
	if err != nil {
		return nil, err
	}
	parsed, err := template.Parse(body)
	return parsed, refused(err)
}
