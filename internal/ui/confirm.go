package ui

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"serin/internal/engine"
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
)

// takeOverTime is how long taking over may take.
const takeOverTime = 30 * time.Second

// confirmRollBack asks before it rolls back; enter confirms. See the type dialog for why
// rolling back is the answer that is focused.
func (m *model) confirmRollBack() tea.Cmd {
	m.askRollBack(m.rollout())
	return nil
}

func (m *model) askRollBack(rollout *scene.Rollout) {
	reason := reasonField()
	d := &dialog{
		title: "Roll back " + rollout.Rollout.Key.Service + "?", dangerous: true, fields: []*field{reason},
		choices: []choice{
			{key: "y", does: "roll back", dangerous: true, act: m.confirmed(rollout.Rollout, engine.RollBack, reason)},
			decline("keep the rollout", undone(engine.RollBack)),
		},
	}
	// Enter rolls back from the answers, so it does from the reason.
	d.submit = d.choices[0].act
	m.askOf(rollout, engine.RollBack, d, func(now *scene.Rollout) []string {
		return []string{backWords(now.Rollout), driverWords(now, "rolls back at once")}
	})
}

func reasonField() *field { return &field{label: "reason", hint: "may be left empty"} }

// askOf asks whether to ask a command of a rollout, its first answer focused. lines are the
// question, and follow the rollout as long as the command is legal.
func (m *model) askOf(about *scene.Rollout, kind engine.CommandKind, d *dialog, lines func(*scene.Rollout) []string) {
	d.lines, d.focus = lines(about), len(d.fields)
	d.renewed = func(m *model) string {
		why := m.gone(about.Rollout, kind)
		if why == "" {
			d.lines = lines(m.service(about.Rollout.Key.Service).Rollout)
		}
		return why
	}
	m.open(d)
}

// gone says why a command cannot be asked any more of the rollout that a dialog is about;
// empty when it can.
func (m *model) gone(about *engine.Rollout, kind engine.CommandKind) string {
	service, why := about.Key.Service, ""
	switch now := m.service(service); {
	case now.Rollout == nil || now.Rollout.Rollout == nil || now.Rollout.Rollout.ID != about.ID:
		why = "the rollout that was asked about is no longer the one of " + service
	case forbids(kind, now.Rollout) != "":
		why = forbids(kind, now.Rollout)
	case kind == engine.ResumeIt && !isUndriven(now.Rollout):
		why = drivenAgain(now.Rollout)
	default:
		return ""
	}
	return why + "; " + undone(kind)
}

// undone says that what a dialog asked was not done.
func undone(kind engine.CommandKind) string {
	return "nothing was " + map[engine.CommandKind]string{
		engine.RollBack: "rolled back", engine.PromoteFully: "promoted", engine.ResumeIt: "resumed",
	}[kind]
}

func drivenAgain(now *scene.Rollout) string {
	return now.Rollout.Key.Service + " is driven again, by " + screen.ShortCaller(now.Rollout.Driver.String())
}

// driverWords say who drives a rollout, or what this console does when nobody does.
func driverWords(rollout *scene.Rollout, does string) string {
	if isUndriven(rollout) {
		return "nobody drives it: this console takes over and " + does
	}
	who := screen.ShortCaller(rollout.Rollout.Driver.String())
	if rollout.Mine {
		return "you drive it, here: " + who
	}
	return "driven by " + who
}

// isUndriven tells whether a rollout must be taken over before anything is done with it.
func isUndriven(rollout *scene.Rollout) bool {
	return !rollout.Mine && (rollout.Lost || rollout.Rollout.LetGo)
}

// confirmResume asks before this process takes over to resume; y confirms.
func (m *model) confirmResume() {
	rollout, reason := m.rollout(), reasonField()
	d := &dialog{
		title: "Resume " + rollout.Rollout.Key.Service + "?", dangerous: true, fields: []*field{reason},
		choices: []choice{
			decline("leave it as it is", undone(engine.ResumeIt)),
			{key: "y", does: "take over and resume", dangerous: true, act: m.confirmed(rollout.Rollout, engine.ResumeIt, reason)},
		},
	}
	m.askOf(rollout, engine.ResumeIt, d, func(now *scene.Rollout) []string {
		return []string{driverWords(now, "resumes")}
	})
}

