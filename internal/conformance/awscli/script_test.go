package awscli

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"serin/internal/conformance/venv"
	"serin/internal/sandbox"
	"serin/internal/sandbox/wire"
)

// failed is the CLI's exit code when the service refuses, or a waiter gives up (AWS CLI
// User Guide, return codes, of version 1).
const failed = 255

// cliOf and askedOf are the keys of a script's CLI, and of what is asked in all scripts.
type (
	cliOf   struct{}
	askedOf struct{}
)

// asked is what the CLI was answered in all scripts, and how often it asked.
type asked struct {
	mu       sync.Mutex
	commands int
	// calls are those that were answered at least once, and not refused.
	calls map[string]bool
	// offered is what the sandbox can be asked.
	offered []string
}

// around notes the calls that are answered: of one that is refused, no answer was checked.
func (a *asked) around(call wire.Call, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &status{ResponseWriter: w, code: http.StatusOK}
		next.ServeHTTP(seen, r)
		a.mu.Lock()
		defer a.mu.Unlock()
		if seen.code == http.StatusOK {
			a.calls[call.Service+":"+call.Operation] = true
		}
	})
}

// status is an answer whose status is seen.
type status struct {
	http.ResponseWriter

	code int
}

// WriteHeader sees the status.
func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// offers notes what a sandbox can be asked.
func (a *asked) offers(operations []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.offered = operations
}

func (a *asked) count() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.commands++
}

// TestScripts runs each script against a sandbox of its own, with Yelb in it and
// without waits. Together they have an answer of everything that the sandbox can be asked.
func TestScripts(t *testing.T) {
	python := venv.Find(t, "awscli")
	models := impatientModels(t, python)
	all := &asked{calls: map[string]bool{}}
	t.Run("script", func(t *testing.T) { runScripts(t, python, models, all) })
	if one := flag.Lookup("test.run").Value.String(); strings.Contains(one, "/") {
		return
	}
	for _, operation := range all.offered {
		if !all.calls[operation] {
			t.Errorf("no script has an answer of %s", operation)
		}
	}
	if all.commands < 60 || len(all.offered) < 60 {
		t.Errorf("%d commands of the CLI were run, and %d operations are offered: the scripts were not found", all.commands, len(all.offered))
	}
}

func runScripts(t *testing.T, python venv.Python, models string, all *asked) {
	t.Helper()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			s, err := sandbox.Start(t.Context(), sandbox.Options{Around: all.around})
			if err != nil {
				return err
			}
			env.Defer(s.Close)
			all.offers(s.Operations())
			aws, stop, err := startCLI(python, environment(s, env.WorkDir, models))
			if err != nil {
				return err
			}
			env.Defer(stop)
			env.Values[cliOf{}], env.Values[askedOf{}] = aws, all
			env.Setenv("ACCOUNT", s.Account())
			env.Setenv("ENVIRONMENT", s.Environment())
			for _, minutes := range []int{10, 8, 5} {
				at := time.Now().UTC().Truncate(time.Minute).Add(time.Duration(-minutes) * time.Minute)
				env.Setenv(fmt.Sprintf("MINUTES_AGO_%d", minutes), at.Format(time.RFC3339))
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"aws": runAWS, "await": awaitAWS, "json": checkJSON, "keep": keepJSON, "repeat": repeatLines,
		},
	})
}

// runAWS is `aws ARGUMENT…`, which must succeed, and `! aws ARGUMENT…`, which the service
// must refuse.
func runAWS(ts *testscript.TestScript, neg bool, arguments []string) {
	answer, err := ts.Value(cliOf{}).(*cli).run(ts.MkAbs("."), arguments)
	ts.Check(err)
	ts.Value(askedOf{}).(*asked).count()
	_, _ = fmt.Fprint(ts.Stdout(), answer.Stdout)
	_, _ = fmt.Fprint(ts.Stderr(), answer.Stderr)
	want := 0
	if neg {
		want = failed
	}
	if answer.Code != want {
		ts.Fatalf("aws %s exits with %d, want %d", strings.Join(arguments, " "), answer.Code, want)
	}
}

