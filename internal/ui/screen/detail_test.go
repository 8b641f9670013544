package screen_test

import (
	"strings"
	"testing"

	"serin/internal/engine"
	"serin/internal/ui/screen"
)

// all is every line that scrolling shows of a page, the heading of each frame included.
func all(s screen.State) string {
	var text strings.Builder
	for s.Scroll = 0; ; s.Scroll++ {
		text.WriteString(plain(s))
		if s.Scroll >= screen.Extent(s, nil) {
			return text.String()
		}
	}
}

// In 80 columns and 24 lines everything that a higher screen has is there, by scrolling.
func TestTheDetailOfEveryStateIsComplete(t *testing.T) {
	for state, example := range examples() {
		s := consoleOf(example, screen.Detail)
		s.Width, s.Height = 80, 24
		text := all(s)
		for _, part := range []string{"2xx ", "5xx ", "└──", " events ─", " stable ", " driver "} {
			if !strings.Contains(text, part) {
				t.Errorf("%s: there is no %q in all of\n%s", state, part, text)
			}
		}
	}
}

// Words that are cut where room is scarce can be read below, to their end.
func TestWhatIsCutCanBeScrolledTo(t *testing.T) {
	l := holding()
	const end = "the-last-of-many-words"
	words := strings.Repeat("UpdateRoute was refused by the mesh of another team and so on. ", 12) + end
	l.add(&engine.StuckNow{Stuck: engine.Stuck{Reason: words, Truth: "as before", Advice: "ask them", At: l.at}})
	s := consoleOf(example{life: l}, screen.Detail)
	s.Width, s.Height = 80, 24
	if strings.Contains(plain(s), end) || !strings.Contains(plain(s), "▼") {
		t.Fatalf("nothing is cut, or it is not said:\n%s", plain(s))
	}
	if !strings.Contains(all(s), end) {
		t.Fatalf("%q is not in all of\n%s", end, all(s))
	}
	s.Scroll = screen.Extent(s, nil)
	last := plain(s)
	for _, part := range []string{"3f2a91c0 → 9bd0417e", "▲", "STUCK", end} {
		if !strings.Contains(last, part) {
			t.Errorf("%q is not in the last part:\n%s", part, last)
		}
	}
	if strings.Contains(last, "▼") {
		t.Errorf("there is more below the last part:\n%s", last)
	}
}
