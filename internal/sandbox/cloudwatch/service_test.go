package cloudwatch

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"
	"pgregory.net/rapid"

	"serin/internal/sandbox/region"
)

const (
	namespace = "ECS/ContainerInsights/Prometheus"
	requests  = "envoy_http_downstream_rq_xx"
)

func newService(delay time.Duration) *Service {
	return New(region.Region{Account: "123456789012", Name: "us-west-2", Pace: region.At(1)}, delay)
}

// node are the dimensions of a virtual node's answers of one class.
func node(name, class string) map[string]string {
	return map[string]string{"appmesh_virtual_node": name, "envoy_response_code_class": class}
}

func listed(dimensions map[string]string) []types.Dimension {
	var list []types.Dimension
	for name, value := range dimensions {
		list = append(list, types.Dimension{Name: aws.String(name), Value: aws.String(value)})
	}
	return list
}

func stat(id string, dimensions map[string]string, statistic string, period int32) types.MetricDataQuery {
	return types.MetricDataQuery{Id: aws.String(id), MetricStat: &types.MetricStat{
		Metric: &types.Metric{
			Namespace: aws.String(namespace), MetricName: aws.String(requests), Dimensions: listed(dimensions),
		},
		Stat: aws.String(statistic), Period: aws.Int32(period),
	}}
}

func calculation(id, expression string) types.MetricDataQuery {
	return types.MetricDataQuery{Id: aws.String(id), Expression: aws.String(expression)}
}

// ask gets data from a moment for a while, oldest first.
func ask(t *testing.T, s *Service, from time.Time, length time.Duration, queries ...types.MetricDataQuery) []types.MetricDataResult {
	t.Helper()
	out, err := s.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(from), EndTime: aws.Time(from.Add(length)),
		MetricDataQueries: queries, ScanBy: types.ScanByTimestampAscending,
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.MetricDataResults
}

// show is a result as the offsets of its times, in seconds, and its values.
func show(r types.MetricDataResult, from time.Time) string {
	text := ""
	for i, at := range r.Timestamps {
		text += fmt.Sprintf("+%d=%v ", int(at.Sub(from).Seconds()), r.Values[i])
	}
	return text
}

func TestDataBecomeVisibleAfterTheDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(90 * time.Second)
		from := time.Now()
		s.Record(namespace, requests, node("a", "2"), from, 5)
		time.Sleep(90 * time.Second)
		if got := ask(t, s, from, time.Hour, stat("m", node("a", "2"), "Sum", 60)); len(got[0].Values) != 0 {
			t.Errorf("visible too early: %v", got[0].Values)
		}
		time.Sleep(time.Second)
		got := ask(t, s, from, time.Hour, stat("m", node("a", "2"), "Sum", 60))
		if text := show(got[0], from); text != "+0=5 " {
			t.Errorf("got %s", text)
		}
	})
}

func TestGetMetricData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(0)
		from := time.Now().Truncate(time.Hour)
		for second, value := range map[int]float64{0: 1, 1: 3, 59: 2, 60: 10, 125: 7} {
			s.Record(namespace, requests, node("a", "2"), from.Add(time.Duration(second)*time.Second), value)
		}
		s.Record(namespace, requests, node("a", "2"), from.Add(time.Second), 4)
		for name, c := range map[string]struct {
			start, length time.Duration
			query         types.MetricDataQuery
			want          string
		}{
			"sum by the minute":      {0, time.Hour, stat("m", node("a", "2"), "Sum", 60), "+0=10 +60=10 +120=7 "},
			"samples":                {0, time.Hour, stat("m", node("a", "2"), "SampleCount", 60), "+0=4 +60=1 +120=1 "},
			"average":                {0, time.Hour, stat("m", node("a", "2"), "Average", 60), "+0=2.5 +60=10 +120=7 "},
			"minimum":                {0, time.Hour, stat("m", node("a", "2"), "Minimum", 60), "+0=1 +60=10 +120=7 "},
			"maximum":                {0, time.Hour, stat("m", node("a", "2"), "Maximum", 60), "+0=4 +60=10 +120=7 "},
			"by the second":          {0, time.Hour, stat("m", node("a", "2"), "Sum", 1), "+0=1 +1=7 +59=2 +60=10 +125=7 "},
			"by ten seconds":         {0, time.Hour, stat("m", node("a", "2"), "Sum", 10), "+0=8 +50=2 +60=10 +120=7 "},
			"by five minutes":        {0, time.Hour, stat("m", node("a", "2"), "Sum", 300), "+0=27 "},
			"end is exclusive":       {0, 2 * time.Minute, stat("m", node("a", "2"), "Sum", 60), "+0=10 +60=10 "},
			"start is rounded down":  {90 * time.Second, time.Hour, stat("m", node("a", "2"), "Sum", 60), "+60=10 +120=7 "},
			"one dimension of two":   {0, time.Hour, stat("m", map[string]string{"appmesh_virtual_node": "a"}, "Sum", 60), ""},
			"another value":          {0, time.Hour, stat("m", node("b", "2"), "Sum", 60), ""},
			"before there were data": {-time.Hour, time.Hour, stat("m", node("a", "2"), "Sum", 60), ""},
		} {
			got := ask(t, s, from.Add(c.start), c.length, c.query)
			if text := show(got[0], from); text != c.want {
				t.Errorf("%s: got %q, want %q", name, text, c.want)
			}
		}
	})
}

