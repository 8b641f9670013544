package cloudwatch

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// Limits of PutMetricData (CloudWatch API reference).
const (
	maxData       = 1000
	maxValues     = 150
	maxDimensions = 30
	maxNameLength = 255
	maxPast       = 14 * 24 * time.Hour
	maxFuture     = 2 * time.Hour
)

// maxMagnitude is the largest value that CloudWatch takes, 2^360.
var maxMagnitude = math.Ldexp(1, 360)

// PutMetricData records data. It takes all of them or none.
func (s *Service) PutMetricData(
	_ context.Context, in *cloudwatch.PutMetricDataInput,
) (*cloudwatch.PutMetricDataOutput, error) {
	if in.Namespace == nil {
		return nil, missingParameter("Namespace")
	}
	if err := checkNamespace(*in.Namespace); err != nil {
		return nil, err
	}
	data := in.MetricData
	for _, entity := range in.EntityMetricData {
		data = append(data, entity.MetricData...)
	}
	if len(data) == 0 {
		return nil, missingParameter("MetricData")
	}
	if len(data) > maxData {
		return nil, validationError("The collection MetricData must not have a size greater than %d.", maxData)
	}
	now := time.Now()
	read := make([]datum, len(data))
	for i := range data {
		var err error
		if read[i], err = readDatum(now, data[i]); err != nil {
			return nil, err
		}
	}
	for _, d := range read {
		s.store.series(*in.Namespace, d.metric, d.dimensions).add(now, d.at, d.unit, d.statistics)
	}
	return &cloudwatch.PutMetricDataOutput{}, nil
}

func checkNamespace(namespace string) error {
	switch {
	case namespace == "" || len(namespace) > maxNameLength || strings.HasPrefix(namespace, ":"):
		return validationError("The value %q for parameter Namespace is invalid.", namespace)
	case strings.HasPrefix(namespace, "AWS/"):
		return invalidValue("The value AWS/ for parameter Namespace is invalid.")
	default:
		return nil
	}
}

// datum is one entry of PutMetricData that was found to be sound.
type datum struct {
	metric, unit string
	dimensions   map[string]string
	at           time.Time
	statistics   statistics
}

func readDatum(now time.Time, d types.MetricDatum) (datum, error) {
	if d.MetricName == nil || *d.MetricName == "" {
		return datum{}, missingParameter("MetricData.member.N.MetricName")
	}
	dimensions, err := dimensionsOf(d.Dimensions)
	if err != nil {
		return datum{}, err
	}
	at, err := timeOf(now, d)
	if err != nil {
		return datum{}, err
	}
	given, err := valuesOf(d)
	if err != nil {
		return datum{}, err
	}
	unit := string(d.Unit)
	if unit == "" {
		unit = string(types.StandardUnitNone)
	}
	return datum{*d.MetricName, unit, dimensions, at, given}, nil
}

// timeOf is when a datum was measured, to the resolution that it is stored in.
func timeOf(now time.Time, d types.MetricDatum) (time.Time, error) {
	at := now
	if d.Timestamp != nil {
		at = *d.Timestamp
	}
	if at.Before(now.Add(-maxPast)) || at.After(now.Add(maxFuture)) {
		return at, invalidValue("The parameter MetricData.member.N.Timestamp must specify a time within the past two weeks and no more than two hours in the future.")
	}
	resolution := int32(60)
	if d.StorageResolution != nil {
		resolution = *d.StorageResolution
	}
	if resolution != 1 && resolution != 60 {
		return at, invalidValue("The parameter MetricData.member.N.StorageResolution must be 1 or 60.")
	}
	return at.Truncate(time.Duration(resolution) * time.Second), nil
}

// valuesOf are a datum's statistics, from whichever of the three forms it has.
func valuesOf(d types.MetricDatum) (statistics, error) {
	forms := 0
	for _, given := range []bool{d.Value != nil, d.Values != nil, d.StatisticValues != nil} {
		if given {
			forms++
		}
	}
	if forms != 1 {
		return statistics{}, invalidCombination("The parameters MetricData.member.N.Value, Values and StatisticValues are mutually exclusive and you have specified %d of them.", forms)
	}
	switch {
	case d.Value != nil:
		return statisticsOf(*d.Value), checkValue(*d.Value)
	case d.Values != nil:
		return sumUp(d.Values, d.Counts)
	default:
		return fromSet(*d.StatisticValues)
	}
}

func sumUp(values, counts []float64) (statistics, error) {
	if len(values) > maxValues || counts != nil && len(counts) != len(values) {
		return statistics{}, invalidValue("The parameter MetricData.member.N.Values must have at most %d values and as many as Counts.", maxValues)
	}
	var all statistics
	for i, value := range values {
		count := 1.0
		if counts != nil {
			count = counts[i]
		}
		if err := checkValue(value); err != nil {
			return statistics{}, err
		}
		if !(count >= 0) {
			return statistics{}, invalidValue("The parameter MetricData.member.N.Counts must not be negative.")
		}
		all.merge(statistics{samples: count, sum: value * count, minimum: value, maximum: value})
	}
	return all, nil
}

func fromSet(set types.StatisticSet) (statistics, error) {
	if set.SampleCount == nil || set.Sum == nil || set.Minimum == nil || set.Maximum == nil {
		return statistics{}, missingParameter("MetricData.member.N.StatisticValues")
	}
	for _, value := range []float64{*set.SampleCount, *set.Sum, *set.Minimum, *set.Maximum} {
		if err := checkValue(value); err != nil {
			return statistics{}, err
		}
	}
	if *set.SampleCount <= 0 || *set.Minimum > *set.Maximum {
		return statistics{}, invalidValue("The parameter MetricData.member.N.StatisticValues is inconsistent.")
	}
	return statistics{*set.SampleCount, *set.Sum, *set.Minimum, *set.Maximum}, nil
}

func checkValue(value float64) error {
	if math.IsNaN(value) || math.Abs(value) > maxMagnitude {
		return invalidValue("The value %v for parameter MetricData.member.N.Value is invalid.", value)
	}
	return nil
}

// dimensionsOf are dimensions as a map; a name may be given once.
func dimensionsOf(list []types.Dimension) (map[string]string, error) {
	if len(list) > maxDimensions {
		return nil, validationError("The collection Dimensions must not have a size greater than %d.", maxDimensions)
	}
	dimensions := make(map[string]string, len(list))
	for _, dimension := range list {
		if dimension.Name == nil || *dimension.Name == "" || len(*dimension.Name) > maxNameLength {
			return nil, invalidValue("The name of a dimension must have 1 to %d characters.", maxNameLength)
		}
		if dimension.Value == nil || *dimension.Value == "" || len(*dimension.Value) > 1024 {
			return nil, invalidValue("The value of the dimension %s must have 1 to 1024 characters.", *dimension.Name)
		}
		if _, twice := dimensions[*dimension.Name]; twice {
			return nil, invalidValue("The dimension %s is given twice.", *dimension.Name)
		}
		dimensions[*dimension.Name] = *dimension.Value
	}
	return dimensions, nil
}
