package chart

import (
	"math"
	"strconv"
	"strings"
	"time"

	"serin/internal/ui/theme"
)

// draw puts the words around the canvas.
func draw(c Chart, a area) []string {
	c = c.summed()
	lines := make([]string, 0, c.Height)
	lines = append(lines, title(c, a))
	if a.marks {
		lines = append(lines, markRow(c, a))
	}
	canvas := plot(c, a)
	for row := range max(a.rows, 0) {
		out := theme.NewRow(c.Width)
		scaleLabel(out, a, row, c.Theme)
		if note := c.empty(); note != "" && row == a.rows/2 {
			out.Put(c.Theme.Muted, "  "+note)
		} else {
			canvas.line(out, row, c.Lines, c.Theme)
		}
		lines = append(lines, out.Padded())
	}
	if a.axis {
		ticks := ticksOf(c, a)
		lines = append(lines, axisRow(c, a, ticks))
		if a.times {
			lines = append(lines, timeRow(c, a, ticks))
		}
	}
	return lines[:c.Height]
}

// empty says that there is nothing to draw; it is empty when there is.
func (c Chart) empty() string {
	for _, line := range c.Lines {
		if len(line.visible(c)) > 0 {
			return ""
		}
	}
	return "no responses are known"
}

// title is the name of the chart with its legend. A period that still runs has not got its
// value yet; the time was moved by up to a column.
func title(c Chart, a area) string {
	now := c.To.Add(-scaleOf(c, a).step)
	out := theme.NewRow(c.Width).Put(c.Theme.Strong, c.Title)
	if c.Note != "" {
		putWhole(out, c.Theme.Warning, "  "+c.Note)
	}
	for _, part := range c.legend(now, out.Room()) {
		putWhole(out, part.style, part.words)
	}
	if c.Known.Before(c.To) {
		glyph, look := backOf(band, c.Theme)
		putWhole(out, look, "  "+glyph+" too new to be known")
	}
	return out.Padded()
}

// newest is what a line shows for the last whole period; false when nothing is known.
func (l Line) newest(c Chart, now time.Time) (string, bool) {
	shown := l.visible(c)
	for len(shown) > 0 && shown[len(shown)-1].Start.Add(c.Period).After(now) {
		shown = shown[:len(shown)-1]
	}
	if len(shown) == 0 {
		return "", false
	}
	return Short(shown[len(shown)-1].Class(l.Class)), true
}

// putWhole adds words that fit, and nothing of those that do not.
func putWhole(out *theme.Row, style theme.Style, words string) {
	if theme.Width(words) <= out.Room() {
		out.Put(style, words)
	}
}

func swatch(heavy bool, symbols theme.Symbols) string {
	swatches := map[theme.Symbols][2]string{
		theme.ASCII: {"-", "#"}, theme.Block: {"▁", "▄"}, theme.Braille: {"⠤", "⠶"},
	}
	if heavy {
		return swatches[symbols][1]
	}
	return swatches[symbols][0]
}

// markRow has the weights above the places where they were reached. Those that would run
// into the one before are left out.
func markRow(c Chart, a area) string {
	out := theme.NewRow(c.Width).To(a.gutter)
	scale := scaleOf(c, a)
	for _, change := range c.Marks {
		column, shown := scale.column(change.At)
		words := strconv.Itoa(change.Weight) + "%"
		start := a.gutter + column
		if shown && start >= out.Width() && start+len(words) <= c.Width {
			out.To(start).Put(c.Theme.Mark, words).Put(c.Theme.Text, " ")
		}
	}
	return out.Padded()
}

// scaleLabel is what stands before a row of the canvas.
func scaleLabel(out *theme.Row, a area, row int, t theme.Theme) {
	if a.gutter == 0 {
		return
	}
	label, tick := "", theme.Bar
	switch {
	case row == 0:
		label = Short(a.top)
	case row == a.rows-1:
		label = "0"
	case a.rows%2 == 1 && a.rows >= 5 && row == a.rows/2:
		label = Short(a.top / 2)
	}
	if label != "" {
		tick = "┤"
	}
	out.To(a.gutter-2-len(label)).Put(t.Axis, label+" "+inSymbols(tick, t))
}

func inSymbols(glyph string, t theme.Theme) string {
	if t.Symbols == theme.ASCII {
		return theme.InASCII(glyph)
	}
	return glyph
}

// tick is a time that the axis names.
type tick struct {
	column int
	label  string
}

// ticksOf are round times, far enough apart to be named.
func ticksOf(c Chart, a area) []tick {
	scale := scaleOf(c, a)
	cell := scale.step * time.Duration(a.grain.x)
	if cell <= 0 {
		return nil
	}
	step, layout := stepFor(cell)
	var ticks []tick
	for at := c.From.Add(step - 1).Truncate(step); at.Before(c.To); at = at.Add(step) {
		if column, shown := scale.column(at); shown {
			ticks = append(ticks, tick{column, at.UTC().Format(layout)})
		}
	}
	return ticks
}

// stepFor is the time between two ticks, at least ten cells apart or as far as their
// labels are wide.
func stepFor(cell time.Duration) (time.Duration, string) {
	for _, step := range []time.Duration{
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	} {
		if step >= 12*cell {
			return step, "15:04:05Z"
		}
	}
	for _, minutes := range []time.Duration{1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720} {
		if step := minutes * time.Minute; step >= 9*cell {
			return step, "15:04Z"
		}
	}
	days := time.Duration(1)
	for days*24*time.Hour < 9*cell {
		days *= 2
	}
	return days * 24 * time.Hour, "Jan _2"
}

func axisRow(c Chart, a area, ticks []tick) string {
	axis := strings.Split(strings.Repeat(inSymbols(theme.Dash, c.Theme), a.columns()), "")
	for _, tick := range ticks {
		axis[tick.column] = inSymbols("┬", c.Theme)
	}
	out := theme.NewRow(c.Width)
	if a.gutter > 0 {
		out.To(a.gutter-1).Put(c.Theme.Axis, inSymbols("└", c.Theme))
	}
	return out.Put(c.Theme.Axis, strings.Join(axis, "")).Padded()
}

func timeRow(c Chart, a area, ticks []tick) string {
	out := theme.NewRow(c.Width)
	for _, tick := range ticks {
		start := a.gutter + tick.column - len(tick.label)/2
		if start >= out.Width() && start+len(tick.label) <= c.Width {
			out.To(start).Put(c.Theme.Axis, tick.label).Put(c.Theme.Text, " ")
		}
	}
	return out.Padded()
}

// Short is a count in at most five characters: 7, 0.5, 340, 1.2k, 12k, 1.2M.
func Short(value float64) string {
	if math.IsNaN(value) || math.IsInf(value, 0) || value < 0 {
		return "?"
	}
	for _, unit := range []struct {
		size float64
		name string
	}{{1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if value >= unit.size*0.9995 {
			return digits(value/unit.size) + unit.name
		}
	}
	return digits(value)
}

// digits is a number below a thousand with at most one decimal, and none that is zero.
func digits(value float64) string {
	if value >= 9.95 || value == math.Trunc(value) {
		return strconv.FormatFloat(math.Round(value), 'f', 0, 64)
	}
	return strings.TrimSuffix(strconv.FormatFloat(value, 'f', 1, 64), ".0")
}
