package console

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/sandbox"
	"serin/internal/sandbox/pipenet"
	"serin/internal/ui"
	"serin/internal/ui/scene"
)

// tape is a terminal that keeps what is written to it.
type tape struct {
	mu      sync.Mutex
	written bytes.Buffer
}

var _ io.Writer = (*tape)(nil)

func (s *tape) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written.Write(p)
}

// since is what was written after so many bytes.
func (s *tape) since(n int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written.String()[n:]
}

func (s *tape) length() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written.Len()
}

// seat is an operator at the console: the program that is shipped, on a host, on a
// terminal.
type seat struct {
	*live
	keys io.Writer
	tape *tape
	// calls is how many calls the region has answered.
	calls *atomic.Int64
}

// counted counts calls.
type counted struct {
	next http.RoundTripper
	n    atomic.Int64
}

func (c *counted) RoundTrip(request *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.next.RoundTrip(request)
}

// press presses keys, one after the other, as a person does.
func (s *seat) press(t *testing.T, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if _, err := io.WriteString(s.keys, key); err != nil {
			t.Fatal(err)
		}
		after(200 * time.Millisecond)
	}
}

// seated runs a test with the console on a sandbox without servers, in virtual time.
func seated(t *testing.T, rate float64, settings []string, test func(t *testing.T, s *seat)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		region, err := sandbox.Start(t.Context(), sandbox.Options{
			Rate: rate, MetricDelay: time.Second, Pace: 0.05, Still: true, Network: pipenet.New(),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer region.Close()
		calls := &counted{next: region.Transport()}
		clients := clientsOf(t, region, calls)
		h := New(Options{
			Ports: clients.Ports(""), Journal: journal.NewMemory(), Catalogue: clients.Catalogue(""),
			Where:    engine.Key{Account: region.Account(), Region: region.Region(), Environment: region.Environment()},
			Driver:   engine.Driver{Actor: "kim", Place: "here"},
			Settings: append([]string{"TemplateParameters.ContainerHealthCheck=off"}, settings...),
		})
		ctx, stop := context.WithCancel(t.Context())
		in, keys := io.Pipe()
		shown := &tape{}
		var running sync.WaitGroup
		defer running.Wait()
		defer stop()
		defer h.Close()
		running.Go(func() { h.Observe(ctx) })
		running.Go(func() {
			result, err := ui.Run(ctx, ui.Options{
				Host: h, Input: in, Output: shown, Environment: []string{"TERM=xterm-256color", "SSH_TTY=x"},
			})
			if err != nil || result.Leaving != ui.Idle {
				t.Errorf("it is left as %q, %v", result.Leaving, err)
			}
			_ = in.Close()
		})
		s := &seat{live: &live{h}, keys: keys, tape: shown, calls: &calls.n}
		s.press(t, "\x1b[48;40;120;800;1200t") // its size, as a terminal reports it (mode 2048)
		after(10 * time.Second)
		test(t, s)
		s.press(t, "q")
		_ = keys.Close()
	})
}

// An operator deploys with keys and watches ten steps pass: the program, its host, the
// engine, the adapters and the region are all the real ones.
func TestTenStepsAreWatched(t *testing.T) {
	seated(t, 5, []string{"PercentageStep=10", "WaitTime=4", "MetricPeriod=1", "MetricDelay=2"}, func(t *testing.T, s *seat) {
		t.Helper()
		s.press(t, "d", "yelb-appserver:fixed", "\r", "y")
		var weights []int
		s.until(t, "it succeeds", func(shown scene.Service) bool {
			if shown.Rollout == nil {
				return false
			}
			r := shown.Rollout.Rollout
			if n := r.Actual.Canary; r.Phase == engine.Holding || r.Phase == engine.Baking {
				if len(weights) == 0 || weights[len(weights)-1] != n {
					weights = append(weights, n)
				}
			}
			return r.Outcome == engine.Succeeded
		})
		after(5 * time.Second)
		if want := []int{10, 20, 30, 40, 50, 60, 70, 80, 90, 100}; !slices.Equal(weights, want) {
			t.Errorf("the weights were %v", weights)
		}
		text := s.tape.since(0)
		at := 0
		for _, weight := range weights {
			words := fmt.Sprintf("\x1b]9;4;1;%d", weight)
			found := strings.Index(text[at:], words)
			if found < 0 {
				t.Errorf("the progress bar does not come to %d %%", weight)
				continue
			}
			at += found
		}
		if !strings.Contains(text[at:], "SUCCEEDED") {
			t.Error("it does not say how it ended")
		}
	})
}

// Where nothing happens, there is no clock on the terminal either: nothing is written but
// what a reading found, which is twice a minute where metrics are by the minute.
func TestAQuietRegionWritesNothing(t *testing.T) {
	seated(t, 0, nil, func(t *testing.T, s *seat) {
		t.Helper()
		after(time.Minute)
		if s.tape.length() == 0 {
			t.Fatal("there is no frame")
		}
		silent := 0
		for range 18 {
			calls, before := s.calls.Load(), s.tape.length()
			after(10 * time.Second)
			switch wrote := s.tape.since(before); {
			case wrote == "":
				silent++
			case s.calls.Load() == calls:
				t.Errorf("nothing was read, and it writes %q", wrote)
			case len(wrote) > 2048:
				t.Errorf("for a reading it writes %d bytes: %q", len(wrote), wrote)
			}
		}
		// A minute has three readings: of routes and tasks, twice, and of the responses.
		if silent < 9 {
			t.Errorf("%d of 18 times it wrote nothing for 10 s, want 9", silent)
		}
	})
}
