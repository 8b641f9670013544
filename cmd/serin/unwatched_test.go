package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"serin/internal/console"
	"serin/internal/engine"
	"serin/internal/headless"
	"serin/internal/journal"
	"serin/internal/sandbox"
	"serin/internal/sandbox/fault"
	uiscene "serin/internal/ui/scene"
)

// attendedLimit is how long anything may take that a console is waited for.
const attendedLimit = time.Minute

// written is what was written so far. It is safe for concurrent use.
type written struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// attended is a console that drives a rollout of the appserver, without a terminal.
type attended struct {
	*session
	log    *journal.SQLite
	told   *written
	press  io.Writer
	hangUp func()
	left   chan error
}

// attendedOn opens a console on a region in which something goes wrong, and has it drive
// a rollout that holds at 50 %.
func attendedOn(t *testing.T, faults string) *attended {
	t.Helper()
	plan, err := fault.Parse(faults)
	if err != nil {
		t.Fatal(err)
	}
	region, err := sandbox.Start(t.Context(), sandbox.Options{Rate: 5, Pace: 0.05, Faults: plan})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(region.Close)
	there, err := connect(t.Context(), accountFlags{region: region.Region()}, region.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	log, err := journal.Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	out, signals := &written{}, make(chan os.Signal, 2)
	p := &program{out: out, err: out, lookup: func(string) (string, bool) { return "", false }}
	told := newNarrator()
	options := there.hostOptions(p, region.Environment(), log, told)
	options.ErrorLimit = 6 * time.Second
	keys, press := io.Pipe()
	t.Cleanup(func() { _ = press.Close() })
	a := &attended{log: log, told: out, press: press, hangUp: func() { signals <- syscall.SIGHUP }, left: make(chan error, 1)}
	a.session = newSession(p, viewFlags{noMotion: true}, "hold", signals, told).on(console.New(options))
	a.shows.Input, a.shows.Width, a.shows.Height = keys, 120, 36
	go func() { a.left <- a.run(t.Context(), t.Context()) }()
	a.until(t, "the appserver is seen", func(service uiscene.Service) bool { return service.Route.Exists })
	order := uiscene.Order{Service: "yelb-appserver", Image: "yelb-appserver:fixed", Set: []string{
		"WaitTime=600", "MetricPeriod=1", "MetricDelay=1", "PercentageStep=50", "FailureThresholdValue=1000",
	}}
	if err := a.host.Deploy(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	a.until(t, "it holds", func(service uiscene.Service) bool {
		return service.Rollout != nil && service.Rollout.Rollout.Phase == engine.Holding
	})
	return a
}

// until waits until something is so of the appserver.
func (a *attended) until(t *testing.T, what string, so func(uiscene.Service) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), attendedLimit)
	defer cancel()
	for {
		shown, changed := a.host.Scene()
		for _, service := range shown.Services {
			if service.Name == "yelb-appserver" && so(service) {
				return
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

// rollsBack asks for a roll back, whose writes fail.
func (a *attended) rollsBack(t *testing.T) {
	t.Helper()
	if err := a.host.Post("yelb-appserver", engine.Command{Kind: engine.RollBack, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	a.until(t, "it is rolling back, and may not", func(service uiscene.Service) bool {
		return service.Rollout.Rollout.RollingBack() && len(service.Rollout.Rollout.Faults) > 0
	})
}

// ends waits for the end of the process, and answers how the driving ended.
func (a *attended) ends(t *testing.T) engine.Ending {
	t.Helper()
	select {
	case err := <-a.left:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(attendedLimit):
		t.Fatalf("it drives for ever: %q", a.told)
	}
	for rollout, ending := range a.host.Endings() {
		lease, err := a.log.Lease(t.Context(), rollout)
		if err != nil || !lease.Free {
			t.Errorf("its lease is %+v, %v", lease, err)
		}
		return ending
	}
	t.Fatal("it drove nothing")
	return engine.Ending{}
}

// A console that was left while it rolled back drives that to its end, and lets go of it
// when it is stuck: whoever could help has gone.
func TestWhatGetsStuckUnwatchedIsLetGoOf(t *testing.T) {
	t.Parallel()
	for how, leave := range map[string]func(*attended){
		"hung up": func(a *attended) { a.hangUp() },
		"left unwatched": func(a *attended) {
			for _, key := range []string{"q", "w"} {
				<-time.After(time.Second) // a hand, on a busy machine
				_, _ = io.WriteString(a.press, key)
			}
		},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			a := attendedOn(t, "appmesh:UpdateRoute#2-=denied")
			a.rollsBack(t)
			leave(a)
			ending := a.ends(t)
			if code := headless.ExitCode(ending); code != headless.ExitStuck {
				t.Errorf("its exit code is %d: %+v", code, ending)
			}
			for _, words := range []string{"STUCK", "letting go of yelb-appserver: it is stuck", "what is true: the route gives", "what to do: "} {
				if !strings.Contains(a.told.String(), words) {
					t.Errorf("it does not tell %q: %q", words, a.told)
				}
			}
		})
	}
}

// What got stuck after the last frame and before anything was told is told all the same; what
// was told is not told again.
func TestWhatGotStuckBeforeItWasToldIsTold(t *testing.T) {
	for _, c := range []struct {
		after time.Duration
		told  bool
	}{{-time.Millisecond, true}, {time.Millisecond, false}} {
		var out bytes.Buffer
		s, since := &session{narrator: newNarrator()}, time.Now()
		s.narrator.listen()
		s.narrator.speak(&out)
		stuck := engine.Stuck{Reason: "denied", Truth: "the route gives 50", Advice: "mend it", At: since.Add(c.after)}
		s.recall(&engine.Rollout{ID: "r1", Stuck: &stuck}, since)
		if err := s.narrator.hush(); err != nil {
			t.Fatal(err)
		}
		for _, words := range []string{"STUCK, a person is needed: denied", "what is true: the route gives 50", "what to do: mend it"} {
			if strings.Contains(out.String(), words) != c.told {
				t.Errorf("of what got stuck %s after, it tells %q", c.after, out.String())
			}
		}
	}
}

// A roll back that can go on is not let go of, whatever an interrupt asked: traffic first.
func TestARollBackIsFinishedBeforeItIsLetGoOf(t *testing.T) {
	t.Parallel()
	a := attendedOn(t, "appmesh:UpdateRoute#2=denied")
	a.rollsBack(t)
	a.hangUp()
	if ending := a.ends(t); ending.Outcome != engine.RolledBack {
		t.Errorf("it ends with %+v: %q", ending, a.told)
	}
}
