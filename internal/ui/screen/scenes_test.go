package screen_test

import (
	"math"
	"time"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
	"serin/internal/ui/theme"
)

const (
	stableSha, canarySha = "3f2a91c0", "9bd0417e"
	service              = "yelb-appserver"
	stackName            = "ecs-blogpost-yelb-appserver-9bd0417e"
)

var twoOClock = time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)

// life builds the events of a rollout, and knows what time it is.
type life struct {
	at     time.Time
	events []engine.Event
	marks  []scene.Mark
}

func driver() engine.Driver {
	return engine.Driver{
		Actor: "arn:aws:sts::123456789012:assumed-role/deploy/kim", Place: "codebuild yelb-appserver-deploy:77", Unattended: true,
	}
}

func (l *life) wait(d time.Duration) *life {
	l.at = l.at.Add(d)
	return l
}

func (l *life) add(bodies ...engine.Body) *life {
	for _, body := range bodies {
		l.at = l.at.Add(time.Second)
		event := engine.Event{Seq: int64(len(l.events)) + 1, At: l.at, Actor: driver().Actor, Body: body}
		l.events, l.marks = append(l.events, event), scene.Marked(l.marks, event, canarySha)
	}
	return l
}

func spec() engine.Spec {
	return engine.Spec{
		EnvironmentName: "ecs-blogpost", MicroserviceName: service, Namespace: "yelb.local",
		Protocol: engine.HTTP, Port: 4567, PercentageStep: 10, WaitTime: 300, BakeTime: 300, MetricPeriod: 60, MetricDelay: 120,
		FailureThresholdValue: 1, FailureThresholdTime: 600, ProgressDeadline: 900, OnNoData: engine.NoDataPasses,
		Sha: canarySha, ContainerImage: "yelb-appserver:fixed", CanaryTemplate: []byte("Resources: {}\n"),
	}
}

func gatedSpec() engine.Spec {
	s := spec()
	s.PercentageStep = 0
	s.Steps = []engine.StepSpec{{Weight: 10}, {Gate: "QA signs off", Timeout: 3600, OnTimeout: engine.TimeoutRollsBack}, {Weight: 50}}
	return s
}

func begin(spec engine.Spec) *life {
	l := &life{at: twoOClock}
	return l.add(&engine.Started{
		ID:   "6a044b58c0ffee",
		Key:  engine.Key{Account: "123456789012", Region: "us-west-2", Environment: "ecs-blogpost", Service: service},
		Spec: spec, Plan: engine.NewPlan(spec, false), Canary: spec.Canary(),
		Stable: &engine.Version{Sha: stableSha, Image: "yelb-appserver:planted"}, Route: route(100, 0, twoOClock),
		Conduct: engine.Conduct{Unattended: true, ErrorLimit: 10 * time.Minute},
	}, &engine.DriverTook{Driver: driver(), Fence: 1})
}

func route(stable, canary int, at time.Time) engine.Route {
	targets := []engine.Target{{Name: "yelb-appserver-" + stableSha, Sha: stableSha, Weight: stable}}
	if canary > 0 {
		targets = append(targets, engine.Target{Name: "yelb-appserver-" + canarySha, Sha: canarySha, Weight: canary})
	}
	return engine.Route{Exists: true, Targets: targets, Revision: "7", ReadAt: at}
}

func health(healthy int, at time.Time) engine.TaskHealth {
	return engine.TaskHealth{Sha: canarySha, Exists: true, Desired: 2, Running: 2, Healthy: healthy, ReadAt: at}
}

func (l *life) deploying() *life {
	event := func(id, resource, kind, status string) engine.StackEvent {
		return engine.StackEvent{ID: id, Resource: resource, Type: kind, Status: status}
	}
	return l.add(
		&engine.StackIntended{Name: stackName, Token: "t"},
		&engine.StackRequested{ID: "arn:aws:cloudformation:us-west-2:123456789012:stack/" + stackName + "/1"},
		&engine.StackProgressed{Name: stackName, Events: []engine.StackEvent{
			event("1", stackName, "AWS::CloudFormation::Stack", "CREATE_IN_PROGRESS"),
			event("2", "TaskDefinition", "AWS::ECS::TaskDefinition", "CREATE_IN_PROGRESS"),
			event("3", "VirtualNode", "AWS::AppMesh::VirtualNode", "CREATE_IN_PROGRESS"),
		}}).wait(6 * time.Second).add(&engine.StackProgressed{Name: stackName, Events: []engine.StackEvent{
		event("4", "VirtualNode", "AWS::AppMesh::VirtualNode", "CREATE_COMPLETE"),
		event("5", "TaskDefinition", "AWS::ECS::TaskDefinition", "CREATE_COMPLETE"),
		event("6", "Service", "AWS::ECS::Service", "CREATE_IN_PROGRESS"),
	}})
}

