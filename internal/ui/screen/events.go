package screen

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"serin/internal/engine"
	"serin/internal/ui/theme"
)

// newestFirst are the newest lines, at most so many. What one look at a stack has found is
// turned around as well; the lines of every other event stay in the order in which they
// were told.
func newestFirst(told []telling, most int) []telling {
	var lines []telling
	end := len(told)
	for end > 0 && len(lines) < most {
		start := end - 1
		for start > 0 && !told[start].first {
			start--
		}
		lines = append(lines, turned(told[start:end])...)
		end = start
	}
	return lines[:min(max(most, 0), len(lines))]
}

// turned are the lines of one event as they are read from the newest on.
func turned(event []telling) []telling {
	if event[0].kind != engine.KindStackProgressed || len(event) == 1 {
		return event
	}
	lines := slices.Clone(event)
	slices.Reverse(lines)
	lines[0].first, lines[len(lines)-1].first = true, false
	return lines
}

// eventRow is a line about an event, cut where it is too long.
func (p pane) eventRow(line telling) string {
	row := theme.NewRow(p.width).Put(p.t.Text, " ")
	if line.first {
		row.Put(p.t.Muted, line.at.UTC().Format("15:04:05"))
	}
	return row.To(11).Put(p.kindStyle(line.kind), line.brief).String()
}

// kindStyle is how loud a kind of event is.
func (f *frame) kindStyle(kind engine.EventKind) theme.Style {
	switch kind {
	case engine.KindRollbackStarted, engine.KindStuck:
		return f.t.Bad
	case engine.KindFaulted, engine.KindPaused, engine.KindCommandRefused, engine.KindRemovalFailed, engine.KindLetGo, engine.KindClockJumped:
		return f.t.Warning
	case engine.KindWeightsConfirmed, engine.KindFinished, engine.KindPromoted, engine.KindTasksBecameHealthy:
		return f.t.Strong
	default:
		return f.t.Text
	}
}

// events is the page of a rollout's events, the newest first, each in full.
func (p pane) events() []string {
	s := p.subject()
	if s.rollout == nil {
		return []string{p.titled("events of " + clean(s.service.Name)), "", " no rollout has been seen of this service: its history has those of before"}
	}
	told := newestFirst(p.cache.told(s.rollout), len(s.rollout.Events)*64)
	var lines []string
	var above time.Time
	for _, line := range told {
		if p.s.Filter != "" && !strings.Contains(strings.ToLower(line.text), strings.ToLower(p.s.Filter)) {
			continue
		}
		line.first = line.first || !line.at.Equal(above) // the line with the time may be filtered out
		above = line.at
		lines = append(lines, p.eventInFull(line)...)
	}
	glyph, word := Glance(s.state)
	of := fmt.Sprintf("rollout %s: %s %s", clean(s.r.ID), glyph, word)
	if len(lines) == 0 {
		lines = []string{theme.NewRow(p.width).Put(p.t.Muted, " nothing has happened that contains "+clean(p.s.Filter)).String()}
	}
	return p.scrolled("events of "+clean(s.service.Name), of, lines)
}

// eventInFull is a line about an event, in as many lines as it needs.
func (p pane) eventInFull(line telling) []string {
	var lines []string
	for i, text := range wrapped(line.text, p.width-12, 60) {
		part := telling{at: line.at, first: line.first && i == 0, kind: line.kind, brief: text}
		lines = append(lines, p.eventRow(part))
	}
	return lines
}

// scrolled is a page that may be longer than its room. Its title tells which part of it is
// shown, and then, where there is room, of what it is.
func (p pane) scrolled(title, of string, lines []string) []string {
	room := max(p.height-1, 0)
	p.extent = max(len(lines)-room, 0)
	first := min(max(p.s.Scroll, 0), p.extent)
	shown := lines[first:min(first+room, len(lines))]
	row := p.rule(title, p.t.Title)
	if p.extent > 0 {
		place := fmt.Sprintf("%s %d to %d of %d ", theme.Dash, first+1, first+len(shown), len(lines))
		row.Put(p.t.Muted, place)
	}
	if of != "" {
		row.Put(p.t.Rule, theme.Dash+" ").Put(p.t.Title, of).Put(p.t.Rule, " ")
	}
	return append([]string{p.ruled(row)}, shown...)
}
