package cloudwatch

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// Words of TreatMissingData.
const (
	missingIsMissing      = "missing"
	missingIsIgnored      = "ignore"
	missingIsBreaching    = "breaching"
	missingIsNotBreaching = "notBreaching"
)

// checkAlarm enforces what PutMetricAlarm documents; alarms on anomalies, percentiles
// and PromQL are refused, because the sandbox could not evaluate them.
func checkAlarm(in *cloudwatch.PutMetricAlarmInput) error {
	switch {
	case in.AlarmName == nil || *in.AlarmName == "":
		return missingParameter("AlarmName")
	case len(*in.AlarmName) > maxNameLength:
		return validationError("The name of an alarm must have at most %d characters.", maxNameLength)
	case in.EvaluationCriteria != nil || in.EvaluationWindow != nil:
		return validationError("The sandbox evaluates no PromQL.")
	case in.ThresholdMetricId != nil:
		return validationError("The sandbox detects no anomalies: ThresholdMetricId cannot be set.")
	case in.Threshold == nil:
		return missingParameter("Threshold")
	case in.EvaluationPeriods == nil:
		return missingParameter("EvaluationPeriods")
	case *in.EvaluationPeriods < 1:
		return validationError("The parameter EvaluationPeriods must be at least 1.")
	case in.DatapointsToAlarm != nil && (*in.DatapointsToAlarm < 1 || *in.DatapointsToAlarm > *in.EvaluationPeriods):
		return validationError("The parameter DatapointsToAlarm must be between 1 and EvaluationPeriods.")
	case !slices.Contains(thresholdOperators(), in.ComparisonOperator):
		return validationError("The value '%s' for parameter ComparisonOperator is invalid.", in.ComparisonOperator)
	}
	if treat := in.TreatMissingData; treat != nil && !slices.Contains(
		[]string{missingIsMissing, missingIsIgnored, missingIsBreaching, missingIsNotBreaching}, *treat) {
		return validationError("The value '%s' for parameter TreatMissingData is invalid.", *treat)
	}
	period, err := checkAlarmMetric(in)
	if err != nil {
		return err
	}
	if int(*in.EvaluationPeriods)*int(period) > maxAlarmRange {
		return validationError("Metrics cannot be checked across more than a week (EvaluationPeriods * Period must be <= 604800).")
	}
	return nil
}

func thresholdOperators() []types.ComparisonOperator {
	return []types.ComparisonOperator{
		types.ComparisonOperatorGreaterThanOrEqualToThreshold, types.ComparisonOperatorGreaterThanThreshold,
		types.ComparisonOperatorLessThanThreshold, types.ComparisonOperatorLessThanOrEqualToThreshold,
	}
}

// checkAlarmMetric checks what the alarm watches, one metric or queries, and gives its
// period.
func checkAlarmMetric(in *cloudwatch.PutMetricAlarmInput) (int32, error) {
	if len(in.Metrics) > 0 {
		if in.MetricName != nil || in.Namespace != nil || in.Period != nil || in.Statistic != "" {
			return 0, invalidCombination("Metrics list and a single metric are mutually exclusive.")
		}
		return checkAlarmQueries(in.Metrics)
	}
	if in.MetricName == nil || in.Namespace == nil {
		return 0, missingParameter("MetricName")
	}
	if in.ExtendedStatistic != nil {
		return 0, checkStatistic(*in.ExtendedStatistic)
	}
	if err := checkStatistic(string(in.Statistic)); err != nil {
		return 0, err
	}
	if err := checkPeriod(in.Period); err != nil {
		return 0, err
	}
	_, err := dimensionsOf(in.Dimensions)
	return *in.Period, err
}

func checkAlarmQueries(queries []types.MetricDataQuery) (int32, error) {
	returned, period := 0, int32(0)
	for _, query := range queries {
		if err := checkQuery(query); err != nil {
			return 0, err
		}
		if returns(query) {
			returned++
		}
		if query.MetricStat != nil {
			period = max(period, *query.MetricStat.Period)
		}
	}
	if returned != 1 || period == 0 {
		return 0, validationError("Exactly one element of the metrics list should return data, and one must be a metric.")
	}
	return period, nil
}

func returns(query types.MetricDataQuery) bool { return query.ReturnData == nil || *query.ReturnData }
