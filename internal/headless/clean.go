package headless

import (
	"regexp"
	"strings"
	"unicode"
)

// escapes are the sequences that a terminal obeys (ECMA-48, 5.4; OSC as xterm reads it).
var escapes = regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?`)

// Clean makes a text that came from elsewhere harmless in a log: one line, without
// escape codes and control characters, without the marks that reorder text in a terminal, valid UTF-8.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, escapes.ReplaceAllString(strings.ToValidUTF8(text, "\uFFFD"), ""))
}
