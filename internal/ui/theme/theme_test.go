package theme

import (
	"fmt"
	"image/color"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
)

func TestAThemeWithoutColourHasNone(t *testing.T) {
	plain := New(true, true, Braille)
	for _, style := range []Style{plain.Stable, plain.Canary, plain.Bad, plain.Alarm, plain.Focus, plain.Limit} {
		painted := style.Paint("x")
		if strings.Contains(painted, "38;") || strings.Contains(painted, "48;") {
			t.Errorf("%q has a colour", painted)
		}
	}
	if plain.Alarm.Paint("x") == "x" {
		t.Error("an alarm does not stand out without colour")
	}
	if again := New(true, true, Braille); again != plain {
		t.Error("two themes of the same terminal differ")
	}
}

// Every style is read on its own background, or on those that terminals have: black and
// white, and the grounds of usual palettes (GitHub, VS Code, One, Ubuntu, Solarized). That
// of terminals with 256 colours is the nearest one that they have.
func TestEveryStyleCanBeReadOnItsGround(t *testing.T) {
	grounds := map[bool][]string{
		true:  {"#000000", "#0D1117", "#1E1E1E", "#282C34", "#300A24", "#002B36"},
		false: {"#FFFFFF", "#FAFAFA", "#EEEEEE", "#FDF6E3"},
	}
	for dark, grounds := range grounds {
		for name, style := range stylesOf(New(dark, false, Braille)) {
			ink, ground := coloursOf(style)
			if ink == nil {
				continue // the terminal's own
			}
			if ground != nil {
				readable(t, name, ink, hexOf(ground))
				readable(t, name+" in 256 colours", colorprofile.ANSI256.Convert(ink), hexOf(colorprofile.ANSI256.Convert(ground)))
				continue
			}
			for _, ground := range grounds {
				readable(t, name, ink, ground)
			}
			readable(t, name+" in 256 colours", colorprofile.ANSI256.Convert(ink), grounds[0])
		}
	}
}

// Of 16 colours every terminal has its own: those of xterm, and of VGA and the Linux console.
func TestEveryStyleOfFewColoursCanBeRead(t *testing.T) {
	palettes := map[string][16]string{
		"xterm": {
			"#000000", "#CD0000", "#00CD00", "#CDCD00", "#0000EE", "#CD00CD", "#00CDCD", "#E5E5E5",
			"#7F7F7F", "#FF0000", "#00FF00", "#FFFF00", "#5C5CFF", "#FF00FF", "#00FFFF", "#FFFFFF",
		},
		"VGA": {
			"#000000", "#AA0000", "#00AA00", "#AA5500", "#0000AA", "#AA00AA", "#00AAAA", "#AAAAAA",
			"#555555", "#FF5555", "#55FF55", "#FFFF55", "#5555FF", "#FF55FF", "#55FFFF", "#FFFFFF",
		},
	}
	for name, palette := range palettes {
		for _, dark := range []bool{true, false} {
			terminal := palette[15]
			if dark {
				terminal = palette[0]
			}
			of := OfFew(dark, Braille)
			for style, look := range stylesOf(of) {
				ink, ground, has := basicOf(t, look)
				if !has {
					continue
				}
				behind := terminal
				if ground >= 0 {
					behind = palette[ground]
				}
				if ratio := contrast(t, palette[ink], behind); ratio < 4.5 {
					t.Errorf("%s: %s is %s on %s with a contrast of %.2f", name, style, palette[ink], behind, ratio)
				}
			}
			if of.Canary == of.Stable || of.Canary.open == ink16(of.Bad) {
				t.Error("a canary looks like stable, or like something bad")
			}
		}
	}
}

// ink16 is a style's colour without its weight.
func ink16(style Style) string { return strings.Replace(style.open, "1;", "", 1) }

// basicOf are the numbers of the colours of a style; ground is -1 for the terminal's own.
func basicOf(t *testing.T, style Style) (ink, ground int, has bool) {
	t.Helper()
	ground = -1
	for code := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(style.open, "\x1b["), "m"), ";") {
		number, _ := strconv.Atoi(code)
		switch {
		case number >= 30 && number <= 37:
			ink, has = number-30, true
		case number >= 90 && number <= 97:
			ink, has = number-90+8, true
		case number >= 40 && number <= 47:
			ground = number - 40
		case number >= 100 && number <= 107:
			ground = number - 100 + 8
		case number > 1:
			t.Errorf("%q has more than 16 colours", style.open)
		}
	}
	return ink, ground, has
}