func (l *life) waiting() *life {
	return l.deploying().wait(20*time.Second).add(
		&engine.StackBecameReady{},
		&engine.TasksChanged{Health: engine.TaskHealth{
			Sha: canarySha, Exists: true, Desired: 2, Running: 1, Healthy: 1, ReadAt: l.at,
			Messages: []string{"(service yelb-appserver-9bd0417e) has started 2 tasks"},
		}})
}

func (l *life) healthy() *life {
	return l.waiting().wait(12 * time.Second).add(&engine.TasksBecameHealthy{Health: health(2, l.at)})
}

func (l *life) intend(step, canary int) *life {
	return l.add(&engine.WeightsIntended{Step: step, Stable: 100 - canary, Canary: canary})
}

func (l *life) shift(step, canary int) *life {
	return l.intend(step, canary).add(&engine.WeightsWritten{},
		&engine.WeightsConfirmed{Stable: 100 - canary, Canary: canary, Route: route(100-canary, canary, l.at)})
}

func (l *life) verdict() analysis.Verdict {
	return analysis.Verdict{
		Result: analysis.Pass, Reason: "0 5xx of 18204 canary responses in the last 10m0s, not more than the threshold of 1",
		Canary: analysis.Numbers{Requests: 18204}, Stable: analysis.Numbers{Requests: 41377, Errors: 12},
		EvidenceTo: l.at.Add(-87 * time.Second),
	}
}

func (l *life) failure() analysis.Verdict {
	v := l.verdict()
	v.Result, v.Canary = analysis.Fail, analysis.Numbers{Requests: 1204, Errors: 17}
	v.Reason = "17 5xx of 1204 canary responses in the last 10m0s, more than the threshold of 1"
	return v
}

func (l *life) judged() *life { return l.add(&engine.Judged{Verdict: l.verdict()}) }

func (l *life) pass(step, weight int) *life {
	return l.judged().wait(298 * time.Second).add(&engine.StepPassed{Step: step, Weight: weight, Verdict: l.verdict()})
}

// holding is in the third step, at 30 %.
func holding() *life {
	return begin(spec()).healthy().shift(0, 10).pass(0, 10).shift(1, 20).pass(1, 20).shift(2, 30).judged().wait(200 * time.Second)
}

func baking() *life {
	return holding().add(&engine.CommandTaken{Command: engine.Command{Number: 1, Kind: engine.PromoteFully, By: "kim", Reason: "looks good"}},
		&engine.StepPassed{Step: 2, Weight: 30, Verdict: holding().verdict(), By: "kim", Fully: true}).
		shift(9, 100).judged().wait(4 * time.Minute)
}

func promoted() *life {
	return baking().wait(3*time.Minute).add(&engine.StepPassed{Step: 9, Weight: 100, Verdict: baking().verdict()}).
		add(&engine.WeightsIntended{Step: 9, Canary: 100}, &engine.WeightsWritten{},
			&engine.WeightsConfirmed{Canary: 100, Route: route(0, 100, baking().at)},
			&engine.PromotedNow{}, &engine.RecordIntended{Image: "yelb-appserver:fixed"}, &engine.Recorded{Number: 12},
			&engine.RemovalIntended{Sha: stableSha, Stack: "ecs-blogpost-yelb-appserver-3f2a91c0"}, &engine.RemovalRequested{})
}

func (l *life) rollBack() *life {
	l.add(&engine.Judged{Verdict: l.failure()},
		&engine.RollbackStarted{Cause: engine.Cause{Kind: engine.ByVerdict, Reason: l.failure().Reason}},
		&engine.WeightsIntended{Stable: 100})
	return l
}

func (l *life) rolledBack() *life {
	return l.rollBack().add(&engine.WeightsWritten{}, &engine.TrafficReturned{Route: route(100, 0, l.at)}).
		add(&engine.RemovalIntended{Sha: canarySha, Stack: stackName}, &engine.RemovalRequested{}).
		wait(9*time.Second).add(&engine.Removed{Sha: canarySha},
		&engine.Finished{Outcome: engine.RolledBack, Reason: l.failure().Reason})
}

func (l *life) paused(pause engine.Pause) *life {
	pause.At = l.at.Add(time.Second)
	return l.add(&engine.PausedNow{Pause: pause}).wait(41 * time.Second)
}

// example is a rollout in one of the states, and what the world beside it looks like.
type example struct {
	life *life
	lost bool
	// age is how long nothing has been read.
	age time.Duration
}

