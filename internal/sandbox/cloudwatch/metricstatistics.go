package cloudwatch

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// maxStatisticsPoints is how many datapoints one GetMetricStatistics may ask for
// (CloudWatch API reference).
const maxStatisticsPoints = 1440

// GetMetricStatistics answers with a metric's statistics, by ascending time; AWS
// promises no order.
func (s *Service) GetMetricStatistics(
	_ context.Context, in *cloudwatch.GetMetricStatisticsInput,
) (*cloudwatch.GetMetricStatisticsOutput, error) {
	if err := checkStatisticsRequest(in); err != nil {
		return nil, err
	}
	dimensions, err := dimensionsOf(in.Dimensions)
	if err != nil {
		return nil, err
	}
	out := &cloudwatch.GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []types.Datapoint{}}
	data := s.store.lookup(*in.Namespace, *in.MetricName, dimensions)
	if data == nil {
		return out, nil
	}
	w := windowOf(*in.StartTime, *in.EndTime, *in.Period, in.Unit)
	for _, point := range data.points(time.Now(), w) {
		out.Datapoints = append(out.Datapoints, datapointOf(point, in.Statistics))
	}
	return out, nil
}

func checkStatisticsRequest(in *cloudwatch.GetMetricStatisticsInput) error {
	switch {
	case in.Namespace == nil:
		return missingParameter("Namespace")
	case in.MetricName == nil:
		return missingParameter("MetricName")
	case in.StartTime == nil:
		return missingParameter("StartTime")
	case in.EndTime == nil:
		return missingParameter("EndTime")
	}
	if err := checkPeriod(in.Period); err != nil {
		return err
	}
	if !in.StartTime.Before(*in.EndTime) {
		return invalidCombination("The parameter StartTime must be less than the parameter EndTime.")
	}
	if len(in.ExtendedStatistics) > 0 {
		return checkStatistic(in.ExtendedStatistics[0])
	}
	if len(in.Statistics) == 0 {
		return missingParameter("Statistics")
	}
	for _, statistic := range in.Statistics {
		if err := checkStatistic(string(statistic)); err != nil {
			return err
		}
	}
	asked := int64(in.EndTime.Sub(*in.StartTime)/time.Second) / int64(*in.Period)
	if asked > maxStatisticsPoints {
		return invalidCombination("You have requested up to %d datapoints, which exceeds the limit of 1,440. You may reduce the datapoints requested by increasing Period, or decreasing the time range.", asked)
	}
	return nil
}

func datapointOf(p point, wanted []types.Statistic) types.Datapoint {
	datapoint := types.Datapoint{
		Timestamp: aws.Time(time.Unix(p.at, 0).UTC()), Unit: types.StandardUnit(p.unit),
	}
	for statistic, into := range map[types.Statistic]**float64{
		types.StatisticSampleCount: &datapoint.SampleCount,
		types.StatisticAverage:     &datapoint.Average,
		types.StatisticSum:         &datapoint.Sum,
		types.StatisticMinimum:     &datapoint.Minimum,
		types.StatisticMaximum:     &datapoint.Maximum,
	} {
		if slices.Contains(wanted, statistic) {
			*into = aws.Float64(p.statistics.of(statistic))
		}
	}
	return datapoint
}
