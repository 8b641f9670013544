package screen_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
)

// counted are the 5xx of periods that follow each other, the last of which ended a while
// ago; a negative count is a period without responses.
func counted(period, ago time.Duration, counts ...float64) scene.Service {
	s := idle("yelb-ui", engine.HTTP, twoOClock)
	first := twoOClock.Add(-ago - time.Duration(len(counts))*period)
	var buckets []analysis.Bucket
	for i, count := range counts {
		if count >= 0 {
			buckets = append(buckets, analysis.Bucket{Start: first.Add(time.Duration(i) * period), Counts: [5]float64{0, 20, 0, 0, count}})
		}
	}
	s.Period, s.Delay, s.Responses = period, 2*period, map[string][]analysis.Bucket{"1f00aa21": buckets}
	return s
}

// repeated are counts again and again.
func repeated(times int, counts ...float64) []float64 {
	var all []float64
	for range times {
		all = append(all, counts...)
	}
	return all
}

// The 5xx a minute are those of a minute, as far as they are known, however short or late
// the periods of the metrics are.
func TestTheListCountsThe5xxOfAMinute(t *testing.T) {
	const second = time.Second
	for name, one := range map[string]struct {
		service scene.Service
		want    string
	}{
		"a second of many":          {counted(second, 2*second, repeated(120, 0, 5, 10, 18, 3, 21)...), "570"},
		"the newest are late":       {counted(second, 9*second, repeated(100, 1)...), "60"},
		"there are gaps":            {counted(second, 4*second, repeated(20, 1, 0, -1, -1, 1, -1)...), "20"},
		"ten seconds are known":     {counted(second, 2*second, repeated(10, 2)...), "120"},
		"nothing for a minute":      {counted(second, 70*second, repeated(60, 2)...), "–"},
		"periods of 20 s":           {counted(20*second, 40*second, 9, 1, 2, 3), "6"},
		"periods of 45 s":           {counted(45*second, 90*second, 9, 9, 3), "4"},
		"periods of a minute":       {counted(time.Minute, 2*time.Minute, 9, 9, 4), "4"},
		"the newest minute is late": {counted(time.Minute, 4*time.Minute, 9, 9, 4), "4"},
		"none for five minutes":     {counted(time.Minute, 7*time.Minute, 9, 9, 4), "–"},
		"periods of five minutes":   {counted(5*time.Minute, 10*time.Minute, 9, 20), "4"},
		"never any":                 {counted(second, 0), "–"},
	} {
		s := consoleOf(examples()[screen.Holding], screen.Overview)
		s.Now, s.Scene.Services, s.Width, s.Height = twoOClock, []scene.Service{one.service}, 120, 36
		row := strings.Fields(strings.Split(plain(s), "\n")[2])
		if got := row[slices.Index(row, "idle")+1]; got != one.want {
			t.Errorf("%s: %s 5xx a minute, want %s", name, got, one.want)
		}
	}
}
