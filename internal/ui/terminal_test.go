package ui

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTerminalWritesInOrder(t *testing.T) {
	out := &tape{}
	terminal := newTerminal(out, patience)
	var want strings.Builder
	for i := range 1000 {
		text := strings.Repeat(string(rune('a'+i%26)), i%50+1)
		want.WriteString(text)
		if n, err := terminal.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	terminal.close()
	if out.text() != want.String() {
		t.Fatal("what was written is not what came")
	}
}

// A write to a terminal that hangs waits once, and not long; what is too much is dropped
// and told.
func TestTerminalHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &tape{}
		out.hang()
		terminal := newTerminal(out, patience)
		began := time.Now()
		for range 3 * backlog / 4096 {
			if _, err := terminal.Write(make([]byte, 4096)); err != nil {
				t.Fatal(err)
			}
		}
		if waited := time.Since(began); waited > 2*patience {
			t.Errorf("the writes waited %s", waited)
		}
		if !terminal.isBehind() || len(terminal.pending) > backlog {
			t.Errorf("behind %t with %d bytes", terminal.isBehind(), len(terminal.pending))
		}
		out.goOn()
		<-terminal.caughtUp
		if terminal.isBehind() || !terminal.hasLost() || terminal.hasLost() {
			t.Error("it is not told once that something was lost")
		}
		terminal.close()
	})
}

// In virtual time the first write is taken before its patience is at an end.
func TestTerminalFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &tape{gone: errTest}
		terminal := newTerminal(out, patience)
		defer terminal.close()
		if _, err := terminal.Write([]byte("x")); err != nil {
			t.Fatal("the first write knows already that the terminal is gone")
		}
		if _, err := terminal.Write([]byte("y")); err == nil {
			t.Fatal("a terminal that is gone takes writes")
		}
	})
}

var errTest = errorString("input/output error")

type errorString string

func (e errorString) Error() string { return string(e) }
