package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// shipped starts a binary in a terminal of its own, on a region.
func (r *region) shipped(t *testing.T, binary string, args ...string) *terminal {
	t.Helper()
	term := openTerminal(t)
	term.command = exec.CommandContext(t.Context(), binary, args...)
	term.command.Env = append(withoutAWS(os.Environ()), "TERM=xterm-256color", "HOME="+r.state, "XDG_STATE_HOME="+r.state)
	for name, value := range r.Exports {
		term.command.Env = append(term.command.Env, name+"="+value)
	}
	term.run()
	return term
}

// used is the processor time that a running process has had (proc(5): fields 14 and 15 of
// stat, in ticks of which a second has 100).
func used(t *testing.T, process *os.Process) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	// The name may have spaces; what follows its parenthesis begins with field 3.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var ticks time.Duration
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += time.Duration(n)
	}
	return ticks * (time.Second / 100)
}

// memoryPeak is the most memory that a running process has had, in MiB (proc(5): VmHWM).
func memoryPeak(t *testing.T, process *os.Process) float64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("there is no VmHWM in %s", text)
	}
	kib, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return float64(kib) / 1024
}

// TestMeasureFirstFrame measures how long it takes from the start of serin to its first
// frame on a terminal, the sandbox being there: the budget is 50 ms.
func TestMeasureFirstFrame(t *testing.T) {
	const runs = 20
	binary := stripped(t)
	r := startRegion(t)
	var times []time.Duration
	for range runs {
		start := time.Now()
		term := r.shipped(t, binary)
		term.until("ecs-blogpost")
		times = append(times, time.Since(start))
		term.press("q")
		_ = term.command.Wait()
	}
	slices.Sort(times)
	t.Logf("serin, to its first frame: p50 %s, p90 %s, at most %s in %d runs (budget 50ms)",
		share(times, 50), share(times, 90), share(times, 100), runs)
	within(t, "the first frame, at the median", milliseconds(share(times, 50)), 50, "ms")
}

// TestMeasureHolding measures what a rollout that holds costs the console that drives it
// and one that watches it. The budgets are 4 KB a second to a terminal, 40 MiB for who
// watches, and 1 % of a core: for who drives at the metrics that accounts have, by the
// minute. Of a demo's, by the second, a driver asks five APIs every second.
func TestMeasureHolding(t *testing.T) {
	const settling, watched = 20 * time.Second, 20 * time.Second
	binary := stripped(t)
	for name, feed := range map[string]struct {
		metrics []string
		shares  map[string]float64
	}{
		"metrics by the second": {
			[]string{"--set", "MetricPeriod=1", "--set", "MetricDelay=1"}, map[string]float64{"drives": 2.5, "watches": 1},
		},
		"metrics by the minute": {
			[]string{"--set", "MetricPeriod=60", "--set", "MetricDelay=60"}, map[string]float64{"drives": 1, "watches": 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := startRegion(t)
			drives := r.shipped(t, binary, append([]string{
				"deploy", "../../specfiles/yelb-appserver/deploy.json", "--sha", "9bd0417e", "--image", "yelb-appserver:fixed",
				"--set", "WaitTime=3600", "--set", "FailureThresholdValue=1000",
			}, feed.metrics...)...)
			drives.until("HOLDING")
			looks := r.shipped(t, binary)
			looks.until("HOLDING")
			<-time.After(settling)
			for who, term := range map[string]*terminal{"drives": drives, "watches": looks} {
				process, bytes := term.command.Process, len(term.text())
				before := used(t, process)
				<-time.After(watched)
				share := float64(used(t, process)-before) / float64(watched) * 100
				each := float64(len(term.text())-bytes) / watched.Seconds()
				t.Logf("serin, that %s what holds: %.0f bytes a second (budget 4096), %.1f %% of a core (budget %.1f), %.1f MiB at most (budget 40)",
					who, each, share, feed.shares[who], memoryPeak(t, process))
				within(t, "to the terminal of the console that "+who, each, 4096, "bytes a second")
				within(t, "the console that "+who, share, feed.shares[who], "% of a core")
				if who == "watches" {
					within(t, "the console that watches", memoryPeak(t, process), 40, "MiB")
				}
			}
			for _, term := range []*terminal{looks, drives} {
				_ = term.command.Process.Kill()
				_ = term.command.Wait()
			}
		})
	}
}
