package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// Who reads of the output what they want, as head does, is told nothing of the rest.
func TestOutputThatNobodyReads(t *testing.T) {
	t.Parallel()
	binary, err := quickly()
	if err != nil {
		t.Fatal(err)
	}
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	command := exec.CommandContext(t.Context(), binary, "version")
	command.Args[0] = "serin" // what the test binary is to be
	command.Stdout, command.Stderr = out, &said
	exit, is := errors.AsType[*exec.ExitError](command.Run())
	if !is || exit.ExitCode() != exitUnread || said.Len() > 0 {
		t.Errorf("it ends with %v and says %q", exit, said.String())
	}
}

// What else went wrong is said nevertheless, and a broken connection is not the output.
func TestWhatElseWentWrongIsSaid(t *testing.T) {
	t.Parallel()
	unread := &fs.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.EPIPE}
	other := errors.New("the mesh cannot be read")
	for name, c := range map[string]struct {
		err  error
		said string
		want int
	}{
		"unread":                {err: unread, want: exitUnread},
		"unread more than once": {err: errors.Join(unread, unread), want: exitUnread},
		"unread, and a fault":   {err: errors.Join(unread, other), said: "serin: the mesh cannot be read\n", want: exitUnread},
		"a connection":          {err: &net.OpError{Op: "write", Err: syscall.EPIPE}, said: "serin: write: broken pipe\n", want: 1},
		"a file":                {err: &fs.PathError{Op: "write", Path: "/tmp/fifo", Err: syscall.EPIPE}, said: "serin: write /tmp/fifo: broken pipe\n", want: 1},
		"an outcome":            {err: errors.Join(unread, &exitError{code: 4}), want: 4},
	} {
		var said strings.Builder
		if code := (&program{err: &said}).exit(c.err); code != c.want || said.String() != c.said {
			t.Errorf("%s: it ends with %d and says %q", name, code, said.String())
		}
	}
}
