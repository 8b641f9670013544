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

// readTime is how long a reading of the journal may take.
const readTime = 15 * time.Second

// readHistory opens the history page and reads the rollouts of the selected service; of
// all, when there is no service.
func (m *model) readHistory() tea.Cmd {
	m.turn(screen.History)
	m.past, m.chosen, m.pastFault = nil, 0, ""
	m.say(screen.Info, "reading the history")
	host, service := m.options.Host, m.selected
	return m.call(toReadPast, readTime, func(ctx context.Context) func(*model) tea.Cmd {
		past, err := host.History(ctx, service)
		return func(m *model) tea.Cmd {
			m.hush()
			m.past, m.chosen, m.pastFault = past, within(m.chosen, len(past)), ""
			if err != nil {
				m.pastFault = oneLine(err.Error())
			}
			return nil
		}
	})
}

func (m *model) whyNotOpen() string {
	switch {
	case m.page() == screen.History && len(m.past) == 0:
		return "the history has no rollout"
	case m.page() == screen.Overview && m.selected == "":
		return "there is no service yet"
	}
	return ""
}

// openSelected opens the selected service, or replays the selected rollout of the past.
func (m *model) openSelected() tea.Cmd {
	if m.page() != screen.History {
		m.turn(screen.Detail)
		return nil
	}
	return m.openPast(screen.Detail)
}

// openEvents opens the events of the selected service's rollout, or of the selected one of
// the past.
func (m *model) openEvents() tea.Cmd {
	if m.page() != screen.History {
		m.turn(screen.Events)
		return nil
	}
	return m.openPast(screen.Events)
}

// openPast opens a page on the selected rollout of the history.
func (m *model) openPast(page screen.Page) tea.Cmd {
	header := m.past[within(m.chosen, len(m.past))].Header
	if header.Open {
		m.selectService(header.Key.Service)
		m.pages = []screen.Page{screen.Overview}
		m.turn(page)
		return nil
	}
	return m.readReplay(header, page)
}

// openReplay opens the history, and in it the rollout that the console is to open on, if
// there is one.
func (m *model) openReplay() tea.Cmd {
	if m.options.Replay == "" {
		return nil
	}
	reading := m.readHistory()
	return tea.Batch(reading, m.readReplay(engine.Header{ID: m.options.Replay}, screen.Detail))
}

func (m *model) readReplay(header engine.Header, page screen.Page) tea.Cmd {
	m.say(screen.Info, "reading the rollout "+header.ID)
	host := m.options.Host
	return m.call(toReplay, readTime, func(ctx context.Context) func(*model) tea.Cmd {
		events, err := host.Events(ctx, header.ID)
		if err == nil && len(events) == 0 {
			err = engine.ErrNoRollout
		}
		if err != nil {
			return func(m *model) tea.Cmd {
				m.say(screen.Failure, fmt.Sprintf("the rollout %s could not be read: %v", header.ID, err))
				return nil
			}
		}
		replay := replayOf(events)
		return func(m *model) tea.Cmd {
			m.hush()
			if m.page() == screen.History {
				m.pages = append(m.pages, page)
				m.arrive()
				m.replay = replay
			}
			return nil
		}
	})
}

// replayOf is a rollout that is over, from its events.
func replayOf(events []engine.Event) *scene.Rollout {
	last := events[len(events)-1]
	replay := &scene.Rollout{Events: events, LastSeen: last.At}
	replay.Rollout, replay.At = engine.Fold(events), last.At
	for _, event := range events {
		replay.Marks = scene.Marked(replay.Marks, event, replay.Rollout.Canary.Sha)
	}
	return replay
}

// told is the rollout that the page tells of: the replayed one, or the selected
// service's; nil without one.
func (m *model) told() *scene.Rollout {
	if m.replay != nil {
		return m.replay
	}
	return m.rollout()
}

func (m *model) whyNoEvents() string {
	switch {
	case m.page() == screen.History:
		return m.whyNotOpen()
	case m.told() == nil:
		return m.selected + " has no rollout; h shows those of the past"
	}
	return ""
}

func (m *model) whyNoSummary() string {
	if m.told() == nil {
		return "there is no rollout to copy"
	}
	return ""
}

// copySummary gives the terminal a summary to put on its clipboard. Whether it does is
// not known: many terminals ask, or refuse.
func (m *model) copySummary() tea.Cmd {
	told := m.told()
	m.say(screen.Info, "a summary of the rollout was given to the terminal's clipboard")
	return tea.SetClipboard(screen.Summary(told, m.now))
}
