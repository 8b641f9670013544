package analysis

import (
	"fmt"
	"time"
)

// Threshold is the original's policy: a canary fails when the sum of its 5xx in the
// window is more than the limit (original.md, "The state machine", 4).
type Threshold struct {
	// Limit is the largest number of 5xx that passes.
	Limit int
	// Window is how far back the 5xx count.
	Window time.Duration
	// Period is the length of a bucket.
	Period time.Duration
}

// Judge judges the responses of a canary, and reports stable's beside them. A canary
// without a single response is no data, never a pass: zeros say as little as nothing.
// Both slices are ascending.
func (t Threshold) Judge(canary, stable []Bucket, now time.Time) Verdict {
	from := now.Add(-t.Window)
	recent := Since(canary, from)
	verdict := Verdict{Canary: numbers(recent), Stable: numbers(Since(stable, from))}
	if len(recent) > 0 {
		verdict.EvidenceTo = recent[len(recent)-1].Start.Add(t.Period)
	}
	if verdict.Canary.Requests == 0 {
		verdict.Result = NoData
		verdict.Reason = fmt.Sprintf("no responses of the canary are known in the last %s", t.Window)
		return verdict
	}
	verdict.Result = Pass
	relation := "not more than"
	if verdict.Canary.Errors > float64(t.Limit) {
		verdict.Result, relation = Fail, "more than"
	}
	verdict.Reason = fmt.Sprintf("%.0f 5xx of %.0f canary responses in the last %s, %s the threshold of %d",
		verdict.Canary.Errors, verdict.Canary.Requests, t.Window, relation, t.Limit)
	return verdict
}

func numbers(buckets []Bucket) Numbers {
	sum := Sum(buckets)
	return Numbers{Requests: sum.Total(), Errors: sum.Class(5)}
}
