package main

import (
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"
)

// TestMeasureVersion measures what starting costs: the budget is 10 ms and 20 MiB. It
// runs where nothing else does (make bench), because it measures the machine too.
func TestMeasureVersion(t *testing.T) {
	if os.Getenv("SERIN_MEASURE") == "" {
		t.Skip("SERIN_MEASURE is not set")
	}
	const runs = 30
	binary := t.TempDir() + "/serin"
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-s -w", "-o", binary, ".")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	var times []time.Duration
	var memory int64
	for range runs {
		command := exec.CommandContext(t.Context(), binary, "version")
		start := time.Now()
		if err := command.Run(); err != nil {
			t.Fatal(err)
		}
		times = append(times, time.Since(start))
		memory = max(memory, command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	}
	slices.Sort(times)
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("serin version: %s at the median of %d runs (budget 10ms), %.1f MiB at most (budget 20), the binary has %.1f MB (budget 45)",
		times[runs/2].Round(100*time.Microsecond), runs, float64(memory)/1024, float64(info.Size())/1e6)
}
