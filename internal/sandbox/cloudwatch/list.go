package cloudwatch

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// Limits of ListMetrics (CloudWatch API reference).
const (
	metricsPage         = 500
	maxDimensionFilters = 10
	recently            = 3 * time.Hour
)

// ListMetrics lists the metrics that have visible data, 500 a page.
func (s *Service) ListMetrics(
	_ context.Context, in *cloudwatch.ListMetricsInput,
) (*cloudwatch.ListMetricsOutput, error) {
	if err := checkFilters(in); err != nil {
		return nil, err
	}
	c, err := resume(in.NextToken, digestOf(in.Namespace, in.MetricName, in.Dimensions, in.RecentlyActive))
	if err != nil {
		return nil, err
	}
	var metrics []types.Metric
	now := time.Now()
	for _, candidate := range s.store.list() {
		newest, visible := candidate.visible(now)
		old := in.RecentlyActive != "" && newest.Before(now.Add(-recently))
		if visible && !old && matches(candidate, in) {
			metrics = append(metrics, metricOf(candidate))
		}
	}
	metrics = metrics[min(c.Offset, len(metrics)):]
	out := &cloudwatch.ListMetricsOutput{Metrics: metrics}
	if len(metrics) > metricsPage {
		out.Metrics = metrics[:metricsPage]
		c.Offset += metricsPage
		out.NextToken = c.token()
	}
	return out, nil
}

func checkFilters(in *cloudwatch.ListMetricsInput) error {
	if len(in.Dimensions) > maxDimensionFilters {
		return validationError("The collection Dimensions must not have a size greater than %d.", maxDimensionFilters)
	}
	for _, filter := range in.Dimensions {
		if filter.Name == nil {
			return missingParameter("Dimensions.member.N.Name")
		}
	}
	if in.RecentlyActive != "" && in.RecentlyActive != types.RecentlyActivePt3h {
		return validationError("The only value of RecentlyActive is PT3H.")
	}
	return nil
}

func matches(candidate *series, in *cloudwatch.ListMetricsInput) bool {
	if in.Namespace != nil && *in.Namespace != candidate.namespace ||
		in.MetricName != nil && *in.MetricName != candidate.metric {
		return false
	}
	for _, filter := range in.Dimensions {
		value, has := candidate.dimensions[*filter.Name]
		if !has || filter.Value != nil && *filter.Value != value {
			return false
		}
	}
	return true
}

func metricOf(s *series) types.Metric {
	metric := types.Metric{Namespace: aws.String(s.namespace), MetricName: aws.String(s.metric)}
	for _, name := range slices.Sorted(maps.Keys(s.dimensions)) {
		metric.Dimensions = append(metric.Dimensions,
			types.Dimension{Name: aws.String(name), Value: aws.String(s.dimensions[name])})
	}
	return metric
}
