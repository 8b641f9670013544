// Command serin moves a service from one version to the next, in steps, and back when
// the new one does worse.
//
// Each verb is one file that parses, wires and calls; what happens is decided in
// internal/engine. The package may import every other one of the module; none imports
// it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"serin/internal/engine"
	"serin/internal/headless"
)

// version is set when it is built: -ldflags "-X main.version=…".
var version = "devel"

func main() {
	// Whoever reads the output may go away; a rollout goes on without them.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.LookupEnv))
}

// program is what a verb has of the world: its streams and the variables of its
// environment.
type program struct {
	in       io.Reader
	out, err io.Writer
	lookup   func(name string) (string, bool)
}

// run is the whole program; it answers its exit code. ctx ends it at once.
func run(ctx context.Context, args []string, in io.Reader, out, diagnostics io.Writer, lookup func(string) (string, bool)) int {
	p := &program{in: in, out: out, err: diagnostics, lookup: lookup}
	root := newRoot(p)
	root.SetArgs(args)
	return p.exit(root.ExecuteContext(ctx))
}

// exitError is an error with an exit code of its own. Without an error it is silent:
// all is said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exit says what went wrong and answers the exit code for it.
func (p *program) exit(err error) int {
	if err == nil {
		return headless.ExitSucceeded
	}
	code := headless.ExitFailed
	unread, rest := withoutReader(err)
	if unread {
		code, err = exitUnread, rest
	}
	exit, has := errors.AsType[*exitError](err)
	if has {
		code, err = exit.code, exit.err
	}
	if err != nil {
		p.say(err)
	}
	return code
}

// exitUnread is the exit code when nobody reads the output any more, as after head: that
// of a program that SIGPIPE ends, in a shell.
const exitUnread = 128 + 13

// withoutReader tells whether an error says that nobody reads the output any more, and the
// rest of that error. A broken connection to somewhere else says no such thing.
func withoutReader(err error) (unread bool, rest error) {
	if joined, is := err.(interface{ Unwrap() []error }); is {
		var left []error
		for _, part := range joined.Unwrap() {
			gone, of := withoutReader(part)
			left, unread = append(left, of), unread || gone
		}
		if !unread {
			return false, err
		}
		return true, errors.Join(left...)
	}
	failed, is := errors.AsType[*fs.PathError](err)
	if is && failed.Path == os.Stdout.Name() && errors.Is(failed, syscall.EPIPE) {
		return true, nil
	}
	return false, err
}

// say writes an error to the diagnostics, a problem a line, and then what to do about
// it.
func (p *program) say(err error) {
	for line := range strings.Lines(err.Error()) {
		p.warn(strings.TrimSuffix(line, "\n"))
	}
	if hint := engine.HintOf(err); hint != "" {
		p.warn(hint)
	}
}

// warn writes one line to the diagnostics.
func (p *program) warn(line string) {
	// There is nobody left to tell that nobody can be told.
	_, _ = fmt.Fprintln(p.err, "serin: "+headless.Clean(line))
}
