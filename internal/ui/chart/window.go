package chart

import (
	"slices"
	"time"

	"serin/internal/engine/analysis"
	"serin/internal/ui/theme"
)

// isSummed tells whether a line shows sums of more than one bucket.
func (l Line) isSummed(c Chart) bool { return l.Window > c.Period }

// sums calls yield with every bucket's start and what the line shows there, in order.
func (l Line) sums(c Chart, yield func(start time.Time, value float64)) {
	sum, oldest := 0.0, 0
	for _, bucket := range l.Buckets {
		sum += bucket.Class(l.Class)
		for from := bucket.Start.Add(c.Period - l.Window); l.Buckets[oldest].Start.Before(from); oldest++ {
			sum -= l.Buckets[oldest].Class(l.Class)
		}
		yield(bucket.Start, sum)
	}
}

// most is the greatest value of a line in the time that is shown.
func (l Line) most(c Chart) float64 {
	most := 0.0
	if l.isSummed(c) {
		l.sums(c, func(start time.Time, value float64) {
			if start.Add(c.Period).After(c.From) && start.Before(c.To) {
				most = max(most, value)
			}
		})
		return most
	}
	for _, bucket := range l.visible(c) {
		most = max(most, bucket.Class(l.Class))
	}
	return most
}

// summed is the chart with the sums in place of the buckets that they are of.
func (c Chart) summed() Chart {
	for i, line := range c.Lines {
		if !line.isSummed(c) {
			continue
		}
		buckets := make([]analysis.Bucket, 0, len(line.Buckets))
		line.sums(c, func(start time.Time, value float64) {
			bucket := analysis.Bucket{Start: start}
			bucket.Counts[line.Class-1] = value
			buckets = append(buckets, bucket)
		})
		c.Lines = slices.Clone(c.Lines)
		c.Lines[i].Buckets = buckets
	}
	return c
}

// limitLegend is the legend of the limit, with the sum that it is held against, in as many
// words as there is room for; empty without room.
func (c Chart) limitLegend(now time.Time, room int) string {
	if c.LimitName == "" {
		return ""
	}
	glyph, _ := backOf(limit, c.Theme)
	limit := "  " + glyph + " " + c.LimitName
	candidates := []string{limit}
	for _, line := range c.Lines {
		value, known := line.newest(c, now)
		if !line.isSummed(c) || !known {
			continue
		}
		sum := "  " + summedSwatch(c.Theme.Symbols) + " "
		within := " in " + c.LimitWindow + " "
		candidates = []string{
			sum + line.Name + within + value + "  " + glyph + " limit " + Short(c.Limit),
			"  " + glyph + " " + value + " of " + Short(c.Limit) + within[:len(within)-1],
		}
	}
	for _, words := range candidates {
		if theme.Width(words) <= room {
			return words
		}
	}
	return ""
}

func summedSwatch(symbols theme.Symbols) string {
	return map[theme.Symbols]string{theme.ASCII: "- -", theme.Block: "▁ ▁", theme.Braille: "⠄⠄"}[symbols]
}
