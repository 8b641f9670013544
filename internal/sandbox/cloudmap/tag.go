package cloudmap

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"serin/internal/sandbox/clone"
)

// maximumTags is how many tags a resource may have (Cloud Map quotas).
const maximumTags = 50

// checkDescribed refuses a description or tags that are too long.
func checkDescribed(description *string, tags []types.Tag) error {
	if len(aws.ToString(description)) > 1024 {
		return invalid("Description must have at most 1024 characters.")
	}
	if len(tags) > maximumTags {
		return &types.TooManyTagsException{Message: new("A resource can have at most 50 tags.")}
	}
	for _, tag := range tags {
		if key := aws.ToString(tag.Key); key == "" || len(key) > 128 || tag.Value == nil || len(*tag.Value) > 256 {
			return invalid("A tag has a key of 1 to 128 and a value of up to 256 characters.")
		}
	}
	return nil
}

// tagged is the ARN of a resource that is there; s.mu is held.
func (s *Service) tagged(arn *string) (string, error) {
	if aws.ToString(arn) == "" {
		return "", invalid("ResourceARN is required.")
	}
	ns, isNamespace := s.namespaces[bare(*arn)]
	r, isService := s.registries[bare(*arn)]
	if (isNamespace && *ns.Arn == *arn) || (isService && *r.Arn == *arn) {
		return *arn, nil
	}
	return "", &types.ResourceNotFoundException{Message: new("Resource not found: " + *arn)}
}

// ListTagsForResource lists the tags of a namespace or a service.
func (s *Service) ListTagsForResource(
	_ context.Context, in *sdk.ListTagsForResourceInput,
) (*sdk.ListTagsForResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	arn, err := s.tagged(in.ResourceARN)
	if err != nil {
		return nil, err
	}
	return &sdk.ListTagsForResourceOutput{Tags: append([]types.Tag{}, clone.Of(s.tags[arn])...)}, nil
}

// TagResource adds tags to a resource or gives them other values.
func (s *Service) TagResource(_ context.Context, in *sdk.TagResourceInput) (*sdk.TagResourceOutput, error) {
	if err := checkDescribed(nil, in.Tags); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	arn, err := s.tagged(in.ResourceARN)
	if err != nil {
		return nil, err
	}
	merged := slices.DeleteFunc(slices.Clone(s.tags[arn]), func(old types.Tag) bool {
		return slices.ContainsFunc(in.Tags, func(t types.Tag) bool { return *t.Key == *old.Key })
	})
	merged = append(merged, clone.Of(in.Tags)...)
	if len(merged) > maximumTags {
		return nil, &types.TooManyTagsException{Message: new("A resource can have at most 50 tags."), ResourceName: &arn}
	}
	s.tags[arn] = merged
	return &sdk.TagResourceOutput{}, nil
}

// UntagResource removes tags by their keys; a key that the resource has not is ignored.
func (s *Service) UntagResource(_ context.Context, in *sdk.UntagResourceInput) (*sdk.UntagResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	arn, err := s.tagged(in.ResourceARN)
	if err != nil {
		return nil, err
	}
	s.tags[arn] = slices.DeleteFunc(s.tags[arn], func(t types.Tag) bool { return slices.Contains(in.TagKeys, *t.Key) })
	return &sdk.UntagResourceOutput{}, nil
}
