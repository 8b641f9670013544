package screen

import (
	"fmt"
	"time"

	"serin/internal/ui/chart"
	"serin/internal/ui/theme"
)

// defaultSpan is how much time charts show when nobody has chosen.
const defaultSpan = 30 * time.Minute

// charts are the 2xx and the 5xx side by side.
func (p pane) charts(s subject, height int) []string {
	left := (p.width - 4) / 2
	good := p.chartOf(s, 2, left, height)
	good.Note = p.scrolledBack(s, good)
	bad := p.chartOf(s, 5, p.width-4-left, height)
	p.limit(s, &bad)
	key := s.service.Name
	if s.replayed {
		key = s.r.ID
	}
	one, other := chart.Draw(p.cache.chart(key+" 2"), good), chart.Draw(p.cache.chart(key+" 5"), bad)
	lines := make([]string, height)
	for i := range lines {
		lines[i] = " " + one[i] + "  " + other[i]
	}
	return lines
}

// limit draws the threshold, and what it is held against: not the 5xx of a period, beside
// which alone it would mislead, but the canary's of a whole window.
func (p pane) limit(s subject, bad *chart.Chart) {
	name := s.limitName()
	if name == "" {
		return
	}
	window := time.Duration(s.r.Spec.FailureThresholdTime) * time.Second
	bad.Limit, bad.LimitName, bad.LimitWindow = float64(s.r.Spec.FailureThresholdValue), name, brief(window)
	for _, line := range bad.Lines {
		if line.Heavy {
			line.Window, line.Heavy, line.Style = window, false, p.t.Limit
			bad.Lines = append([]chart.Line{line}, bad.Lines...)
			return
		}
	}
}

// limitName is the threshold in words; empty when there is none.
func (s subject) limitName() string {
	if s.r == nil || s.r.Spec.FailureThresholdTime <= 0 {
		return ""
	}
	return fmt.Sprintf("limit %d in %s", s.r.Spec.FailureThresholdValue, brief(time.Duration(s.r.Spec.FailureThresholdTime)*time.Second))
}

func (p pane) chartOf(s subject, class, width, height int) chart.Chart {
	period, delay := timing(s.service, s.r)
	shown := p.s.Span
	if shown <= 0 {
		shown = defaultSpan
	}
	until := s.now.Add(-p.s.Back)
	if s.replayed {
		until = until.Add(period)
	}
	c := chart.Chart{
		Title: fmt.Sprintf("%dxx %s", class, everyPeriod(period)), Period: period,
		From: until.Add(-shown), To: until, Known: s.now.Add(-delay),
		Width: width, Height: height, Theme: p.t,
	}
	if s.replayed {
		c.Known = until
	}
	for _, version := range s.versions() {
		line := chart.Line{Name: version.role, Style: p.t.Stable, Heavy: version.canary, Class: class, Buckets: s.buckets(version.sha)}
		if version.canary {
			line.Style = p.t.Canary
		}
		c.Lines = append(c.Lines, line)
	}
	if s.rollout != nil {
		for _, mark := range s.rollout.Marks {
			c.Marks = append(c.Marks, chart.Mark{At: mark.At, Weight: mark.Weight})
		}
	}
	return c
}

// scrolledBack says that a chart does not show what is now, and, where there is room, how
// to come back; empty when it does.
func (p pane) scrolledBack(s subject, c chart.Chart) string {
	if p.s.Back <= 0 {
		return ""
	}
	words := theme.Earlier + " " + span(p.s.Back) + " ago"
	if s.replayed {
		words = theme.Earlier + " " + span(p.s.Back) + " back"
	}
	later := ", " + theme.Arrow + " later"
	if theme.Width(c.Title+"  "+words+later) > c.Width {
		later = ""
	}
	return words + later
}

func everyPeriod(period time.Duration) string {
	if period == time.Minute {
		return "a minute"
	}
	return "in " + brief(period)
}
