package main

import (
	"bytes"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"serin/internal/headless"
)

const (
	// terminalPatience is how long a test waits for something on a terminal, exitPatience
	// for the end of what runs in it.
	terminalPatience = 2 * time.Minute
	exitPatience     = 5 * time.Minute
	// handPause is between two keys of a fast typist.
	handPause = 60 * time.Millisecond
)

// terminal is a pseudo-terminal with serin in it.
type terminal struct {
	t             *testing.T
	master, slave *os.File
	command       *exec.Cmd
	before        unix.Termios
	// pressed is when the last key was.
	pressed time.Time

	mu      sync.Mutex
	written bytes.Buffer
	// more has an element when more was written; read is closed at its end.
	more chan struct{}
	read chan struct{}
}

// openTerminal is a pseudo-terminal of 120 columns and 40 rows (pty(7)).
func openTerminal(t *testing.T) *terminal {
	t.Helper()
	// Without blocking, so that it can be closed while it is read.
	descriptor, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skipf("there are no pseudo-terminals here: %v", err)
	}
	if err := unix.IoctlSetPointerInt(descriptor, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(descriptor, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 120}); err != nil {
		t.Fatal(err)
	}
	return &terminal{
		t: t, master: os.NewFile(uintptr(descriptor), "/dev/ptmx"), slave: slave,
		more: make(chan struct{}, 1), read: make(chan struct{}),
	}
}

// inTerminal starts serin in a terminal of its own, without any state.
func inTerminal(t *testing.T, args ...string) *terminal {
	t.Helper()
	home := t.TempDir()
	return inTerminalWith(t, []string{"HOME=" + home, "XDG_STATE_HOME=" + home}, args...)
}

