package ui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"serin/internal/ui/screen"
)

// View is the frame. While the terminal has not taken the last one it stays what it was:
// frames that nobody sees are not made, and none wait to be written.
func (m *model) View() tea.View {
	if !m.stale || m.terminal.isBehind() {
		return m.drawn
	}
	m.stale = false
	state := m.state()
	frame := m.content(state)
	if m.options.Drawn != nil && !m.quitting {
		m.options.Drawn(frame)
	}
	view := tea.NewView(frame)
	view.AltScreen, view.ReportFocus = true, true
	if m.mouse {
		view.MouseMode = tea.MouseModeCellMotion
	}
	if speaksOSC(m.options.Environment) {
		m.tell(&view, state)
	}
	if m.pace != nil && frame != m.drawn.Content {
		m.pace.drawn()
	}
	m.drawn = view
	return view
}

// content is what the screen has on it: at the end nothing, since tmux, made larger while
// the console was open, leaves of it on the shell's screen what it does not erase.
func (m *model) content(state screen.State) string {
	if m.quitting {
		return strings.Repeat("\n", max(0, m.height-1))
	}
	return screen.Draw(state, m.cache)
}

// speaksOSC tells whether the terminal passes over the operating system commands that it
// does not know. The console of Linux shows them.
func speaksOSC(environment []string) bool { return variable(environment, "TERM") != "linux" }

// tell says in the terminal's own places how things stand: always how they stand now,
// though the view be frozen.
func (m *model) tell(view *tea.View, live screen.State) {
	live.Scene, live.Frozen, live.Replay = m.live, false, nil
	status := screen.StatusOf(live)
	view.WindowTitle = oneLine(status.Title)
	if status.Progress >= 0 && !m.quitting {
		view.ProgressBar = tea.NewProgressBar(barOf(status.State), status.Progress)
	}
	state, kind := programStatus(status.State)
	if m.quitting && state != tea.ProgramStateDone && state != tea.ProgramStateError {
		state, kind = tea.ProgramStateIdle, ""
	}
	view.ProgramStatus = &tea.ProgramStatus{State: state, Kind: kind}
}

func barOf(state screen.RolloutState) tea.ProgressBarState {
	switch state {
	case screen.Stuck, screen.RollingBack, screen.RollBackFails, screen.RolledBack:
		return tea.ProgressBarError
	case screen.Paused, screen.Held, screen.AtGate, screen.Drift, screen.DriverLost, screen.ProviderErrors, screen.StaleEvidence:
		return tea.ProgressBarWarning
	default:
		return tea.ProgressBarDefault
	}
}

func programStatus(state screen.RolloutState) (tea.ProgramState, tea.ProgramStatusKind) {
	switch state {
	case screen.Idle:
		return tea.ProgramStateIdle, ""
	case screen.Succeeded:
		return tea.ProgramStateDone, ""
	case screen.Stuck, screen.RollBackFails, screen.RolledBack:
		return tea.ProgramStateError, ""
	case screen.AtGate:
		return tea.ProgramStateBlocked, tea.ProgramStatusKindPermission
	case screen.Paused, screen.Held, screen.Drift, screen.DriverLost:
		return tea.ProgramStateBlocked, tea.ProgramStatusKindQuestion
	default:
		return tea.ProgramStateWorking, ""
	}
}

// state is all that the frame is drawn from.
func (m *model) state() screen.State {
	s := screen.State{
		Width: m.width, Height: m.height, Theme: m.theme,
		Scene: m.shownScene(), Now: m.now, Still: !m.needsTime(), Page: m.page(), Selected: m.selected,
		Filter: m.filters[m.filterPage()], Filtering: m.filtering,
		Frozen: m.frozen != nil, FrozenAt: m.frozenAt,
		Span: m.span(), Back: m.back, Scroll: m.scroll,
		Past: m.past, Chosen: m.chosen, PastFault: m.pastFault, Replay: m.replay,
		Notice: m.notice, Keys: m.footer(), ReadOnly: m.options.ReadOnly,
	}
	if m.page() == screen.Help {
		s.Sections = m.help()
	}
	if m.dialog != nil {
		s.Dialog = m.dialog.shown(m.spin())
	}
	if !m.guideHidden {
		s.Guide = m.guide
	}
	return s
}
