package headless_test

import (
	"encoding/json"
	"time"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
	"serin/internal/headless"
)

// story builds the events of a rollout, one second apart unless it is told to wait.
type story struct {
	at     time.Time
	events []engine.Event
}

func (s *story) wait(d time.Duration) *story {
	s.at = s.at.Add(d)
	return s
}

func (s *story) add(bodies ...engine.Body) *story {
	for _, body := range bodies {
		s.at = s.at.Add(time.Second)
		s.events = append(s.events, engine.Event{Seq: int64(len(s.events)) + 1, At: s.at, Actor: kim().Actor, Body: body})
	}
	return s
}

// tell gives the story to printers as a driver would.
func (s *story) tell(ending engine.Ending, printers ...headless.Printer) error {
	rollout := &engine.Rollout{}
	for _, event := range s.events {
		rollout.Apply(event)
		for _, printer := range printers {
			printer.Event(event, rollout)
		}
	}
	ending.Rollout = rollout
	for _, printer := range printers {
		if err := printer.End(ending); err != nil {
			return err
		}
	}
	return nil
}

func kim() engine.Driver {
	return engine.Driver{Actor: "arn:aws:sts::123456789012:assumed-role/deploy/kim", Place: "kim@laptop, pid 7"}
}

const stableSha, canarySha = "3f2a91c0", "9bd0417e"

func spec() engine.Spec {
	return engine.Spec{
		EnvironmentName: "ecs-blogpost", MicroserviceName: "yelb-appserver", Namespace: "yelb.local",
		Protocol: engine.HTTP, Port: 4567, WaitTime: 60, BakeTime: 60, MetricPeriod: 60, MetricDelay: 120,
		Steps: []engine.StepSpec{
			{Weight: 10},
			{Gate: "QA signs off", Timeout: 3600, OnTimeout: engine.TimeoutRollsBack},
			{Weight: 50},
		},
		FailureThresholdTime: 600, ProgressDeadline: 900, OnNoData: engine.NoDataPasses,
		Sha: canarySha, ContainerImage: "yelb-appserver:fixed", CanaryTemplate: []byte("Resources: {}\n"),
	}
}

func begin(first bool) *story {
	key := engine.Key{Account: "123456789012", Region: "us-west-2", Environment: "ecs-blogpost", Service: "yelb-appserver"}
	started := &engine.Started{
		ID: "6a044b58c0ffee", Key: key, Spec: spec(), Plan: engine.NewPlan(spec(), first), Canary: spec().Canary(),
	}
	if !first {
		started.Stable = &engine.Version{Sha: stableSha, Image: "yelb-appserver:planted"}
		started.Route = route(100, 0)
	}
	s := &story{at: time.Date(2026, 11, 23, 14, 3, 0, 0, time.UTC)}
	return s.add(started, &engine.DriverTook{Driver: kim(), Fence: 1})
}

func route(stable, canary int) engine.Route {
	targets := []engine.Target{{Name: "yelb-appserver-" + stableSha, Sha: stableSha, Weight: stable}}
	if canary > 0 {
		targets = append(targets, engine.Target{Name: "yelb-appserver-" + canarySha, Sha: canarySha, Weight: canary})
	}
	return engine.Route{Exists: true, Targets: targets, Revision: "7", Document: json.RawMessage(`{"secret":"of the route"}`)}
}

func health(healthy int) engine.TaskHealth {
	return engine.TaskHealth{Sha: canarySha, Exists: true, Desired: 2, Running: 2, Healthy: healthy}
}

func (s *story) deploy() *story {
	return s.add(
		&engine.StackIntended{Name: "ecs-blogpost-yelb-appserver-9bd0417e", Token: "t"},
		&engine.StackRequested{ID: "arn:aws:cloudformation:…"},
		&engine.StackProgressed{Name: "ecs-blogpost-yelb-appserver-9bd0417e", Events: []engine.StackEvent{
			{ID: "1", Resource: "TaskDefinition", Type: "AWS::ECS::TaskDefinition", Status: "CREATE_IN_PROGRESS"},
			{ID: "2", Resource: "TaskDefinition", Type: "AWS::ECS::TaskDefinition", Status: "CREATE_COMPLETE"},
		}},
		&engine.StackBecameReady{}, &engine.TasksChanged{Health: health(1)}, &engine.TasksBecameHealthy{Health: health(2)})
}

func (s *story) shift(step, canary int) *story {
	return s.add(
		&engine.WeightsIntended{Step: step, Stable: 100 - canary, Canary: canary},
		&engine.WeightsWritten{},
		&engine.WeightsConfirmed{Stable: 100 - canary, Canary: canary, Route: route(100-canary, canary)})
}

