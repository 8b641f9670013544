package mesh_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/region"
	"serin/internal/sandbox/server"
)

// readAll reads an answer's body up to its end or its error.
func readAll(ctx context.Context, client *http.Client, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

// oneApp is a world with one app behind its route.
func oneApp(t *testing.T, handler http.HandlerFunc) *world {
	t.Helper()
	w := newWorld(t, region.Loopback{})
	w.service(appservice, types.PortProtocolHttp, 4567)
	w.node("yelb-appserver-a", types.PortProtocolHttp, 4567)
	_, ip := w.task("yelb-appserver-a")
	w.app(ip, 4567, handler)
	w.routes(appservice, httpRoute(target("yelb-appserver-a", 100)))
	return w
}

func TestARequestArrivesAsItWasSent(t *testing.T) {
	seen := make(chan *http.Request, 1)
	w := oneApp(t, func(_ http.ResponseWriter, r *http.Request) { seen <- r })
	do(t, w.client(), http.MethodPut, page+"a%2Fb?q=1;x&r", http.Header{
		"X-Forwarded-For": {"192.0.2.1"},
		"Connection":      {"X-Secret"},
		"X-Secret":        {"hop by hop"},
		"Keep-Alive":      {"timeout=5"},
		"X-Kept":          {"one", "two"},
	}, nil)
	got := <-seen
	if got.Method != http.MethodPut || got.RequestURI != "/a%2Fb?q=1;x&r" || got.Host != appservice+":4567" {
		t.Errorf("%s %s for %s", got.Method, got.RequestURI, got.Host)
	}
	if got.Header.Get("X-Forwarded-For") != "192.0.2.1" || len(got.Header["X-Kept"]) != 2 {
		t.Errorf("headers lost: %v", got.Header)
	}
	if got.Header.Get("X-Secret") != "" || got.Header.Get("Keep-Alive") != "" {
		t.Errorf("hop-by-hop headers were sent on: %v", got.Header)
	}
}

func TestAnswersStreamWithTheirTrailers(t *testing.T) {
	next := make(chan struct{})
	w := oneApp(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		for range 3 {
			_, _ = w.Write([]byte("part\n"))
			_ = http.NewResponseController(w).Flush()
			<-next
		}
		w.Header().Set("X-Sum", "15")
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := w.client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewReader(response.Body)
	for range 3 {
		// The app waits for this test between the parts: each must come through alone.
		if line, err := lines.ReadString('\n'); line != "part\n" {
			t.Fatalf("%q, %v", line, err)
		}
		next <- struct{}{}
	}
	if _, err := lines.ReadByte(); !errors.Is(err, io.EOF) {
		t.Fatalf("after the last part: %v", err)
	}
	if got := response.Trailer.Get("X-Sum"); got != "15" {
		t.Errorf("trailer %q, want 15", got)
	}
}

func TestLargeBodiesPassBothWays(t *testing.T) {
	w := oneApp(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<19)
	status, got := do(t, w.client(), http.MethodPost, page, nil, bytes.NewReader(sent))
	if status != http.StatusOK || got != string(sent) {
		t.Errorf("status %d with %d bytes, want %d", status, len(got), len(sent))
	}
}

func TestAClientThatGoesAwayEndsTheAppsRequest(t *testing.T) {
	arrived, ended := make(chan struct{}), make(chan struct{})
	w := oneApp(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		close(ended)
	})
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-arrived
		leave()
	}()
	if _, err := readAll(ctx, w.client(), page); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the client's own context", err)
	}
	<-ended
}

func TestAConnectionCanBeUpgraded(t *testing.T) {
	w := oneApp(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "echo")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.Copy(conn, both)
	})
	conn, err := w.mesh.Dial(t.Context(), appservice+":4567")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status %d, want 101", response.StatusCode)
	}
	_, _ = io.WriteString(conn, "hello\n")
	if line, err := reader.ReadString('\n'); line != "hello\n" {
		t.Errorf("echo %q, %v", line, err)
	}
}

func TestAVirtualServiceOfANodeGoesStraightToIt(t *testing.T) {
	w := newWorld(t, region.Loopback{})
	w.version("yelb-appserver-a")
	w.provide(appservice, "yelb-appserver-a")
	if status, text := get(t, w.client(), page); status != http.StatusOK || text != "yelb-appserver-a" {
		t.Errorf("%d %q", status, text)
	}
}

// grpc is a grpc virtual service with one app on HTTP/2 without TLS, and a route to
// the methods of votes.Votes that retries unavailable calls.
func (w *world) grpc(handler http.HandlerFunc) {
	w.tb.Helper()
	w.service(appservice, types.PortProtocolGrpc, 4567)
	w.node("yelb-appserver-a", types.PortProtocolGrpc, 4567)
	_, ip := w.task("yelb-appserver-a")
	w.serve(ip, 4567, func(l net.Listener) *server.Server { return server.H2C(l, handler) })
	w.routes(appservice, &types.RouteSpec{GrpcRoute: &types.GrpcRoute{
		Match: &types.GrpcRouteMatch{
			ServiceName: aws.String("votes.Votes"),
			Metadata: []types.GrpcRouteMetadata{{
				Name: aws.String("x-blocked"), Invert: aws.Bool(true),
			}},
		},
		Action: &types.GrpcRouteAction{WeightedTargets: []types.WeightedTarget{target("yelb-appserver-a", 100)}},
		RetryPolicy: &types.GrpcRetryPolicy{
			MaxRetries:      aws.Int64(1),
			PerRetryTimeout: &types.Duration{Unit: types.DurationUnitS, Value: aws.Int64(2)},
			GrpcRetryEvents: []types.GrpcRetryPolicyEvent{types.GrpcRetryPolicyEventUnavailable},
		},
	}})
}

// answer is what a gRPC-like call brought.
type answer struct {
	status          int
	header, trailer http.Header
}

// call performs a gRPC-like call over HTTP/2 without TLS.
func (w *world) call(t *testing.T, method string, header http.Header) answer {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols, DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
		return w.mesh.Dial(ctx, address)
	}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+appservice+":4567"+method, strings.NewReader("message"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"Te": {"trailers"}, "Content-Type": {"application/grpc"}}
	maps.Copy(request.Header, header)
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return answer{status: response.StatusCode, header: response.Header, trailer: response.Trailer}
}

func TestGRPCPassesWithItsTrailersAndMatchesItsRoute(t *testing.T) {
	w := newWorld(t, region.Loopback{})
	w.grpc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "Grpc-Status")
		w.Header().Set("X-Proto", r.Proto+" "+r.Header.Get("Te"))
		_, _ = w.Write(text)
		w.Header().Set("Grpc-Status", "0")
	})
	got := w.call(t, "/votes.Votes/Cast", nil)
	if got.trailer.Get("Grpc-Status") != "0" || got.header.Get("X-Proto") != "HTTP/2.0 trailers" {
		t.Errorf("trailer %v, header %v", got.trailer, got.header)
	}
	for name, missed := range map[string]answer{
		"another service": w.call(t, "/other.Votes/Cast", nil),
		"metadata":        w.call(t, "/votes.Votes/Cast", http.Header{"X-Blocked": {"1"}}),
	} {
		if missed.status != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", name, missed.status)
		}
	}
}
