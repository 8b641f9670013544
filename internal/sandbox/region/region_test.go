package region

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

func TestARNs(t *testing.T) {
	r := Region{Account: "123456789012", Name: "us-west-2"}
	if got := r.ARN("ecs", "cluster/blue"); got != "arn:aws:ecs:us-west-2:123456789012:cluster/blue" {
		t.Errorf("got %s", got)
	}
	if got := r.GlobalARN("iam", "role/task"); got != "arn:aws:iam::123456789012:role/task" {
		t.Errorf("got %s", got)
	}
}

func TestCopiesOfAPaceChangeTogether(t *testing.T) {
	pace := At(0)
	r := Region{Pace: pace}
	if got := r.Pace.Scale(time.Minute); got != 0 {
		t.Errorf("at pace 0: %v", got)
	}
	pace.Set(0.05)
	if got := r.Pace.Scale(time.Minute); got != 3*time.Second {
		t.Errorf("at pace 0.05: %v", got)
	}
	if got := (Region{}).Pace.Scale(time.Minute); got != 0 {
		t.Errorf("the zero pace: %v", got)
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := At(0.5).Wait(t.Context(), time.Minute); err != nil || time.Since(began) != 30*time.Second {
			t.Errorf("waited %v, %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := At(1).Wait(ctx, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if err := (Pace{}).Wait(ctx, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without a wait, of an ended context: %v", err)
		}
	})
}

func TestLoopback(t *testing.T) {
	listener, err := Loopback{}.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			_, _ = conn.Write([]byte("hello"))
			_ = conn.Close()
		}
	}()
	conn, err := Loopback{}.Dial(t.Context(), listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v", got, err)
	}
	_ = conn.Close()
}
