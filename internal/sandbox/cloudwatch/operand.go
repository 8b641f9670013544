package cloudwatch

import (
	"cmp"
	"math"
	"slices"
)

// kind is what an expression comes to.
type kind int

const (
	kindScalar kind = iota
	kindSeries
	kindList
)

// sample is the value of a period that begins at a time, in seconds since 1970.
type sample struct {
	at    int64
	value float64
}

// timeSeries are samples by ascending time, out of a window with a period.
type timeSeries struct {
	period, start, end int64
	samples            []sample
}

// operand is a value of metric math: a number, a time series or a list of them.
type operand struct {
	kind   kind
	scalar float64
	series timeSeries
	list   []timeSeries
}

// arithmetic is one of the four operations.
type arithmetic func(a, b float64) float64

// combine applies an operation. Two series have a sample where both do; a result that
// is no number, as of a division by zero, is no sample (CloudWatch, metric math).
func combine(a, b operand, apply arithmetic) (operand, error) {
	switch {
	case a.kind == kindScalar && b.kind == kindScalar:
		return operand{kind: kindScalar, scalar: apply(a.scalar, b.scalar)}, nil
	case a.kind == kindSeries && b.kind == kindScalar:
		return each(a.series, func(v float64) float64 { return apply(v, b.scalar) }), nil
	case a.kind == kindScalar && b.kind == kindSeries:
		return each(b.series, func(v float64) float64 { return apply(a.scalar, v) }), nil
	case a.kind == kindSeries && b.kind == kindSeries:
		return meet(a.series, b.series, apply), nil
	default:
		return operand{}, validationError("The sandbox does not calculate with lists of time series other than in a function.")
	}
}

func each(series timeSeries, apply func(float64) float64) operand {
	samples := make([]sample, 0, len(series.samples))
	for _, s := range series.samples {
		samples = appendNumber(samples, s.at, apply(s.value))
	}
	series.samples = samples
	return operand{kind: kindSeries, series: series}
}

func meet(a, b timeSeries, apply arithmetic) operand {
	var samples []sample
	for _, left := range a.samples {
		at, found := slices.BinarySearchFunc(b.samples, left.at, func(s sample, at int64) int {
			return cmp.Compare(s.at, at)
		})
		if found {
			samples = appendNumber(samples, left.at, apply(left.value, b.samples[at].value))
		}
	}
	a.samples = samples
	return operand{kind: kindSeries, series: a}
}

func appendNumber(samples []sample, at int64, value float64) []sample {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return samples
	}
	return append(samples, sample{at, value})
}

// aggregate reduces values, of which there is at least one, to one.
type aggregate func(values []float64) float64

// reduce applies an aggregate: a series becomes a number, a list of series the series
// of what any of them has at each time.
func reduce(o operand, apply aggregate) (operand, error) {
	switch o.kind {
	case kindScalar:
		return o, nil
	case kindSeries:
		if len(o.series.samples) == 0 {
			return operand{kind: kindSeries, series: o.series}, nil
		}
		values := make([]float64, len(o.series.samples))
		for i, s := range o.series.samples {
			values[i] = s.value
		}
		return operand{kind: kindScalar, scalar: apply(values)}, nil
	default:
		return operand{kind: kindSeries, series: across(o.list, apply)}, nil
	}
}

func across(list []timeSeries, apply aggregate) timeSeries {
	if len(list) == 0 {
		return timeSeries{}
	}
	values := make(map[int64][]float64)
	for _, series := range list {
		for _, s := range series.samples {
			values[s.at] = append(values[s.at], s.value)
		}
	}
	reduced := list[0]
	reduced.samples = make([]sample, 0, len(values))
	for at, those := range values {
		reduced.samples = append(reduced.samples, sample{at, apply(those)})
	}
	slices.SortFunc(reduced.samples, func(a, b sample) int { return cmp.Compare(a.at, b.at) })
	return reduced
}

// fill gives a series a sample in every period of its window.
func fill(series timeSeries, value float64) timeSeries {
	given := make(map[int64]float64, len(series.samples))
	for _, s := range series.samples {
		given[s.at] = s.value
	}
	filled := series
	filled.samples = nil
	for at := series.start; at < series.end && series.period > 0; at += series.period {
		v, has := given[at]
		if !has {
			v = value
		}
		filled.samples = append(filled.samples, sample{at, v})
	}
	return filled
}

// repeat fills a series with the last value before each gap.
func repeat(series timeSeries) timeSeries {
	if len(series.samples) == 0 {
		return series
	}
	first := series.samples[0].at
	filled := fill(series, math.NaN())
	kept := filled.samples[:0]
	last := 0.0
	for _, s := range filled.samples {
		if s.at < first {
			continue
		}
		if !math.IsNaN(s.value) {
			last = s.value
		}
		kept = append(kept, sample{s.at, last})
	}
	filled.samples = kept
	return filled
}
