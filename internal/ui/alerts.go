package ui

import (
	tea "charm.land/bubbletea/v2"

	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
)

// look is what a rollout looked like when it was last regarded.
type look struct {
	rollout string
	state   screen.RolloutState
}

// regard compares a scene with the one before, and rings, and says, what must not be
// missed: that a rollout is being rolled back, or is stuck. Each is told once; what was so
// when the console opened is only drawn.
func (m *model) regard(newer scene.Scene, first bool) tea.Cmd {
	var ring bool
	for _, service := range newer.Services {
		if service.Rollout == nil || service.Rollout.Rollout == nil {
			delete(m.looks, service.Name)
			continue
		}
		now := look{rollout: service.Rollout.Rollout.ID, state: screen.StateOf(service, m.now)}
		before := m.looks[service.Name]
		m.looks[service.Name] = now
		if first || before == now {
			continue
		}
		if m.noticeOf != (look{}) && m.noticeOf == before {
			m.hush() // what it tells of is over
		}
		if !turnedBad(before, now) {
			continue
		}
		ring = true
		m.say(screen.Warning, badNews(service, now.state))
		m.noticeOf = now
	}
	if ring && m.options.Bell {
		return tea.Raw("\a")
	}
	return nil
}

// turnedBad tells whether a rollout is stuck, or on its way back, and was not before; that
// its way back fails is told too.
func turnedBad(before, now look) bool {
	sameRollout := before.rollout == now.rollout
	failed := before.state == screen.Stuck || before.state == screen.RollBackFails
	switch now.state {
	case screen.Stuck, screen.RollBackFails:
		return true
	case screen.RollingBack:
		return !sameRollout || !failed
	case screen.RolledBack:
		return !sameRollout || before.state != screen.RollingBack && !failed
	default:
		return false
	}
}

// badNews is what became of a rollout, and why.
func badNews(service scene.Service, state screen.RolloutState) string {
	r, words := service.Rollout.Rollout, service.Name+" is "+string(state)
	switch {
	case state == screen.RollBackFails:
		return service.Name + ": the " + string(state) + ", traffic could not be moved yet"
	case r.Stuck != nil:
		return words + ": " + r.Stuck.Reason
	case r.Cause != nil:
		return words + ", " + screen.Because(*r.Cause)
	}
	return words
}

// offer asks by itself whether to take over the selected service's rollout when its
// driver is lost: once for each driver, never over another dialog or what is being typed.
// Nobody asked for the dialog, so that it listens only after a moment of quiet.
func (m *model) offer() {
	rollout := m.rollout()
	busy := m.dialog != nil || m.filtering || m.options.ReadOnly || m.replay != nil
	listening := m.page() == screen.Overview || m.page() == screen.Detail
	if rollout == nil || busy || !listening || rollout.Mine || !rollout.Lost ||
		rollout.Rollout.LetGo || rollout.Rollout.Outcome != "" {
		return
	}
	driver := rollout.Rollout.ID + "/" + rollout.Rollout.Driver.String()
	if m.offered[driver] {
		return
	}
	m.offered[driver] = true
	d := m.takeOverDialog(rollout)
	d.unasked.begin(m.now)
	m.open(d)
	m.stale = true
}
