package engine

import (
	"time"

	"serin/internal/engine/analysis"
)

// merge puts newer readings of buckets over older ones; both are ascending, and so is
// the result. What known holds is not changed; what follows it in its array may be, so
// only one line of rollouts grows from it.
func merge(known, read []analysis.Bucket) []analysis.Bucket {
	if len(read) == 0 {
		return known
	}
	if len(known) == 0 || known[len(known)-1].Start.Before(read[0].Start) {
		return append(known, read...)
	}
	merged := make([]analysis.Bucket, 0, len(known)+len(read))
	for len(known) > 0 && len(read) > 0 {
		switch order := known[0].Start.Compare(read[0].Start); {
		case order < 0:
			merged, known = append(merged, known[0]), known[1:]
		case order > 0:
			merged, read = append(merged, read[0]), read[1:]
		default:
			merged, known, read = append(merged, read[0]), known[1:], read[1:]
		}
	}
	merged = append(merged, known...)
	return append(merged, read...)
}

// news are the buckets that are not known, or known differently.
func news(known, read []analysis.Bucket) []analysis.Bucket {
	have := make(map[time.Time]analysis.Bucket, len(known))
	for _, bucket := range known {
		have[bucket.Start.UTC()] = bucket
	}
	var changed []analysis.Bucket
	for _, bucket := range read {
		before, found := have[bucket.Start.UTC()]
		if !found || before.Counts != bucket.Counts {
			changed = append(changed, bucket)
		}
	}
	return changed
}