// awaitAWS is `await PATH=VALUE aws ARGUMENT…`: the command is repeated until what it
// writes has the value. It is for what the region does in its own time.
func awaitAWS(ts *testscript.TestScript, neg bool, arguments []string) {
	if neg || len(arguments) < 3 || arguments[1] != "aws" {
		ts.Fatalf("usage: await PATH=VALUE aws ARGUMENT...")
	}
	path, want, _ := strings.Cut(arguments[0], "=")
	for limit := time.Now().Add(patience); ; {
		answer, err := ts.Value(cliOf{}).(*cli).run(ts.MkAbs("."), arguments[2:])
		ts.Check(err)
		if decoded, err := decode(answer.Stdout); answer.Code == 0 && err == nil {
			if got, err := find(decoded, path); err == nil && matches(fmt.Sprint(got), want) {
				_, _ = fmt.Fprint(ts.Stdout(), answer.Stdout)
				return
			}
		}
		if time.Now().After(limit) {
			ts.Fatalf("aws %s never has %s: %s%s", strings.Join(arguments[2:], " "), arguments[0], answer.Stdout, answer.Stderr)
		}
	}
}

// checkJSON is `json PATH=VALUE…`: what the last command wrote has these values. A value
// in slashes is a regular expression, which must match all of it. `! json PATH…` is for
// what must not be there.
func checkJSON(ts *testscript.TestScript, neg bool, arguments []string) {
	answer := readAnswer(ts)
	if len(arguments) == 0 {
		ts.Fatalf("usage: json PATH=VALUE..., or ! json PATH...")
	}
	for _, argument := range arguments {
		path, want, _ := strings.Cut(argument, "=")
		got, err := find(answer, path)
		switch {
		case neg && err == nil:
			ts.Fatalf("there is %s: %v", path, got)
		case neg:
		case err != nil:
			ts.Fatalf("%v", err)
		case !matches(fmt.Sprint(got), want):
			ts.Fatalf("%s is %v, want %s", path, got, want)
		}
	}
}

// keepJSON is `keep NAME PATH`: a variable gets what the last command wrote there.
func keepJSON(ts *testscript.TestScript, neg bool, arguments []string) {
	if neg || len(arguments) != 2 {
		ts.Fatalf("usage: keep NAME PATH")
	}
	got, err := find(readAnswer(ts), arguments[1])
	ts.Check(err)
	ts.Setenv(arguments[0], fmt.Sprint(got))
}

// repeatLines is `repeat COUNT FILE`: each line with a %d in it is there so many times,
// with a number in its place.
func repeatLines(ts *testscript.TestScript, neg bool, arguments []string) {
	if neg || len(arguments) != 2 {
		ts.Fatalf("usage: repeat COUNT FILE")
	}
	count, err := strconv.Atoi(arguments[0])
	ts.Check(err)
	var text strings.Builder
	for line := range strings.Lines(ts.ReadFile(arguments[1])) {
		times := 1
		if strings.Contains(line, "%d") {
			times = count
		}
		for number := range times {
			text.WriteString(strings.ReplaceAll(line, "%d", strconv.Itoa(number+1)))
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(arguments[1]), []byte(text.String()), 0o600))
}

func readAnswer(ts *testscript.TestScript) any {
	answer, err := decode(ts.ReadFile("stdout"))
	ts.Check(err)
	return answer
}

// decode reads an answer, with numbers as they were written.
func decode(text string) (answer any, err error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	err = decoder.Decode(&answer)
	return answer, err
}

func matches(got, want string) bool {
	if len(want) > 1 && strings.HasPrefix(want, "/") && strings.HasSuffix(want, "/") {
		return regexp.MustCompile(`^(?:` + want[1:len(want)-1] + `)$`).MatchString(got)
	}
	return got == want
}

// find follows a path such as a.b.0.c into an answer. A list's count is how many
// elements it has, and a single point is all of the answer.
func find(answer any, path string) (any, error) {
	if path == "." {
		return answer, nil
	}
	for part := range strings.SplitSeq(path, ".") {
		switch holder := answer.(type) {
		case map[string]any:
			value, there := holder[part]
			if !there {
				return nil, fmt.Errorf("%s: there is no %s", path, part)
			}
			answer = value
		case []any:
			if part == "count" {
				return len(holder), nil
			}
			index, err := strconv.Atoi(part)
			if err != nil || index < 0 || index >= len(holder) {
				return nil, fmt.Errorf("%s: there is no %s among %d elements", path, part, len(holder))
			}
			answer = holder[index]
		default:
			return nil, fmt.Errorf("%s: there is no %s in %v", path, part, answer)
		}
	}
	return answer, nil
}
