package aws

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
)

// GetMetricData's limits of one request (API reference; CloudWatch quotas).
const (
	queriesPerRequest    = 500
	datapointsPerRequest = 100800
)

// classPlaceholder is where a metric source names the class of responses.
const classPlaceholder = "{class}"

// window is what one query asks CloudWatch for, and what was answered so far.
type window struct {
	query    engine.ResponseQuery
	from, to time.Time
	counts   map[time.Time]*[analysis.Classes]float64
}

// newWindow checks a query. Its first period is the one that From lies in.
func newWindow(query engine.ResponseQuery) (*window, error) {
	if err := checkPeriod(query.Period); err != nil {
		return nil, err
	}
	if !hasClass(query.Source) {
		return nil, fmt.Errorf("the metric %s does not say where the class of responses is: a dimension or the name must hold %s",
			clean(query.Source.Name), classPlaceholder)
	}
	return &window{
		query: query, from: floor(query.From, query.Period), to: query.To,
		counts: make(map[time.Time]*[analysis.Classes]float64),
	}, nil
}

// checkPeriod allows what GetMetricData does: 1, 5, 10, 20, 30 seconds and whole
// minutes.
func checkPeriod(period time.Duration) error {
	short := []time.Duration{time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second}
	if period > 0 && period%time.Minute == 0 || slices.Contains(short, period) {
		return nil
	}
	return fmt.Errorf("CloudWatch has no periods of %s; it has 1, 5, 10, 20 and 30 seconds and whole minutes", period)
}

func hasClass(source engine.MetricSource) bool {
	holds := func(value string) bool { return strings.Contains(value, classPlaceholder) }
	return holds(source.Name) || slices.ContainsFunc(slices.Collect(maps.Values(source.Dimensions)), holds)
}

// floor rounds a time down to a multiple of a period since 1970, as CloudWatch does.
func floor(at time.Time, period time.Duration) time.Time {
	seconds, step := at.Unix(), int64(period/time.Second)
	rest := seconds % step
	if rest < 0 {
		rest += step
	}
	return time.Unix(seconds-rest, 0).UTC()
}

func (w *window) empty() bool { return !w.from.Before(w.to) }

// stat is the metric of one class, 1 to 5, with its placeholders filled in.
func (w *window) stat(class int) *types.MetricStat {
	source, fill := w.query.Source, w.filler(class)
	metric := &types.Metric{
		Namespace: awssdk.String(fill.Replace(source.Namespace)), MetricName: awssdk.String(fill.Replace(source.Name)),
	}
	for _, name := range slices.Sorted(maps.Keys(source.Dimensions)) {
		metric.Dimensions = append(metric.Dimensions, types.Dimension{
			Name: awssdk.String(fill.Replace(name)), Value: awssdk.String(fill.Replace(source.Dimensions[name])),
		})
	}
	seconds := int32(min(w.query.Period/time.Second, math.MaxInt32))
	return &types.MetricStat{Metric: metric, Period: &seconds, Stat: awssdk.String("Sum")}
}

func (w *window) filler(class int) *strings.Replacer {
	service := w.query.Service
	return strings.NewReplacer(
		"{environment}", service.Environment, "{service}", service.Name, "{sha}", w.query.Sha,
		"{version}", service.VersionName(w.query.Sha), classPlaceholder, strconv.Itoa(class),
	)
}

// metric names the metric of a class in a message.
func (w *window) metric(class int) string {
	metric := w.stat(class).Metric
	return clean(awssdk.ToString(metric.Namespace) + " " + awssdk.ToString(metric.MetricName))
}

