package screen

import (
	"fmt"
	"slices"
	"strings"

	"serin/internal/engine/analysis"
	"serin/internal/ui/theme"
)

// detailOf is one service, the most important first: what state it is in and what is
// wrong, who has how much traffic, what comes next, the verdict, and then, as far as
// there is room, the charts and the last events.
func (p pane) detailOf(s subject) []string {
	lines := append([]string{p.heading(s, "")}, p.facts(s)...)
	switch {
	case len(lines) > p.height && s.r != nil:
		driver := p.driver(s) // whoever is to act must know who does
		return append(lines[:max(p.height-len(driver), 0)], driver...)
	case len(lines) >= p.height:
		return lines[:p.height]
	}
	return append(lines, p.rest(s, p.height-len(lines))...)
}

// facts are what must be known of a service.
func (p pane) facts(s subject) []string {
	lines := p.stateLines(s)
	lines = append(lines, p.troubles(s)...)
	lines = append(lines, p.weights(s)...)
	if s.r == nil {
		return append(lines, p.recorded(s)...)
	}
	if s.state != Succeeded && s.state != RolledBack {
		lines = append(lines, p.stepLine(s))
	}
	lines = append(lines, p.verdict(s)...)
	return append(lines, p.driver(s)...)
}

// The least that the detail page gives to events and to charts that can be scrolled to.
const leastEvents, leastCharts = 6, 10

// detailPage is detailOf with what has no room below it: charts, events, and in full what
// was cut. Scrolled, the heading and the state stay.
func (p pane) detailPage(s subject) []string {
	p.cuts = nil
	facts := p.facts(s)
	cuts := p.cuts
	room := p.height - 1 - len(facts)
	lines := slices.Clone(facts)
	switch charts := s.protocol().HasResponses() && p.width >= LeastWidth; {
	case charts && p.chartsHeight(s, room) == 0:
		lines = append(lines, p.lastEvents(s, max(room, leastEvents))...)
		lines = append(p.filled(lines), p.charts(s, leastCharts)...)
	case room < leastEvents:
		lines = append(lines, p.lastEvents(s, leastEvents)...)
	default:
		lines = append(lines, p.rest(s, room)...)
	}
	if len(cuts) > 0 {
		lines = append(p.filled(lines), p.titled("in full"))
	}
	for _, cut := range cuts {
		lines = append(lines, p.paragraph(cut.label, p.t.Muted, p.t.Text, cut.text, inFull)...)
	}
	return p.scrolledBelow(s, lines)
}

// filled are lines with empty ones behind them, up to the end of the screen below the
// heading.
func (p pane) filled(lines []string) []string {
	return fitted(lines, max(len(lines), p.height-1))
}

// inFull is how many lines a text has at most where all of it shall be read.
const inFull = 80

// cut is a text that had no room.
type cut struct{ label, text string }

// wrappedOrCut is wrapped; what has no room is noted.
func (p pane) wrappedOrCut(label, text string, width, most int) []string {
	lines := wrapped(text, width, most)
	if len(lines) == most && strings.HasSuffix(lines[most-1], theme.Ellipsis) {
		p.cuts = append(p.cuts, cut{label: label, text: text})
	}
	return lines
}

// scrolledBelow is a page of which the heading and the state stay while the rest scrolls.
func (p pane) scrolledBelow(s subject, lines []string) []string {
	room := max(p.height-2, 0)
	state, below := lines[:1], lines[1:]
	p.extent = max(len(below)-room, 0)
	first := min(max(p.s.Scroll, 0), p.extent)
	last := min(first+room, len(below))
	var place string
	if first > 0 {
		place = fmt.Sprintf("%s %d ", theme.Up, first)
	}
	if more := len(below) - last; more > 0 {
		place += fmt.Sprintf("%s %d ", theme.Down, more)
	}
	if place != "" {
		place += "more "
	}
	return slices.Concat([]string{p.heading(s, place)}, state, below[first:last])
}

// heading names the service and its versions, and how much there is to scroll to.
func (p pane) heading(s subject, place string) string {
	row := p.rule(clean(s.service.Name), p.t.Title)
	if s.r != nil {
		versions := "first deployment " + theme.Arrow + " " + clean(s.r.Canary.Sha)
		if !s.r.First() {
			versions = clean(s.r.StableSha()) + " " + theme.Arrow + " " + clean(s.r.Canary.Sha)
		}
		row.Put(p.t.Rule, theme.Dash+" ").Put(p.t.Strong, versions).Put(p.t.Rule, " ")
	}
	if s.replayed {
		row.Put(p.t.Rule, theme.Dash+" ").Put(p.t.Badge, " PAST ").Put(p.t.Rule, " ")
	}
	if place != "" {
		row.Put(p.t.Rule, theme.Dash+" ").Put(p.t.Accent, place)
	}
	if s.r != nil && row.Room() > len(s.r.ID)+12 {
		row.Put(p.t.Rule, theme.Dash).Put(p.t.Muted, " rollout "+clean(s.r.ID)+" ")
	}
	return p.ruled(row)
}

// stateLines are the state in its glyph and its word, and what it means now.
func (p pane) stateLines(s subject) []string {
	glyph, word := Glance(s.state)
	style := styleOf(p.t, s.state)
	label := " " + glyph + " " + strings.ToUpper(word) + "  "
	indent := theme.Width(label)
	var lines []string
	for i, line := range p.wrappedOrCut(word, s.story(), p.width-indent-1, 3) {
		row := theme.NewRow(p.width)
		if i == 0 {
			row.Put(style, label)
		}
		lines = append(lines, row.To(indent).Put(p.t.Text, line).String())
	}
	if len(lines) == 0 {
		lines = []string{theme.NewRow(p.width).Put(style, label).String()}
	}
	return lines
}

