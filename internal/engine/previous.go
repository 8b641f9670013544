package engine

import (
	"cmp"
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
	// Present and Before are the newest records of the two.
	Present, Before PastVersion
	// PresentSha is the name of the present version; empty where nobody knows it.
	PresentSha string
	// Sha is the name of the version: the journal's, or else the image's tag or the begin
	// of its digest; empty when none of them is one.
	Sha string
	// Spec is how the service was last rolled out, with the template, its parameters and
	// the port that this version was deployed with, where the journal knows; nil when it
	// knows of no rollout of the service.
	Spec *Spec
	// Of is the rollout that Spec is of, and As the one whose template and port it has.
	Of, As string
	// By is the rollout that deployed this version; empty where the journal knows none, so
	// that it is known by the record alone.
	By string
	// Skipped are the versions that came between and are not gone back to, newest first.
	Skipped []GivenUp
}

// rolloutsLookedThrough is how many rollouts FindPrevious goes back: as many as Parameter
// Store keeps records.
const rolloutsLookedThrough = 100

// FindPrevious finds the version before the present one: the one that was there right
// before it, by the journal's rollouts, and by the record for what the journal does not
// know. A version that was given up for another is not gone back to, and what was recorded
// twice in a row counts once; found again after going back, it is one further back. It
// changes nothing. A record that goes back no further is a *Refusal, an open rollout of the
// service an *OpenError.
func FindPrevious(ctx context.Context, archive Archive, journal Journal, key Key) (*Previous, error) {
	records, err := archive.History(ctx, Service{Environment: key.Environment, Name: key.Service})
	if err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return nil, &Refusal{Problems: []string{
			fmt.Sprintf("%s has no version before the present one: nothing is recorded as deployed in %s", key.Service, key.Environment),
		}}
	}
	rollouts, err := rolloutsOf(ctx, journal, key)
	if err != nil {
		return nil, err
	}
	past := lineageOf(records, rollouts)
	if len(past.line) == 1 {
		return nil, &Refusal{Problems: []string{noneBefore(key, past)}}
	}
	return past.previous(rollouts), nil
}

// noneBefore says that nothing goes back further than to the present version, and which
// others came since.
func noneBefore(key Key, past *lineage) string {
	present := past.line[0]
	first := present.records[0]
	words := fmt.Sprintf("%s has no version before %s, which was the first that is recorded of it (version %d)",
		key.Service, present.last().Image, first.Number)
	if first.Number > 1 {
		words += "; older records are gone"
	}
	var others []string
	for _, other := range past.leftSince(0) {
		others = append(others, other.String())
	}
	if len(others) == 0 {
		return words
	}
	return words + "; since then it also had " + strings.Join(others, ", and ") + ": to deploy that, name it with --image"
}

// previous is the last version but one, and how it is rolled out.
func (l *lineage) previous(rollouts []*Rollout) *Previous {
	present, before := l.line[len(l.line)-1], l.line[len(l.line)-2]
	p := &Previous{
		Present: present.last(), PresentSha: present.sha, Before: before.last(),
		Sha: cmp.Or(before.sha, shaOfImage(before.last().Image)), Skipped: l.leftSince(before.last().Number),
	}
	if len(rollouts) == 0 {
		return p
	}
	spec := rollouts[0].Spec
	p.Spec, p.Of, p.As = &spec, rollouts[0].ID, rollouts[0].ID
	if r := before.by; r != nil {
		p.By, p.As = r.ID, r.ID
		spec.CanaryTemplate, spec.TemplateParameters, spec.Port = r.Spec.CanaryTemplate, r.Spec.TemplateParameters, r.Spec.Port
	}
	return p
}

// Grounds say what the choice rests on, and which versions are passed over and why.
func (p *Previous) Grounds() string {
	words := "this is by the record alone, for the journal knows no rollout that deployed it, nor its template and parameters"
	if p.By != "" {
		words = "this is by the journal: rollout " + p.By + " deployed it"
	}
	for _, skipped := range p.Skipped {
		words += "; not gone back to is " + skipped.String()
	}
	return words
}

// PresentWords name the present version.
func (p *Previous) PresentWords() string { return named(p.Present, p.PresentSha) }

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
