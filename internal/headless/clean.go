package headless

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// escapes are the sequences that a terminal obeys (ECMA-48, 5.4; OSC as xterm reads it).
var escapes = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?`)
})

// lineLimit bounds a line, in runes: a text that came from elsewhere shall not push all
// others off the screen.
const lineLimit = 4000

// Clean makes a text that came from elsewhere harmless in a log: one line that is not
// endless, without escape codes and control characters, without the marks that reorder
// text in a terminal, valid UTF-8.
func Clean(text string) string {
	length := 0
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\u2028' || r == '\u2029':
			r = ' '
		case obeyed(r):
			return -1
		}
		switch length++; {
		case length == lineLimit+1:
			return '…'
		case length > lineLimit:
			return -1
		}
		return r
	}, escapes().ReplaceAllString(strings.ToValidUTF8(text, "\uFFFD"), ""))
}

// cleanLines is Clean of every line of a text.
func cleanLines(text string) string {
	var clean strings.Builder
	for line := range strings.Lines(text) {
		clean.WriteString(Clean(strings.TrimSuffix(line, "\n")))
		if strings.HasSuffix(line, "\n") {
			clean.WriteByte('\n')
		}
	}
	return clean.String()
}

// obeyed tells a character that a terminal would obey instead of showing it.
func obeyed(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// escaped is a JSON text in which what a terminal would obey is written as an escape of
// JSON's: it means the same, and is harmless where the line is shown as it is.
func escaped(text []byte) []byte {
	if !bytes.ContainsFunc(text, obeyed) {
		return text
	}
	var safe []byte
	for _, r := range string(text) {
		if obeyed(r) {
			safe = fmt.Appendf(safe, `\u%04x`, r)
		} else {
			safe = utf8.AppendRune(safe, r)
		}
	}
	return safe
}
