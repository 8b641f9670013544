package aws

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestCleanDropsWhatATerminalWouldObey(t *testing.T) {
	cases := map[string]struct{ in, want string }{
		"plain":              {"Rate exceeded", "Rate exceeded"},
		"escape sequence":    {"a\x1b[31mred\x1b[0m", "a[31mred[0m"},
		"title":              {"\x1b]0;owned\x07done", "]0;owneddone"},
		"lines":              {"one\r\n  two\tthree\n", "one two three"},
		"c1 control":         {"a\u009bb", "ab"},
		"direction override": {"abc\u202edef", "abcdef"},
		"invalid":            {"a\xffb", "a\uFFFDb"},
		"other scripts":      {"größer 漢字", "größer 漢字"},
		"empty":              {"", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := clean(c.in); got != c.want {
				t.Errorf("clean(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

func TestCleanBoundsTheLength(t *testing.T) {
	got := clean(strings.Repeat("ä", 5000))
	if n := utf8.RuneCountInString(got); n != textLimit+1 || !strings.HasSuffix(got, "…") {
		t.Errorf("%d runes, ending in %q", n, got[len(got)-3:])
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b[31m\n\u202e\xff")
	f.Fuzz(func(t *testing.T, in string) {
		out := clean(in)
		if !utf8.ValidString(out) || strings.ContainsFunc(out, unicode.IsControl) {
			t.Errorf("clean(%q) = %q", in, out)
		}
		if clean(out) != out && utf8.RuneCountInString(out) < textLimit {
			t.Errorf("clean is not done after once: %q, %q", out, clean(out))
		}
	})
}

func TestListIsASentence(t *testing.T) {
	for want, names := range map[string][]string{
		"": nil, "a": {"a"}, "a and b": {"a", "b"}, "a, b and c": {"a", "b", "c"},
	} {
		if got := list(names); got != want {
			t.Errorf("list(%q) = %q, want %q", names, got, want)
		}
	}
}