// examples has one of every state.
func examples() map[screen.RolloutState]example {
	return map[screen.RolloutState]example{
		screen.Deploying:       {life: begin(spec()).deploying().wait(3 * time.Second)},
		screen.WaitingForTasks: {life: begin(spec()).waiting().wait(5 * time.Second)},
		screen.Shifting:        {life: begin(spec()).healthy().shift(0, 10).pass(0, 10).intend(1, 20)},
		screen.Holding:         {life: holding()},
		screen.AtGate: {life: begin(gatedSpec()).healthy().shift(0, 10).pass(0, 10).
			add(&engine.GateOpened{Step: 1, Gate: "QA signs off"}).wait(5 * time.Minute)},
		screen.Baking:    {life: baking()},
		screen.Finishing: {life: promoted()},
		screen.Paused: {life: holding().paused(engine.Pause{
			Kind: engine.PausedByPerson, By: "arn:aws:iam::123456789012:user/kim", Reason: "the 5xx of the flaky one look odd",
		})},
		screen.Held: {life: holding().paused(engine.Pause{
			Kind: engine.PausedByLetGo, By: "arn:aws:iam::123456789012:user/kim", Reason: "the console was left",
		}).add(&engine.LetGo{By: "arn:aws:iam::123456789012:user/kim"})},
		screen.Drift: {life: holding().paused(engine.Pause{
			Kind: engine.PausedByDrift, By: "serin", Reason: "someone else changed the route",
			Expected: route(70, 30, twoOClock).Targets,
			Found: []engine.Target{
				{Name: "yelb-appserver-" + stableSha, Sha: stableSha, Weight: 50},
				{Name: "yelb-appserver-" + canarySha, Sha: canarySha, Weight: 40},
				{Name: "someone-elses-node", Weight: 10},
			},
		})},
		screen.StaleEvidence: {life: holding().wait(6 * time.Minute), age: 6 * time.Minute},
		screen.ProviderErrors: {life: holding().add(&engine.Faulted{Fault: engine.ActiveFault{
			Activity: engine.ReadMetrics, Kind: engine.Transient, Count: 4,
			Message: "get the metric data of ecs-blogpost: ThrottlingException: Rate exceeded",
			Hint:    "raise the account's GetMetricData quota, or wait", Since: holding().at.Add(-23 * time.Second), RetryAt: holding().at.Add(9 * time.Second),
		}})},
		screen.DriverLost:  {life: holding().wait(time.Minute), lost: true},
		screen.RollingBack: {life: holding().rollBack()},
		screen.RollBackFails: {life: holding().rollBack().add(&engine.Faulted{Fault: engine.ActiveFault{
			Activity: engine.WriteWeights, Kind: engine.Denied, Count: 3,
			Message: "update the weights of route yelb-appserver-route in mesh ecs-blogpost: AccessDeniedException",
			Hint:    "allow appmesh:UpdateRoute, or use credentials that may", Since: holding().at, RetryAt: holding().at.Add(9 * time.Second),
		}}).wait(2 * time.Second)},
		screen.Stuck: {life: holding().add(&engine.StuckNow{Stuck: engine.Stuck{
			Reason: "the router refuses the weights: AccessDeniedException on appmesh:UpdateRoute",
			Truth:  "stable 3f2a91c0 has 70 %, canary 9bd0417e has 30 %; both versions are running and healthy",
			Advice: "allow the role deploy/kim to call appmesh:UpdateRoute on the route yelb-appserver-route, then resume or roll back",
			At:     holding().at,
		}}).wait(2 * time.Minute)},
		screen.Succeeded: {life: promoted().wait(20*time.Second).add(&engine.Removed{Sha: stableSha},
			&engine.Finished{Outcome: engine.Succeeded, Reason: "9bd0417e has all the traffic and is recorded as version 12"})},
		screen.RolledBack: {life: holding().rolledBack()},
	}
}

// curve are responses of one a minute: their number follows a share over time.
func curve(from, to time.Time, share func(time.Time) float64, errors float64) []analysis.Bucket {
	var made []analysis.Bucket
	for at := from.Truncate(time.Minute); at.Before(to.Add(-time.Minute)); at = at.Add(time.Minute) {
		wave := 1900 + 120*math.Sin(float64(at.Unix())/400)
		total := math.Round(wave * share(at))
		if total == 0 {
			continue
		}
		bad := math.Round(total * errors)
		made = append(made, analysis.Bucket{Start: at, Counts: [5]float64{0, total - bad, 0, 0, bad}})
	}
	return made
}

// canaryShare is what the canary had at a time.
func (l *life) canaryShare(at time.Time) float64 {
	weight := 0
	for _, mark := range l.marks {
		if !mark.At.After(at) {
			weight = mark.Weight
		}
	}
	return float64(weight) / 100
}

