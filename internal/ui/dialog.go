package ui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"serin/internal/ui/screen"
)

const (
	// quiet is how long no key must have come before a dialog that nobody asked for
	// listens: whoever was typing into something else has seen it by then.
	quiet = 425 * time.Millisecond
	// quietAtMost is when it listens even to somebody who never stops.
	quietAtMost = 1500 * time.Millisecond
)

// dialog is a question that has the keys until it is answered.
//
// Its answers have keys of their own, and enter is the answer that is focused. No answer
// has the key that opened the dialog, so that a key that is held, or hit twice, answers
// nothing. The focused answer is the safe one. Of promoting fully, of taking over and of
// leaving that is the one that changes nothing. Of rolling back it is the roll back: it
// returns the traffic to the version that served before, is what the operator needs at
// the worst moment, and not doing it is what does harm.
type dialog struct {
	title     string
	lines     []string
	fields    []*field
	choices   []choice
	focus     int
	dangerous bool
	fault     string
	// busy is what the dialog waits for; only cancelling is possible meanwhile.
	busy string
	// unasked is what a dialog that opened by itself waits for; it is over when a key opened it.
	unasked lull
	// renewed tells of the newest scene in the question, and says why the question does not
	// stand any more, empty while it does; nil for one that no scene changes.
	renewed func(*model) string
	// submit is what enter in a field does; nil when it goes on to the next.
	submit func(*model) tea.Cmd
	// left is called when the focus has left a field; nil when nothing follows.
	left func(m *model, from int) tea.Cmd
}

// submitKey is the key of what a form does while one of its fields has the keys.
const submitKey = "enter"

// choice is an answer.
type choice struct {
	key, does string
	dangerous bool
	act       func(*model) tea.Cmd
}

// cancel is the answer that changes nothing.
func cancel(does string) choice {
	return choice{key: "esc", does: does, act: (*model).closeDialog}
}

// decline is the answer that changes nothing, and says so.
func decline(does, said string) choice {
	return choice{key: "esc", does: does, act: func(m *model) tea.Cmd {
		m.closeDialog()
		m.say(screen.Info, said)
		return nil
	}}
}

// lull is a wait for a moment without keys, after something came or went that nobody asked
// for; it is over when it is zero.
type lull struct {
	// since is when it began, heard when the last key came.
	since, heard time.Time
}

func (l *lull) begin(now time.Time) { l.since, l.heard = now, now }

// lasts tells whether keys do not act yet, and counts the present one.
func (l *lull) lasts(now time.Time) bool {
	if l.since.IsZero() {
		return false
	}
	if now.Sub(l.heard) >= quiet || now.Sub(l.since) >= quietAtMost {
		*l = lull{}
		return false
	}
	l.heard = now
	return true
}

// focused is the field that has the keys; nil when an answer has them.
func (d *dialog) focused() *field {
	if d.focus < len(d.fields) {
		return d.fields[d.focus]
	}
	return nil
}

func (d *dialog) shown(spin string) *screen.Dialog {
	shown := &screen.Dialog{
		Title: d.title, Lines: d.lines, Focus: d.focus, Dangerous: d.dangerous, Fault: d.fault,
	}
	if d.busy != "" {
		shown.Lines = append(append([]string{}, d.lines...), d.busy+" "+spin)
	}
	if d.busy == "" && d.focused() != nil && d.submit == nil {
		shown.Lines = append(append([]string{}, d.lines...), "Enter goes on to the answers.")
	}
	for _, f := range d.fields {
		shown.Fields = append(shown.Fields, f.shown())
	}
	for _, c := range d.choices {
		key := c.key
		if d.submit != nil && d.focused() != nil && key != "esc" {
			key = submitKey // the letter would be typed
		}
		shown.Choices = append(shown.Choices, screen.Choice{Key: key, Does: c.does, Dangerous: c.dangerous})
	}
	return shown
}

// open shows a dialog in place of another.
func (m *model) open(d *dialog) { m.dialog = d }

func (m *model) closeDialog() tea.Cmd {
	m.dialog = nil
	return nil
}

