package cloudwatch

import (
	"context"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// Limits of GetMetricData (CloudWatch API reference).
const (
	maxQueries    = 500
	maxDatapoints = 100_800
)

var queryID = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-z][a-zA-Z0-9_]{0,254}$`)
})

// GetMetricData answers up to 500 queries, each a metric's statistic or a calculation.
func (s *Service) GetMetricData(
	_ context.Context, in *cloudwatch.GetMetricDataInput,
) (*cloudwatch.GetMetricDataOutput, error) {
	limit, err := checkDataRequest(in)
	if err != nil {
		return nil, err
	}
	e, err := newEvaluation(s.store, time.Now(), *in.StartTime, *in.EndTime, in.MetricDataQueries)
	if err != nil {
		return nil, err
	}
	results, err := e.results(in.MetricDataQueries)
	if err != nil {
		return nil, err
	}
	if in.ScanBy != types.ScanByTimestampAscending {
		for i := range results {
			slices.Reverse(results[i].Timestamps)
			slices.Reverse(results[i].Values)
		}
	}
	c, err := resume(in.NextToken,
		digestOf(in.StartTime, in.EndTime, in.ScanBy, in.MaxDatapoints, in.MetricDataQueries))
	if err != nil {
		return nil, err
	}
	page, next := pageOf(results, c, limit)
	return &cloudwatch.GetMetricDataOutput{MetricDataResults: page, NextToken: next}, nil
}

func checkDataRequest(in *cloudwatch.GetMetricDataInput) (limit int, err error) {
	switch {
	case in.StartTime == nil:
		return 0, missingParameter("StartTime")
	case in.EndTime == nil:
		return 0, missingParameter("EndTime")
	case !in.StartTime.Before(*in.EndTime):
		return 0, validationError("The parameter StartTime must be less than the parameter EndTime.")
	case len(in.MetricDataQueries) == 0:
		return 0, missingParameter("MetricDataQueries")
	case len(in.MetricDataQueries) > maxQueries:
		return 0, validationError("The collection MetricDataQueries must not have a size greater than %d.", maxQueries)
	case in.ScanBy != "" && !slices.Contains(in.ScanBy.Values(), in.ScanBy):
		return 0, validationError("The value '%s' for parameter ScanBy is invalid.", in.ScanBy)
	case in.MaxDatapoints == nil:
		return maxDatapoints, nil
	case *in.MaxDatapoints < 1 || *in.MaxDatapoints > maxDatapoints:
		return 0, validationError("The parameter MaxDatapoints must be between 1 and %d.", maxDatapoints)
	default:
		return int(*in.MaxDatapoints), nil
	}
}

// pageOf cuts a page of at most limit datapoints out of the results, beginning where
// the last one ended.
func pageOf(results []types.MetricDataResult, c cursor, limit int) ([]types.MetricDataResult, *string) {
	var page []types.MetricDataResult
	for i := min(c.Offset, len(results)); i < len(results); i++ {
		result := after(results[i], c.After)
		c.After = 0
		if len(result.Values) <= limit {
			limit -= len(result.Values)
			page = append(page, result)
			continue
		}
		if limit > 0 {
			c.After = result.Timestamps[limit-1].Unix()
			result.Timestamps, result.Values = result.Timestamps[:limit], result.Values[:limit]
			result.StatusCode = types.StatusCodePartialData
			page = append(page, result)
		}
		c.Offset = i
		return page, c.token()
	}
	return page, nil
}

// after is a result without what was given up to and with a time.
func after(result types.MetricDataResult, given int64) types.MetricDataResult {
	if given == 0 {
		return result
	}
	at := slices.IndexFunc(result.Timestamps, func(t time.Time) bool { return t.Unix() == given }) + 1
	result.Timestamps, result.Values = result.Timestamps[at:], result.Values[at:]
	return result
}

// results are what the queries that return data found, in their order.
func (e *evaluation) results(queries []types.MetricDataQuery) ([]types.MetricDataResult, error) {
	results := make([]types.MetricDataResult, 0, len(queries))
	for _, query := range queries {
		found, err := e.query(*query.Id)
		if err != nil {
			return nil, err
		}
		if query.ReturnData != nil && !*query.ReturnData {
			continue
		}
		if found.kind != kindSeries {
			return nil, validationError("The expression of the query '%s' does not return a time series.", *query.Id)
		}
		result := types.MetricDataResult{
			Id: query.Id, Label: label(query), StatusCode: types.StatusCodeComplete,
			Timestamps: make([]time.Time, 0, len(found.series.samples)),
			Values:     make([]float64, 0, len(found.series.samples)),
		}
		for _, sample := range found.series.samples {
			result.Timestamps = append(result.Timestamps, time.Unix(sample.at, 0).UTC())
			result.Values = append(result.Values, sample.value)
		}
		results = append(results, result)
	}
	return results, nil
}

func label(query types.MetricDataQuery) *string {
	switch {
	case query.Label != nil:
		return query.Label
	case query.MetricStat != nil:
		return query.MetricStat.Metric.MetricName
	default:
		return aws.String(*query.Id)
	}
}
