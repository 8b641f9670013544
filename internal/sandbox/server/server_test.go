package server_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"serin/internal/sandbox/pipenet"
	"serin/internal/sandbox/region"
	"serin/internal/sandbox/server"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func listen(t *testing.T, network region.Network) net.Listener {
	t.Helper()
	listener, err := network.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func dial(t *testing.T, network region.Network, address string) net.Conn {
	t.Helper()
	conn, err := network.Dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestCloseEndsRequestsAndWaitsForTheirHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := pipenet.New()
		var ended atomic.Bool
		s := server.HTTP(listen(t, network), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			time.Sleep(3 * time.Second)
			ended.Store(true)
		}))
		conn := dial(t, network, s.Address())
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		synctest.Wait()
		start := time.Now()
		s.Close()
		if took := time.Since(start); !ended.Load() || took != 3*time.Second {
			t.Errorf("Close returned after %v, the handler had ended: %t", took, ended.Load())
		}
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("the connection is still open")
		}
		if _, err := network.Dial(t.Context(), s.Address()); err == nil {
			t.Error("the listener is still open")
		}
		s.Close()
	})
}

func TestCloseEndsConnectionsAndWaitsForThem(t *testing.T) {
	for name, network := range map[string]region.Network{"pipes": pipenet.New(), "loopback": region.Loopback{}} {
		t.Run(name, func(t *testing.T) {
			var served, ended atomic.Int64
			arrived := make(chan struct{}, 5)
			s := server.TCP(listen(t, network), func(_ context.Context, conn net.Conn) {
				served.Add(1)
				arrived <- struct{}{}
				_, _ = io.Copy(conn, conn)
				ended.Add(1)
			})
			for range 5 {
				dial(t, network, s.Address())
				<-arrived
			}
			s.Close()
			if served.Load() != 5 || ended.Load() != 5 {
				t.Errorf("%d connections were served and %d have ended, want 5 and 5", served.Load(), ended.Load())
			}
			s.Close()
		})
	}
}

func TestAConnectionIsClosedWhenItsServingReturns(t *testing.T) {
	network := region.Loopback{}
	s := server.TCP(listen(t, network), func(_ context.Context, conn net.Conn) { _, _ = io.WriteString(conn, "bye") })
	defer s.Close()
	text, err := io.ReadAll(dial(t, network, s.Address()))
	if string(text) != "bye" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}

// stubborn is a listener whose first accepts fail.
type stubborn struct {
	net.Listener
	failures atomic.Int64
}

func (s *stubborn) Accept() (net.Conn, error) {
	if s.failures.Add(-1) >= 0 {
		return nil, errors.New("too many open files")
	}
	return s.Listener.Accept()
}

func TestAFailedAcceptIsNotTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := pipenet.New()
		listener := &stubborn{Listener: listen(t, network)}
		listener.failures.Store(3)
		s := server.TCP(listener, func(_ context.Context, conn net.Conn) { _, _ = io.WriteString(conn, "well") })
		defer s.Close()
		text, err := io.ReadAll(dial(t, network, s.Address()))
		if string(text) != "well" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
	})
}

func TestH2CSpeaksHTTP2WithoutTLS(t *testing.T) {
	network := region.Loopback{}
	s := server.H2C(listen(t, network), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	}))
	defer s.Close()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Address(), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if text, err := io.ReadAll(response.Body); string(text) != "HTTP/2.0" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}
