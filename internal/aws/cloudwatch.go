package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"serin/internal/engine"
)

// MetricAPI is what Metrics need of CloudWatch.
type MetricAPI interface {
	GetMetricData(context.Context, *cloudwatch.GetMetricDataInput, ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error)
	DescribeAlarms(context.Context, *cloudwatch.DescribeAlarmsInput, ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error)
}

// Metrics are response counts and alarms of CloudWatch.
type Metrics struct {
	api   MetricAPI
	where Where
	asked gathering[[]*window]
}

var (
	_ engine.Metrics = (*Metrics)(nil)
	_ engine.Alarms  = (*Metrics)(nil)
	_ MetricAPI      = (*cloudwatch.Client)(nil)
)

// NewMetrics are the metrics of one account and region.
func NewMetrics(api MetricAPI, where Where) *Metrics {
	m := &Metrics{api: api, where: where}
	m.asked = gathering[[]*window]{window: metricsGathered, read: m.readAll, shared: where.isCommon}
	return m
}

// metricsGathered is for how long calls for responses are gathered. A rollout reads them
// three times a period, and they are two minutes late, so that most of a second is not
// missed; and it is less than the second that a rollout's readings are apart at least.
const metricsGathered = 800 * time.Millisecond

const metricsTarget = "the response counts in CloudWatch"

// Responses answers every query; see engine.Metrics. The counts of the five classes of
// all versions are asked for together, 500 of them a request, and together with those that
// others ask for at about the same time. A class without a datapoint in a period where
// another class has one counts 0 there, because Envoy reports what it counted; a period
// without any has no bucket.
func (m *Metrics) Responses(ctx context.Context, queries []engine.ResponseQuery) ([]engine.Responses, error) {
	windows, wanted := make([]*window, len(queries)), false
	for i, query := range queries {
		asked, err := newWindow(query)
		if err != nil {
			return nil, refuse("read", metricsTarget, engine.Invalid, "", "%w", err)
		}
		windows[i], wanted = asked, wanted || !asked.empty()
	}
	if wanted {
		service := queries[0].Service
		if err := m.asked.ask(ctx, service.Environment+"/"+service.Name, windows); err != nil {
			return nil, m.where.fault(ctx, "read", metricsTarget, err)
		}
	}
	now := time.Now()
	answers := make([]engine.Responses, len(queries))
	for i, asked := range windows {
		if asked.err != nil {
			return nil, asked.err
		}
		answers[i] = engine.Responses{Sha: queries[i].Sha, Buckets: asked.buckets, ReadAt: now}
	}
	return answers, nil
}

// ask sends one batch and reads all its pages.
func (m *Metrics) ask(ctx context.Context, batch batch) error {
	input := batch.input()
	pages := newPages()
	for {
		out, err := m.api.GetMetricData(ctx, input)
		if err != nil {
			return err
		}
		for i := range out.MetricDataResults {
			if err := take(&batch, &out.MetricDataResults[i]); err != nil {
				return err
			}
		}
		if awssdk.ToString(out.NextToken) == "" {
			batch.complete()
			return nil
		}
		if err := pages.next(*out.NextToken); err != nil {
			return err
		}
		input.NextToken = out.NextToken
	}
}

// take adds one result to the window that asked for it.
func take(batch *batch, result *types.MetricDataResult) error {
	id := awssdk.ToString(result.Id)
	asked, class, known := batch.find(id)
	if !known {
		return fmt.Errorf("CloudWatch answered a question that was not asked (%q)", clean(id))
	}
	switch result.StatusCode {
	case types.StatusCodeForbidden:
		asked.err = refuse("read", metricsTarget, engine.Denied,
			"allow cloudwatch:GetMetricData in the policy of these credentials, or use a role that may",
			"CloudWatch refuses to show the metric %s%s", asked.metric(class), messagesOf(result))
		return nil
	case types.StatusCodeInternalError:
		asked.err = refuse("read", metricsTarget, engine.Transient, "",
			"CloudWatch could not read the metric %s%s", asked.metric(class), messagesOf(result))
		return nil
	case types.StatusCodePartialData:
		asked.partial |= 1 << class
	default:
		asked.partial &^= 1 << class
	}
	asked.add(class, result.Timestamps, result.Values)
	return nil
}

// complete marks the windows of which the last page still says that there is more.
func (b *batch) complete() {
	for _, asked := range b.windows {
		if asked.partial != 0 && asked.err == nil {
			asked.err = refuse("read", metricsTarget, engine.Transient, "", "CloudWatch answered with a part of the data only")
		}
	}
}

func messagesOf(result *types.MetricDataResult) string {
	var said strings.Builder
	for _, message := range result.Messages {
		said.WriteString(": " + text(message.Value))
	}
	return said.String()
}

// alarmsPerRequest is how many names DescribeAlarms takes (API reference, AlarmNames).
const alarmsPerRequest = 100

// Alarms reads metric, composite and log alarms; see engine.Alarms.
func (m *Metrics) Alarms(ctx context.Context, names []string) ([]engine.Alarm, error) {
	known := make(map[string]engine.Alarm, len(names))
	for part := range slices.Chunk(unique(names), alarmsPerRequest) {
		if err := m.describeAlarms(ctx, part, known); err != nil {
			return nil, m.where.fault(ctx, "read", "the alarms", err)
		}
	}
	alarms := make([]engine.Alarm, len(names))
	var missing []string
	for i, name := range names {
		alarm, there := known[name]
		if !there {
			missing = append(missing, clean(name))
		}
		alarms[i] = alarm
	}
	if len(missing) > 0 {
		return nil, refuse("read", "the alarms", engine.NotFound,
			"correct Alarms in deploy.json, or make the alarm in "+m.where.Region,
			"there is no alarm %s", list(unique(missing)))
	}
	return alarms, nil
}

func (m *Metrics) describeAlarms(ctx context.Context, names []string, known map[string]engine.Alarm) error {
	input := &cloudwatch.DescribeAlarmsInput{
		AlarmNames: names, MaxRecords: awssdk.Int32(alarmsPerRequest),
		AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm, types.AlarmTypeLogAlarm},
	}
	pages := newPages()
	for {
		out, err := m.api.DescribeAlarms(ctx, input)
		if err != nil {
			return err
		}
		note(known, out, time.Now())
		if awssdk.ToString(out.NextToken) == "" {
			return nil
		}
		if err := pages.next(*out.NextToken); err != nil {
			return err
		}
		input.NextToken = out.NextToken
	}
}

// note keeps the alarms of a page, of whatever type.
func note(known map[string]engine.Alarm, out *cloudwatch.DescribeAlarmsOutput, now time.Time) {
	keep := func(name *string, state types.StateValue, reason *string) {
		known[awssdk.ToString(name)] = engine.Alarm{
			Name: text(name), Firing: state == types.StateValueAlarm,
			State: clean(string(state)), Reason: text(reason), ReadAt: now,
		}
	}
	for _, alarm := range out.MetricAlarms {
		keep(alarm.AlarmName, alarm.StateValue, alarm.StateReason)
	}
	for _, alarm := range out.CompositeAlarms {
		keep(alarm.AlarmName, alarm.StateValue, alarm.StateReason)
	}
	for _, alarm := range out.LogAlarms {
		keep(alarm.AlarmName, alarm.StateValue, alarm.StateReason)
	}
}

// unique are names without repetitions, in their order.
func unique(names []string) []string {
	seen, out := make(map[string]bool, len(names)), make([]string, 0, len(names))
	for _, name := range names {
		if !seen[name] {
			seen[name], out = true, append(out, name)
		}
	}
	return out
}
