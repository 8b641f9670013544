package ui

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"serin/internal/engine"
	"serin/internal/ui/screen"
)

// leave ends the console, and asks first when it drives a rollout: staying is focused,
// and the key that asked answers nothing.
func (m *model) leave() tea.Cmd {
	driven := m.driven()
	switch {
	case len(driven) > 0:
	case m.mayDriveSoon():
		m.open(leaveSoonDialog())
		return nil
	default:
		return m.quit(Idle)
	}
	d := m.leaveDialog(driven)
	d.renewed = func(m *model) string {
		now := m.driven()
		if len(now) == 0 {
			return m.ended(driven)
		}
		newer := m.leaveDialog(now)
		same := func(a, b choice) bool { return a.key == b.key }
		if !slices.EqualFunc(d.choices, newer.choices, same) {
			d.focus = 0 // what was focused may mean something else
		}
		driven, d.lines, d.choices = now, newer.lines, newer.choices
		return ""
	}
	m.open(d)
	return nil
}

// ended says how rollouts ended that this process drove; leaving needs no question then.
func (m *model) ended(driven []*engine.Rollout) string {
	var words strings.Builder
	for _, r := range driven {
		now := m.service(r.Key.Service)
		if now.Rollout != nil && now.Rollout.Rollout != nil && now.Rollout.Rollout.ID == r.ID && now.Rollout.Rollout.Outcome != "" {
			words.WriteString(r.Key.Service + " " + now.Rollout.Rollout.Outcome.Past() + "; ")
		}
	}
	return words.String() + "this console drives nothing any more: q leaves it"
}

// leaveDialog asks how to leave what is driven.
func (m *model) leaveDialog(driven []*engine.Rollout) *dialog {
	d := &dialog{title: "This console drives a rollout", dangerous: true, choices: []choice{cancel("stay")}}
	for _, r := range driven {
		_, state := screen.Glance(screen.StateOf(m.service(r.Key.Service), m.now))
		d.lines = append(d.lines, fmt.Sprintf("%s: %s, canary %s at %d %%", r.Key.Service, state, r.Canary.Sha, r.Actual.Canary))
	}
	if slices.ContainsFunc(driven, legal(engine.LetGoOfIt)) {
		outlook, leave := "Let go of, it is held as it is until someone takes over.", "leave and let go"
		if m.options.Guide != nil {
			outlook, leave = "The demo ends with this console, and its sandbox with all that is in it.", "leave the demo"
		}
		d.lines = append(d.lines, outlook)
		d.choices = append(d.choices, m.leaveChoice("l", leave, LetGo, engine.LetGoOfIt))
	} else {
		d.lines = append(d.lines, engine.LetGoOfIt.Refusal(driven[0])+".")
		d.choices = append(d.choices, m.leaveChoice("w", "leave, and let it end unwatched", Unwatched, ""))
	}
	if slices.ContainsFunc(driven, legal(engine.RollBack)) {
		d.choices = append(d.choices, m.leaveChoice("b", "roll back and leave", RolledBack, engine.RollBack))
	}
	return d
}

// mayDriveSoon tells whether the host has been asked to begin to drive, and has not
// answered yet.
func (m *model) mayDriveSoon() bool {
	return m.awaited[toDeploy] != 0 || m.awaited[toTakeOver] != 0
}

func leaveSoonDialog() *dialog {
	return &dialog{
		title: "A rollout is being started or taken over", dangerous: true,
		lines: []string{
			"Whether this console drives it is not known yet.",
			"If you leave now it may stay open without a driver, until someone takes it over.",
		},
		choices: []choice{
			cancel("stay"),
			{key: "l", does: "leave all the same", dangerous: true, act: func(m *model) tea.Cmd {
				m.closeDialog()
				if len(m.driven()) > 0 { // It has begun meanwhile.
					return m.leave()
				}
				return m.quit(Idle)
			}},
		},
	}
}

func legal(kind engine.CommandKind) func(*engine.Rollout) bool {
	return func(r *engine.Rollout) bool { return kind.Refusal(r) == "" }
}

// leaveChoice asks a command of every rollout that is driven, where it is legal, and
// leaves if each was taken.
func (m *model) leaveChoice(key, does string, how Leaving, kind engine.CommandKind) choice {
	return choice{key: key, does: does, dangerous: true, act: func(m *model) tea.Cmd {
		m.closeDialog()
		for _, r := range m.driven() {
			if kind != "" && kind.Refusal(r) == "" && !m.post(r.Key.Service, kind, "the console was left") {
				return nil
			}
		}
		return m.quit(how)
	}}
}

func (m *model) quit(how Leaving) tea.Cmd {
	m.leaving, m.quitting = how, true
	return nil
}

// whyNotSuspend: a process that is stopped cannot act, whatever happens to its rollout.
func (m *model) whyNotSuspend() string {
	switch driven := m.driven(); {
	case len(driven) > 0:
		return "this process drives " + driven[0].Key.Service + ": suspended, it could not roll back. q leaves"
	case m.mayDriveSoon():
		return "a rollout is being started or taken over: suspended, this process could not drive it"
	}
	return ""
}

// redraw takes the terminal anew, its modes and the whole screen: shells take it back when
// a process in the foreground is stopped, and few give it again as it was. Keys that do not
// come from a terminal have no modes, and who reads them cannot be called off.
func (m *model) redraw() tea.Cmd {
	m.now = time.Now()
	if !isTerminal(m.options.Input) {
		return m.redrawn()
	}
	return tea.Exec(nothing{}, func(error) tea.Msg { return redrawnMsg{} })
}

// redrawn has Bubble Tea write frames again, and the first of them whole. Between giving
// the terminal away and taking it back it stops its ticker and starts it, in two goroutines:
// when they meet in the wrong order no frame is written any more.
func (m *model) redrawn() tea.Cmd {
	if m.pace != nil {
		m.pace.begin()
	}
	return tea.ClearScreen
}

// nothing is a command that Bubble Tea gives the terminal to, and that gives it back.
type nothing struct{}

var _ tea.ExecCommand = nothing{}

// Run implements tea.ExecCommand.
func (nothing) Run() error { return nil }

// SetStdin implements tea.ExecCommand.
func (nothing) SetStdin(io.Reader) {}

// SetStdout implements tea.ExecCommand.
func (nothing) SetStdout(io.Writer) {}

// SetStderr implements tea.ExecCommand.
func (nothing) SetStderr(io.Writer) {}

// whyNoGuide and switchGuide are about the demo's guide.
func (m *model) whyNoGuide() string {
	if m.guide == nil {
		return "there is no guide outside of the demo"
	}
	return ""
}

func (m *model) switchGuide() tea.Cmd {
	m.guideHidden = !m.guideHidden
	return nil
}

func (m *model) mouseWord() string {
	if m.mouse {
		return "mouse off"
	}
	return "mouse on"
}

func (m *model) switchMouse() tea.Cmd {
	m.mouse = !m.mouse
	if m.mouse {
		m.say(screen.Info, "the mouse selects, scrolls and clicks; m leaves it to the terminal")
	} else {
		m.say(screen.Info, "the mouse is the terminal's: it can select text; m takes it back")
	}
	return nil
}
