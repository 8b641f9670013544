package headless_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"serin/internal/engine"
	"serin/internal/headless"
)

// hostile are texts from outside that a terminal would obey.
func hostile() []string {
	return []string{
		"\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\u009b31m", "abc\u202edef\u2066", "\xff\xfe", "a\r\nb\x00\x7f",
		strings.Repeat("ä", 10_000), strings.Repeat("\x1b[", 5_000), "\u2028\u061c", "\x1b\x1b[[31mm",
	}
}

// FuzzPrinters puts a text into every name, reason and message of every story: what is
// printed is lines of text that a terminal shows, and JSON lines with the same meaning.
func FuzzPrinters(f *testing.F) {
	for _, text := range hostile() {
		f.Add(text, "succeeded")
	}
	for name := range stories() {
		f.Add("\x1b[2J\u202e", name)
	}
	all := stories()
	f.Fuzz(func(t *testing.T, text, name string) {
		told, known := all[name]
		if !known {
			return
		}
		var short, verbose, lines bytes.Buffer
		path := filepath.Join(t.TempDir(), "report.xml")
		junit, err := headless.NewJUnit(path)
		if err != nil {
			t.Fatal(err)
		}
		nasty := story{events: poisoned(t, told.events, text)}
		ending := engine.Ending{Outcome: endings()[name].Outcome, Reason: text, Leftover: text}
		if err := nasty.tell(ending, headless.NewText(&short, false), headless.NewText(&verbose, true), headless.NewJSON(&lines), junit); err != nil {
			t.Fatal(err)
		}
		report, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, printed := range []string{short.String(), verbose.String(), lines.String(), string(report)} {
			isHarmless(t, printed)
		}
		checkText(t, verbose.String())
		checkReport(t, report)
		for line := range strings.Lines(verbose.String()) {
			if utf8.RuneCountInString(line) > 4100 {
				t.Errorf("a line has %d characters", utf8.RuneCountInString(line))
			}
		}
		for line := range strings.Lines(lines.String()) {
			if !json.Valid([]byte(line)) {
				t.Errorf("%q is not JSON", line)
			}
		}
	})
}

// isHarmless finds what a terminal would obey: nothing but ends of lines.
func isHarmless(t *testing.T, printed string) {
	t.Helper()
	for i, r := range printed {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			t.Fatalf("%q is printed: …%q", r, printed[max(0, i-20):min(len(printed), i+20)])
		}
	}
}

// poisoned are events with a text in place of every text in them, but for those that
// steer what happens.
func poisoned(t *testing.T, events []engine.Event, text string) []engine.Event {
	t.Helper()
	steering := map[string]bool{"kind": true, "at": true, "result": true, "on_timeout": true, "spec": true, "outcome": true, "document": true}
	var poison func(name string, value any) any
	poison = func(name string, value any) any {
		if steering[name] {
			return value
		}
		switch value := value.(type) {
		case map[string]any:
			for key, member := range value {
				value[key] = poison(key, member)
			}
		case []any:
			for i, element := range value {
				value[i] = poison(name, element)
			}
		case string:
			if _, err := time.Parse(time.RFC3339, value); err != nil {
				return text
			}
		}
		return value
	}
	var all []engine.Event
	for _, event := range events {
		written, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		var tree map[string]any
		if err := json.Unmarshal(written, &tree); err != nil {
			t.Fatal(err)
		}
		if body, is := tree["body"].(map[string]any); is {
			tree["body"] = poison("", body)
		}
		tree["actor"] = text
		if written, err = json.Marshal(tree); err != nil {
			t.Fatal(err)
		}
		var changed engine.Event
		if err := json.Unmarshal(written, &changed); err != nil {
			t.Fatalf("%v: %s", err, written)
		}
		all = append(all, changed)
	}
	return all
}
