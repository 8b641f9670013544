package screen_test

import (
	"strings"
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
	"serin/internal/ui/theme"
)

// line is the first line of a frame that has a text.
func line(t *testing.T, s screen.State, part string) string {
	t.Helper()
	for drawn := range strings.Lines(plain(s)) {
		if strings.Contains(drawn, part) {
			return drawn
		}
	}
	t.Fatalf("no line has %q:\n%s", part, plain(s))
	return ""
}

func lineHas(t *testing.T, s screen.State, of string, parts ...string) {
	t.Helper()
	drawn := line(t, s, of)
	for _, part := range parts {
		if !strings.Contains(drawn, part) {
			t.Errorf("%q is not in:\n%s", part, drawn)
		}
	}
}

// The list has the weights that the router has, of those services too that nothing
// happens to; a service whose route was never read has none.
// A service whose journal was not read may have a rollout.
func TestASplitRouteIsOneOnceTheJournalIsKnown(t *testing.T) {
	service := examples()[screen.Holding].watched()
	service.Rollout = nil
	for known, want := range map[bool]screen.RolloutState{false: screen.Idle, true: screen.Split} {
		service.NoRollout = known
		if got := screen.StateOf(service, holding().at); got != want {
			t.Errorf("where the journal is known, %v, it is %q", known, got)
		}
	}
}

func TestTheListHasEveryServicesWeight(t *testing.T) {
	full := strings.Repeat(theme.Full, 10)
	for _, state := range []screen.RolloutState{screen.Succeeded, screen.RolledBack} {
		lineHas(t, consoleOf(examples()[state], screen.Overview), string(state), full+" 100 %")
	}
	s := consoleOf(examples()[screen.Holding], screen.Overview)
	lineHas(t, s, "yelb-ui", full+" 100 %", "idle")
	both := &s.Scene.Services[3].Route
	both.Targets = []engine.Target{{Name: "a", Sha: "a", Weight: 30}, {Name: "b", Sha: "b", Weight: 70}}
	lineHas(t, s, "yelb-ui", strings.Repeat(theme.Full, 7)+theme.Shade, " 70 %")
	*both = engine.Route{}
	lineHas(t, s, "yelb-ui", theme.Shade+"   "+theme.None)
}

// Weights that cannot be read any more are not told as those of now.
func TestWeightsThatMayHaveChanged(t *testing.T) {
	s := consoleOf(examples()[screen.Paused], screen.Detail)
	lineHas(t, s, " canary", " 30 % now,  30 % asked")
	s.Scene.Services[0].Fault = scene.Fault{Message: "connection refused", Since: s.Now}
	lineHas(t, s, " canary", " 30 % now,  30 % asked")
	s.Now = s.Now.Add(26 * time.Second)
	lineHas(t, s, " canary", " 30 % last known, 28 s ago,  30 % asked")
	s.Page = screen.Overview
	lineHas(t, s, "‖ paused", " 30 %?")

	s.Scene.Services[0].Fault = scene.Fault{}
	lineHas(t, s, "‖ paused", " 30 %  ")
	s.Now = s.Now.Add(time.Minute)
	lineHas(t, s, "‖ paused", " 30 %?")
	s.Scene.Services[3].Fault = scene.Fault{Message: "connection refused", Since: s.Now}
	s.Page, s.Selected = screen.Detail, "yelb-ui"
	lineHas(t, s, " serves", "100 % last known, 1:30 ago")
}

// Weights that were written are doubted until they are read back: at once when they cannot
// be, and soon when nobody says why they were not.
func TestWeightsThatWereWrittenAndNotRead(t *testing.T) {
	e := examples()[screen.Shifting]
	s := consoleOf(e, screen.Detail)
	intended := e.life.at
	now := func(after time.Duration) { s.Now = intended.Add(after) }
	now(4 * time.Second)
	lineHas(t, s, " canary 9bd", " 10 % now,  20 % asked")
	now(6 * time.Second)
	lineHas(t, s, " canary 9bd", " 10 % last known, 8 s ago,  20 % asked")
	if got := screen.StatusOf(s).Title; got != "serin: yelb-appserver 10 %? shifting" {
		t.Errorf("the title is %q", got)
	}
	now(time.Second)
	r := s.Scene.Services[0].Rollout.Rollout
	r.Faults = map[engine.Activity]engine.ActiveFault{engine.ReadRoute: {Activity: engine.ReadRoute, Message: "timed out", Since: s.Now}}
	lineHas(t, s, " canary 9bd", " 10 % last known, 3 s ago")

	s.Scene.Services[0].Rollout.Evidence.Route.ReadAt = intended.Add(500 * time.Millisecond)
	r.Faults = nil
	now(20 * time.Second)
	lineHas(t, s, " canary 9bd", " 10 % now,  20 % asked")
}

