package headless_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
	"serin/internal/headless"
	"serin/internal/steer"
)

// TestReports writes what status and history say of every story.
func TestReports(t *testing.T) {
	for name, story := range stories() {
		t.Run(name, func(t *testing.T) {
			rollout := engine.Fold(story.events)
			now := rollout.At.Add(time.Minute)
			status := headless.StatusReport{At: now, Service: rollout.Key.Service, Route: rollout.Confirmed, Rollout: rollout, Life: steer.Alive, LastSeen: rollout.At}
			if rollout.Outcome != "" {
				status.Rollout, status.Last = nil, rollout
			}
			history := headless.NewHistoryReport(story.events, now)
			mailbox := []engine.Command{{Number: 1, Kind: engine.Promote}, {Number: 9, Kind: engine.PauseIt, By: "lee", At: now, Reason: "\x1b[31mtoo late"}}
			var text, lines, audit bytes.Buffer
			for _, err := range []error{
				status.Text(&text), history.Text(&text), headless.Audit(&text, story.events, mailbox),
				status.JSON(&lines), history.JSON(&lines), headless.AuditJSON(&audit, rollout.ID, story.events, mailbox),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			golden(t, name+".reports.txt", text.Bytes())
			golden(t, name+".reports.jsonl", lines.Bytes())
			checkText(t, withoutDays(text.String()))
			checkAudit(t, audit.String(), story.events)
		})
	}
}

// withoutDays is a text whose lines begin with a time, as checkText wants them.
func withoutDays(text string) string {
	var made strings.Builder
	for line := range strings.Lines(text) {
		made.WriteString("14:03:00  " + line)
	}
	return made.String()
}

// checkAudit reads the events back as a journal does: nothing is lost.
func checkAudit(t *testing.T, audit string, events []engine.Event) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(audit), "\n")
	for i, event := range events {
		if got, want := readBack(t, withoutRollout(lines[i])), readBack(t, marshalled(t, event)); got != want {
			t.Errorf("event %d is read back as\n%s, want\n%s", event.Seq, got, want)
		}
	}
	var last struct {
		Rollout string
		Command engine.Command
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Command.Number != 9 || last.Rollout == "" {
		t.Errorf("what nobody took up is %s (%v)", lines[len(lines)-1], err)
	}
}

// withoutRollout is a line of an audit as the journal has it.
func withoutRollout(line string) string {
	_, rest, _ := strings.Cut(line, ",")
	return "{" + rest
}

// readBack reads an event as a journal does, and writes it again.
func readBack(t *testing.T, text string) string {
	t.Helper()
	var event engine.Event
	if err := json.Unmarshal([]byte(text), &event); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return marshalled(t, event)
}

