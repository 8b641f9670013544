package appmesh

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/clone"
)

// maximumTags is how many tags a resource may have (App Mesh service quotas).
const maximumTags = 50

func checkTags(tags []types.TagRef) error {
	if len(tags) > maximumTags {
		return &types.TooManyTagsException{Message: new("A resource can have at most 50 tags.")}
	}
	seen := make(map[string]bool)
	for _, tag := range tags {
		key := aws.ToString(tag.Key)
		switch {
		case key == "" || len(key) > 128:
			return badRequest("A tag's key must have length between 1 and 128.")
		case len(aws.ToString(tag.Value)) > 256:
			return badRequest("A tag's value must have length up to 256.")
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return badRequest("A tag's key must not begin with aws:.")
		case seen[key]:
			return badRequest("The tag key %s is given more than once.", key)
		}
		seen[key] = true
	}
	return nil
}

// tagsOf finds the tags of a resource by its ARN.
func (s *Service) tagsOf(arn *string) (*[]types.TagRef, error) {
	if aws.ToString(arn) == "" {
		return nil, badRequest("resourceArn is required.")
	}
	for _, find := range []func(string) *[]types.TagRef{
		s.meshes.tagsOf, s.services.tagsOf, s.routers.tagsOf, s.routes.tagsOf, s.nodes.tagsOf,
	} {
		if tags := find(*arn); tags != nil {
			return tags, nil
		}
	}
	return nil, &types.NotFoundException{Message: new(fmt.Sprintf("Resource %s is not present", *arn))}
}

func (c *collection[Spec]) tagsOf(arn string) *[]types.TagRef {
	for _, r := range c.records {
		if *r.metadata.Arn == arn {
			return &r.tags
		}
	}
	return nil
}

// ListTagsForResource lists a resource's tags by key.
func (s *Service) ListTagsForResource(
	_ context.Context, in *sdk.ListTagsForResourceInput,
) (*sdk.ListTagsForResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tags, err := s.tagsOf(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	sorted := slices.SortedFunc(slices.Values(clone.Of(*tags)), func(a, b types.TagRef) int {
		return strings.Compare(*a.Key, *b.Key)
	})
	some, next, err := page(sorted, func(t types.TagRef) string { return *t.Key }, in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &sdk.ListTagsForResourceOutput{Tags: append([]types.TagRef{}, some...), NextToken: next}, nil
}

// TagResource adds tags to a resource or gives them other values.
func (s *Service) TagResource(_ context.Context, in *sdk.TagResourceInput) (*sdk.TagResourceOutput, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	tags, err := s.tagsOf(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	merged := slices.DeleteFunc(slices.Clone(*tags), func(old types.TagRef) bool {
		return slices.ContainsFunc(in.Tags, func(t types.TagRef) bool { return *t.Key == *old.Key })
	})
	merged = append(merged, clone.Of(in.Tags)...)
	if len(merged) > maximumTags {
		return nil, &types.TooManyTagsException{Message: new("A resource can have at most 50 tags.")}
	}
	*tags = merged
	return &sdk.TagResourceOutput{}, nil
}

// UntagResource removes tags by their keys; a key that the resource has not is ignored.
func (s *Service) UntagResource(_ context.Context, in *sdk.UntagResourceInput) (*sdk.UntagResourceOutput, error) {
	if len(in.TagKeys) > maximumTags {
		return nil, badRequest("tagKeys must have length up to 50.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	tags, err := s.tagsOf(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	*tags = slices.DeleteFunc(*tags, func(t types.TagRef) bool { return slices.Contains(in.TagKeys, *t.Key) })
	return &sdk.UntagResourceOutput{}, nil
}