// A rollout that was let go of looks like none that somebody drives.
func TestHeldIsNotPaused(t *testing.T) {
	for _, page := range []screen.Page{screen.Overview, screen.Detail} {
		s := consoleOf(examples()[screen.Held], page)
		s.Width, s.Height = 120, 36
		lineHas(t, s, "HELD", "nobody drives it")
		if strings.Contains(plain(s), "PAUSED") {
			t.Errorf("it is paused too:\n%s", plain(s))
		}
	}
	s := consoleOf(examples()[screen.Held], screen.History)
	r := examples()[screen.Held].watched().Rollout.Rollout
	s.Past = []scene.Past{{Header: engine.Header{ID: r.ID, Key: r.Key, Open: true, StartedAt: r.StartedAt}, Rollout: r}}
	lineHas(t, s, "3f2a91c0", theme.Hold+" held")
}

// Steps that a full promotion passed over never ran.
func TestSkippedStepsAreNotTicked(t *testing.T) {
	s := consoleOf(examples()[screen.Baking], screen.Detail)
	s.Width = 200
	lineHas(t, s, " steps", "10 ✔", "20 ✔", "30 ✔", "40 –", "90 –", "bake █")
	s = consoleOf(examples()[screen.Holding], screen.Detail)
	lineHas(t, s, " steps", "10 ✔", "20 ✔", "30 ●")
}

// The metric period that still runs ends in the future. The numbers of it are as old as the
// verdict that has them, whoever drives meanwhile.
func TestEvidenceIsAsOldAsItsReading(t *testing.T) {
	e := examples()[screen.Holding]
	v := e.life.verdict()
	v.EvidenceTo = e.life.at.Add(44 * time.Second)
	e.life.add(&engine.Judged{Verdict: v})
	judged := e.life.at
	s := consoleOf(e, screen.Detail)
	s.Width = 130
	evidence := "evidence to " + judged.UTC().Format("15:04:05Z")
	lineHas(t, s, " verdict", evidence+", 0 s old")
	s.Now = judged.Add(20 * time.Second)
	lineHas(t, s, " verdict", evidence+", 20 s old")
	e.life.wait(50 * time.Second).add(&engine.Finished{Outcome: engine.Succeeded})
	s = consoleOf(e, screen.Detail)
	s.Width = 130
	lineHas(t, s, " verdict", evidence)
}

// A canary whose every answer is a 5xx passes while they are few. That looks like it only
// with the limit beside the numbers.
func TestAPassIsShownWithItsLimit(t *testing.T) {
	e := examples()[screen.Holding]
	v := e.life.verdict()
	v.Canary = analysis.Numbers{Requests: 1, Errors: 1}
	e.life.add(&engine.Judged{Verdict: v})
	lineHas(t, consoleOf(e, screen.Detail), " verdict", "✔ pass", "canary 1 of 1, 100 %", "limit 1 in 10m")

	v.Canary, v.Warning = analysis.Numbers{}, "no responses of the canary are known"
	e.life.add(&engine.Judged{Verdict: v})
	lineHas(t, consoleOf(e, screen.Detail), " verdict", "! pass", "canary no responses")
}

// Who rolled back is said once, and their own words after it.
func TestWhoRolledBackIsSaidOnce(t *testing.T) {
	const kim = "arn:aws:sts::123456789012:assumed-role/deploy/kim"
	by := engine.Cause{Kind: engine.ByPerson, By: kim, Reason: "asked for by " + kim + ": checkout is slow"}
	if got := screen.Because(by); got != "by hand of deploy/kim: checkout is slow" {
		t.Errorf("it is %q", got)
	}
	by.Reason = "asked for by " + kim
	if got := screen.Because(by); got != "by hand of deploy/kim" {
		t.Errorf("without a reason it is %q", got)
	}
	if got := screen.Because(engine.Cause{Kind: engine.ByVerdict, Reason: "17 5xx"}); got != "by the verdict: 17 5xx" {
		t.Errorf("it is %q", got)
	}
}

