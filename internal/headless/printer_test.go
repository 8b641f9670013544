package headless_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"unicode"
	"unicode/utf8"

	"go.uber.org/goleak"

	"serin/internal/engine"
	"serin/internal/headless"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant:\n%s", path, got, want)
	}
}

func TestPrinters(t *testing.T) {
	for name, story := range stories() {
		t.Run(name, func(t *testing.T) {
			var text, verbose, lines bytes.Buffer
			path := filepath.Join(t.TempDir(), "report.xml")
			junit, err := headless.NewJUnit(path)
			if err != nil {
				t.Fatal(err)
			}
			// A bubble's clock does not move, so that the last line has a known time.
			synctest.Test(t, func(t *testing.T) {
				err := story.tell(endings()[name],
					headless.NewText(&text, false), headless.NewText(&verbose, true), headless.NewJSON(&lines), junit)
				if err != nil {
					t.Fatal(err)
				}
			})
			report, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", text.Bytes())
			golden(t, name+".verbose.txt", verbose.Bytes())
			golden(t, name+".jsonl", lines.Bytes())
			golden(t, name+".xml", report)
			checkText(t, verbose.String())
			checkLines(t, lines.String(), len(story.events), endings()[name])
			checkReport(t, report)
		})
	}
}

func checkText(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if !strings.HasSuffix(line, "\n") || len(line) < len("14:03:08  x\n") || line[8:10] != "  " {
			t.Errorf("%q is not a line with a time and words", line)
		}
		if !utf8.ValidString(line) || strings.ContainsFunc(strings.TrimSuffix(line, "\n"), unicode.IsControl) {
			t.Errorf("%q has control characters", line)
		}
	}
}

func checkLines(t *testing.T, text string, events int, ending engine.Ending) {
	t.Helper()
	var last map[string]any
	count := 0
	for line := range strings.Lines(text) {
		last = map[string]any{}
		if err := json.Unmarshal([]byte(line), &last); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		for _, key := range []string{"time", "rollout", "service", "event", "stable", "canary"} {
			if _, has := last[key]; !has {
				t.Errorf("%s lacks %s", line, key)
			}
		}
		count++
	}
	if count < events {
		t.Errorf("%d lines of %d events", count, events)
	}
	if strings.Contains(text, "of the route") || strings.Contains(text, "UmVzb3VyY2Vz") {
		t.Error("a whole document or template is in the output")
	}
	if ending.Outcome == "" {
		return
	}
	reason, _ := last["reason"].(string)
	if last["event"] != "finished" || last["outcome"] != string(ending.Outcome) || reason == "" {
		t.Errorf("the last line is %v, want finished with %s and a reason", last, ending.Outcome)
	}
}

func checkReport(t *testing.T, report []byte) {
	t.Helper()
	decoder := xml.NewDecoder(bytes.NewReader(report))
	found := map[string]int{}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the report is not XML: %v\n%s", err, report)
		}
		if start, is := token.(xml.StartElement); is {
			found[start.Name.Local]++
		}
	}
	if found["testsuite"] != 1 || found["testcase"] < 3 {
		t.Errorf("the report has %v", found)
	}
}

// Every kind of event that a journal may hold is told by every printer.
func TestEveryKindIsTold(t *testing.T) {
	told := map[engine.EventKind]bool{}
	for _, story := range stories() {
		for _, event := range story.events {
			told[event.Body.Kind()] = true
		}
	}
	for _, kind := range engine.EventKinds() {
		if !told[kind] {
			t.Errorf("no story has an event %s", kind)
		}
	}
}

func TestExitCode(t *testing.T) {
	for _, test := range []struct {
		ending engine.Ending
		want   int
	}{
		{engine.Ending{Outcome: engine.Succeeded}, 0},
		{engine.Ending{}, 1},
		{engine.Ending{Outcome: engine.RolledBack, Cause: engine.ByVerdict}, 3},
		{engine.Ending{Outcome: engine.RolledBack, Cause: engine.ByDeployment}, 3},
		{engine.Ending{Outcome: engine.RolledBack, Cause: engine.ByProvider}, 3},
		{engine.Ending{Outcome: engine.RolledBack, Cause: engine.ByTimeout, Leftover: "a stack"}, 3},
		{engine.Ending{Outcome: engine.RolledBack, Cause: engine.ByPerson}, 4},
		{engine.Ending{Outcome: engine.RolledBack, Cause: engine.ByInterrupt}, 4},
		{engine.Ending{Outcome: engine.StuckOutcome}, 5},
		{engine.Ending{Outcome: engine.StuckOutcome, Cause: engine.ByPerson}, 5},
		{engine.Ending{Outcome: engine.Held}, 6},
		{engine.Ending{Outcome: engine.Succeeded, Leftover: "a stack"}, 7},
	} {
		if got := headless.ExitCode(test.ending); got != test.want {
			t.Errorf("the exit code of %+v is %d, want %d", test.ending, got, test.want)
		}
	}
}

func TestJUnitRefusesWhatItCouldNotWrite(t *testing.T) {
	directory := t.TempDir()
	for _, path := range []string{filepath.Join(directory, "missing", "report.xml"), directory} {
		if _, err := headless.NewJUnit(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("error is %v, want one that names %s", err, path)
		}
	}
	path := filepath.Join(directory, "report.xml")
	junit, err := headless.NewJUnit(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := junit.End(engine.Ending{Reason: "could not start"}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a rollout that never started left a report (%v)", err)
	}
}

func TestWhyARolloutWasStartedIsTold(t *testing.T) {
	s := begin(false)
	s.events[0].Body.(*engine.Started).Reason = "votes\x1b[2J are lost"
	var text bytes.Buffer
	if err := s.tell(engine.Ending{}, headless.NewText(&text, false)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "because: votes") || strings.Contains(text.String(), "\x1b") {
		t.Errorf("it is told as %q", text.String())
	}
}

// A target that is neither version leaves no room for the weights of a step: it must go
// before anything is written.
func TestADriftSaysWhatHelps(t *testing.T) {
	const want = "take someone-elses-node off the route, then serin resume yelb-appserver; " +
		"serin rollback yelb-appserver takes the canary's traffic off at once"
	found := append(route(70, 10).Targets, engine.Target{Name: "someone-elses-node", Weight: 20})
	s := begin(false).deploy().shift(0, 10).add(&engine.PausedNow{Pause: engine.Pause{
		Kind: engine.PausedByDrift, By: "serin", Reason: "someone else changed the route", Found: found,
	}})
	r := engine.Fold(s.events)
	var out bytes.Buffer
	headless.NewText(&out, false).Event(s.events[len(s.events)-1], r)
	if !strings.Contains(out.String(), "; "+want) {
		t.Errorf("it is told as %q", out.String())
	}
	if next, _ := (headless.StatusReport{Service: "yelb-appserver", Rollout: r}).Next(); !strings.HasSuffix(next, ": "+want) {
		t.Errorf("what comes next is %q", next)
	}
}
