package engine_test

import (
	"encoding/json"
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
)

// holdingEvents is a rollout that has held for n events of new evidence.
func holdingEvents(b *testing.B, n int) []engine.Event {
	b.Helper()
	data := []byte(`{"EnvironmentName":"blog","MicroserviceName":"app","Namespace":"yelb.local","Protocol":"http","Port":4567,
		"PercentageStep":10,"WaitTime":60,"Sha":"9bd0417e","ContainerImage":"app:2","CanaryTemplate":"UmVzb3VyY2VzOiB7fQ=="}`)
	spec, err := engine.ParseSpec("deploy.json", data, nil)
	if err != nil {
		b.Fatal(err)
	}
	began := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	events := []engine.Event{}
	add := func(body engine.Body) {
		seq := int64(len(events) + 1)
		events = append(events, engine.Event{Seq: seq, At: began.Add(time.Duration(seq) * time.Second), Body: body})
	}
	route := engine.Route{Exists: true, Targets: []engine.Target{{Name: "app-3f2a91c0", Sha: "3f2a91c0", Weight: 100}}}
	add(&engine.Started{ID: "r1", Spec: spec, Plan: engine.NewPlan(spec, false), Stable: &engine.Version{Sha: "3f2a91c0"}, Canary: spec.Canary(), Route: route})
	add(&engine.StackRequested{ID: "arn"})
	add(&engine.StackBecameReady{})
	add(&engine.TasksBecameHealthy{Health: engine.TaskHealth{Sha: "9bd0417e", Desired: 1}})
	add(&engine.WeightsIntended{Stable: 90, Canary: 10})
	add(&engine.WeightsConfirmed{Stable: 90, Canary: 10, Route: route})
	for i := len(events); i < n; i++ {
		at := began.Add(time.Duration(i) * time.Minute)
		add(&engine.Observed{Responses: []engine.Responses{
			{Sha: "9bd0417e", Buckets: []analysis.Bucket{{Start: at, Counts: [5]float64{1: 120}}}},
			{Sha: "3f2a91c0", Buckets: []analysis.Bucket{{Start: at, Counts: [5]float64{1: 900}}}},
		}})
	}
	return events
}

// BenchmarkFold folds a journal of 1,000 events, read as JSON or as it is in memory.
// The budget is 1 ms for the fold.
func BenchmarkFold(b *testing.B) {
	events := holdingEvents(b, 1000)
	b.Run("fold of 1,000 events", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			engine.Fold(events)
		}
	})
	raw := make([][]byte, len(events))
	for i, event := range events {
		var err error
		if raw[i], err = json.Marshal(event); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("decode and fold of 1,000 events", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			read := make([]engine.Event, len(raw))
			for i := range raw {
				if err := json.Unmarshal(raw[i], &read[i]); err != nil {
					b.Fatal(err)
				}
			}
			engine.Fold(read)
		}
	})
}

// BenchmarkDecide decides on a rollout that holds. The budget is 10 µs.
func BenchmarkDecide(b *testing.B) {
	rollout := engine.Fold(holdingEvents(b, 1000))
	now := rollout.StartedAt.Add(1000 * time.Minute)
	evidence := engine.Evidence{
		Route: &rollout.Confirmed,
		Tasks: map[string]engine.TaskHealth{"9bd0417e": {Sha: "9bd0417e", Exists: true, Desired: 1, Running: 1, Healthy: 1, ReadAt: now}},
	}
	b.ReportAllocs()
	for b.Loop() {
		engine.Decide(rollout, evidence, now)
	}
}
