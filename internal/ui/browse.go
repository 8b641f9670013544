package ui

import (
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
)

// farAway is further than any list is long.
const farAway = 1 << 30

// shows tells whether a name passes a filter, as the screen has it.
func shows(name, filter string) bool {
	return strings.Contains(strings.ToLower(name), strings.ToLower(filter))
}

// listed are the names of the services that are shown, in order.
func (m *model) listed() []string {
	filter := m.filters[screen.Overview]
	var names []string
	for _, service := range m.shownScene().Services {
		if shows(service.Name, filter) {
			names = append(names, service.Name)
		}
	}
	return names
}

// reselect keeps the selection on a service that is shown: first of all on one with an
// open rollout, the loudest.
func (m *model) reselect() {
	names := m.listed()
	if len(names) == 0 || slices.Contains(names, m.selected) {
		return
	}
	m.selected = names[0]
	if loudest := m.loudest(); loudest != "" {
		m.selected = loudest
	}
}

// lead selects, once, the open rollout that is in the loudest state, unless a person has
// chosen what to look at.
func (m *model) lead() {
	if m.chose || m.frozen != nil || m.dialog != nil || m.page() != screen.Overview {
		return
	}
	if loudest := m.loudest(); loudest != "" {
		m.selectService(loudest)
	}
}

// loudest is the service that is listed and whose open rollout is in the loudest state;
// empty without any.
func (m *model) loudest() string {
	found, most := "", -1
	for _, name := range m.listed() {
		service := m.service(name)
		if rank := slices.Index(screen.RolloutStates(), screen.StateOf(service, m.now)); isOpen(service) && rank > most {
			found, most = name, rank
		}
	}
	return found
}

// move goes a number of lines down what the page shows.
func move(by int) func(*model) tea.Cmd {
	return func(m *model) tea.Cmd {
		m.moveBy(by)
		return nil
	}
}

// movePage goes half screens.
func movePage(by int) func(*model) tea.Cmd {
	return func(m *model) tea.Cmd {
		m.moveBy(by * max(1, m.height/2))
		return nil
	}
}

func (m *model) moveBy(by int) {
	switch m.page() {
	case screen.Overview:
		names := m.listed()
		if len(names) > 0 {
			m.selectService(names[within(slices.Index(names, m.selected)+by, len(names))])
		}
	case screen.History:
		m.chosen = within(m.chosen+by, len(m.past))
	default:
		m.rescroll(by)
	}
}

// whyNotMove says why there is nothing further up, for -1, or down, for 1.
func whyNotMove(by int) func(*model) string {
	return func(m *model) string {
		at, last := m.place()
		switch {
		case by < 0 && at > 0, by > 0 && at < last:
			return ""
		case last == 0 && m.page() != screen.Overview && m.page() != screen.History:
			return "all of this page is shown"
		case last < 0:
			return "there is nothing to select"
		case by < 0:
			return "this is the top"
		}
		return "this is the end"
	}
}

// place is the selected line of a list, or how far a page is scrolled, and the last that
// there is.
func (m *model) place() (at, last int) {
	switch m.page() {
	case screen.Overview:
		names := m.listed()
		return slices.Index(names, m.selected), len(names) - 1
	case screen.History:
		return m.chosen, len(m.past) - 1
	default:
		last = screen.Extent(m.state(), m.cache)
		return min(m.scroll, last), last
	}
}

// within is the nearest index of a list; 0 of an empty one.
func within(index, length int) int { return max(0, min(index, length-1)) }

func (m *model) selectService(name string) {
	m.chose = true
	if name != m.selected {
		m.selected, m.scroll, m.back = name, 0, 0
	}
}

// rescroll scrolls by some lines, and not past the end.
func (m *model) rescroll(by int) {
	if by == 0 && m.scroll == 0 {
		return
	}
	extent := screen.Extent(m.state(), m.cache)
	m.scroll = max(0, min(min(m.scroll, extent)+by, extent))
}

func (m *model) helpWord() string {
	if m.page() == screen.Help {
		return "close help"
	}
	return "help"
}

// switchHelp opens the help, and closes it again.
func (m *model) switchHelp() tea.Cmd {
	if m.page() == screen.Help {
		return m.goBack()
	}
	m.turn(screen.Help)
	return nil
}

func (m *model) turn(page screen.Page) {
	m.chose = true
	if at := slices.Index(m.pages, page); at >= 0 {
		m.pages = m.pages[:at+1]
	} else {
		m.pages = append(m.pages, page)
	}
	m.arrive()
}

// arrive settles a page that has just come to be shown.
func (m *model) arrive() {
	m.scroll, m.back = 0, 0
	replaying := m.page() == screen.Detail || m.page() == screen.Events || m.page() == screen.Help
	if !replaying || !slices.Contains(m.pages, screen.History) {
		m.replay = nil
	}
}

func (m *model) whyNotBack() string {
	if len(m.pages) == 1 && m.filters[m.filterPage()] == "" {
		return "this is the first page; q leaves"
	}
	return ""
}

