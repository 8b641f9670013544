package aws

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"pgregory.net/rapid"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
)

// metricFake answers with its func fields and keeps what it was asked.
type metricFake struct {
	data       func(*cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error)
	alarms     func(*cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error)
	mu         sync.Mutex
	dataAsked  []cloudwatch.GetMetricDataInput
	alarmAsked []cloudwatch.DescribeAlarmsInput
}

var _ MetricAPI = (*metricFake)(nil)

func (m *metricFake) GetMetricData(_ context.Context, in *cloudwatch.GetMetricDataInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	m.mu.Lock()
	m.dataAsked = append(m.dataAsked, *in)
	m.mu.Unlock()
	return m.data(in)
}

func (m *metricFake) DescribeAlarms(_ context.Context, in *cloudwatch.DescribeAlarmsInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error) {
	m.alarmAsked = append(m.alarmAsked, *in)
	return m.alarms(in)
}

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func minute(n int) time.Time { return noon().Add(time.Duration(n) * time.Minute) }

func countsOf(sha string, from, to time.Time) engine.ResponseQuery {
	return engine.ResponseQuery{
		Service: appserver(), Sha: sha, From: from, To: to, Period: time.Minute,
		Source: engine.MetricSource{
			Namespace: "ECS/ContainerInsights/Prometheus", Name: "envoy_http_downstream_rq_xx",
			Dimensions: map[string]string{
				"ClusterName": "{environment}", "TaskDefinitionFamily": "{service}", "appmesh_virtual_node": "{version}",
				"envoy_http_conn_manager_prefix": "ingress", "envoy_response_code_class": "{class}",
			},
		},
	}
}

// dimension reads one dimension of a query.
func dimension(query types.MetricDataQuery, name string) string {
	for _, dimension := range query.MetricStat.Metric.Dimensions {
		if *dimension.Name == name {
			return *dimension.Value
		}
	}
	return ""
}

// answering is a CloudWatch that knows the datapoints of series, by "<virtual
// node>/<class>"; a series without any is complete and empty.
func answering(series map[string]map[time.Time]float64) *metricFake {
	return &metricFake{data: func(in *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
		out := &cloudwatch.GetMetricDataOutput{}
		for _, query := range in.MetricDataQueries {
			result := types.MetricDataResult{Id: query.Id, StatusCode: types.StatusCodeComplete}
			for at, value := range series[dimension(query, "appmesh_virtual_node")+"/"+dimension(query, "envoy_response_code_class")] {
				result.Timestamps, result.Values = append(result.Timestamps, at), append(result.Values, value)
			}
			out.MetricDataResults = append(out.MetricDataResults, result)
		}
		slices.Reverse(out.MetricDataResults)
		return out, nil
	}}
}