func TestDescendingIsTheDefault(t *testing.T) {
	s := newService(0)
	from := time.Now().Truncate(time.Minute).Add(-10 * time.Minute)
	s.Record(namespace, requests, node("a", "2"), from, 1)
	s.Record(namespace, requests, node("a", "2"), from.Add(time.Minute), 2)
	out, err := s.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(from), EndTime: aws.Time(from.Add(time.Hour)),
		MetricDataQueries: []types.MetricDataQuery{stat("m", node("a", "2"), "Sum", 60)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := out.MetricDataResults[0].Values; !slices.Equal(got, []float64{2, 1}) {
		t.Errorf("got %v", got)
	}
}

func TestMetricMath(t *testing.T) {
	s := newService(0)
	from := time.Now().Truncate(time.Minute).Add(-5 * time.Minute)
	for minute, value := range []float64{10, 20, 0} {
		s.Record(namespace, requests, node("a", "2"), from.Add(time.Duration(minute)*time.Minute), value)
	}
	s.Record(namespace, requests, node("a", "5"), from.Add(time.Minute), 5)
	for expression, want := range map[string]string{
		"ok":                           "+0=10 +60=20 +120=0 ",
		"ok + bad":                     "+60=25 ",
		"100 * FILL(bad, 0) / ok":      "+0=0 +60=25 ",
		"SUM([ok, bad])":               "+0=10 +60=25 +120=0 ",
		"FILL(bad, 0)":                 "+0=0 +60=5 +120=0 +180=0 ",
		"FILL(bad, REPEAT)":            "+60=5 +120=5 +180=5 ",
		"-(ok - 1) / 2":                "+0=-4.5 +60=-9.5 +120=0.5 ",
		"ok - MAX(ok)":                 "+0=-10 +60=0 +120=-20 ",
		"ABS(ok - AVG(ok))":            "+0=0 +60=10 +120=10 ",
		"MIN([ok, FILL(bad, 1)])":      "+0=1 +60=5 +120=0 +180=1 ",
		"twice + 0":                    "+0=20 +60=40 +120=0 ",
		"ok * SUM(bad)":                "+0=50 +60=100 +120=0 ",
		"100*FILL(bad,0)/(FILL(ok,0))": "+0=0 +60=25 ",
	} {
		hidden := []types.MetricDataQuery{
			stat("ok", node("a", "2"), "Sum", 60), stat("bad", node("a", "5"), "Sum", 60), calculation("twice", "ok*2"),
		}
		for i := range hidden {
			hidden[i].ReturnData = aws.Bool(false)
		}
		got := ask(t, s, from, 4*time.Minute, append(hidden, calculation("e", expression))...)
		if len(got) != 1 || *got[0].Id != "e" {
			t.Fatalf("%s: got %d results", expression, len(got))
		}
		if text := show(got[0], from); text != want {
			t.Errorf("%s: got %q, want %q", expression, text, want)
		}
	}
}

func TestGetMetricDataPages(t *testing.T) {
	s := newService(0)
	from := time.Now().Truncate(time.Minute).Add(-20 * time.Minute)
	for minute := range 10 {
		s.Record(namespace, requests, node("a", "2"), from.Add(time.Duration(minute)*time.Minute), float64(minute))
		s.Record(namespace, requests, node("b", "2"), from.Add(time.Duration(minute)*time.Minute), float64(100+minute))
	}
	in := &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(from), EndTime: aws.Time(from.Add(time.Hour)), MaxDatapoints: aws.Int32(7),
		MetricDataQueries: []types.MetricDataQuery{
			stat("a", node("a", "2"), "Sum", 60), stat("b", node("b", "2"), "Sum", 60), stat("none", node("c", "2"), "Sum", 60),
		},
	}
	got, pages := map[string][]float64{}, 0
	for {
		out, err := s.GetMetricData(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, result := range out.MetricDataResults {
			got[*result.Id] = append(got[*result.Id], result.Values...)
		}
		if out.NextToken == nil {
			break
		}
		in.NextToken = out.NextToken
	}
	want := map[string][]float64{
		"a": {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}, "b": {109, 108, 107, 106, 105, 104, 103, 102, 101, 100}, "none": nil,
	}
	for id := range want {
		if !slices.Equal(got[id], want[id]) {
			t.Errorf("%s: got %v", id, got[id])
		}
	}
	if pages != 3 {
		t.Errorf("got %d pages", pages)
	}
	in.EndTime = aws.Time(from.Add(2 * time.Hour))
	if _, err := s.GetMetricData(t.Context(), in); codeOf(err) != "InvalidNextToken" {
		t.Errorf("a foreign token: %v", err)
	}
}

func codeOf(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestRefusals(t *testing.T) {
	s := newService(0)
	now := time.Now()
	data := func(change func(*cloudwatch.GetMetricDataInput)) func() error {
		return func() error {
			in := &cloudwatch.GetMetricDataInput{
				StartTime: aws.Time(now.Add(-time.Hour)), EndTime: aws.Time(now),
				MetricDataQueries: []types.MetricDataQuery{stat("m", nil, "Sum", 60)},
			}
			change(in)
			_, err := s.GetMetricData(t.Context(), in)
			return err
		}
	}
	queries := func(queries ...types.MetricDataQuery) func() error {
		return data(func(in *cloudwatch.GetMetricDataInput) { in.MetricDataQueries = queries })
	}
	put := func(namespace string, change func(*types.MetricDatum)) func() error {
		return func() error {
			datum := types.MetricDatum{MetricName: aws.String("m"), Value: aws.Float64(1)}
			change(&datum)
			_, err := s.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{
				Namespace: aws.String(namespace), MetricData: []types.MetricDatum{datum},
			})
			return err
		}
	}
	for name, c := range map[string]struct {
		call func() error
		want string
	}{
		"end before start":      {data(func(in *cloudwatch.GetMetricDataInput) { in.EndTime = in.StartTime }), "ValidationError"},
		"no start":              {data(func(in *cloudwatch.GetMetricDataInput) { in.StartTime = nil }), "MissingRequiredParameterException"},
		"no queries":            {queries(), "MissingRequiredParameterException"},
		"501 queries":           {queries(make([]types.MetricDataQuery, 501)...), "ValidationError"},
		"bad id":                {queries(stat("M", nil, "Sum", 60)), "ValidationError"},
		"id twice":              {queries(stat("m", nil, "Sum", 60), stat("m", nil, "Sum", 60)), "ValidationError"},
		"neither":               {queries(types.MetricDataQuery{Id: aws.String("m")}), "ValidationError"},
		"period of 7":           {queries(stat("m", nil, "Sum", 7)), "ValidationError"},
		"period of 90":          {queries(stat("m", nil, "Sum", 90)), "ValidationError"},
		"percentile":            {queries(stat("m", nil, "p99", 60)), "ValidationError"},
		"SEARCH":                {queries(calculation("e", "SEARCH('{a} b', 'Sum', 60)")), "ValidationError"},
		"unknown function":      {queries(calculation("e", "ANOMALY_DETECTION_BAND(m)")), "ValidationError"},
		"unknown id":            {queries(calculation("e", "m + 1")), "ValidationError"},
		"circle":                {queries(calculation("a", "b+1"), calculation("b", "a+1")), "ValidationError"},
		"a number is no series": {queries(calculation("e", "1 + 1")), "ValidationError"},
		"unfinished":            {queries(stat("m", nil, "Sum", 60), calculation("e", "(m +")), "ValidationError"},
		"left over":             {queries(stat("m", nil, "Sum", 60), calculation("e", "m m")), "ValidationError"},
		"too many points":       {data(func(in *cloudwatch.GetMetricDataInput) { in.MaxDatapoints = aws.Int32(100801) }), "ValidationError"},
		"endless FILL": {data(func(in *cloudwatch.GetMetricDataInput) {
			in.StartTime = aws.Time(time.Unix(0, 0))
			in.MetricDataQueries = append(in.MetricDataQueries, calculation("e", "FILL(m, 0)"))
		}), "ValidationError"},
		"namespace of AWS": {put("AWS/ECS", func(*types.MetricDatum) {}), "InvalidParameterValueException"},
		"no name":          {put("n", func(d *types.MetricDatum) { d.MetricName = nil }), "MissingRequiredParameterException"},
		"value and values": {put("n", func(d *types.MetricDatum) { d.Values = []float64{1} }), "InvalidParameterCombinationException"},
		"too old":          {put("n", func(d *types.MetricDatum) { d.Timestamp = aws.Time(now.Add(-15 * 24 * time.Hour)) }), "InvalidParameterValueException"},
		"in the future":    {put("n", func(d *types.MetricDatum) { d.Timestamp = aws.Time(now.Add(3 * time.Hour)) }), "InvalidParameterValueException"},
		"resolution of 10": {put("n", func(d *types.MetricDatum) { d.StorageResolution = aws.Int32(10) }), "InvalidParameterValueException"},
		"empty dimension": {put("n", func(d *types.MetricDatum) {
			d.Dimensions = []types.Dimension{{Name: aws.String("a"), Value: aws.String("")}}
		}), "InvalidParameterValueException"},
		"state of no alarm": {func() error {
			_, err := s.SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{AlarmName: aws.String("none"), StateReason: aws.String("r"), StateValue: types.StateValueOk})
			return err
		}, "ResourceNotFound"},
		"statistics not to find": {func() error {
			_, err := s.GetMetricStatistics(t.Context(), &cloudwatch.GetMetricStatisticsInput{Namespace: aws.String("n"), MetricName: aws.String("m"), StartTime: aws.Time(now.Add(-48 * time.Hour)), EndTime: aws.Time(now), Period: aws.Int32(60), Statistics: []types.Statistic{"Sum"}})
			return err
		}, "InvalidParameterCombinationException"},
	} {
		if got := codeOf(c.call()); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestPutMetricDataInEveryForm(t *testing.T) {
	s := newService(0)
	from := time.Now().Truncate(time.Minute)
	_, err := s.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{
		Namespace: aws.String("shop"), MetricData: []types.MetricDatum{
			{MetricName: aws.String("orders"), Value: aws.Float64(2), Unit: types.StandardUnitCount},
			{MetricName: aws.String("orders"), Values: []float64{3, 4}, Counts: []float64{2, 1}, Unit: types.StandardUnitCount},
			{MetricName: aws.String("orders"), StatisticValues: &types.StatisticSet{
				SampleCount: aws.Float64(3), Sum: aws.Float64(30), Minimum: aws.Float64(1), Maximum: aws.Float64(20),
			}, Unit: types.StandardUnitCount},
			{MetricName: aws.String("orders"), Value: aws.Float64(1000), Unit: types.StandardUnitBytes},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	in := &cloudwatch.GetMetricStatisticsInput{
		Namespace: aws.String("shop"), MetricName: aws.String("orders"),
		StartTime: aws.Time(from), EndTime: aws.Time(from.Add(2 * time.Minute)), Period: aws.Int32(120 * 60),
		Statistics: types.Statistic("").Values(), Unit: types.StandardUnitCount,
	}
	out, err := s.GetMetricStatistics(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Datapoints) != 1 {
		t.Fatalf("got %d datapoints", len(out.Datapoints))
	}
	d := out.Datapoints[0]
	if *d.Sum != 42 || *d.SampleCount != 7 || *d.Minimum != 1 || *d.Maximum != 20 || *d.Average != 6 || d.Unit != types.StandardUnitCount {
		t.Errorf("got sum %v of %v, %v to %v, %v, %s", *d.Sum, *d.SampleCount, *d.Minimum, *d.Maximum, *d.Average, d.Unit)
	}
}

func TestListMetrics(t *testing.T) {
	s := newService(0)
	for i := range 510 {
		s.Record(namespace, requests, node(fmt.Sprintf("n%03d", i), "2"), time.Now(), 1)
	}
	s.Record(namespace, "other", nil, time.Now(), 1)
	count := func(in *cloudwatch.ListMetricsInput) (n, pages int) {
		for {
			out, err := s.ListMetrics(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			n, pages = n+len(out.Metrics), pages+1
			if out.NextToken == nil {
				return n, pages
			}
			in.NextToken = out.NextToken
		}
	}
	if n, pages := count(&cloudwatch.ListMetricsInput{Namespace: aws.String(namespace)}); n != 511 || pages != 2 {
		t.Errorf("got %d metrics on %d pages", n, pages)
	}
	filter := []types.DimensionFilter{{Name: aws.String("appmesh_virtual_node"), Value: aws.String("n007")}}
	if n, _ := count(&cloudwatch.ListMetricsInput{Dimensions: filter}); n != 1 {
		t.Errorf("got %d metrics of one node", n)
	}
	if n, _ := count(&cloudwatch.ListMetricsInput{MetricName: aws.String("other"), RecentlyActive: types.RecentlyActivePt3h}); n != 1 {
		t.Errorf("got %d metrics of one name", n)
	}
}

func TestOldDataAreKeptByTheMinuteAndThenForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(0)
		from := time.Now().Truncate(time.Hour)
		for second := range 120 {
			s.Record(namespace, requests, node("a", "2"), from.Add(time.Duration(second)*time.Second), 1)
		}
		time.Sleep(4 * time.Hour)
		minutes := ask(t, s, from, time.Hour, stat("m", node("a", "2"), "Sum", 60))
		seconds := ask(t, s, from, time.Hour, stat("m", node("a", "2"), "Sum", 1))
		if text := show(minutes[0], from); text != "+0=60 +60=60 " || len(seconds[0].Values) != 0 {
			t.Errorf("after four hours: %q, and %d seconds", text, len(seconds[0].Values))
		}
		time.Sleep(24 * time.Hour)
		if minutes := ask(t, s, from, time.Hour, stat("m", node("a", "2"), "Sum", 60)); len(minutes[0].Values) != 0 {
			t.Errorf("after a day: %v", minutes[0].Values)
		}
	})
}

// Whatever is recorded in whatever order, the periods of a window share it out: nothing
// is lost and nothing is counted twice.
func TestPeriodsShareOutWhatWasRecorded(t *testing.T) {
	s := newService(0)
	from := time.Now().Truncate(time.Hour).Add(-2 * time.Hour)
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		dimensions := node(fmt.Sprint(run), "2")
		total := 0.0
		for range rapid.IntRange(1, 50).Draw(t, "records") {
			at := from.Add(time.Duration(rapid.IntRange(0, 3599).Draw(t, "second")) * time.Second)
			value := float64(rapid.IntRange(0, 100).Draw(t, "value"))
			total += value
			s.Record(namespace, requests, dimensions, at, value)
		}
		period := rapid.SampledFrom([]int32{1, 5, 10, 20, 30, 60, 300, 3600}).Draw(t, "period")
		w := windowOf(from, from.Add(time.Hour), period, "")
		sum, last := 0.0, int64(-1)
		for _, point := range s.store.lookup(namespace, requests, dimensions).points(time.Now(), w) {
			if point.at%int64(period) != 0 || point.at <= last {
				t.Fatalf("point at %d after %d with period %d", point.at, last, period)
			}
			last = point.at
			sum += point.statistics.sum
		}
		if sum != total {
			t.Fatalf("recorded %v, found %v", total, sum)
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	s := newService(0)
	dimensions := map[string]string{
		"ClusterName": "ecs-blogpost", "TaskDefinitionFamily": "yelb-appserver",
		"appmesh_virtual_node": "yelb-appserver-3f2a91c0", "envoy_http_conn_manager_prefix": "ingress",
		"envoy_response_code_class": "2",
	}
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		s.Record(namespace, requests, dimensions, now, 1)
	}
}
