package ssm

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// maxTags is how many tags a resource may have.
const maxTags = 50

// AddTagsToResource sets tags of a parameter.
func (s *Service) AddTagsToResource(
	_ context.Context, in *ssm.AddTagsToResourceInput,
) (*ssm.AddTagsToResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.tagged(in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	tags := maps.Clone(p.tags)
	maps.Copy(tags, tagMap(in.Tags))
	if len(tags) > maxTags {
		return nil, &types.TooManyTagsError{Message: aws.String("A resource can have at most 50 tags.")}
	}
	p.tags = tags
	return &ssm.AddTagsToResourceOutput{}, nil
}

// RemoveTagsFromResource removes tags of a parameter.
func (s *Service) RemoveTagsFromResource(
	_ context.Context, in *ssm.RemoveTagsFromResourceInput,
) (*ssm.RemoveTagsFromResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.tagged(in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	for _, key := range in.TagKeys {
		delete(p.tags, key)
	}
	return &ssm.RemoveTagsFromResourceOutput{}, nil
}

// ListTagsForResource lists the tags of a parameter, by key.
func (s *Service) ListTagsForResource(
	_ context.Context, in *ssm.ListTagsForResourceInput,
) (*ssm.ListTagsForResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.tagged(in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	out := &ssm.ListTagsForResourceOutput{TagList: []types.Tag{}}
	for _, key := range slices.Sorted(maps.Keys(p.tags)) {
		out.TagList = append(out.TagList, types.Tag{Key: aws.String(key), Value: aws.String(p.tags[key])})
	}
	return out, nil
}

func (s *Service) tagged(shape types.ResourceTypeForTagging, id *string) (*parameter, error) {
	if shape != types.ResourceTypeForTaggingParameter {
		return nil, &types.InvalidResourceType{Message: aws.String("The sandbox tags parameters only.")}
	}
	p, exists := s.parameters[aws.ToString(id)]
	if !exists {
		return nil, &types.InvalidResourceId{Message: aws.String("The resource ID isn't valid. Verify that you entered the correct ID and try again.")}
	}
	return p, nil
}

func tagMap(tags []types.Tag) map[string]string {
	set := make(map[string]string, len(tags))
	for _, tag := range tags {
		set[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return set
}