func marshalled(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestStatusSaysWhatComesNext(t *testing.T) {
	holding := begin(false).deploy().shift(0, 10)
	for name, test := range map[string]struct {
		story *story
		life  steer.Life
		want  string
		timed bool
	}{
		"new":        {begin(false), steer.Alive, "canary 10 once all its tasks are healthy", false},
		"holding":    {holding, steer.Alive, "the gate: QA signs off", true},
		"lost":       {holding, steer.Lost, "nothing, until somebody drives it: serin takeover", false},
		"gate":       {begin(false).deploy().shift(0, 10).pass(0, 10).add(&engine.GateOpened{Step: 1, Gate: "QA signs off"}), steer.Alive, "serin promote yelb-appserver; else rollback", true},
		"paused":     {begin(false).deploy().shift(0, 10).add(&engine.PausedNow{}), steer.Unknown, "until serin resume yelb-appserver", false},
		"back":       {begin(false).deploy().shift(0, 10).add(&engine.RollbackStarted{}), steer.Alive, "all traffic is back on stable", false},
		"after gate": {begin(false).deploy().shift(0, 10).pass(0, 10).add(&engine.GateOpened{Step: 1}, &engine.StepPassed{Step: 1}).shift(2, 50), steer.Alive, "if the verdict is pass, canary 100", true},
	} {
		rollout := engine.Fold(test.story.events)
		report := headless.StatusReport{At: rollout.At, Service: rollout.Key.Service, Rollout: rollout, Life: test.life}
		next, at := report.Next()
		if !strings.Contains(next, test.want) || at.IsZero() == test.timed {
			t.Errorf("%s: next is %q at %s, want %q", name, next, at, test.want)
		}
	}
}

// The weights that are shown are the router's, not those that were asked for.
func TestStatusTellsTheRoutersWeights(t *testing.T) {
	rollout := engine.Fold(begin(false).deploy().shift(0, 10).events)
	report := headless.StatusReport{At: rollout.At, Service: "yelb-appserver", Rollout: rollout, Route: route(80, 20)}
	var text bytes.Buffer
	if err := report.Text(&text); err != nil || !strings.Contains(text.String(), "stable 80, canary 20; asked for: stable 90, canary 10") {
		t.Errorf("%s (%v)", text.String(), err)
	}
	report.Fault, report.Route = "access denied", engine.Route{}
	text.Reset()
	if err := report.Text(&text); err != nil || !strings.Contains(text.String(), "could not be read: access denied; last read back: stable 90, canary 10") {
		t.Errorf("%s (%v)", text.String(), err)
	}
}

// A service whose route is split is not idle, although no rollout is known that did it:
// none can begin.
func TestStatusTellsOfASplitThatNoRolloutIsOpenFor(t *testing.T) {
	last := engine.Fold(begin(false).deploy().shift(0, 10).rollBack(engine.Cause{Kind: engine.ByPerson, By: "kim", Reason: "slow"}).events)
	for none, report := range map[string]headless.StatusReport{
		"known": {Service: "yelb-appserver", Route: route(90, 10)}, "open": {Service: "yelb-appserver", Route: route(90, 10), Last: last},
	} {
		var text, line bytes.Buffer
		want := "yelb-appserver: split, no rollout is " + none + ", yelb-appserver-3f2a91c0 90, yelb-appserver-9bd0417e 10\n  next     no deploy begins while it is split"
		if err := report.Text(&text); err != nil || !strings.HasPrefix(text.String(), want) {
			t.Errorf("%s (%v)", text.String(), err)
		}
		if err := report.JSON(&line); err != nil || !strings.Contains(line.String(), `"state":"split"`) || !strings.Contains(line.String(), `"next":"no deploy begins`) {
			t.Errorf("%s (%v)", line.String(), err)
		}
	}
	if state := (headless.StatusReport{Route: route(100, 0)}).State(); state != "idle" {
		t.Errorf("one version with all of the traffic is %s", state)
	}
}

func TestStatusTellsWhyItIsPausedWhereThatWasSaid(t *testing.T) {
	for reason, want := range map[string]string{"": "by lee at 2026-11-23T14:00:00Z\n", "lunch": "by lee at 2026-11-23T14:00:00Z: lunch\n"} {
		pause := engine.Pause{Kind: engine.PausedByPerson, By: "lee", At: time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC), Reason: reason}
		rollout := engine.Fold(begin(false).deploy().shift(0, 10).add(&engine.PausedNow{Pause: pause}).events)
		var text bytes.Buffer
		report := headless.StatusReport{At: rollout.At, Service: "yelb-appserver", Rollout: rollout, Route: route(90, 10)}
		if err := report.Text(&text); err != nil || !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in %s (%v)", want, text.String(), err)
		}
	}
}

func TestHistoryTellsWhyItWasStarted(t *testing.T) {
	rollout := engine.Fold(begin(false).deploy().events)
	rollout.StartedWhy, rollout.Reason = "the fix of the votes", "9bd0417e has all the traffic"
	report := headless.HistoryReport{Rollout: rollout}
	var text, line bytes.Buffer
	if err := report.Text(&text); err != nil || !strings.Contains(text.String(), ": the fix of the votes\n") || !strings.Contains(text.String(), "  because 9bd0417e has all the traffic\n") {
		t.Errorf("%s (%v)", text.String(), err)
	}
	if err := report.JSON(&line); err != nil || !strings.Contains(line.String(), `"started_why":"the fix of the votes"`) {
		t.Errorf("%s (%v)", line.String(), err)
	}
}

