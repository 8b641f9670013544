package aws

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"serin/internal/engine"
)

// registryFake is a registry: tags by repository, oldest first.
type registryFake struct {
	tags   map[string][]string
	fail   error
	asked  []*ecr.DescribeImagesInput
	region string
}

var _ ImageAPI = (*registryFake)(nil)

func (r *registryFake) DescribeImages(_ context.Context, in *ecr.DescribeImagesInput, options ...func(*ecr.Options)) (*ecr.DescribeImagesOutput, error) {
	r.asked = append(r.asked, in)
	applied := ecr.Options{}
	for _, option := range options {
		option(&applied)
	}
	r.region = applied.Region
	if r.fail != nil {
		return nil, r.fail
	}
	tags, there := r.tags[*in.RepositoryName]
	if !there {
		return nil, said("ECR", "DescribeImages", 400, "RepositoryNotFoundException", "no such repository")
	}
	out := &ecr.DescribeImagesOutput{}
	for i, tag := range tags {
		if len(in.ImageIds) == 0 || aws.ToString(in.ImageIds[0].ImageTag) == tag || aws.ToString(in.ImageIds[0].ImageDigest) == "sha256:"+tag {
			out.ImageDetails = append(out.ImageDetails, types.ImageDetail{
				ImageTags: []string{tag}, ImageDigest: aws.String("sha256:" + tag), ImagePushedAt: aws.Time(noon().Add(time.Duration(i) * time.Hour)),
			})
		}
	}
	if len(out.ImageDetails) == 0 && len(in.ImageIds) > 0 {
		return nil, said("ECR", "DescribeImages", 400, "ImageNotFoundException", "no such image")
	}
	return out, nil
}

func TestImagesOfECRAreLookedUp(t *testing.T) {
	for image, c := range map[string]struct{ repository, tag, digest, account, region string }{
		"yelb-ui:1":      {"yelb-ui", "1", "", "", "us-west-2"},
		"yelb-ui":        {"yelb-ui", "latest", "", "", "us-west-2"},
		"team/yelb-ui:1": {"team/yelb-ui", "1", "", "", "us-west-2"},
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com/yelb-ui:1":                 {"yelb-ui", "1", "", "123456789012", "eu-west-1"},
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/yelb-ui:1":        {"team/yelb-ui", "1", "", "123456789012", "cn-north-1"},
		"123456789012.dkr.ecr-fips.us-east-1.amazonaws.com/yelb-ui@sha256:1":     {"yelb-ui", "", "sha256:1", "123456789012", "us-east-1"},
		"123456789012.dkr.ecr.us-west-2.amazonaws.com/team/yelb-ui:1@sha256:abc": {"team/yelb-ui", "1", "sha256:abc", "123456789012", "us-west-2"},
	} {
		t.Run(image, func(t *testing.T) {
			fake := &registryFake{tags: map[string][]string{"yelb-ui": {"1", "latest"}, "team/yelb-ui": {"1"}}}
			check, err := NewImages(fake, here()).Check(t.Context(), image)
			if err != nil || !check.Checked || check.Digest == "" || check.Why != "" {
				t.Fatalf("%+v, %v", check, err)
			}
			asked := fake.asked[0]
			if *asked.RepositoryName != c.repository || aws.ToString(asked.ImageIds[0].ImageTag) != c.tag || aws.ToString(asked.ImageIds[0].ImageDigest) != c.digest {
				t.Errorf("asked for %s %+v", *asked.RepositoryName, asked.ImageIds[0])
			}
			if aws.ToString(asked.RegistryId) != c.account || fake.region != c.region {
				t.Errorf("asked %q in %s", aws.ToString(asked.RegistryId), fake.region)
			}
		})
	}
}

func TestImagesOfOtherRegistriesAreNotChecked(t *testing.T) {
	for _, image := range []string{
		"public.ecr.aws/nginx/nginx:1", "docker.io/library/redis:7", "ghcr.io/x/y:1", "localhost/x", "localhost:5000/x:1", "registry.example:443/a/b@sha256:1",
	} {
		fake := &registryFake{}
		check, err := NewImages(fake, here()).Check(t.Context(), image)
		if err != nil || check.Checked || check.Why == "" || len(fake.asked) != 0 {
			t.Errorf("%s: %+v, %v, asked %d times", image, check, err, len(fake.asked))
		}
	}
}

func TestImagesThatAreNotThere(t *testing.T) {
	var many []string
	for i := range 12 {
		many = append(many, fmt.Sprintf("v%d", i))
	}
	fake := &registryFake{tags: map[string][]string{"yelb-ui": many, "app": many[:7], "empty": nil}}
	for image, words := range map[string][]string{
		"yelb-ui:fix":          {"ECR repository yelb-ui has no fix; it has v11, v10, v9, v8, v7, v6, v5, v4, v3, v2 and 2 more", "docker.io/library/yelb-ui:fix"},
		"app:nope":             {"it has v6, v5, v4, v3, v2, v1 and v0"},
		"yelb-ui@sha256:dead":  {"has no sha256:dead; it has v11", "docker.io/library/yelb-ui"},
		"empty:1":              {"ECR repository empty has no 1"},
		"mreferre/yelb-ui:0.7": {"no repository mreferre/yelb-ui in us-west-2", "write docker.io/mreferre/yelb-ui:0.7"},
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com/nothing:1": {"no repository nothing in eu-west-1", "push the image first"},
	} {
		t.Run(image, func(t *testing.T) {
			_, err := NewImages(fake, here()).Check(t.Context(), image)
			wantFault(t, err, engine.NotFound, words...)
		})
	}
}

func TestAnImageThatMayNotBeLookedUpIsNotChecked(t *testing.T) {
	fake := &registryFake{fail: said("ECR", "DescribeImages", 400, "AccessDeniedException", "no")}
	check, err := NewImages(fake, here()).Check(t.Context(), "yelb-ui:1")
	if err != nil || check.Checked || !contains(check.Why, "ecr:DescribeImages") {
		t.Errorf("%+v, %v", check, err)
	}
}

func TestImageTroubles(t *testing.T) {
	for _, trouble := range troubles() {
		if trouble.name == "denied" {
			continue // TestAnImageThatMayNotBeLookedUpIsNotChecked
		}
		t.Run(trouble.name, func(t *testing.T) {
			_, err := NewImages(&registryFake{fail: trouble.err("ECR", "DescribeImages")}, here()).Check(t.Context(), "yelb-ui:1")
			wantFault(t, err, trouble.kind, trouble.words("ecr", "DescribeImages")...)
		})
	}
}
