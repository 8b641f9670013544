package aws

import (
	"cmp"
	"errors"
	"fmt"
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
	// caller is whose it is, of those who ask together.
	caller int
	// buckets are the periods with a datapoint, ascending.
	buckets []analysis.Bucket
	// partial are the classes that CloudWatch has more of, a bit each.
	partial uint8
	// err is what is wrong with this window and no other of its request.
	err error
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
	return &window{query: query, from: floor(query.From, query.Period), to: query.To}, nil
}

// restart forgets what was answered, so that it can be asked again, for a caller.
func (w *window) restart(caller int) { w.caller, w.buckets, w.partial, w.err = caller, nil, 0, nil }

// checkPeriod allows what GetMetricData does: 1, 5, 10, 20, 30 seconds and whole
// minutes.
func checkPeriod(period time.Duration) error {
	short := [...]time.Duration{time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second}
	if period > 0 && period%time.Minute == 0 || slices.Contains(short[:], period) {
		return nil
	}
	return fmt.Errorf("CloudWatch has no periods of %s; it has 1, 5, 10, 20 and 30 seconds and whole minutes", period)
}

func hasClass(source engine.MetricSource) bool {
	for _, value := range source.Dimensions {
		if strings.Contains(value, classPlaceholder) {
			return true
		}
	}
	return strings.Contains(source.Name, classPlaceholder)
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

// metrics are those of the classes 1 to 5, with their placeholders filled in. What does not
// depend on the class they share.
func (w *window) metrics() [analysis.Classes]*types.Metric {
	source, fill := w.query.Source, w.placeholders()
	names := make([]string, 0, len(source.Dimensions))
	for name := range source.Dimensions {
		names = append(names, name)
	}
	slices.Sort(names)
	var metrics [analysis.Classes]*types.Metric
	for class := range metrics {
		fill[len(fill)-1].value = classNames[class : class+1]
		metric := &types.Metric{
			Namespace: fill.in(source.Namespace), MetricName: fill.in(source.Name),
			Dimensions: make([]types.Dimension, len(names)),
		}
		for i, name := range names {
			if value := source.Dimensions[name]; class > 0 && !strings.Contains(name+value, classPlaceholder) {
				metric.Dimensions[i] = metrics[0].Dimensions[i]
			} else {
				metric.Dimensions[i] = types.Dimension{Name: fill.in(name), Value: fill.in(value)}
			}
		}
		metrics[class] = metric
	}
	return metrics
}

// classNames are the classes as placeholders are filled with them.
const classNames = "12345"

// placeholders are what stands for something else in a metric source; the last one is the
// class.
type placeholders [5]struct{ name, value string }

func (w *window) placeholders() placeholders {
	service := w.query.Service
	return placeholders{
		{"{environment}", service.Environment},
		{"{service}", service.Name},
		{"{sha}", w.query.Sha},
		{"{version}", service.VersionName(w.query.Sha)},
		{classPlaceholder, ""},
	}
}

// in is a text with its placeholders filled in; what is filled in is not looked at again.
func (p *placeholders) in(text string) *string {
	if !strings.Contains(text, "{") {
		return &text
	}
	var out strings.Builder
	for {
		at := strings.IndexByte(text, '{')
		if at < 0 {
			break
		}
		name, value := p.at(text[at:])
		out.WriteString(text[:at])
		out.WriteString(value)
		text = text[at+len(name):]
	}
	out.WriteString(text)
	filled := out.String()
	return &filled
}

// at is the placeholder that a text begins with, or its brace.
func (p *placeholders) at(text string) (name, value string) {
	for _, one := range p {
		if strings.HasPrefix(text, one.name) {
			return one.name, one.value
		}
	}
	return "{", "{"
}

// metric names the metric of a class in a message.
func (w *window) metric(class int) string {
	metric := w.metrics()[class-1]
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
		at, there := slices.BinarySearchFunc(w.buckets, start, func(one analysis.Bucket, start time.Time) int {
			return one.Start.Compare(start)
		})
		if !there {
			w.buckets = slices.Insert(w.buckets, at, analysis.Bucket{Start: start})
		}
		w.buckets[at].Counts[class-1] = value
	}
}

// batch are the windows of one request. The request has one span of time, which covers
// those of all its windows.
type batch struct {
	windows  []*window
	from, to time.Time
	// least is the shortest span of them.
	least time.Duration
	// turn counts the batches before it that have the same period.
	turn int
}

