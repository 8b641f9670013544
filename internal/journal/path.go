package journal

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// scheme matches the name before the colon of a journal that is not a plain path. One
// letter is a drive, not a scheme.
var scheme = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([a-z][a-z0-9]+):(.*)$`)
})

// ParsePath reads the value of --journal where it names a file: sqlite:PATH, or a plain
// path.
func ParsePath(value string) (string, error) {
	path := value
	if parts := scheme().FindStringSubmatch(value); parts != nil {
		if parts[1] != "sqlite" {
			return "", fmt.Errorf("--journal %s: there is no journal of the kind %q: write sqlite:PATH, dynamodb:TABLE or a path", value, parts[1])
		}
		path = parts[2]
	}
	if strings.TrimSpace(path) == "" {
		return "", fmt.Errorf("--journal %q: names no file: write sqlite:PATH, or a path", value)
	}
	return path, nil
}

// DefaultPath is where the journal is when nobody says otherwise:
// $XDG_STATE_HOME/serin/journal.db, or ~/.local/state/serin/journal.db (XDG Base
// Directory Specification 0.8: a relative XDG_STATE_HOME is to be ignored). The lookup
// reads one variable of the environment.
func DefaultPath(lookup func(name string) (string, bool)) (string, error) {
	if state, _ := lookup("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "serin", "journal.db"), nil
	}
	home, _ := lookup("HOME")
	if !filepath.IsAbs(home) {
		return "", errors.New("no place for the journal: neither HOME nor XDG_STATE_HOME is set: set one, or give --journal PATH")
	}
	return filepath.Join(home, ".local", "state", "serin", "journal.db"), nil
}
