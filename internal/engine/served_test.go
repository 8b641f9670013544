package engine_test

import (
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
)

// read are responses of a version that were read: one period of ten seconds after the
// other, from so many seconds after the start on.
func read(sha string, from int, total ...float64) *engine.Observed {
	start := time.Date(2026, 11, 23, 14, 0, from, 0, time.UTC)
	responses := engine.Responses{Sha: sha}
	for i, requests := range total {
		responses.Buckets = append(responses.Buckets, analysis.Bucket{
			Start: start.Add(time.Duration(i) * 10 * time.Second), Counts: [5]float64{1: requests - 1, 4: 1},
		})
	}
	return &engine.Observed{Responses: []engine.Responses{responses}}
}

// What a canary served is known as far as it was read of itself, and no further.
func TestWhatTheCanaryServed(t *testing.T) {
	exposed := []spell{{&engine.StackRequested{}, 20 * time.Second}, {&engine.WeightsIntended{Stable: 50, Canary: 50}, 7 * time.Second}}
	back := []spell{{&engine.RollbackStarted{}, time.Second}, {&engine.TrafficReturned{}, 30 * time.Second}, {&engine.Finished{Outcome: engine.RolledBack}, 0}}
	for _, c := range []struct {
		name           string
		between        []spell
		requests, errs float64
		words          string
	}{
		{"nothing was read", nil, 0, 0, "it is not known what the canary served: none of the 8s of its traffic is counted"},
		{
			"only stable was read",
			[]spell{{read(stableSha, 10, 9, 9), time.Second}},
			0, 0,
			"it is not known what the canary served: none of the 9s of its traffic is counted",
		},
		{
			"what it answered before its traffic does not count",
			[]spell{{read(canarySha, 0, 9, 9), time.Second}},
			0, 0,
			"it is not known what the canary served: none of the 9s of its traffic is counted",
		},
		{
			"the first of it was read",
			[]spell{{read(canarySha, 20, 5, 7), 10 * time.Second}},
			12, 2,
			"the canary served 12 requests, 2 with a 5xx, as known to 14:00:27; the last 11s of its traffic are not counted",
		},
		{
			"all was read",
			[]spell{{&engine.PausedNow{}, 33 * time.Second}, {read(canarySha, 20, 5, 7, 7, 7, 9), 0}},
			35, 5,
			"the canary served 35 requests, 5 with a 5xx, as known to 14:01:00; the last 1s of its traffic are not counted",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			events := told(t, append(append(append([]spell(nil), exposed...), c.between...), back...)...)
			got := engine.ServedBy(events, time.Time{})
			if got.Requests != c.requests || got.Errors != c.errs || got.String() != c.words {
				t.Errorf("%+v: %s\nwant %s", got, got, c.words)
			}
		})
	}
	late := told(t, append(append(append([]spell(nil), exposed...), back[:2]...), spell{read(canarySha, 20, 8), 0})...)
	if got := engine.ServedBy(late, time.Time{}); got.String() != "the canary served 8 requests, 1 with a 5xx, as known to 14:00:30" {
		t.Errorf("read after its traffic had ended: %s", got)
	}
	if got := engine.ServedBy(told(t, back...), time.Time{}); got.String() != "the canary had no traffic" || got.KnownTo.IsZero() {
		t.Errorf("a canary that never had traffic served %+v", got)
	}
}
