package yelb_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"serin/internal/sandbox/ecs"
	"serin/internal/sandbox/region"
	"serin/internal/sandbox/yelb"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// town is a runtime and a network in which the name of a microservice reaches the
// container that was started last for it.
type town struct {
	t       *testing.T
	network region.Network
	runtime *yelb.Runtime

	mu     sync.Mutex
	homes  map[string]ecs.Process
	dialed []string
}

func newTown(t *testing.T, network region.Network, options ...yelb.Option) *town {
	t.Helper()
	w := &town{t: t, network: network, homes: map[string]ecs.Process{}}
	w.runtime = yelb.NewRuntime(region.Region{Network: network}, w.dial, options...)
	t.Cleanup(w.runtime.Close)
	return w
}

func (w *town) dial(ctx context.Context, hostport string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, err
	}
	service, _, _ := strings.Cut(host, ".")
	w.mu.Lock()
	w.dialed = append(w.dialed, hostport)
	home, ok := w.homes[service]
	w.mu.Unlock()
	number, _ := strconv.Atoi(port)
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	address, _ := home.Address(number)
	return w.network.Dial(ctx, address)
}

// start starts an image; its name's first part is the microservice.
func (w *town) start(image string) ecs.Process {
	w.t.Helper()
	return w.startWith(ecs.Container{Image: image, Hostname: "ip-10-0-0-1.us-west-2.compute.internal"})
}

func (w *town) startWith(c ecs.Container) ecs.Process {
	w.t.Helper()
	process, err := w.runtime.Start(w.t.Context(), c)
	if err != nil {
		w.t.Fatal(err)
	}
	service, _, _ := strings.Cut(c.Image, ":")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.homes[service] = process
	return process
}

// whole starts all of Yelb with one version of the appserver.
func (w *town) whole(appserver string) {
	w.t.Helper()
	for _, image := range []string{"yelb-db:1", "yelb-redisserver:1", appserver, "yelb-ui:1"} {
		w.start(image)
	}
}

// answer is what a request brought.
type answer struct {
	status int
	text   string
	header http.Header
}

func (w *town) get(service string, port int, path string) answer {
	w.t.Helper()
	return w.send(http.MethodGet, service, port, path)
}

func (w *town) send(method, service string, port int, path string) answer {
	w.t.Helper()
	a, err := w.try(method, service, port, path)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *town) try(method, service string, port int, path string) (answer, error) {
	target := "http://" + net.JoinHostPort(service+".yelb.local", strconv.Itoa(port)) + path
	request, err := http.NewRequestWithContext(w.t.Context(), method, target, nil)
	if err != nil {
		return answer{}, err
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, address string) (net.Conn, error) { return w.dial(ctx, address) },
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, text: string(text), header: response.Header}, err
}
