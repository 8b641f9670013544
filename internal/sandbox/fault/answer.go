package fault

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	formation "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"serin/internal/sandbox/wire"
)

type staleKey struct{}

// mostAnswers bounds what is remembered of one read.
const mostAnswers = 512

// moving are the fields of a read that are others whenever it is asked: with them no read
// would ever be asked again, and none could be stale.
var moving = map[string][]string{
	"monitoring:GetMetricData":       {"StartTime", "EndTime"},
	"monitoring:GetMetricStatistics": {"StartTime", "EndTime"},
}

// answer is what a read was answered, and when.
type answer struct {
	at     time.Time
	output any
}

// Services are the services with handlers that the injector spoils.
func (i *Injector) Services(services []wire.Service) []wire.Service {
	spoiled := slices.Clone(services)
	for n, service := range services {
		operations := make([]wire.Operation, len(service.Operations))
		for m, operation := range service.Operations {
			operations[m] = operation.Inside(i.handler(service.Scope, operation.Name))
		}
		spoiled[n].Operations = operations
	}
	return spoiled
}

// handler spoils what a handler is asked, or answers.
func (i *Injector) handler(scope, name string) func(ctx context.Context, input any, next wire.Next) (any, error) {
	remembers := slices.ContainsFunc(i.plan.Rules, func(rule Rule) bool {
		return rule.Kind == Stale && rule.Target.is(scope, name) && isRead(name)
	})
	return func(ctx context.Context, input any, next wire.Next) (any, error) {
		if create, is := input.(*cloudformation.CreateStackInput); is {
			input = i.created(create)
		}
		output, err := next(ctx, input)
		if err != nil {
			return nil, err
		}
		if data, is := output.(*cloudwatch.GetMetricDataOutput); is {
			output = i.measured(input.(*cloudwatch.GetMetricDataInput), data)
		}
		if remembers {
			rule, stale := ctx.Value(staleKey{}).(Rule)
			return i.remembered(scope+":"+name, input, output, rule, stale), nil
		}
		return output, nil
	}
}

// remembered keeps the answer of a read and gives the one that is to be given.
func (i *Injector) remembered(read string, input, output any, rule Rule, stale bool) any {
	key, err := keyOf(read, input)
	if err != nil {
		return output
	}
	now := time.Now()
	i.mu.Lock()
	defer i.mu.Unlock()
	past := i.past[key]
	given := output
	if stale {
		given = old(past, output, rule, now)
	}
	past = append(past, answer{at: now, output: output})
	i.past[key] = past[max(len(past)-mostAnswers, 0):]
	return given
}

// keyOf is the same for a read whenever it is asked.
func keyOf(read string, input any) (string, error) {
	asked, err := json.Marshal(input)
	if err != nil || moving[read] == nil {
		return read + string(asked), err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(asked, &fields); err != nil {
		return "", err
	}
	for _, name := range moving[read] {
		delete(fields, name)
	}
	asked, err = json.Marshal(fields)
	return read + string(asked), err
}

// old is the answer that a rule makes of past ones; the new one where none is old enough.
func old(past []answer, output any, rule Rule, now time.Time) any {
	if rule.Back > 0 {
		if len(past) < rule.Back {
			return output
		}
		return past[len(past)-rule.Back].output
	}
	for _, before := range slices.Backward(past) {
		if now.Sub(before.at) >= rule.Ago {
			return before.output
		}
	}
	return output
}

// measured spoils the metrics in an answer.
func (i *Injector) measured(asked *cloudwatch.GetMetricDataInput, answered *cloudwatch.GetMetricDataOutput) *cloudwatch.GetMetricDataOutput {
	spoiled := *answered
	spoiled.MetricDataResults = slices.Clone(answered.MetricDataResults)
	for n, result := range spoiled.MetricDataResults {
		names := namesOf(asked.MetricDataQueries, aws.ToString(result.Id))
		rule, found := i.next(strings.Join(names, " "), func(rule Rule) bool {
			return rule.Target.Service == metrics && slices.ContainsFunc(names, func(name string) bool {
				return matches(rule.Target.Name, name)
			})
		})
		if found {
			spoiled.MetricDataResults[n] = mismeasured(rule, result)
		}
	}
	return &spoiled
}

// namesOf are what a metric can be found by.
func namesOf(queries []types.MetricDataQuery, id string) []string {
	for _, query := range queries {
		if aws.ToString(query.Id) != id || query.MetricStat == nil || query.MetricStat.Metric == nil {
			continue
		}
		names := []string{aws.ToString(query.MetricStat.Metric.MetricName)}
		for _, dimension := range query.MetricStat.Metric.Dimensions {
			names = append(names, aws.ToString(dimension.Value))
		}
		return names
	}
	return []string{id}
}

func mismeasured(rule Rule, result types.MetricDataResult) types.MetricDataResult {
	times, values := result.Timestamps, result.Values
	result.Timestamps, result.Values = nil, nil
	keep := func(at time.Time, value float64) {
		result.Timestamps, result.Values = append(result.Timestamps, at), append(result.Values, value)
	}
	if rule.Kind == Partial {
		result.StatusCode = types.StatusCodePartialData
	}
	for n, at := range times {
		switch rule.Kind {
		case Late:
			if time.Since(at) > rule.Ago {
				keep(at, values[n])
			}
		case Partial:
			if n < len(times)/2 {
				keep(at, values[n])
			}
		case Duplicated:
			keep(at, values[n])
			keep(at, values[n])
		case NaN:
			keep(at, math.NaN())
		default:
		}
	}
	return result
}

// created makes a stack roll back that was not asked to.
func (i *Injector) created(asked *cloudformation.CreateStackInput) *cloudformation.CreateStackInput {
	name := aws.ToString(asked.StackName)
	if !slices.ContainsFunc(i.plan.Rules, func(rule Rule) bool {
		return rule.Kind == RollBack && rule.Target.is(stacks, name)
	}) {
		return asked
	}
	changed := *asked
	changed.OnFailure, changed.DisableRollback = formation.OnFailureRollback, nil
	return &changed
}
