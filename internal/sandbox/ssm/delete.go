package ssm

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// DeleteParameter deletes a parameter with all its versions.
func (s *Service) DeleteParameter(
	_ context.Context, in *ssm.DeleteParameterInput,
) (*ssm.DeleteParameterOutput, error) {
	if in.Name == nil || *in.Name == "" {
		return nil, validation("Name is required.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, exists := s.parameters[*in.Name]; !exists {
		return nil, notFound(*in.Name)
	}
	delete(s.parameters, *in.Name)
	return &ssm.DeleteParameterOutput{}, nil
}

// DeleteParameters deletes up to ten parameters; those that do not exist are listed.
func (s *Service) DeleteParameters(
	_ context.Context, in *ssm.DeleteParametersInput,
) (*ssm.DeleteParametersOutput, error) {
	if err := checkNames(in.Names); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &ssm.DeleteParametersOutput{DeletedParameters: []string{}, InvalidParameters: []string{}}
	for _, name := range in.Names {
		if _, exists := s.parameters[name]; exists {
			delete(s.parameters, name)
			out.DeletedParameters = append(out.DeletedParameters, name)
		} else {
			out.InvalidParameters = append(out.InvalidParameters, name)
		}
	}
	return out, nil
}
