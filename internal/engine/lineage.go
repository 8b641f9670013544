package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// GivenUp is a version that a service had and that is not gone back to.
type GivenUp struct {
	Version PastVersion
	// Sha is its name; empty where nobody knows it.
	Sha string
	// Why says in words who gave it up, and for what.
	Why string
}

// String names the version, and says why it is not gone back to.
func (g GivenUp) String() string { return named(g.Version, g.Sha) + ", " + g.Why }

// named is a version in words: its image, its sha and the number of its record.
func named(version PastVersion, sha string) string {
	if sha == "" {
		return fmt.Sprintf("%s (version %d)", version.Image, version.Number)
	}
	return fmt.Sprintf("%s (%s, version %d)", version.Image, sha, version.Number)
}

// tenure is one version while a service had it.
type tenure struct {
	// records are those of it, oldest first: it may have been recorded more than once.
	records []PastVersion
	// sha names it; empty where the journal does not tell.
	sha string
	// by is the rollout that deployed it last; nil where the journal knows none.
	by *Rollout
}

// last is the newest record of a version.
func (t tenure) last() PastVersion { return t.records[len(t.records)-1] }

// continues tells whether a version is this one again. What went back says to which record
// it did. Otherwise it is the sha that makes a version, for one image may be deployed with
// other parameters; where only the record tells of it, the image has to do.
func (t tenure) continues(again tenure) bool {
	if again.by != nil && again.by.Back != 0 {
		return slices.ContainsFunc(t.records, func(record PastVersion) bool { return record.Number == again.by.Back })
	}
	return t.last().Image == again.last().Image && (t.sha == again.sha || t.sha == "" || again.sha == "")
}

// lineage are the versions that a service can go back to, one after the other, oldest
// first, with the present one at the end.
type lineage struct {
	line []tenure
	left []GivenUp
}

// lineageOf joins the records of a service with what its rollouts tell of them; both are
// newest first. A rollout that is older than every record that was kept tells by itself.
func lineageOf(records []PastVersion, rollouts []*Rollout) *lineage {
	l := &lineage{}
	for _, r := range slices.Backward(rollouts) {
		if r.Outcome == Succeeded && r.Number > 0 && r.Number < records[len(records)-1].Number {
			l.add(tenure{records: []PastVersion{{Number: r.Number, Image: r.Canary.Image, At: r.EndedAt, By: r.StartedBy}}, sha: r.Canary.Sha, by: r})
		}
	}
	for i, record := range slices.Backward(records) {
		r := undone(record, rollouts)
		if r == nil || i == 0 {
			l.add(tenureOf(record, rollouts))
			continue
		}
		l.left = append(l.left, GivenUp{Version: record, Sha: r.Canary.Sha, Why: "which rollout " + r.ID + " rolled back"})
	}
	return l
}

// tenureOf is what is known of a recorded version: by the rollout that deployed it, or
// else by one that found it there. The numbers of a record that someone deleted are used
// again, so the newest of two rollouts is meant.
func tenureOf(record PastVersion, rollouts []*Rollout) tenure {
	t := tenure{records: []PastVersion{record}}
	for _, r := range rollouts {
		switch {
		case r.Outcome == Succeeded && r.Number == record.Number && r.Canary.Image == record.Image:
			t.sha, t.by = r.Canary.Sha, r
			return t
		case t.sha == "" && r.Stable != nil && r.Before.Number == record.Number && r.Before.Image == record.Image:
			t.sha = r.Stable.Sha
		}
	}
	return t
}

// undone is the rollout that made a record of its canary and was rolled back after that;
// nil without one. Where stable has the same image the record is stable's again.
func undone(record PastVersion, rollouts []*Rollout) *Rollout {
	at := slices.IndexFunc(rollouts, func(r *Rollout) bool {
		return r.Outcome == RolledBack && r.Number == record.Number && r.Canary.Image == record.Image && r.Before.Image != record.Image
	})
	if at < 0 {
		return nil
	}
	return rollouts[at]
}

// add takes in the version that came next. One that the service had before leaves behind
// all that came between.
func (l *lineage) add(next tenure) {
	at := len(l.line) - 1
	for at >= 0 && !l.line[at].continues(next) {
		at--
	}
	if at >= 0 {
		known := l.line[at]
		next = tenure{records: slices.Concat(known.records, next.records), sha: cmp.Or(next.sha, known.sha), by: cmp.Or(next.by, known.by)}
	}
	// What went back to a record that is gone left behind everything after it.
	if at >= 0 || next.by != nil && next.by.Back != 0 {
		l.leave(l.line[at+1:], next)
		l.line = l.line[:max(at, 0)]
	}
	l.line = append(l.line, next)
}

// leave notes the versions that were given up for another.
func (l *lineage) leave(given []tenure, successor tenure) {
	why := "given up for " + named(successor.last(), successor.sha)
	if successor.by != nil && successor.by.Back != 0 {
		why += ", to which rollout " + successor.by.ID + " went back"
	}
	for _, t := range given {
		l.left = append(l.left, GivenUp{Version: t.last(), Sha: t.sha, Why: why})
	}
}

// leftSince are the versions that were given up since a record, newest first, each once
// and none that the service has now or goes back to.
func (l *lineage) leftSince(number int64) []GivenUp {
	var since []GivenUp
	for _, g := range slices.Backward(l.left) {
		isSame := func(t tenure) bool { return t.sha == g.Sha && t.last().Image == g.Version.Image }
		isTold := slices.ContainsFunc(since, func(told GivenUp) bool {
			return told.Sha == g.Sha && told.Version.Image == g.Version.Image
		})
		if g.Version.Number > number && !isTold && !slices.ContainsFunc(l.line, isSame) {
			since = append(since, g)
		}
	}
	slices.SortStableFunc(since, func(a, b GivenUp) int { return cmp.Compare(b.Version.Number, a.Version.Number) })
	return since
}

// rolloutsOf are the last rollouts of a service, newest first. An open one is an
// *OpenError: what it becomes is not known.
func rolloutsOf(ctx context.Context, journal Journal, key Key) ([]*Rollout, error) {
	headers, err := journal.Rollouts(ctx, key, rolloutsLookedThrough)
	if err != nil {
		return nil, err
	}
	var rollouts []*Rollout
	for _, header := range headers {
		if header.Open {
			return nil, &OpenError{Header: header}
		}
		events, err := journal.Events(ctx, header.ID, 0)
		if err != nil {
			return nil, err
		}
		rollouts = append(rollouts, Fold(events))
	}
	return rollouts, nil
}
