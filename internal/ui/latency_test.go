package ui

import (
	"context"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"serin/internal/engine"
	"serin/internal/ui/scene"
)

// BenchmarkRollBack is the time from the key r, and enter, to the command being posted,
// while the terminal takes nothing and a newer scene comes every 10 ms. The budget is 50 ms
// at p99 to the router's request leaving; what follows the posting is the engine's.
func BenchmarkRollBack(b *testing.B) {
	h := hostOf(rolling("yelb-appserver", engine.Holding))
	took := make(chan struct{})
	h.onPost = func(posted) { took <- struct{}{} }
	in, keys := io.Pipe()
	out := &tape{}
	ctx, leave := context.WithCancel(b.Context())
	ended, drawn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	go func() {
		defer close(ended)
		options := Options{
			Host: h, Input: in, Output: out, Environment: []string{"TERM=xterm-256color", "SSH_TTY=x"},
			Drawn: func(string) { once.Do(func() { close(drawn) }) },
		}
		if _, err := run(ctx, options, newTerminal(options.Output, patience), tea.WithWindowSize(200, 60)); err != nil {
			b.Error(err)
		}
	}()
	<-drawn
	out.hang()
	feeding, stop := context.WithCancel(ctx)
	fed := make(chan struct{})
	go feed(feeding, h, fed)

	var waits []time.Duration
	for b.Loop() {
		began := time.Now()
		for _, key := range []string{"r", "\r"} {
			if _, err := keys.Write([]byte(key)); err != nil {
				b.Fatal(err)
			}
		}
		<-took
		waits = append(waits, time.Since(began))
		<-time.After(2 * pasteQuiet) // sooner, no hand presses the next
	}
	stop()
	<-fed
	out.goOn()
	leave()
	keys.Close()
	<-ended
	tell(b, waits)
}

// feed shows newer scenes until the context ends.
func feed(ctx context.Context, h *host, fed chan<- struct{}) {
	defer close(fed)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for seq := int64(10); ; seq++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			h.show(rolling("yelb-appserver", engine.Holding, func(r *scene.Rollout) { r.Rollout.Seq = seq }))
		}
	}
}

// tell reports a distribution.
func tell(b *testing.B, waits []time.Duration) {
	b.Helper()
	slices.Sort(waits)
	for name, share := range map[string]float64{"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999, "max": 1} {
		at := min(int(share*float64(len(waits))), len(waits)-1)
		b.ReportMetric(float64(waits[at].Microseconds())/1000, name+"-ms")
	}
}
