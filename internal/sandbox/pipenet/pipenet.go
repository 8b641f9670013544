// Package pipenet is a region.Network of in-memory pipes, for tests in virtual time:
// a goroutine that waits for a pipe is idle in the sense of testing/synctest, one that
// waits for a socket is not.
//
// It imports the standard library and serin/internal/sandbox/region only.
package pipenet

import (
	"context"
	"fmt"
	"net"
	"sync"
	"syscall"

	"serin/internal/sandbox/region"
)

// Network is a network of its own: its addresses mean nothing elsewhere. It is safe
// for concurrent use.
type Network struct {
	mu        sync.Mutex
	next      int
	listeners map[string]*listener
}

var _ region.Network = (*Network)(nil)

// New makes an empty network.
func New() *Network {
	return &Network{listeners: map[string]*listener{}}
}

// Listen opens a listener on the next free port.
func (n *Network) Listen(ctx context.Context) (net.Listener, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next++
	l := &listener{
		network: n,
		address: address(fmt.Sprintf("pipe.test:%d", n.next)),
		arrived: make(chan net.Conn),
		closed:  make(chan struct{}),
	}
	n.listeners[string(l.address)] = l
	return l, nil
}

// Dial connects to a listener and returns when the connection is accepted. Without a
// listener the error is syscall.ECONNREFUSED, as it is on a real network.
func (n *Network) Dial(ctx context.Context, to string) (net.Conn, error) {
	n.mu.Lock()
	l, ok := n.listeners[to]
	n.mu.Unlock()
	if !ok {
		return nil, refused(to)
	}
	near, far := net.Pipe()
	select {
	case l.arrived <- far:
		return near, nil
	case <-l.closed:
		return nil, refused(to)
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "pipe", Addr: address(to), Err: ctx.Err()}
	}
}

func refused(to string) error {
	return &net.OpError{Op: "dial", Net: "pipe", Addr: address(to), Err: syscall.ECONNREFUSED}
}

type listener struct {
	network *Network
	address address
	arrived chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

// Accept returns the next connection.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.arrived:
		return conn, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: "pipe", Addr: l.address, Err: net.ErrClosed}
	}
}

// Close makes every present and later Accept and Dial fail.
func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.network.mu.Lock()
		defer l.network.mu.Unlock()
		delete(l.network.listeners, string(l.address))
	})
	return nil
}

// Addr is the address to dial.
func (l *listener) Addr() net.Addr { return l.address }

// address is an address of this network, host:port like any other.
type address string

// Network is the name of the network.
func (address) Network() string { return "pipe" }

// String is what Dial takes.
func (a address) String() string { return string(a) }
