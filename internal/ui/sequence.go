package ui

import "bytes"

// sequence follows the escape sequences of a terminal's input, a byte at a time (ECMA-48,
// section 5.4; xterm's control sequences).
type sequence struct {
	kind sequenceKind
	// seen are the bytes of the present one.
	seen []byte
}

// sequenceKind is what the bytes that come are part of.
type sequenceKind int

const (
	// ofNone: a key of text. ofEscape: what follows ESC.
	ofNone sequenceKind = iota
	ofEscape
	// ofControl: a control sequence, ESC [ up to a letter. ofShift: ESC O and one more.
	// ofString: a reply of words, up to BEL or ESC \.
	ofControl
	ofShift
	ofString
	// ofMouse: the three bytes of an old mouse report. ofPaste: text that the terminal
	// has marked as pasted.
	ofMouse
	ofPaste
)

// sequenceLimit bounds what is kept of a sequence, in bytes.
const sequenceLimit = 64

// takes tells whether a byte belongs to a sequence.
func (s *sequence) takes(b byte) bool {
	if s.kind == ofNone && b != '\x1b' {
		return false
	}
	if s.seen = append(s.seen, b); len(s.seen) > sequenceLimit {
		s.seen = s.seen[len(s.seen)-sequenceLimit:]
	}
	switch s.kind {
	case ofNone:
		s.kind = ofEscape
	case ofEscape:
		s.begin(b)
	case ofControl:
		s.control(b)
	case ofShift:
		s.end()
	case ofString:
		if b == '\a' || bytes.HasSuffix(s.seen, []byte("\x1b\\")) {
			s.end()
		}
	case ofMouse:
		if len(s.seen) == len("\x1b[M")+3 {
			s.end()
		}
	case ofPaste:
		if bytes.HasSuffix(s.seen, []byte(pasteEnds)) {
			s.end()
		}
	}
	return true
}

// begin is the byte after ESC.
func (s *sequence) begin(b byte) {
	switch b {
	case '[':
		s.kind = ofControl
	case 'O':
		s.kind = ofShift
	case ']', 'P', '_', '^', 'X':
		s.kind = ofString
	case '\x1b':
		s.seen = s.seen[:1]
	default:
		s.end()
	}
}

// control is a byte of a control sequence.
func (s *sequence) control(b byte) {
	switch {
	case b < 0x40 || b == '[' && len(s.seen) == 3:
	case string(s.seen) == pasteBegins:
		s.kind = ofPaste
	case string(s.seen) == "\x1b[M":
		s.kind = ofMouse
	default:
		s.end()
	}
}

func (s *sequence) end() { s.kind, s.seen = ofNone, s.seen[:0] }

// settle ends a sequence whose rest has not come: it was a key, such as esc.
func (s *sequence) settle() {
	if s.kind != ofPaste {
		s.end()
	}
}
