package screen

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"serin/internal/headless"
	"serin/internal/ui/theme"
)

// clean makes a text that came from elsewhere harmless on a screen: one line without
// control characters, and without the marks that are not seen but that terminals
// measure in different ways (joiners, selectors, those that reorder).
func clean(text string) string {
	text = shortened(text, textLimit)
	if isHarmless(text) {
		return text
	}
	return measurable(strings.Map(func(char rune) rune {
		if unicode.Is(unicode.Cf, char) || unicode.Is(unicode.Variation_Selector, char) {
			return -1
		}
		return char
	}, headless.Clean(text)))
}

// measurable is a text without what is wider to terminals that count code points than to
// those that count graphemes, by itself or beside a space: one of the two would break the
// line.
func measurable(text string) string {
	if isMeasuredAlike(text) {
		return text
	}
	var alike strings.Builder
	for text != "" {
		cluster, _ := ansi.FirstGraphemeCluster(text, ansi.GraphemeWidth)
		if isMeasuredAlike(cluster) {
			alike.WriteString(cluster)
		} else {
			alike.WriteString("\uFFFD")
		}
		text = text[len(cluster):]
	}
	return alike.String()
}

// isMeasuredAlike tells a text that is as wide to all terminals, between two spaces too: a
// tone of skin joins the one before it, some letters the one behind.
func isMeasuredAlike(text string) bool {
	between := " " + text + " "
	return ansi.StringWidth(text) == ansi.StringWidthWc(text) && ansi.StringWidth(between) == ansi.StringWidthWc(between)
}

// textLimit is how long a text may be, in bytes: ten lines of the widest screen.
const textLimit = 4000

// shortened is a text of at most so many bytes, with an ellipsis where there was more.
func shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + theme.Ellipsis
}

// isHarmless tells a text of printable ASCII.
func isHarmless(text string) bool {
	for i := range len(text) {
		if text[i] < 0x20 || text[i] > 0x7e {
			return false
		}
	}
	return true
}

// wrapped is a text from elsewhere in lines of at most width columns, and at most so
// many lines; an ellipsis says that there was more.
func wrapped(text string, width, most int) []string {
	if width < 1 || most < 1 || text == "" {
		return nil
	}
	// No character of one column has more than four bytes.
	text = clean(shortened(text, (width+1)*4*most))
	if len(text) <= width {
		return []string{text}
	}
	// Names have hyphens in them, and shall be copied whole.
	const unbreakable = "\u2011"
	lines := strings.Split(ansi.Wrap(strings.ReplaceAll(text, "-", unbreakable), width, ""), "\n")
	for i := range lines {
		lines[i] = ansi.Truncate(strings.ReplaceAll(strings.TrimRight(lines[i], " "), unbreakable, "-"), width, "")
	}
	if len(lines) > most {
		lines = lines[:most]
		lines[most-1] = ansi.Truncate(lines[most-1], max(width-1, 0), "") + "…"
	}
	return lines
}
