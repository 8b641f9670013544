package ssm

import (
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"serin/internal/sandbox/sts"
)

// Page sizes (Systems Manager API reference).
const (
	maxByPath  = 10
	maxHistory = 50
	maxListed  = 50
)

// GetParametersByPath reads the parameters below a path, ten a page at most.
func (s *Service) GetParametersByPath(
	_ context.Context, in *ssm.GetParametersByPathInput,
) (*ssm.GetParametersByPathOutput, error) {
	if !strings.HasPrefix(aws.ToString(in.Path), "/") {
		return nil, validation("The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\".")
	}
	filters, err := filtersOf(in.ParameterFilters, "Type", "KeyId", "Label")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	within := func(p *parameter) bool { return below(p.name, *in.Path, aws.ToBool(in.Recursive)) && filters.match(p) }
	names, next, err := s.page(within, in.NextToken, in.MaxResults, maxByPath)
	if err != nil {
		return nil, err
	}
	out := &ssm.GetParametersByPathOutput{Parameters: []types.Parameter{}, NextToken: next}
	for _, name := range names {
		found, err := s.get(name, in.WithDecryption)
		if err != nil {
			return nil, err
		}
		out.Parameters = append(out.Parameters, found)
	}
	return out, nil
}

// DescribeParameters lists parameters without their values.
func (s *Service) DescribeParameters(
	_ context.Context, in *ssm.DescribeParametersInput,
) (*ssm.DescribeParametersOutput, error) {
	if len(in.Filters) > 0 {
		return nil, validation("The sandbox takes ParameterFilters, not the older Filters.")
	}
	filters, err := filtersOf(in.ParameterFilters, "Name", "Type", "KeyId", "Path", "Label", "Tier", "DataType")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	names, next, err := s.page(filters.match, in.NextToken, in.MaxResults, maxListed)
	if err != nil {
		return nil, err
	}
	out := &ssm.DescribeParametersOutput{Parameters: []types.ParameterMetadata{}, NextToken: next}
	for _, name := range names {
		v := s.parameters[name].latest()
		out.Parameters = append(out.Parameters, types.ParameterMetadata{
			ARN: aws.String(s.arn(name)), AllowedPattern: v.pattern, DataType: &v.dataType,
			Description: v.description, KeyId: v.keyID, LastModifiedDate: &v.modified,
			LastModifiedUser: aws.String(sts.Caller(s.region)), Name: aws.String(name),
			Tier: v.tier, Type: v.shape, Version: v.number,
		})
	}
	return out, nil
}

// GetParameterHistory lists the versions of a parameter, the oldest first.
func (s *Service) GetParameterHistory(
	_ context.Context, in *ssm.GetParameterHistoryInput,
) (*ssm.GetParameterHistoryOutput, error) {
	if in.Name == nil || *in.Name == "" {
		return nil, validation("Name is required.")
	}
	size, after, err := paging(in.NextToken, in.MaxResults, maxHistory)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, exists := s.parameters[*in.Name]
	if !exists {
		return nil, notFound(*in.Name)
	}
	out := &ssm.GetParameterHistoryOutput{Parameters: []types.ParameterHistory{}}
	for _, v := range p.versions {
		if after != "" && v.number <= versionToken(after) {
			continue
		}
		if len(out.Parameters) == size {
			out.NextToken = token(itoa(out.Parameters[size-1].Version))
			break
		}
		out.Parameters = append(out.Parameters, s.historyOf(p, v, in.WithDecryption))
	}
	return out, nil
}

func (s *Service) historyOf(p *parameter, v *version, decrypt *bool) types.ParameterHistory {
	return types.ParameterHistory{
		AllowedPattern: v.pattern, DataType: &v.dataType, Description: v.description, KeyId: v.keyID,
		Labels: slices.Clone(v.labels), LastModifiedDate: &v.modified,
		LastModifiedUser: aws.String(sts.Caller(s.region)), Name: &p.name, Tier: v.tier,
		Type: v.shape, Value: aws.String(s.shown(v, decrypt)), Version: v.number,
	}
}

// page is a page of the names, in their order, of the parameters that match.
func (s *Service) page(
	match func(*parameter) bool, from *string, limit *int32, most int,
) (names []string, next *string, err error) {
	size, after, err := paging(from, limit, most)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(s.parameters)) {
		if name <= after || !match(s.parameters[name]) {
			continue
		}
		if len(names) == size {
			return names, token(names[size-1]), nil
		}
		names = append(names, name)
	}
	return names, nil, nil
}

// paging is how many entries a page has, and the entry after which it begins.
func paging(from *string, limit *int32, most int) (size int, after string, err error) {
	size = most
	if limit != nil {
		size = int(*limit)
	}
	if size < 1 || size > most {
		return 0, "", validation("1 validation error detected: Value at 'maxResults' failed to satisfy constraint: Member must have value between 1 and " + itoa(int64(most)) + ".")
	}
	if from == nil || *from == "" {
		return size, "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(*from)
	if err != nil {
		return 0, "", &types.InvalidNextToken{Message: aws.String("The specified token isn't valid.")}
	}
	return size, string(raw), nil
}

func token(after string) *string {
	return aws.String(base64.RawURLEncoding.EncodeToString([]byte(after)))
}

// below reports whether a name is below a path, at any depth or right below it.
func below(name, path string, recursive bool) bool {
	rest, is := strings.CutPrefix(name, strings.TrimSuffix(path, "/")+"/")
	return is && rest != "" && (recursive || !strings.Contains(rest, "/"))
}
