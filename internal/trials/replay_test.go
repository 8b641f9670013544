package trials

import (
	"context"
	"os"
	"os/exec"
	"runtime/pprof"
	"strings"
	"testing"
	"testing/synctest"
)

// labelTracebacks has a panic print the labels of its goroutine (package runtime, GODEBUG).
func labelTracebacks() {
	_ = os.Setenv("GODEBUG", strings.TrimPrefix(os.Getenv("GODEBUG")+",tracebacklabels=1", ","))
}

// replayed tries what is drawn from a seed. When it fails, the command that does the same
// again is told: by a clean-up, because virtual time ends a test that fails in it, and by a
// label of the goroutines, which is all that is left of a test whose goroutine panics.
func replayed(t *testing.T, command string, try func()) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("replay it: " + command)
		}
	})
	pprof.Do(t.Context(), pprof.Labels("replay", command), func(context.Context) { try() })
}

// failing has TestAFailureTellsHowToReplayIt be what fails, in a way.
const failing = "SERIN_TRIALS_FAILING"

// ways are how what is drawn from a seed can fail.
func ways() map[string]func(t *testing.T) {
	return map[string]func(t *testing.T){
		"an error": func(t *testing.T) { t.Helper(); t.Error("not lawful") },
		"the end":  func(t *testing.T) { t.Helper(); t.Fatal("no end") },
		"a panic":  func(t *testing.T) { t.Helper(); panic("in the test") },
		"a panic of the driver": func(t *testing.T) {
			t.Helper()
			over := make(chan struct{})
			go func() { defer close(over); panic("in the driver") }()
			<-over
		},
		"a deadlock": func(t *testing.T) { t.Helper(); select {} },
	}
}

// TestAFailureTellsHowToReplayIt fails in every way, in processes of its own.
func TestAFailureTellsHowToReplayIt(t *testing.T) {
	const command = "go test ./internal/trials -run TestSeeds -seed=7"
	if fail := ways()[os.Getenv(failing)]; fail != nil {
		replayed(t, command, func() { synctest.Test(t, fail) })
		return
	}
	for way := range ways() {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestAFailureTellsHowToReplayIt$")
			child.Env = append(os.Environ(), failing+"="+way)
			said, err := child.CombinedOutput()
			if err == nil || !strings.Contains(string(said), command) {
				t.Errorf("%v, and it says\n%s", err, said)
			}
		})
	}
}
