// Package chart draws how the versions of a service answer over time: both versions on
// the same axes, with the changes of the weight, the threshold, and the time for which
// no evidence can exist yet. What is not known is a gap, never a zero.
//
// It has a canvas of its own, because a whole frame shall take 2 ms, and 0.5 ms once it has
// been drawn. With ntcharts v2.0.1 the two charts of a screen (60 by 10 cells, two versions,
// 600 points) take 3.3 ms to make and draw and 1.9 ms to be put out once more; here it is
// 0.3 ms and 0.01 ms, on the same machine. To measure both:
//
//	go test ./internal/ui/chart -run '^$' -bench TwoCharts
//	(cd internal/ui/chart/testdata/ntcharts && go test -bench .)
//
// It imports serin/internal/ui/theme and serin/internal/engine/analysis.
package chart

import (
	"math"
	"slices"
	"time"

	"serin/internal/engine/analysis"
	"serin/internal/ui/theme"
)

// Line is one class of one version's responses.
type Line struct {
	Name  string
	Style theme.Style
	// Heavy draws it thick: the canary's, which is looked at.
	Heavy bool
	// Window, when it is longer than a period, has the line show sums: of each bucket and
	// those before it that are within the window. It is dotted.
	Window time.Duration
	// Class is the class of response codes, 1 to 5.
	Class int
	// Buckets are ascending, and never changed once they are given.
	Buckets []analysis.Bucket
}

// Mark is a change of the canary's weight.
type Mark struct {
	At     time.Time
	Weight int
}

// Chart is what is drawn.
type Chart struct {
	Title string
	// Note stands behind the title, before everything else that has room there.
	Note string
	// Lines are drawn in their order, the later ones over the earlier ones.
	Lines []Line
	// Period is the length of a bucket.
	Period time.Duration
	// From and To bound the time that is shown. Known is the end of the time for which
	// evidence can exist.
	From, To, Known time.Time
	Marks           []Mark
	// Limit is a line across the chart, with its name; none without a name. LimitWindow is,
	// in words, the Window of the line that is held against it; empty when none is.
	Limit                  float64
	LimitName, LimitWindow string
	// Width and Height are in cells, the title and the axes included.
	Width, Height int
	Theme         theme.Theme
}

// Cache keeps the last drawing of one chart. The zero value is ready; it is not safe for
// concurrent use.
type Cache struct {
	drawn Chart
	lines []string
}

// Draw is the chart in exactly Height lines, each exactly Width wide; it is drawn anew
// only when its data, its size or the columns that its time falls into have changed. A
// nil cache keeps nothing. The result is shared: do not change it.
func Draw(cache *Cache, c Chart) []string {
	if c.Width < 1 || c.Height < 1 {
		return nil
	}
	area := areaOf(c)
	c = c.aligned(area)
	if cache == nil {
		return draw(c, area)
	}
	if cache.lines == nil || !same(cache.drawn, c) {
		cache.lines, cache.drawn = draw(c, area), c
	}
	return cache.lines
}

// aligned moves the times onto the columns of the canvas: the picture then moves by
// whole columns, not every second.
func (c Chart) aligned(a area) Chart {
	span := max(c.To.Sub(c.From), time.Second)
	columns := max(a.columns()*a.grain.x, 1)
	step := max(span/time.Duration(columns), time.Millisecond)
	to := c.To
	c.To = to.Add(step - 1).Truncate(step)
	c.From = c.To.Add(-step * time.Duration(columns))
	if all := !c.Known.Before(to); all {
		c.Known = c.To
	} else {
		c.Known = c.Known.Truncate(step)
	}
	return c
}

func same(a, b Chart) bool {
	return a.Title == b.Title && a.Note == b.Note && a.Period == b.Period && a.From.Equal(b.From) && a.To.Equal(b.To) && a.Known.Equal(b.Known) &&
		a.Limit == b.Limit && a.LimitName == b.LimitName && a.LimitWindow == b.LimitWindow && a.Width == b.Width && a.Height == b.Height && a.Theme == b.Theme &&
		slices.Equal(a.Marks, b.Marks) && slices.EqualFunc(a.Lines, b.Lines, sameLine)
}

func sameLine(a, b Line) bool {
	if a.Name != b.Name || a.Style != b.Style || a.Heavy != b.Heavy || a.Class != b.Class || a.Window != b.Window || len(a.Buckets) != len(b.Buckets) {
		return false
	}
	if len(a.Buckets) == 0 || &a.Buckets[0] == &b.Buckets[0] {
		return true
	}
	return slices.Equal(a.Buckets, b.Buckets)
}

// grain is how many dots a cell has across and down.
type grain struct{ x, y int }

// area is how a chart's cells are shared out.
type area struct {
	gutter, width, rows int
	// marks is true when there is a row for the weights.
	marks, axis, times bool
	grain              grain
	top                float64
}

// columns is how many cells the canvas has across.
func (a area) columns() int { return max(a.width-a.gutter, 0) }

func areaOf(c Chart) area {
	a := area{width: c.Width, grain: grainOf(c.Theme.Symbols), top: topOf(c)}
	a.marks, a.axis, a.times = c.Height >= 8 && len(c.Marks) > 0, c.Height >= 4, c.Height >= 5
	a.rows = c.Height - 1
	for _, has := range []bool{a.marks, a.axis, a.times} {
		if has {
			a.rows--
		}
	}
	if c.Width >= 16 {
		a.gutter = max(len(Short(a.top)), 4) + 2
	}
	return a
}

func grainOf(symbols theme.Symbols) grain {
	switch symbols {
	case theme.ASCII:
		return grain{1, 1}
	case theme.Block:
		return grain{1, 2}
	default:
		return grain{2, 4}
	}
}

// topOf is the value at the top of the axis: round, and above all values and, where it
// lies in range, above the limit.
func topOf(c Chart) float64 {
	most := 0.0
	for _, line := range c.Lines {
		most = max(most, line.most(c))
	}
	if c.limitInRange(most) {
		most = max(most, c.Limit*1.25)
	}
	return round(max(most, 1))
}

// limitInRange tells whether the limit can be drawn without pressing the lines flat.
func (c Chart) limitInRange(most float64) bool {
	return c.LimitName != "" && c.Limit <= max(3*most, 10)
}

// round is the next number that is easy to read on an axis.
func round(value float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(value)))
	for _, step := range []float64{1, 1.5, 2, 3, 4, 5, 6, 8} {
		// Half of the top is named too, and 0.75 is not short.
		if value <= step*power && (step != 1.5 || power > 1) {
			return step * power
		}
	}
	return 10 * power
}

// visible are the buckets that touch the time that is shown.
func (l Line) visible(c Chart) []analysis.Bucket {
	shown := analysis.Since(l.Buckets, c.From.Add(-c.Period+1))
	end, _ := slices.BinarySearchFunc(shown, c.To, func(bucket analysis.Bucket, to time.Time) int {
		return bucket.Start.Compare(to)
	})
	return shown[:end]
}
