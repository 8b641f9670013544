package headless

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"serin/internal/engine"
)

// HistoryReport is one rollout as history tells it.
type HistoryReport struct {
	Rollout *engine.Rollout
	Spent   engine.Spent
	// Passed is how many steps were passed, of how many there are; the bake is the last.
	Passed, Steps int
	// Served is what the canary served, as far as is known; HasResponses is false for tcp,
	// which has none to count.
	Served       engine.Served
	HasResponses bool
	// Drivers are all who drove, in order.
	Drivers []Drove
}

// Drove is who drove a rollout, and why it was taken over, where that was said.
type Drove struct {
	engine.Driver
	Reason string `json:"reason,omitempty"`
}

// String is that in words.
func (d Drove) String() string {
	if d.Reason == "" {
		return d.Driver.String()
	}
	return d.Driver.String() + " because " + d.Reason
}

// NewHistoryReport is the report of a rollout's events at a time.
func NewHistoryReport(events []engine.Event, now time.Time) HistoryReport {
	r := engine.Fold(events)
	report := HistoryReport{
		Rollout: r, Spent: engine.SpentOn(events, now), Steps: len(r.Plan.Steps),
		Served: engine.ServedBy(events, now), HasResponses: r.Spec.Protocol.HasResponses(),
	}
	for _, event := range events {
		switch body := event.Body.(type) {
		case *engine.StepPassed:
			report.Passed++
		case *engine.DriverTook:
			if drove := (Drove{body.Driver, body.Reason}); !slices.Contains(report.Drivers, drove) {
				report.Drivers = append(report.Drivers, drove)
			}
		}
	}
	return report
}

// outcome is how it ended, in words.
func (h HistoryReport) outcome() string {
	if h.Rollout.Outcome == "" {
		return "open, " + spaced(string(h.Rollout.Phase))
	}
	return spaced(string(h.Rollout.Outcome))
}

// Text writes the rollout in some lines.
func (h HistoryReport) Text(out io.Writer) error {
	r := h.Rollout
	lines := []string{fmt.Sprintf("%s  %s  %s: %s, %s", stamp(r.StartedAt), r.ID, r.Key.Service, versions(r), h.outcome())}
	add := func(words string) { lines = append(lines, "  "+words) }
	spent := fmt.Sprintf("%d of %d steps passed; %s: %s working, %s holding, %s waiting for a person", h.Passed, h.Steps,
		brief(h.Spent.Total()), brief(h.Spent.Working), brief(h.Spent.Holding), brief(h.Spent.Waiting))
	if h.Spent.Driverless > 0 {
		spent += ", " + brief(h.Spent.Driverless) + " without a driver"
	}
	add(spent)
	if h.HasResponses {
		add(h.Served.String())
	}
	var drivers []string
	for _, driver := range h.Drivers {
		drivers = append(drivers, driver.String())
	}
	add("started by " + r.StartedBy + "; driven by " + strings.Join(drivers, ", then "))
	if r.StartedWhy != "" {
		add("started for this reason: " + r.StartedWhy)
	}
	if r.Reason != "" {
		add("because " + r.Reason)
	}
	if r.Leftover != "" {
		add("left over: " + r.Leftover)
	}
	return writeLines(out, lines)
}

func brief(d time.Duration) string { return d.Round(time.Second).String() }

