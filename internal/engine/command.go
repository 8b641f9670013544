package engine

import "time"

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
}

// Refusal says why a command cannot act on a rollout now, in words for the operator;
// it is empty when the command is legal. Rolling back is legal in every state that is
// not decided; a rollout that is stuck can always be resumed, and be let go of.
func (c CommandKind) Refusal(r *Rollout) string {
	if r.Outcome != "" {
		return "the rollout is over: it " + r.Outcome.Past()
	}
	mayLeave := c == LetGoOfIt || c == ResumeIt && r.Stuck != nil
	if r.Decided() && !mayLeave {
		return "the canary is the stable version now, and the old one is being removed: deploy the old one to go back"
	}
	refuse, known := refusals()[c]
	if !known {
		return "there is no such command: " + string(c)
	}
	return refuse(r)
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
				return "the rollout is paused already, by " + r.Paused.By
			}
			return ""
		},
		ResumeIt: func(r *Rollout) string {
			if r.Paused == nil && r.Stuck == nil {
				return "the rollout is not paused"
			}
			return ""
		},
		RollBack: func(r *Rollout) string {
			if r.RollingBack() && r.Stuck == nil {
				return "the rollout is rolling back already: " + r.Cause.Reason
			}
			return ""
		},
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
