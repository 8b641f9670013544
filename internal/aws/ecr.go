package aws

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"serin/internal/engine"
)

// ImageAPI is what Images need of ECR.
type ImageAPI interface {
	DescribeImages(context.Context, *ecr.DescribeImagesInput, ...func(*ecr.Options)) (*ecr.DescribeImagesOutput, error)
}

var _ ImageAPI = (*ecr.Client)(nil)

// Images knows whether images can be pulled from ECR.
type Images struct {
	api   ImageAPI
	where Where
}

// NewImages looks images up with the credentials of one account and region.
func NewImages(api ImageAPI, where Where) *Images { return &Images{api: api, where: where} }

// ImageCheck is what was found out about an image.
type ImageCheck struct {
	// Checked is false for an image that cannot be checked; Why says why not.
	Checked bool
	Why     string
	// Digest is the image's, where it was checked.
	Digest string
}

// imageName is an image's name, taken apart.
type imageName struct {
	// account and region are of the ECR registry; empty for the caller's own.
	account, region string
	repository      string
	tag, digest     string
}

// registryForm is the host of a private ECR registry in any partition.
var registryForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$`)
})

// parseImage takes an image's name apart. private is false for one of a registry that
// is not ECR's. As with Docker, the part before the first slash is a host when it has a
// dot or a colon, or is localhost.
func parseImage(image string) (name imageName, private bool) {
	rest := image
	if host, path, cut := strings.Cut(image, "/"); cut && (strings.ContainsAny(host, ".:") || host == "localhost") {
		registry := registryForm().FindStringSubmatch(host)
		if registry == nil {
			return imageName{}, false
		}
		name.account, name.region, rest = registry[1], registry[2], path
	}
	rest, name.digest, _ = strings.Cut(rest, "@")
	name.repository, name.tag, _ = strings.Cut(rest, ":")
	if name.tag == "" && name.digest == "" {
		name.tag = "latest"
	}
	return name, true
}

// Check looks an image up. One that is not there is a fault of kind NotFound, which
// names tags that are; one of another registry than ECR, or one that the credentials may
// not look up, is no error: it cannot be checked.
func (i *Images) Check(ctx context.Context, image string) (ImageCheck, error) {
	name, private := parseImage(image)
	if !private {
		return ImageCheck{Why: "its registry is not ECR"}, nil
	}
	target := "image " + clean(image)
	id := types.ImageIdentifier{}
	if name.tag != "" {
		id.ImageTag = &name.tag
	}
	if name.digest != "" {
		id.ImageDigest = &name.digest
	}
	out, err := i.describe(ctx, name, &ecr.DescribeImagesInput{ImageIds: []types.ImageIdentifier{id}})
	switch {
	case err == nil && len(out.ImageDetails) > 0:
		return ImageCheck{Checked: true, Digest: text(out.ImageDetails[0].ImageDigest)}, nil
	case hasCode(err, "RepositoryNotFoundException"):
		return ImageCheck{}, refuse("find", target, engine.NotFound, publicHint(name),
			"ECR has no repository %s in %s", clean(name.repository), i.regionOf(name))
	case err == nil, hasCode(err, "ImageNotFoundException"):
		return ImageCheck{}, i.absent(ctx, target, name)
	}
	return i.undecided(ctx, target, err)
}

// undecided is the answer where ECR did not say whether the image is there.
func (i *Images) undecided(ctx context.Context, target string, err error) (ImageCheck, error) {
	err = i.where.fault(ctx, "find", target, err)
	fault, ok := errors.AsType[*engine.Fault](err)
	if ok && fault.Kind == engine.Denied && hasCode(fault.Err, "AccessDeniedException", "AccessDenied") {
		return ImageCheck{Why: "these credentials may not look it up (ecr:DescribeImages)"}, nil
	}
	return ImageCheck{}, err
}

func (i *Images) describe(ctx context.Context, name imageName, input *ecr.DescribeImagesInput) (*ecr.DescribeImagesOutput, error) {
	input.RepositoryName = &name.repository
	if name.account != "" {
		input.RegistryId = &name.account
	}
	return i.api.DescribeImages(ctx, input, func(options *ecr.Options) { options.Region = i.regionOf(name) })
}

func (i *Images) regionOf(name imageName) string {
	if name.region != "" {
		return name.region
	}
	return i.where.Region
}

// absent is the fault of an image that its repository does not have.
func (i *Images) absent(ctx context.Context, target string, name imageName) error {
	wanted := name.tag
	if name.digest != "" {
		wanted = name.digest
	}
	tags := i.tags(ctx, name)
	if len(tags) == 0 {
		return refuse("find", target, engine.NotFound, publicHint(name),
			"ECR repository %s has no %s", clean(name.repository), clean(wanted))
	}
	if more := len(tags) - tagsTold; more > 0 {
		tags = append(tags[:tagsTold:tagsTold], fmt.Sprintf("%d more", more))
	}
	return refuse("find", target, engine.NotFound, publicHint(name),
		"ECR repository %s has no %s; it has %s", clean(name.repository), clean(wanted), list(tags))
}

// publicHint tells how to name a public image, which Docker's short names look like.
func publicHint(name imageName) string {
	if name.account != "" {
		return "push the image first, or correct its tag"
	}
	public := clean(name.repository)
	if !strings.Contains(public, "/") {
		public = "library/" + public
	}
	if name.tag != "" {
		public += ":" + clean(name.tag)
	}
	return "push the image first or correct its tag; for a public image write docker.io/" + public
}

// tagsTold is how many tags a fault names, the newest ones; of others it says how many.
const tagsTold = 10

// tags are the tags of a repository, newest first, as far as newest knows. They only help an operator: when
// they cannot be read there are none.
func (i *Images) tags(ctx context.Context, name imageName) []string {
	tags, err := i.newest(ctx, name)
	if err != nil {
		return nil
	}
	return tags
}

// Tagged are the images of the repository of an image, named as it is and newest first,
// of the first thousand that ECR lists. There are none of a repository that ECR does not
// have, or of another registry than ECR.
func (i *Images) Tagged(ctx context.Context, image string) ([]string, error) {
	name, private := parseImage(image)
	if !private {
		return nil, nil
	}
	tags, err := i.newest(ctx, name)
	if hasCode(err, "RepositoryNotFoundException") {
		return nil, nil
	}
	if err != nil {
		return nil, i.where.fault(ctx, "list", "the images of repository "+clean(name.repository), err)
	}
	host := ""
	if before, _, cut := strings.Cut(image, "/"); cut && name.account != "" {
		host = before + "/"
	}
	images := make([]string, len(tags))
	for n, tag := range tags {
		images[n] = clean(host+name.repository) + ":" + tag
	}
	return images, nil
}

// newest are the tags of a repository, newest first, of the first thousand images that
// ECR lists.
func (i *Images) newest(ctx context.Context, name imageName) ([]string, error) {
	out, err := i.describe(ctx, name, &ecr.DescribeImagesInput{
		Filter: &types.DescribeImagesFilter{TagStatus: types.TagStatusTagged}, MaxResults: awssdk.Int32(1000),
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(out.ImageDetails, func(a, b types.ImageDetail) int {
		return pushed(b).Compare(pushed(a))
	})
	var tags []string
	for _, detail := range out.ImageDetails {
		for _, tag := range detail.ImageTags {
			tags = append(tags, clean(tag))
		}
	}
	return tags, nil
}

func pushed(detail types.ImageDetail) time.Time { return awssdk.ToTime(detail.ImagePushedAt) }
