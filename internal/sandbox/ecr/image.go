package ecr

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// Limits of ECR (ECR API reference).
const (
	maxImageIDs  = 100
	maxPage      = 1000
	pageSize     = 100
	imageSize    = 12 << 20
	layerDigest  = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	noImageText  = "The image with imageId {imageDigest:'%s', imageTag:'%s'} does not exist within the repository with name '%s' in the registry with id '%s'"
	notFoundText = "Requested image not found"
)

// DescribeImages describes the named images of a repository, or all of them, the
// newest first.
func (s *Service) DescribeImages(
	_ context.Context, in *ecr.DescribeImagesInput,
) (*ecr.DescribeImagesOutput, error) {
	home, err := s.repository(in.RepositoryName, in.RegistryId)
	if err != nil {
		return nil, err
	}
	if len(in.ImageIds) > maxImageIDs {
		return nil, invalid("At most 100 image ids may be given.")
	}
	found := home.images
	if len(in.ImageIds) > 0 {
		found = nil
	}
	for _, id := range in.ImageIds {
		one := home.find(id)
		if one == nil {
			return nil, &types.ImageNotFoundException{Message: aws.String(fmt.Sprintf(
				noImageText, aws.ToString(id.ImageDigest), aws.ToString(id.ImageTag), home.name, s.region.Account))}
		}
		found = append(found, one)
	}
	if in.Filter != nil && in.Filter.TagStatus == types.TagStatusUntagged {
		found = nil // The catalogue's images all have tags.
	}
	details := make([]types.ImageDetail, 0, len(found))
	for _, one := range found {
		details = append(details, s.detail(home, one))
	}
	page, next, err := pageOf(details, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &ecr.DescribeImagesOutput{ImageDetails: page, NextToken: next}, nil
}

func (s *Service) detail(home *repository, one *image) types.ImageDetail {
	return types.ImageDetail{
		ArtifactMediaType: aws.String(configType), ImageDigest: aws.String(one.digest),
		ImageManifestMediaType: aws.String(manifestType), ImagePushedAt: aws.Time(one.pushed),
		ImageSizeInBytes: aws.Int64(imageSize), ImageStatus: types.ImageStatusActive,
		ImageTags: slices.Clone(one.tags), RegistryId: aws.String(s.region.Account),
		RepositoryName: aws.String(home.name),
	}
}

// ListImages lists the tags of a repository's images.
func (s *Service) ListImages(
	_ context.Context, in *ecr.ListImagesInput,
) (*ecr.ListImagesOutput, error) {
	home, err := s.repository(in.RepositoryName, in.RegistryId)
	if err != nil {
		return nil, err
	}
	ids := []types.ImageIdentifier{}
	for _, one := range home.images {
		for _, tag := range one.tags {
			ids = append(ids, types.ImageIdentifier{ImageDigest: aws.String(one.digest), ImageTag: aws.String(tag)})
		}
	}
	if in.Filter != nil && in.Filter.TagStatus == types.TagStatusUntagged {
		ids = nil
	}
	page, next, err := pageOf(ids, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &ecr.ListImagesOutput{ImageIds: page, NextToken: next}, nil
}

// BatchGetImage gives the manifests of images; those that do not exist are failures.
func (s *Service) BatchGetImage(
	_ context.Context, in *ecr.BatchGetImageInput,
) (*ecr.BatchGetImageOutput, error) {
	home, err := s.repository(in.RepositoryName, in.RegistryId)
	if err != nil {
		return nil, err
	}
	if len(in.ImageIds) == 0 || len(in.ImageIds) > maxImageIDs {
		return nil, invalid("From 1 to 100 image ids must be given.")
	}
	out := &ecr.BatchGetImageOutput{Images: []types.Image{}, Failures: []types.ImageFailure{}}
	for _, id := range in.ImageIds {
		one := home.find(id)
		if one == nil {
			out.Failures = append(out.Failures, types.ImageFailure{
				FailureCode: types.ImageFailureCodeImageNotFound, FailureReason: aws.String(notFoundText),
				ImageId: &types.ImageIdentifier{ImageDigest: id.ImageDigest, ImageTag: id.ImageTag},
			})
			continue
		}
		manifest, err := one.manifest()
		if err != nil {
			return nil, err
		}
		out.Images = append(out.Images, types.Image{
			ImageId:       &types.ImageIdentifier{ImageDigest: aws.String(one.digest), ImageTag: id.ImageTag},
			ImageManifest: aws.String(manifest), ImageManifestMediaType: aws.String(manifestType),
			RegistryId: aws.String(s.region.Account), RepositoryName: aws.String(home.name),
		})
	}
	return out, nil
}

// find is the image of a tag, a digest or both, or nil.
func (h *repository) find(id types.ImageIdentifier) *image {
	if id.ImageTag == nil && id.ImageDigest == nil {
		return nil
	}
	for _, one := range h.images {
		digest := id.ImageDigest == nil || *id.ImageDigest == one.digest
		tag := id.ImageTag == nil || slices.Contains(one.tags, *id.ImageTag)
		if digest && tag {
			return one
		}
	}
	return nil
}

// manifest is an image manifest (schema 2) of one empty layer.
func (i *image) manifest() (string, error) {
	part := func(media, digest string, size int) map[string]any {
		return map[string]any{"mediaType": media, "digest": digest, "size": size}
	}
	raw, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType, "config": part(configType, i.digest, 1024),
		"layers": []any{part("application/vnd.docker.image.rootfs.diff.tar.gzip", layerDigest, imageSize)},
	})
	if err != nil {
		return "", fmt.Errorf("manifest: %w", err)
	}
	return string(raw), nil
}

// pageOf cuts a page out of a list that does not change.
func pageOf[T any](all []T, token *string, limit *int32) ([]T, *string, error) {
	size, from := pageSize, 0
	if limit != nil {
		size = int(*limit)
	}
	if size < 1 || size > maxPage {
		return nil, nil, invalid("maxResults must be between 1 and 1000.")
	}
	if token != nil {
		raw, err := base64.RawURLEncoding.DecodeString(*token)
		if err == nil {
			from, err = strconv.Atoi(string(raw))
		}
		if err != nil || from < 0 || from > len(all) {
			return nil, nil, invalid("The token is not valid.")
		}
	}
	end := min(from+size, len(all))
	page := append([]T{}, all[from:end]...)
	if end == len(all) {
		return page, nil, nil
	}
	return page, aws.String(base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(end)))), nil
}

func invalid(message string) error {
	return &types.InvalidParameterException{Message: &message}
}
