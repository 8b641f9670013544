package cloudwatch

import "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

// statistics sum up the samples of a stretch of time.
type statistics struct {
	samples, sum, minimum, maximum float64
}

func statisticsOf(value float64) statistics {
	return statistics{samples: 1, sum: value, minimum: value, maximum: value}
}

func (s *statistics) merge(other statistics) {
	if other.samples == 0 {
		return
	}
	if s.samples == 0 {
		*s = other
		return
	}
	s.samples += other.samples
	s.sum += other.sum
	s.minimum = min(s.minimum, other.minimum)
	s.maximum = max(s.maximum, other.maximum)
}

// of is the value of one statistic; samples must not be zero.
func (s statistics) of(statistic types.Statistic) float64 {
	switch statistic {
	case types.StatisticSampleCount:
		return s.samples
	case types.StatisticAverage:
		return s.sum / s.samples
	case types.StatisticSum:
		return s.sum
	case types.StatisticMinimum:
		return s.minimum
	case types.StatisticMaximum:
		return s.maximum
	}
	return 0
}

// checkStatistic refuses a statistic that the sandbox does not keep: it sums samples
// up, so it has no percentiles.
func checkStatistic(name string) error {
	for _, known := range types.Statistic("").Values() {
		if name == string(known) {
			return nil
		}
	}
	return validationError("The sandbox keeps the statistics SampleCount, Average, Sum, Minimum and Maximum, not '%s'", name)
}

// checkPeriod enforces the periods of the CloudWatch API reference: 1, 5, 10, 20, 30,
// or a multiple of 60 seconds.
func checkPeriod(period *int32) error {
	if period == nil {
		return missingParameter("Period")
	}
	switch p := *period; {
	case p == 1, p == 5, p == 10, p == 20, p == 30, p > 0 && p%60 == 0 && p <= 86400*7:
		return nil
	default:
		return validationError("The period must be 1, 5, 10, 20, 30, or a multiple of 60 seconds, not %d", p)
	}
}
