package trials

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cloudformationtypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"serin/internal/engine"
	"serin/internal/headless"
	"serin/internal/journal"
)

// hand is what someone else does to the region.
type hand struct {
	// set are settings of the spec, first is done before the rollout begins.
	set   []string
	first func(ctx context.Context, w *witness) error
	do    func(ctx context.Context, w *witness) error
	// outcome is how the unattended driver ends, words what it says then.
	outcome engine.Outcome
	words   string
	// end is how the rollout ends when a person then has it rolled back; empty where it
	// has ended already.
	end engine.Outcome
}

// reroute changes the specification of the route.
func reroute(change func(w *witness, spec *types.RouteSpec)) func(context.Context, *witness) error {
	return func(ctx context.Context, w *witness) error {
		mesh, router, name := &w.service.Environment, aws.String(w.service.Name+"-vr"), aws.String(w.service.Name+"-route")
		found, err := w.region.truth.mesh.DescribeRoute(ctx, &appmesh.DescribeRouteInput{MeshName: mesh, VirtualRouterName: router, RouteName: name})
		if err != nil {
			return err
		}
		change(w, found.Route.Spec)
		_, err = w.region.truth.mesh.UpdateRoute(ctx, &appmesh.UpdateRouteInput{
			MeshName: mesh, VirtualRouterName: router, RouteName: name, Spec: found.Route.Spec,
		})
		return err
	}
}

func deleteRoute(ctx context.Context, w *witness) error {
	_, err := w.region.truth.mesh.DeleteRoute(ctx, &appmesh.DeleteRouteInput{
		MeshName: &w.service.Environment, VirtualRouterName: aws.String(w.service.Name + "-vr"), RouteName: aws.String(w.service.Name + "-route"),
	})
	return err
}

func deleteStack(canary bool) func(context.Context, *witness) error {
	return func(ctx context.Context, w *witness) error {
		_, err := w.region.truth.stack.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: aws.String(w.service.StackName(w.sha(canary)))})
		return err
	}
}

func scale(canary bool, to int32) func(context.Context, *witness) error {
	return func(ctx context.Context, w *witness) error {
		_, err := w.region.truth.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{
			Cluster: &w.service.Environment, Service: aws.String(w.service.VersionName(w.sha(canary))), DesiredCount: &to,
		})
		return err
	}
}

func rewriteRecord(ctx context.Context, w *witness) error {
	_, err := w.region.truth.ssm.PutParameter(ctx, &ssm.PutParameterInput{
		Name:  aws.String(w.service.Environment + "-canary-" + w.service.Name + "-version"),
		Value: aws.String("someone/else:1"), Overwrite: aws.Bool(true),
	})
	return err
}

// updateStack has the canary's stack want one task more.
func updateStack(ctx context.Context, w *witness) error {
	name := aws.String(w.service.StackName(canarySha))
	found, err := w.region.truth.stack.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: name})
	if err != nil {
		return err
	}
	parameters := []cloudformationtypes.Parameter{{ParameterKey: aws.String("DesiredCount"), ParameterValue: aws.String("2")}}
	for _, parameter := range found.Stacks[0].Parameters {
		if *parameter.ParameterKey != "DesiredCount" {
			parameters = append(parameters, cloudformationtypes.Parameter{ParameterKey: parameter.ParameterKey, UsePreviousValue: aws.Bool(true)})
		}
	}
	_, err = w.region.truth.stack.UpdateStack(ctx, &cloudformation.UpdateStackInput{
		StackName: name, UsePreviousTemplate: aws.Bool(true), Parameters: parameters, Capabilities: found.Stacks[0].Capabilities,
	})
	return err
}

