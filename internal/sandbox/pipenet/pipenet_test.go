package pipenet_test

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/sandbox/pipenet"
)

func TestDialReachesTheListenerOfItsAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := pipenet.New()
		for range 2 {
			listener, err := network.Listen(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = listener.Close() }()
			go func() {
				conn, err := listener.Accept()
				if err == nil {
					_, _ = conn.Write([]byte(listener.Addr().String()))
					_ = conn.Close()
				}
			}()
			conn, err := network.Dial(t.Context(), listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 64)
			n, err := conn.Read(got)
			if string(got[:n]) != listener.Addr().String() || err != nil {
				t.Errorf("reached %q, %v; want %s", got[:n], err, listener.Addr())
			}
			_ = conn.Close()
		}
	})
}

func TestAClosedListenerRefuses(t *testing.T) {
	network := pipenet.New()
	listener, err := network.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	_ = listener.Close()
	if _, err := network.Dial(t.Context(), listener.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial: %v, want connection refused", err)
	}
	if _, err := listener.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept: %v, want closed", err)
	}
}

func TestADialThatNobodyAcceptsEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := pipenet.New()
		listener, err := network.Listen(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := network.Dial(ctx, listener.Addr().String()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("dial: %v, want the context's error", err)
		}
	})
}
