package yelb

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"serin/internal/sandbox/ecs"
)

// Still runs Yelb's images without a server behind them: a container knows which port it
// would listen on, how long it lives, and with which status it would answer. Hundreds of
// rollouts a second can be tried on it. All its methods are safe for concurrent use.
type Still struct {
	random  func(n int) int
	started atomic.Int64

	mu      sync.Mutex
	running map[string]*stillProcess
}

var _ ecs.Runtime = (*Still)(nil)

// NewStill makes a runtime whose misbehaving versions draw from random: a number in
// [0, n), safe for concurrent use.
func NewStill(random func(n int) int) *Still {
	return &Still{random: random, running: map[string]*stillProcess{}}
}

// Pull reports whether an image is in the catalogue.
func (s *Still) Pull(ctx context.Context, image string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := find(image)
	return err
}

// Start starts a container.
func (s *Still) Start(_ context.Context, c ecs.Container) (ecs.Process, error) {
	program, err := find(c.Image)
	if err != nil {
		return nil, err
	}
	p := &stillProcess{done: make(chan struct{}), forget: s.forget, image: c.Image}
	p.inert = program.start == nil
	if program.start != nil {
		ref := parseReference(c.Image)
		p.listen(s.started.Add(1), portOf(ref))
		p.status = statusOf(ref, s.random)
	}
	if p.address != "" {
		s.adopt(p)
	}
	if program.lifetime > 0 {
		p.life = time.AfterFunc(program.lifetime, func() {
			p.end(1, fmt.Sprintf("%s exited with code 1 after %v", c.Image, program.lifetime))
		})
	}
	return p, nil
}

func (s *Still) adopt(p *stillProcess) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[p.address] = p
}

// Answer is the status with which the container at an address answers a request, and
// false when there is none.
func (s *Still) Answer(address string) (int, bool) {
	s.mu.Lock()
	p, ok := s.running[address]
	s.mu.Unlock()
	if !ok {
		return 0, false
	}
	return p.status(), true
}

func (s *Still) forget(p *stillProcess) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[p.address] == p {
		delete(s.running, p.address)
	}
}

// portOf is the port that an image listens on.
func portOf(ref reference) int {
	switch name := ref.repository[strings.LastIndex(ref.repository, "/")+1:]; {
	case name == "yelb-appserver" && ref.tag == "wrongport":
		return wrongPort
	case name == "yelb-appserver":
		return appserverPort
	case name == "yelb-redisserver":
		return redisPort
	case name == "yelb-db":
		return databasePort
	default:
		return uiPort
	}
}

// statusOf is how an image answers, as the quirks of the real servers have it.
func statusOf(ref reference, random func(n int) int) func() int {
	const good, bad = 200, 500
	switch {
	case ref.repository == "yelb-appserver" && ref.tag == "flaky":
		return func() int {
			if random(100) < failuresPerHundred {
				return bad
			}
			return good
		}
	case ref.repository == "yelb-appserver" && ref.tag == "late":
		breaks := sync.OnceValue(func() time.Time { return time.Now().Add(lateAfter) })
		return func() int {
			if !time.Now().Before(breaks()) {
				return bad
			}
			return good
		}
	default:
		return func() int { return good }
	}
}

// stillProcess is a container that only says what it would do.
type stillProcess struct {
	image   string
	inert   bool
	port    int
	address string
	status  func() int
	life    *time.Timer
	forget  func(*stillProcess)

	once   sync.Once
	done   chan struct{}
	code   int
	reason string
}

var _ ecs.Process = (*stillProcess)(nil)

func (p *stillProcess) listen(number int64, port int) {
	p.port, p.address = port, fmt.Sprintf("still.test:%d", number)
}

// Address names the container, when it listens on the port.
func (p *stillProcess) Address(port int) (string, bool) {
	if p.ended() {
		return "", false
	}
	return p.address, p.port == port && p.address != ""
}

func (p *stillProcess) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// named finds the port that a health check asks.
var named = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?::|-p )(\d+)`)
})

// Exec passes a health check when the container listens on the port that it names.
func (p *stillProcess) Exec(_ context.Context, command []string) error {
	if p.ended() {
		return errExited
	}
	if p.inert {
		return nil
	}
	for _, word := range command {
		if found := named().FindStringSubmatch(word); found != nil && found[1] == strconv.Itoa(p.port) {
			return nil
		}
	}
	return fmt.Errorf("exit code 1: %s does not listen there", p.image)
}

// Done is closed when the process has exited.
func (p *stillProcess) Done() <-chan struct{} { return p.done }

// ExitCode is 0 after a stop and 1 after a crash.
func (p *stillProcess) ExitCode() int { return p.code }

// Reason is empty after a stop.
func (p *stillProcess) Reason() string { return p.reason }

// Stop ends the process.
func (p *stillProcess) Stop() {
	if p.life != nil {
		p.life.Stop()
	}
	p.end(0, "")
}

func (p *stillProcess) end(code int, reason string) {
	p.once.Do(func() {
		p.code, p.reason = code, reason
		p.forget(p)
		close(p.done)
	})
}