func TestEveryStyleButTheTextHasAColour(t *testing.T) {
	plain := map[string]bool{"Text": true, "Strong": true, "Selected": true}
	for name, style := range stylesOf(New(true, false, Braille)) {
		ink, ground := coloursOf(style)
		if (ink == nil) != plain[name] {
			t.Errorf("%s: %v", name, ink)
		}
		if block := name == "Focus" || name == "Badge" || name == "Alarm"; (ground != nil) != block {
			t.Errorf("%s has the ground %v", name, ground)
		}
	}
}

// stylesOf are all styles of a theme by their names.
func stylesOf(t Theme) map[string]Style {
	found := map[string]Style{}
	for field, value := range reflect.ValueOf(t).Fields() {
		if style, is := reflect.TypeAssert[Style](value); is {
			found[field.Name] = style
		}
	}
	return found
}

// coloursOf are the colours of a style; nil is the terminal's own.
func coloursOf(style Style) (ink, ground color.Color) {
	parser := ansi.NewParser()
	ansi.DecodeSequence(style.open, ansi.NormalState, parser)
	params := parser.Params()
	for i := 0; i < len(params); i++ {
		read := 1
		switch params[i].Param(0) {
		case 38:
			read = ansi.ReadStyleColor(params[i:], &ink)
		case 48:
			read = ansi.ReadStyleColor(params[i:], &ground)
		}
		i += max(read-1, 0)
	}
	return ink, ground
}

func hexOf(c color.Color) string {
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("#%02X%02X%02X", r>>8, g>>8, b>>8)
}

func readable(t *testing.T, name string, ink color.Color, ground string) {
	t.Helper()
	if ratio := contrast(t, hexOf(ink), ground); ratio < 4.5 {
		t.Errorf("%s: %s on %s has a contrast of %.2f", name, hexOf(ink), ground, ratio)
	}
}

// contrast is the ratio of WCAG 2.1, 1.4.3.
func contrast(t *testing.T, one, other string) float64 {
	t.Helper()
	lighter, darker := luminance(t, one), luminance(t, other)
	if lighter < darker {
		lighter, darker = darker, lighter
	}
	return (lighter + 0.05) / (darker + 0.05)
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		value, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		channel := float64(value) / 255
		if channel <= 0.04045 {
			channel /= 12.92
		} else {
			channel = math.Pow((channel+0.055)/1.055, 2.4)
		}
		sum += weight * channel
	}
	return sum
}

func TestEveryGlyphIsOneColumnAndHasAnAlternative(t *testing.T) {
	for _, glyph := range []string{
		Check, Cross, Dot, Ring, Dotted, Up, Down, Full, Shade, Dense, Bar, Dash, Hold, Cursor, Arrow, Earlier, Middot, None, Ellipsis,
	} {
		if ansi.StringWidth(glyph) != 1 || ansi.StringWidthWc(glyph) != 1 {
			t.Errorf("%s is not one column wide", glyph)
		}
		if plain := InASCII(glyph); len(plain) != 1 || plain == "?" {
			t.Errorf("%s is %q in ASCII", glyph, plain)
		}
	}
}

func TestASCIIIsAsWideAsTheText(t *testing.T) {
	painted := New(true, false, ASCII).Bad.Paint("✖ 日本 größe 👍🏽")
	plain := InASCII(painted)
	if got, want := ansi.Strip(plain), "x ???? gr??e ??"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if ansi.StringWidth(plain) != ansi.StringWidth(painted) {
		t.Errorf("%q is not as wide as %q", plain, painted)
	}
}

func TestWidthIsThatOfGraphemes(t *testing.T) {
	for char := rune(0x20); char < 0x30000; char++ {
		if isNarrow(char) && (ansi.StringWidth(string(char)) != 1) {
			t.Errorf("U+%04X is not one column wide", char)
		}
	}
	for _, text := range []string{"", "plain", "─│█", "日本", "e\u0301", "\x1b[31mred\x1b[m", "a\u200db"} {
		if Width(text) != ansi.StringWidth(text) {
			t.Errorf("%q is %d wide, want %d", text, Width(text), ansi.StringWidth(text))
		}
	}
}

func TestARowIsNeverWiderThanItsLimit(t *testing.T) {
	for limit := range 12 {
		row := NewRow(limit).Put(Style{}, "a日本").Fill(Style{}, Dash, 3).Put(Style{}, "long words").To(40)
		if width := ansi.StringWidth(row.String()); width > limit || width != row.Width() {
			t.Errorf("at %d: %q is %d wide and says %d", limit, row, width, row.Width())
		}
		if width := ansi.StringWidth(NewRow(limit).Put(Style{}, "日").Padded()); width != limit {
			t.Errorf("padded to %d it is %d wide", limit, width)
		}
	}
}
