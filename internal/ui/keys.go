package ui

import (
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"serin/internal/ui/screen"
)

// binding is a key as data: help, the footer and docs/keys.md are made from it, and so is
// what happens when it is pressed.
type binding struct {
	// names are the keys, in Bubble Tea's words; name is how they are shown.
	names []string
	name  string
	// does is what it does in a word or two, about in a sentence. now is does as it is at
	// the moment, for keys that do one thing or another; nil when it is always does.
	does, about string
	now         func(*model) string
	section     section
	// dangerous keys ask before they act; changes marks those that change anything but the
	// view, which --read-only leaves out.
	dangerous, changes bool
	// pages are where it acts; everywhere when there are none.
	pages []screen.Page
	// foot says how the footer shows it.
	foot foot
	// why says why it cannot act now, empty when it can; nil when it always can.
	why func(*model) string
	// end says why it moves nothing now, empty when it does; nil for keys that do not move.
	end func(*model) string
	act func(*model) tea.Cmd
}

// section is a part of the help.
type section string

const (
	ofRollouts section = "Rollouts"
	ofPages    section = "Looking around"
	ofCharts   section = "Charts and time"
	ofConsole  section = "The console"
)

func sections() []section { return []section{ofRollouts, ofPages, ofCharts, ofConsole} }

// foot is how the footer shows a key.
type foot int

const (
	// footNever, footAlways dimmed when it cannot act, footActs only when it can.
	footNever foot = iota
	footAlways
	footActs
)

// bindingsFor are the keys of a console, and those that it lacks because it only looks.
func bindingsFor(readOnly bool) (bound, shut []binding) {
	for _, b := range bindings() {
		if readOnly && b.changes {
			shut = append(shut, b)
		} else {
			bound = append(bound, b)
		}
	}
	return bound, shut
}

func (b binding) has(name string) bool { return slices.Contains(b.names, name) }

func (b binding) on(page screen.Page) bool {
	return len(b.pages) == 0 || slices.Contains(b.pages, page)
}

// refusal says why the key cannot act now; empty when it can.
func (b binding) refusal(m *model) string {
	if !b.on(m.page()) {
		return b.does + ": only " + pagesInWords(b.pages)
	}
	if m.live.Connecting != "" && b.needsHost() {
		return b.does + ": not yet, " + m.live.Connecting
	}
	if b.why == nil {
		return ""
	}
	return b.why(m)
}

// pagesInWords are the pages on which a key acts.
func pagesInWords(pages []screen.Page) string {
	words := make([]string, len(pages))
	for i, page := range pages {
		words[i] = string(page)
	}
	if len(words) == 1 {
		return "on the page " + words[0]
	}
	return "on the pages " + strings.Join(words, ", ")
}

// needsHost tells whether the key is of no use before the console is attached.
func (b binding) needsHost() bool {
	switch b.section {
	case ofRollouts, ofCharts:
		return true
	case ofPages:
		return len(b.pages) > 0
	default:
		return false
	}
}

func (b binding) shown(m *model) screen.Key {
	key := screen.Key{Name: b.name, Does: b.does, About: b.about, Dangerous: b.dangerous, Why: b.refusal(m)}
	if b.now != nil {
		key.Does = b.now(m)
	}
	return key
}

