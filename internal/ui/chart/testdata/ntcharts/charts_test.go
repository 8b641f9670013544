// Package charts measures what the two charts of a screen take with ntcharts, as
// BenchmarkTwoChartsCold and BenchmarkTwoChartsWarm of serin/internal/ui/chart do with the
// canvas that it has. It is a module of its own: Serin does not need ntcharts.
//
//	go test -bench .
package charts

import (
	"math"
	"testing"
	"time"

	"github.com/NimbleMarkets/ntcharts/v2/linechart/timeserieslinechart"
)

const (
	width, height = 60, 10
	points        = 600
)

// drawn is a chart of two versions, of which one has come later. That its ranges are known beforehand spares ntcharts
// to scale all points anew with each that is pushed, which takes ten times as long.
func drawn() timeserieslinechart.Model {
	from := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	c := timeserieslinechart.New(width, height,
		timeserieslinechart.WithTimeRange(from, from.Add(points*time.Minute)), timeserieslinechart.WithYRange(0, 1000))
	for i := range points {
		at, phase := from.Add(time.Duration(i)*time.Minute), float64(i)/20
		c.PushDataSet("stable", timeserieslinechart.TimePoint{Time: at, Value: 500 + 400*math.Sin(phase)})
		if i < points/2 {
			continue
		}
		c.PushDataSet("canary", timeserieslinechart.TimePoint{Time: at, Value: 500 + 400*math.Cos(phase)})
	}
	c.DrawBrailleAll()
	return c
}

func BenchmarkTwoChartsCold(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		for range 2 {
			c := drawn()
			_ = c.View()
		}
	}
}

// BenchmarkTwoChartsWarm puts out charts that are drawn already.
func BenchmarkTwoChartsWarm(b *testing.B) {
	one, other := drawn(), drawn()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = one.View(), other.View()
	}
}
