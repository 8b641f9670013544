package screen

import (
	"fmt"
	"strings"

	"serin/internal/engine/analysis"
	"serin/internal/ui/theme"
)

// detailOf is one service, the most important first: what state it is in and what is
// wrong, who has how much traffic, what comes next, the verdict, and then, as far as
// there is room, the charts and the last events.
func (p pane) detailOf(s subject) []string {
	lines := []string{p.heading(s)}
	lines = append(lines, p.stateLines(s)...)
	lines = append(lines, p.troubles(s)...)
	lines = append(lines, p.weights(s)...)
	if s.r != nil {
		if s.state != Succeeded && s.state != RolledBack {
			lines = append(lines, p.stepLine(s))
		}
		lines = append(lines, p.verdict(s)...)
		lines = append(lines, p.driver(s)...)
	} else {
		lines = append(lines, p.recorded(s)...)
	}
	if len(lines) >= p.height {
		return lines[:p.height]
	}
	return append(lines, p.rest(s, p.height-len(lines))...)
}

// heading names the service and its versions.
func (p pane) heading(s subject) string {
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
	for i, line := range wrapped(s.story(), p.width-indent-1, 3) {
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
	glyph, style := verdictLook(p.t, v.Result)
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
		who += " (" + shortCaller(clean(s.r.Driver.Actor)) + ")"
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
	case !s.rollout.LastSeen.IsZero():
		seen = ", alive " + age(s.rollout.LastSeen, s.now) + " ago"
	}
	if s.r.StartedBy != "" && s.r.StartedBy != s.r.Driver.Actor {
		seen += "; started by " + shortCaller(clean(s.r.StartedBy))
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
