package yelb

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Ports that the microservices listen on, unless a version does not.
const (
	uiPort        = 80
	appserverPort = 4567
	redisPort     = 6379
	databasePort  = 5432
	// wrongPort is where yelb-appserver:wrongport listens: the walkthrough's version
	// that must be rolled back.
	wrongPort = 4568
)

const (
	// crashAfter is how long a :crash version runs, without ever having listened: long before
	// anybody could take it for healthy.
	crashAfter = 200 * time.Millisecond
	// lateAfter is how long a :late version is well.
	lateAfter = 8 * time.Second
)

// Image is one image of the catalogue, as a registry lists it.
type Image struct {
	// Repository is the repository's name without its registry, such as yelb-ui.
	Repository string
	Tag        string
	// Digest is sha256: and 64 hexadecimal digits; it depends on the name alone.
	Digest string
	Pushed time.Time
}

// program is what an image runs: how its servers start, nil for none, and how long it
// lives before it exits with code 1, 0 being for ever.
type program struct {
	start    func(ctx context.Context, p *process) error
	lifetime time.Duration
}

// entry is an image of the catalogue with its program.
type entry struct {
	repository, tag string
	program         program
}

// catalogue is every image of Yelb, in the order in which they were pushed.
func catalogue() []entry {
	plain := recipe{port: appserverPort, perVote: 1}
	planted, wrongport, flaky, late, slow := plain, plain, plain, plain, plain
	planted.perVote = 2
	wrongport.port = wrongPort
	flaky.quirk = failsSometimes
	late.quirk = breaksLater
	slow.quirk = takesItsTime
	entries := []entry{
		{"yelb-appserver", "planted", program{start: planted.start}},
		{"yelb-appserver", "fixed", program{start: plain.start}},
		{"yelb-appserver", "wrongport", program{start: wrongport.start}},
		{"yelb-appserver", "flaky", program{start: flaky.start}},
		{"yelb-appserver", "late", program{start: late.start}},
		{"yelb-appserver", "slow", program{start: slow.start}},
		{"yelb-appserver", "crash", program{lifetime: crashAfter}},
	}
	for repository, start := range map[string]func(context.Context, *process) error{
		"yelb-ui":          startUI,
		"yelb-db":          startDatabase,
		"yelb-redisserver": startRedis,
	} {
		entries = append(entries,
			entry{repository, "1", program{start: start}},
			entry{repository, "2", program{start: start}},
			entry{repository, "crash", program{lifetime: crashAfter}},
			entry{repository, "late", program{start: start, lifetime: lateAfter}})
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return strings.Compare(a.repository, b.repository) })
	return entries
}

// inert are the last parts of the names of images that run beside the app and do
// nothing here: the mesh does an Envoy's work.
var inert = map[string]bool{
	"aws-appmesh-envoy": true,
	"aws-xray-daemon":   true,
	"curl":              true,
}

// Images are the images of Yelb, by repository and by when they were pushed. Images
// that only run beside an app are not among them.
func Images() []Image {
	first := time.Date(2026, time.November, 2, 9, 0, 0, 0, time.UTC)
	var images []Image
	for i, e := range catalogue() {
		images = append(images, Image{
			Repository: e.repository,
			Tag:        e.tag,
			Digest:     digest(e.repository, e.tag),
			Pushed:     first.Add(time.Duration(i) * time.Hour),
		})
	}
	return images
}

func digest(repository, tag string) string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(repository+":"+tag)))
}

// find is the program of an image, whatever registry its name carries. The error is
// what ECS shows when there is no such image.
func find(image string) (program, error) {
	ref := parseReference(image)
	if inert[ref.repository[strings.LastIndex(ref.repository, "/")+1:]] {
		return program{}, nil
	}
	for _, e := range catalogue() {
		if e.repository == ref.repository && (e.tag == ref.tag || digest(e.repository, e.tag) == ref.digest) {
			return e.program, nil
		}
	}
	return program{}, fmt.Errorf("pull image manifest has been retried 1 time(s): failed to resolve ref %s: not found", ref)
}

// reference is an image's name in its parts. Of the tag and the digest one is empty.
type reference struct {
	registry, repository, tag, digest string
}

// parseReference reads an image's name as Docker does: the first part is a registry
// when it looks like a host, a name without a registry is Docker Hub's, and without a
// tag the tag is latest.
func parseReference(image string) reference {
	ref := reference{registry: "docker.io", repository: image}
	if host, rest, ok := strings.Cut(image, "/"); ok && (strings.ContainsAny(host, ".:") || host == "localhost") {
		ref.registry, ref.repository = host, rest
	}
	if name, digest, ok := strings.Cut(ref.repository, "@"); ok {
		ref.repository, ref.digest = name, digest
		ref.repository, _, _ = strings.Cut(ref.repository, ":")
		return ref
	}
	var tagged bool
	if ref.repository, ref.tag, tagged = strings.Cut(ref.repository, ":"); !tagged {
		ref.tag = "latest"
	}
	return ref
}

// String is the name in full, as containerd prints it.
func (r reference) String() string {
	repository := r.repository
	if r.registry == "docker.io" && !strings.Contains(repository, "/") {
		repository = "library/" + repository
	}
	if r.digest != "" {
		return r.registry + "/" + repository + "@" + r.digest
	}
	return r.registry + "/" + repository + ":" + r.tag
}
