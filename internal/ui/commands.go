package ui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"serin/internal/engine"
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
)

const (
	// askAgain is how long the same is not asked again of a rollout that has not moved.
	askAgain = 10 * time.Second
	// heldKey is how long the same key does nothing after it acted: a key that is held down
	// shall not pause and resume in turns.
	heldKey = 500 * time.Millisecond
)

// asked is what was asked last of a service's rollout.
type asked struct {
	kind    engine.CommandKind
	rollout string
	seq     int64
	at      time.Time
}

// refusal is why a command cannot be asked of the selected service now.
func refusal(kind engine.CommandKind) func(*model) string {
	return func(m *model) string { return m.whyNot(kind) }
}

// whyNot is the engine's own refusal, after what only the console knows: that there is
// nothing to ask it of, that nobody drives it, and that it was asked a moment ago. A roll back can be asked
// again at once.
func (m *model) whyNot(kind engine.CommandKind) string {
	rollout := m.rollout()
	switch {
	case m.selected == "":
		return "there is no service yet"
	case rollout == nil:
		return m.selected + " has no rollout"
	}
	if why := forbids(kind, rollout); why != "" {
		return why
	}
	last, was := m.asked[m.selected]
	if !was || kind == engine.RollBack || last.rollout != rollout.Rollout.ID {
		return ""
	}
	passed := m.now.Sub(last.at)
	unanswered := last.kind == kind && last.seq == rollout.Rollout.Seq && passed < askAgain
	toggled := isToggle(kind) && isToggle(last.kind) && passed < heldKey
	if unanswered || toggled {
		return "that was asked a moment ago; the driver has not answered yet"
	}
	return ""
}

// forbids says why a command cannot act on a rollout. Where nobody drives it, what it would
// be refused for by a driver is said first: taking over does not help against that.
func forbids(kind engine.CommandKind, rollout *scene.Rollout) string {
	why := kind.Refusal(rollout.Rollout)
	switch {
	case !isUndriven(rollout):
		return why
	case kind.TakesOver(rollout.Rollout):
		return ""
	case why == "":
		return "nobody drives it: t takes over first"
	}
	return why
}

func isToggle(kind engine.CommandKind) bool {
	return kind == engine.PauseIt || kind == engine.ResumeIt
}

// post is a key that asks a command at once.
func post(kind engine.CommandKind) func(*model) tea.Cmd {
	return func(m *model) tea.Cmd {
		m.post(m.selected, kind, "")
		return nil
	}
}

// post asks something of a service's rollout. The host takes it without waiting, so that
// no terminal, and no other message of the program, delays a roll back.
func (m *model) post(service string, kind engine.CommandKind, reason string) bool {
	command := engine.Command{Kind: kind, At: time.Now(), Reason: reason}
	if err := m.options.Host.Post(service, command); err != nil {
		m.say(screen.Failure, words(kind)+" was not asked: "+err.Error())
		return false
	}
	found := m.service(service)
	if isOpen(found) {
		r := found.Rollout.Rollout
		m.asked[service] = asked{kind: kind, rollout: r.ID, seq: r.Seq, at: m.now}
		if isUndriven(found.Rollout) {
			m.say(screen.Info, "nobody drives "+service+": it is being taken over, and then comes "+words(kind))
			return true
		}
	}
	m.say(screen.Info, words(kind)+" was asked of "+service)
	return true
}

// words are a command at the beginning of a sentence.
func words(kind engine.CommandKind) string {
	return map[engine.CommandKind]string{
		engine.Promote: "promoting", engine.PromoteFully: "promoting fully", engine.PauseIt: "a pause",
		engine.ResumeIt: "resuming", engine.RollBack: "a roll back", engine.LetGoOfIt: "letting go",
	}[kind]
}

// pausing is which of the two the space bar would do.
func (m *model) pausing() engine.CommandKind {
	rollout := m.rollout()
	if rollout != nil && (rollout.Rollout.Paused != nil || rollout.Rollout.Stuck != nil) {
		return engine.ResumeIt
	}
	return engine.PauseIt
}

func (m *model) pauseWord() string {
	if m.pausing() == engine.ResumeIt {
		return "resume"
	}
	return "pause"
}

// promoteWord is what promoting means at the moment.
func (m *model) promoteWord() string {
	if rollout := m.rollout(); rollout != nil && rollout.Rollout.Phase == engine.Gated {
		return "pass the gate"
	}
	return "promote"
}

func (m *model) whyNotPause() string { return m.whyNot(m.pausing()) }

func (m *model) pauseOrResume() tea.Cmd {
	if m.pausing() == engine.ResumeIt && isUndriven(m.rollout()) {
		m.confirmResume()
		return nil
	}
	m.post(m.selected, m.pausing(), "")
	return nil
}

// whyNotTakeOver: only a rollout that nobody drives can be taken over.
func (m *model) whyNotTakeOver() string {
	service := m.service(m.selected)
	switch {
	case !isOpen(service):
		return m.selected + " has no open rollout"
	case service.Rollout.Mine:
		return "this console drives the rollout itself"
	case !service.Rollout.Lost && !service.Rollout.Rollout.LetGo:
		return "the rollout has a driver: " + service.Rollout.Rollout.Driver.String()
	}
	return ""
}