// answer is a key while a dialog is open.
func (m *model) answer(name, text string) tea.Cmd {
	d := m.dialog
	if d.unasked != (lull{}) && name == "r" {
		// Without the dialog it would have asked to roll back, and so it does.
		return m.choose(name)
	}
	if d.unasked.lasts(m.now) {
		return nil
	}
	switch name {
	case "esc", "ctrl+c":
		return m.choose("esc")
	case "tab":
		return m.tab(1)
	case "shift+tab":
		return m.tab(-1)
	}
	if d.busy != "" {
		return nil
	}
	d.fault = ""
	if f := d.focused(); f != nil {
		return m.fieldKey(f, name, text)
	}
	return m.choiceKey(name, text)
}

// fieldKey is a key while a field is focused: what the field does not want moves on.
func (m *model) fieldKey(f *field, name, text string) tea.Cmd {
	switch {
	case f.key(name, text):
		return nil
	case name == "enter" && m.dialog.submit != nil:
		return m.dialog.submit(m)
	case name == "enter" || name == "down":
		return m.refocus(1)
	case name == "up":
		return m.refocus(-1)
	}
	return nil
}

// choiceKey is a key while an answer is focused. Text that is no answer is not typed into a
// field all the same: the key that opened the dialog may come twice.
func (m *model) choiceKey(name, text string) tea.Cmd {
	d := m.dialog
	switch name {
	case "enter":
		return d.choices[d.focus-len(d.fields)].act(m)
	case "left", "up":
		return m.refocus(-1)
	case "right", "down":
		return m.refocus(1)
	}
	if text != "" && !d.has(name) {
		d.fault = fmt.Sprintf("%q answers nothing here", text)
		if len(d.fields) > 0 {
			d.fault += ": tab goes to the " + strings.TrimSpace(d.fields[0].label)
		}
		return nil
	}
	return m.choose(name)
}

// has tells whether an answer has a key.
func (d *dialog) has(key string) bool {
	return slices.ContainsFunc(d.choices, func(c choice) bool { return c.key == key })
}

// refocus moves the focus by one, around the ends.
func (m *model) refocus(by int) tea.Cmd {
	stops := len(m.dialog.fields) + len(m.dialog.choices)
	return m.focusOn((m.dialog.focus + by + stops) % stops)
}

// tab moves the focus from field to field, and from any answer to the fields and back: the
// answers, of which the first is focused then, are one stop, so that the first one from
// where a dialog opens is to its reason.
func (m *model) tab(by int) tea.Cmd {
	answers := len(m.dialog.fields)
	if answers == 0 {
		return m.refocus(by)
	}
	stops := answers + 1
	return m.focusOn((min(m.dialog.focus, answers) + by + stops) % stops)
}

func (m *model) focusOn(to int) tea.Cmd {
	d := m.dialog
	from := d.focus
	d.focus = to
	if d.left != nil && from < len(d.fields) {
		return d.left(m, from)
	}
	return nil
}

// choose is the answer that has a key; nothing when there is none.
func (m *model) choose(key string) tea.Cmd {
	if key == submitKey && m.dialog.submit != nil && m.dialog.busy == "" {
		return m.dialog.submit(m)
	}
	for _, c := range m.dialog.choices {
		if c.key == key && (m.dialog.busy == "" || key == "esc") {
			return c.act(m)
		}
	}
	return nil
}

// pastedInVain is said of pasted text where nothing takes it. To whoever has not pasted it
// tells why keys did not act.
const pastedInVain = "pasted text never acts, nor do keys that come faster than a hand types: press the key again"

// paste puts pasted text into the field that is typed into; it never acts.
func (m *model) paste(text string) {
	text = strings.TrimRight(text, "\r\n")
	switch {
	case m.isUnseen():
	case m.dialog != nil:
		if f := m.dialog.focused(); f != nil && m.dialog.busy == "" && !m.dialog.unasked.lasts(m.now) {
			f.insert(text)
			return
		}
		m.say(screen.Warning, pastedInVain)
	case m.filtering:
		m.filter.insert(text)
		m.refiltered()
	default:
		m.say(screen.Warning, pastedInVain)
	}
}
