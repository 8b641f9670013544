package screen

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"serin/internal/ui/theme"
)

// The widest and the narrowest that a dialog is, its border included.
const (
	dialogMost  = 72
	dialogLeast = 50
)

// drawDialog draws a dialog over everything else. Nothing else can be clicked then.
func (f *frame) drawDialog(d Dialog) {
	f.spots = nil
	box := &dialogBox{frame: f, d: d, inner: dialogWidth(d, f.s.Width) - 4}
	lines := box.lines(f.s.Height - 2)
	lines = lines[:min(len(lines), f.s.Height)]
	x, y := (f.s.Width-box.inner-4)/2, (f.s.Height-len(lines))/2
	for i, line := range lines {
		f.lines[y+i] = over(f.lines[y+i], line, x, box.inner+4)
	}
	for _, spot := range box.choices {
		spot.x, spot.y = spot.x+x+2, spot.y+y
		f.spots = append(f.spots, spot)
	}
}

// over puts a box's line over a line of the screen, from a column on.
func over(line, box string, x, width int) string {
	left := ansi.Truncate(line, x, "")
	left += strings.Repeat(" ", max(x-ansi.StringWidth(left), 0))
	whole := ansi.StringWidth(line)
	if whole <= x+width {
		return left + box
	}
	right := ansi.TruncateLeft(line, x+width, "")
	if ansi.StringWidth(right) > whole-x-width {
		// A wide character that the box covers by half is gone as a whole.
		right = ansi.TruncateLeft(line, x+width+1, "")
	}
	gap := strings.Repeat(" ", max(whole-x-width-ansi.StringWidth(right), 0))
	return left + box + gap + right
}

// dialogWidth is as wide as the longest line needs.
func dialogWidth(d Dialog, screen int) int {
	width := theme.Width(clean(d.Title)) + 6
	for _, line := range d.Lines {
		width = max(width, theme.Width(clean(line))+4)
	}
	return min(max(width, dialogLeast), dialogMost, screen-4)
}

// dialogBox is a dialog that is being drawn.
type dialogBox struct {
	*frame
	d Dialog
	// inner is how wide the text is.
	inner   int
	choices []spot
	body    []string
}

// lines are the box with its border, at most so many lines: where there is not enough
// room, the text is cut and the choices stay.
func (b *dialogBox) lines(most int) []string {
	for _, line := range b.d.Lines {
		b.say(b.t.Text, line)
	}
	fixed := b.tail()
	if room := max(most-2-len(fixed), 0); len(b.body) > room {
		b.body = b.body[:room]
		if room > 0 {
			b.body[room-1] = theme.NewRow(b.inner).Put(b.t.Muted, theme.Ellipsis).Padded()
		}
	}
	for i := range b.choices {
		b.choices[i].y += len(b.body) + 1
	}
	return b.bordered(append(b.body, fixed...))
}

// say adds a text to the body; an empty one is an empty line.
func (b *dialogBox) say(style theme.Style, text string) {
	parts := wrapped(text, b.inner, 12)
	if len(parts) == 0 {
		parts = []string{""}
	}
	for _, part := range parts {
		b.body = append(b.body, theme.NewRow(b.inner).Put(style, part).Padded())
	}
}

// tail is the fields, the fault and the choices.
func (b *dialogBox) tail() []string {
	var lines []string
	for i, field := range b.d.Fields {
		lines = append(lines, b.field(field, i == b.d.Focus))
	}
	if len(b.d.Fields) > 0 {
		lines = append([]string{theme.NewRow(b.inner).Padded()}, lines...)
	}
	lines = append(lines, b.faults()...)
	lines = append(lines, theme.NewRow(b.inner).Padded())
	return append(lines, b.answers(len(lines))...)
}

// faultLines is how many lines the faults of a dialog may take.
const faultLines = 8

// faults are what is wrong, a problem a line, each as long as there is room.
func (b *dialogBox) faults() []string {
	var lines []string
	for problem := range strings.Lines(b.d.Fault) {
		for i, line := range wrapped(strings.TrimSpace(problem), b.inner-2, faultLines-len(lines)) {
			mark := theme.Alert
			if i > 0 {
				mark = " "
			}
			lines = append(lines, theme.NewRow(b.inner).Put(b.t.Bad, mark+" "+line).Padded())
		}
	}
	return lines
}