// inTerminalWith starts serin in a terminal of its own, with further variables.
func inTerminalWith(t *testing.T, variables []string, args ...string) *terminal {
	t.Helper()
	term := openTerminal(t)
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	modes, err := unix.IoctlGetTermios(int(term.slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	term.before = *modes
	term.command = exec.CommandContext(t.Context(), binary, args...)
	term.command.Args[0] = "serin" // what the test binary is to be
	term.command.Env = append(withoutAWS(os.Environ()), "TERM=xterm-256color", "AWS_EC2_METADATA_DISABLED=true")
	term.command.Env = append(term.command.Env, variables...)
	term.run()
	return term
}

// run starts the command in the terminal.
func (term *terminal) run() {
	term.t.Helper()
	term.command.Stdin, term.command.Stdout, term.command.Stderr = term.slave, term.slave, term.slave
	term.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	// A hangup that the tests themselves ignore (nohup) would be ignored by serin too; one
	// that they take is not.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	if err := term.command.Start(); err != nil {
		term.t.Fatal(err)
	}
	go term.listen()
	term.t.Cleanup(term.close)
}

// withoutAWS is an environment without what this machine says of AWS.
func withoutAWS(environment []string) []string {
	return slices.DeleteFunc(environment, func(entry string) bool { return strings.HasPrefix(entry, "AWS_") })
}

// listen keeps what serin writes.
func (term *terminal) listen() {
	defer close(term.read)
	chunk := make([]byte, 1<<16)
	for {
		n, err := term.master.Read(chunk)
		term.mu.Lock()
		term.written.Write(chunk[:n])
		term.mu.Unlock()
		select {
		case term.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// drain reads what a process that has ended left in the terminal, which is of no use then.
func (term *terminal) drain() {
	_ = term.slave.Close() // the last one: after what is left to read there is an error
	<-term.read
}

func (term *terminal) close() {
	_ = term.slave.Close()
	_ = term.master.Close()
	<-term.read
}

func (term *terminal) text() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.written.String()
}

// until waits for words on the terminal.
func (term *terminal) until(words string) {
	term.t.Helper()
	term.untilTimes(words, 1)
}

// untilTimes waits until words are on the terminal so many times.
func (term *terminal) untilTimes(words string, times int) {
	term.t.Helper()
	limit := time.After(terminalPatience)
	for strings.Count(term.text(), words) < times {
		select {
		case <-term.more:
		case <-term.read:
			if strings.Count(term.text(), words) < times {
				term.t.Fatalf("the terminal ended without %q:\n%q", words, term.text())
			}
		case <-limit:
			term.t.Fatalf("there is no %q on the terminal:\n%q", words, term.text())
		}
	}
}

// press presses keys at once. The console takes what comes sooner after one another than a
// hand can type for pasted.
func (term *terminal) press(keys string) {
	term.t.Helper()
	<-time.After(time.Until(term.pressed.Add(handPause)))
	term.pressed = time.Now()
	if _, err := term.master.WriteString(keys); err != nil {
		term.t.Fatal(err)
	}
}

// exits waits for the end; the terminal must be as it was before.
func (term *terminal) exits(code int) {
	term.t.Helper()
	hangs := time.AfterFunc(exitPatience, func() { _ = term.command.Process.Signal(unix.SIGQUIT) })
	_ = term.command.Wait()
	hangs.Stop()
	after, err := unix.IoctlGetTermios(int(term.slave.Fd()), unix.TCGETS)
	if err != nil {
		term.t.Fatal(err)
	}
	term.drain()
	if got := term.command.ProcessState.ExitCode(); got != code {
		term.t.Errorf("it exits with %d, want %d:\n%q", got, code, tail(term.text()))
	}
	if *after != term.before {
		term.t.Errorf("the terminal's modes were %+v and are %+v", term.before, *after)
	}
	text := term.text()
	if on, off := strings.LastIndex(text, "\x1b[?1049h"), strings.LastIndex(text, "\x1b[?1049l"); on < 0 || off < on {
		term.t.Errorf("the alternate screen was entered at %d and left at %d", on, off)
	}
	if hidden, shown := strings.LastIndex(text, "\x1b[?25l"), strings.LastIndex(text, "\x1b[?25h"); hidden > shown {
		term.t.Error("the cursor stays hidden")
	}
}

// tail is the end of a text.
func tail(text string) string { return text[max(0, len(text)-4000):] }

func TestTheDemoOpensInATerminalAndIsLeft(t *testing.T) {
	t.Parallel()
	term := inTerminal(t, "demo")
	term.until("yelb-redisserver")
	term.until("Look at Yelb")
	if before, _, _ := strings.Cut(term.text(), "\x1b[?1049h"); strings.TrimSpace(before) != "" && !strings.HasPrefix(before, "\x1b") {
		t.Errorf("before the first frame it prints %q", before)
	}
	term.press("q")
	term.exits(headless.ExitSucceeded)
}

func TestTheTourDoesEveryStepOfTheDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes most of a minute")
	}
	t.Parallel()
	term := inTerminal(t, "demo", "--script", "tour", "--set", "WaitTime=3", "--set", "FailureThresholdValue=8")
	term.exits(headless.ExitSucceeded)
	for _, words := range []string{
		" succeeded: ", " was rolled back: ", "canary responses", "asked for by ", "(arn:",
	} {
		if !strings.Contains(term.text(), words) {
			t.Errorf("the summary has no %q: %q", words, tail(term.text()))
		}
	}
}

// deployArgs deploy to a private sandbox in two steps.
func deployArgs(flags ...string) []string {
	args := []string{
		"deploy", filepath.Join("..", "..", "specfiles", "yelb-appserver", "deploy.json"), "--sandbox",
		"--sha", "9bd0417e", "--image", "yelb-appserver:fixed", "--set", "PercentageStep=50",
	}
	return append(append(args, tolerant(3)...), flags...)
}

func TestDeployInATerminalOpensTheConsole(t *testing.T) {
	t.Parallel()
	report := filepath.Join(t.TempDir(), "report.xml")
	term := inTerminal(t, deployArgs("--junit", report)...)
	term.until("9bd0417e")
	term.until("SUCCEEDED")
	term.press("q")
	term.exits(headless.ExitSucceeded)
	if !strings.Contains(term.text(), "yelb-appserver 9bd0417e succeeded: ") {
		t.Errorf("it does not say how it ended: %q", tail(term.text()))
	}
	if text, err := os.ReadFile(report); err != nil || !bytes.Contains(text, []byte("<testsuite")) {
		t.Errorf("the report is %q, %v", text, err)
	}
}

// With --ci there are lines, in a terminal too.
func TestDeployForABuildOpensNoConsole(t *testing.T) {
	t.Parallel()
	term := inTerminal(t, deployArgs("--ci")...)
	term.until("creating stack")
	if strings.Contains(term.text(), "\x1b") {
		t.Errorf("there are escape codes: %q", term.text())
	}
	if err := term.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = term.command.Wait()
	if got := term.command.ProcessState.ExitCode(); got != headless.ExitRolledBackByPerson {
		t.Errorf("it exits with %d: %q", got, tail(term.text()))
	}
}

// A terminal that is gone ends the console, not the rollout: it is ended as
// --on-interrupt says.
func TestATerminalThatIsGoneIsAnInterrupt(t *testing.T) {
	t.Parallel()
	for how, code := range map[string]int{"hold": headless.ExitHeld, "rollback": headless.ExitRolledBackByPerson} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			term := inTerminal(t, deployArgs("--on-interrupt", how, "--set", "WaitTime=60")...)
			term.until("HOLDING")
			_ = term.slave.Close()
			_ = term.master.Close() // the kernel sends SIGHUP
			// The shell in a terminal that is closed passes it on once more.
			_ = term.command.Process.Signal(syscall.SIGHUP)
			_ = term.command.Wait()
			if got := term.command.ProcessState.ExitCode(); got != code {
				t.Errorf("it exits with %d, want %d", got, code)
			}
		})
	}
}

