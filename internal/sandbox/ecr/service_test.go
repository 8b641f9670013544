package ecr

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"serin/internal/sandbox/region"
)

func newRegistry() *Service {
	pushed := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	return New(region.Region{Account: "123456789012", Name: "us-west-2"}, []Image{
		{"yelb-appserver", "planted", "sha256:aa", pushed},
		{"yelb-appserver", "fixed", "sha256:bb", pushed.Add(time.Hour)},
		{"yelb-appserver", "latest", "sha256:bb", pushed.Add(time.Hour)},
		{"yelb-ui", "1", "sha256:cc", pushed},
	})
}

func TestDescribeRepositories(t *testing.T) {
	out, err := newRegistry().DescribeRepositories(t.Context(), &ecr.DescribeRepositoriesInput{})
	if err != nil {
		t.Fatal(err)
	}
	const uri = "123456789012.dkr.ecr.us-west-2.amazonaws.com/yelb-appserver"
	if len(out.Repositories) != 2 || *out.Repositories[0].RepositoryUri != uri {
		t.Errorf("got %+v", out.Repositories)
	}
	_, err = newRegistry().DescribeRepositories(t.Context(), &ecr.DescribeRepositoriesInput{RepositoryNames: []string{"none"}})
	if _, missing := errors.AsType[*types.RepositoryNotFoundException](err); !missing {
		t.Errorf("got %v", err)
	}
}

func TestDescribeImages(t *testing.T) {
	s := newRegistry()
	out, err := s.DescribeImages(t.Context(), &ecr.DescribeImagesInput{RepositoryName: aws.String("yelb-appserver")})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.ImageDetails) != 2 || fmt.Sprint(out.ImageDetails[0].ImageTags) != "[fixed latest]" {
		t.Errorf("got %+v", out.ImageDetails)
	}
	_, err = s.DescribeImages(t.Context(), &ecr.DescribeImagesInput{
		RepositoryName: aws.String("yelb-ui"), ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("2")}},
	})
	if _, missing := errors.AsType[*types.ImageNotFoundException](err); !missing {
		t.Errorf("got %v", err)
	}
}

func TestBatchGetImage(t *testing.T) {
	out, err := newRegistry().BatchGetImage(t.Context(), &ecr.BatchGetImageInput{
		RepositoryName: aws.String("yelb-appserver"), ImageIds: []types.ImageIdentifier{
			{ImageTag: aws.String("fixed")}, {ImageTag: aws.String("fixed"), ImageDigest: aws.String("sha256:aa")},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Images) != 1 || *out.Images[0].ImageId.ImageDigest != "sha256:bb" || !json.Valid([]byte(*out.Images[0].ImageManifest)) {
		t.Errorf("images %+v", out.Images)
	}
	if len(out.Failures) != 1 || out.Failures[0].FailureCode != types.ImageFailureCodeImageNotFound {
		t.Errorf("failures %+v", out.Failures)
	}
}

func TestListImagesPages(t *testing.T) {
	in := &ecr.ListImagesInput{RepositoryName: aws.String("yelb-appserver"), MaxResults: aws.Int32(2)}
	tags := ""
	for {
		out, err := newRegistry().ListImages(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range out.ImageIds {
			tags += *id.ImageTag + " "
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if tags != "fixed latest planted " {
		t.Errorf("got %s", tags)
	}
}

func TestAuthorizationToken(t *testing.T) {
	out, err := newRegistry().GetAuthorizationToken(t.Context(), &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		t.Fatal(err)
	}
	if data := out.AuthorizationData[0]; !data.ExpiresAt.After(time.Now().Add(11*time.Hour)) || *data.AuthorizationToken == "" {
		t.Errorf("got %+v", data)
	}
}
