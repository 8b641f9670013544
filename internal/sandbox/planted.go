package sandbox

import (
	"context"
	"strings"

	"serin/internal/sandbox/ecr"
	"serin/internal/sandbox/seed"
	"serin/internal/sandbox/yelb"
)

// planted is the tag of each service's image that is deployed from the start.
var planted = map[string]string{
	"yelb-appserver":   "planted",
	"yelb-db":          "1",
	"yelb-redisserver": "1",
	"yelb-ui":          "1",
}

// shaLength is how much of a commit's, here of an image's, hash names a version.
const shaLength = 8

// seed puts the environment, and unless it shall be empty Yelb, into the region.
func (s *Sandbox) seed(ctx context.Context) error {
	seeder := seed.Seeder{
		Environment: s.options.Environment,
		Stacks:      s.cloudFormation, Routes: s.appMesh, Parameters: s.ssm,
	}
	if err := seeder.Bare(ctx); err != nil || s.options.Empty {
		return err
	}
	return seeder.Planted(ctx, s.plantedImages())
}

func (s *Sandbox) plantedImages() map[string]seed.Image {
	images := make(map[string]seed.Image, len(planted))
	for _, image := range yelb.Images() {
		if planted[image.Repository] == image.Tag {
			_, hash, _ := strings.Cut(image.Digest, ":")
			images[image.Repository] = seed.Image{
				URI: s.ImageURI(image.Repository, image.Tag), Sha: hash[:shaLength],
			}
		}
	}
	return images
}

// catalogue is the registry's: Yelb's images.
func catalogue() []ecr.Image {
	var images []ecr.Image
	for _, image := range yelb.Images() {
		images = append(images, ecr.Image(image))
	}
	return images
}
