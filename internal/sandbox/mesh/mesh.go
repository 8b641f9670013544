// Package mesh is the data plane of the sandbox's App Mesh: what Envoy does beside
// every task, done once in this process. Every virtual service has a listener in the
// region's network; behind it the routes of its virtual router split the traffic over
// virtual nodes, and each node's endpoints are the instances that Cloud Map knows. What
// reaches a task is counted at that task's ingress, and the counters become CloudWatch
// metrics as the CloudWatch agent makes them of Envoy's.
//
// It imports the standard library, App Mesh's types of the AWS SDK, and of the sandbox
// the packages appmesh, cloudmap, region and server.
package mesh

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"serin/internal/sandbox/appmesh"
	"serin/internal/sandbox/cloudmap"
	"serin/internal/sandbox/region"
	"serin/internal/sandbox/server"
)

// ControlPlane says what the meshes hold. View must be cheap: it is called on every
// request.
type ControlPlane interface {
	View() *appmesh.View
}

// Discovery is Cloud Map as a resolver sees it: the instances of a service, by the
// names of its namespace and of itself. It is called on every request.
type Discovery interface {
	Instances(namespace, service string) []cloudmap.Instance
}

// Interfaces are the network interfaces of tasks: where in the region's network a port
// of a private address is listened on, and false when nothing listens.
type Interfaces interface {
	Address(ip string, port int) (string, bool)
}

// Recorder takes datapoints of CloudWatch metrics. The dimensions are shared between
// calls and must not be changed.
type Recorder interface {
	Record(namespace, metric string, dimensions map[string]string, at time.Time, value float64)
}

// DefaultScrapeInterval is the time between two readings of every task's counters. The
// CloudWatch agent's own default is a minute; the sandbox is not that slow.
const DefaultScrapeInterval = time.Second

// ErrClosed is returned by a dial after Close.
var ErrClosed = errors.New("the mesh is closed")

// Option changes how a Mesh works.
type Option func(*Mesh)

// WithScrapeInterval sets the time between two readings of the counters; 0 or less is
// DefaultScrapeInterval.
func WithScrapeInterval(interval time.Duration) Option {
	return func(m *Mesh) {
		if interval > 0 {
			m.interval = interval
		}
	}
}

// WithRandom sets the source that weighted choices draw from: a number in [0, n), from
// a function that is safe for concurrent use.
func WithRandom(random func(n int) int) Option {
	return func(m *Mesh) { m.random = random }
}

// WithoutListeners has nothing listen: what passes is only counted (Pass).
func WithoutListeners() Option {
	return func(m *Mesh) { m.silent = true }
}