// redeploy has the canary's ECS service run a new task definition, with another image.
func redeploy(tag string) func(context.Context, *witness) error {
	return func(ctx context.Context, w *witness) error {
		service, cluster := aws.String(w.service.VersionName(canarySha)), &w.service.Environment
		running, err := w.region.truth.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: cluster, Services: []string{*service}})
		if err != nil {
			return err
		}
		found, err := w.region.truth.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: running.Services[0].TaskDefinition})
		if err != nil {
			return err
		}
		definition := found.TaskDefinition
		for i, container := range definition.ContainerDefinitions {
			if repository, _, is := strings.Cut(*container.Image, ":fixed"); is {
				definition.ContainerDefinitions[i].Image = aws.String(repository + tag)
			}
		}
		made, err := w.region.truth.ecs.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
			Family: definition.Family, ContainerDefinitions: definition.ContainerDefinitions, NetworkMode: definition.NetworkMode,
			ProxyConfiguration: definition.ProxyConfiguration, RequiresCompatibilities: definition.RequiresCompatibilities,
			Cpu: definition.Cpu, Memory: definition.Memory, ExecutionRoleArn: definition.ExecutionRoleArn, TaskRoleArn: definition.TaskRoleArn,
		})
		if err != nil {
			return err
		}
		_, err = w.region.truth.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{
			Cluster: cluster, Service: service, TaskDefinition: made.TaskDefinition.TaskDefinitionArn,
		})
		return err
	}
}

// makeAlarm makes an alarm on something that is not the mesh's.
func makeAlarm(ctx context.Context, w *witness) error {
	_, err := w.region.clients.CloudWatch.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String("checkout-latency"), Namespace: aws.String("Shop"), MetricName: aws.String("Latency"),
		Statistic: cloudwatchtypes.StatisticMaximum, Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1),
		Threshold: aws.Float64(1), ComparisonOperator: cloudwatchtypes.ComparisonOperatorGreaterThanThreshold,
		TreatMissingData: aws.String("notBreaching"),
	})
	return err
}

func raiseAlarm(ctx context.Context, w *witness) error {
	_, err := w.region.clients.CloudWatch.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{
		Namespace:  aws.String("Shop"),
		MetricData: []cloudwatchtypes.MetricDatum{{MetricName: aws.String("Latency"), Value: aws.Float64(9), Timestamp: aws.Time(time.Now())}},
	})
	return err
}

func (w *witness) sha(canary bool) string {
	if canary {
		return canarySha
	}
	return w.stable
}

// hands are what is done at half of the traffic.
func hands() map[string]hand {
	drifts := func(words string, change func(w *witness, spec *types.RouteSpec)) hand {
		return hand{do: reroute(change), outcome: engine.Held, words: words, end: engine.RolledBack}
	}
	const shape = "someone else changed the route: its match, retries, timeouts or priority"
	return map[string]hand{
		"weights": drifts("someone else changed the route: expected", func(_ *witness, spec *types.RouteSpec) {
			spec.HttpRoute.Action.WeightedTargets[0].Weight = 95
			spec.HttpRoute.Action.WeightedTargets[1].Weight = 5
		}),
		"match":    drifts(shape, func(_ *witness, spec *types.RouteSpec) { spec.HttpRoute.Match.Method = types.HttpMethodGet }),
		"retries":  drifts(shape, func(_ *witness, spec *types.RouteSpec) { spec.HttpRoute.RetryPolicy.MaxRetries = aws.Int64(9) }),
		"priority": drifts(shape, func(_ *witness, spec *types.RouteSpec) { spec.Priority = aws.Int32(7) }),
		"canary taken off": drifts("someone else changed the route: expected", func(w *witness, spec *types.RouteSpec) {
			spec.HttpRoute.Action.WeightedTargets = []types.WeightedTarget{{VirtualNode: aws.String(w.service.VersionName(w.stable)), Weight: 100}}
		}),
		"route deleted": {
			do: deleteRoute, outcome: engine.RolledBack,
			words: "someone else deleted the route: nothing has any traffic, and nobody attends",
		},
		"canary deleted":    {do: deleteStack(true), outcome: engine.RolledBack, words: "no healthy task"},
		"canary updated":    {do: updateStack, outcome: engine.Succeeded, words: "has all the traffic"},
		"canary at nothing": {do: scale(true, 0), outcome: engine.RolledBack, words: "no healthy task"},
		"canary doubled":    {do: scale(true, 2), outcome: engine.Succeeded, words: "has all the traffic"},
		"canary redeployed": {do: redeploy(":fixed"), outcome: engine.Succeeded, words: "has all the traffic"},
		"canary broken":     {do: redeploy(":crash"), outcome: engine.RolledBack, words: "a task of the canary failed: "},
		"stable at nothing": {do: scale(false, 0), outcome: engine.Succeeded, words: "has all the traffic"},
		"stable deleted":    {do: deleteStack(false), outcome: engine.Succeeded, words: "has all the traffic"},
		"record rewritten": {
			do: rewriteRecord, outcome: engine.Succeeded,
			words: "recorded as version 3 over someone/else:1, which someone else wrote as version 2 meanwhile",
		},
		"alarm": {
			set: []string{"WaitTime=240", `Alarms=["checkout-latency"]`}, first: makeAlarm, do: raiseAlarm,
			outcome: engine.RolledBack, words: "alarm checkout-latency is in ALARM: Threshold Crossed",
		},
	}
}

