package journal_test

import (
	"strings"
	"testing"

	"serin/internal/journal"
)

func TestParsePath(t *testing.T) {
	for value, want := range map[string]string{
		"journal.db":           "journal.db",
		"/var/lib/a:b.db":      "/var/lib/a:b.db",
		"sqlite:journal.db":    "journal.db",
		"sqlite:/tmp/a b?c.db": "/tmp/a b?c.db",
	} {
		if got, err := journal.ParsePath(value); err != nil || got != want {
			t.Errorf("%q is read as %q (%v), want %q", value, got, err, want)
		}
	}
	for _, value := range []string{"", " ", "sqlite:", "dynamodb:rollouts"} {
		if got, err := journal.ParsePath(value); err == nil || !strings.Contains(err.Error(), "write sqlite:PATH") {
			t.Errorf("%q is read as %q (%v), want an error that says what to write", value, got, err)
		}
	}
}

func TestDefaultPath(t *testing.T) {
	for _, test := range []struct {
		name, home, state, want string
	}{
		{"home", "/home/kim", "", "/home/kim/.local/state/serin/journal.db"},
		{"XDG", "/home/kim", "/state", "/state/serin/journal.db"},
		{"a relative XDG is ignored", "/home/kim", "state", "/home/kim/.local/state/serin/journal.db"},
		{"neither", "", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			environment := map[string]string{"HOME": test.home, "XDG_STATE_HOME": test.state}
			got, err := journal.DefaultPath(func(name string) (string, bool) {
				value, ok := environment[name]
				return value, ok
			})
			if got != test.want || (err == nil) != (test.want != "") {
				t.Errorf("the path is %q (%v), want %q", got, err, test.want)
			}
		})
	}
}
