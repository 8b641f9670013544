package mesh_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/mesh"
	"serin/internal/sandbox/pipenet"
	"serin/internal/sandbox/region"
	"serin/internal/sandbox/server"
)

// retried is a route to one node with a retry policy of at most two retries.
func retried(node string, events ...string) *types.RouteSpec {
	policy := &types.HttpRetryPolicy{
		MaxRetries:      aws.Int64(2),
		PerRetryTimeout: &types.Duration{Unit: types.DurationUnitMs, Value: aws.Int64(2000)},
	}
	for _, event := range events {
		if event == "connection-error" {
			policy.TcpRetryEvents = append(policy.TcpRetryEvents, types.TcpRetryPolicyEventConnectionError)
		} else {
			policy.HttpRetryEvents = append(policy.HttpRetryEvents, event)
		}
	}
	spec := httpRoute(target(node, 100))
	spec.HttpRoute.RetryPolicy = policy
	return spec
}

// failing answers with a status for a number of requests and then with 200.
type failing struct {
	status int
	times  int64
	seen   atomic.Int64
}

func (f *failing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	if f.seen.Add(1) <= f.times {
		w.WriteHeader(f.status)
		return
	}
	_, _ = w.Write(text)
}

func TestRetryEventsAndTheirStatuses(t *testing.T) {
	cases := map[string]struct {
		event         string
		status        int
		times         int64
		want          int
		wantedRequest int64
	}{
		"server error":                        {"server-error", 500, 2, 200, 3},
		"server error with insufficient room": {"server-error", 507, 1, 200, 2},
		"server error is not 509":             {"server-error", 509, 1, 509, 1},
		"two retries at most":                 {"server-error", 500, 3, 500, 3},
		"gateway error":                       {"gateway-error", 502, 1, 200, 2},
		"gateway error is not 500":            {"gateway-error", 500, 1, 500, 1},
		"client error is 409":                 {"client-error", 409, 1, 200, 2},
		"client error is not 404":             {"client-error", 404, 1, 404, 1},
		"no event for it":                     {"connection-error", 503, 1, 503, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, pipenet.New())
				w.service(appservice, types.PortProtocolHttp, 4567)
				w.node("yelb-appserver-a", types.PortProtocolHttp, 4567)
				_, ip := w.task("yelb-appserver-a")
				app := &failing{status: c.status, times: c.times}
				w.app(ip, 4567, app)
				w.routes(appservice, retried("yelb-appserver-a", c.event))
				scrapes(1)
				if status, _ := get(t, w.client(), page); status != c.want {
					t.Errorf("status %d, want %d", status, c.want)
				}
				if got := app.seen.Load(); got != c.wantedRequest {
					t.Errorf("the app saw %d requests, want %d", got, c.wantedRequest)
				}
			})
		})
	}
}

func TestEveryTryIsCountedAtTheIngress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pipenet.New())
		w.service(appservice, types.PortProtocolHttp, 4567)
		w.node("yelb-appserver-a", types.PortProtocolHttp, 4567)
		_, ip := w.task("yelb-appserver-a")
		w.app(ip, 4567, &failing{status: 500, times: 2})
		w.routes(appservice, retried("yelb-appserver-a", "server-error"))
		scrapes(1)
		get(t, w.client(), page)
		scrapes(1)
		for class, want := range map[string]float64{"2": 1, "5": 2} {
			got, _ := w.recorded.of(metric, classDimensions("yelb-appserver", "yelb-appserver-a", class))
			if got != want {
				t.Errorf("class %s: %v, want %v", class, got, want)
			}
		}
	})
}

func TestRetriesStayOnTheChosenTargetAndTurnToItsOtherTasks(t *testing.T) {
	var draws atomic.Int64
	w := newWorld(t, region.Loopback{}, mesh.WithRandom(func(n int) int {
		if n == 100 {
			draws.Add(1)
		}
		return 0
	}))
	w.service(appservice, types.PortProtocolHttp, 4567)
	w.node("yelb-appserver-a", types.PortProtocolHttp, 4567)
	w.task("yelb-appserver-a")
	_, second := w.task("yelb-appserver-a")
	w.app(second, 4567, says("second task of a"))
	w.version("yelb-appserver-b")
	spec := retried("yelb-appserver-a", "gateway-error")
	spec.HttpRoute.Action.WeightedTargets = []types.WeightedTarget{
		target("yelb-appserver-a", 50), target("yelb-appserver-b", 50),
	}
	w.routes(appservice, spec)
	if status, text := get(t, w.client(), page); status != http.StatusOK || text != "second task of a" {
		t.Errorf("%d %q, want the second task's answer", status, text)
	}
	if got := draws.Load(); got != 1 {
		t.Errorf("the target was drawn %d times, want once", got)
	}
}

func TestConnectionErrorIsRetried(t *testing.T) {
	w := newWorld(t, region.Loopback{})
	w.service(appservice, types.PortProtocolHttp, 4567)
	w.node("yelb-appserver-a", types.PortProtocolHttp, 4567)
	_, first := w.task("yelb-appserver-a")
	_, second := w.task("yelb-appserver-a")
	w.app(first, 4567, says("first"))
	w.stop(first, 4567)
	w.app(second, 4567, says("second"))
	w.routes(appservice, retried("yelb-appserver-a", "connection-error"))
	client := w.client()
	for range 4 {
		if status, text := get(t, client, page); status != http.StatusOK || text != "second" {
			t.Errorf("%d %q, want the second task's answer", status, text)
		}
	}
}

func TestATryThatTakesTooLongIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pipenet.New())
		w.service(appservice, types.PortProtocolHttp, 4567)
		w.node("yelb-appserver-a", types.PortProtocolHttp, 4567)
		_, ip := w.task("yelb-appserver-a")
		var seen atomic.Int64
		w.app(ip, 4567, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if seen.Add(1) == 1 {
				<-r.Context().Done()
				return
			}
			// The answer's body may take longer than a try.
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			time.Sleep(5 * time.Second)
			_, _ = w.Write([]byte("late but whole"))
		}))
		w.routes(appservice, retried("yelb-appserver-a", "gateway-error"))
		start := time.Now()
		status, text := get(t, w.client(), page)
		if status != http.StatusOK || text != "late but whole" {
			t.Errorf("%d %q", status, text)
		}
		// One try of 2 s, a pause below 25 ms, and the answer's 5 s.
		if took := time.Since(start); took < 7*time.Second || took > 7025*time.Millisecond {
			t.Errorf("it took %v", took)
		}
	})
}

func TestAllTriesTogetherAreBoundedByTheRequestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pipenet.New())
		w.service(appservice, types.PortProtocolHttp, 4567)
		w.node("yelb-appserver-a", types.PortProtocolHttp, 4567)
		_, ip := w.task("yelb-appserver-a")
		var seen atomic.Int64
		w.app(ip, 4567, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			seen.Add(1)
			<-r.Context().Done()
		}))
		spec := retried("yelb-appserver-a", "server-error")
		spec.HttpRoute.Timeout = &types.HttpTimeout{PerRequest: &types.Duration{Unit: types.DurationUnitS, Value: aws.Int64(3)}}
		w.routes(appservice, spec)
		start := time.Now()
		status, _ := get(t, w.client(), page)
		if took := time.Since(start); status != http.StatusGatewayTimeout || took != 3*time.Second {
			t.Errorf("status %d after %v, want 504 after 3s", status, took)
		}
		if got := seen.Load(); got != 2 {
			t.Errorf("the app saw %d tries, want 2", got)
		}
	})
}

func TestABrokenConnectionIsA503OfTheNodeAndIsRetried(t *testing.T) {
	w := newWorld(t, region.Loopback{})
	w.service(appservice, types.PortProtocolHttp, 4567)
	w.node("yelb-appserver-a", types.PortProtocolHttp, 4567)
	_, first := w.task("yelb-appserver-a")
	_, second := w.task("yelb-appserver-a")
	w.serve(first, 4567, func(l net.Listener) *server.Server {
		return server.TCP(l, func(_ context.Context, conn net.Conn) { _, _ = conn.Read(make([]byte, 1)) })
	})
	w.app(second, 4567, says("second"))
	w.routes(appservice, retried("yelb-appserver-a", "gateway-error"))
	client := w.client()
	if status, text := do(t, client, http.MethodPost, page, nil, nil); status != http.StatusOK || text != "second" {
		t.Errorf("with retries: %d %q", status, text)
	}
	w.routes(appservice, httpRoute(target("yelb-appserver-a", 100)))
	if status, text := do(t, client, http.MethodPost, page, nil, nil); status != http.StatusServiceUnavailable || !strings.Contains(text, "reset before headers") {
		t.Errorf("without retries: %d %q", status, text)
	}
}

func TestBodiesAreSentAgainWhenTheyCanBe(t *testing.T) {
	cases := map[string]struct {
		size int
		// unsized hides the length, as a chunked upload does.
		unsized bool
		want    int
		tries   int64
	}{
		"short":             {size: 100, want: 200, tries: 2},
		"as long as kept":   {size: 1 << 20, want: 200, tries: 2},
		"too long":          {size: 1<<20 + 1, want: 500, tries: 1},
		"of unknown length": {size: 100, unsized: true, want: 500, tries: 1},
	}
	w := newWorld(t, region.Loopback{})
	w.service(appservice, types.PortProtocolHttp, 4567)
	w.node("yelb-appserver-a", types.PortProtocolHttp, 4567)
	_, ip := w.task("yelb-appserver-a")
	w.routes(appservice, retried("yelb-appserver-a", "server-error"))
	client := w.client()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			app := &failing{status: 500, times: 1}
			w.app(ip, 4567, app)
			sent := bytes.Repeat([]byte("x"), c.size)
			var body io.Reader = bytes.NewReader(sent)
			if c.unsized {
				body = io.MultiReader(body)
			}
			status, text := do(t, client, http.MethodPost, page, nil, body)
			if status != c.want || app.seen.Load() != c.tries {
				t.Errorf("status %d after %d tries, want %d after %d", status, app.seen.Load(), c.want, c.tries)
			}
			if c.want == http.StatusOK && text != string(sent) {
				t.Errorf("the second try brought %d bytes, want %d", len(text), c.size)
			}
			w.stop(ip, 4567)
		})
	}
}

func TestGRPCRetriesByItsStatus(t *testing.T) {
	w := newWorld(t, region.Loopback{})
	var seen atomic.Int64
	w.grpc(func(w http.ResponseWriter, _ *http.Request) {
		if seen.Add(1) == 1 {
			w.Header().Set("Grpc-Status", "14")
			return
		}
		w.Header().Set("Grpc-Status", "0")
	})
	got := w.call(t, "/votes.Votes/Cast", nil)
	if got.header.Get("Grpc-Status") != "0" || seen.Load() != 2 {
		t.Errorf("grpc-status %q after %d tries, want 0 after 2", got.header.Get("Grpc-Status"), seen.Load())
	}
}
