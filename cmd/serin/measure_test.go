package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// stripped is serin as it is released, built for measuring.
func stripped(t *testing.T) string {
	t.Helper()
	if os.Getenv("SERIN_MEASURE") == "" {
		t.Skip("SERIN_MEASURE is not set: make bench sets it, because it measures the machine too")
	}
	binary := filepath.Join(t.TempDir(), "serin")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return binary
}

// within fails a measurement that is over its budget.
func within(t *testing.T, what string, measured, budget float64, unit string) {
	t.Helper()
	if measured > budget {
		t.Errorf("%s: %.1f %s is over the budget of %g", what, measured, unit, budget)
	}
}

// milliseconds is a time as a number.
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// tellPeak runs a program and prints the largest memory that it had (Linux: KiB).
const tellPeak = `import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)`

// peak runs a program and tells the largest memory that it had, in MiB. Until it is another
// program, a new process counts the memory of the one that started it: that must be a small
// one, and not the tests'.
func peak(t *testing.T, command *exec.Cmd) float64 {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	command.Path, command.Args = python, append([]string{python, "-c", tellPeak}, command.Args...)
	said, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	kib, err := strconv.Atoi(strings.TrimSpace(string(said)))
	if err != nil {
		t.Fatal(err)
	}
	return float64(kib) / 1024
}

// TestMeasureVersion measures what starting costs: the budget is 10 ms and 20 MiB.
func TestMeasureVersion(t *testing.T) {
	const runs = 30
	binary := stripped(t)
	var times []time.Duration
	for range runs {
		command := exec.CommandContext(t.Context(), binary, "version")
		start := time.Now()
		if err := command.Run(); err != nil {
			t.Fatal(err)
		}
		times = append(times, time.Since(start))
	}
	memory := peak(t, exec.CommandContext(t.Context(), binary, "version"))
	slices.Sort(times)
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("serin version: %s at the median of %d runs (budget 10ms), %.1f MiB at most (budget 20), the binary has %.1f MB (budget 45)",
		times[runs/2].Round(100*time.Microsecond), runs, memory, float64(info.Size())/1e6)
	within(t, "serin version", milliseconds(times[runs/2]), 10, "ms")
	within(t, "serin version", memory, 20, "MiB")
	within(t, "the binary", float64(info.Size())/1e6, 45, "MB")
}

// TestMeasureDeploy measures the memory of a headless deploy, the sandbox apart: the
// budget is 60 MB.
func TestMeasureDeploy(t *testing.T) {
	binary := stripped(t)
	r := startRegion(t)
	command := exec.CommandContext(t.Context(), binary, append([]string{
		"deploy", "../../specfiles/yelb-appserver/deploy.json", "--ci", "--sha", "9bd0417e", "--image", "yelb-appserver:fixed",
	}, small(2)...)...)
	command.Env = []string{"XDG_STATE_HOME=" + r.state, "HOME=" + r.state}
	for name, value := range r.Exports {
		command.Env = append(command.Env, name+"="+value)
	}
	start := time.Now()
	memory := peak(t, command)
	used := command.ProcessState.UserTime() + command.ProcessState.SystemTime()
	t.Logf("serin deploy --ci: %.1f MiB at most (budget 57.2, which is 60 MB), %s of processor time in %s",
		memory, used.Round(time.Millisecond), time.Since(start).Round(time.Second))
	within(t, "serin deploy --ci", memory, 57.2, "MiB")
}
