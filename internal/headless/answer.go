package headless

import (
	"fmt"
	"io"
	"strings"
	"time"

	"serin/internal/engine"
	"serin/internal/steer"
)

// AnswerReport is what came of a command that was asked of another process' rollout.
type AnswerReport struct {
	Command engine.Command
	steer.Answer
	// Rollout is the rollout after the answer.
	Rollout *engine.Rollout
	// ToDo is what the operator can do now; empty when there is nothing to be done.
	ToDo string
}

// AnswerCode is the exit code of a verb that asks: 0 when what was asked for is so, because
// the command was taken up or before it was.
func AnswerCode(answer steer.Answer) int {
	switch answer.Kind {
	case steer.Taken, steer.Already:
		return ExitSucceeded
	default:
		return ExitFailed
	}
}

// Text writes what came of it, in a line or two.
func (a AnswerReport) Text(out io.Writer) error {
	lines := []string{a.words()}
	if a.ToDo != "" {
		lines = append(lines, a.ToDo)
	}
	return writeLines(out, lines)
}

func (a AnswerReport) words() string {
	what := spaced(string(a.Command.Kind))
	switch a.Kind {
	case steer.Taken:
		words := fmt.Sprintf("%s: taken up by %s after %s", what, a.Driver, a.After.Round(time.Millisecond))
		if effect := a.effect(); effect != "" {
			words += ": " + effect
		}
		return words
	case steer.Already:
		return fmt.Sprintf("%s: nothing to do: %s", what, a.Why)
	case steer.Refused:
		return fmt.Sprintf("%s: refused by %s: %s", what, a.Driver, a.Why)
	case steer.NoDriver:
		return fmt.Sprintf("%s: not taken up: nobody drives the rollout %s of %s: %s",
			what, a.Rollout.ID, a.Rollout.Key.Service, lifeWords(a.Life, a.Driver))
	case steer.TooLate:
		return fmt.Sprintf("%s: not taken up: %s", what, a.Why)
	default:
		return fmt.Sprintf("%s: not taken up within %s by %s, which may still do so: it is command %d of its mailbox",
			what, a.After.Round(time.Second), a.Driver, a.Number)
	}
}

// effect is what the command became.
func (a AnswerReport) effect() string {
	var words []string
	for _, event := range a.Effect {
		words = append(words, Words(event, a.Rollout)...)
	}
	return strings.Join(words, "; ")
}

// lifeWords say why nobody drives.
func lifeWords(life steer.Life, driver engine.Driver) string {
	if life == steer.LetGo {
		return driver.String() + " has let go of it"
	}
	return driver.String() + " is lost: it gives no sign of life"
}

// JSON writes what came of it as one object in one line: time, rollout, service, command,
// number (0 when it was not posted), by, reason, answer (taken, already, refused,
// no_driver, too_late, unanswered), why, driver, life, effect (the kinds of the events that it
// became), seconds, to_do, and stable and canary with their weights.
func (a AnswerReport) JSON(out io.Writer) error {
	effect := []engine.EventKind{}
	for _, event := range a.Effect {
		effect = append(effect, event.Body.Kind())
	}
	line := &object{}
	line.add("time", time.Now().UTC())
	line.add("rollout", a.Rollout.ID)
	line.add("service", a.Rollout.Key.Service)
	line.add("command", a.Command.Kind)
	line.add("number", a.Number)
	line.add("by", a.Command.By)
	line.add("reason", a.Command.Reason)
	line.add("answer", a.Kind)
	line.add("why", a.Why)
	line.add("driver", a.Driver)
	line.add("life", a.Life)
	line.add("effect", effect)
	line.add("seconds", a.After.Seconds())
	line.add("to_do", a.ToDo)
	addShares(line, a.Rollout)
	_, err := out.Write(line.end())
	return err
}

// Words are an event in words, a line each, as Text tells it; r is the rollout after it.
func Words(event engine.Event, r *engine.Rollout) []string {
	saying, known := sayings()[event.Body.Kind()]
	if !known {
		return []string{string(event.Body.Kind())}
	}
	return saying.say(event.Body, r)
}

func spaced(word string) string { return strings.ReplaceAll(word, "_", " ") }

// writeLines writes lines that are harmless to a terminal, in one Write.
func writeLines(out io.Writer, lines []string) error {
	var text []byte
	for _, line := range lines {
		text = fmt.Appendf(text, "%s\n", Clean(line))
	}
	_, err := out.Write(text)
	return err
}
