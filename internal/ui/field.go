package ui

import (
	"cmp"
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"serin/internal/ui/screen"
)

// fieldLimit bounds what is typed or pasted into a field, in bytes; wideLimit bounds it
// where paths and whole plans are.
const (
	fieldLimit = 500
	wideLimit  = 4000
)

// field is a line of text that is typed.
type field struct {
	label, hint string
	text        string
	// cursor is the byte that the cursor stands before; always between two graphemes.
	cursor int
	// limit is how many bytes it takes; fieldLimit when it is 0.
	limit int
	// offers are texts that up and down go through.
	offers []string
}

// key takes a key and tells whether it was for the field.
func (f *field) key(name, text string) bool {
	edits := map[string]func(){
		"left":      func() { f.cursor -= f.before() },
		"right":     func() { f.cursor += f.after() },
		"home":      func() { f.cursor = 0 },
		"end":       func() { f.cursor = len(f.text) },
		"ctrl+a":    func() { f.cursor = 0 },
		"ctrl+e":    func() { f.cursor = len(f.text) },
		"backspace": func() { f.cut(f.before(), 0) },
		"delete":    func() { f.cut(0, f.after()) },
		"ctrl+u":    func() { f.cut(f.cursor, 0) },
		"ctrl+w":    func() { f.cut(f.word(), 0) },
		"up":        func() { f.offer(-1) },
		"down":      func() { f.offer(1) },
	}
	if (name == "up" || name == "down") && len(f.offers) == 0 {
		return false
	}
	if edit, known := edits[name]; known {
		edit()
		return true
	}
	if text == "" {
		return false
	}
	f.insert(text)
	return true
}

// insert puts text at the cursor: one line of it, without what a terminal would obey.
func (f *field) insert(text string) {
	text = oneLine(text)
	for len(f.text)+len(text) > cmp.Or(f.limit, fieldLimit) && text != "" {
		text = text[:len(text)-lastGrapheme(text)]
	}
	f.text = f.text[:f.cursor] + text + f.text[f.cursor:]
	f.cursor += len(text)
}

func (f *field) cut(before, after int) {
	f.text = f.text[:f.cursor-before] + f.text[f.cursor+after:]
	f.cursor -= before
}

// offer replaces the text with the next or the previous of the offers.
func (f *field) offer(by int) {
	at := -1
	for i, offered := range f.offers {
		if offered == f.text {
			at = i
		}
	}
	switch {
	case at < 0 && by > 0:
		at = 0
	case at < 0:
		at = len(f.offers) - 1
	default:
		at = (at + by + len(f.offers)) % len(f.offers)
	}
	f.set(f.offers[at])
}

func (f *field) set(text string) {
	f.text = oneLine(text)
	f.cursor = len(f.text)
}

// before and after are how many bytes the graphemes beside the cursor have.
func (f *field) before() int { return lastGrapheme(f.text[:f.cursor]) }

func (f *field) after() int {
	cluster, _ := ansi.FirstGraphemeCluster(f.text[f.cursor:], ansi.GraphemeWidth)
	return len(cluster)
}

// word is how many bytes the word before the cursor has, with the spaces after it.
func (f *field) word() int {
	kept := strings.TrimRight(f.text[:f.cursor], " ")
	return f.cursor - (strings.LastIndexByte(kept, ' ') + 1)
}

func (f *field) shown() screen.Field {
	return screen.Field{Label: f.label, Text: f.text, Hint: f.hint, Cursor: graphemes(f.text[:f.cursor])}
}

// graphemes counts the graphemes of a text.
func graphemes(text string) int {
	count := 0
	for ; len(text) > 0; count++ {
		cluster, _ := ansi.FirstGraphemeCluster(text, ansi.GraphemeWidth)
		text = text[max(1, len(cluster)):]
	}
	return count
}

// lastGrapheme is how many bytes the last grapheme of a text has.
func lastGrapheme(text string) int {
	size := 0
	for len(text) > 0 {
		cluster, _ := ansi.FirstGraphemeCluster(text, ansi.GraphemeWidth)
		size = max(1, len(cluster))
		text = text[size:]
	}
	return size
}

// oneLine is a text as one line, without the characters that a terminal would obey.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(ansi.Strip(text), ""))
}
