package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"serin/internal/aws"
	"serin/internal/aws/dynamojournal"
)

func TestChooseJournal(t *testing.T) {
	p := &program{lookup: func(name string) (string, bool) {
		home, is := map[string]string{"HOME": "/home/kim"}[name]
		return home, is
	}}
	for flag, want := range map[string]journalChoice{
		"":                         {path: "/home/kim/.local/state/serin/journal.db", unnamed: true},
		"journal.db":               {path: "journal.db"},
		"sqlite:/tmp/a.db":         {path: "/tmp/a.db"},
		"dynamodb:ecs-blog_serin.": {table: "ecs-blog_serin."},
		"dynamodb:arn:aws:dynamodb:us-west-2:123456789012:table/team-serin": {table: "arn:aws:dynamodb:us-west-2:123456789012:table/team-serin"},
	} {
		got, err := p.chooseJournal(flag)
		got.tell = nil
		if err != nil || got.table != want.table || got.path != want.path || got.unnamed != want.unnamed {
			t.Errorf("%q is read as %+v (%v), want %+v", flag, got, err, want)
		}
	}
	for _, flag := range []string{"dynamodb:", "dynamodb:a", "dynamodb:two words", "redis:x"} {
		if got, err := p.chooseJournal(flag); err == nil || !strings.Contains(err.Error(), "dynamodb:TABLE") {
			t.Errorf("%q is read as %+v (%v), want an error that says what to write", flag, got, err)
		}
	}
}

// answering is an account whose DynamoDB gives one answer to everything; it counts how
// often it was asked.
func answering(t *testing.T, status int, code string) (*account, *atomic.Int64) {
	t.Helper()
	return answeringBeside(t, "", status, code)
}

// answeringBeside is answering where everything else is reached at an endpoint; where that
// is everything, DynamoDB has none of its own.
func answeringBeside(t *testing.T, endpoint string, status int, code string) (*account, *atomic.Int64) {
	t.Helper()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"said by the test"}`, code)
	}))
	t.Cleanup(server.Close)
	own, none := server.URL, filepath.Join(t.TempDir(), "none")
	if endpoint == everything {
		endpoint, own = own, ""
	}
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_CA_BUNDLE": "", "AWS_ENDPOINT_URL": endpoint,
		"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL_DYNAMODB": own,
	} {
		t.Setenv(name, value)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	clients, err := aws.Connect(t.Context(), aws.Options{Region: "us-west-2", Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return &account{clients: clients, caller: aws.Caller{Account: "123456789012", Region: "us-west-2"}}, &asked
}

// everything stands for the endpoint that answers for DynamoDB too.
const everything = "everything"

// Where DynamoDB has an endpoint of its own beside a sandbox, the table there is found, and
// it is said when there is none.
func TestATableBesideASandboxIsFound(t *testing.T) {
	for _, test := range []struct {
		status     int
		code, want string
	}{{status: 200}, {400, "ResourceNotFoundException", "there is no table team-serin"}} {
		there, asked := answeringBeside(t, "http://127.0.0.1:1", test.status, test.code)
		log, err := journalChoice{path: filepath.Join(t.TempDir(), "journal.db"), unnamed: true}.open(t.Context(), there, "team")
		if err != nil {
			t.Fatal(err)
		}
		if _, team := log.(teamLog); team != (test.want == "") || asked.Load() == 0 || !strings.Contains(log.alone(), test.want) {
			t.Errorf("the journal is a %T, and says %q", log, log.alone())
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Only a table that is certainly not there, or not for these credentials, is replaced by
// a file: others may be writing to it.
func TestWithoutANameTheEnvironmentsTableIsTheJournal(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		code   string
		// alone is what is said of a file in its place; fails of an error.
		alone, fails string
	}{
		"there":     {status: 200},
		"missing":   {status: 400, code: "ResourceNotFoundException", alone: "there is no table team-serin in us-west-2"},
		"denied":    {status: 400, code: "AccessDeniedException", alone: "these credentials may not read a table team-serin in us-west-2"},
		"another's": {status: 400, code: "ValidationException", fails: "it is not a journal"},
		"down":      {status: 500, code: "InternalServerError", fails: "it cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			there, _ := answering(t, test.status, test.code)
			var told []string
			chosen := journalChoice{
				path: filepath.Join(t.TempDir(), "journal.db"), unnamed: true,
				tell: func(line string) { told = append(told, line) },
			}
			log, err := chosen.open(t.Context(), there, "team")
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Fatalf("error is %v, want one with %q", err, test.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = log.Close() }()
			if _, team := log.(teamLog); team != (test.alone == "") {
				t.Errorf("the journal is a %T", log)
			}
			said := strings.Join(told, "\n")
			if said != log.alone() || !strings.Contains(said, test.alone) || (said == "") != (test.alone == "") {
				t.Errorf("said %q, and the journal says %q, want %q", said, log.alone(), test.alone)
			}
			if test.alone != "" && (!strings.Contains(said, "nobody else can see") || !strings.Contains(said, chosen.path)) {
				t.Errorf("%q does not say who can see the rollouts, or where they are", said)
			}
		})
	}
}

// A table that was named is never replaced, and what answers in place of AWS is not asked
// for one.
func TestANameIsMeant(t *testing.T) {
	there, asked := answering(t, 400, "ResourceNotFoundException")
	path := filepath.Join(t.TempDir(), "journal.db")
	_, err := journalChoice{table: "team-serin", path: path}.open(t.Context(), there, "team")
	if table, is := errors.AsType[*dynamojournal.TableError](err); !is || table.Table != "team-serin" {
		t.Errorf("error is %v, want one of the table", err)
	}
	before := asked.Load()
	sandbox, askedThere := answeringBeside(t, everything, 400, "ResourceNotFoundException")
	for _, chosen := range []journalChoice{{path: path}, {path: path, unnamed: true}} {
		if chosen.unnamed {
			there = sandbox
		}
		log, err := chosen.open(t.Context(), there, "team")
		if err != nil {
			t.Fatal(err)
		}
		if log.alone() != "" {
			t.Errorf("it is said that %q", log.alone())
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	}
	if asked.Load() != before || askedThere.Load() > 0 {
		t.Error("DynamoDB was asked for a table that nobody meant")
	}
}
