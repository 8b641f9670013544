package theme

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// The glyphs: terminals that count code points and terminals that count graphemes both
// draw them one column wide.
const (
	Check    = "✔"
	Cross    = "✖"
	Alert    = "!"
	Dot      = "●"
	Ring     = "○"
	Dotted   = "◌"
	Up       = "▲"
	Down     = "▼"
	Full     = "█"
	Shade    = "░"
	Dense    = "▓"
	Bar      = "│"
	Dash     = "─"
	Hold     = "‖"
	Cursor   = "▌"
	Arrow    = "→"
	Earlier  = "◂"
	Middot   = "·"
	None     = "–"
	Ellipsis = "…"
)

// plainOf is a glyph in ASCII, one column as the glyph is; empty for any other text.
func plainOf(glyph string) string {
	switch glyph {
	case Dash, Middot, None, "▃", "▄":
		return "-"
	case Bar, "┤", "├":
		return "|"
	case Check, "└", "┬", "┴", "┌", "┐", "┘", "┼":
		return "+"
	case Cross:
		return "x"
	case Dot:
		return "*"
	case Ring:
		return "o"
	case Dotted, Shade:
		return "."
	case Up:
		return "^"
	case Down:
		return "v"
	case Full, "▇":
		return "#"
	case Dense, Hold, "▅", "▆":
		return "="
	case Cursor, Arrow:
		return ">"
	case Earlier:
		return "<"
	case Ellipsis:
		return "~"
	case "▁", "▂":
		return "_"
	}
	return ""
}

// InASCII is a text with nothing but ASCII in it, as wide as it was: Serin's glyphs have
// their own characters, and what else there is becomes question marks. Escape sequences
// stay.
func InASCII(text string) string {
	if isASCII(text) {
		return text
	}
	var plain strings.Builder
	plain.Grow(len(text))
	var state byte
	for len(text) > 0 {
		sequence, width, n, next := ansi.DecodeSequence(text, state, nil)
		switch known := plainOf(sequence); {
		case known != "":
			plain.WriteString(known)
		case isASCII(sequence):
			plain.WriteString(sequence)
		default:
			plain.WriteString(strings.Repeat("?", width))
		}
		text, state = text[n:], next
	}
	return plain.String()
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}
