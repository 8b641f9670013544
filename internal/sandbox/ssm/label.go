package ssm

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// maxLabels is how many labels one version may bear (Systems Manager quotas).
const maxLabels = 10

var validLabel = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-zA-Z_.\-][a-zA-Z0-9_.\-]{0,99}$`)
})

// LabelParameterVersion puts labels on a version, the present one unless another is
// named; they are taken from the version that bore them.
func (s *Service) LabelParameterVersion(
	_ context.Context, in *ssm.LabelParameterVersionInput,
) (*ssm.LabelParameterVersionOutput, error) {
	if err := checkLabels(in.Name, in.Labels); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, v, err := s.versionOf(*in.Name, in.ParameterVersion)
	if err != nil {
		return nil, err
	}
	out := &ssm.LabelParameterVersionOutput{ParameterVersion: v.number, InvalidLabels: []string{}}
	labels := slices.Clone(v.labels)
	for _, label := range in.Labels {
		lower := strings.ToLower(label)
		if !validLabel().MatchString(label) || strings.HasPrefix(lower, "aws") || strings.HasPrefix(lower, "ssm") {
			out.InvalidLabels = append(out.InvalidLabels, label)
		} else if !slices.Contains(labels, label) {
			labels = append(labels, label)
		}
	}
	if len(labels) > maxLabels {
		return nil, &types.ParameterVersionLabelLimitExceeded{
			Message: aws.String("A parameter version can have a maximum of ten labels."),
		}
	}
	for _, other := range p.versions {
		other.labels = without(other.labels, labels)
	}
	v.labels = labels
	return out, nil
}

// UnlabelParameterVersion takes labels off a version; those that it does not bear are
// listed as invalid.
func (s *Service) UnlabelParameterVersion(
	_ context.Context, in *ssm.UnlabelParameterVersionInput,
) (*ssm.UnlabelParameterVersionOutput, error) {
	if err := checkLabels(in.Name, in.Labels); err != nil {
		return nil, err
	}
	if in.ParameterVersion == nil {
		return nil, validation("ParameterVersion is required.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, v, err := s.versionOf(*in.Name, in.ParameterVersion)
	if err != nil {
		return nil, err
	}
	out := &ssm.UnlabelParameterVersionOutput{InvalidLabels: []string{}, RemovedLabels: []string{}}
	for _, label := range in.Labels {
		if slices.Contains(v.labels, label) {
			out.RemovedLabels = append(out.RemovedLabels, label)
		} else {
			out.InvalidLabels = append(out.InvalidLabels, label)
		}
	}
	v.labels = without(v.labels, out.RemovedLabels)
	return out, nil
}

func checkLabels(name *string, labels []string) error {
	if name == nil || *name == "" {
		return validation("Name is required.")
	}
	if len(labels) == 0 || len(labels) > maxLabels {
		return validation("1 validation error detected: Value at 'labels' failed to satisfy constraint: Member must have length between 1 and 10.")
	}
	return nil
}

func (s *Service) versionOf(name string, number *int64) (*parameter, *version, error) {
	p, exists := s.parameters[name]
	if !exists {
		return nil, nil, notFound(name)
	}
	if number == nil {
		return p, p.latest(), nil
	}
	for _, v := range p.versions {
		if v.number == *number {
			return p, v, nil
		}
	}
	return nil, nil, versionNotFound(name, itoa(*number))
}

func without(labels, those []string) []string {
	return slices.DeleteFunc(labels, func(label string) bool { return slices.Contains(those, label) })
}
