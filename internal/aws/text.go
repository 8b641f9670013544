package aws

import (
	"strings"
	"unicode"
)

// textLimit bounds a text from outside, in runes: a terminal's screen and a log line
// hold no more of it, and AWS repeats whole documents in some of its messages.
const textLimit = 1000

// clean makes a text from outside safe to print: invalid UTF-8 is replaced, white space
// of any kind becomes one space, and control and formatting characters (escape
// sequences, direction overrides) are dropped.
func clean(text string) string {
	var out strings.Builder
	length, gap := 0, false
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		switch {
		case unicode.IsSpace(r):
			gap = out.Len() > 0
			continue
		case unicode.Is(unicode.C, r):
			continue
		}
		if length >= textLimit {
			out.WriteRune('…')
			break
		}
		if gap {
			out.WriteByte(' ')
			gap = false
			length++
		}
		out.WriteRune(r)
		length++
	}
	return out.String()
}

// text is clean of a string that AWS may leave out.
func text(value *string) string {
	if value == nil {
		return ""
	}
	return clean(*value)
}

// list puts names into a sentence: "a", "a and b", "a, b and c".
func list(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