func TestResponsesAreBuckets(t *testing.T) {
	fake := answering(map[string]map[time.Time]float64{
		"yelb-appserver-aaaa/2": {minute(0): 100, minute(1): 110, minute(3): 5},
		"yelb-appserver-aaaa/5": {minute(1): 2},
		"yelb-appserver-bbbb/4": {minute(2): 7},
	})
	responses, err := NewMetrics(fake, here()).Responses(t.Context(), []engine.ResponseQuery{
		countsOf("bbbb", minute(0), minute(4)), countsOf("aaaa", minute(0).Add(30*time.Second), minute(3)), countsOf("cccc", minute(0), minute(3)),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]analysis.Bucket{
		{{Start: minute(2), Counts: [5]float64{3: 7}}},
		{{Start: minute(0), Counts: [5]float64{1: 100}}, {Start: minute(1), Counts: [5]float64{1: 110, 4: 2}}},
		nil,
	}
	for i, sha := range []string{"bbbb", "aaaa", "cccc"} {
		if responses[i].Sha != sha || !reflect.DeepEqual(responses[i].Buckets, want[i]) || responses[i].ReadAt.IsZero() {
			t.Errorf("%d: %+v, want %+v", i, responses[i], want[i])
		}
	}
	if len(fake.dataAsked) != 1 {
		t.Errorf("%d requests", len(fake.dataAsked))
	}
}

func TestTheRequestIsCloudWatchs(t *testing.T) {
	fake := answering(nil)
	query := countsOf("aaaa", minute(0).Add(59*time.Second), minute(5))
	query.Period = 5 * time.Minute
	if _, err := NewMetrics(fake, here()).Responses(t.Context(), []engine.ResponseQuery{query}); err != nil {
		t.Fatal(err)
	}
	asked := fake.dataAsked[0]
	if !asked.StartTime.Equal(minute(0)) || !asked.EndTime.Equal(minute(5)) || asked.ScanBy != types.ScanByTimestampAscending {
		t.Errorf("asked for %v to %v, %s", asked.StartTime, asked.EndTime, asked.ScanBy)
	}
	classes := ""
	for _, query := range asked.MetricDataQueries {
		if !regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`).MatchString(*query.Id) {
			t.Errorf("CloudWatch does not take the name %q", *query.Id)
		}
		stat := query.MetricStat
		if *stat.Stat != "Sum" || *stat.Period != 300 || *stat.Metric.Namespace != "ECS/ContainerInsights/Prometheus" ||
			*stat.Metric.MetricName != "envoy_http_downstream_rq_xx" || len(stat.Metric.Dimensions) != 5 ||
			dimension(query, "ClusterName") != "ecs-blogpost" || dimension(query, "TaskDefinitionFamily") != "yelb-appserver" ||
			dimension(query, "appmesh_virtual_node") != "yelb-appserver-aaaa" || dimension(query, "envoy_http_conn_manager_prefix") != "ingress" {
			t.Errorf("asked for %+v", stat.Metric)
		}
		classes += dimension(query, "envoy_response_code_class")
	}
	if classes != "12345" {
		t.Errorf("classes %s", classes)
	}
}

func TestAClassMayBeInTheNameOfTheMetric(t *testing.T) {
	fake := answering(nil)
	query := countsOf("aaaa", minute(0), minute(1))
	query.Source = engine.MetricSource{Namespace: "AWS/ApplicationELB", Name: "HTTPCode_Target_{class}XX_Count", Dimensions: map[string]string{"TargetGroup": "{sha}"}}
	if _, err := NewMetrics(fake, here()).Responses(t.Context(), []engine.ResponseQuery{query}); err != nil {
		t.Fatal(err)
	}
	if last := fake.dataAsked[0].MetricDataQueries[4]; *last.MetricStat.Metric.MetricName != "HTTPCode_Target_5XX_Count" || dimension(last, "TargetGroup") != "aaaa" {
		t.Errorf("asked for %+v", last.MetricStat.Metric)
	}
}

func TestQueriesShareRequests(t *testing.T) {
	for name, c := range map[string]struct {
		queries, requests int
		span              time.Duration
	}{
		"none":                {0, 0, time.Minute},
		"a request":           {100, 1, 10 * time.Minute},
		"one too many":        {101, 2, 10 * time.Minute},
		"a thousand rollouts": {2000, 20, 10 * time.Minute},
		"datapoints fill it":  {100, 2, 210 * time.Minute},
		"one alone is large":  {1, 1, 30 * 24 * time.Hour},
		"no time":             {3, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			fake := answering(map[string]map[time.Time]float64{"yelb-appserver-s7/2": {minute(0): 3}})
			var queries []engine.ResponseQuery
			for i := range c.queries {
				queries = append(queries, countsOf(fmt.Sprintf("s%d", i), minute(0), minute(0).Add(c.span)))
			}
			responses, err := NewMetrics(fake, here()).Responses(t.Context(), queries)
			if err != nil || len(responses) != c.queries || len(fake.dataAsked) != c.requests {
				t.Fatalf("%d requests, %d responses, %v", len(fake.dataAsked), len(responses), err)
			}
			for _, asked := range fake.dataAsked {
				if n := len(asked.MetricDataQueries); n > 500 {
					t.Errorf("%d queries in a request", n)
				}
			}
			if c.queries > 7 && (len(responses[7].Buckets) != 1 || responses[7].Buckets[0].Class(2) != 3) {
				t.Errorf("s7 is %+v", responses[7])
			}
		})
	}
}

func TestWhatIsNoCountIsDropped(t *testing.T) {
	fake := &metricFake{data: func(in *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
		return &cloudwatch.GetMetricDataOutput{MetricDataResults: []types.MetricDataResult{{
			Id: in.MetricDataQueries[1].Id, StatusCode: types.StatusCodeComplete,
			Timestamps: []time.Time{minute(2), minute(0), minute(1), minute(3), minute(4), minute(2).Add(time.Second), minute(5), minute(-1), minute(9)},
			Values:     []float64{1, math.NaN(), -1, math.Inf(1), 4, 2, 5, 6},
		}}}, nil
	}}
	responses, err := NewMetrics(fake, here()).Responses(t.Context(), []engine.ResponseQuery{countsOf("aaaa", minute(0), minute(5))})
	want := []analysis.Bucket{{Start: minute(2), Counts: [5]float64{1: 2}}, {Start: minute(4), Counts: [5]float64{1: 4}}}
	if err != nil || !reflect.DeepEqual(responses[0].Buckets, want) {
		t.Errorf("%+v, %v", responses, err)
	}
}

// paging answers one page after the other, whatever is asked.
func paging(pages ...cloudwatch.GetMetricDataOutput) *metricFake {
	next := 0
	return &metricFake{data: func(*cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
		next++
		return &pages[next-1], nil
	}}
}

func result(status types.StatusCode, at time.Time, value float64) []types.MetricDataResult {
	return []types.MetricDataResult{{
		Id: aws.String("w0c2"), StatusCode: status, Timestamps: []time.Time{at}, Values: []float64{value},
		Messages: []types.MessageData{{Value: aws.String("because\x1b")}},
	}}
}

func TestPagesAreRead(t *testing.T) {
	fake := paging(
		cloudwatch.GetMetricDataOutput{NextToken: aws.String("2"), MetricDataResults: result(types.StatusCodePartialData, minute(0), 1)},
		cloudwatch.GetMetricDataOutput{NextToken: aws.String("3")},
		cloudwatch.GetMetricDataOutput{MetricDataResults: result(types.StatusCodeComplete, minute(1), 2)},
	)
	responses, err := NewMetrics(fake, here()).Responses(t.Context(), []engine.ResponseQuery{countsOf("aaaa", minute(0), minute(5))})
	if err != nil || len(responses[0].Buckets) != 2 {
		t.Fatalf("%+v, %v", responses, err)
	}
	if asked := fake.dataAsked; len(asked) != 3 || asked[0].NextToken != nil || *asked[1].NextToken != "2" || *asked[2].NextToken != "3" {
		t.Errorf("asked %d times", len(asked))
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	stray := result(types.StatusCodeComplete, minute(0), 1)
	stray[0].Id = aws.String("w9c1")
	for name, c := range map[string]struct {
		pages []cloudwatch.GetMetricDataOutput
		kind  engine.FaultKind
		words string
	}{
		"a part":     {[]cloudwatch.GetMetricDataOutput{{MetricDataResults: result(types.StatusCodePartialData, minute(0), 1)}}, engine.Transient, "a part of the data"},
		"an error":   {[]cloudwatch.GetMetricDataOutput{{MetricDataResults: result(types.StatusCodeInternalError, minute(0), 1)}}, engine.Transient, "envoy_http_downstream_rq_xx: because"},
		"forbidden":  {[]cloudwatch.GetMetricDataOutput{{MetricDataResults: result(types.StatusCodeForbidden, minute(0), 1)}}, engine.Denied, "cloudwatch:GetMetricData"},
		"not asked":  {[]cloudwatch.GetMetricDataOutput{{MetricDataResults: stray}}, engine.Transient, `"w9c1"`},
		"in circles": {[]cloudwatch.GetMetricDataOutput{{NextToken: aws.String("2")}, {NextToken: aws.String("2")}}, engine.Transient, "repeats itself"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewMetrics(paging(c.pages...), here()).Responses(t.Context(), []engine.ResponseQuery{countsOf("aaaa", minute(0), minute(5))})
			wantFault(t, err, c.kind, c.words)
		})
	}
}

func TestQueriesThatCannotBeAsked(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*engine.ResponseQuery)
		words  string
	}{
		"no period":  {func(q *engine.ResponseQuery) { q.Period = 0 }, "no periods of 0s"},
		"odd period": {func(q *engine.ResponseQuery) { q.Period = 90 * time.Second }, "no periods of 1m30s"},
		"negative":   {func(q *engine.ResponseQuery) { q.Period = -time.Minute }, "no periods"},
		"no class":   {func(q *engine.ResponseQuery) { q.Source.Dimensions = map[string]string{"a": "b"} }, "{class}"},
	} {
		t.Run(name, func(t *testing.T) {
			query := countsOf("aaaa", minute(0), minute(5))
			c.change(&query)
			_, err := NewMetrics(&metricFake{}, here()).Responses(t.Context(), []engine.ResponseQuery{query})
			wantFault(t, err, engine.Invalid, c.words)
		})
	}
}

func TestMetricTroubles(t *testing.T) {
	t.Run("GetMetricData", func(t *testing.T) {
		testTroubles(t, "CloudWatch", "GetMetricData", func(failure error) error {
			fake := &metricFake{data: func(*cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) { return nil, failure }}
			_, err := NewMetrics(fake, here()).Responses(t.Context(), []engine.ResponseQuery{countsOf("aaaa", minute(0), minute(5))})
			return err
		})
	})
	t.Run("DescribeAlarms", func(t *testing.T) {
		testTroubles(t, "CloudWatch", "DescribeAlarms", func(failure error) error {
			fake := &metricFake{alarms: func(*cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error) {
				return nil, failure
			}}
			_, err := NewMetrics(fake, here()).Alarms(t.Context(), []string{"a"})
			return err
		})
	})
}

// Whatever CloudWatch answers, buckets ascend, lie within what was asked for, start at a
// multiple of the period and hold counts.
func checkBuckets(t interface{ Fatalf(string, ...any) }, query engine.ResponseQuery, buckets []analysis.Bucket) {
	last := floor(query.From, query.Period).Add(-1)
	for _, bucket := range buckets {
		if !bucket.Start.After(last) || !bucket.Start.Before(query.To) || !bucket.Start.Equal(floor(bucket.Start, query.Period)) {
			t.Fatalf("%v after %v in %v to %v", bucket.Start, last, query.From, query.To)
		}
		for _, count := range bucket.Counts {
			if math.IsNaN(count) || math.IsInf(count, 0) || count < 0 {
				t.Fatalf("%v counts %v", bucket.Start, count)
			}
		}
		last = bucket.Start
	}
}

func TestBucketsAreLawful(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seconds := rapid.Int64Range(-4000, 4000)
		query := countsOf("aaaa", noon().Add(time.Duration(seconds.Draw(t, "from"))*time.Second), noon().Add(time.Duration(seconds.Draw(t, "to"))*time.Second))
		query.Period = rapid.SampledFrom([]time.Duration{time.Second, 30 * time.Second, time.Minute, 5 * time.Minute}).Draw(t, "period")
		fake := &metricFake{data: func(in *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
			out := &cloudwatch.GetMetricDataOutput{}
			for _, asked := range in.MetricDataQueries {
				result := types.MetricDataResult{Id: asked.Id, StatusCode: types.StatusCodeComplete, Values: rapid.SliceOfN(rapid.Float64(), 0, 5).Draw(t, "values")}
				for _, second := range rapid.SliceOfN(seconds, 0, 5).Draw(t, "times") {
					result.Timestamps = append(result.Timestamps, noon().Add(time.Duration(second)*time.Second))
				}
				out.MetricDataResults = append(out.MetricDataResults, result)
			}
			return out, nil
		}}
		responses, err := NewMetrics(fake, here()).Responses(t.Context(), []engine.ResponseQuery{query})
		if err != nil {
			t.Fatal(err)
		}
		checkBuckets(t, query, responses[0].Buckets)
	})
}

func FuzzMetricAnswer(f *testing.F) {
	f.Add("w0c2", "Complete", int64(60), 3.5, int64(120), math.NaN())
	f.Add("w0c9", "PartialData", int64(-60), -1.0, int64(0), 0.0)
	f.Add("w-1c1", "Forbidden", int64(math.MaxInt64), math.Inf(1), int64(math.MinInt64), 1.0)
	f.Fuzz(func(t *testing.T, id, status string, first int64, firstValue float64, second int64, secondValue float64) {
		query := countsOf("aaaa", minute(0), minute(5))
		fake := paging(cloudwatch.GetMetricDataOutput{MetricDataResults: []types.MetricDataResult{{
			Id: &id, StatusCode: types.StatusCode(status), Values: []float64{firstValue, secondValue},
			Timestamps: []time.Time{time.Unix(first, 0), noon().Add(time.Duration(second))},
		}}})
		responses, err := NewMetrics(fake, here()).Responses(t.Context(), []engine.ResponseQuery{query})
		if err == nil {
			checkBuckets(t, query, responses[0].Buckets)
		}
	})
}

func TestAlarms(t *testing.T) {
	fake := &metricFake{alarms: func(in *cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error) {
		if in.NextToken == nil {
			return &cloudwatch.DescribeAlarmsOutput{
				MetricAlarms: []types.MetricAlarm{{AlarmName: aws.String("errors"), StateValue: types.StateValueAlarm, StateReason: aws.String("3 > 1\x07")}},
				NextToken:    aws.String("more"),
			}, nil
		}
		return &cloudwatch.DescribeAlarmsOutput{
			CompositeAlarms: []types.CompositeAlarm{{AlarmName: aws.String("all"), StateValue: types.StateValueOk}},
			LogAlarms:       []types.LogAlarm{{AlarmName: aws.String("logs"), StateValue: types.StateValueInsufficientData}},
		}, nil
	}}
	alarms, err := NewMetrics(fake, here()).Alarms(t.Context(), []string{"all", "errors", "logs", "all"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []engine.Alarm{
		{Name: "all", State: "OK"},
		{Name: "errors", Firing: true, State: "ALARM", Reason: "3 > 1"},
		{Name: "logs", State: "INSUFFICIENT_DATA"},
		{Name: "all", State: "OK"},
	} {
		if want.ReadAt = alarms[i].ReadAt; alarms[i] != want || want.ReadAt.IsZero() {
			t.Errorf("%d: %+v", i, alarms[i])
		}
	}
	if asked := fake.alarmAsked[0]; len(asked.AlarmNames) != 3 || !slices.Contains(asked.AlarmTypes, types.AlarmTypeCompositeAlarm) || !slices.Contains(asked.AlarmTypes, types.AlarmTypeMetricAlarm) {
		t.Errorf("asked for %+v", asked)
	}
}

func TestAlarmsThatAreNotThere(t *testing.T) {
	fake := &metricFake{alarms: func(*cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error) {
		return &cloudwatch.DescribeAlarmsOutput{MetricAlarms: []types.MetricAlarm{{AlarmName: aws.String("a")}}}, nil
	}}
	_, err := NewMetrics(fake, here()).Alarms(t.Context(), []string{"x", "a", "y"})
	wantFault(t, err, engine.NotFound, "no alarm x and y", "us-west-2")
	var many []string
	for i := range 250 {
		many = append(many, fmt.Sprint("alarm", i))
	}
	fake.alarmAsked = nil
	_, err = NewMetrics(fake, here()).Alarms(t.Context(), many)
	if len(fake.alarmAsked) != 3 || len(fake.alarmAsked[0].AlarmNames) != 100 || !strings.Contains(err.Error(), "alarm249") {
		t.Errorf("%d requests, %v", len(fake.alarmAsked), err)
	}
	if alarms, err := NewMetrics(&metricFake{}, here()).Alarms(t.Context(), nil); err != nil || len(alarms) != 0 {
		t.Errorf("no names: %v, %v", alarms, err)
	}
}