// backWords are what a roll back does to the traffic.
func backWords(r *engine.Rollout) string {
	if r.First() {
		return fmt.Sprintf("This is a first deployment: the route of %s (%d %%) is taken away, then it is removed.", r.Canary.Sha, r.Actual.Canary)
	}
	return fmt.Sprintf("All traffic goes back to stable %s; then the canary %s (%d %%) is removed.", r.StableSha(), r.Canary.Sha, r.Actual.Canary)
}

// confirmPromoteFully asks before all traffic goes to the canary; y confirms.
func (m *model) confirmPromoteFully() tea.Cmd {
	rollout, reason := m.rollout(), reasonField()
	d := &dialog{
		title: "Promote " + rollout.Rollout.Key.Service + " to 100 %?", dangerous: true, fields: []*field{reason},
		choices: []choice{
			decline("keep the steps", undone(engine.PromoteFully)),
			{key: "y", does: "promote fully", dangerous: true, act: m.confirmed(rollout.Rollout, engine.PromoteFully, reason)},
		},
	}
	m.askOf(rollout, engine.PromoteFully, d, func(now *scene.Rollout) []string {
		r := now.Rollout
		return []string{
			fmt.Sprintf("The canary %s goes from %d %% to 100 %% at once, without the steps between, and bakes.", r.Canary.Sha, r.Actual.Canary),
			"Stable " + r.StableSha() + " stays alive until the bake has passed.",
		}
	})
	return nil
}

// confirmed asks the command of the rollout that the dialog was about, if it still can be.
func (m *model) confirmed(about *engine.Rollout, kind engine.CommandKind, reason *field) func(*model) tea.Cmd {
	return func(m *model) tea.Cmd {
		m.closeDialog()
		if why := m.gone(about, kind); why != "" {
			m.refuse(why)
		} else {
			m.post(about.Key.Service, kind, reason.text)
		}
		return nil
	}
}

// confirmTakeOver asks before this process becomes the driver; y confirms.
func (m *model) confirmTakeOver() tea.Cmd {
	m.open(m.takeOverDialog(m.rollout()))
	return nil
}

func (m *model) takeOverDialog(rollout *scene.Rollout) *dialog {
	r := rollout.Rollout
	service := r.Key.Service
	who := screen.ShortCaller(r.Driver.String())
	gone := "It was let go of by " + who + "."
	if !r.LetGo {
		gone = "Its driver gives no sign of life: " + who + seenWords(rollout.LastSeen) + "."
	}
	d := &dialog{
		title: "Take over " + service + "?", dangerous: true,
		lines: []string{gone, "This process drives it from then on. Should the other one still live, one of the two stops."},
		choices: []choice{
			decline("keep watching", "nothing was taken over"),
			{key: "y", does: "take over", dangerous: true, act: func(m *model) tea.Cmd { return m.takeOver(service) }},
		},
	}
	d.renewed = func(m *model) string {
		switch now := m.service(service); {
		case !isOpen(now) || now.Rollout.Rollout.ID != r.ID:
			return "the rollout of " + service + " is over"
		case !isUndriven(now.Rollout):
			return drivenAgain(now.Rollout)
		}
		return ""
	}
	if forbids(engine.RollBack, rollout) == "" {
		d.choices = append(d.choices, choice{key: "r", does: "roll back", dangerous: true, act: m.rollBackInstead(service)})
	}
	return d
}

// rollBackInstead turns to the question whether to roll a service back.
func (m *model) rollBackInstead(service string) func(*model) tea.Cmd {
	return func(m *model) tea.Cmd {
		m.closeDialog()
		found := m.service(service)
		switch {
		case !isOpen(found):
			m.refuse(service + " has no open rollout")
		case forbids(engine.RollBack, found.Rollout) != "":
			m.refuse(forbids(engine.RollBack, found.Rollout))
		default:
			m.askRollBack(found.Rollout)
		}
		return nil
	}
}

func seenWords(seen time.Time) string {
	if seen.IsZero() {
		return ""
	}
	return ", last seen at " + seen.UTC().Format("15:04:05Z")
}

func (m *model) takeOver(service string) tea.Cmd {
	m.closeDialog()
	m.say(screen.Info, "taking over "+service)
	host := m.options.Host
	return m.call(toTakeOver, takeOverTime, func(ctx context.Context) func(*model) tea.Cmd {
		err := host.TakeOver(ctx, service)
		return func(m *model) tea.Cmd {
			if err != nil {
				m.say(screen.Failure, "could not take over "+service+": "+err.Error())
				return nil
			}
			m.say(screen.Info, "this console drives "+service+" now")
			return nil
		}
	})
}