// A console that was opened after a rollout tells how that one ended.
func TestAnIdleServiceTellsHowTheLastRolloutEnded(t *testing.T) {
	s := consoleOf(examples()[screen.Holding], screen.Detail)
	s.Selected, s.Width = "yelb-ui", 130
	lineHas(t, s, "IDLE", "no rollout")
	for i := range s.Scene.Services {
		s.Scene.Services[i].Last = &scene.Ended{
			Sha: canarySha, Outcome: engine.RolledBack, At: s.Now.Add(-5 * time.Minute),
			Cause: &engine.Cause{Kind: engine.ByVerdict, Reason: "17 5xx"}, Reason: "17 5xx",
		}
	}
	lineHas(t, s, "IDLE", "no rollout; the last one (h), to 9bd0417e, was rolled back 5:00 ago, by the verdict: 17 5xx")
	s.Selected = service
	if strings.Contains(plain(s), "the last one") {
		t.Errorf("a rollout that runs is told of with the one before:\n%s", plain(s))
	}
}

// The newest of what one look at a stack has found is above the rest, with the time; a
// filter that leaves out the line with the time leaves the time.
func TestStackEventsAreNewestFirst(t *testing.T) {
	s := consoleOf(examples()[screen.Deploying], screen.Events)
	s.Width, s.Height = 120, 36
	lineHas(t, s, " 14:00:12  stack: Service (AWS::ECS::Service) CREATE_IN_PROGRESS")
	lineHas(t, s, "           stack: VirtualNode (AWS::AppMesh::VirtualNode) CREATE_COMPLETE")
	s.Filter = "virtualnode"
	lineHas(t, s, " 14:00:12  stack: VirtualNode (AWS::AppMesh::VirtualNode) CREATE_COMPLETE")
	lineHas(t, s, " 14:00:05  stack: VirtualNode (AWS::AppMesh::VirtualNode) CREATE_IN_PROGRESS")
}

// The end of a rollout of the past is read in full where there is room.
func TestTheHistorySaysWhyInFull(t *testing.T) {
	s := consoleOf(examples()[screen.RolledBack], screen.History)
	r := examples()[screen.RolledBack].watched().Rollout.Rollout
	const end = "the-last-of-many-words"
	r.Reason = strings.Repeat("the checkout was slow and ", 9) + end
	past := scene.Past{Header: engine.Header{ID: r.ID, Key: r.Key, StartedAt: r.StartedAt}, Rollout: r}
	s.Width, s.Height, s.Past = 80, 24, []scene.Past{past}
	lineHas(t, s, end)
	for range 30 {
		s.Past = append(s.Past, past)
	}
	if text := plain(s); strings.Contains(text, end) || !strings.Contains(text, "verdict   fail") {
		t.Errorf("where there is no room it is\n%s", text)
	}
}

// Keys that cannot act are told without colours, and without anything but ASCII.
func TestDisabledKeysAreBracketed(t *testing.T) {
	for _, look := range []theme.Theme{theme.New(true, false, theme.ASCII), theme.New(true, true, theme.Braille)} {
		s := consoleOf(examples()[screen.Holding], screen.Detail)
		s.Theme = look
		lineHas(t, s, "roll back", "(t take over)")
	}
}

// Who asked is told with the place that was asked from, and without where the caller is
// registered.
func TestWhoAskedIsTold(t *testing.T) {
	e := examples()[screen.Paused]
	e.life = holding().paused(engine.Pause{
		Kind: engine.PausedByPerson, By: "lee@desk (arn:aws:sts::123456789012:assumed-role/deploy/lee)", Reason: "looking",
	})
	lineHas(t, consoleOf(e, screen.Detail), "lee@desk (deploy/lee) at", "by lee@desk")
}

