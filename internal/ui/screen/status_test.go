package screen_test

import (
	"strings"
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
)

func TestTheTitleTellsTheState(t *testing.T) {
	for state, want := range map[screen.RolloutState]screen.Status{
		screen.Holding:       {Title: "serin: yelb-appserver 30 % holding", Progress: 30},
		screen.Drift:         {Title: "serin: yelb-appserver 40 % drift", Progress: 40},
		screen.RollingBack:   {Title: "serin: yelb-appserver 30 % rolling back", Progress: 30},
		screen.RollBackFails: {Title: "serin: yelb-appserver 30 % roll back FAILS", Progress: 30},
		screen.Succeeded:     {Title: "serin: yelb-appserver succeeded", Progress: -1},
		screen.RolledBack:    {Title: "serin: yelb-appserver rolled back", Progress: -1},
	} {
		want.State = state
		if got := screen.StatusOf(consoleOf(examples()[state], screen.Overview)); got != want {
			t.Errorf("%q: %+v, want %+v", state, got, want)
		}
	}
	quiet := consoleOf(examples()[screen.Holding], screen.Overview)
	quiet.Scene.Services = quiet.Scene.Services[1:]
	if got, want := screen.StatusOf(quiet), (screen.Status{Title: "serin: ecs-blogpost", Progress: -1, State: screen.Idle}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestTheLoudestRolloutHasTheTitle(t *testing.T) {
	s := consoleOf(examples()[screen.Holding], screen.Overview)
	stuck := examples()[screen.Stuck].watched()
	stuck.Name = "yelb-ui"
	s.Scene.Services = append(s.Scene.Services, stuck)
	if got := screen.StatusOf(s); got.State != screen.Stuck || !strings.Contains(got.Title, "yelb-ui") {
		t.Errorf("the title is of %+v", got)
	}
}

func TestTheLoudestStateWins(t *testing.T) {
	now := holding().at
	watched := examples()[screen.ProviderErrors].watched()
	r := watched.Rollout.Rollout
	check := func(want screen.RolloutState) {
		t.Helper()
		if got := screen.StateOf(watched, now); got != want {
			t.Errorf("it is %q, want %q", got, want)
		}
	}
	check(screen.ProviderErrors)
	r.Paused = &engine.Pause{Kind: engine.PausedByErrors}
	check(screen.Paused)
	r.Cause = &engine.Cause{Kind: engine.ByPerson}
	check(screen.RollingBack)
	watched.Rollout.Lost = true
	check(screen.DriverLost)
	r.LetGo, r.Cause = true, nil
	check(screen.Held)
	r.Stuck = &engine.Stuck{}
	check(screen.Stuck)
	r.Outcome = engine.RolledBack
	check(screen.RolledBack)
	if got := screen.StateOf(scene.Service{Fault: scene.Fault{Message: "no"}}, now); got != screen.ProviderErrors {
		t.Errorf("a service that cannot be read is %q", got)
	}
}

func TestEvidenceThatNeverWasIsNotStale(t *testing.T) {
	e := examples()[screen.Holding]
	watched := e.watched()
	watched.Rollout.Rollout.Verdict = analysis.Verdict{Result: analysis.NoData}
	watched.Rollout.Rollout.Responses = nil
	watched.Responses = nil
	if got := screen.StateOf(watched, e.life.at); got != screen.Holding {
		t.Errorf("it is %q", got)
	}
	watched.Rollout.Evidence.MetricsAt = e.life.at.Add(-5 * time.Minute)
	if got := screen.StateOf(watched, e.life.at); got != screen.StaleEvidence {
		t.Errorf("with metrics that were not read for five minutes it is %q", got)
	}
}

func TestTheSummaryIsPlain(t *testing.T) {
	e := examples()[screen.Paused]
	got := screen.Summary(e.watched().Rollout, e.life.at)
	want := `yelb-appserver in ecs-blogpost: paused
rollout 6a044b58c0ffee, 3f2a91c0 to 9bd0417e
as of 2026-11-23T14:14:59Z: the traffic stays as it is; step 3 of 10, holding at 30 %
weights: stable 70 %, canary 30 % (asked for: stable 70 %, canary 30 %)
verdict: pass, 5xx: canary 0 of 18 204, limit 1 in 10m, stable 12 of 41 377, 0.03 %, evidence to 14:09:29Z, 5:30 old
  0 5xx of 18204 canary responses in the last 10m0s, not more than the threshold of 1
paused by arn:aws:iam::123456789012:user/kim at 14:14:18Z: the 5xx of the flaky one look odd
driven by codebuild yelb-appserver-deploy:77 (arn:aws:sts::123456789012:assumed-role/deploy/kim)
`
	if got != want {
		t.Errorf("it is\n%s\nwant\n%s", got, want)
	}
	watched := e.watched().Rollout
	paused := *watched.Rollout.Paused
	paused.Reason = ""
	rollout := *watched.Rollout
	rollout.Paused, watched.Rollout = &paused, &rollout
	if got := screen.Summary(watched, e.life.at); !strings.Contains(got, "at 14:14:18Z\n") {
		t.Errorf("without a reason it is\n%s", got)
	}
	if screen.Summary(nil, time.Time{}) != "" || screen.Summary(&scene.Rollout{}, time.Time{}) != "" {
		t.Error("nothing has a summary")
	}
}

func TestAFirstDeploymentHasOneVersion(t *testing.T) {
	l := &life{at: twoOClock}
	first := spec()
	l.add(&engine.Started{ID: "1", Spec: first, Plan: engine.NewPlan(first, true), Canary: first.Canary()}).healthy()
	l.add(&engine.WeightsIntended{Canary: 100}, &engine.WeightsConfirmed{Canary: 100, Route: route(0, 100, l.at)})
	text := plain(consoleOf(example{life: l}, screen.Detail))
	if !strings.Contains(text, "first deployment → 9bd0417e") || strings.Contains(text, "stable 3f2a91c0  ") {
		t.Errorf("it is\n%s", text)
	}
}

func TestAnAlarmThatFiresIsSeen(t *testing.T) {
	s := consoleOf(examples()[screen.Holding], screen.Detail)
	s.Scene.Services[0].Rollout.Evidence.Alarms = []engine.Alarm{
		{Name: "quiet", State: "OK"}, {Name: "latency", Firing: true, State: "ALARM", Reason: "p99 is 3 s"},
	}
	if text := plain(s); !strings.Contains(text, "latency is in ALARM: p99 is 3 s") || strings.Contains(text, "quiet") {
		t.Errorf("it is\n%s", text)
	}
}

func TestAServiceThatIsGoneHasNoDetail(t *testing.T) {
	s := consoleOf(examples()[screen.Holding], screen.Detail)
	for name, want := range map[string]string{"": "no service is selected", "gone": "gone is not there any more"} {
		s.Selected = name
		if text := plain(s); !strings.Contains(text, want) {
			t.Errorf("it is\n%s", text)
		}
	}
}

func TestATCPServiceHasNoCharts(t *testing.T) {
	e := examples()[screen.Holding]
	s := consoleOf(e, screen.Detail)
	s.Scene.Services[0].Protocol = engine.TCP
	s.Scene.Services[0].Rollout.Rollout.Spec.Protocol = engine.TCP
	if text := plain(s); strings.Contains(text, "5xx:") || strings.Contains(text, "2xx a minute") {
		t.Errorf("it is\n%s", text)
	}
}