// add takes the datapoints of one class. What is no count (not a number, negative,
// without end) is dropped, as is what lies outside; the last of two for one period wins.
func (w *window) add(class int, times []time.Time, values []float64) {
	for i := range min(len(times), len(values)) {
		start, value := floor(times[i], w.query.Period), values[i]
		if math.IsNaN(value) || math.IsInf(value, 0) || value < 0 || start.Before(w.from) || !start.Before(w.to) {
			continue
		}
		if w.counts[start] == nil {
			w.counts[start] = new([analysis.Classes]float64)
		}
		w.counts[start][class-1] = value
	}
}

// buckets are the periods with a datapoint, ascending.
func (w *window) buckets() []analysis.Bucket {
	var out []analysis.Bucket
	for _, start := range slices.SortedFunc(maps.Keys(w.counts), time.Time.Compare) {
		out = append(out, analysis.Bucket{Start: start, Counts: *w.counts[start]})
	}
	return out
}

// batch are the windows of one request. The request has one span of time, which covers
// those of all its windows.
type batch struct {
	windows  []*window
	from, to time.Time
}

// batches divides windows into as few requests as GetMetricData's limits allow, without
// changing their order. A window that asks for no time is in none of them.
func batches(windows []*window) []batch {
	var out []batch
	var current batch
	for _, asked := range windows {
		if asked.empty() {
			continue
		}
		grown := current.with(asked)
		if len(current.windows) > 0 && !grown.allowed() {
			out = append(out, current)
			grown = batch{}.with(asked)
		}
		current = grown
	}
	if len(current.windows) > 0 {
		out = append(out, current)
	}
	return out
}

func (b batch) with(asked *window) batch {
	grown := batch{windows: append(slices.Clip(b.windows), asked), from: asked.from, to: asked.to}
	if len(b.windows) > 0 && b.from.Before(grown.from) {
		grown.from = b.from
	}
	if len(b.windows) > 0 && b.to.After(grown.to) {
		grown.to = b.to
	}
	return grown
}

// allowed tells whether the batch is within the limits of one request. Of datapoints a
// single window may ask for more: the rest comes in further pages.
func (b batch) allowed() bool {
	datapoints := 0.0
	for _, asked := range b.windows {
		datapoints += analysis.Classes * math.Ceil(float64(b.to.Sub(b.from))/float64(asked.query.Period))
	}
	return len(b.windows)*analysis.Classes <= queriesPerRequest && datapoints <= datapointsPerRequest
}

func (b batch) input() *cloudwatch.GetMetricDataInput {
	input := &cloudwatch.GetMetricDataInput{
		StartTime: &b.from, EndTime: &b.to, ScanBy: types.ScanByTimestampAscending,
		MaxDatapoints: awssdk.Int32(datapointsPerRequest),
	}
	for i, asked := range b.windows {
		for class := 1; class <= analysis.Classes; class++ {
			input.MetricDataQueries = append(input.MetricDataQueries, types.MetricDataQuery{
				Id: awssdk.String(queryID(i, class)), MetricStat: asked.stat(class), ReturnData: awssdk.Bool(true),
			})
		}
	}
	return input
}

// queryID names the query of one class of one window; CloudWatch wants a lower case
// letter first.
func queryID(index, class int) string { return fmt.Sprintf("w%dc%d", index, class) }

var errNoQuery = errors.New("no query's name")

// find is the window and the class that a query was for.
func (b batch) find(id string) (asked *window, class int, known bool) {
	index, class, err := parseQueryID(id)
	if err != nil || index >= len(b.windows) {
		return nil, 0, false
	}
	return b.windows[index], class, true
}

func parseQueryID(id string) (index, class int, err error) {
	first, second, ok := strings.Cut(strings.TrimPrefix(id, "w"), "c")
	if !ok || !strings.HasPrefix(id, "w") {
		return 0, 0, errNoQuery
	}
	if index, err = strconv.Atoi(first); err != nil || index < 0 {
		return 0, 0, errNoQuery
	}
	if class, err = strconv.Atoi(second); err != nil || class < 1 || class > analysis.Classes {
		return 0, 0, errNoQuery
	}
	return index, class, nil
}
