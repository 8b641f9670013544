package ecs

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"serin/internal/sandbox/clone"
)

// maximumTags is how many tags a resource may have (ECS service quotas).
const maximumTags = 50

func checkTags(tags []types.Tag) error {
	if len(tags) > maximumTags {
		return invalid("A resource can have at most 50 tags.")
	}
	for _, tag := range tags {
		key := aws.ToString(tag.Key)
		switch {
		case key == "" || len(key) > 128 || len(aws.ToString(tag.Value)) > 256:
			return invalid("A tag has a key of 1 to 128 and a value of up to 256 characters.")
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return invalid("A tag's key must not begin with aws:.")
		}
	}
	return nil
}

// tagTask gives a service's task the tags that the service says; s.mu is held.
func (s *Service) tagTask(t *task, w *workload) {
	switch w.request.PropagateTags {
	case types.PropagateTagsService:
		s.tags[t.arn] = clone.Of(s.tags[w.arn])
	case types.PropagateTagsTaskDefinition:
		s.tags[t.arn] = clone.Of(s.tags[*t.definition.TaskDefinitionArn])
	default:
	}
}

// tagged refuses an ARN of nothing; s.mu is held.
func (s *Service) tagged(arn *string) (string, error) {
	given := aws.ToString(arn)
	_, resource, ok := strings.Cut(given, ":ecs:"+s.region.Name+":"+s.region.Account+":")
	if !ok {
		return "", invalid("Invalid resource ARN: %q.", given)
	}
	kind, name, _ := strings.Cut(resource, "/")
	parts := strings.Split(name, "/")
	found := false
	switch kind {
	case "cluster":
		c, is := s.clusters[name]
		found = is && c.status == active
	case "service":
		w, is := s.workloads[workloadKey{parts[0], parts[len(parts)-1]}]
		found = is && w.status != inactive
	case "task":
		_, found = s.tasks[parts[len(parts)-1]]
	case "task-definition":
		found = s.definition(&given) != nil
	}
	if !found {
		return "", invalid("The specified resource was not found: %s.", given)
	}
	return given, nil
}

// ListTagsForResource lists the tags of a cluster, service, task or task definition.
func (s *Service) ListTagsForResource(
	_ context.Context, in *sdk.ListTagsForResourceInput,
) (*sdk.ListTagsForResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	arn, err := s.tagged(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &sdk.ListTagsForResourceOutput{Tags: append([]types.Tag{}, clone.Of(s.tags[arn])...)}, nil
}

// TagResource adds tags to a resource or gives them other values.
func (s *Service) TagResource(_ context.Context, in *sdk.TagResourceInput) (*sdk.TagResourceOutput, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	arn, err := s.tagged(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	merged := slices.DeleteFunc(slices.Clone(s.tags[arn]), func(old types.Tag) bool {
		return slices.ContainsFunc(in.Tags, func(t types.Tag) bool { return *t.Key == *old.Key })
	})
	merged = append(merged, clone.Of(in.Tags)...)
	if len(merged) > maximumTags {
		return nil, invalid("A resource can have at most 50 tags.")
	}
	s.tags[arn] = merged
	return &sdk.TagResourceOutput{}, nil
}

// UntagResource removes tags by their keys; a key that the resource has not is ignored.
func (s *Service) UntagResource(_ context.Context, in *sdk.UntagResourceInput) (*sdk.UntagResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	arn, err := s.tagged(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	s.tags[arn] = slices.DeleteFunc(s.tags[arn], func(t types.Tag) bool { return slices.Contains(in.TagKeys, *t.Key) })
	return &sdk.UntagResourceOutput{}, nil
}
