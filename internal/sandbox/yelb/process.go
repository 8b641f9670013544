package yelb

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"serin/internal/sandbox/ecs"
	"serin/internal/sandbox/server"
)

const (
	// searchDomain is the variable that names the Cloud Map namespace.
	searchDomain = "SEARCH_DOMAIN"
	// defaultNamespace is what it is without the variable.
	defaultNamespace = "yelb.local"
)

// process is a running container.
type process struct {
	runtime   *Runtime
	container ecs.Container
	namespace string
	// inert processes have no servers, and pass every health check.
	inert bool
	// addresses and closers are complete before the process is handed out.
	addresses map[int]string
	closers   []func()

	stopOnce sync.Once
	stopping chan struct{}
	done     chan struct{}
	code     int
	reason   string
}

var _ ecs.Process = (*process)(nil)

func newProcess(r *Runtime, c ecs.Container) *process {
	return &process{
		runtime:   r,
		container: c,
		namespace: cmp.Or(c.Environment[searchDomain], defaultNamespace),
		addresses: map[int]string{},
		stopping:  make(chan struct{}),
		done:      make(chan struct{}),
	}
}

// listen opens a port of the container.
func (p *process) listen(ctx context.Context, port int, serve func(net.Listener) *server.Server) error {
	listener, err := p.runtime.network.Listen(ctx)
	if err != nil {
		return fmt.Errorf("listen on port %d: %w", port, err)
	}
	s := serve(listener)
	p.addresses[port] = s.Address()
	p.atExit(s.Close)
	return nil
}

func (p *process) listenHTTP(ctx context.Context, port int, handler http.Handler) error {
	return p.listen(ctx, port, func(l net.Listener) *server.Server { return server.HTTP(l, handler) })
}

// atExit has a function called when the process ends, the last one first.
func (p *process) atExit(f func()) { p.closers = append(p.closers, f) }

func (p *process) shut() {
	for _, f := range slices.Backward(p.closers) {
		f()
	}
}

// live waits for the end of the process: until it is stopped, or for a lifetime, 0
// being for ever, after which it exits with code 1.
func (p *process) live(lifetime time.Duration) {
	var over <-chan time.Time
	if lifetime > 0 {
		timer := time.NewTimer(lifetime)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-p.stopping:
	case <-over:
		p.code = 1
		p.reason = fmt.Sprintf("%s exited with code 1 after %v", p.container.Image, lifetime)
		p.stopOnce.Do(func() { close(p.stopping) })
	}
	p.shut()
	p.runtime.forget(p)
	close(p.done)
}

// Address is where a port of the container is listened on.
func (p *process) Address(port int) (string, bool) {
	select {
	case <-p.stopping:
		return "", false
	default:
	}
	address, ok := p.addresses[port]
	return address, ok
}

// Done is closed when the process has exited.
func (p *process) Done() <-chan struct{} { return p.done }

// ExitCode is 0 after a stop and 1 after a crash.
func (p *process) ExitCode() int { return p.code }

// Reason is empty after a stop.
func (p *process) Reason() string { return p.reason }

// Stop ends the process and returns when it has ended.
func (p *process) Stop() {
	p.stopOnce.Do(func() { close(p.stopping) })
	<-p.done
}

// service is the host:port at which another microservice is reached.
func (p *process) service(name string, port int) string {
	return fmt.Sprintf("%s.%s:%d", name, p.namespace, port)
}
