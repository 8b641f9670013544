package awscli

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"serin/internal/conformance/venv"
	"serin/internal/sandbox"
)

// cli runs commands of the AWS CLI against one sandbox, one after the other.
type cli struct {
	mu      sync.Mutex
	lines   *json.Encoder
	answers *bufio.Reader
}

// ran is how a command ended.
type ran struct {
	Code   int
	Stdout string
	Stderr string
}

//go:embed testdata/fork.py
var fork string

// startCLI starts testdata/fork.py with an environment; stop ends it.
func startCLI(python venv.Python, environment []string) (c *cli, stop func(), err error) {
	program := python.Program("-c", fork)
	program.Env, program.Stderr = environment, os.Stderr
	lines, err := program.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	answers, err := program.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := program.Start(); err != nil {
		return nil, nil, err
	}
	stop = func() {
		_ = lines.Close()
		_ = program.Wait()
	}
	return &cli{lines: json.NewEncoder(lines), answers: bufio.NewReader(answers)}, stop, nil
}

// run runs `aws ARGUMENT…` in a directory.
func (c *cli) run(directory string, arguments []string) (ran, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var answer ran
	if err := c.lines.Encode(map[string]any{"directory": directory, "arguments": arguments}); err != nil {
		return answer, fmt.Errorf("ask the CLI: %w", err)
	}
	line, err := c.answers.ReadBytes('\n')
	if err != nil && err != io.EOF {
		return answer, fmt.Errorf("hear the CLI: %w", err)
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return answer, fmt.Errorf("hear the CLI say %q: %w", line, err)
	}
	return answer, nil
}

// environment points the CLI at a sandbox, and at nothing else: no configuration of
// whoever runs the tests, no metadata service, no second attempt that hides a fault.
func environment(s *sandbox.Sandbox, home, models string) []string {
	return append(s.Exports(),
		"HOME="+home, "AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=1", "AWS_PAGER=",
		"AWS_DATA_PATH="+models, "LC_ALL=C.UTF-8", "PATH="+os.Getenv("PATH"),
	)
}

// impatientModels is a directory with the CLI's own waiters, which ask every second
// where they would ask every 5 to 30. What they wait for is unchanged.
func impatientModels(t *testing.T, python venv.Python) string {
	t.Helper()
	models := t.TempDir()
	for _, service := range []string{"cloudformation", "cloudwatch", "ecs"} {
		found, err := filepath.Glob(filepath.Join(python.Directory(t, "awscli"), "botocore", "data", service, "*", "waiters-2.json"))
		if err != nil || len(found) == 0 {
			t.Fatalf("the CLI has no waiters of %s (%v)", service, err)
		}
		for _, file := range found {
			hasten(t, file, filepath.Join(models, service, filepath.Base(filepath.Dir(file))))
		}
	}
	return models
}

var delay = regexp.MustCompile(`"delay"\s*:\s*\d+`)

// hasten writes waiters into a directory with a delay of a second.
func hasten(t *testing.T, file, directory string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		t.Fatal(err)
	}
	hasty := delay.ReplaceAll(raw, []byte(`"delay":1`))
	if err := os.WriteFile(filepath.Join(directory, filepath.Base(file)), hasty, 0o600); err != nil {
		t.Fatal(err)
	}
}
