package cloudwatch

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// evaluation works out the queries of one request. It is used by one goroutine.
type evaluation struct {
	store      *store
	now        time.Time
	start, end time.Time
	queries    map[string]types.MetricDataQuery
	found      map[string]operand
	// within are the queries that are being worked out, to find circles.
	within map[string]bool
}

func newEvaluation(
	s *store, now, start, end time.Time, queries []types.MetricDataQuery,
) (*evaluation, error) {
	e := &evaluation{
		store: s, now: now, start: start, end: end,
		queries: make(map[string]types.MetricDataQuery, len(queries)),
		found:   make(map[string]operand, len(queries)),
		within:  make(map[string]bool),
	}
	for _, query := range queries {
		if err := checkQuery(query); err != nil {
			return nil, err
		}
		if _, twice := e.queries[*query.Id]; twice {
			return nil, validationError("The values for parameter id in MetricDataQueries are not unique.")
		}
		e.queries[*query.Id] = query
	}
	return e, nil
}

func checkQuery(query types.MetricDataQuery) error {
	if query.Id == nil || !queryID().MatchString(*query.Id) {
		return validationError("The value for parameter MetricDataQueries.member.N.Id must match %s.", queryID())
	}
	if (query.MetricStat == nil) == (query.Expression == nil) {
		return validationError("The query '%s' must have either MetricStat or Expression.", *query.Id)
	}
	if query.Expression != nil {
		return nil
	}
	return checkMetricStat(query.MetricStat)
}

func checkMetricStat(stat *types.MetricStat) error {
	if stat.Metric == nil || stat.Metric.Namespace == nil || stat.Metric.MetricName == nil {
		return missingParameter("MetricDataQueries.member.N.MetricStat.Metric")
	}
	if stat.Stat == nil {
		return missingParameter("MetricDataQueries.member.N.MetricStat.Stat")
	}
	if _, err := dimensionsOf(stat.Metric.Dimensions); err != nil {
		return err
	}
	if err := checkStatistic(*stat.Stat); err != nil {
		return err
	}
	return checkPeriod(stat.Period)
}

// query is what a query comes to; an expression may name any other.
func (e *evaluation) query(id string) (operand, error) {
	if found, done := e.found[id]; done {
		return found, nil
	}
	query, known := e.queries[id]
	if !known {
		return operand{}, validationError("The expression names '%s', which is no query of this request.", id)
	}
	if e.within[id] {
		return operand{}, validationError("The query '%s' depends on itself.", id)
	}
	e.within[id] = true
	defer delete(e.within, id)
	var found operand
	var err error
	if query.MetricStat != nil {
		found, err = e.metric(query.MetricStat)
	} else {
		found, err = e.expression(*query.Expression)
	}
	if err != nil {
		return operand{}, err
	}
	e.found[id] = found
	return found, nil
}

func (e *evaluation) metric(stat *types.MetricStat) (operand, error) {
	dimensions, err := dimensionsOf(stat.Metric.Dimensions)
	if err != nil {
		return operand{}, err
	}
	w := windowOf(e.start, e.end, *stat.Period, stat.Unit)
	series := timeSeries{period: w.period, start: w.start, end: w.end}
	if data := e.store.lookup(*stat.Metric.Namespace, *stat.Metric.MetricName, dimensions); data != nil {
		for _, point := range data.points(e.now, w) {
			value := point.statistics.of(types.Statistic(*stat.Stat))
			series.samples = append(series.samples, sample{point.at, value})
		}
	}
	return operand{kind: kindSeries, series: series}, nil
}

// windowOf is the window of a request: its start is rounded down to the period, which
// covers the rounding to a whole minute of the API reference; its end is exclusive.
func windowOf(start, end time.Time, period int32, unit types.StandardUnit) window {
	w := window{start: start.Unix(), end: end.Add(time.Second - 1).Unix(), period: int64(period), unit: string(unit)}
	w.start -= ((w.start % w.period) + w.period) % w.period
	return w
}
