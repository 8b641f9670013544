// Package server holds the servers of the sandbox's data plane: each serves one
// listener, and when Close returns, its listener, its connections and its goroutines
// are gone. net/http's own Close does not wait for handlers, which is why a task that
// has stopped could otherwise still answer.
//
// It imports the standard library only; every other package below internal/sandbox
// may import it.
package server

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// headerTimeout bounds how long a client may take to send its request's header,
	// so that clients that went silent do not pile up.
	headerTimeout = 10 * time.Second
	// acceptPause is waited for after a failed accept, such as one for want of file
	// descriptors, so that the loop does not spin.
	acceptPause = 5 * time.Millisecond
)

// Server serves one listener until it is closed. Its methods are safe for concurrent
// use.
type Server struct {
	listener net.Listener
	cancel   context.CancelFunc
	shut     func()
	running  sync.WaitGroup
	once     sync.Once
}

// HTTP serves HTTP/1.1 on a listener. The context of every request ends when the
// server is closed.
func HTTP(listener net.Listener, handler http.Handler) *Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return serveHTTP(listener, handler, protocols)
}

// H2C serves HTTP/1.1 and HTTP/2 without TLS and with prior knowledge on a listener,
// as gRPC without TLS needs it.
func H2C(listener net.Listener, handler http.Handler) *Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return serveHTTP(listener, handler, protocols)
}

func serveHTTP(listener net.Listener, handler http.Handler, protocols *http.Protocols) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{listener: listener, cancel: cancel}
	web := &http.Server{
		Handler:           handler,
		Protocols:         protocols,
		ReadHeaderTimeout: headerTimeout,
		ErrorLog:          log.New(io.Discard, "", 0),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnState:         s.count,
	}
	s.shut = func() { _ = web.Close() }
	s.running.Go(func() { _ = web.Serve(listener) })
	return s
}

// count keeps Close waiting for the goroutine of every connection. net/http reports a
// connection as new in the goroutine of Serve, which is itself counted, and as closed
// after its last handler has returned.
func (s *Server) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.running.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.running.Done()
	default:
	}
}

// TCP calls serve for every connection of a listener, each in a goroutine of its own,
// and closes the connection when serve returns. The context ends when the server is
// closed; the connection is closed then too.
func TCP(listener net.Listener, serve func(ctx context.Context, conn net.Conn)) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	open := &connections{members: map[net.Conn]struct{}{}}
	s := &Server{listener: listener, cancel: cancel, shut: open.close}
	s.running.Go(func() {
		for {
			conn, err := accept(ctx, listener)
			if err != nil {
				return
			}
			s.running.Go(func() {
				defer open.remove(conn)
				if open.add(conn) {
					serve(ctx, conn)
				}
			})
		}
	})
	return s
}

// accept is the next connection, or an error once the listener is closed.
func accept(ctx context.Context, listener net.Listener) (net.Conn, error) {
	for {
		conn, err := listener.Accept()
		if err == nil || errors.Is(err, net.ErrClosed) {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(acceptPause):
		}
	}
}

// Address is the address that the server listens on.
func (s *Server) Address() string {
	return s.listener.Addr().String()
}

// Close closes the listener and every connection, and returns when every goroutine of
// the server has ended. Closing twice is harmless. A handler must not close its own
// server.
func (s *Server) Close() {
	s.once.Do(func() {
		s.cancel()
		_ = s.listener.Close()
		s.shut()
	})
	s.running.Wait()
}

// connections is a set of open connections that can be closed for good.
type connections struct {
	mu      sync.Mutex
	closed  bool
	members map[net.Conn]struct{}
}

// add reports whether the connection may be served.
func (c *connections) add(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.members[conn] = struct{}{}
	}
	return !c.closed
}

func (c *connections) remove(conn net.Conn) {
	_ = conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.members, conn)
}

func (c *connections) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for conn := range c.members {
		_ = conn.Close()
	}
}
