package ui

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"serin/internal/engine"
	"serin/internal/ui/scene"
)

// tape is a terminal that keeps what it is given, and that can hang and be gone.
type tape struct {
	mu      sync.Mutex
	bytes   bytes.Buffer
	writes  int
	hanging chan struct{}
	gone    error
}

func (t *tape) Write(p []byte) (int, error) {
	t.mu.Lock()
	hanging := t.hanging
	t.mu.Unlock()
	if hanging != nil {
		<-hanging
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone != nil {
		return 0, t.gone
	}
	t.writes++
	return t.bytes.Write(p)
}

func (t *tape) hang() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hanging = make(chan struct{})
}

func (t *tape) goOn() {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.hanging)
	t.hanging = nil
}

func (t *tape) length() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bytes.Len()
}

func (t *tape) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bytes.String()
}

// session is a program that runs, with its keyboard.
type session struct {
	keys   *io.PipeWriter
	out    *tape
	cancel context.CancelFunc
	result Result
	err    error
	ended  chan struct{}
}

func begin(t *testing.T, h *host, change ...func(*Options)) *session {
	t.Helper()
	return beginOn(t, h, patience, change...)
}

// beginHanging is begin on a terminal that is going to hang. A write waits for it under a
// lock of Bubble Tea's renderer, and virtual time does not pass while anybody waits for a
// lock: here no write waits.
func beginHanging(t *testing.T, h *host, change ...func(*Options)) *session {
	t.Helper()
	return beginOn(t, h, 0, change...)
}

func beginOn(t *testing.T, h *host, patience time.Duration, change ...func(*Options)) *session {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	in, keys := io.Pipe()
	s := &session{keys: keys, out: &tape{}, cancel: cancel, ended: make(chan struct{})}
	options := Options{
		Host: h, Input: in, Output: s.out,
		Environment: []string{"TERM=xterm-256color", "SSH_TTY=/dev/pts/0"},
	}
	for _, apply := range change {
		apply(&options)
	}
	go func() {
		defer close(s.ended)
		s.result, s.err = run(ctx, options, newTerminal(s.out, patience), tea.WithWindowSize(120, 40))
	}()
	return s
}

// A process that goes on after it was stopped draws over what the shell wrote meanwhile.
func TestAContinuedConsoleIsDrawnAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		continued := make(chan struct{}, 1)
		// Nothing else happens that would have a frame drawn.
		s := begin(t, hostOf(scene.Service{Name: "yelb-appserver"}), func(o *Options) { o.Continued = continued })
		time.Sleep(2 * time.Second)
		before := len(s.out.text())
		continued <- struct{}{}
		time.Sleep(2 * time.Second)
		after := s.out.text()[before:]
		for _, wanted := range []string{ansi.EraseEntireScreen, "yelb-appserver", "roll back"} {
			if !strings.Contains(after, wanted) {
				t.Errorf("after it was continued there is no %q: %q", wanted, after)
			}
		}
		s.press(t, "q")
		s.end()
	})
}

func (s *session) press(t *testing.T, keys string) {
	t.Helper()
	if _, err := s.keys.Write([]byte(keys)); err != nil {
		t.Fatal(err)
	}
}

// end waits for the program to be left, and interrupts one that is not.
func (s *session) end() {
	s.keys.Close()
	select {
	case <-s.ended:
	case <-time.After(time.Minute):
	}
	s.cancel()
	<-s.ended
}

// Nothing changes: nothing is written, and no clock runs.
func TestNothingIsWrittenWhenNothingChanges(t *testing.T) {
	held := func(r *scene.Rollout) { r.Rollout.Outcome = engine.Succeeded; r.Rollout.Phase = engine.Over }
	synctest.Test(t, func(t *testing.T) {
		h := hostOf(idle("yelb-ui"), rolling("yelb-appserver", engine.Over, held))
		s := begin(t, h)
		time.Sleep(time.Second)
		before := s.out.length()
		if before == 0 {
			t.Fatal("no frame was written")
		}
		time.Sleep(10 * time.Second)
		if after := s.out.length(); after != before {
			t.Errorf("%d bytes were written in 10 s", after-before)
		}
		if !strings.Contains(s.out.text(), "as of ") {
			t.Error("the clock that stands still looks like one that runs")
		}
		s.press(t, "q")
		s.end()
		if s.err != nil || s.result.Leaving != Idle {
			t.Errorf("left as %q, %v", s.result.Leaving, s.err)
		}
	})
}

// A terminal that hangs keeps no key from the host, and shows the newest when it goes on.
func TestKeysActWhileTheTerminalHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hostOf(rolling("yelb-appserver", engine.Holding))
		took := make(chan time.Duration, 1)
		var began time.Time
		h.onPost = func(posted) { took <- time.Since(began) }
		s := beginHanging(t, h)
		time.Sleep(time.Second)
		s.out.hang()
		for i := range 100 {
			h.show(rolling("yelb-appserver", engine.Holding, func(r *scene.Rollout) { r.Rollout.Seq = int64(10 + i) }))
			time.Sleep(50 * time.Millisecond)
		}
		began = time.Now()
		s.press(t, "r")
		s.press(t, "\r")
		if waited := <-took; waited > 50*time.Millisecond {
			t.Errorf("the roll back was posted after %s", waited)
		}
		before := s.out.length()
		s.out.goOn()
		time.Sleep(time.Second)
		if s.out.length() == before {
			t.Error("nothing was drawn when the terminal went on")
		}
		s.press(t, "q")
		s.end()
		if !slices.Equal(h.kinds(), []engine.CommandKind{engine.RollBack}) {
			t.Errorf("asked %v", h.kinds())
		}
	})
}