// field is a line to type into, with its cursor in sight.
func (b *dialogBox) field(field Field, focused bool) string {
	label := clean(field.Label)
	row := theme.NewRow(b.inner)
	mark := "  "
	if focused {
		mark = theme.Cursor + " "
	}
	labels := 0
	for _, other := range b.d.Fields {
		labels = max(labels, theme.Width(clean(other.Label)))
	}
	row.Put(b.t.Accent, mark).Put(b.t.Muted, label).To(2+min(labels, b.inner/2)).Put(b.t.Text, " ")
	room := row.Room() - 1
	if room < 2 {
		return row.Padded()
	}
	text := clean(field.Text)
	if text == "" && !focused {
		return row.Put(b.t.Muted, clean(field.Hint)).Padded()
	}
	before, at, after := splitAt(text, field.Cursor)
	if !focused {
		return row.Put(b.t.Text, text).Padded()
	}
	before = ansi.TruncateLeft(before, max(theme.Width(before)-room+theme.Width(at), 0), "")
	row.Put(b.t.Text, before).Put(b.t.Focus, at).Put(b.t.Text, ansi.Truncate(after, max(row.Room(), 0), ""))
	if text == "" {
		row.Put(b.t.Muted, " "+clean(field.Hint))
	}
	return row.Padded()
}

// splitAt is a text before, at and after its n-th grapheme; at the end there is a space.
func splitAt(text string, n int) (before, at, after string) {
	rest := text
	for range max(n, 0) {
		if rest == "" {
			break
		}
		cluster, _ := ansi.FirstGraphemeCluster(rest, ansi.GraphemeWidth)
		rest = rest[len(cluster):]
	}
	before = text[:len(text)-len(rest)]
	if rest == "" {
		return before, " ", ""
	}
	cluster, _ := ansi.FirstGraphemeCluster(rest, ansi.GraphemeWidth)
	return before, cluster, rest[len(cluster):]
}

// answers are the choices in as few lines as they need; the focused one is in brackets.
func (b *dialogBox) answers(line int) []string {
	var lines []string
	row := theme.NewRow(b.inner)
	for i, choice := range b.d.Choices {
		focused := len(b.d.Fields)+i == b.d.Focus
		words := " " + clean(choice.Key) + " " + clean(choice.Does) + " "
		width := theme.Width(words) + 2
		if row.Width() > 0 && row.Room() < width {
			lines, row = append(lines, row.Padded()), theme.NewRow(b.inner)
		}
		b.choices = append(b.choices, spot{x: row.Width(), y: line + len(lines), width: min(width, b.inner), hit: Hit{Key: choice.Key}})
		b.answer(row, choice, words, focused)
		row.Put(b.t.Text, "  ")
	}
	return append(lines, row.Padded())
}

func (b *dialogBox) answer(row *theme.Row, choice Choice, words string, focused bool) {
	switch {
	case focused:
		row.Put(b.t.Focus, "["+words+"]")
	case choice.Dangerous:
		row.Put(b.t.Danger, " "+words+" ")
	default:
		row.Put(b.t.Text, " "+words+" ")
	}
}

// bordered puts a border around lines of the box's width.
func (b *dialogBox) bordered(lines []string) []string {
	border, title := b.t.Border, clean(b.d.Title)
	if b.d.Dangerous {
		border, title = b.t.Danger, theme.Alert+" "+title
	}
	head := theme.NewRow(b.inner+4).Put(border, "┌─ ")
	putWithin(head, b.t.Strong, title, b.inner+1)
	head.Put(border, " ").Fill(border, theme.Dash, b.inner+3-head.Width()).Put(border, "┐")
	boxed := []string{head.String()}
	for _, line := range lines {
		boxed = append(boxed, border.Paint(theme.Bar)+" "+line+" "+border.Paint(theme.Bar))
	}
	foot := border.Paint("└" + strings.Repeat(theme.Dash, b.inner+2) + "┘")
	return append(boxed, foot)
}
