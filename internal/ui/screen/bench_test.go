package screen_test

import (
	"testing"
	"time"

	"serin/internal/ui/screen"
)

// The budgets of a frame at 200x60 with four services and two charts of 600 points.
const (
	coldBudget = 2 * time.Millisecond
	warmBudget = 500 * time.Microsecond
)

// heavy is the frame of the budgets.
func heavy() screen.State {
	s := consoleOf(examples()[screen.Holding], screen.Overview)
	s.Width, s.Height, s.Span = 200, 60, 10*time.Hour
	full := func(time.Time) float64 { return 0.5 }
	watched := &s.Scene.Services[0]
	for _, sha := range []string{stableSha, canarySha} {
		watched.Responses[sha] = curve(s.Now.Add(-10*time.Hour), s.Now.Add(time.Minute), full, 0.001)[:600]
	}
	return s
}

func report(b *testing.B, budget time.Duration) {
	b.Helper()
	b.ReportMetric(float64(budget.Nanoseconds()), "budget-ns/op")
}

func BenchmarkFrameCold(b *testing.B) {
	s := heavy()
	b.ReportAllocs()
	for b.Loop() {
		screen.Draw(s, nil)
	}
	report(b, coldBudget)
}

func BenchmarkFrameWarm(b *testing.B) {
	s, cache := heavy(), screen.NewCache()
	b.ReportAllocs()
	for b.Loop() {
		s.Now = s.Now.Add(time.Second)
		if s.Now.Second() == 0 {
			s.Now = s.Now.Add(-time.Minute)
		}
		screen.Draw(s, cache)
	}
	report(b, warmBudget)
}

func TestAFrameAllocatesLittle(t *testing.T) {
	s, cache := heavy(), screen.NewCache()
	if cold := testing.AllocsPerRun(5, func() { screen.Draw(s, nil) }); cold > 8000 {
		t.Errorf("a cold frame makes %.0f allocations", cold)
	}
	if warm := testing.AllocsPerRun(5, func() { screen.Draw(s, cache) }); warm > 1500 {
		t.Errorf("a warm frame makes %.0f allocations", warm)
	}
}
