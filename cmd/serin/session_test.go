package main

import (
	"bytes"
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"serin/internal/console"
	"serin/internal/engine"
	"serin/internal/journal"
)

// TestARolloutThatIsLeftOpenIsTold: who interrupts twice is told what is left behind.
func TestARolloutThatIsLeftOpenIsTold(t *testing.T) {
	key := engine.Key{Account: "1", Region: "us-west-2", Environment: "blog", Service: "app"}
	driver, log := engine.Driver{Actor: "kim"}, &readOnce{Memory: journal.NewMemory()}
	host := console.New(console.Options{Journal: log, Where: key, Driver: driver})
	lease, err := log.Begin(t.Context(), "r1", driver, engine.Event{Seq: 1, Actor: "kim", Body: &engine.Started{
		ID: "r1", Key: key, Canary: engine.Version{Sha: "9bd0417e"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Drive(t.Context(), lease, ""); err != nil {
		t.Fatal(err)
	}
	host.Close()
	var out bytes.Buffer
	again := (&consoleFlags{environment: "blog"}).takeover
	(&session{program: &program{out: &out}, host: host, again: again}).summarise()
	if told := out.String(); !strings.HasPrefix(told, "app 9bd0417e was left open") || !strings.HasSuffix(told, "; go on with: serin takeover app --env blog\n") {
		t.Errorf("told %q", told)
	}
	if left, err := log.Lease(t.Context(), "r1"); err != nil || !left.Free {
		t.Errorf("%+v, %v", left, err)
	}
}

// readOnce is a journal that hangs when the events of a rollout are read again: its driver
// does not get to work.
type readOnce struct {
	*journal.Memory
	read atomic.Bool
}

func (r *readOnce) Events(ctx context.Context, id string, after int64) ([]engine.Event, error) {
	if r.read.Swap(true) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return r.Memory.Events(ctx, id, after)
}
