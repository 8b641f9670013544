package screen

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
	"serin/internal/ui/chart"
	"serin/internal/ui/scene"
	"serin/internal/ui/theme"
)

// leastBelow is how many lines the detail needs to be shown below the list.
const leastBelow = 7

// overview is the list of services, with the selected one's detail below it where there
// is room.
func (p pane) overview() []string {
	services := p.matching()
	listed := p.listHeight(len(services))
	lines := p.list(services, listed)
	below := p.height - len(lines)
	service, found := p.selected()
	if !found || below < leastBelow {
		return lines
	}
	detail := p
	detail.y, detail.height = p.y+len(lines), below
	return append(lines, detail.detailOf(subjectOf(service, p.now))...)
}

// listHeight is how many lines the list may take of the pane.
func (p pane) listHeight(services int) int {
	all := services + 1
	if p.s.Width >= wideWidth && p.s.Height >= wideHeight {
		return min(all, max(p.height/3, 5))
	}
	return min(all, p.height)
}

// matching are the services whose name contains the filter.
func (f *frame) matching() []scene.Service {
	if f.s.Filter == "" || f.s.Page != Overview {
		return f.s.Scene.Services
	}
	var found []scene.Service
	for _, service := range f.s.Scene.Services {
		if strings.Contains(strings.ToLower(service.Name), strings.ToLower(f.s.Filter)) {
			found = append(found, service)
		}
	}
	return found
}

// columns are where the columns of the list begin; those at 0 are left out.
type columns struct{ weight, bar, state, step, errors, line int }

func (p pane) columns() columns {
	c := columns{weight: 24, bar: 10, state: 43, step: 66, errors: 72}
	switch {
	case p.width >= 140:
		c = columns{weight: 36, bar: 20, state: 66, step: 98, errors: 107, line: 116}
	case p.width >= 100:
		c = columns{weight: 28, bar: 12, state: 49, step: 74, errors: 82, line: 90}
	case p.width < 78:
		c = columns{weight: 20, bar: 6, state: 34}
	}
	return c
}

// list is the services with a heading, the selected one always among those shown.
func (p pane) list(services []scene.Service, height int) []string {
	c := p.columns()
	head := theme.NewRow(p.width).Put(p.t.Muted, " SERVICES").To(c.weight).Put(p.t.Muted, "WEIGHT").To(c.state).Put(p.t.Muted, "STATE")
	if c.step > 0 {
		head.To(c.step).Put(p.t.Muted, "STEP").To(c.errors).Put(p.t.Muted, "5xx/min")
	}
	lines := []string{head.String()}
	if len(services) == 0 {
		return append(lines, p.nothingListed()...)
	}
	first := p.firstListed(services, height-1)
	for _, service := range services[first:min(first+max(height-1, 0), len(services))] {
		p.spot(len(lines), Hit{Service: service.Name})
		lines = append(lines, p.serviceRow(service, c))
	}
	return lines
}

// nothingListed is why there is no service: what fails in full, where that is it.
func (p pane) nothingListed() []string {
	if p.listsFaults() {
		return p.faultsListed()
	}
	words := "no service is known yet: the environment is being read"
	switch {
	case p.s.Scene.Connecting != "":
		words = clean(p.s.Scene.Connecting) + " " + theme.Ellipsis
	case p.s.Filter != "":
		words = "no service has " + strconv.Quote(clean(p.s.Filter)) + " in its name"
	case p.s.Scene.Services != nil:
		words = "this environment has no services"
	}
	return []string{theme.NewRow(p.width).Put(p.t.Muted, " "+words).String()}
}

// faultsListed are the readings that fail, with what can be done about each.
func (p pane) faultsListed() []string {
	var lines []string
	for _, what := range sortedKeys(p.s.Scene.Faults) {
		fault := p.s.Scene.Faults[what]
		label, words := "! cannot", fmt.Sprintf("read %s since %s, %s ago: %s", what, stamp(fault.Since), age(fault.Since, p.now), fault.Message)
		if fault.Undone {
			label, words = "! not done", undone(what, fault)
		}
		lines = append(lines, p.paragraph(label, p.t.Bad, p.t.Text, words, inFull)...)
		lines = append(lines, p.paragraph("hint", p.t.Muted, p.t.Strong, fault.Hint, inFull)...)
	}
	return lines
}

// spot makes a whole line of the pane clickable.
func (p pane) spot(line int, hit Hit) {
	p.spots = append(p.spots, spot{x: p.x, y: p.y + line, width: p.width, hit: hit})
}

// firstListed is the first service of a list that is longer than its room.
func (p pane) firstListed(services []scene.Service, room int) int {
	for i, service := range services {
		if service.Name == p.s.Selected {
			return min(max(0, i-room+1), max(len(services)-room, 0))
		}
	}
	return 0
}

// serviceRow is one service in one line.
func (p pane) serviceRow(service scene.Service, c columns) string {
	s := subjectOf(service, p.now)
	row := theme.NewRow(p.width)
	name, style := clean(service.Name), p.t.Text
	if service.Name == p.s.Selected {
		row.Put(p.t.Accent, theme.Cursor)
		style = p.t.Selected
	} else {
		row.Put(p.t.Text, " ")
	}
	putWithin(row, style, name, c.weight-1)
	row.To(c.weight)
	p.listedWeight(row, s, c.bar)
	row.To(c.state)
	glyph, word := Glance(s.state)
	words := glyph + " " + word
	if extra := s.countdown(); extra != "" {
		words += " " + extra
	}
	end := p.width
	if c.step > 0 {
		end = c.step - 1
	}
	putWithin(row, styleOf(p.t, s.state), words, end)
	if c.step == 0 {
		return row.String()
	}
	row.To(c.step)
	if !s.over() {
		row.Put(p.t.Text, strconv.Itoa(s.r.Step+1)+"/"+strconv.Itoa(len(s.r.Plan.Steps)))
	}
	row.To(c.errors)
	p.listedErrors(row, s, c)
	return row.String()
}

