package ui

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// sent is what a terminal sends at once, some time after what it sent before.
type sent struct {
	after time.Duration
	keys  string
}

// line is a terminal that sends what it is given, a piece a reading.
type line struct {
	now    time.Time
	pieces []sent
}

func (l *line) Read(p []byte) (int, error) {
	if len(l.pieces) == 0 {
		return 0, io.EOF
	}
	piece := &l.pieces[0]
	l.now = l.now.Add(piece.after)
	n := copy(p, piece.keys)
	if piece.keys, piece.after = piece.keys[n:], 0; piece.keys == "" {
		l.pieces = l.pieces[1:]
	}
	return n, nil
}

func TestWhatNoHandTypesIsMarkedAsPasted(t *testing.T) {
	in := func(text string) string { return pasteBegins + text + pasteEnds }
	const typed, held, soon, later = 60 * time.Millisecond, 30 * time.Millisecond, 4 * time.Millisecond, time.Second
	for name, test := range map[string]struct {
		pieces []sent
		want   string
	}{
		"a word at once":         {[]sent{{later, "yes\r"}}, in("yes\r")},
		"letters of many bytes":  {[]sent{{later, "größe"}}, in("größe")},
		"what follows":           {[]sent{{later, "abcd"}, {soon, "\r"}, {typed, "y"}, {later, "r"}}, in("abcd") + in("\r") + in("y") + "r"},
		"a token, key by key":    {[]sent{{later, "c"}, {soon, "b"}, {soon, "r"}, {soon, "\r"}}, "cb" + in("r") + in("\r")},
		"fast typing":            {[]sent{{later, "p"}, {typed, "r"}, {typed, "\r"}, {typed, "q"}}, "pr\rq"},
		"two fingers":            {[]sent{{later, "r\r"}, {later, "j"}, {soon, "k"}}, "r\rjk"},
		"a key that is held":     {[]sent{{later, "j"}, {held, "j"}, {held, "j"}, {held, "jjjj"}}, "jjjjjjj"},
		"arrows":                 {[]sent{{later, "\x1b[A\x1b[A\x1bOB\x1b[1;5C"}}, "\x1b[A\x1b[A\x1bOB\x1b[1;5C"},
		"the mouse":              {[]sent{{later, "\x1b[<0;10;20M\x1b[<0;10;20m\x1b[M !!"}}, "\x1b[<0;10;20M\x1b[<0;10;20m\x1b[M !!"},
		"what a terminal says":   {[]sent{{later, "\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1bP1+r5463\x1b\\\x1b[?1;2c"}}, "\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1bP1+r5463\x1b\\\x1b[?1;2c"},
		"keys beside it":         {[]sent{{later, "\x1b]11;?\aq\x1b[I"}}, "\x1b]11;?\aq\x1b[I"},
		"text among sequences":   {[]sent{{later, "ab\x1b[31mr\x1b[0m\r"}}, in("ab") + "\x1b[31m" + in("r") + "\x1b[0m" + in("\r")},
		"what is marked already": {[]sent{{later, in("one\r")}, {later, pasteBegins + "tw"}, {later, "o, three" + pasteEnds}, {later, "q"}}, in("one\r") + in("two, three") + "q"},
		"esc, and then a paste":  {[]sent{{later, "\x1b"}, {later, "rest"}}, "\x1b" + in("rest")},
		"esc and a letter":       {[]sent{{later, "\x1bq\x1b\x1b[A"}}, "\x1bq\x1b\x1b[A"},
		"a sequence in pieces":   {[]sent{{later, "\x1b["}, {soon, "20"}, {soon, "0~abc"}, {later, pasteEnds}}, in("abc")},
	} {
		t.Run(name, func(t *testing.T) {
			l := &line{now: noon(), pieces: test.pieces}
			u := &unpasted{in: l, now: func() time.Time { return l.now }}
			var got strings.Builder
			chunk := make([]byte, 4096)
			for {
				n, err := u.Read(chunk)
				got.Write(chunk[:n])
				if err != nil {
					break
				}
			}
			if got.String() != test.want {
				t.Errorf("%q\nwant\n%q", got.String(), test.want)
			}
		})
	}
}

// However little is read at once, nothing is lost.
func TestAPasteIsReadInAnySteps(t *testing.T) {
	long := strings.Repeat("no key of this acts\r", 400)
	for name, by := range map[string]func(io.Reader) io.Reader{
		"at once": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "by halves": iotest.HalfReader,
	} {
		got, err := io.ReadAll(by(withoutBursts(strings.NewReader(long))))
		if err != nil {
			t.Fatal(err)
		}
		text := bytes.ReplaceAll(bytes.ReplaceAll(got, []byte(pasteBegins), nil), []byte(pasteEnds), nil)
		if string(text) != long {
			t.Errorf("%s: %d bytes of text are %d", name, len(long), len(text))
		}
	}
	if withoutBursts(nil) != nil {
		t.Error("there is an input where there is none")
	}
}
