package engine

import (
	"encoding/json"
	"time"
)

// CommandKind is what an operator may ask of a rollout.
type CommandKind string

// The commands.
const (
	Promote      CommandKind = "promote"
	PromoteFully CommandKind = "promote_fully"
	PauseIt      CommandKind = "pause"
	ResumeIt     CommandKind = "resume"
	RollBack     CommandKind = "roll_back"
	// LetGoOfIt pauses the rollout and makes its driver leave.
	LetGoOfIt CommandKind = "let_go"
)

// CommandKinds are all of them, in the order in which help shows them.
func CommandKinds() []CommandKind {
	return []CommandKind{Promote, PromoteFully, PauseIt, ResumeIt, RollBack, LetGoOfIt}
}

// Command is one thing that was asked: what, by whom, when and why.
type Command struct {
	// Number is the command's place in the mailbox; the journal gives it.
	Number int64       `json:"number"`
	Kind   CommandKind `json:"kind"`
	By     string      `json:"by"`
	At     time.Time   `json:"at"`
	Reason string      `json:"reason,omitempty"`
	// Interrupt is true when a signal asked, not a person.
	Interrupt bool `json:"interrupt,omitempty"`
	// Unknown says what a newer serin wrote in the command that this one does not know;
	// empty when it knows all of it.
	Unknown string `json:"unknown,omitempty"`
}

// ParseCommand reads a command of a mailbox. One with a field that this version of Serin
// does not know is read all the same, and says so in Unknown: a mailbox with it can be read
// on, and a roll back is a roll back.
func ParseCommand(row []byte) (Command, error) {
	var command Command
	whole := unmarshalWhole(row, &command)
	if whole == nil {
		return command, nil
	}
	command = Command{}
	if err := json.Unmarshal(row, &command); err != nil {
		return Command{}, err
	}
	command.Unknown = whole.Error()
	return command, nil
}

// Already says that what a command asks for is so already, in words for the operator; it
// is empty when it is not. Such a command is taken up, and changes nothing: who asks twice
// has what was asked for. What is paused for another reason than that a person asked is
// not: its canary is still judged.
func (c CommandKind) Already(r *Rollout) string {
	if is, known := standing()[c]; known {
		return is(r)
	}
	return ""
}

// standing is the table of the commands that ask for a state, and what is said of a
// rollout that is in it. Promoting asks for a step, and twice for two.
func standing() map[CommandKind]func(*Rollout) string {
	return map[CommandKind]func(*Rollout) string{
		PromoteFully: func(r *Rollout) string {
			if !r.goesOn() || r.Paused != nil || !r.Present().Bake {
				return ""
			}
			return map[Phase]string{
				Shifting: "the canary is being given 100 already",
				Baking:   "the canary has 100 already; promote ends the bake",
			}[r.Phase]
		},
		PauseIt: func(r *Rollout) string {
			if !r.goesOn() || !(moment{r: r}).keptByPerson() {
				return ""
			}
			return pausedAlready(r)
		},
		ResumeIt: func(r *Rollout) string {
			if !r.goesOn() || r.Paused != nil {
				return ""
			}
			return "the rollout is not paused: it goes on"
		},
		RollBack: func(r *Rollout) string {
			switch {
			case r.Outcome == RolledBack:
				return "the rollout was rolled back already, at " + r.EndedAt.UTC().Format(time.RFC3339) + ": " + r.Reason
			case r.Outcome == "" && r.RollingBack() && r.Stuck == nil:
				return "the rollout is rolling back already" + since(r.Cause.At) + ": " + r.Cause.Reason
			}
			return ""
		},
	}
}

// goesOn tells whether a rollout is on its way to its canary, paused or not.
func (r *Rollout) goesOn() bool { return r.Outcome == "" && !r.RollingBack() && r.Stuck == nil }

// pausedAlready says since when, by whom and why a rollout is paused.
func pausedAlready(r *Rollout) string {
	words := "the rollout is paused already" + since(r.Paused.At) + ", by " + r.Paused.By
	if r.Paused.Reason != "" {
		words += ": " + r.Paused.Reason
	}
	return words
}

// Refusal says why a command would change nothing of a rollout now, in words for the
// operator: it cannot act, or what it asks for is so already. It is empty when the command
// is legal. Rolling back is legal in every state that is not decided; a rollout that is
// stuck can always be resumed, and be let go of.
func (c CommandKind) Refusal(r *Rollout) string {
	if r.Outcome != "" {
		return "the rollout is over: it " + r.Outcome.Past()
	}
	mayLeave := c == LetGoOfIt || c == ResumeIt && r.Stuck != nil
	if r.Decided() && !mayLeave {
		return "the canary is the stable version now, and the old one is being removed: deploy the old one to go back"
	}
	if already := c.Already(r); already != "" {
		return already
	}
	refuse, known := refusals()[c]
	if !known {
		return "this version of serin does not know the command " + string(c) + ": use the newer one that asked for it"
	}
	return refuse(r)
}

// TakesOver tells whether a rollout that nobody drives is taken over for a command: to be
// resumed, and to be rolled back, which goes on where it is on its way back already. For
// every other command a person takes it over first.
func (c CommandKind) TakesOver(r *Rollout) bool {
	switch c {
	case RollBack:
		return c.Refusal(r) == "" || r.Outcome == "" && r.RollingBack()
	case ResumeIt:
		return c.Refusal(r) == ""
	default:
		return false
	}
}

// refusals is the table of commands and the states in which they are refused.
func refusals() map[CommandKind]func(*Rollout) string {
	return map[CommandKind]func(*Rollout) string{
		Promote:      refusePromotion,
		PromoteFully: refusePromotion,
		PauseIt: func(r *Rollout) string {
			switch {
			case r.RollingBack():
				return "the rollout is rolling back, which is not paused"
			case r.Stuck != nil:
				return "the rollout is stuck; nothing moves until it is resumed or rolled back"
			case r.Paused != nil:
				return pausedAlready(r)
			}
			return ""
		},
		ResumeIt: func(r *Rollout) string {
			if r.RollingBack() && r.Paused == nil && r.Stuck == nil {
				return "the rollout is rolling back, and goes on with that"
			}
			return ""
		},
		RollBack: func(*Rollout) string { return "" },
		LetGoOfIt: func(r *Rollout) string {
			if r.RollingBack() && r.Stuck == nil {
				return "the rollout is rolling back; it is let go of when traffic is safe"
			}
			return ""
		},
	}
}

func refusePromotion(r *Rollout) string {
	switch {
	case r.RollingBack():
		return "the rollout is rolling back"
	case r.Stuck != nil:
		return "the rollout is stuck; resume it first"
	case r.Paused != nil:
		return "the rollout is paused; resume it first"
	case r.Phase == Starting || r.Phase == Deploying || r.Phase == Waiting:
		return "the canary has no healthy tasks yet"
	case r.Phase == Shifting:
		return "the weight is being changed; promote when it is confirmed"
	case r.Phase == Promoting || r.Phase == Recording || r.Phase == Retiring:
		return "the bake has passed; the canary is becoming the stable version"
	}
	return ""
}
