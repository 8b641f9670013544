package theme

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Row is one line of the screen as it is written from left to right, never wider than
// its limit. Make one with NewRow; it is for one line and one goroutine.
type Row struct {
	text         strings.Builder
	width, limit int
}

// NewRow is an empty line of at most limit columns.
func NewRow(limit int) *Row {
	r := &Row{limit: max(limit, 0)}
	r.text.Grow(limit + limit/2)
	return r
}

// Put adds a text without a style of its own; what has no room is cut, and an ellipsis
// says so.
func (r *Row) Put(style Style, text string) *Row {
	room := r.limit - r.width
	if room <= 0 || text == "" {
		return r
	}
	width := Width(text)
	if width > room {
		text = ansi.Truncate(text, room, Ellipsis)
		width = Width(text)
	}
	style.Write(&r.text, text)
	r.width += width
	return r
}

// PutWide is Put of a text whose width is known, and that has room.
func (r *Row) PutWide(style Style, text string, width int) *Row {
	if width > r.limit-r.width {
		return r.Put(style, text)
	}
	style.Write(&r.text, text)
	r.width += width
	return r
}

// Fill adds a glyph of one column n times.
func (r *Row) Fill(style Style, glyph string, n int) *Row {
	if n = min(n, r.limit-r.width); n > 0 {
		style.Write(&r.text, strings.Repeat(glyph, n))
		r.width += n
	}
	return r
}

// To adds spaces up to a column, counted from 0; none when the row is there already.
func (r *Row) To(column int) *Row { return r.Fill(Style{}, " ", column-r.width) }

// Width is how many columns are written.
func (r *Row) Width() int { return r.width }

// Room is how many columns are left.
func (r *Row) Room() int { return r.limit - r.width }

// String is the row as far as it is written.
func (r *Row) String() string { return r.text.String() }

// Padded is the row with spaces up to its limit.
func (r *Row) Padded() string { return r.To(r.limit).String() }

// Width is how many columns a text takes, by graphemes, without its escape sequences.
func Width(text string) int {
	width := 0
	for _, char := range text {
		if !isNarrow(char) {
			return ansi.StringWidth(text)
		}
		width++
	}
	return width
}

// isNarrow tells a character that is one column wide whatever surrounds it: printable
// ASCII, punctuation such as the ellipsis, arrows to check marks (U+2190 to U+23FF and
// U+2500 to U+25FF hold no emoji that is wide without a selector, but for those in
// U+231A to U+23F3 and U+25FD), and braille.
func isNarrow(char rune) bool {
	switch {
	case char < 0x20 || char == 0x7f:
		return false
	case char < 0x7f || char == '·' || char == '–' || char == '…' || char == '‖':
		return true
	case char >= 0x2190 && char <= 0x21ff, char >= 0x2500 && char <= 0x25fc, char >= 0x2800 && char <= 0x28ff:
		return true
	}
	return char == '✔' || char == '✖'
}