// What is to be done about a stuck rollout is said with the key that does it, or with the
// verb; what keeps it stuck is said once.
func TestAStuckRolloutSaysHowToGoOn(t *testing.T) {
	l := holding()
	fault := engine.ActiveFault{Activity: engine.WriteWeights, Message: "AccessDeniedException", Hint: "allow it", Since: l.at, Count: 3}
	l.add(&engine.StuckNow{Stuck: engine.Stuck{
		Reason: "could not write the weights for 5m0s: AccessDeniedException", Truth: "stable has 70",
		Advice: "allow it; then go on with: serin deploy FILE --resume", At: l.at,
	}})
	s := consoleOf(example{life: l}, screen.Detail)
	s.Width, s.Height = 120, 36
	s.Scene.Services[0].Rollout.Rollout.Faults = map[engine.Activity]engine.ActiveFault{engine.WriteWeights: fault}
	lineHas(t, s, " to do", "allow it; then press space: it is tried again")
	if text := plain(s); strings.Count(text, "AccessDeniedException") != 2 { // the newest event has it too
		t.Errorf("why it is stuck is said more than once:\n%s", text)
	}
	s.ReadOnly = true
	lineHas(t, s, " to do", "then go on with: serin resume yelb-appserver")
}

// A roll back that could not be done does not look like one that is being done.
func TestARollBackThatFails(t *testing.T) {
	s := consoleOf(examples()[screen.RollBackFails], screen.Overview)
	s.Width, s.Height = 140, 40
	lineHas(t, s, "▌yelb-appserver", "! roll back FAILS")
	lineHas(t, s, "ROLL BACK FAILS", "traffic could not be moved yet: 30 % is still on the canary")
	r := s.Scene.Services[0].Rollout.Rollout
	written := *r.Change
	written.Written = true
	r.Change, r.Faults = &written, map[engine.Activity]engine.ActiveFault{engine.ReadRoute: {Activity: engine.ReadRoute, Message: "timed out"}}
	s.Scene.Services[0].Route.ReadAt = s.Now.Add(-5 * time.Second)
	s.Scene.Services[0].Rollout.Evidence.Route.ReadAt = s.Now.Add(-5 * time.Second)
	lineHas(t, s, "ROLL BACK FAILS", "traffic was moved and could not be read back yet: 30 % was on the canary when the route was last")
	r.Faults = nil
	lineHas(t, s, "ROLLING BACK", "all traffic is going back to stable")
	r.Faults = map[engine.Activity]engine.ActiveFault{engine.RemoveStack: {Activity: engine.RemoveStack, Message: "denied"}}
	s.Scene.Services[0].Route.ReadAt = s.Now
	r.Stuck = &engine.Stuck{Reason: "denied", At: s.Now}
	lineHas(t, s, "STUCK", "a person is needed; step 3 of 10, traffic could not be rolled back: 30 % is still on the canary")
	r.Phase = engine.Removing
	lineHas(t, s, "STUCK", "traffic is safe; the canary could not be removed")
	r.Stuck = nil
	lineHas(t, s, "ROLLING BACK", "traffic is safe; the canary could not be removed yet")
	r.Faults = nil
	lineHas(t, s, "ROLLING BACK", "traffic is safe; the canary is being removed")
}

// A target that is neither version leaves no room for the weights of a step: it must go
// before anything is written.
func TestADriftSaysWhatHelps(t *testing.T) {
	s := consoleOf(examples()[screen.Drift], screen.Detail)
	s.Width, s.Height = 120, 36
	lineHas(t, s, " to do", "take someone-elses-node off the route, then press space; r takes the canary's traffic off at once")
	route := s.Scene.Services[0].Rollout.Evidence.Route
	route.Targets = route.Targets[:2] // it was taken off
	s.Scene.Services[0].Route = *route
	lineHas(t, s, " to do", "space writes the weights of this step over that; r rolls back")

	l := holding().add(&engine.StuckNow{Stuck: engine.Stuck{
		Reason: "the route also gives 20 to a target that is not Serin's",
		Advice: "take that target off the route, then resume; then go on with: serin deploy FILE --resume",
	}})
	s = consoleOf(example{life: l}, screen.Detail)
	s.Width = 120
	lineHas(t, s, " to do", " take that target off the route; then press space: it is tried again")
}