func verdict(result analysis.Result, reason string, errors float64) analysis.Verdict {
	return analysis.Verdict{
		Result: result, Reason: reason, Canary: analysis.Numbers{Requests: 200, Errors: errors},
		Stable: analysis.Numbers{Requests: 1800, Errors: 1}, EvidenceTo: time.Date(2026, 11, 23, 14, 5, 0, 0, time.UTC),
	}
}

func (s *story) pass(step, weight int) *story {
	good := verdict(analysis.Pass, "0 canary responses were 5xx", 0)
	s.add(&engine.Judged{Verdict: good}, &engine.Observed{Responses: []engine.Responses{
		{Sha: canarySha, Buckets: []analysis.Bucket{{Start: s.at, Counts: [5]float64{0, 200, 0, 0, 0}}}},
	}}, &engine.Judged{Verdict: good})
	return s.wait(time.Minute).add(&engine.StepPassed{Step: step, Weight: weight, Verdict: good})
}

// rollBack rolls back; what is meanwhile happens after it has begun.
func (s *story) rollBack(cause engine.Cause, meanwhile ...engine.Body) *story {
	return s.add(&engine.RollbackStarted{Cause: cause}).add(meanwhile...).add(
		&engine.WeightsIntended{Stable: 100}, &engine.WeightsWritten{}, &engine.TrafficReturned{Route: route(100, 0)},
		&engine.RemovalIntended{Sha: canarySha, Stack: "arn:aws:cloudformation:…"}, &engine.RemovalRequested{},
		&engine.Removed{Sha: canarySha},
		&engine.Finished{Outcome: engine.RolledBack, Reason: cause.Reason})
}

func (s *story) promote() *story {
	return s.add(
		&engine.WeightsIntended{Step: 3, Canary: 100}, &engine.WeightsWritten{},
		&engine.WeightsConfirmed{Canary: 100, Route: route(0, 100)},
		&engine.PromotedNow{}, &engine.RecordIntended{Image: "yelb-appserver:fixed"}, &engine.Recorded{Number: 12},
		&engine.RemovalIntended{Sha: stableSha, Stack: "ecs-blogpost-yelb-appserver-3f2a91c0"}, &engine.RemovalRequested{})
}

