package screen

import (
	"fmt"
	"strconv"

	"serin/internal/engine"
	"serin/internal/ui/theme"
)

// weights are the versions with their shares, asked for and actual, and their tasks.
func (p pane) weights(s subject) []string {
	var lines []string
	tail := 0
	for _, version := range s.versions() {
		health, _ := p.healthWords(s, version.sha)
		tail = max(tail, theme.Width(health))
	}
	for _, version := range s.versions() {
		lines = append(lines, p.versionRow(s, version, tail))
	}
	for _, target := range s.strangers() {
		lines = append(lines, p.strangerRow(s, target))
	}
	return lines
}

// versionRow is one version: its bar is what it has; where it shall have more, or less,
// the difference is drawn apart. Tail is how wide the words on its tasks may get.
func (p pane) versionRow(s subject, v version, tail int) string {
	style := p.t.Stable
	if v.canary {
		style = p.t.Canary
	}
	actual := s.actual(v.sha)
	row := theme.NewRow(p.width).Put(p.t.Muted, " "+v.role).To(8)
	putWithin(row, style, clean(v.sha), 17)
	row.To(18)
	words := s.sharesInWords(actual, v.asked)
	health, healthStyle := p.healthWords(s, v.sha)
	p.bar(row, style, actual, v.asked, min(row.Room()-len(words)-tail-5, 100))
	row.Put(p.t.Text, " ")
	if v.asked >= 0 && v.asked != actual || s.outdated() {
		row.Put(p.t.Warning, words)
	} else {
		row.Put(p.t.Strong, words)
	}
	return row.Put(p.t.Text, "   ").Put(healthStyle, health).String()
}

// sharesInWords are the actual share and the one that was asked for, always both; of a
// share that may have changed it is said how old it is.
func (s subject) sharesInWords(actual, asked int) string {
	words := fmt.Sprintf("%3d %%", actual)
	if s.outdated() {
		route, _ := s.route()
		words += " last known, " + age(route.ReadAt, s.now) + " ago"
	} else if asked >= 0 {
		words += " now"
	}
	if asked < 0 {
		return words
	}
	return words + fmt.Sprintf(", %3d %% asked", asked)
}

// bar is a bar of 0 to 100. What is asked for and is not there yet is hatched, and so is
// what is there and shall not be.
func (p pane) bar(row *theme.Row, style theme.Style, actual, asked, width int) {
	if width < 4 {
		return
	}
	if asked < 0 {
		asked = actual
	}
	cells := func(share int) int { return (share*width + 50) / 100 }
	both, either := cells(min(actual, asked)), cells(max(actual, asked))
	row.Fill(style, theme.Full, both).Fill(style, theme.Dense, either-both)
	row.Fill(p.t.Muted, theme.Shade, width-either)
}

// healthWords are how many tasks of a version are healthy.
func (p pane) healthWords(s subject, sha string) (string, theme.Style) {
	health, known := s.health(sha)
	switch {
	case s.r != nil && s.r.Removal != nil && s.r.Removal.Done && s.r.Removal.Sha == sha:
		return "removed", p.t.Muted
	case !known && s.over() && s.r != nil:
		return "", p.t.Muted
	case !known:
		return "tasks not known", p.t.Muted
	case !health.Exists:
		return "no tasks", p.t.Muted
	}
	words := strconv.Itoa(health.Healthy) + "/" + strconv.Itoa(health.Desired) + " healthy"
	if health.AllHealthy() {
		return words, p.t.Good
	}
	return theme.Alert + " " + words, p.t.Bad
}

// strangerRow is a target that is none of the versions.
func (p pane) strangerRow(s subject, target engine.Target) string {
	route, _ := s.route()
	total := 0
	for _, found := range route.Targets {
		total += found.Weight
	}
	weight := 0
	if total > 0 {
		weight = (target.Weight*100 + total/2) / total
	}
	row := theme.NewRow(p.width).Put(p.t.Warning, " other").To(8)
	return row.Put(p.t.Warning, fmt.Sprintf("%s has %d %%: it is no version of this rollout", clean(target.Name), weight)).String()
}