// pastShared is how many periods more than it asks for a window may be answered with, so
// that it shares a request: a datapoint costs less than a thousandth of a request.
const pastShared = 10

// batches divides windows into few requests, within GetMetricData's limits. Windows share
// one when they have a period in common, as the start of a request is a multiple of it, and
// when none is answered with much more than it asks for: at most as much again, or some
// periods. A window that asks for no time is in none of them.
func batches(windows []*window, now time.Time) []batch {
	asked := make([]*window, 0, len(windows))
	for _, one := range windows {
		if !one.empty() {
			asked = append(asked, one)
		}
	}
	slices.SortStableFunc(asked, func(a, b *window) int {
		return cmp.Or(cmp.Compare(a.query.Period, b.query.Period), b.from.Compare(a.from))
	})
	var out []batch
	for _, one := range asked {
		if last := len(out) - 1; last < 0 || !out[last].take(one, now) {
			fresh := batch{windows: []*window{one}, from: one.from, to: one.to, least: one.span()}
			if last >= 0 && out[last].windows[0].query.Period == one.query.Period {
				fresh.turn = out[last].turn + 1
			}
			out = append(out, fresh)
		}
	}
	slices.SortStableFunc(out, func(a, b batch) int { return cmp.Compare(a.turn, b.turn) })
	return out
}

func (w *window) span() time.Duration { return w.to.Sub(w.from) }

// take adds a window that begins no later than those of the batch, where it fits. Of
// datapoints a single window may ask for more than one request has: the rest comes in
// further pages.
func (b *batch) take(asked *window, now time.Time) bool {
	period := b.windows[0].query.Period
	grown := batch{from: asked.from, to: b.to, least: min(b.least, asked.span())}
	if asked.to.After(grown.to) {
		grown.to = asked.to
	}
	queries, span := (len(b.windows)+1)*analysis.Classes, grown.to.Sub(grown.from)
	datapoints := float64(queries) * math.Ceil(float64(span)/float64(period))
	if asked.query.Period != period || queries > queriesPerRequest || datapoints > datapointsPerRequest ||
		span-grown.least > max(grown.least, pastShared*period) || storedAs(b.from, now) != storedAs(asked.from, now) {
		return false
	}
	b.windows, b.from, b.to, b.least = append(b.windows, asked), grown.from, grown.to, grown.least
	return true
}

// storedAs is the finest period that CloudWatch still has of a time: it keeps periods below
// a minute for 3 hours, minutes for 15 days and five minutes for 63 (API reference of
// GetMetricData, MetricStat.Period). A request that starts earlier is answered with none of
// the finer ones.
func storedAs(at, now time.Time) time.Duration {
	const day = 24 * time.Hour
	switch age := now.Sub(at); {
	case age < 3*time.Hour:
		return time.Second
	case age < 15*day:
		return time.Minute
	case age < 63*day:
		return 5 * time.Minute
	default:
		return time.Hour
	}
}

func (b *batch) input() *cloudwatch.GetMetricDataInput {
	seconds := int32(min(b.windows[0].query.Period/time.Second, math.MaxInt32))
	statistic, wanted := "Sum", true
	queries := make([]types.MetricDataQuery, 0, len(b.windows)*analysis.Classes)
	for i, asked := range b.windows {
		for class, metric := range asked.metrics() {
			id := queryID(i, class+1)
			queries = append(queries, types.MetricDataQuery{
				Id: &id, MetricStat: &types.MetricStat{Metric: metric, Period: &seconds, Stat: &statistic}, ReturnData: &wanted,
			})
		}
	}
	return &cloudwatch.GetMetricDataInput{
		StartTime: &b.from, EndTime: &b.to, ScanBy: types.ScanByTimestampAscending,
		MaxDatapoints: awssdk.Int32(datapointsPerRequest), MetricDataQueries: queries,
	}
}

// queryID names the query of one class of one window; CloudWatch wants a lower case
// letter first.
func queryID(index, class int) string {
	id := strconv.AppendInt(append(make([]byte, 0, 8), 'w'), int64(index), 10)
	return string(strconv.AppendInt(append(id, 'c'), int64(class), 10))
}

var errNoQuery = errors.New("no query's name")

// find is the window and the class that a query was for.
func (b *batch) find(id string) (asked *window, class int, known bool) {
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
