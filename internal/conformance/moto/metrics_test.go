package moto

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
)

func metricBehaviours() []behaviour {
	return []behaviour{
		{"a version that nobody asked has no responses", func(ctx context.Context, w world) error {
			return w.expectBuckets(ctx, stable, nil)
		}},
		{"responses are counted by minute and class", responsesAreCounted},
		{"the first minute is asked for, and the end is not", spanIsHalfOpen},
		{"responses of versions are told apart", versionsAreToldApart},
		{"responses of another namespace are not counted", namespacesAreToldApart},
		{"responses of more than one page are all there", pagesAreWhole},
		{"alarms have states and reasons", alarmsHaveStates},
		{"an alarm that is not there is not found", func(ctx context.Context, w world) error {
			_, err := w.ports.Alarms.Alarms(ctx, []string{w.service.Environment + "-none"})
			return wantKind(err, engine.NotFound)
		}},
	}
}

// ago is a whole minute, some minutes before the behaviour is tried.
func (w world) ago(minutes int) time.Time {
	return w.now.UTC().Truncate(time.Minute).Add(-time.Duration(minutes) * time.Minute)
}

// count is responses of one class, at some second of a minute.
type count struct {
	sha    string
	at     time.Time
	class  int
	number float64
}

// put puts counts into a namespace, as the agent beside Envoy does.
func (w world) put(ctx context.Context, namespace string, counts ...count) error {
	var data []types.MetricDatum
	for _, c := range counts {
		data = append(data, types.MetricDatum{
			MetricName: awssdk.String(w.service.Environment + "-responses"), Timestamp: &c.at, Value: &c.number,
			Dimensions: []types.Dimension{
				{Name: awssdk.String("class"), Value: awssdk.String(strconv.Itoa(c.class))},
				{Name: awssdk.String("node"), Value: awssdk.String(w.service.VersionName(c.sha))},
			},
		})
	}
	_, err := w.clients.CloudWatch.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: &namespace, MetricData: data})
	return err
}

// query is for all that a version answered in the last minutes.
func (w world) query(sha string) engine.ResponseQuery {
	return engine.ResponseQuery{
		Service: w.service, Sha: sha, From: w.ago(20), To: w.ago(0), Period: time.Minute,
		Source: engine.MetricSource{
			Namespace: "{environment}", Name: "{environment}-responses",
			Dimensions: map[string]string{"class": "{class}", "node": "{version}"},
		},
	}
}

func (w world) expect(ctx context.Context, query engine.ResponseQuery, want []analysis.Bucket) error {
	answers, err := w.ports.Metrics.Responses(ctx, []engine.ResponseQuery{query})
	if err != nil {
		return err
	}
	if got := answers[0].Buckets; !reflect.DeepEqual(got, want) {
		return fmt.Errorf("got %+v, want %+v", got, want)
	}
	return nil
}

func (w world) expectBuckets(ctx context.Context, sha string, want []analysis.Bucket) error {
	return w.expect(ctx, w.query(sha), want)
}

func responsesAreCounted(ctx context.Context, w world) error {
	if err := w.put(ctx, w.service.Environment,
		count{stable, w.ago(9).Add(5 * time.Second), 2, 10}, count{stable, w.ago(9).Add(40 * time.Second), 2, 5},
		count{stable, w.ago(9).Add(40 * time.Second), 5, 1}, count{stable, w.ago(7), 2, 3},
	); err != nil {
		return err
	}
	return w.expectBuckets(ctx, stable, []analysis.Bucket{
		{Start: w.ago(9), Counts: [analysis.Classes]float64{1: 15, 4: 1}},
		{Start: w.ago(7), Counts: [analysis.Classes]float64{1: 3}},
	})
}

func spanIsHalfOpen(ctx context.Context, w world) error {
	if err := w.put(ctx, w.service.Environment,
		count{stable, w.ago(9), 2, 9}, count{stable, w.ago(8), 2, 8}, count{stable, w.ago(7), 2, 7}, count{stable, w.ago(6), 2, 6},
	); err != nil {
		return err
	}
	query := w.query(stable)
	query.From, query.To = w.ago(8).Add(30*time.Second), w.ago(6)
	return w.expect(ctx, query, []analysis.Bucket{
		{Start: w.ago(8), Counts: [analysis.Classes]float64{1: 8}},
		{Start: w.ago(7), Counts: [analysis.Classes]float64{1: 7}},
	})
}

func versionsAreToldApart(ctx context.Context, w world) error {
	if err := w.put(ctx, w.service.Environment, count{stable, w.ago(9), 2, 10}, count{canary, w.ago(9), 5, 4}); err != nil {
		return err
	}
	if err := w.expectBuckets(ctx, canary, []analysis.Bucket{{Start: w.ago(9), Counts: [analysis.Classes]float64{4: 4}}}); err != nil {
		return err
	}
	return w.expectBuckets(ctx, stable, []analysis.Bucket{{Start: w.ago(9), Counts: [analysis.Classes]float64{1: 10}}})
}

func namespacesAreToldApart(ctx context.Context, w world) error {
	if err := w.put(ctx, "other-"+w.service.Environment, count{stable, w.ago(9), 2, 10}); err != nil {
		return err
	}
	return w.expectBuckets(ctx, stable, nil)
}

// pagesAreWhole asks for more classes of versions than one request may have.
func pagesAreWhole(ctx context.Context, w world) error {
	if err := w.put(ctx, w.service.Environment, count{canary, w.ago(9), 2, 4}); err != nil {
		return err
	}
	queries := make([]engine.ResponseQuery, 120)
	for i := range queries {
		queries[i] = w.query(fmt.Sprintf("%08x", i))
	}
	last := len(queries) - 1
	queries[last] = w.query(canary)
	answers, err := w.ports.Metrics.Responses(ctx, queries)
	if err != nil {
		return err
	}
	for i, answer := range answers {
		if (len(answer.Buckets) > 0) != (i == last) {
			return fmt.Errorf("answer %d of %d is %+v", i, len(answers), answer)
		}
	}
	return nil
}

func (w world) makeAlarm(ctx context.Context, name string) error {
	_, err := w.clients.CloudWatch.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
		AlarmName: &name, Namespace: &w.service.Environment, MetricName: awssdk.String("responses"), Statistic: types.StatisticSum,
		Period: awssdk.Int32(60), EvaluationPeriods: awssdk.Int32(1), Threshold: awssdk.Float64(1),
		ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold, TreatMissingData: awssdk.String("ignore"),
	})
	return err
}

func alarmsHaveStates(ctx context.Context, w world) error {
	names := []string{w.service.Environment + "-b", w.service.Environment + "-a"}
	for _, name := range names {
		if err := w.makeAlarm(ctx, name); err != nil {
			return err
		}
	}
	if _, err := w.clients.CloudWatch.SetAlarmState(ctx, &cloudwatch.SetAlarmStateInput{
		AlarmName: &names[0], StateValue: types.StateValueAlarm, StateReason: awssdk.String("too many"),
	}); err != nil {
		return err
	}
	alarms, err := w.ports.Alarms.Alarms(ctx, names)
	if err != nil {
		return err
	}
	if alarms[0].Name != names[0] || !alarms[0].Firing || alarms[0].Reason != "too many" || alarms[1].Name != names[1] || alarms[1].Firing {
		return fmt.Errorf("they are %+v", alarms)
	}
	return nil
}
