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
		m.say(screen.Warning, service.Name+" is "+string(now.state)+whyBad(service))
		m.noticeOf = now
	}
	if ring && m.options.Bell {
		return tea.Raw("\a")
	}
	return nil
}

// turnedBad tells whether a rollout is stuck, or on its way back, and was not before.
func turnedBad(before, now look) bool {
	sameRollout := before.rollout == now.rollout
	switch now.state {
	case screen.Stuck:
		return true
	case screen.RollingBack:
		return !sameRollout || before.state != screen.Stuck
	case screen.RolledBack:
		return !sameRollout || before.state != screen.RollingBack && before.state != screen.Stuck
	default:
		return false
	}
}

func whyBad(service scene.Service) string {
	r := service.Rollout.Rollout
	switch {
	case r.Stuck != nil:
		return ": " + r.Stuck.Reason
	case r.Cause != nil:
		return ", " + screen.Because(*r.Cause)
	}
	return ""
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
