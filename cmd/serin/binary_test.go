package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// itself is serin, to be run in a process of its own: these tests themselves, which are
// serin when they are called so. They are looked through for races if the tests are.
func itself() (string, error) { return os.Executable() }

// quickly is serin too, and never looked through for races. That makes a process ten times
// as slow and as large, and is left to those tests that have one process do everything:
// where several share a machine, it is what passes between them that is tested.
func quickly() (string, error) {
	if !instrumented {
		return itself()
	}
	return built()
}

// builtIn is where quickly builds; it is removed when the tests are over.
func builtIn() string { return filepath.Join(os.TempDir(), fmt.Sprintf("serin-test-%d", os.Getpid())) }

var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(builtIn(), "serin")
	// Every test that needs it waits for it, so none may end it.
	output, err := exec.Command("go", "build", "-race=false", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build serin: %w\n%s", err, output)
	}
	return path, nil
})
