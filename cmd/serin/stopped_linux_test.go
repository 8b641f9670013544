package main

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"serin/internal/headless"
	"serin/internal/sandbox/wire"
)

// callers is a sandbox's wrapping that tells apart who changes something, by the access
// key, and can keep one call from taking effect.
type callers struct {
	mu      sync.Mutex
	changed map[string][]string
	// stall is the caller whose changes of the route wait, the first of them only.
	stall   string
	stalled chan struct{}
	release chan struct{}
	landed  chan struct{}
}

func newCallers(stall string) *callers {
	return &callers{
		changed: map[string][]string{}, stall: stall,
		stalled: make(chan struct{}), release: make(chan struct{}), landed: make(chan struct{}),
	}
}

func (c *callers) around(call wire.Call, next http.Handler) http.Handler {
	if !changes(call) {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !c.note(call) {
			next.ServeHTTP(w, r)
			return
		}
		close(c.stalled)
		<-c.release
		next.ServeHTTP(w, r.WithContext(context.WithoutCancel(r.Context())))
		close(c.landed)
	})
}

// note notes a call and tells whether it is the one to wait.
func (c *callers) note(call wire.Call) (waits bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	waits = call.AccessKey == c.stall && call.Operation == "UpdateRoute" && !slices.Contains(c.changed[c.stall], call.Operation)
	c.changed[call.AccessKey] = append(c.changed[call.AccessKey], call.Operation)
	return waits
}

// by is what a caller has changed.
func (c *callers) by(key string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.changed[key])
}

// counts is how often everybody together did what.
func (c *callers) counts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := map[string]int{}
	for _, operations := range c.changed {
		for _, operation := range operations {
			counts[operation]++
		}
	}
	return counts
}

// The access keys of the two drivers.
const (
	sleeper = "AKIAPLANTEDSLEEPER01"
	waker   = "AKIAPLANTEDWAKER0001"
)

// as is a scene's serin deploy with an access key.
func (s *scene) as(t *testing.T, key string, flags ...string) *process {
	t.Helper()
	other := *s
	other.environment = append(slices.Clone(s.environment), "AWS_ACCESS_KEY_ID="+key)
	return other.deploy(t, flags...)
}

// sleepy is a rollout in two steps with holds that are long enough to be stopped in.
func sleepy() (agony, []string) {
	return agony{service: "yelb-appserver"},
		append(tolerant(3), "--set", "PercentageStep=50", "--sha", "9bd0417e", "--image", "yelb-appserver:fixed")
}

// stop stops a driver where it does not write to the journal: as long as it did, nobody
// else could, nor take over.
func (s *scene) stop(t *testing.T, p *process) {
	t.Helper()
	file, err := sql.Open("sqlite", "file:"+filepath.Join(s.state, "serin", "journal.db")+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for {
		p.signal(syscall.SIGSTOP)
		write, err := file.BeginTx(t.Context(), nil)
		if err == nil {
			_ = write.Rollback()
			return
		}
		if !strings.Contains(err.Error(), "locked") {
			t.Fatal(err)
		}
		p.signal(syscall.SIGCONT)
		runtime.Gosched()
	}
}

const confirmedAt = `"event":"weights_confirmed".*"canary":\{"sha":"9bd0417e","weight":%d\}`

// leaves checks that a driver that was replaced says by whom, and leaves.
func (p *process) leaves(t *testing.T, by *process) {
	t.Helper()
	p.exits(headless.ExitFailed)
	for _, want := range []string{"another driver", "this driver leaves", fmt.Sprintf("pid %d ", by.command.Process.Pid)} {
		if got := p.diagnostics.String(); !strings.Contains(got, want) {
			t.Errorf("the driver that was replaced says %q, want %q in it", got, want)
		}
	}
}

// TestAStoppedDriverActsOnNothing stops a driver for longer than its lease, has another one
// take over, and lets the first go on: it changes nothing more, says who drives, and leaves.
func TestAStoppedDriverActsOnNothing(t *testing.T) {
	t.Parallel()
	c := newCallers("")
	a, flags := sleepy()
	s := newSceneAround(t, a, c.around)
	first := s.as(t, sleeper, flags...)
	first.until(fmt.Sprintf(confirmedAt, 50))
	s.stop(t, first)
	before := c.by(sleeper)
	second := s.as(t, waker, "--resume")
	second.until(`"event":"driver_took"`)
	first.signal(syscall.SIGCONT)
	first.leaves(t, second)
	second.exits(headless.ExitSucceeded)
	if after := c.by(sleeper); !slices.Equal(before, after) {
		t.Errorf("the driver that was stopped had made the calls %v, and then %v", before, after)
	}
	want := map[string]int{"CreateStack": 1, "UpdateRoute": 3, "PutParameter": 1, "DeleteStack": 1}
	if got := c.counts(); !maps.Equal(got, want) {
		t.Errorf("both together made the calls %v, want %v", got, want)
	}
}

// TestAWriteOfAStoppedDriverLandsLate stops a driver in the middle of a route's write, which
// arrives when another driver has made the same write, of the same token, and gone further:
// it changes nothing any more. The first, when it goes on, does nothing either.
func TestAWriteOfAStoppedDriverLandsLate(t *testing.T) {
	t.Parallel()
	c := newCallers(sleeper)
	a, flags := sleepy()
	a.countsWrites = true
	s := newSceneAround(t, a, c.around)
	land := sync.OnceFunc(func() { close(c.release) })
	defer land()
	first := s.as(t, sleeper, flags...)
	<-c.stalled
	s.stop(t, first)
	second := s.as(t, waker, "--resume")
	second.until(fmt.Sprintf(confirmedAt, 100))
	land()
	<-c.landed
	second.exits(headless.ExitSucceeded)
	first.signal(syscall.SIGCONT)
	first.leaves(t, second)
	if got := c.by(sleeper); !slices.Equal(got, []string{"CreateStack", "UpdateRoute"}) {
		t.Errorf("the driver that was stopped made the calls %v", got)
	}
	if got := s.account(t); !strings.Contains(got, "route written 4 times") || !strings.Contains(got, "target yelb-appserver-9bd0417e 100\nroute") {
		t.Errorf("the account is\n%swant three writes more than there were", got)
	}
}
