package chart

import (
	"slices"
	"time"

	"serin/internal/engine/analysis"
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
