// Package yelb is Yelb, the sample application of four microservices, as real servers
// in this process, and the container runtime that the sandbox's ECS starts them with:
// yelb-ui serves the page, yelb-appserver the API, yelb-redisserver counts page views,
// and yelb-db keeps the votes. Its images come in versions that misbehave each in its
// own way, for a rollout to find out.
//
// It imports the standard library, miniredis and SQLite, and of the sandbox the
// packages ecs (for the contract of a runtime), region and server.
package yelb

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"

	"serin/internal/sandbox/ecs"
	"serin/internal/sandbox/region"
)

// Dial connects a container to host:port, as its task's network would.
type Dial func(ctx context.Context, hostport string) (net.Conn, error)

// errClosed is the reason why nothing starts any more.
var errClosed = errors.New("the container runtime is closed")

// Option changes how a Runtime works.
type Option func(*Runtime)

// WithRandom sets the source that misbehaving versions draw from: a number in [0, n),
// from a function that is safe for concurrent use.
func WithRandom(random func(n int) int) Option {
	return func(r *Runtime) { r.random = random }
}

// Runtime runs Yelb's images. All its methods are safe for concurrent use.
type Runtime struct {
	network region.Network
	dial    Dial
	random  func(n int) int

	mu      sync.Mutex
	closed  bool
	running map[*process]struct{}
	// votes is the one database of all containers of yelb-db, as on a shared volume;
	// nil before the first of them starts.
	votes *ballot
}

var _ ecs.Runtime = (*Runtime)(nil)

// NewRuntime makes a runtime whose containers listen in the region's network and reach
// each other through dial. Close must be called.
func NewRuntime(region region.Region, dial Dial, options ...Option) *Runtime {
	r := &Runtime{
		network: region.Network,
		dial:    dial,
		random:  rand.IntN,
		running: map[*process]struct{}{},
	}
	for _, option := range options {
		option(r)
	}
	return r
}

// Pull reports whether an image is in the catalogue, in the words of containerd.
func (r *Runtime) Pull(ctx context.Context, image string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := find(image)
	return err
}

// Start starts a container: its servers listen when Start returns.
func (r *Runtime) Start(ctx context.Context, c ecs.Container) (ecs.Process, error) {
	program, err := find(c.Image)
	if err != nil {
		return nil, err
	}
	p := newProcess(r, c)
	if program.start != nil {
		if err := program.start(ctx, p); err != nil {
			p.shut()
			return nil, err
		}
	}
	if !r.adopt(p) {
		p.shut()
		return nil, errClosed
	}
	p.inert = program.start == nil
	go p.live(program.lifetime)
	return p, nil
}

func (r *Runtime) adopt(p *process) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.running[p] = struct{}{}
	}
	return !r.closed
}

func (r *Runtime) forget(p *process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, p)
}

// ballot is the votes' database, which the first container of yelb-db creates.
func (r *Runtime) ballot(ctx context.Context) (*ballot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errClosed
	}
	if r.votes != nil {
		return r.votes, nil
	}
	votes, err := openBallot(ctx)
	if err != nil {
		return nil, err
	}
	r.votes = votes
	return votes, nil
}

// Close stops every container and returns when they have ended. The votes are gone
// with it. Closing twice is harmless.
func (r *Runtime) Close() {
	r.mu.Lock()
	r.closed = true
	running := make([]*process, 0, len(r.running))
	for p := range r.running {
		running = append(running, p)
	}
	r.mu.Unlock()
	for _, p := range running {
		p.Stop()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.votes != nil {
		r.votes.close()
		r.votes = nil
	}
}