// footer are the keys that the footer offers on the present page, in order.
func (m *model) footer() []screen.Key {
	var keys []screen.Key
	for _, b := range m.bindings {
		if b.foot == footNever || !b.on(m.page()) {
			continue
		}
		key := b.shown(m)
		if b.foot == footAlways || key.Why == "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// help are all keys that the console has, by section, as they are on the page that help
// was asked from.
func (m *model) help() []screen.Section {
	from := *m
	from.pages = m.pages[:max(1, len(m.pages)-1)]
	var all []screen.Section
	for _, title := range sections() {
		part := screen.Section{Title: string(title)}
		for _, b := range m.bindings {
			if b.section == title {
				key := b.shown(&from)
				key.Does, key.Why = b.does, strings.TrimPrefix(key.Why, b.does+": ")
				part.Keys = append(part.Keys, key)
			}
		}
		if len(part.Keys) > 0 {
			all = append(all, part)
		}
	}
	return all
}

// typedTooLate is said of keys that come for a dialog that was withdrawn.
const typedTooLate = " (keys for the closed question are ignored)"

// isTooLate tells whether a key was meant for a dialog that was withdrawn. Asking to roll
// back waits for nothing, unless it would be a letter of a reason.
func (m *model) isTooLate(name string) bool {
	if name == "r" && !m.cutOff {
		m.withdrawn = lull{}
	}
	return m.withdrawn.lasts(m.now)
}

// press is a key of the operator's.
func (m *model) press(msg tea.KeyPressMsg) tea.Cmd {
	m.now = time.Now()
	if m.now.Before(m.deafTill) {
		m.say(screen.Info, "the window has just got the focus: that key was ignored")
		return nil
	}
	if m.isTooLate(msg.String()) {
		if !strings.HasSuffix(m.notice.Text, typedTooLate) {
			m.notice.Text += typedTooLate
		}
		return nil
	}
	m.hush()
	if m.isUnseen() {
		return m.blindKey(msg.String())
	}
	return m.key(msg.String(), typed(msg))
}

// isUnseen tells whether the window is too small to show anything but that.
func (m *model) isUnseen() bool {
	return m.width > 0 && (m.width < screen.LeastWidth || m.height < screen.LeastHeight)
}

// blindKey is a key in a window that is too small to show what it would do: only leaving
// acts, and only when there is nothing to ask.
func (m *model) blindKey(name string) tea.Cmd {
	if (name == "q" || name == "ctrl+c") && len(m.driven()) == 0 && !m.mayDriveSoon() {
		return m.quit(Idle)
	}
	return nil
}

// typed is the text that a key press means; empty for keys with a modifier beside shift.
func typed(msg tea.KeyPressMsg) string {
	if msg.Mod&^tea.ModShift != 0 {
		return ""
	}
	return msg.Text
}

// key is a key, whoever pressed it: the mouse clicks on keys too.
func (m *model) key(name, text string) tea.Cmd {
	switch {
	case m.dialog != nil:
		return m.answer(name, text)
	case m.filtering:
		m.filterKey(name, text)
		return nil
	}
	for _, b := range m.bindings {
		if b.has(name) {
			return m.use(b)
		}
	}
	for _, b := range m.shut {
		if b.has(name) {
			m.refuse(b.does + ": this console only looks (--read-only)")
		}
	}
	return nil
}

// use lets a key act, or says why it does not.
func (m *model) use(b binding) tea.Cmd {
	if why := b.refusal(m); why != "" {
		m.refuse(why)
		return nil
	}
	if b.end != nil {
		if why := b.end(m); why != "" {
			m.chose = true
			m.say(screen.Info, why)
			return nil
		}
	}
	return b.act(m)
}

func (m *model) hush() {
	m.notice, m.noticeOver, m.noticeOf = screen.Notice{}, time.Time{}, look{}
}

// KeysDoc is docs/keys.md: every key, from the table that the console acts by.
func KeysDoc() string {
	var doc strings.Builder
	doc.WriteString(keysIntro)
	for _, title := range sections() {
		doc.WriteString("\n## " + string(title) + "\n\n| key | does | |\n|---|---|---|\n")
		for _, b := range bindings() {
			if b.section == title {
				doc.WriteString("| " + strings.ReplaceAll(code(b.name), "|", `\|`) + " | " + b.does + " | " + b.about + marks(b) + " |\n")
			}
		}
	}
	return doc.String()
}

const keysIntro = `# The keys of the console

<!-- Made from the table in internal/ui/keytable.go by: go test ./internal/ui -run TestKeysDoc -update -->

A key that cannot act now is dimmed, and says why when it is pressed.
A dangerous key asks first. Its answers have other keys than the one that asked, and
` + "`enter`" + ` is the answer that is focused: the safe one. For rolling back that is the roll back;
for everything else it is to change nothing. ` + "`tab`" + ` moves to the reason, which may be typed
and is kept in the journal for ever, and back; arrows move among the answers. In the reason
` + "`enter`" + ` rolls back too; of every other question it goes on to the answers.
A question closes by itself, and says why, when what it asks about is over or cannot be asked any more.
Pasted text never acts, and keys are ignored for a moment after the window got the focus.
` + "`--read-only`" + ` leaves out the keys that change something.
`

func code(name string) string {
	names := strings.Fields(name)
	for i := range names {
		names[i] = "`" + names[i] + "`"
	}
	return strings.Join(names, " ")
}

func marks(b binding) string {
	switch {
	case b.dangerous:
		return " **Dangerous: asks first.**"
	case b.changes:
		return " Changes something."
	}
	return ""
}