// watched is the service with its rollout as a console would know it.
func (e example) watched() scene.Service {
	l := e.life
	r := engine.Fold(l.events)
	read := l.at.Add(-2*time.Second - e.age)
	known := l.at.Add(-2*time.Minute - e.age)
	found := route(r.Actual.Stable, r.Actual.Canary, read)
	if r.Paused != nil && r.Paused.Found != nil {
		found.Targets = r.Paused.Found
	}
	both := map[string]engine.TaskHealth{
		stableSha: {Sha: stableSha, Exists: true, Desired: 2, Running: 2, Healthy: 2, ReadAt: read},
	}
	if known, ok := r.Health[canarySha]; ok {
		both[canarySha] = known
	}
	canaryErrors := 0.0001
	if r.Cause != nil {
		canaryErrors = 0.02
	}
	rollout := &scene.Rollout{
		Snapshot: engine.Snapshot{Rollout: r, At: l.at, Evidence: engine.Evidence{MetricsAt: read, Route: &found}},
		LastSeen: l.at.Add(-2 * time.Second), Events: l.events, Marks: l.marks, Lost: e.lost,
	}
	if e.lost {
		rollout.LastSeen = l.at.Add(-90 * time.Second)
	}
	return scene.Service{
		Name: service, Protocol: engine.HTTP, Route: found, Period: time.Minute, Delay: 2 * time.Minute, Health: both, Rollout: rollout,
		Deployed: engine.Deployed{Exists: true, Image: "yelb-appserver:planted", Number: 11},
		Responses: map[string][]analysis.Bucket{
			stableSha: curve(twoOClock.Add(-40*time.Minute), known, func(at time.Time) float64 { return 1 - l.canaryShare(at) }, 0.0003),
			canarySha: curve(twoOClock, known, l.canaryShare, canaryErrors),
		},
	}
}

// idle is a service that nothing happens to.
func idle(name string, protocol engine.Protocol, now time.Time) scene.Service {
	s := scene.Service{
		Name: name, Protocol: protocol, Period: time.Minute, Delay: 2 * time.Minute,
		Route: engine.Route{
			Exists: true, ReadAt: now.Add(-4 * time.Second),
			Targets: []engine.Target{{Name: name + "-1f00aa21", Sha: "1f00aa21", Weight: 1}},
		},
		Deployed: engine.Deployed{Exists: true, Image: name + ":1", Number: 1},
		Health:   map[string]engine.TaskHealth{"1f00aa21": {Sha: "1f00aa21", Exists: true, Desired: 2, Running: 2, Healthy: 2, ReadAt: now}},
	}
	if protocol.HasResponses() {
		s.Responses = map[string][]analysis.Bucket{
			"1f00aa21": curve(now.Add(-40*time.Minute), now.Add(-2*time.Minute), func(time.Time) float64 { return 0.4 }, 0.001),
		}
	}
	return s
}

// consoleOf is the console as it looks at an example.
func consoleOf(e example, page screen.Page) screen.State {
	now := e.life.at
	return screen.State{
		Width: 80, Height: 24, Theme: theme.New(true, false, theme.Braille), Now: now, Page: page, Selected: service,
		Scene: scene.Scene{
			At: now, Environment: "ecs-blogpost", Region: "us-west-2", Account: "123456789012",
			Caller: "arn:aws:iam::123456789012:user/kim",
			Services: []scene.Service{
				e.watched(), idle("yelb-db", engine.TCP, now), idle("yelb-redisserver", engine.TCP, now), idle("yelb-ui", engine.HTTP, now),
			},
		},
		Span: 20 * time.Minute, Keys: keys(), Sections: sections(),
	}
}

func keys() []screen.Key {
	return []screen.Key{
		{Name: "p", Does: "promote", About: "End the present hold or gate now and take the next step.", Dangerous: true},
		{Name: "P", Does: "to 100", About: "Go to 100 % and bake.", Dangerous: true},
		{Name: "space", Does: "pause", About: "Stop the clock of the rollout; the traffic stays as it is."},
		{Name: "r", Does: "roll back", About: "Move all traffic to stable, then remove the canary.", Dangerous: true},
		{Name: "t", Does: "take over", About: "Drive a rollout whose driver is gone.", Why: "its driver is alive"},
		{Name: "enter", Does: "open", About: "Show the service alone."},
		{Name: "d", Does: "deploy", About: "Start a rollout."},
		{Name: "e", Does: "events", About: "What happened."},
		{Name: "h", Does: "history", About: "What happened before."},
		{Name: "q", Does: "leave", About: "Leave the console; what others drive goes on."},
	}
}

func sections() []screen.Section {
	all := keys()
	return []screen.Section{{Title: "Steering", Keys: all[:5]}, {Title: "Looking", Keys: all[5:]}}
}
