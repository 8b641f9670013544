package cloudwatch

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"serin/internal/sandbox/clone"
)

// Limits of alarms (CloudWatch API reference).
const (
	maxAlarmNames   = 100
	maxAlarmRecords = 100
	alarmRecords    = 50
	maxAlarmRange   = 7 * 24 * 60 * 60
)

// alarm is a metric alarm and when it is evaluated next. The service's mutex guards it.
type alarm struct {
	types.MetricAlarm
	next time.Time
}

// PutMetricAlarm makes an alarm, or replaces the one of its name, whose state stays.
func (s *Service) PutMetricAlarm(
	_ context.Context, in *cloudwatch.PutMetricAlarmInput,
) (*cloudwatch.PutMetricAlarmOutput, error) {
	if err := checkAlarm(in); err != nil {
		return nil, err
	}
	made := alarmOf(clone.Of(*in))
	made.AlarmArn = aws.String(s.region.ARN("cloudwatch", "alarm:"+*in.AlarmName))
	now := time.Now().UTC()
	made.AlarmConfigurationUpdatedTimestamp = &now
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, exists := s.alarms[*in.AlarmName]; exists {
		made.StateValue, made.StateReason = old.StateValue, old.StateReason
		made.StateUpdatedTimestamp, made.StateTransitionedTimestamp = old.StateUpdatedTimestamp, old.StateTransitionedTimestamp
	} else {
		made.StateValue = types.StateValueInsufficientData
		made.StateReason = aws.String("Unchecked: Initial alarm creation")
		made.StateUpdatedTimestamp, made.StateTransitionedTimestamp = &now, &now
	}
	s.alarms[*in.AlarmName] = &alarm{MetricAlarm: made}
	return &cloudwatch.PutMetricAlarmOutput{}, nil
}

func alarmOf(in cloudwatch.PutMetricAlarmInput) types.MetricAlarm {
	if in.ActionsEnabled == nil {
		in.ActionsEnabled = aws.Bool(true)
	}
	return types.MetricAlarm{
		ActionsEnabled: in.ActionsEnabled, AlarmActions: in.AlarmActions,
		AlarmDescription: in.AlarmDescription, AlarmName: in.AlarmName,
		ComparisonOperator: in.ComparisonOperator, DatapointsToAlarm: in.DatapointsToAlarm,
		Dimensions: in.Dimensions, EvaluationPeriods: in.EvaluationPeriods,
		InsufficientDataActions: in.InsufficientDataActions, MetricName: in.MetricName,
		Metrics: in.Metrics, Namespace: in.Namespace, OKActions: in.OKActions,
		Period: in.Period, Statistic: in.Statistic, Threshold: in.Threshold,
		TreatMissingData: in.TreatMissingData, Unit: in.Unit,
	}
}

// DescribeAlarms lists alarms by name, with their states of now.
func (s *Service) DescribeAlarms(
	_ context.Context, in *cloudwatch.DescribeAlarmsInput,
) (*cloudwatch.DescribeAlarmsOutput, error) {
	limit, err := checkDescribe(in)
	if err != nil {
		return nil, err
	}
	c, err := resume(in.NextToken,
		digestOf(in.AlarmNames, in.AlarmNamePrefix, in.ActionPrefix, in.StateValue, in.AlarmTypes))
	if err != nil {
		return nil, err
	}
	out := &cloudwatch.DescribeAlarmsOutput{MetricAlarms: []types.MetricAlarm{}}
	found := s.matching(time.Now(), in)
	found = found[min(c.Offset, len(found)):]
	if len(found) > limit {
		found = found[:limit]
		c.Offset += limit
		out.NextToken = c.token()
	}
	out.MetricAlarms = append(out.MetricAlarms, found...)
	return out, nil
}

