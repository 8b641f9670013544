package headless

import (
	"fmt"
	"io"
	"time"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
)

// Text tells a rollout in lines of plain words, each with its time in UTC: no escape
// codes, no control characters. What repeats itself at a high rate (readings, verdicts
// that say the same, retries of the same failure) is told when it changes something.
type Text struct {
	out     io.Writer
	verbose bool

	verdict  analysis.Verdict
	step     int
	judged   bool
	faults   map[engine.Activity]string
	finished bool
}

var _ Printer = (*Text)(nil)

// NewText writes to out, one Write an event; verbose tells everything.
func NewText(out io.Writer, verbose bool) *Text {
	return &Text{out: out, verbose: verbose, faults: map[engine.Activity]string{}}
}

// Event implements Printer.
func (t *Text) Event(event engine.Event, after *engine.Rollout) {
	saying, known := sayings()[event.Body.Kind()]
	t.finished = event.Body.Kind() == engine.KindFinished
	if !t.isNews(event.Body, after) && !t.verbose {
		return
	}
	if !known {
		t.print(event.At, string(event.Body.Kind()))
		return
	}
	if saying.detail && !t.verbose {
		return
	}
	t.print(event.At, saying.say(event.Body, after)...)
}

// isNews tells whether an event says what was not said before.
func (t *Text) isNews(body engine.Body, after *engine.Rollout) bool {
	switch b := body.(type) {
	case *engine.Judged:
		before, step, judged := t.verdict, t.step, t.judged
		t.verdict, t.step, t.judged = b.Verdict, after.Step, true
		return !judged || step != after.Step || before.Result != b.Verdict.Result || before.Warning != b.Verdict.Warning
	case *engine.Faulted:
		said, before := t.faults[b.Fault.Activity]
		t.faults[b.Fault.Activity] = b.Fault.Message
		return !before || said != b.Fault.Message
	case *engine.Recovered:
		delete(t.faults, b.Activity)
	}
	return true
}

// End implements Printer: it tells an ending that no event has told.
func (t *Text) End(ending engine.Ending) error {
	if t.finished {
		return nil
	}
	words := map[engine.Outcome]string{
		engine.Held:         "held, the rollout stays open: " + ending.Reason,
		engine.StuckOutcome: "stuck, the rollout stays open: a person is needed",
		"":                  "left: " + ending.Reason,
		engine.Succeeded:    "succeeded: " + ending.Reason,
		engine.RolledBack:   "rolled back: " + ending.Reason,
	}
	t.print(time.Now(), words[ending.Outcome])
	if r := ending.Rollout; ending.Outcome == engine.Held && r.Paused != nil && r.Paused.Kind == engine.PausedByDrift {
		t.print(time.Now(), "to do: "+afterDrift(r, *r.Paused))
	}
	return nil
}

func (t *Text) print(at time.Time, lines ...string) {
	var text []byte
	for _, line := range lines {
		text = fmt.Appendf(text, "%s  %s\n", at.UTC().Format("15:04:05"), Clean(line))
	}
	_, _ = t.out.Write(text) // a Queue takes everything, and tells at its end what was lost
}
