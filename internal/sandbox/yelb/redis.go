package yelb

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/alicebob/miniredis/v2"

	"serin/internal/sandbox/server"
)

// startRedis starts a Redis server whose data live as long as the container.
func startRedis(ctx context.Context, p *process) error {
	redis := miniredis.NewMiniRedis()
	// miniredis starts without a listener of its own when it is first dialled.
	first, err := redis.Dial()
	if err != nil {
		return fmt.Errorf("start redis: %w", err)
	}
	_ = first.Close()
	p.atExit(redis.Close)
	return p.listen(ctx, redisPort, func(l net.Listener) *server.Server {
		return server.TCP(l, func(_ context.Context, conn net.Conn) {
			near, err := redis.Dial()
			if err != nil {
				return
			}
			join(conn, near)
		})
	})
}

// command sends one command over a new connection, which it closes, and returns the
// reply: the text of a simple string, an integer or a bulk string (Redis serialization
// protocol, version 2).
func command(ctx context.Context, conn net.Conn, words ...string) (string, error) {
	var reply string
	err := converse(ctx, conn, func(r *bufio.Reader) error {
		var request strings.Builder
		_, _ = fmt.Fprintf(&request, "*%d\r\n", len(words))
		for _, word := range words {
			_, _ = fmt.Fprintf(&request, "$%d\r\n%s\r\n", len(word), word)
		}
		if _, err := io.WriteString(conn, request.String()); err != nil {
			return err
		}
		var err error
		reply, err = readReply(r)
		return err
	})
	return reply, err
}

func readReply(r *bufio.Reader) (string, error) {
	line, err := readLine(r)
	switch {
	case err != nil:
		return "", err
	case strings.HasPrefix(line, "+"), strings.HasPrefix(line, ":"):
		return line[1:], nil
	case strings.HasPrefix(line, "$-"):
		return "", nil
	case strings.HasPrefix(line, "$"):
		return readLine(r)
	case strings.HasPrefix(line, "-"):
		return "", errors.New(line[1:])
	default:
		return "", fmt.Errorf("a reply that is not understood: %q", line)
	}
}

func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

// increment adds one to a key over a new connection, which it closes.
func increment(ctx context.Context, conn net.Conn, key string) (int64, error) {
	reply, err := command(ctx, conn, "INCR", key)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(reply, 10, 64)
}

// join copies both ways between two connections until one of them ends, and closes
// both.
func join(a, b net.Conn) {
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(a, b)
		_ = a.Close()
		_ = b.Close()
	})
	_, _ = io.Copy(b, a)
	_ = a.Close()
	_ = b.Close()
	back.Wait()
}
