package engine

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// PastVersion is one of the records of what was deployed of a service.
type PastVersion struct {
	// Number is how many records there had been with it.
	Number int64     `json:"number"`
	Image  string    `json:"image"`
	At     time.Time `json:"at"`
	// By is the ARN of who recorded it.
	By string `json:"by,omitempty"`
}

// Archive tells what was recorded as deployed, in the past too. Implementations are safe
// for concurrent use.
type Archive interface {
	// History are the records of a service, newest first, with the present one; empty
	// before the first deployment. Old ones may be gone.
	History(ctx context.Context, service Service) ([]PastVersion, error)
}

// Previous is the version that a service had before its present one.
type Previous struct {
	// Present and Before are the records of the two.
	Present, Before PastVersion
	// Sha is the name of the version: the journal's, or else the image's tag or the begin
	// of its digest; empty when none of them is one.
	Sha string
	// Spec is how the service was last rolled out, with the template, its parameters and
	// the port that this version was deployed with, where the journal knows; nil when it
	// knows of no rollout of the service.
	Spec *Spec
	// Of is the rollout that Spec is of, and As the one whose template and port it has.
	Of, As string
}

// rolloutsLookedThrough is how many rollouts FindPrevious goes back for the one that
// deployed the version before: as many as Parameter Store keeps records.
const rolloutsLookedThrough = 100

// FindPrevious finds the version before the present one: the one that was recorded before
// the present image first was. So a version that was given up for the present one is not
// gone back to, and what was recorded twice in a row counts once; found again after
// going back, it is one further back. It changes nothing. A record that goes back no
// further is a *Refusal, an open rollout of the service an *OpenError.
func FindPrevious(ctx context.Context, archive Archive, journal Journal, key Key) (*Previous, error) {
	records, err := archive.History(ctx, Service{Environment: key.Environment, Name: key.Service})
	if err != nil {
		return nil, err
	}
	found, err := before(key, records)
	if err != nil {
		return nil, err
	}
	if err := found.recall(ctx, journal, key); err != nil {
		return nil, err
	}
	if found.Sha == "" {
		found.Sha = shaOfImage(found.Before.Image)
	}
	return found, nil
}

// before is the version before the present one by the records alone.
func before(key Key, records []PastVersion) (*Previous, error) {
	if len(records) == 0 {
		return nil, &Refusal{Problems: []string{
			fmt.Sprintf("%s has no version before the present one: nothing is recorded as deployed in %s", key.Service, key.Environment),
		}}
	}
	present := records[0]
	first := 0
	for i, record := range records {
		if record.Image == present.Image {
			first = i
		}
	}
	if first+1 < len(records) {
		return &Previous{Present: present, Before: records[first+1]}, nil
	}
	return nil, &Refusal{Problems: []string{noneBefore(key, records, first)}}
}

// noneBefore says that the records go back no further than to the present image, and
// which others came since.
func noneBefore(key Key, records []PastVersion, first int) string {
	words := fmt.Sprintf("%s has no version before %s, which was the first that is recorded of it (version %d)",
		key.Service, records[0].Image, records[first].Number)
	if records[first].Number > 1 {
		words += "; older records are gone"
	}
	told := map[string]bool{records[0].Image: true}
	var others []string
	for _, record := range records {
		if !told[record.Image] {
			others = append(others, fmt.Sprintf("%s (version %d)", record.Image, record.Number))
		}
		told[record.Image] = true
	}
	if len(others) == 0 {
		return words
	}
	return words + "; since then it also had " + strings.Join(others, ", ") + ": to deploy that, name it with --image"
}

// recall finds in the journal how the service was last rolled out, and how the version
// before was deployed.
func (p *Previous) recall(ctx context.Context, journal Journal, key Key) error {
	headers, err := journal.Rollouts(ctx, key, rolloutsLookedThrough)
	if err != nil {
		return err
	}
	for _, header := range headers {
		if header.Open {
			return &OpenError{Header: header}
		}
		events, err := journal.Events(ctx, header.ID, 0)
		if err != nil {
			return err
		}
		if p.recognise(Fold(events)) {
			return nil
		}
	}
	return nil
}

// recognise takes from a rollout what it tells of the version before; of several
// rollouts the newest is given first. True says that an older one can tell no more.
func (p *Previous) recognise(r *Rollout) bool {
	if p.Spec == nil {
		spec := r.Spec
		p.Spec, p.Of, p.As = &spec, r.ID, r.ID
	}
	if p.Sha == "" && r.Stable != nil && r.Stable.Image == p.Before.Image {
		p.Sha = r.Stable.Sha
	}
	if r.Outcome != Succeeded || r.Canary.Image != p.Before.Image {
		return false
	}
	p.Sha, p.As = r.Canary.Sha, r.ID
	p.Spec.CanaryTemplate, p.Spec.TemplateParameters, p.Spec.Port = r.Spec.CanaryTemplate, r.Spec.TemplateParameters, r.Spec.Port
	return true
}

// shaLength is how much of a digest names a version, as of a commit.
const shaLength = 8

// shaOfImage is the name of a version that its image tells: the tag, which a pipeline
// makes of the commit, or else the begin of the digest; empty when neither could be one.
func shaOfImage(image string) string {
	path, digest, _ := strings.Cut(image, "@")
	tag := ""
	if at := strings.LastIndexByte(path, ':'); at > strings.LastIndexByte(path, '/') {
		tag = path[at+1:]
	}
	_, hex, _ := strings.Cut(digest, ":")
	for _, name := range []string{tag, hex[:min(shaLength, len(hex))]} {
		if shaForm.compiled().MatchString(name) {
			return name
		}
	}
	return ""
}