// A console is left though its terminal hangs for ever.
func TestLeavingAHangingTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := beginHanging(t, hostOf(rolling("yelb-appserver", engine.Holding)))
		time.Sleep(time.Second)
		s.out.hang()
		time.Sleep(5 * time.Second)
		began := time.Now()
		s.cancel()
		s.end()
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("left after %s", took)
		}
		if s.result.Leaving != Interrupted || s.err != nil {
			t.Errorf("left as %q, %v", s.result.Leaving, s.err)
		}
		s.out.goOn()
	})
}

// A terminal that is gone ends the console without an error; the drivers are the
// caller's.
func TestTerminalIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, hostOf(rolling("yelb-appserver", engine.Holding, mine)))
		time.Sleep(time.Second)
		s.out.mu.Lock()
		s.out.gone = errors.New("input/output error")
		s.out.mu.Unlock()
		s.keys.CloseWithError(errors.New("input/output error"))
		s.end()
		if s.result.Leaving != Interrupted || s.err != nil {
			t.Errorf("left as %q, %v", s.result.Leaving, s.err)
		}
	})
}

// The context is how a signal ends the console: nobody is asked, the terminal is restored.
func TestTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, hostOf(rolling("yelb-appserver", engine.Holding, mine)))
		time.Sleep(time.Second)
		s.cancel()
		s.end()
		if s.result.Leaving != Interrupted || s.err != nil {
			t.Errorf("left as %q, %v", s.result.Leaving, s.err)
		}
		if text := s.out.text(); !strings.Contains(text[len(text)/2:], "\x1b[?1049l") {
			t.Error("the alternate screen was not left")
		}
	})
}

// While a rollout holds, the seconds are counted and the charts move on, on a feed of a
// period a second: what that writes stays small.
func TestBytesWhileARolloutHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hostOf(idle("yelb-ui"))
		s := begin(t, h)
		told := &teller{host: h}
		plan := engine.Plan{Steps: []engine.Step{{Weight: 30, Hold: time.Hour}, {Weight: 100, Hold: time.Hour, Bake: true}}}
		told.tell(&engine.Started{
			ID: "1", Key: engine.Key{Service: "yelb-appserver"}, Plan: plan,
			Stable: &engine.Version{Sha: "3f2a91c0"}, Canary: engine.Version{Sha: "9bd0417e"},
		}, &engine.DriverTook{Driver: engine.Driver{Actor: "kim"}}, &engine.TasksBecameHealthy{},
			&engine.WeightsIntended{Stable: 70, Canary: 30}, &engine.WeightsConfirmed{Stable: 70, Canary: 30})
		before := 0
		const settling, seconds = 120, 60
		for i := range settling + seconds {
			if i == settling {
				before = s.out.length()
			}
			told.observe(i)
			time.Sleep(time.Second)
		}
		each := (s.out.length() - before) / seconds
		t.Logf("%d bytes a second", each)
		if each < 100 || each > 4096 {
			t.Errorf("%d bytes a second, want at most 4096, and something", each)
		}
		s.press(t, "ql")
		s.end()
		if s.result.Leaving != LetGo {
			t.Errorf("left as %q", s.result.Leaving)
		}
	})
}

func TestDumbTerminal(t *testing.T) {
	_, err := Run(t.Context(), Options{Host: hostOf(), Output: io.Discard, Environment: []string{"TERM=dumb"}})
	if !errors.Is(err, ErrDumb) {
		t.Fatalf("%v", err)
	}
}

// Who says that the terminal has no colours gets none, whatever tmux around it has.
func TestATerminalWithoutColoursGetsNone(t *testing.T) {
	for name, want := range map[string]bool{
		"xterm-mono": true, "screen.mono": true, "linux-m": true, "vt100": true, "vt220-8bit": true,
		"xterm": false, "xterm-256color": false, "tmux-256color": false, "linux": false, "screen": false, "": false, "monochrome-not": false,
	} {
		m := newModel(t.Context(), Options{Host: hostOf(), Environment: []string{"TMUX=/tmp/tmux,1,0", "TERM=" + name}}, calm{})
		if m.theme.NoColor != want {
			t.Errorf("TERM=%s: without colours %v", name, m.theme.NoColor)
		}
	}
}

// NO_COLOR with whatever value takes the colours away.
func TestNoColor(t *testing.T) {
	for _, value := range []string{"1", "yes", "0"} {
		m := newModel(t.Context(), Options{Host: hostOf(), Environment: []string{"NO_COLOR=" + value}}, calm{})
		if !m.theme.NoColor {
			t.Errorf("NO_COLOR=%s has colours", value)
		}
	}
	m := newModel(t.Context(), Options{Host: hostOf(), Environment: []string{"NO_COLOR="}}, calm{})
	if m.theme.NoColor {
		t.Error("an empty NO_COLOR takes the colours away")
	}
}