// putWithin adds a text that ends before a column.
func putWithin(row *theme.Row, style theme.Style, text string, end int) {
	room := end - row.Width()
	if room <= 0 {
		return
	}
	part := theme.NewRow(room).Put(theme.Style{}, text)
	row.PutWide(style, part.String(), part.Width())
}

// listedWeight is the canary's actual share, and without an open rollout that of the
// version that serves most; a dash when the route was never read, or has no version. A
// share that may have changed since it was read is doubted.
func (p pane) listedWeight(row *theme.Row, s subject, width int) {
	style, weight := p.t.Stable, s.heaviest()
	if !s.over() {
		style, weight = p.t.Canary, s.actual(s.r.Canary.Sha)
	} else if weight == 0 {
		row.Fill(p.t.Muted, theme.Shade, width).Put(p.t.Muted, "   "+theme.None)
		return
	}
	filled := (weight*width + 50) / 100
	row.Fill(style, theme.Full, filled).Fill(p.t.Muted, theme.Shade, width-filled)
	row.Put(p.t.Text, fmt.Sprintf(" %3d %%", weight))
	if s.outdated() {
		row.Put(p.t.Warning, "?")
	}
}

// listedErrors is how many 5xx a minute all versions answer, and the line of them.
func (p pane) listedErrors(row *theme.Row, s subject, c columns) {
	if !s.protocol().HasResponses() {
		row.Put(p.t.Muted, theme.None)
		return
	}
	period, delay := timing(s.service, s.r)
	known := p.now.Add(-delay)
	rate, found := s.errorRate(period, known)
	style := p.t.Text
	switch {
	case !found:
		row.Put(p.t.Muted, theme.None)
	case rate > 0:
		style = p.t.Bad
		fallthrough
	default:
		row.Put(style, chart.Short(rate))
	}
	if c.line > 0 {
		values := s.errorsOf(period, known, min(24, p.width-c.line-1))
		row.To(c.line).Put(style, sparkline(values))
	}
}

// fewPeriods is how many periods may pass without responses, or a minute of them where
// they are short, before nothing is known any more.
const fewPeriods = 3

// errorRate is how many 5xx a minute all versions answer, as the newest minute says that
// is known, or the newest period where periods are longer. Metrics of seconds come late and
// have gaps, and one second says nothing of a minute. Where less than that is known yet,
// that is scaled up. It is false when nothing is known.
func (s subject) errorRate(period time.Duration, known time.Time) (float64, bool) {
	window, patience := max(time.Minute.Truncate(period), period), max(fewPeriods*period, time.Minute)
	last := known.Truncate(period).Add(-period)
	found := s.allBuckets(last.Add(-patience-window), last)
	if len(found) == 0 || found[len(found)-1].Start.Before(last.Add(-patience)) {
		return 0, false
	}
	end := found[len(found)-1].Start.Add(period)
	from := end.Add(-window)
	if first := found[0].Start; first.After(from) {
		from = first
	}
	errors := analysis.Sum(analysis.Since(found, from)).Class(5)
	return errors * float64(time.Minute) / float64(end.Sub(from)), true
}

// allBuckets are those of all versions that start between two times, in order.
func (s subject) allBuckets(from, last time.Time) []analysis.Bucket {
	var found []analysis.Bucket
	for _, version := range s.versions() {
		for _, bucket := range analysis.Since(s.buckets(version.sha), from) {
			if bucket.Start.After(last) {
				break
			}
			found = append(found, bucket)
		}
	}
	slices.SortStableFunc(found, func(a, b analysis.Bucket) int { return a.Start.Compare(b.Start) })
	return found
}

// errorsOf are the 5xx of the versions together, in the last periods that can be known;
// -1 stands for a period that nothing is known of.
func (s subject) errorsOf(period time.Duration, known time.Time, points int) []float64 {
	values := make([]float64, max(points, 1))
	for i := range values {
		values[i] = -1
	}
	last := known.Truncate(period).Add(-period)
	first := last.Add(-period * time.Duration(len(values)-1))
	for _, version := range s.versions() {
		for _, bucket := range analysis.Since(s.buckets(version.sha), first) {
			i := int(bucket.Start.Sub(first) / period)
			if i >= len(values) {
				break
			}
			values[i] = max(values[i], 0) + bucket.Class(5)
		}
	}
	return values
}

// sparkline is a line of blocks; what is not known is a space.
func sparkline(values []float64) string {
	blocks := []string{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}
	most := 4.0
	for _, value := range values {
		most = max(most, value)
	}
	var line strings.Builder
	for _, value := range values {
		if value < 0 {
			line.WriteByte(' ')
			continue
		}
		line.WriteString(blocks[min(int(value/most*7.99), 7)])
	}
	return line.String()
}

// countdown is the time that is left of what a rollout does, or how long it waits.
func (s subject) countdown() string {
	if s.over() {
		return ""
	}
	switch s.state {
	case Holding, Baking, AtGate:
		if end, runs := s.r.HoldEnds(); runs && end.After(s.now) {
			return span(end.Sub(s.now))
		}
		return ""
	case Paused, Held, Drift:
		if s.r.Paused != nil {
			return span(s.now.Sub(s.r.Paused.At))
		}
	case Stuck:
		return span(s.now.Sub(s.r.Stuck.At))
	case DriverLost:
		return span(s.now.Sub(s.rollout.LastSeen))
	default:
	}
	if s.r.Phase == engine.Holding || s.r.Phase == engine.Baking {
		return ""
	}
	return span(s.now.Sub(s.r.Entered))
}
