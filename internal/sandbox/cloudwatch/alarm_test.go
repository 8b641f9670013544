package cloudwatch

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// TestMissingData has the rows of the two tables of the CloudWatch user guide,
// "Configuring how alarms treat missing data": an evaluation range of five, of which
// three periods count.
func TestMissingData(t *testing.T) {
	const retained = "retained"
	for _, c := range []struct {
		needed                                int32
		samples                               string
		missing, ignore, breaching, notBreach string
	}{
		{3, "0-X-X", "OK", "OK", "OK", "OK"},
		{3, "0----", "OK", "OK", "OK", "OK"},
		{3, "-----", "INSUFFICIENT_DATA", retained, "ALARM", "OK"},
		{3, "0XX-X", "ALARM", "ALARM", "ALARM", "ALARM"},
		{3, "--X--", "ALARM", retained, "ALARM", "OK"},
		{2, "0-X-X", "ALARM", "ALARM", "ALARM", "ALARM"},
		{2, "00X0X", "ALARM", "ALARM", "ALARM", "ALARM"},
		{2, "0-X--", "OK", "OK", "ALARM", "OK"},
		{2, "----0", "OK", "OK", "ALARM", "OK"},
		{2, "---X-", "ALARM", retained, "ALARM", "OK"},
	} {
		for treat, want := range map[string]string{
			"missing": c.missing, "ignore": c.ignore, "breaching": c.breaching, "notBreaching": c.notBreach,
		} {
			a := &alarm{MetricAlarm: types.MetricAlarm{
				EvaluationPeriods: aws.Int32(3), DatapointsToAlarm: aws.Int32(c.needed),
				ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold, Threshold: aws.Float64(0.5),
				TreatMissingData: aws.String(treat), StateValue: retained,
			}}
			var samples []sample
			for i, r := range c.samples {
				if r != '-' {
					samples = append(samples, sample{int64(60 * i), map[rune]float64{'0': 0, 'X': 1}[r]})
				}
			}
			state, _, changed := a.judge(samples)
			if !changed {
				state = retained
			}
			if string(state) != want {
				t.Errorf("%s, %d to alarm, %s: got %s, want %s", c.samples, c.needed, treat, state, want)
			}
		}
	}
}

func TestAlarmFollowsItsMetric(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(time.Minute)
		in := &cloudwatch.PutMetricAlarmInput{
			AlarmName: aws.String("errors"), Namespace: aws.String(namespace), MetricName: aws.String(requests),
			Dimensions: listed(node("a", "5")), Statistic: types.StatisticSum, Period: aws.Int32(60),
			EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1),
			ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold, TreatMissingData: aws.String("notBreaching"),
		}
		if _, err := s.PutMetricAlarm(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		expectState(t, s, types.StateValueOk)
		s.Record(namespace, requests, node("a", "5"), time.Now(), 2)
		time.Sleep(time.Minute)
		expectState(t, s, types.StateValueOk)
		time.Sleep(2 * time.Minute)
		alarm := expectState(t, s, types.StateValueAlarm)
		if !strings.HasPrefix(*alarm.StateReason, "Threshold Crossed: 1 out of the last 1 datapoints [2 (") {
			t.Errorf("reason %q", *alarm.StateReason)
		}
		s.Record(namespace, requests, node("a", "5"), time.Now(), 0)
		time.Sleep(4 * time.Minute)
		expectState(t, s, types.StateValueOk)
	})
}

func TestAlarmOnMathStaysUntilItsNextEvaluation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(0)
		good, bad := stat("good", node("a", "2"), "Sum", 60), stat("bad", node("a", "5"), "Sum", 60)
		good.ReturnData, bad.ReturnData = aws.Bool(false), aws.Bool(false)
		in := &cloudwatch.PutMetricAlarmInput{
			AlarmName: aws.String("errors"), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(5),
			ComparisonOperator: types.ComparisonOperatorGreaterThanOrEqualToThreshold,
			Metrics:            []types.MetricDataQuery{good, bad, calculation("rate", "100 * FILL(bad, 0) / (good + FILL(bad, 0))")},
		}
		if _, err := s.PutMetricAlarm(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		s.Record(namespace, requests, node("a", "2"), time.Now(), 90)
		s.Record(namespace, requests, node("a", "5"), time.Now(), 10)
		time.Sleep(time.Minute)
		expectState(t, s, types.StateValueAlarm)
		if _, err := s.SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{
			AlarmName: aws.String("errors"), StateValue: types.StateValueOk, StateReason: aws.String("a test"),
		}); err != nil {
			t.Fatal(err)
		}
		expectState(t, s, types.StateValueOk)
		time.Sleep(time.Minute)
		expectState(t, s, types.StateValueAlarm)
		if _, err := s.DeleteAlarms(t.Context(), &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{"errors", "none"}}); err != nil {
			t.Fatal(err)
		}
		if out, err := s.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{}); err != nil || len(out.MetricAlarms) != 0 {
			t.Errorf("after deletion: %v, %v", out, err)
		}
	})
}

func expectState(t *testing.T, s *Service, want types.StateValue) types.MetricAlarm {
	t.Helper()
	out, err := s.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"errors"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.MetricAlarms) != 1 || out.MetricAlarms[0].StateValue != want {
		t.Fatalf("got %+v, want one alarm in %s", out.MetricAlarms, want)
	}
	return out.MetricAlarms[0]
}

func TestAlarmsThatAreRefused(t *testing.T) {
	s := newService(0)
	for name, change := range map[string]func(*cloudwatch.PutMetricAlarmInput){
		"no name":            func(in *cloudwatch.PutMetricAlarmInput) { in.AlarmName = nil },
		"no threshold":       func(in *cloudwatch.PutMetricAlarmInput) { in.Threshold = nil },
		"no periods":         func(in *cloudwatch.PutMetricAlarmInput) { in.EvaluationPeriods = nil },
		"more than periods":  func(in *cloudwatch.PutMetricAlarmInput) { in.DatapointsToAlarm = aws.Int32(2) },
		"anomaly comparison": func(in *cloudwatch.PutMetricAlarmInput) { in.ComparisonOperator = "GreaterThanUpperThreshold" },
		"missing treatment":  func(in *cloudwatch.PutMetricAlarmInput) { in.TreatMissingData = aws.String("bad") },
		"metric and queries": func(in *cloudwatch.PutMetricAlarmInput) {
			in.Metrics = []types.MetricDataQuery{stat("m", nil, "Sum", 60)}
		},
		"longer than a week": func(in *cloudwatch.PutMetricAlarmInput) { in.EvaluationPeriods = aws.Int32(10081) },
		"percentile":         func(in *cloudwatch.PutMetricAlarmInput) { in.ExtendedStatistic = aws.String("p99") },
	} {
		in := &cloudwatch.PutMetricAlarmInput{
			AlarmName: aws.String("a"), Namespace: aws.String("n"), MetricName: aws.String("m"),
			Statistic: types.StatisticSum, Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1),
			Threshold: aws.Float64(1), ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold,
		}
		if _, err := s.PutMetricAlarm(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		change(in)
		if _, err := s.PutMetricAlarm(t.Context(), in); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
