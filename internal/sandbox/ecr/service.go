// Package ecr is a container registry whose images were pushed before it started:
// there are operations to find them, none to change them.
//
// It imports the SDK's types, internal/sandbox/region and wire.
package ecr

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"serin/internal/sandbox/region"
	"serin/internal/sandbox/wire"
)

const (
	manifestType = "application/vnd.docker.distribution.manifest.v2+json"
	configType   = "application/vnd.docker.container.image.v1+json"
	// tokenLife is how long an authorization token is good for (ECR API reference).
	tokenLife = 12 * time.Hour
)

// Image is one tag of an image of the catalogue.
type Image struct {
	// Repository is the repository's name, such as yelb-appserver.
	Repository string
	Tag        string
	// Digest is the image's, such as sha256:3f2a….
	Digest string
	Pushed time.Time
}

// Service is ECR of one region. It is safe for concurrent use.
type Service struct {
	region region.Region
	// repositories are by name; each holds its images, the newest first.
	repositories map[string]*repository
}

// repository is never changed once the service is made.
type repository struct {
	name    string
	created time.Time
	images  []*image
}

type image struct {
	digest string
	tags   []string
	pushed time.Time
}

// New is a registry with a catalogue of images.
func New(r region.Region, catalogue []Image) *Service {
	s := &Service{region: r, repositories: make(map[string]*repository)}
	for _, entry := range catalogue {
		home, exists := s.repositories[entry.Repository]
		if !exists {
			home = &repository{name: entry.Repository, created: entry.Pushed}
			s.repositories[entry.Repository] = home
		}
		home.add(entry)
	}
	for _, home := range s.repositories {
		slices.SortStableFunc(home.images, func(a, b *image) int { return b.pushed.Compare(a.pushed) })
	}
	return s
}

func (h *repository) add(entry Image) {
	if entry.Pushed.Before(h.created) {
		h.created = entry.Pushed
	}
	for _, known := range h.images {
		if known.digest == entry.Digest {
			known.tags = append(known.tags, entry.Tag)
			return
		}
	}
	h.images = append(h.images, &image{digest: entry.Digest, tags: []string{entry.Tag}, pushed: entry.Pushed})
}

// Operations are what the front door offers of ECR.
func (s *Service) Operations() []wire.Operation {
	return []wire.Operation{
		wire.Op("BatchGetImage", s.BatchGetImage),
		wire.Op("DescribeImages", s.DescribeImages),
		wire.Op("DescribeRepositories", s.DescribeRepositories),
		wire.Op("GetAuthorizationToken", s.GetAuthorizationToken),
		wire.Op("ListImages", s.ListImages),
	}
}

// Host is the registry's host, with which the URI of every image begins.
func (s *Service) Host() string {
	return s.region.Account + ".dkr.ecr." + s.region.Name + ".amazonaws.com"
}

// GetAuthorizationToken gives a token for docker login. The sandbox has no registry to
// log in to, so any token does.
func (s *Service) GetAuthorizationToken(
	context.Context, *ecr.GetAuthorizationTokenInput,
) (*ecr.GetAuthorizationTokenOutput, error) {
	return &ecr.GetAuthorizationTokenOutput{AuthorizationData: []types.AuthorizationData{{
		AuthorizationToken: aws.String(base64.StdEncoding.EncodeToString([]byte("AWS:sandbox"))),
		ExpiresAt:          aws.Time(time.Now().Add(tokenLife).UTC()),
		ProxyEndpoint:      aws.String("https://" + s.Host()),
	}}}, nil
}

// DescribeRepositories lists the repositories, by name.
func (s *Service) DescribeRepositories(
	_ context.Context, in *ecr.DescribeRepositoriesInput,
) (*ecr.DescribeRepositoriesOutput, error) {
	var found []types.Repository
	if len(in.RepositoryNames) > 0 && (in.MaxResults != nil || in.NextToken != nil) {
		return nil, invalid("RepositoryNames cannot be given together with MaxResults or NextToken.")
	}
	for _, name := range in.RepositoryNames {
		home, err := s.repository(&name, in.RegistryId)
		if err != nil {
			return nil, err
		}
		found = append(found, s.describe(home))
	}
	if len(in.RepositoryNames) == 0 {
		for _, home := range s.repositories {
			found = append(found, s.describe(home))
		}
	}
	slices.SortFunc(found, func(a, b types.Repository) int { return cmp.Compare(*a.RepositoryName, *b.RepositoryName) })
	page, next, err := pageOf(found, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &ecr.DescribeRepositoriesOutput{Repositories: page, NextToken: next}, nil
}

func (s *Service) describe(home *repository) types.Repository {
	return types.Repository{
		CreatedAt:                  aws.Time(home.created),
		EncryptionConfiguration:    &types.EncryptionConfiguration{EncryptionType: types.EncryptionTypeAes256},
		ImageScanningConfiguration: &types.ImageScanningConfiguration{},
		ImageTagMutability:         types.ImageTagMutabilityMutable,
		RegistryId:                 aws.String(s.region.Account),
		RepositoryArn:              aws.String(s.region.ARN("ecr", "repository/"+home.name)),
		RepositoryName:             aws.String(home.name),
		RepositoryUri:              aws.String(s.Host() + "/" + home.name),
	}
}

func (s *Service) repository(name, registry *string) (*repository, error) {
	if aws.ToString(name) == "" {
		return nil, invalid("repositoryName is required.")
	}
	home, exists := s.repositories[*name]
	if !exists || registry != nil && *registry != s.region.Account {
		return nil, &types.RepositoryNotFoundException{Message: aws.String(fmt.Sprintf(
			"The repository with name '%s' does not exist in the registry with id '%s'",
			*name, cmp.Or(aws.ToString(registry), s.region.Account)))}
	}
	return home, nil
}
