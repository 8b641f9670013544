package ui

import (
	"bytes"
	"io"
	"time"
	"unicode/utf8"
)

const (
	// handGap is the least time between two keys of a hand, with room to spare: those of a
	// fast typist are 60 ms apart, and a key that is held comes every 20 to 40 ms.
	handGap = 15 * time.Millisecond
	// handKeys is how many keys may come sooner: two at once are a stumble of fingers, of a
	// slow line, or of this process.
	handKeys = 2
	// pasteQuiet is how long no key must have come for a burst to be over.
	pasteQuiet = 60 * time.Millisecond
	// escapeTime is how long a terminal may take to send the rest of an escape sequence.
	escapeTime = 50 * time.Millisecond

	pasteBegins = "\x1b[200~"
	pasteEnds   = "\x1b[201~"
)

// unpasted is the input of a terminal in which text that no hand can have typed is marked
// as pasted. Terminals mark what is pasted themselves (xterm's bracketed paste mode); those
// that do not, and keyboards that are none, such as scanners and tokens, send it as keys.
//
// A burst is more than handKeys keys of text, not all the same, with less than handGap
// between each and the next, and what follows within pasteQuiet. Keys that send escape
// sequences, such as arrows, are never part of one. The first keys of a burst that does not
// come in one piece have acted before it is known for one: holding each key back to see
// what follows would delay the roll back. Use it from one goroutine.
type unpasted struct {
	in  io.Reader
	now func() time.Time
	// ready is what is not yet read of what was marked.
	ready []byte

	sequence sequence
	// last is when input last came, burst whether it belonged to a burst.
	last  time.Time
	burst bool
	// keys are how many of text came close together, first is the first of them, and
	// alike whether all were the same.
	keys  int
	first rune
	alike bool
}

// unpastedFile is unpasted on a terminal: Bubble Tea sets the modes of its descriptor.
type unpastedFile struct {
	*unpasted
	file inputFile
}

// inputFile is what Bubble Tea and its reader need of a terminal.
type inputFile interface {
	io.ReadWriteCloser
	Fd() uintptr
	Name() string
}

var (
	_ io.Reader = (*unpasted)(nil)
	_ inputFile = unpastedFile{}
)

// withoutBursts is an input with its bursts marked as pasted; nil stays nil.
func withoutBursts(in io.Reader) io.Reader {
	if in == nil {
		return nil
	}
	u := &unpasted{in: in, now: time.Now}
	if file, is := in.(inputFile); is {
		return unpastedFile{unpasted: u, file: file}
	}
	return u
}

// Write writes to the terminal.
func (f unpastedFile) Write(p []byte) (int, error) { return f.file.Write(p) }

// Close leaves the file open: it is the caller's.
func (f unpastedFile) Close() error { return nil }

// Fd is the descriptor of the terminal.
func (f unpastedFile) Fd() uintptr { return f.file.Fd() }

// Name is the name of the terminal's file.
func (f unpastedFile) Name() string { return f.file.Name() }

// Read implements io.Reader.
func (u *unpasted) Read(p []byte) (int, error) {
	if len(u.ready) > 0 || len(p) == 0 {
		return u.give(p), nil
	}
	// Marked, each key between two sequences may be five times as long; what did not fit
	// would wait until the terminal sends more.
	n, err := u.in.Read(p[:max(1, len(p)/5)])
	if n > 0 {
		u.ready = u.marked(bytes.Clone(p[:n]))
	}
	return u.give(p), err
}

func (u *unpasted) give(p []byte) int {
	n := copy(p, u.ready)
	u.ready = u.ready[n:]
	return n
}

// marked is what came at once, with the texts of a burst as the terminal should have sent
// them.
func (u *unpasted) marked(came []byte) []byte {
	now := u.now()
	since := now.Sub(u.last)
	u.last = now
	if since > escapeTime {
		u.sequence.settle()
	}
	if since > handGap {
		u.keys = 0
	}
	u.burst = u.burst && since <= pasteQuiet

	parts := u.parts(came)
	u.burst = u.burst || u.keys > handKeys && !u.alike
	if !u.burst {
		return came
	}
	var marked bytes.Buffer
	for _, part := range parts {
		if !part.text {
			marked.Write(part.bytes)
			continue
		}
		marked.WriteString(pasteBegins)
		marked.Write(part.bytes)
		marked.WriteString(pasteEnds)
	}
	return marked.Bytes()
}

// part is a run of keys of text, or of escape sequences.
type part struct {
	text  bool
	bytes []byte
}

// parts takes what came apart, and counts the keys.
func (u *unpasted) parts(came []byte) []part {
	var parts []part
	for len(came) > 0 {
		size := 1
		text := !u.sequence.takes(came[0])
		if text {
			var key rune
			key, size = utf8.DecodeRune(came)
			u.count(key)
		}
		if len(parts) == 0 || parts[len(parts)-1].text != text {
			parts = append(parts, part{text: text})
		}
		last := &parts[len(parts)-1]
		last.bytes, came = append(last.bytes, came[:size]...), came[size:]
	}
	return parts
}

func (u *unpasted) count(key rune) {
	if u.keys == 0 {
		u.first, u.alike = key, true
	}
	u.keys++
	u.alike = u.alike && key == u.first
}