// JSON writes the rollout as one object in one line: rollout, service, environment,
// outcome (null while it is open), phase, reason, cause (verdict, person, interrupt,
// deployment, provider, timeout, drift; null without), leftover, first, started, started_by,
// started_why (the reason that was given; null without), ended, seconds (total, working,
// holding, waiting, driverless), steps, steps_passed, requests and errors that the canary
// served, and requests_known_to, up to when that is known (null for tcp, and all three
// while nothing is known), drivers (each with reason, why it took over, where that was
// said), and stable and canary with their weights.
func (h HistoryReport) JSON(out io.Writer) error {
	r := h.Rollout
	line := &object{}
	line.add("rollout", r.ID)
	line.add("service", r.Key.Service)
	line.add("environment", r.Key.Environment)
	line.add("outcome", textOrNull(string(r.Outcome)))
	line.add("phase", r.Phase)
	line.add("reason", textOrNull(r.Reason))
	cause := ""
	if r.Cause != nil {
		cause = string(r.Cause.Kind)
	}
	line.add("cause", textOrNull(cause))
	line.add("leftover", textOrNull(r.Leftover))
	line.add("first", r.First())
	line.add("started", r.StartedAt.UTC())
	line.add("started_by", r.StartedBy)
	line.add("started_why", textOrNull(r.StartedWhy))
	if r.EndedAt.IsZero() {
		line.add("ended", nil)
	} else {
		line.add("ended", r.EndedAt.UTC())
	}
	line.add("seconds", map[string]float64{
		"total": h.Spent.Total().Seconds(), "working": h.Spent.Working.Seconds(),
		"holding": h.Spent.Holding.Seconds(), "waiting": h.Spent.Waiting.Seconds(),
		"driverless": h.Spent.Driverless.Seconds(),
	})
	line.add("steps", h.Steps)
	line.add("steps_passed", h.Passed)
	h.addServed(line)
	line.add("drivers", h.Drivers)
	addShares(line, r)
	_, err := out.Write(line.end())
	return err
}

// addServed adds what the canary served: a number that is not known is none.
func (h HistoryReport) addServed(line *object) {
	var requests, errors, to any
	if h.HasResponses && !h.Served.KnownTo.IsZero() {
		requests, errors, to = h.Served.Requests, h.Served.Errors, h.Served.KnownTo.UTC()
	}
	line.add("requests", requests)
	line.add("errors", errors)
	line.add("requests_known_to", to)
}

// Audit writes every event of a rollout, in order, and every command that nobody answered:
// time, number, what happened with its reason and evidence, and who made it happen.
func Audit(out io.Writer, events []engine.Event, commands []engine.Command) error {
	r := &engine.Rollout{}
	var lines []string
	for _, event := range events {
		r.Apply(event)
		words := append(Words(event, r), evidence(event.Body)...)
		for i, line := range words {
			lines = append(lines, fmt.Sprintf("%s %4d  %s", event.At.UTC().Format("2006-01-02T15:04:05.000Z"), event.Seq, line))
			if i == 0 && event.Actor != "" {
				lines[len(lines)-1] += "  [" + event.Actor + "]"
			}
		}
	}
	for _, command := range unanswered(events, commands) {
		lines = append(lines, fmt.Sprintf("%s    -  asked to %s, which nobody took up", command.At.UTC().Format("2006-01-02T15:04:05.000Z"), asked(command)))
	}
	return writeLines(out, lines)
}

// evidence is what a verdict rests on.
func evidence(body engine.Body) []string {
	judged, is := body.(*engine.Judged)
	if !is {
		return nil
	}
	v := judged.Verdict
	words := fmt.Sprintf("evidence: canary %.0f 5xx of %.0f, stable %.0f 5xx of %.0f", v.Canary.Errors, v.Canary.Requests, v.Stable.Errors, v.Stable.Requests)
	if !v.EvidenceTo.IsZero() {
		words += ", to " + stamp(v.EvidenceTo)
	}
	return []string{words}
}

// unanswered are the commands of a mailbox that no event tells of.
func unanswered(events []engine.Event, commands []engine.Command) []engine.Command {
	answered := map[int64]bool{}
	for _, event := range events {
		switch body := event.Body.(type) {
		case *engine.CommandTaken:
			answered[body.Command.Number] = true
		case *engine.CommandRefused:
			answered[body.Command.Number] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(commands), func(command engine.Command) bool { return answered[command.Number] })
}

// AuditJSON writes the whole journal of a rollout, one object a line: every event with
// rollout, seq, at, actor, kind and body, as the journal has them, and then every command
// that nobody answered, with rollout and command.
func AuditJSON(out io.Writer, id string, events []engine.Event, commands []engine.Command) error {
	for _, event := range events {
		line := &object{}
		line.add("rollout", id)
		line.add("seq", event.Seq)
		line.add("at", event.At.UTC())
		line.add("actor", event.Actor)
		line.add("kind", event.Body.Kind())
		line.add("body", event.Body)
		if _, err := out.Write(line.end()); err != nil {
			return err
		}
	}
	for _, command := range unanswered(events, commands) {
		line := &object{}
		line.add("rollout", id)
		line.add("command", command)
		if _, err := out.Write(line.end()); err != nil {
			return err
		}
	}
	return nil
}
