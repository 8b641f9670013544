package chart

import (
	"math"
	"time"

	"serin/internal/engine/analysis"
)

// plot draws everything but the words onto a canvas.
func plot(c Chart, a area) *canvas {
	canvas := newCanvas(a)
	if a.columns() == 0 || a.rows <= 0 {
		return canvas
	}
	scale := scaleOf(c, a)
	for column := range canvas.columns {
		if !scale.time(column * a.grain.x).Before(c.Known) {
			for row := range canvas.rows {
				canvas.behind(column, row, band)
			}
		}
	}
	if c.LimitName != "" && c.Limit <= a.top {
		row := scale.y(c.Limit) / a.grain.y
		for column := range canvas.columns {
			canvas.behind(column, row, limit)
		}
	}
	for _, change := range c.Marks {
		if column, shown := scale.column(change.At); shown {
			for row := range canvas.rows {
				canvas.behind(column, row, mark)
			}
		}
	}
	for i, line := range c.Lines {
		scale.draw(canvas, line, uint8(i+1))
	}
	return canvas
}

// scale maps times and values to dots.
type scale struct {
	chart         Chart
	area          area
	step          time.Duration
	width, height int
}

func scaleOf(c Chart, a area) scale {
	width := a.columns() * a.grain.x
	return scale{chart: c, area: a, step: c.To.Sub(c.From) / time.Duration(max(width, 1)), width: width, height: a.rows * a.grain.y}
}

// time is when a column of dots begins.
func (s scale) time(x int) time.Time { return s.chart.From.Add(s.step * time.Duration(x)) }

// column is the column of cells that a time falls into.
func (s scale) column(at time.Time) (int, bool) {
	if at.Before(s.chart.From) || !at.Before(s.chart.To) || s.step <= 0 {
		return 0, false
	}
	return int(at.Sub(s.chart.From)/s.step) / s.area.grain.x, true
}

// y is the row of dots of a value, from the top.
func (s scale) y(value float64) int {
	share := min(max(value/s.area.top, 0), 1)
	return int(math.Round((1 - share) * float64(s.height-1)))
}

// extent is what a line does in one column of dots: the rows that it covers, and the row
// that it leaves at.
type extent struct{ high, low, leaves int }

// draw draws a line as steps, each as long as its bucket. A time without a bucket stays
// empty, and the line begins anew after it.
func (s scale) draw(canvas *canvas, line Line, ink uint8) {
	buckets := line.visible(s.chart)
	before, drawn := 0, false
	for x := range s.width {
		from := s.time(x)
		for len(buckets) > 0 && !buckets[0].Start.Add(s.chart.Period).After(from) {
			buckets = buckets[1:]
		}
		covered, found := s.covers(buckets, line.Class, from.Add(s.step))
		if found {
			level := covered.high == covered.low && (!drawn || before == covered.leaves)
			if dots := line.isSummed(s.chart) && level && x/s.area.grain.x%2 == 1; !dots {
				s.strokes(canvas, x, covered, before, drawn, line.Heavy, ink)
			}
			before = covered.leaves
		}
		drawn = found
	}
}

// covers are the rows of the buckets that begin before a time.
func (s scale) covers(buckets []analysis.Bucket, class int, until time.Time) (extent, bool) {
	covered, found := extent{}, false
	for _, bucket := range buckets {
		if !bucket.Start.Before(until) {
			break
		}
		y := s.y(bucket.Class(class))
		if !found {
			covered = extent{y, y, y}
		}
		covered.high, covered.low, covered.leaves, found = min(covered.high, y), max(covered.low, y), y, true
	}
	return covered, found
}

// strokes draws one column of a line, joined to where it was in the column before.
func (s scale) strokes(canvas *canvas, x int, covered extent, before int, joined, heavy bool, ink uint8) {
	high, low := covered.high, covered.low
	if joined {
		high, low = min(high, before), max(low, before)
	}
	upright := low-high >= s.area.grain.y
	if heavy && s.area.grain.y > 2 {
		if low == high && low == 0 {
			low++
		} else if high > 0 {
			high--
		}
	}
	for y := high; y <= low; y++ {
		canvas.dot(x, y, ink, upright)
	}
}
