package steer

import (
	"context"
	"time"

	"serin/internal/engine"
)

// AnswerKind is what came of a command.
type AnswerKind string

// The answers.
const (
	// Taken: the driver took the command up; Effect is what it did with it.
	Taken AnswerKind = "taken"
	// Already: what the command asks for was so before; nothing had to be changed, and Why
	// says since when and who asked.
	Already AnswerKind = "already"
	// Refused: the driver did not; Why says why.
	Refused AnswerKind = "refused"
	// NoDriver: there is nobody who could take it up.
	NoDriver AnswerKind = "no_driver"
	// TooLate: the rollout was over before the command was taken up.
	TooLate AnswerKind = "too_late"
	// Unanswered: the driver lives, and has not answered in time. It may still.
	Unanswered AnswerKind = "unanswered"
)

// Answer is what came of a command.
type Answer struct {
	Kind AnswerKind
	// Number is the command's place in the mailbox; 0 when it was not posted.
	Number int64
	// Driver is who took it up or refused it, or who drove last.
	Driver engine.Driver
	// Life is what is known of the driver.
	Life Life
	Why  string
	// Effect are the events that the command became, after the one that it was taken.
	Effect []engine.Event
	// After is how long the answer took.
	After time.Duration
}

// Patience is how an asker waits.
type Patience struct {
	// Every is how often it looks for an answer.
	Every time.Duration
	// Limit is how long it waits for a driver that lives.
	Limit time.Duration
	// Waiting is told once, after a second without an answer; nil for nobody.
	Waiting func(*View)
}

// wordAfter is how long waiting may take before it is worth a word.
const wordAfter = time.Second

// Ask posts a command to the mailbox of a rollout and waits for what comes of it. Nothing
// is posted to a rollout that is over, or that nobody drives, nor a command that has a
// Number and so was posted before. The error is the journal's or ctx's; a command whose
// answer has a Number was posted then, and may still be taken up.
func (v *View) Ask(ctx context.Context, command engine.Command, patience Patience) (Answer, error) {
	events, err := v.Look(ctx, nil)
	if err != nil {
		return Answer{Number: command.Number}, err
	}
	if answer, found := v.answerIn(events, command.Number); found && command.Number > 0 {
		return answer, nil
	}
	if answer, final := v.without(command); final {
		return answer, nil
	}
	began := time.Now()
	if command.Number == 0 {
		number, err := v.journal.Post(ctx, v.id, command)
		if err != nil {
			return Answer{}, err
		}
		command.Number = number
	}
	answer, err := v.await(ctx, command, patience)
	answer.Number, answer.After = command.Number, time.Since(began)
	return answer, err
}

// without is the answer of a rollout that nobody can answer for.
func (v *View) without(command engine.Command) (Answer, bool) {
	answer := Answer{Driver: v.Lease().Driver, Life: v.Life(), Number: command.Number}
	switch {
	case v.rollout.Outcome != "":
		answer.Kind, answer.Why = TooLate, command.Kind.Refusal(&v.rollout)
		if already := command.Kind.Already(&v.rollout); already != "" {
			answer.Kind, answer.Why = Already, already
		}
	case answer.Life.Driverless():
		answer.Kind = NoDriver
	default:
		return Answer{}, false
	}
	return answer, true
}

// await looks until a command that was posted is answered.
func (v *View) await(ctx context.Context, command engine.Command, patience Patience) (Answer, error) {
	began, said := time.Now(), false
	for {
		events, err := v.Look(ctx, nil)
		if err != nil {
			return Answer{}, err
		}
		if answer, found := v.answerIn(events, command.Number); found {
			return answer, nil
		}
		if answer, final := v.without(command); final {
			return answer, nil
		}
		waited := time.Since(began)
		if waited >= patience.Limit {
			return Answer{Kind: Unanswered, Driver: v.Lease().Driver, Life: v.Life()}, nil
		}
		if !said && waited >= wordAfter && patience.Waiting != nil {
			said = true
			patience.Waiting(v)
		}
		if !rest(ctx, patience.Every) {
			return Answer{}, context.Cause(ctx)
		}
	}
}

// answerIn finds the answer to a command among events that were read at once: a driver
// records a command and what it becomes together.
func (v *View) answerIn(events []engine.Event, number int64) (Answer, bool) {
	answer := Answer{Number: number, Driver: v.rollout.Driver, Life: Alive}
	for i, event := range events {
		switch body := event.Body.(type) {
		case *engine.CommandTaken:
			if body.Command.Number == number {
				answer.Kind, answer.Why, answer.Effect = Taken, v.already[number], effectOf(event, events[i+1:])
				if answer.Why != "" {
					answer.Kind = Already
				}
				return answer, true
			}
		case *engine.CommandRefused:
			if body.Command.Number == number {
				answer.Kind, answer.Why = Refused, body.Why
				return answer, true
			}
		}
	}
	return Answer{}, false
}

// effectOf are the events that follow a command that was taken, as far as they were
// recorded with it, which is at the same time.
func effectOf(taken engine.Event, following []engine.Event) []engine.Event {
	for i, event := range following {
		if !event.At.Equal(taken.At) || event.Body.Kind() == engine.KindCommandTaken {
			return following[:i]
		}
	}
	return following
}

// rest waits for a while; false when ctx has ended.
func rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
