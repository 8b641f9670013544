// Package venv starts the judges of the conformance suites: programs in Python that
// nobody here wrote, which `make venv` installs. Only tests use it; it imports the
// standard library.
package venv

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// Python starts programs in the project's virtual environment.
type Python struct {
	launcher string
}

// Find is the project's Python, with a module that it must have. Where that is not
// installed the test is skipped, with the reason, and fails if CI is set.
func Find(t *testing.T, module string) Python {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(here), "..", "..", "..")
	// Go repeats an old result unless a file that the test read has changed: these two say
	// what is installed.
	_, _ = os.ReadFile(filepath.Join(root, ".venv", "requirements.txt"))
	_, _ = os.ReadFile(filepath.Join(root, "tools", "requirements.txt"))
	python := Python{launcher: filepath.Join(root, "tools", "python")}
	out, err := python.Program("-c", "import "+module).CombinedOutput()
	if err == nil {
		return python
	}
	complain := t.Skipf
	if !slices.Contains([]string{"", "0", "false"}, os.Getenv("CI")) {
		complain = t.Fatalf
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	complain("python3 has no %s (%v): %s", module, err, lines[len(lines)-1])
	return Python{}
}

// Program is python3 with these arguments, ready to be started.
func (p Python) Program(arguments ...string) *exec.Cmd {
	return exec.Command(p.launcher, arguments...) //nolint:noctx // Whoever starts it ends it; the context of a test has ended before its clean-up begins.
}

// Directory is where a module is installed.
func (p Python) Directory(t *testing.T, module string) string {
	t.Helper()
	out, err := p.Program("-c", "import "+module+"; print("+module+".__path__[0])").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