// SIGTERM does the same, and leaves the terminal as it was.
func TestATerminatedConsoleLeavesItsTerminalAsItWas(t *testing.T) {
	t.Parallel()
	term := inTerminal(t, deployArgs("--on-interrupt", "hold", "--set", "WaitTime=60")...)
	term.until("HOLDING")
	if err := term.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	term.exits(headless.ExitHeld)
}

// A console that drives is not suspended from outside either, and its screen is whole
// after somebody tried.
func TestAConsoleThatDrivesIsNotSuspended(t *testing.T) {
	t.Parallel()
	term := inTerminal(t, deployArgs("--on-interrupt", "hold", "--set", "WaitTime=60")...)
	term.until("HOLDING")
	for times := range 5 {
		// A shell that has come to the foreground leaves its own modes.
		if err := unix.IoctlSetTermios(int(term.slave.Fd()), unix.TCSETS, &term.before); err != nil {
			t.Fatal(err)
		}
		if err := term.command.Process.Signal(syscall.SIGTSTP); err != nil {
			t.Fatal(err)
		}
		term.untilTimes("\x1b[?1049h", times+2)
	}
	term.press("?")
	term.until("Looking around")
	if err := term.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	term.exits(headless.ExitHeld)
}

// A build that drives says why it is not suspended.
func TestADriverSaysThatItIsNotSuspended(t *testing.T) {
	t.Parallel()
	term := inTerminal(t, deployArgs("--ci")...)
	term.until("creating stack")
	term.press("\x1a") // ctrl+z
	term.until("not suspended")
	term.press("\x03")
	_ = term.command.Wait()
	if got := term.command.ProcessState.ExitCode(); got != headless.ExitRolledBackByPerson {
		t.Errorf("it exits with %d: %q", got, tail(term.text()))
	}
}

// A console rolls back what a build drives, and what it looks at with --read-only it does
// not.
func TestAConsoleAsksOfABuild(t *testing.T) {
	t.Parallel()
	r := startRegion(t)
	build := r.deploy(t, "yelb-appserver", append(tolerant(60), "--sha", "9bd0417e", "--image", "yelb-appserver:fixed")...)
	build.until("weights confirmed")
	variables := []string{"HOME=" + r.state, "XDG_STATE_HOME=" + r.state}
	for name, value := range r.Exports {
		variables = append(variables, name+"="+value)
	}
	looks := inTerminalWith(t, variables, "--read-only")
	looks.until("HOLDING")
	looks.press("r")
	looks.until("(--read-only)")
	looks.press("\r")
	looks.press("q")
	looks.exits(headless.ExitSucceeded)
	asks := inTerminalWith(t, variables)
	asks.until("HOLDING")
	asks.press("r")
	asks.until("Roll back yelb-appserver?")
	asks.press("\r")
	build.exits(headless.ExitRolledBackByPerson)
	asks.press("q")
	asks.exits(headless.ExitSucceeded)
}

// TestMeasureConsole measures the memory and the processor time of a console that
// watches: the budgets are 40 MiB and 1 % of a core.
func TestMeasureConsole(t *testing.T) {
	binary := stripped(t)
	r := startRegion(t)
	term := openTerminal(t)
	term.command = exec.CommandContext(t.Context(), binary)
	term.command.Env = append(withoutAWS(os.Environ()), "TERM=xterm-256color", "HOME="+r.state, "XDG_STATE_HOME="+r.state)
	for name, value := range r.Exports {
		term.command.Env = append(term.command.Env, name+"="+value)
	}
	term.run()
	term.until("yelb-ui")
	const watched = 30 * time.Second
	<-time.After(watched)
	memory := memoryPeak(t, term.command.Process)
	term.press("q")
	_ = term.command.Wait()
	used := term.command.ProcessState.UserTime() + term.command.ProcessState.SystemTime()
	t.Logf("serin, watching: %.1f MiB at most (budget 40), %s of processor time in %s (budget %s, and what starting takes)",
		memory, used.Round(time.Millisecond), watched, watched/100)
	within(t, "the console that watches", memory, 40, "MiB")
}
