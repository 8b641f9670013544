package engine

import "time"

// Take is what a command does to a rollout: the events that it becomes. A command that
// cannot act becomes its refusal, and one that asks for what is so already only that it was
// taken. What is not wholly understood is refused, but for a roll back: whatever else a
// newer serin asked for, traffic is safe then.
func Take(r *Rollout, e Evidence, command Command, now time.Time) []Body {
	if command.Unknown != "" && command.Kind != RollBack {
		return []Body{&CommandRefused{Command: command, Why: command.Unknown}}
	}
	if command.Kind.Already(r) != "" {
		return []Body{&CommandTaken{Command: command}}
	}
	if refusal := command.Kind.Refusal(r); refusal != "" {
		return []Body{&CommandRefused{Command: command, Why: refusal}}
	}
	effect := map[CommandKind]func(*Rollout, Evidence, Command, time.Time) []Body{
		Promote: takePromotion, PromoteFully: takePromotion, PauseIt: takePause,
		ResumeIt: takeResume, RollBack: takeRollback, LetGoOfIt: takeLetGo,
	}[command.Kind]
	return append([]Body{&CommandTaken{Command: command}}, effect(r, e, command, now)...)
}

func takePromotion(r *Rollout, _ Evidence, command Command, _ time.Time) []Body {
	return []Body{&StepPassed{
		Step: r.Step, Weight: r.Present().Weight, Verdict: r.Verdict,
		By: command.By, Fully: command.Kind == PromoteFully,
	}}
}

func takePause(_ *Rollout, _ Evidence, command Command, now time.Time) []Body {
	return []Body{&PausedNow{Pause: Pause{
		Kind: PausedByPerson, By: command.By, Reason: command.Reason, At: now,
	}}}
}

// takeResume goes on. After a drift it goes on from the route as it was found, and
// writes the weights of the present step again.
func takeResume(r *Rollout, e Evidence, command Command, _ time.Time) []Body {
	resumed := &Resumed{By: command.By, Reason: command.Reason}
	if r.Paused != nil && r.Paused.Kind == PausedByDrift && e.Route != nil {
		route := *e.Route
		resumed.Adopted = &route
	}
	return []Body{resumed}
}

func takeRollback(r *Rollout, _ Evidence, command Command, _ time.Time) []Body {
	if r.RollingBack() {
		return []Body{&Resumed{By: command.By, Reason: command.Reason}}
	}
	kind, reason := ByPerson, "asked for by "+command.By
	if command.Interrupt {
		kind, reason = ByInterrupt, "interrupted"
	}
	if command.Reason != "" {
		reason += ": " + command.Reason
	}
	return []Body{rollback(kind, command.By, reason)}
}

func takeLetGo(r *Rollout, _ Evidence, command Command, now time.Time) []Body {
	var bodies []Body
	if r.Paused == nil && r.Stuck == nil && !r.Decided() {
		bodies = append(bodies, &PausedNow{Pause: Pause{
			Kind: PausedByLetGo, By: command.By, Reason: command.Reason, At: now,
		}})
	}
	return append(bodies, &LetGo{By: command.By, Reason: command.Reason})
}
