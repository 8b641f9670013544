package mesh

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"time"

	"serin/internal/sandbox/region"
)

const (
	// idlePerTask is how many idle connections to one task are kept.
	idlePerTask = 256
	// idleFor is how long an idle connection is kept.
	idleFor = 30 * time.Second
	// drainBound is how much of an answer that is thrown away is read, so that its
	// connection can be used again.
	drainBound = 4 << 10
	// copyBuffer is the size of the buffers that bodies are copied with.
	copyBuffer = 32 << 10
)

// What Envoy answers on its own account.
const (
	textNoUpstream  = "no healthy upstream"
	textUnconnected = "upstream connect error or disconnect/reset before headers. reset reason: connection failure"
	textReset       = "upstream connect error or disconnect/reset before headers. reset reason: connection termination"
	textTimeout     = "upstream request timeout"
)

// Causes with which the mesh itself ends a try.
var (
	errRequestTimeout = errors.New("the route's request timeout is over")
	errTryTimeout     = errors.New("the retry policy's timeout of one try is over")
	errIdleTimeout    = errors.New("the route's idle timeout is over")
)

// dialError says that a try did not reach the app.
type dialError struct{ error }

// Unwrap is the network's error.
func (e dialError) Unwrap() error { return e.error }

func newTransport(network region.Network, speak func(*http.Protocols, bool)) *http.Transport {
	protocols := new(http.Protocols)
	speak(protocols, true)
	return &http.Transport{
		Protocols:           protocols,
		DisableCompression:  true,
		MaxIdleConnsPerHost: idlePerTask,
		IdleConnTimeout:     idleFor,
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			conn, err := network.Dial(ctx, address)
			if err != nil {
				return nil, dialError{err}
			}
			return conn, nil
		},
	}
}

// bufferPool lends the buffers that bodies are copied with.
type bufferPool struct{ pool sync.Pool }

func newBufferPool() *bufferPool {
	return &bufferPool{pool: sync.Pool{New: func() any { return new([copyBuffer]byte) }}}
}

// Get lends a buffer.
func (p *bufferPool) Get() []byte { return p.pool.Get().(*[copyBuffer]byte)[:] }

// Put takes it back.
func (p *bufferPool) Put(buffer []byte) { p.pool.Put((*[copyBuffer]byte)(buffer)) }

// proxy is the handler of a front: the standard library's reverse proxy takes care of
// hop-by-hop headers, trailers, upgrades, streaming and clients that go away; egress
// decides where the request goes.
func (m *Mesh) proxy(key frontKey) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite:    forward,
		Transport:  &egress{mesh: m, key: key},
		BufferPool: m.buffers,
		ErrorLog:   log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			// Only a client that went away or broke off its body gets here.
			w.WriteHeader(http.StatusBadRequest)
		},
	}
}

// forward sends a request on as it came: Envoy keeps the host, the query as it was
// written, and what proxies before it said.
func forward(r *httputil.ProxyRequest) {
	r.Out.Host = r.In.Host
	r.Out.URL.Scheme = "http"
	r.Out.URL.Host = r.In.Host
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	for _, name := range [...]string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values, ok := r.In.Header[name]; ok {
			r.Out.Header[name] = values
		}
	}
}

// egress is the Envoy of the caller's side for one front.
type egress struct {
	mesh *Mesh
	key  frontKey
}

// RoundTrip sends a request where the routes of this moment send it.
func (e *egress) RoundTrip(request *http.Request) (*http.Response, error) {
	front, ok := e.mesh.current().fronts[e.key]
	if !ok {
		return local(request, http.StatusNotFound, ""), nil
	}
	route := front.route(request)
	if route == nil {
		return local(request, http.StatusNotFound, ""), nil
	}
	destination := route.choose(e.mesh.random)
	if destination == nil || destination.wire == wireTCP {
		return local(request, http.StatusServiceUnavailable, textNoUpstream), nil
	}
	bodies, err := newBodies(request, route.retry)
	if err != nil {
		return nil, err
	}
	x := &exchange{mesh: e.mesh, route: route, destination: destination, request: request, bodies: bodies}
	return x.run()
}

// local is an answer of the mesh itself.
func local(request *http.Request, status int, text string) *http.Response {
	header := http.Header{"Server": {"envoy"}}
	if text != "" {
		header.Set("Content-Type", "text/plain")
	}
	return &http.Response{
		StatusCode:    status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        header,
		Body:          io.NopCloser(strings.NewReader(text)),
		ContentLength: int64(len(text)),
		Request:       request,
	}
}
