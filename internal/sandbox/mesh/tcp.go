package mesh

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// relay carries one connection of a front to the target that is chosen for it. A
// connection that cannot be carried is closed, as Envoy does it: the caller has
// connected by then.
func (m *Mesh) relay(ctx context.Context, key frontKey, conn net.Conn) {
	front, ok := m.current().fronts[key]
	if !ok || len(front.routes) == 0 {
		return
	}
	route := front.routes[0]
	destination := route.choose(m.random)
	if destination == nil {
		return
	}
	end, ok := m.endpoint(destination)
	if !ok {
		return
	}
	end.task.connections.Add(1)
	if end.address == "" {
		return
	}
	upstream, err := m.network.Dial(ctx, end.address)
	if err != nil {
		return
	}
	defer func() { _ = upstream.Close() }()
	splice(conn, upstream, route.idle)
}

// splice copies both ways until both ends are done, one breaks, or neither has sent
// anything for the idle time; 0 is no bound. It closes both.
func splice(a, b net.Conn, idle time.Duration) {
	s := &spliced{idle: idle}
	s.touch()
	var both sync.WaitGroup
	carry := func(to, from net.Conn) {
		if s.copy(to, from) == nil && closeWrite(to) {
			return
		}
		_ = a.Close()
		_ = b.Close()
	}
	both.Go(func() { carry(a, b) })
	both.Go(func() { carry(b, a) })
	both.Wait()
	_ = a.Close()
	_ = b.Close()
}

// closeWrite tells a peer that nothing more comes, and reports false when the
// connection cannot say so.
func closeWrite(conn net.Conn) bool {
	half, ok := conn.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}

// spliced is a pair of connections and when something last passed between them.
type spliced struct {
	idle time.Duration
	last atomic.Int64
}

func (s *spliced) touch() { s.last.Store(time.Now().UnixNano()) }

// expires is when the pair has been idle for too long.
func (s *spliced) expires() time.Time {
	return time.Unix(0, s.last.Load()).Add(s.idle)
}

// copy copies one way until the end; its error is nil when from was closed in order.
func (s *spliced) copy(to, from net.Conn) error {
	if s.idle <= 0 {
		_, err := io.Copy(to, from)
		return err
	}
	buffer := make([]byte, copyBuffer)
	for {
		if err := from.SetReadDeadline(s.expires()); err != nil {
			return err
		}
		n, err := from.Read(buffer)
		if n > 0 {
			s.touch()
			if _, failed := to.Write(buffer[:n]); failed != nil {
				return failed
			}
			s.touch()
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(s.expires()):
			// The other way was busy meanwhile.
		default:
			return err
		}
	}
}
