package ui

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestFieldEdits(t *testing.T) {
	family := "👨‍👩‍👧"
	f := &field{}
	steps := []struct {
		name, text   string
		want         string
		wantGraphems int
	}{
		{"a", "a", "a", 1},
		{"é", "e\u0301", "ae\u0301", 2},
		{"👨", family, "ae\u0301" + family, 3},
		{"left", "", "ae\u0301" + family, 2},
		{"backspace", "", "a" + family, 1},
		{"delete", "", "a", 1},
		{"space", " ", "a ", 2},
		{"b", "b", "a b", 3},
		{"home", "", "a b", 0},
		{"right", "", "a b", 1},
		{"end", "", "a b", 3},
		{"ctrl+w", "", "a ", 2},
		{"ctrl+u", "", "", 0},
		{"backspace", "", "", 0},
		{"delete", "", "", 0},
		{"left", "", "", 0},
	}
	for _, step := range steps {
		if !f.key(step.name, step.text) {
			t.Fatalf("%s was not for the field", step.name)
		}
		if shown := f.shown(); shown.Text != step.want || shown.Cursor != step.wantGraphems {
			t.Fatalf("after %s: %q with the cursor at %d, want %q at %d", step.name, shown.Text, shown.Cursor, step.want, step.wantGraphems)
		}
	}
	for _, name := range []string{"enter", "up", "down", "f5"} {
		if f.key(name, "") {
			t.Errorf("%s was taken by the field", name)
		}
	}
	f.insert(strings.Repeat("日", 1000))
	if len(f.text) > fieldLimit {
		t.Fatalf("%d bytes", len(f.text))
	}
}

func TestFieldOffers(t *testing.T) {
	f := &field{offers: []string{"app:fixed", "app:flaky"}}
	for i, want := range []string{"app:fixed", "app:flaky", "app:fixed"} {
		f.key("down", "")
		if f.text != want {
			t.Fatalf("step %d: %q", i, f.text)
		}
	}
	f.key("up", "")
	if f.text != "app:flaky" {
		t.Fatalf("up: %q", f.text)
	}
	f.set("typed")
	f.key("up", "")
	if f.text != "app:flaky" {
		t.Fatalf("up from what was typed: %q", f.text)
	}
}

func FuzzField(f *testing.F) {
	f.Add("a\x1b]0;x\x07b\r\n", "left")
	f.Add("👨‍👩‍👧é", "backspace")
	f.Fuzz(func(t *testing.T, text, key string) {
		line := &field{}
		for _, name := range []string{"", key, "left", key, "ctrl+w"} {
			if name == "" {
				line.insert(text)
			} else {
				line.key(name, "")
			}
			line.insert(text)
			if !utf8.ValidString(line.text) || strings.ContainsFunc(line.text, unicode.IsControl) || len(line.text) > fieldLimit {
				t.Fatalf("the text is %q", line.text)
			}
			if line.cursor < 0 || line.cursor > len(line.text) {
				t.Fatalf("the cursor is at %d of %d", line.cursor, len(line.text))
			}
		}
	})
}
