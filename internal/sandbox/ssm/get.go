package ssm

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// maxNames is how many parameters one call may name (Systems Manager API reference).
const maxNames = 10

// GetParameter reads a parameter's present version, or the one that "name:version" or
// "name:label" names.
func (s *Service) GetParameter(
	_ context.Context, in *ssm.GetParameterInput,
) (*ssm.GetParameterOutput, error) {
	if in.Name == nil || *in.Name == "" {
		return nil, validation("Name is required.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.get(*in.Name, in.WithDecryption)
	if err != nil {
		return nil, err
	}
	return &ssm.GetParameterOutput{Parameter: &found}, nil
}

// GetParameters reads up to ten parameters; those that are not found are listed.
func (s *Service) GetParameters(
	_ context.Context, in *ssm.GetParametersInput,
) (*ssm.GetParametersOutput, error) {
	if err := checkNames(in.Names); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &ssm.GetParametersOutput{Parameters: []types.Parameter{}, InvalidParameters: []string{}}
	for _, name := range in.Names {
		if found, err := s.get(name, in.WithDecryption); err != nil {
			out.InvalidParameters = append(out.InvalidParameters, name)
		} else {
			out.Parameters = append(out.Parameters, found)
		}
	}
	return out, nil
}

func checkNames(names []string) error {
	if len(names) == 0 || len(names) > maxNames {
		return validation("1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length between 1 and 10.")
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return validation("Duplicate parameter name " + name + ".")
		}
	}
	return nil
}

// get reads what a name with or without a selector, or an ARN, stands for.
func (s *Service) get(reference string, decrypt *bool) (types.Parameter, error) {
	name, selector := s.split(reference)
	p, exists := s.parameters[name]
	if !exists {
		return types.Parameter{}, notFound(name)
	}
	v := p.latest()
	if selector != "" {
		if v = p.selected(selector); v == nil {
			return types.Parameter{}, versionNotFound(name, selector)
		}
	}
	found := types.Parameter{
		ARN: aws.String(s.arn(name)), DataType: &v.dataType, LastModifiedDate: &v.modified,
		Name: &p.name, Type: v.shape, Value: aws.String(s.shown(v, decrypt)), Version: v.number,
	}
	if selector != "" {
		found.Selector = aws.String(":" + selector)
	}
	return found, nil
}

// split takes a reference apart into the name and what follows the colon.
func (s *Service) split(reference string) (name, selector string) {
	if arn, is := strings.CutPrefix(reference, s.region.ARN("ssm", "parameter/")); is {
		name, selector, _ = strings.Cut(arn, ":")
		if strings.Contains(name, "/") {
			name = "/" + name
		} else if _, rooted := s.parameters["/"+name]; rooted {
			name = "/" + name
		}
		return name, selector
	}
	name, selector, _ = strings.Cut(reference, ":")
	return name, selector
}

func (s *Service) arn(name string) string {
	return s.region.ARN("ssm", "parameter/"+strings.TrimPrefix(name, "/"))
}

// selected is the version of a number or a label, or nil.
func (p *parameter) selected(selector string) *version {
	number, err := strconv.ParseInt(selector, 10, 64)
	for _, v := range p.versions {
		if err == nil && v.number == number || slices.Contains(v.labels, selector) {
			return v
		}
	}
	return nil
}
