package headless_test

import (
	"bytes"
	"math"
	"testing"

	"serin/internal/engine"
	"serin/internal/headless"
)

func TestPlanReport(t *testing.T) {
	bare := spec()
	bare.Sha, bare.ContainerImage = "", ""
	bare.Steps, bare.PercentageStep = nil, 25
	tcp := spec()
	tcp.Protocol = engine.TCP
	for name, test := range map[string]struct {
		spec  engine.Spec
		world headless.World
	}{
		"plan-gated":   {spec(), headless.World{Stable: stableSha, RequestsPerMinute: 1200}},
		"plan-assumed": {bare, headless.World{Assumed: "a later deployment: no account was asked", RequestsPerMinute: 1000}},
		"plan-first":   {spec(), headless.World{First: true, RequestsPerMinute: 60}},
		"plan-tcp":     {tcp, headless.World{Stable: stableSha}},
	} {
		t.Run(name, func(t *testing.T) {
			report := headless.NewPlanReport(test.spec, test.world)
			var text, line bytes.Buffer
			if err := report.Text(&text); err != nil {
				t.Fatal(err)
			}
			if err := report.JSON(&line); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", text.Bytes())
			golden(t, name+".jsonl", line.Bytes())
		})
	}
}

// The numbers are reckoned by hand: errors are known 60 + 120 + 20 s after the first.
func TestExposure(t *testing.T) {
	quick := spec()
	quick.Steps, quick.PercentageStep = nil, 10
	waits := quick
	waits.OnNoData = engine.NoDataHolds
	floor := quick
	floor.MinimumRequests = 10
	for name, test := range map[string]struct {
		spec     engine.Spec
		first    bool
		requests float64
		weight   int
	}{
		// 60 s at 10, 20 and 30 %, 20 s at 40 %: 1 + 2 + 3 requests a second and minute, at 600.
		"moves on without data": {quick, false, 60*1 + 60*2 + 60*3 + 20*4, 40},
		"waits for data":        {waits, false, 200 * 1, 10},
		"waits for requests":    {floor, false, 200 * 1, 10},
		"stands at a gate":      {spec(), false, 60*1 + 140*1, 10},
		"first deployment":      {quick, true, 200 * 10, 100},
	} {
		t.Run(name, func(t *testing.T) {
			got := headless.NewPlanReport(test.spec, headless.World{First: test.first, RequestsPerMinute: 600}).Exposure
			if math.Abs(got.Requests-test.requests) > 0.001 || got.Weight != test.weight || got.Seconds != 200 {
				t.Errorf("exposure is %+v, want %g requests at %d %% in 200 s", *got, test.requests, test.weight)
			}
		})
	}
}