// TestForeignHands has someone else change the world at half of the traffic: the rollout
// ends in a named state with words, and a version that serves has the traffic.
func TestForeignHands(t *testing.T) {
	for name, h := range hands() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				t.Helper()
				h.interfere(t)
			})
		})
	}
}

func (h hand) interfere(t *testing.T) {
	t.Helper()
	r := openRegion(t, still(nil))
	defer r.close()
	spec := r.specOf(t, "yelb-appserver", "fixed", append([]string{"ProgressDeadline=120", "WaitTime=60"}, h.set...)...)
	w := &witness{region: r, service: spec.Service()}
	w.stable = stableOf(w.route())
	if h.first != nil {
		if err := h.first(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	log := journal.NewMemory()
	at := r.drive(log, r.begin(t, log, spec, false))
	defer at.kill()
	for w.route().Weight(canarySha) != 50 {
		time.Sleep(time.Second)
	}
	time.Sleep(10 * time.Second)
	if err := h.do(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	ending, err := at.wait(t, log)
	if err != nil || ending.Outcome != h.outcome || !strings.Contains(wordsOf(ending), h.words) {
		t.Errorf("it ends with %s, %q, %v; want %s, %q%s", ending.Outcome, wordsOf(ending), err, h.outcome, h.words, story(events(t, log)))
	}
	w.judgeTraffic(t, log)
	if h.end != "" {
		saysWhatToDo(t, log, ending)
		ending = r.rollBack(t, log)
		if ending.Outcome != h.end {
			t.Errorf("rolled back, it ends with %s, %q%s", ending.Outcome, wordsOf(ending), story(events(t, log)))
		}
		w.judgeTraffic(t, log)
	}
}

// saysWhatToDo asserts that what is printed at the end of a held rollout tells both ways on.
func saysWhatToDo(t *testing.T, log engine.Journal, ending engine.Ending) {
	t.Helper()
	var out bytes.Buffer
	printer := headless.NewText(&out, false)
	for n, event := range events(t, log) {
		printer.Event(event, engine.Fold(events(t, log)[:n+1]))
	}
	if err := printer.End(ending); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for _, words := range []string{"serin resume yelb-appserver writes the weights of this step over that", "serin rollback yelb-appserver gives stable all"} {
		if last := lines[len(lines)-1]; !strings.Contains(last, words) {
			t.Errorf("at the end it does not say %q, but %q", words, last)
		}
	}
}

// judgeTraffic asserts that there is a route, and that all that have weight on it serve.
func (w *witness) judgeTraffic(t *testing.T, log engine.Journal) {
	t.Helper()
	route := w.route()
	for _, target := range route.Targets {
		if target.Weight > 0 && !w.serves(t.Context(), target.Sha) {
			t.Errorf("%s has traffic and does not serve%s", target.Name, story(events(t, log)))
		}
	}
	if !route.Exists {
		t.Errorf("there is no route%s", story(events(t, log)))
	}
}

// wordsOf is what the end of a driver says.
func wordsOf(ending engine.Ending) string {
	words := ending.Reason
	if paused := ending.Rollout.Paused; paused != nil {
		words += "; " + paused.Reason
	}
	if stuck := ending.Rollout.Stuck; stuck != nil {
		words += "; " + stuck.Reason + "; " + stuck.Truth + "; " + stuck.Advice
	}
	return words
}

// rollBack has a person take a rollout over and roll it back.
func (r *region) rollBack(t *testing.T, log engine.Journal) engine.Ending {
	t.Helper()
	lease, err := engine.TakeOver(t.Context(), log, headerOf(t, log), engine.Driver{Actor: "lee", Place: "trial 2", Unattended: true}, engine.LeaseTime)
	if err != nil {
		t.Fatal(err)
	}
	at := r.prepare(log, lease)
	at.Post(ask(engine.RollBack))
	at.start()
	defer at.kill()
	ending, err := at.wait(t, log)
	if err != nil {
		t.Fatal(err)
	}
	return ending
}
