// Package theme is how the console looks: styles and glyphs by what they mean, for dark
// and light terminals, with and without colour, with and without anything but ASCII.
// Every state is told by a word and a glyph; colour only repeats it.
//
// It imports the names of control sequences, and nothing of Serin. Lip Gloss asks tmux for
// its colours before main begins, whatever the command is; its styles are not worth that.
package theme

import (
	"image/color"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Symbols is what charts and glyphs are made of.
type Symbols string

// The symbols: Braille needs a font with U+2800 to U+28FF, Block one with U+2580 to
// U+259F, ASCII none.
const (
	Braille Symbols = "braille"
	Block   Symbols = "block"
	ASCII   Symbols = "ascii"
)

// Style is the look of a piece of text. It is a value, and comparable; the zero value
// changes nothing.
type Style struct{ open, shut string }

// Paint is the text in the style. The text is one line and has no style of its own.
func (s Style) Paint(text string) string {
	if s.open == "" || text == "" {
		return text
	}
	return s.open + text + s.shut
}

// Write is Paint, into a builder.
func (s Style) Write(b *strings.Builder, text string) {
	if text == "" {
		return
	}
	b.WriteString(s.open)
	b.WriteString(text)
	b.WriteString(s.shut)
}

// Theme is all styles by what they are for. It is a value, comparable and cheap to copy.
type Theme struct {
	Dark, NoColor bool
	Symbols       Symbols

	// Text is what is read, Muted what explains it, Strong what is read first.
	Text, Muted, Strong Style
	// Title names a part of the screen, Rule divides parts, Border is around a dialog.
	Title, Rule, Border Style
	// Stable and Canary are the two versions: bars, lines and names.
	Stable, Canary Style
	// Good, Warning and Bad are how things stand; Accent draws the eye to what is now.
	Good, Warning, Bad, Accent Style
	// Selected is the selected line, Focus the answer or the field that keys go to.
	Selected, Focus Style
	// Key is a key that acts, Disabled one that does not, Danger a dangerous one and the
	// border of a dangerous dialog.
	Key, Disabled, Danger Style
	// Badge is a word that must not be overlooked, such as FROZEN; Alarm a banner of
	// something that is wrong.
	Badge, Alarm Style
	// Band is the time that no evidence can exist for, Mark a change of the weight, Limit
	// the threshold, Axis the axes, in charts.
	Band, Mark, Limit, Axis Style
}

// palette are the colours of a theme. They follow Okabe and Ito's palette for people
// with colour deficiencies (Color Universal Design, 2008), lightened or darkened until
// they have a contrast of at least 4.5 to 1 on black or on white: blue against orange
// carries meaning, red against green never does.
type palette struct {
	text, muted, blue, orange, green, yellow, vermilion, purple, ground color.Color
}

func palettes(dark bool) palette {
	hex := func(colour string) color.Color { return ansi.HexColor(colour) }
	if dark {
		return palette{
			text: hex("#E4E4E4"), muted: hex("#9A9A9A"), blue: hex("#56B4E9"), orange: hex("#E69F00"), green: hex("#3DC9A0"),
			yellow: hex("#F0E442"), vermilion: hex("#FF7A45"), purple: hex("#D8A0C8"), ground: hex("#000000"),
		}
	}
	return palette{
		text: hex("#202020"), muted: hex("#666666"), blue: hex("#0067A6"), orange: hex("#9A5B00"), green: hex("#00735A"),
		yellow: hex("#7A6200"), vermilion: hex("#B23C00"), purple: hex("#8F3F73"), ground: hex("#FFFFFF"),
	}
}

// fewColours are palettes of a terminal that has 16 colours, each of which can be read in
// xterm's, VGA's and the Linux console's. The nearest ones to those of New would draw a
// canary in the red of what is bad.
func fewColours(dark bool) palette {
	if dark {
		return palette{
			text: ansi.BrightWhite, muted: ansi.White, blue: ansi.BrightCyan, orange: ansi.BrightYellow, green: ansi.BrightGreen,
			yellow: ansi.BrightYellow, vermilion: ansi.BrightRed, purple: ansi.BrightMagenta, ground: ansi.Black,
		}
	}
	return palette{
		text: ansi.Black, muted: ansi.Black, blue: ansi.Blue, orange: ansi.Magenta, green: ansi.Black,
		yellow: ansi.Magenta, vermilion: ansi.Red, purple: ansi.Blue, ground: ansi.BrightWhite,
	}
}

// New is the theme for a terminal: dark or light, without colour, and with the symbols
// that its font has.
func New(dark, noColor bool, symbols Symbols) Theme {
	return themeOf(palettes(dark), dark, noColor, symbols)
}

// OfFew is the theme for a terminal of 16 colours.
func OfFew(dark bool, symbols Symbols) Theme { return themeOf(fewColours(dark), dark, false, symbols) }

func themeOf(p palette, dark, noColor bool, symbols Symbols) Theme {
	bold := slices.Clip(ansi.Style{}.Bold())
	inked := func(style ansi.Style, colour color.Color) Style {
		if noColor {
			return styleOf(style)
		}
		return styleOf(style.ForegroundColor(colour))
	}
	ink := func(colour color.Color) Style { return inked(nil, colour) }
	strong := func(colour color.Color) Style { return inked(bold, colour) }
	inverse := func(colour color.Color) Style {
		if noColor {
			return styleOf(bold.Reverse(true))
		}
		return styleOf(bold.ForegroundColor(p.ground).BackgroundColor(colour))
	}
	faint := ink(p.muted)
	if noColor {
		faint = styleOf(ansi.Style{}.Faint())
	}
	return Theme{
		Dark: dark, NoColor: noColor, Symbols: symbols,
		Text: Style{}, Muted: ink(p.muted), Strong: styleOf(bold),
		Title: strong(p.blue), Rule: faint, Border: ink(p.blue),
		Stable: ink(p.blue), Canary: ink(p.orange),
		Good: ink(p.green), Warning: strong(p.yellow), Bad: strong(p.vermilion),
		Accent: strong(p.purple), Selected: styleOf(bold), Focus: inverse(p.text),
		Key: strong(p.blue), Disabled: faint, Danger: strong(p.vermilion),
		Badge: inverse(p.yellow), Alarm: inverse(p.vermilion),
		Band: faint, Mark: ink(p.purple), Limit: ink(p.vermilion), Axis: faint,
	}
}

// styleOf is what is written before and after a text.
func styleOf(style ansi.Style) Style {
	if len(style) == 0 {
		return Style{}
	}
	return Style{open: style.String(), shut: ansi.ResetStyle}
}