func (m *model) goBack() tea.Cmd {
	if m.filters[m.filterPage()] != "" {
		m.setFilter("")
		return nil
	}
	m.pages = m.pages[:len(m.pages)-1]
	m.arrive()
	return nil
}

// filterPage is the page whose filter applies to the present one: the list and the detail
// of one of its services share theirs, and elsewhere than there and on the events there
// is none.
func (m *model) filterPage() screen.Page {
	if m.page() == screen.Detail {
		return screen.Help
	}
	return m.page()
}

func (m *model) beginFilter() tea.Cmd {
	m.filtering = true
	m.kept = m.filters[m.filterPage()]
	m.filter = field{}
	m.filter.set(m.kept)
	return nil
}

// filterKey is a key while the filter is typed.
func (m *model) filterKey(name, text string) {
	switch name {
	case "enter":
		m.filtering = false
	case "esc", "ctrl+c":
		m.filtering = false
		m.setFilter("")
	case "up", "down":
		m.moveBy(map[string]int{"up": -1, "down": 1}[name])
	default:
		if m.filter.key(name, text) {
			m.refiltered()
		}
	}
}

// refiltered applies what is typed so far.
func (m *model) refiltered() { m.setFilter(m.filter.text) }

func (m *model) setFilter(text string) {
	m.filters[m.filterPage()] = text
	m.scroll = 0
	m.reselect()
}

func (m *model) freezeWord() string {
	if m.frozen != nil {
		return "go on"
	}
	return "freeze"
}

func (m *model) whyNotFreeze() string {
	if m.replay != nil && m.frozen == nil {
		return "a rollout of the past stands still as it is"
	}
	return ""
}

// freeze holds what is shown, or lets it go on.
func (m *model) freeze() tea.Cmd {
	if m.frozen != nil {
		m.frozen = nil
		m.reselect()
		return nil
	}
	held := m.live
	m.frozen, m.frozenAt = &held, m.now
	return nil
}

// spans are what the charts can show.
func spans() []time.Duration {
	return []time.Duration{
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 24 * time.Hour,
	}
}

// pointsShown is how many metric periods the charts show before anybody zooms.
const pointsShown = 40

// span is how much time the charts show: what was chosen, else all of a rollout that is
// replayed, else so many periods.
func (m *model) span() time.Duration {
	if m.zoom > 0 {
		return m.zoom
	}
	least := pointsShown * time.Minute
	if service := m.charted(); service.Period > 0 {
		least = pointsShown * service.Period
	}
	if m.replay != nil && m.replay.Rollout != nil {
		lasted := m.replay.At.Sub(m.replay.Rollout.StartedAt)
		least = lasted + lasted/8 // and what was before
	}
	for _, span := range spans() {
		if span >= least {
			return span
		}
	}
	return spans()[len(spans())-1]
}

// charted is the service that the charts are of, as it is shown.
func (m *model) charted() scene.Service {
	return named(m.shownScene(), m.selected)
}

func zoomBy(by int) func(*model) tea.Cmd {
	return func(m *model) tea.Cmd {
		at := slices.Index(spans(), m.span())
		m.zoom = spans()[within(at+by, len(spans()))]
		return nil
	}
}

func whyNotZoom(by int) func(*model) string {
	return func(m *model) string {
		if at := slices.Index(spans(), m.span()) + by; at < 0 || at >= len(spans()) {
			return "the charts show " + m.span().String() + ", and nothing beyond"
		}
		return ""
	}
}

// hop is how far one key scrolls the charts.
func (m *model) hop() time.Duration { return m.span() / 4 }

// oldest is the time of the first response that is known for the charts.
func (m *model) oldest() (time.Time, bool) {
	var first time.Time
	known := m.charted().Responses
	if m.replay != nil && m.replay.Rollout != nil {
		known = m.replay.Rollout.Responses
	}
	for _, buckets := range known {
		if len(buckets) > 0 && (first.IsZero() || buckets[0].Start.Before(first)) {
			first = buckets[0].Start
		}
	}
	return first, !first.IsZero()
}

func (m *model) whyNotEarlier() string {
	first, known := m.oldest()
	if !known {
		return "no responses are known yet"
	}
	if !m.shownTime().Add(-m.back - m.span()).After(first) {
		return "nothing older is known"
	}
	return ""
}

func (m *model) whyNotLater() string {
	if m.back == 0 {
		return "the charts show the newest already"
	}
	return ""
}

func (m *model) earlier() tea.Cmd {
	m.back += m.hop()
	return nil
}

func (m *model) later() tea.Cmd {
	m.back = max(0, m.back-m.hop())
	return nil
}

// shownTime is the time that the charts are drawn for.
func (m *model) shownTime() time.Time {
	switch {
	case m.replay != nil:
		return m.replay.At
	case m.frozen != nil:
		return m.frozenAt
	}
	return m.now
}
