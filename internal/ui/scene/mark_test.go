package scene_test

import (
	"slices"
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/ui/scene"
)

const canary = "9bd0417e"

func targets(stable, canaryWeight, foreign int) []engine.Target {
	return []engine.Target{
		{Name: "cart-3f2a91c0", Sha: "3f2a91c0", Weight: stable},
		{Name: "cart-" + canary, Sha: canary, Weight: canaryWeight},
		{Name: "someone-elses-node", Weight: foreign},
	}
}

// Every change of the canary's weight is marked, whoever made it, and nothing else.
func TestMarked(t *testing.T) {
	drift := func(found []engine.Target) engine.Body {
		return &engine.PausedNow{Pause: engine.Pause{Kind: engine.PausedByDrift, Found: found}}
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var marks []scene.Mark
	for i, step := range []struct {
		body engine.Body
		want []int
	}{
		{&engine.WeightsConfirmed{Stable: 100}, nil},
		{&engine.WeightsConfirmed{Stable: 50, Canary: 50}, []int{50}},
		{&engine.PausedNow{Pause: engine.Pause{Kind: engine.PausedByPerson}}, []int{50}},
		{drift(targets(70, 30, 0)), []int{50, 30}},
		{&engine.WeightsConfirmed{Stable: 50, Canary: 50}, []int{50, 30, 50}},
		{drift(targets(50, 50, 25)), []int{50, 30, 50, 40}},
		{drift(nil), []int{50, 30, 50, 40, 0}},
		{&engine.TrafficReturned{}, []int{50, 30, 50, 40, 0}},
	} {
		marks = scene.Marked(marks, engine.Event{At: at.Add(time.Duration(i) * time.Second), Body: step.body}, canary)
		var weights []int
		for _, mark := range marks {
			weights = append(weights, mark.Weight)
		}
		if !slices.Equal(weights, step.want) {
			t.Errorf("after %d it has %v, want %v", i, weights, step.want)
		}
	}
	if marks[1].At != at.Add(3*time.Second) {
		t.Errorf("the drift is marked at %s", marks[1].At)
	}
}
