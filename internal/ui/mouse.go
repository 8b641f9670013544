package ui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"serin/internal/ui/screen"
)

// wheelLines is how many lines a notch of the wheel scrolls.
const wheelLines = 3

// point is what the mouse does. What looks clickable acts as its key does.
func (m *model) point(msg tea.MouseMsg) tea.Cmd {
	if !m.mouse {
		m.stale = false
		return nil
	}
	switch msg := msg.(type) {
	case tea.MouseWheelMsg:
		m.wheel(msg.Button)
	case tea.MouseClickMsg:
		if msg.Button == tea.MouseLeft {
			return m.click(msg.X, msg.Y)
		}
	default:
		m.stale = false
	}
	return nil
}

func (m *model) wheel(button tea.MouseButton) {
	m.now = time.Now()
	by := map[tea.MouseButton]int{tea.MouseWheelUp: -1, tea.MouseWheelDown: 1}[button]
	switch {
	case m.dialog != nil || by == 0:
		return
	case m.page() == screen.Overview || m.page() == screen.History:
		m.moveBy(by)
	default:
		m.moveBy(by * wheelLines)
	}
}

func (m *model) click(x, y int) tea.Cmd {
	m.now = time.Now()
	if m.now.Before(m.deafTill) || m.isUnseen() || m.withdrawn.lasts(m.now) {
		return nil
	}
	hit := screen.At(m.state(), x, y)
	if hit.Key != "" {
		m.hush()
		return m.clickKey(hit.Key)
	}
	if m.dialog != nil {
		return nil
	}
	switch {
	case hit.Service != "" && hit.Service == m.selected && m.page() == screen.Overview:
		return m.openSelected()
	case hit.Service != "":
		m.hush()
		m.selectService(hit.Service)
	case hit.Past > 0 && hit.Past-1 == m.chosen && m.page() == screen.History:
		return m.openSelected()
	case hit.Past > 0:
		m.chosen = within(hit.Past-1, len(m.past))
	}
	return nil
}

// clickKey presses the key of a choice, or of the footer.
func (m *model) clickKey(name string) tea.Cmd {
	if m.dialog != nil {
		if m.dialog.unasked.lasts(m.now) {
			return nil
		}
		return m.choose(name)
	}
	for _, b := range m.bindings {
		if b.name == name {
			return m.use(b)
		}
	}
	return nil
}