// verdict is what the evidence says, with its numbers, and how old it is.
func (p pane) verdict(s subject) []string {
	v := s.r.Verdict
	if v.Result == "" {
		if !s.r.Exposed {
			return nil
		}
		return p.paragraph("verdict", p.t.Muted, p.t.Muted, "none yet: nothing was judged", 1)
	}
	glyph, style := verdictLook(p.t, v)
	row := theme.NewRow(p.width).Put(p.t.Muted, " verdict").To(11).Put(style, glyph+" "+spaced(string(v.Result)))
	lines := p.spread(row, s.evidenceWords(), s.state == StaleEvidence)
	switch {
	case v.Result == analysis.Pass && v.Warning == "" && p.height < roomy:
		// The numbers say it already, and the room is worth more.
	case v.Warning != "":
		lines = append(lines, p.paragraph("! doubt", p.t.Warning, p.t.Warning, v.Warning, 2)...)
	case v.Reason != "" && (s.r.Cause == nil || s.r.Cause.Reason != v.Reason):
		lines = append(lines, p.paragraph("", p.t.Muted, p.t.Muted, v.Reason, 2)...)
	}
	return lines
}

// roomy is the height from which on a pane says more than it must.
const roomy = 26

// spread puts words behind each other, in as many lines as they need; the last of them
// may be to be doubted.
func (p pane) spread(row *theme.Row, words []string, doubtful bool) []string {
	var lines []string
	for i, word := range words {
		style := p.t.Text
		if doubtful && i == len(words)-1 {
			style = p.t.Warning
		}
		if theme.Width(word)+3 > row.Room() {
			lines, row = append(lines, row.String()), theme.NewRow(p.width).To(8)
		}
		row.Put(p.t.Text, "   ").Put(style, word)
	}
	return append(lines, row.String())
}

// driver is who acts, and when that was last heard of.
func (p pane) driver(s subject) []string {
	if s.r.Driver.Actor == "" && s.r.Driver.Place == "" {
		return nil
	}
	who := clean(s.r.Driver.Place)
	if who == "" {
		who = clean(s.r.Driver.Actor)
	} else {
		who += " (" + ShortCaller(clean(s.r.Driver.Actor)) + ")"
	}
	if s.rollout.Mine {
		who = "you, here: " + who
	}
	seen, style := "", p.t.Text
	switch {
	case s.over():
		who += ", until it was over"
	case s.r.LetGo:
		who, style = "nobody: let go by "+who, p.t.Warning
	case s.rollout.Lost:
		seen, style = ", SILENT for "+age(s.rollout.LastSeen, s.now), p.t.Bad
	case s.rollout.Mine: // it is seen
	case !s.rollout.LastSeen.IsZero():
		seen = ", alive " + age(s.rollout.LastSeen, s.now) + " ago"
	}
	if s.r.StartedBy != "" && s.r.StartedBy != s.r.Driver.Actor && s.r.StartedBy != s.r.Driver.String() {
		seen += "; started by " + ShortCaller(clean(s.r.StartedBy))
	}
	row := theme.NewRow(p.width).Put(p.t.Muted, " driver").To(11)
	return []string{row.Put(style, who+seen).String()}
}

// recorded is what is known of a service without a rollout.
func (p pane) recorded(s subject) []string {
	var lines []string
	words := "nothing is recorded"
	if s.service.Deployed.Exists {
		words = fmt.Sprintf("%s, as version %d", clean(s.service.Deployed.Image), s.service.Deployed.Number)
	}
	lines = append(lines, p.paragraph("recorded", p.t.Muted, p.t.Text, words, 2)...)
	words = "not read yet"
	if read := s.service.Route.ReadAt; !read.IsZero() {
		words = "read " + age(read, s.now) + " ago"
		if !s.service.Route.Exists {
			words += "; there is none"
		}
	}
	return append(lines, p.paragraph("route", p.t.Muted, p.t.Text, words, 1)...)
}

// rest is the charts and the events in the room that is left.
func (p pane) rest(s subject, room int) []string {
	var lines []string
	charts := p.chartsHeight(s, room)
	if room >= 18 && charts > 0 {
		lines, room = append(lines, ""), room-1
		charts = min(charts, room)
	}
	if charts > 0 {
		lines = append(lines, p.charts(s, charts)...)
		room -= charts
	}
	return append(lines, p.lastEvents(s, room)...)
}

// chartsHeight is how many lines the charts get of the room; 0 when there is nothing to
// draw, or no room.
func (p pane) chartsHeight(s subject, room int) int {
	const least, most = 6, 18
	if !s.protocol().HasResponses() || p.width < LeastWidth {
		return 0
	}
	if s.r == nil {
		return chartRoom(room, least, most)
	}
	if !s.r.Exposed && len(s.buckets(s.r.Canary.Sha)) == 0 && room < 20 {
		return 0
	}
	return chartRoom(room-3, least, min(most, max(room*55/100, least)))
}

func chartRoom(room, least, most int) int {
	if room < least {
		return 0
	}
	return min(room, most)
}

// lastEvents are the newest events, the newest first.
func (p pane) lastEvents(s subject, room int) []string {
	if s.rollout == nil || room < 1 {
		return nil
	}
	var lines []string
	if room >= 4 {
		lines = append(lines, p.titled("events"))
	}
	told := p.cache.told(s.rollout)
	for _, line := range newestFirst(told, room-len(lines)) {
		lines = append(lines, p.eventRow(line))
	}
	return lines
}