func checkDescribe(in *cloudwatch.DescribeAlarmsInput) (limit int, err error) {
	if len(in.AlarmNames) > maxAlarmNames {
		return 0, validationError("The collection AlarmNames must not have a size greater than %d.", maxAlarmNames)
	}
	if len(in.AlarmNames) > 0 && in.AlarmNamePrefix != nil {
		return 0, validationError("AlarmNamePrefix and AlarmNames are mutually exclusive.")
	}
	if in.StateValue != "" && !slices.Contains(in.StateValue.Values(), in.StateValue) {
		return 0, validationError("The value '%s' for parameter StateValue is invalid.", in.StateValue)
	}
	if in.MaxRecords == nil {
		return alarmRecords, nil
	}
	if *in.MaxRecords < 1 || *in.MaxRecords > maxAlarmRecords {
		return 0, validationError("The parameter MaxRecords must be between 1 and %d.", maxAlarmRecords)
	}
	return int(*in.MaxRecords), nil
}

// matching are copies of the alarms that a description asks for, evaluated.
func (s *Service) matching(now time.Time, in *cloudwatch.DescribeAlarmsInput) []types.MetricAlarm {
	if len(in.AlarmTypes) > 0 && !slices.Contains(in.AlarmTypes, types.AlarmTypeMetricAlarm) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []types.MetricAlarm
	for name, a := range s.alarms {
		named := len(in.AlarmNames) == 0 || slices.Contains(in.AlarmNames, name)
		if !named || !strings.HasPrefix(name, aws.ToString(in.AlarmNamePrefix)) || !a.acts(in.ActionPrefix) {
			continue
		}
		s.evaluate(a, now)
		if in.StateValue == "" || in.StateValue == a.StateValue {
			found = append(found, clone.Of(a.MetricAlarm))
		}
	}
	slices.SortFunc(found, func(a, b types.MetricAlarm) int { return strings.Compare(*a.AlarmName, *b.AlarmName) })
	return found
}

// acts reports whether any of an alarm's actions begins with a prefix.
func (a *alarm) acts(prefix *string) bool {
	if prefix == nil {
		return true
	}
	actions := slices.Concat(a.AlarmActions, a.OKActions, a.InsufficientDataActions)
	return slices.ContainsFunc(actions, func(action string) bool { return strings.HasPrefix(action, *prefix) })
}

// SetAlarmState sets an alarm's state until it is evaluated next.
func (s *Service) SetAlarmState(
	_ context.Context, in *cloudwatch.SetAlarmStateInput,
) (*cloudwatch.SetAlarmStateOutput, error) {
	switch {
	case in.AlarmName == nil:
		return nil, missingParameter("AlarmName")
	case in.StateReason == nil:
		return nil, missingParameter("StateReason")
	case !slices.Contains(in.StateValue.Values(), in.StateValue):
		return nil, validationError("The value '%s' for parameter StateValue is invalid.", in.StateValue)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, exists := s.alarms[*in.AlarmName]
	if !exists {
		return nil, &types.ResourceNotFound{Message: aws.String("Alarm " + *in.AlarmName + " does not exist")}
	}
	now := time.Now()
	a.enter(in.StateValue, *in.StateReason, now)
	a.next = now.Add(s.evaluationInterval(a))
	return &cloudwatch.SetAlarmStateOutput{}, nil
}

// DeleteAlarms deletes up to 100 alarms; names that do not exist are passed over.
func (s *Service) DeleteAlarms(
	_ context.Context, in *cloudwatch.DeleteAlarmsInput,
) (*cloudwatch.DeleteAlarmsOutput, error) {
	if in.AlarmNames == nil {
		return nil, missingParameter("AlarmNames")
	}
	if len(in.AlarmNames) > maxAlarmNames {
		return nil, validationError("The collection AlarmNames must not have a size greater than %d.", maxAlarmNames)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range in.AlarmNames {
		delete(s.alarms, name)
	}
	return &cloudwatch.DeleteAlarmsOutput{}, nil
}