// The headline of a drift says what someone else did, and never the weight of the step.
func TestADriftIsNotHeldAtItsStep(t *testing.T) {
	expected := route(50, 50, twoOClock).Targets
	foreign := engine.Target{Name: "someone-elses-node", Weight: 20}
	for _, drift := range []struct {
		found        []engine.Target
		reason, says string
	}{
		{route(70, 30, twoOClock).Targets, "", "someone else moved the canary from 50 % to 30 %; the clock stands; step 3 of 10"},
		{route(100, 0, twoOClock).Targets, "", "someone else moved the canary from 50 % to 0 %; the clock stands"},
		{
			[]engine.Target{{Sha: stableSha, Weight: 40}, {Sha: canarySha, Weight: 40}, foreign},
			"",
			"someone else gave traffic to someone-elses-node and moved the canary from 50 % to 40 %; the clock stands",
		},
		{nil, "someone else deleted the route", "someone else deleted the route; the clock stands"},
		{
			expected, "someone else changed the route: its match, retries, timeouts or priority",
			"someone else changed the route: its match, retries, timeouts or priority; the clock stands",
		},
	} {
		l := holding().paused(engine.Pause{Kind: engine.PausedByDrift, By: "serin", Reason: drift.reason, Expected: expected, Found: drift.found})
		s := consoleOf(example{life: l}, screen.Detail)
		s.Width, s.Height = 140, 40
		lineHas(t, s, "DRIFT", drift.says)
		s.Scene.Services[0].Rollout.Lost = true
		lineHas(t, s, "DRIVER LOST", "someone else")
	}
	s := consoleOf(examples()[screen.Drift], screen.Detail)
	s.Width, s.Height = 140, 40
	s.Scene.Services[0].Rollout.Evidence.Route.Targets = expected
	s.Scene.Services[0].Route.Targets = expected
	lineHas(t, s, "DRIFT", "from 30 % to 40 %, and it has 50 % now; the clock stands")
}

// What is wrong is read to its end where a second line has room for it, also where there is
// nothing else to show.
func TestWhatIsWrongIsReadToItsEnd(t *testing.T) {
	s := pages()["unread"]
	s.Width, s.Height = 60, 15
	for _, word := range []string{"nosuch was not found", "the same name"} {
		if text := strings.Join(strings.Fields(plain(s)), " "); !strings.Contains(text, word) || strings.Contains(text, "being read") {
			t.Errorf("%q is not in\n%s", word, plain(s))
		}
	}
	if text := plain(s); strings.Count(text, "list the services") != 1 {
		t.Errorf("it is said twice:\n%s", text)
	}
	s = consoleOf(examples()[screen.Holding], screen.Overview)
	s.Notice = screen.Notice{Level: screen.Failure, Text: strings.Repeat("the table is read-only; ", 4) + "ask its owner"}
	s.Scene.JournalFault = strings.Repeat("the disk is full; ", 5) + "make room"
	line(t, s, "ask its owner")
	line(t, s, "make room")
	s.Height = 19
	if text := plain(s); strings.Contains(text, "ask its owner") || strings.Contains(text, "make room") || !strings.Contains(text, " ✖ the table") {
		t.Errorf("on a low screen it is\n%s", text)
	}
}

// Who drives is seen on the list too, whatever else there is to say.
func TestTheDriverIsAlwaysSeen(t *testing.T) {
	for _, example := range examples() {
		s := consoleOf(example, screen.Overview)
		s.Scene.JournalFault = "the disk is full"
		lineHas(t, s, " driver    ", "kim")
	}
}

// Seconds tell rollouts of one minute apart, at every width.
func TestTheHistoryHasSeconds(t *testing.T) {
	s := withPast(consoleOf(examples()[screen.Holding], screen.History))
	for _, size := range sizes {
		s.Width, s.Height = size[0], size[1]
		lineHas(t, s, "succeeded", "11-23 14:00:01Z ", service)
	}
}

// How many events there are is told before the rollout's name, which is long.
func TestTheEventsAreCountedInTheTitle(t *testing.T) {
	s := consoleOf(examples()[screen.RolledBack], screen.Events)
	lineHas(t, s, "events of yelb-appserver", "─ 1 to 19 of 4", " ─ rollout 6a044b58c0ffee: ")
}

// Who drives here is seen to live. One that took over a rollout which was let go of has it
// paused, and not let go of.
func TestADriverOfThisProcess(t *testing.T) {
	e := examples()[screen.Holding]
	s := consoleOf(e, screen.Detail)
	lineHas(t, s, " driver", "alive")
	s.Scene.Services[0].Rollout.Mine = true
	lineHas(t, s, " driver", "you, here")
	if strings.Contains(plain(s), "alive") {
		t.Errorf("it is said that this process is alive:\n%s", plain(s))
	}
	s = consoleOf(examples()[screen.Held], screen.Detail)
	lineHas(t, s, "‖ let go", "by ")
	s.Scene.Services[0].Rollout.Rollout.LetGo = false
	lineHas(t, s, "‖ paused", "by ")
}
