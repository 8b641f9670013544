package ui

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"serin/internal/ui/scene"
)

const (
	// noticeTime is how long information is shown.
	noticeTime = 6 * time.Second
	// spinTime is how long a frame of the one animation is shown.
	spinTime = 200 * time.Millisecond
)

// keepTime starts the clock when something is shown that a second changes, such as the
// rest of a hold or the age of the evidence. Without any of that there is no clock, and
// nothing is written to the terminal.
func (m *model) keepTime() tea.Cmd {
	if m.ticking || !m.needsTime() {
		return nil
	}
	m.ticking = true
	m.ticks++
	now := time.Now()
	return m.after(now.Truncate(time.Second).Add(time.Second).Sub(now), tickMsg{generation: m.ticks})
}

func (m *model) needsTime() bool {
	return m.live.Connecting != "" || !m.noticeOver.IsZero() || m.frozen != nil || len(m.live.Faults) > 0 ||
		slices.ContainsFunc(m.live.Services, isTimed)
}

// isTimed tells whether something of a service is counted in seconds.
func isTimed(service scene.Service) bool { return isOpen(service) || service.Fault.Message != "" }

// ticked is a second that has gone by. A tick of a clock that was stopped is not one.
func (m *model) ticked(tick tickMsg) {
	if tick.generation != m.ticks {
		m.stale = false
		return
	}
	m.ticking = false
	now := time.Now()
	if !m.noticeOver.IsZero() && !now.Before(m.noticeOver) {
		m.hush()
	}
	if m.needsTime() {
		m.now = now
	}
}

// keepSpinning moves the one animation there is, while a dialog waits for an answer.
func (m *model) keepSpinning() tea.Cmd {
	if m.spinning || m.options.NoMotion || m.dialog == nil || m.dialog.busy == "" {
		return nil
	}
	m.spinning = true
	return m.after(spinTime, spinMsg{})
}

// spin is the present frame of the animation.
func (m *model) spin() string {
	if m.options.NoMotion {
		return ""
	}
	return []string{"|", "/", "-", `\`}[m.spins%4]
}

// after is a message in a while; none when the console is left before.
func (m *model) after(d time.Duration, msg tea.Msg) tea.Cmd {
	ctx, timer := m.ctx, time.NewTimer(d)
	return func() tea.Msg {
		defer timer.Stop()
		select {
		case <-timer.C:
			return msg
		case <-ctx.Done():
			return nil
		}
	}
}

// purpose is what something is asked of the host for: a newer request of the same
// purpose makes the answer to the older one void.
type purpose string

const (
	toListImages purpose = "images"
	toPropose    purpose = "proposal"
	toDeploy     purpose = "deployment"
	toTakeOver   purpose = "takeover"
	toReadPast   purpose = "history"
	toReplay     purpose = "replay"
	toOpen       purpose = "opening"
)

// answerMsg is an answer: apply is called by Update, with the model as it is then.
type answerMsg struct {
	purpose purpose
	request int
	apply   func(*model) tea.Cmd
}

// call asks the host something that may take a while. ask runs beside the model, and
// must not touch it.
func (m *model) call(why purpose, limit time.Duration, ask func(context.Context) func(*model) tea.Cmd) tea.Cmd {
	m.requests++
	request, parent := m.requests, m.ctx
	m.awaited[why] = request
	return func() tea.Msg {
		ctx, stop := context.WithTimeout(parent, limit)
		defer stop()
		return answerMsg{purpose: why, request: request, apply: ask(ctx)}
	}
}

// answered applies an answer that is still wanted.
func (m *model) answered(msg answerMsg) tea.Cmd {
	if m.awaited[msg.purpose] != msg.request {
		return nil
	}
	delete(m.awaited, msg.purpose)
	m.now = time.Now()
	return msg.apply(m)
}
