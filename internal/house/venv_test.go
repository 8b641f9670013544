package house

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Without python3, `make test` says in one line what is skipped and why, and fails where CI
// is set.
func TestWithoutPythonTheSkipIsSaid(t *testing.T) {
	path := t.TempDir()
	for _, name := range []string{"sh", "dirname", "cmp"} {
		found, err := exec.LookPath(name)
		if err != nil {
			t.Skipf("there is no %s here: tools/venv is a shell script", name)
		}
		if err := os.Symlink(found, filepath.Join(path, name)); err != nil {
			t.Fatal(err)
		}
	}
	for ci, want := range map[string]int{"": 0, "false": 0, "true": 1} {
		for tool, words := range map[string]string{
			"venv":     "cfn-lint and the conformance suites are skipped: there is no python3\n",
			"cfn-lint": "cfn-lint is skipped: it is not installed\n",
		} {
			command := exec.CommandContext(t.Context(), toolWithoutPython(t, tool))
			command.Env = []string{"PATH=" + path, "CI=" + ci}
			said, err := command.CombinedOutput()
			code := 0
			if exit, is := errors.AsType[*exec.ExitError](err); is {
				code = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if code != want || string(said) != words {
				t.Errorf("CI=%q: tools/%s exits with %d, want %d, and says %q", ci, tool, code, want, said)
			}
		}
	}
}

// toolWithoutPython is one of tools, in a project whose .venv was never made.
func toolWithoutPython(t *testing.T, name string) string {
	t.Helper()
	tools := filepath.Join(t.TempDir(), "tools")
	if err := os.Mkdir(tools, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"venv", "cfn-lint", "python", "requirements.txt"} {
		raw, err := os.ReadFile(filepath.Join("..", "..", "tools", file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tools, file), raw, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(tools, name)
}
