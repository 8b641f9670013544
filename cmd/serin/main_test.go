package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	testscript.Main(tidy{m}, map[string]func(){"serin": main})
}

// tidy are tests that fail when they leave a goroutine.
type tidy struct{ *testing.M }

func (t tidy) Run() int {
	if err := flag.Set("test.parallel", atOnce); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(builtIn()) }()
	code := t.M.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			// No configuration of this machine's user, and no metadata service.
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			env.Setenv("ESCAPE", "\x1b[31mdeploy")
			binary, err := os.Executable()
			if err != nil {
				return err
			}
			env.Setenv("SERIN_BINARY", binary)
			here, err := os.Getwd()
			env.Setenv("SPECFILES", filepath.Join(here, "..", "..", "specfiles"))
			return err
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits},
	})
}

// exits runs a program and checks its exit code: exits CODE PROGRAM [ARGUMENT…].
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, is := errors.AsType[*exec.ExitError](err)
		if !is {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s exits with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// Every verb is documented with examples that use its own flags only.
func TestEveryVerbHasExamples(t *testing.T) {
	root := newRoot(&program{lookup: os.LookupEnv})
	for _, verb := range append(root.Commands(), root) {
		if verb.Short == "" || verb.Example == "" {
			t.Errorf("%s lacks a description or examples", verb.CommandPath())
		}
		for line := range strings.Lines(verb.Example) {
			checkExample(t, root, strings.Fields(line))
		}
	}
}

func checkExample(t *testing.T, root *cobra.Command, words []string) {
	t.Helper()
	at := -1
	for i, word := range words {
		if strings.TrimPrefix(word, "<(") == "serin" {
			at = i
			break
		}
	}
	if at < 0 || at+1 >= len(words) {
		t.Errorf("%q is no example of serin", words)
		return
	}
	verb, _, err := root.Find(words[at+1 : at+2])
	if err != nil || verb == root {
		t.Errorf("%q: there is no verb %s", words, words[at+1])
		return
	}
	for _, word := range words[at+2:] {
		if word == "|" || word == ">" {
			return
		}
		if name, is := strings.CutPrefix(word, "--"); is && verb.Flags().Lookup(name) == nil {
			t.Errorf("%q: %s has no flag --%s", words, verb.Name(), name)
		}
	}
}

func TestRunNeedsNothingOfTheProcess(t *testing.T) {
	var out, diagnostics strings.Builder
	nothing := func(string) (string, bool) { return "", false }
	if code := run(context.Background(), []string{"version"}, strings.NewReader(""), &out, &diagnostics, nothing); code != 0 {
		t.Errorf("the exit code is %d: %s", code, diagnostics.String())
	}
	if !strings.HasPrefix(out.String(), "serin ") {
		t.Errorf("the output is %q", out.String())
	}
}
