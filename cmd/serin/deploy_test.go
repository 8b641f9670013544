package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"serin/internal/engine"
	"serin/internal/headless"
	"serin/internal/journal"
)

// process is serin in a process of its own.
type process struct {
	t           *testing.T
	command     *exec.Cmd
	out         *bufio.Reader
	pipe        io.Closer
	diagnostics bytes.Buffer
	lines       []string
	// journal is the file that outlives the sandbox.
	journal string
}

// quick makes a rollout of seconds.
func quick() []string {
	return []string{"--set", "PercentageStep=50", "--set", "WaitTime=1", "--set", "MetricPeriod=1", "--set", "MetricDelay=1"}
}

// deploy deploys Yelb's appserver to a private sandbox.
func deploy(t *testing.T, image string, flags ...string) *process {
	t.Helper()
	file := filepath.Join(t.TempDir(), "journal.db")
	p := serin(t, append([]string{
		"deploy", "../../specfiles/yelb-appserver/deploy.json", "--ci", "--sandbox", "--sha", "canary", "--image", "yelb-appserver:" + image,
		"--journal", file,
	}, flags...)...)
	p.journal = file
	return p
}

func serin(t *testing.T, args ...string) *process {
	t.Helper()
	return serinOf(t, itself, nil, args...)
}

// serinIn is serin with an environment of its own; nil is this process's. It is one of
// several processes.
func serinIn(t *testing.T, environment []string, args ...string) *process {
	t.Helper()
	return serinOf(t, quickly, environment, args...)
}

func serinOf(t *testing.T, program func() (string, error), environment []string, args ...string) *process {
	t.Helper()
	binary, err := program()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, command: exec.CommandContext(t.Context(), binary, args...)}
	p.command.Args[0] = "serin" // what the test binary is to be
	p.command.Env = environment
	p.command.Stderr = &p.diagnostics
	out, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out, p.pipe = bufio.NewReader(out), out
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// until reads the output up to a line that matches.
func (p *process) until(expression string) {
	p.t.Helper()
	wanted := regexp.MustCompile(expression)
	for {
		line, err := p.out.ReadString('\n')
		p.lines = append(p.lines, line)
		if wanted.MatchString(line) {
			return
		}
		if err != nil {
			p.t.Fatalf("the output ends without %s (%v):\n%s\n%s", expression, err, strings.Join(p.lines, ""), p.diagnostics.String())
		}
	}
}

func (p *process) signal(signals ...os.Signal) {
	p.t.Helper()
	for _, s := range signals {
		if err := p.command.Process.Signal(s); err != nil {
			p.t.Fatal(err)
		}
	}
}

// ends reads the rest of the output and waits for the end.
func (p *process) ends() error {
	for {
		line, err := p.out.ReadString('\n')
		p.lines = append(p.lines, line)
		if err != nil {
			return p.command.Wait()
		}
	}
}

// text is the output as far as it was read.
func (p *process) text() string { return strings.Join(p.lines, "") }

// code is the exit code of a process that has ended.
func (p *process) code() int { return p.command.ProcessState.ExitCode() }

// exits reads the rest of the output and checks the exit code.
func (p *process) exits(code int) {
	p.t.Helper()
	err := p.ends()
	if _, is := errors.AsType[*exec.ExitError](err); err != nil && !is {
		p.t.Fatal(err)
	}
	if got := p.code(); got != code {
		p.t.Fatalf("the exit code is %d, want %d:\n%s\n%s", got, code, strings.Join(p.lines, ""), p.diagnostics.String())
	}
}