// Mesh is the running data plane. All its methods are safe for concurrent use.
type Mesh struct {
	network   region.Network
	control   ControlPlane
	discovery Discovery
	tasks     Interfaces
	recorder  Recorder
	interval  time.Duration
	random    func(n int) int
	silent    bool

	plain, h2c *http.Transport
	buffers    *bufferPool

	compiling sync.Mutex
	plan      atomic.Pointer[plan]

	opening sync.Mutex
	open    atomic.Pointer[openings]

	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// openings are the listeners that are open for one revision of the view. It is
// immutable.
type openings struct {
	revision uint64
	// complete is false while a listener is missing, so that the next call tries again.
	complete bool
	closed   bool
	servers  map[frontKey]*server.Server
}

// New starts a data plane. Its listeners follow the control plane: they are reconciled
// whenever one is asked for and at every scrape. Close must be called.
func New(region region.Region, control ControlPlane, discovery Discovery, tasks Interfaces, recorder Recorder, options ...Option) *Mesh {
	m := &Mesh{
		network:   region.Network,
		control:   control,
		discovery: discovery,
		tasks:     tasks,
		recorder:  recorder,
		interval:  DefaultScrapeInterval,
		random:    rand.IntN,
		buffers:   newBufferPool(),
	}
	for _, option := range options {
		option(m)
	}
	m.plain = newTransport(m.network, (*http.Protocols).SetHTTP1)
	m.h2c = newTransport(m.network, (*http.Protocols).SetUnencryptedHTTP2)
	m.plan.Store(&plan{})
	m.open.Store(&openings{})
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.running.Go(m.scrapeForever)
	return m
}

// Close closes every listener and connection and returns when every goroutine of the
// mesh has ended. Closing twice is harmless.
func (m *Mesh) Close() {
	m.cancel()
	m.opening.Lock()
	servers := m.open.Load().servers
	m.open.Store(&openings{closed: true})
	m.opening.Unlock()
	for _, s := range servers {
		s.Close()
	}
	m.running.Wait()
	m.plain.CloseIdleConnections()
	m.h2c.CloseIdleConnections()
}

// current is the plan of the control plane's present view.
func (m *Mesh) current() *plan {
	view := m.control.View()
	if view == nil {
		return &plan{}
	}
	known := m.plan.Load()
	if known.revision >= view.Revision && known.compiled {
		return known
	}
	m.compiling.Lock()
	defer m.compiling.Unlock()
	known = m.plan.Load()
	if known.revision >= view.Revision && known.compiled {
		return known
	}
	next := compile(view, known)
	m.plan.Store(next)
	return next
}

// Sync opens the listeners that the present view asks for and closes those that it no
// longer has; a listener that stays keeps its address and its connections.
func (m *Mesh) Sync(ctx context.Context) error {
	_, err := m.sync(ctx)
	return err
}

func (m *Mesh) sync(ctx context.Context) (*openings, error) {
	if m.silent {
		return m.open.Load(), nil
	}
	wanted := m.current()
	if open := m.open.Load(); open.complete && open.revision == wanted.revision {
		return open, nil
	}
	open, stale, err := m.reconcile(ctx)
	for _, s := range stale {
		s.Close()
	}
	return open, err
}

// reconcile publishes the listeners of the present plan and gives back those that are
// to be closed, so that no lock is held while their handlers end.
func (m *Mesh) reconcile(ctx context.Context) (*openings, []*server.Server, error) {
	m.opening.Lock()
	defer m.opening.Unlock()
	before := m.open.Load()
	if before.closed {
		return nil, nil, ErrClosed
	}
	wanted := m.current()
	next := &openings{revision: wanted.revision, servers: map[frontKey]*server.Server{}}
	var stale []*server.Server
	for key, s := range before.servers {
		if _, ok := wanted.fronts[key]; ok {
			next.servers[key] = s
		} else {
			stale = append(stale, s)
		}
	}
	err := m.listen(ctx, wanted, next)
	next.complete = err == nil
	m.open.Store(next)
	return next, stale, err
}

// listen opens what is missing.
func (m *Mesh) listen(ctx context.Context, wanted *plan, into *openings) error {
	for key := range wanted.fronts {
		if _, ok := into.servers[key]; ok {
			continue
		}
		listener, err := m.network.Listen(ctx)
		if err != nil {
			return fmt.Errorf("listen for %s:%d: %w", key.service, key.port, err)
		}
		into.servers[key] = m.serve(key, listener)
	}
	return nil
}

func (m *Mesh) serve(key frontKey, listener net.Listener) *server.Server {
	switch key.wire {
	case wireTCP:
		return server.TCP(listener, func(ctx context.Context, conn net.Conn) { m.relay(ctx, key, conn) })
	case wireHTTP2:
		return server.H2C(listener, m.proxy(key))
	default:
		return server.HTTP(listener, m.proxy(key))
	}
}

// HTTPAddress is where the router of a virtual service listens for HTTP, and "" when
// there is no such virtual service.
func (m *Mesh) HTTPAddress(virtualService string) string {
	return m.address(virtualService, func(w wire) bool { return w != wireTCP })
}

// TCPAddress is where the router of a virtual service listens for tcp, and "" when
// there is no such virtual service.
func (m *Mesh) TCPAddress(virtualService string) string {
	return m.address(virtualService, func(w wire) bool { return w == wireTCP })
}

func (m *Mesh) address(virtualService string, fits func(wire) bool) string {
	open, err := m.sync(m.ctx)
	if err != nil {
		return ""
	}
	for _, key := range m.current().names[virtualService] {
		if s, ok := open.servers[key]; ok && fits(key.wire) {
			return s.Address()
		}
	}
	return ""
}

// Dial is what a dial to host:port inside a task reaches. The name of a virtual service
// reaches its router, where meshes share a name that of the first mesh by name; a port
// that the router does not listen on refuses the connection. The name of a Cloud Map
// service, <service>.<namespace>, reaches one of its instances directly, which counts
// nowhere. Any other name fails as a resolver fails: with a *net.DNSError.
func (m *Mesh) Dial(ctx context.Context, hostport string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", hostport, err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("dial %s: port: %w", hostport, err)
	}
	open, err := m.sync(ctx)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", hostport, err)
	}
	keys, known := m.current().names[host]
	if !known {
		return m.dialInstance(ctx, host, int(port))
	}
	for _, key := range keys {
		if s, ok := open.servers[key]; ok && uint64(key.port) == port {
			return m.network.Dial(ctx, s.Address())
		}
	}
	return nil, refused(hostport)
}

func (m *Mesh) dialInstance(ctx context.Context, host string, port int) (net.Conn, error) {
	service, namespace := splitName(host)
	usable := usable(m.discovery.Instances(namespace, service), nil)
	if len(usable) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	chosen := usable[m.random(len(usable))]
	address, ok := m.tasks.Address(chosen.Attributes[attributeIPv4], port)
	if !ok {
		return nil, refused(net.JoinHostPort(host, strconv.Itoa(port)))
	}
	return m.network.Dial(ctx, address)
}

func refused(hostport string) error {
	return fmt.Errorf("dial %s: %w", hostport, syscall.ECONNREFUSED)
}

// sortedKeys makes walks over maps repeatable.
func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