// stories are rollouts by the names of their golden files.
func stories() map[string]*story {
	byKim := engine.Command{Number: 1, Kind: engine.Promote, By: "kim", Reason: "looks good"}
	succeeded := &engine.Finished{Outcome: engine.Succeeded, Reason: "9bd0417e has all the traffic"}
	gated := func() *story {
		return begin(false).deploy().shift(0, 10).pass(0, 10).add(&engine.GateOpened{Step: 1, Gate: "QA signs off"})
	}
	baking := func() *story {
		return gated().wait(time.Hour).add(&engine.CommandTaken{Command: byKim}, &engine.StepPassed{Step: 1, Weight: 10, By: "kim"}).
			shift(2, 50).pass(2, 50).shift(3, 100).pass(3, 100).promote()
	}
	return map[string]*story{
		"succeeded": baking().add(&engine.Removed{Sha: stableSha}, succeeded),
		"leftover": baking().add(
			&engine.RemovalFailed{Sha: stableSha, Reasons: []string{"Service (AWS::ECS::Service): in use", "and more"}},
			&engine.Finished{Outcome: engine.Succeeded, Reason: "9bd0417e has all the traffic", Leftover: "stack X could not be removed: in use"}),
		"rolled-back": begin(false).deploy().shift(0, 10).pass(0, 10).
			add(&engine.Judged{Verdict: verdict(analysis.Fail, "4 canary responses were 5xx, more than 1", 4)}).
			rollBack(engine.Cause{Kind: engine.ByVerdict, Reason: "4 canary responses were 5xx, more than 1"}),
		"not-deployed": begin(false).add(
			&engine.StackIntended{Name: "ecs-blogpost-yelb-appserver-9bd0417e"}, &engine.StackRequested{ID: "arn:…"},
			&engine.TasksChanged{Health: engine.TaskHealth{Sha: canarySha}},
			&engine.RollbackStarted{Cause: engine.Cause{Kind: engine.ByDeployment, Reason: "stack X is CREATE_FAILED: no such image"}},
			&engine.RemovalIntended{Sha: canarySha}, &engine.Removed{Sha: canarySha},
			&engine.Finished{Outcome: engine.RolledBack, Reason: "stack X is CREATE_FAILED: no such image"}),
		"first": begin(true).deploy().
			add(&engine.WeightsIntended{Canary: 100}, &engine.WeightsConfirmed{Canary: 100, Route: route(0, 100)}).pass(0, 100).
			add(&engine.PromotedNow{}, &engine.Recorded{Number: 1}, succeeded),
		"interrupted": gated().
			add(&engine.CommandTaken{Command: engine.Command{Kind: engine.RollBack, By: "kim", Interrupt: true}}).
			rollBack(engine.Cause{Kind: engine.ByInterrupt, By: "kim", Reason: "interrupted"},
				&engine.CommandTaken{Command: engine.Command{Kind: engine.RollBack, By: "lee", Reason: "checkout is slow"}}),
		"replaced": begin(false).deploy().shift(0, 10).wait(42 * time.Second).
			add(&engine.DriverTook{Driver: engine.Driver{Actor: "lee", Place: "lee@laptop, pid 9"}, Fence: 2, Reason: "kim's laptop\x1b is off"}).
			rollBack(engine.Cause{Kind: engine.ByPerson, By: "lee", Reason: "asked for by lee: nobody is there"}),
		"held": gated().add(
			&engine.PausedNow{Pause: engine.Pause{Kind: engine.PausedByLetGo, By: "kim", Reason: "interrupted"}},
			&engine.LetGo{By: "kim", Reason: "interrupted"}),
		"stuck": begin(false).deploy().shift(0, 10).add(
			&engine.Faulted{Fault: engine.ActiveFault{Activity: engine.WriteWeights, Message: "denied", Hint: "allow appmesh:UpdateRoute", Count: 1}},
			&engine.Faulted{Fault: engine.ActiveFault{Activity: engine.WriteWeights, Message: "denied", Count: 2}},
			&engine.Faulted{Fault: engine.ActiveFault{Activity: engine.WriteWeights, Message: "throttled", Count: 3}},
			&engine.Recovered{Activity: engine.WriteWeights},
			&engine.StuckNow{Stuck: engine.Stuck{Reason: "denied", Truth: "stable 90, canary 10", Advice: "mend it"}}),
		"jumped": begin(false).deploy().shift(0, 10).add(
			&engine.ClockJumped{Jump: -time.Hour, How: "the clock of kim@laptop jumped back by 1h0m0s"},
			&engine.PausedNow{Pause: engine.Pause{Kind: engine.PausedByClock, By: "serin", Reason: "the clock of kim@laptop jumped back by 1h0m0s"}},
			&engine.Resumed{By: "kim"}).
			pass(0, 10).add(&engine.RecordIntended{Image: "yelb-appserver:fixed"},
			&engine.Recorded{Number: 3, Image: "yelb-appserver:fixed", Note: "over else:1, which someone else wrote as version 2 meanwhile"},
			&engine.RollbackStarted{Cause: engine.Cause{Kind: engine.ByPerson, By: "kim", Reason: "asked for by kim"}},
			&engine.Recorded{Note: "someone else deleted the record meanwhile, and it is left so"}),
		"drifted": begin(false).deploy().shift(0, 10).add(
			&engine.PausedNow{Pause: engine.Pause{Kind: engine.PausedByDrift, By: "serin", Reason: "someone else changed the route"}},
			&engine.CommandRefused{Command: byKim, Why: "the rollout is paused; resume it first"},
			&engine.Resumed{By: "kim", Reason: "it was me", Adopted: new(route(80, 20))}).
			add(&engine.StepPassed{Step: 0, Weight: 10, By: "kim", Fully: true}),
		"nasty": begin(false).add(
			&engine.TasksChanged{Health: engine.TaskHealth{
				Sha: canarySha, Exists: true, Desired: 1,
				Stops: []engine.TaskStop{{Reason: "\x1b[31mred\x1b[0m\r\nnext\u202eline\x00 <&\"> \xff"}},
			}},
			&engine.RollbackStarted{Cause: engine.Cause{Kind: engine.ByDeployment, Reason: "\x1b]0;title\x07<b>&\x00\u2028\xfe"}}),
	}
}

// endings are how the stories without a last event end.
func endings() map[string]engine.Ending {
	return map[string]engine.Ending{
		"succeeded":    {Outcome: engine.Succeeded, Reason: "9bd0417e has all the traffic"},
		"leftover":     {Outcome: engine.Succeeded, Leftover: "stack X could not be removed: in use"},
		"rolled-back":  {Outcome: engine.RolledBack, Cause: engine.ByVerdict, Reason: "4 canary responses were 5xx, more than 1"},
		"not-deployed": {Outcome: engine.RolledBack, Cause: engine.ByDeployment},
		"first":        {Outcome: engine.Succeeded},
		"interrupted":  {Outcome: engine.RolledBack, Cause: engine.ByInterrupt},
		"held":         {Outcome: engine.Held, Reason: "interrupted"},
		"stuck":        {Outcome: engine.StuckOutcome, Reason: "denied. True now: stable 90, canary 10. To do: mend it"},
		"jumped":       {Reason: "a second interrupt"},
		"drifted":      {Reason: "a second interrupt"},
		"nasty":        {Reason: "the journal\x1b is gone"},
	}
}
