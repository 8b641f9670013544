package cloudwatch

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// spareRange is by how many periods an evaluation looks further back than the
// evaluation periods, so that late data do not look like missing ones. The user guide
// shows two for three periods; AWS does not give the rule.
const spareRange = 2

// evaluationInterval is how often an alarm is evaluated: every minute, or every ten
// seconds when its period is shorter (CloudWatch user guide), at the region's pace.
func (s *Service) evaluationInterval(a *alarm) time.Duration {
	interval := time.Minute
	if a.period() < 60 {
		interval = 10 * time.Second
	}
	return s.region.Pace.Scale(interval)
}

func (a *alarm) period() int32 {
	period := aws.ToInt32(a.Period)
	for _, query := range a.Metrics {
		if query.MetricStat != nil {
			period = max(period, *query.MetricStat.Period)
		}
	}
	return period
}

// evaluate brings an alarm's state up to date when an evaluation is due. The service's
// mutex is held.
func (s *Service) evaluate(a *alarm, now time.Time) {
	if now.Before(a.next) {
		return
	}
	a.next = now.Add(s.evaluationInterval(a))
	samples, err := s.watched(a, now)
	if err != nil {
		a.enter(types.StateValueInsufficientData, "Evaluation failed: "+err.Error(), now)
		return
	}
	if state, reason, changed := a.judge(samples); changed {
		a.enter(state, reason, now)
	}
}

// watched are the samples of an alarm's evaluation range. It ends where data are sure
// to be visible.
func (s *Service) watched(a *alarm, now time.Time) ([]sample, error) {
	period := int64(a.period())
	end := now.Add(-s.store.delay).Unix()
	end -= end % period
	start := end - period*int64(*a.EvaluationPeriods+spareRange)
	queries := a.Metrics
	if len(queries) == 0 {
		queries = []types.MetricDataQuery{{Id: aws.String("m"), MetricStat: &types.MetricStat{
			Metric: &types.Metric{Namespace: a.Namespace, MetricName: a.MetricName, Dimensions: a.Dimensions},
			Period: a.Period, Stat: aws.String(string(a.Statistic)), Unit: a.Unit,
		}}}
	}
	e, err := newEvaluation(s.store, now, time.Unix(start, 0), time.Unix(end, 0), queries)
	if err != nil {
		return nil, err
	}
	for _, query := range queries {
		if returns(query) {
			found, err := e.query(*query.Id)
			return found.series.samples, err
		}
	}
	return nil, nil
}

// judge is an alarm's state by the samples of its evaluation range, and false when the
// state stays. It follows the tables of the CloudWatch user guide on missing data: as
// many of the newest samples count as there are evaluation periods; only when there
// are fewer does TreatMissingData say what the others are.
func (a *alarm) judge(samples []sample) (state types.StateValue, reason string, changed bool) {
	periods := int(*a.EvaluationPeriods)
	needed := periods
	if a.DatapointsToAlarm != nil {
		needed = int(*a.DatapointsToAlarm)
	}
	samples = samples[max(0, len(samples)-periods):]
	breaching := 0
	for _, s := range samples {
		if a.breaches(s.value) {
			breaching++
		}
	}
	missing := periods - len(samples)
	treat := aws.ToString(a.TreatMissingData)
	switch {
	case missing == 0, treat == missingIsNotBreaching:
	case treat == missingIsBreaching:
		breaching += missing
	case breaching == len(samples) && breaching < needed && treat == missingIsIgnored:
		return a.StateValue, "", false
	case len(samples) == 0:
		state = types.StateValueInsufficientData
		return state, fmt.Sprintf("Insufficient Data: %d datapoints were unknown.", missing), a.StateValue != state
	case breaching == len(samples):
		needed = min(needed, breaching)
	}
	state = types.StateValueOk
	if breaching >= needed {
		state = types.StateValueAlarm
	}
	return state, a.explain(state, samples, breaching, missing), a.StateValue != state
}

func (a *alarm) breaches(value float64) bool {
	switch a.ComparisonOperator {
	case types.ComparisonOperatorGreaterThanOrEqualToThreshold:
		return value >= *a.Threshold
	case types.ComparisonOperatorGreaterThanThreshold:
		return value > *a.Threshold
	case types.ComparisonOperatorLessThanThreshold:
		return value < *a.Threshold
	default: // LessThanOrEqualToThreshold; PutMetricAlarm takes no other.
		return value <= *a.Threshold
	}
}

// explain is a state's reason in CloudWatch's words.
func (a *alarm) explain(state types.StateValue, samples []sample, breaching, missing int) string {
	var shown []string
	for _, s := range samples {
		at := time.Unix(s.at, 0).UTC().Format("02/01/06 15:04:05")
		shown = append(shown, fmt.Sprintf("%v (%s)", s.value, at))
	}
	if missing > 0 {
		shown = append(shown, fmt.Sprintf("%d missing", missing))
	}
	relation := map[types.ComparisonOperator]string{
		types.ComparisonOperatorGreaterThanOrEqualToThreshold: "greater than or equal to",
		types.ComparisonOperatorGreaterThanThreshold:          "greater than",
		types.ComparisonOperatorLessThanThreshold:             "less than",
		types.ComparisonOperatorLessThanOrEqualToThreshold:    "less than or equal to",
	}[a.ComparisonOperator]
	was, count := "was", breaching
	if state == types.StateValueOk {
		was, count = "was not", int(*a.EvaluationPeriods)-breaching
	}
	return fmt.Sprintf("Threshold Crossed: %d out of the last %d datapoints [%s] %s %s the threshold (%v).",
		count, *a.EvaluationPeriods, strings.Join(shown, ", "), was, relation, *a.Threshold)
}

// enter puts an alarm into a state.
func (a *alarm) enter(state types.StateValue, reason string, now time.Time) {
	now = now.UTC()
	if a.StateValue != state {
		a.StateTransitionedTimestamp = &now
	}
	a.StateValue, a.StateReason, a.StateUpdatedTimestamp = state, &reason, &now
}