// rollout is what the journal has of the one rollout in it.
func (p *process) rollout() *engine.Rollout {
	p.t.Helper()
	j, err := journal.Open(p.t.Context(), p.journal)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	headers, err := j.Rollouts(p.t.Context(), engine.Key{}, 0)
	if err != nil || len(headers) != 1 {
		p.t.Fatalf("the journal has %d rollouts (%v), want 1", len(headers), err)
	}
	events, err := j.Events(p.t.Context(), headers[0].ID, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	return engine.Fold(events)
}

const shared = `weights confirmed: stable 50, canary 50`

func TestDeploySucceeds(t *testing.T) {
	t.Parallel()
	report := filepath.Join(t.TempDir(), "report.xml")
	p := deploy(t, "fixed", append(quick(), "--output", "json", "--junit", report)...)
	p.exits(headless.ExitSucceeded)
	var last map[string]any
	for _, line := range p.lines {
		if line == "" {
			continue
		}
		last = nil
		if err := json.Unmarshal([]byte(line), &last); err != nil {
			t.Fatalf("%q is not JSON: %v", line, err)
		}
	}
	if last["event"] != "finished" || last["outcome"] != "succeeded" {
		t.Errorf("the last line is %v", last)
	}
	content, err := os.ReadFile(report)
	if err != nil || !bytes.Contains(content, []byte(`failures="0" errors="0" skipped="0"`)) {
		t.Errorf("the report is %s (%v)", content, err)
	}
	if outcome := p.rollout().Outcome; outcome != engine.Succeeded {
		t.Errorf("the journal has the outcome %q", outcome)
	}
}

func TestDeployRollsBackWhatDoesNotDeploy(t *testing.T) {
	t.Parallel()
	p := deploy(t, "wrongport", append(quick(), "--set", "ProgressDeadline=3")...)
	p.exits(headless.ExitRolledBack)
	if r := p.rollout(); r.Outcome != engine.RolledBack || r.Cause.Kind != engine.ByDeployment {
		t.Errorf("the journal has the outcome %q, because of %+v", r.Outcome, r.Cause)
	}
}

func TestDeployIsInterrupted(t *testing.T) {
	for name, test := range map[string]struct {
		flags   []string
		signals []os.Signal
		code    int
		says    string
		check   func(r *engine.Rollout) bool
	}{
		"rolls back": {
			nil,
			[]os.Signal{os.Interrupt},
			headless.ExitRolledBackByPerson, "serin: interrupt: rolling back",
			func(r *engine.Rollout) bool { return r.Outcome == engine.RolledBack && r.Actual.Stable == 100 },
		},
		"holds": {
			[]string{"--on-interrupt", "hold"},
			[]os.Signal{syscall.SIGTERM},
			headless.ExitHeld, "serin: terminated: letting go",
			func(r *engine.Rollout) bool { return r.Outcome == "" && r.LetGo && r.Actual.Canary == 50 },
		},
		"leaves at once": {
			nil,
			[]os.Signal{os.Interrupt, syscall.SIGTERM},
			headless.ExitFailed, "serin: interrupted again: left at once",
			func(r *engine.Rollout) bool { return r.Outcome == "" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := filepath.Join(t.TempDir(), "report.xml")
			p := deploy(t, "fixed", append(append(quick(), "--set", "WaitTime=600", "--junit", report), test.flags...)...)
			p.until(shared)
			p.signal(test.signals...)
			p.exits(test.code)
			if !strings.Contains(p.diagnostics.String(), test.says) {
				t.Errorf("stderr is %q, want %q in it", p.diagnostics.String(), test.says)
			}
			if r := p.rollout(); !test.check(r) {
				t.Errorf("the journal has outcome %q, phase %s, weights %+v", r.Outcome, r.Phase, r.Actual)
			}
			if _, err := os.Stat(report); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDeployOutlivesItsReader(t *testing.T) {
	t.Parallel()
	p := deploy(t, "fixed", quick()...)
	p.until("rollout")
	if err := p.pipe.Close(); err != nil {
		t.Fatal(err)
	}
	p.exits(headless.ExitSucceeded)
	if outcome := p.rollout().Outcome; outcome != engine.Succeeded {
		t.Errorf("the journal has the outcome %q", outcome)
	}
	if !strings.Contains(p.diagnostics.String(), "not every event could be written to stdout") {
		t.Errorf("stderr is %q", p.diagnostics.String())
	}
}
