package soak

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// What a process at rest varies by, without growing. The heap has in it the metrics of
// the last three hours by the second, which a short soak has yet to fill.
const (
	heapSlack      = 12 << 20
	goroutineSlack = 20
	fileSlack      = 16
)

// footprint is what the process takes at one moment.
type footprint struct {
	rollouts, goroutines int
	// heap is what is reachable, after a collection.
	heap uint64
	// files are the open file descriptors; -1 where the system does not tell.
	files int
	// journal is the size of the database and what belongs to it.
	journal int64
}

func (s *soak) measure(t *testing.T) footprint {
	t.Helper()
	// What a finalizer frees is gone after the second.
	runtime.GC()
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	f := footprint{rollouts: s.rollouts, goroutines: runtime.NumGoroutine(), heap: memory.HeapAlloc, files: -1}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		f.files = len(open)
	}
	parts, err := filepath.Glob(s.file + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		if info, err := os.Stat(part); err == nil {
			f.journal += info.Size()
		}
	}
	return f
}

// calm waits until the connections that were kept for visitors are closed: they are
// after a minute without one.
func (s *soak) calm(t *testing.T, before footprint) {
	t.Helper()
	over := time.NewTimer(2 * time.Minute)
	defer over.Stop()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		now := s.measure(t)
		if now.goroutines <= before.goroutines+goroutineSlack && now.files <= before.files+fileSlack {
			return
		}
		select {
		case <-look.C:
		case <-over.C:
			return // what is left is measured
		}
	}
}

func (f footprint) String() string {
	return fmt.Sprintf("%4d rollouts, heap %6.2f MiB, %3d goroutines, %2d files, journal %7.1f KiB (%.1f a rollout)",
		f.rollouts, float64(f.heap)/(1<<20), f.goroutines, f.files, float64(f.journal)/1024, f.perRollout()/1024)
}

// perRollout is the journal's share of one rollout: the journal keeps all of them for
// ever, so that it is this that must not grow.
func (f footprint) perRollout() float64 { return float64(f.journal) / float64(max(f.rollouts, 1)) }

// since says what has grown by more than it varies. The journal's share of a rollout
// has nothing to be compared with at the start.
func (f footprint) since(before footprint) []string {
	if before.rollouts == 0 {
		before.heap, before.journal, before.rollouts = f.heap, f.journal, f.rollouts
	}
	var grown []string
	for name, by := range map[string]struct{ before, now, slack float64 }{
		"heap, bytes":                   {float64(before.heap), float64(f.heap), heapSlack},
		"goroutines":                    {float64(before.goroutines), float64(f.goroutines), goroutineSlack},
		"file descriptors":              {float64(before.files), float64(f.files), fileSlack},
		"journal's bytes for a rollout": {before.perRollout(), f.perRollout(), before.perRollout() / 5},
	} {
		if by.now > by.before+by.slack {
			grown = append(grown, fmt.Sprintf("%s: %.0f became %.0f", name, by.before, by.now))
		}
	}
	return grown
}