func TestAnswers(t *testing.T) {
	rollout := engine.Fold(begin(false).deploy().shift(0, 10).events)
	command := engine.Command{Kind: engine.RollBack, Number: 3, By: "lee", Reason: "slow"}
	rolledBack := engine.Event{Body: &engine.RollbackStarted{Cause: engine.Cause{Kind: engine.ByPerson, Reason: "asked for by lee: slow"}}}
	for kind, test := range map[steer.AnswerKind]struct {
		answer steer.Answer
		want   string
		code   int
	}{
		steer.Taken:      {steer.Answer{Effect: []engine.Event{rolledBack}, After: 200 * time.Millisecond}, "roll back: taken up by kim@laptop, pid 7", 0},
		steer.Already:    {steer.Answer{Why: "the rollout is rolling back already"}, "roll back: nothing to do: the rollout is rolling back already", 0},
		steer.Refused:    {steer.Answer{Why: "it is over\x1b[2J"}, "refused by kim@laptop", 1},
		steer.NoDriver:   {steer.Answer{Life: steer.LetGo}, "has let go of it", 1},
		steer.TooLate:    {steer.Answer{Why: "the rollout is over: it succeeded"}, "not taken up: the rollout is over", 1},
		steer.Unanswered: {steer.Answer{Number: 3, After: time.Minute}, "not taken up within 1m0s", 1},
	} {
		test.answer.Kind, test.answer.Driver = kind, kim()
		report := headless.AnswerReport{Command: command, Answer: test.answer, Rollout: rollout, ToDo: "look"}
		var text, line bytes.Buffer
		if err := report.Text(&text); err != nil || !strings.Contains(text.String(), test.want) || strings.Contains(text.String(), "\x1b") {
			t.Errorf("%s: %q (%v), want %q", kind, text.String(), err, test.want)
		}
		synctest.Test(t, func(t *testing.T) {
			if err := report.JSON(&line); err != nil {
				t.Error(err)
			}
		})
		var read struct {
			Answer, By, Reason string
			Canary             struct{ Weight int }
		}
		if err := json.Unmarshal(line.Bytes(), &read); err != nil || read.Answer != string(kind) || read.By != "lee" || read.Reason != "slow" || read.Canary.Weight != 10 {
			t.Errorf("%s: %s (%v)", kind, line.String(), err)
		}
		if code := headless.AnswerCode(test.answer); code != test.code {
			t.Errorf("%s exits with %d, want %d", kind, code, test.code)
		}
	}
}

func TestHistoryCountsWhatTheCanaryServed(t *testing.T) {
	at := time.Date(2026, 11, 23, 14, 3, 0, 0, time.UTC)
	served := &engine.Observed{Responses: []engine.Responses{
		{Sha: canarySha, Buckets: []analysis.Bucket{{Start: at, Counts: [5]float64{0, 200, 0, 0, 3}}, {Start: at.Add(time.Minute), Counts: [5]float64{0, 100, 0, 2, 1}}}},
		{Sha: stableSha, Buckets: []analysis.Bucket{{Start: at, Counts: [5]float64{0, 900, 0, 0, 9}}}},
	}}
	story := begin(false).deploy().shift(0, 10).add(served, &engine.StepPassed{}, &engine.DriverTook{Driver: engine.Driver{Actor: "lee"}}, &engine.DriverTook{Driver: kim()})
	report := headless.NewHistoryReport(story.events, story.at)
	if report.Served.Requests != 306 || report.Served.Errors != 4 || report.Passed != 1 || report.Steps != 4 || len(report.Drivers) != 2 {
		t.Errorf("%+v", report)
	}
	if whole := story.at.Sub(report.Rollout.StartedAt); report.Spent.Total() != whole {
		t.Errorf("the parts are %s, the whole %s", report.Spent.Total(), whole)
	}
}
