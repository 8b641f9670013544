package screen_test

import (
	"strings"
	"testing"
	"time"

	"serin/internal/ui/screen"
	"serin/internal/ui/theme"
)

// The threshold is named, and drawn where it lies in range, in every chart of 5xx that a
// rollout has, however narrow the screen is.
func TestTheThresholdIsInTheChartAtEveryWidth(t *testing.T) {
	for width := screen.LeastWidth; width <= 200; width += 4 {
		s := consoleOf(examples()[screen.Holding], screen.Detail)
		s.Width, s.Height = width, 40
		text := plain(s)
		if !strings.Contains(text, "╌ 0 of 1/10m") && !strings.Contains(text, "╌ 0 of 1 in 10m") && !strings.Contains(text, "in 10m 0  ╌ limit 1") {
			t.Errorf("%d wide it is not named in\n%s", width, text)
		}
		if !strings.Contains(text, "╌╌╌") {
			t.Errorf("%d wide it is not drawn in\n%s", width, text)
		}
	}
}

// Charts that are scrolled back in time say so, by how much, and how to come back.
func TestChartsOfThePastSayThatTheyAre(t *testing.T) {
	s := consoleOf(examples()[screen.Holding], screen.Detail)
	replayed := pages()["replay"]
	for _, one := range []struct {
		state screen.State
		back  time.Duration
		plain bool
		want  string
	}{
		{s, 30 * time.Second, false, " 2xx a minute  ◂ 0:30 ago, → later "},
		{s, 30 * time.Second, true, " 2xx a minute  < 0:30 ago, > later "},
		{s, 3 * time.Hour, false, " 2xx a minute  ◂ 3:00:00 ago, → later "},
		{s, 0, false, " 2xx a minute  ⠤ stable"},
		{replayed, time.Minute, false, " 2xx a minute  ◂ 1:00 back, → later"},
	} {
		one.state.Back = one.back
		if one.plain {
			one.state.Theme = theme.New(true, true, theme.ASCII)
		}
		for _, size := range append([][2]int{{60, 24}}, sizes...) {
			one.state.Width, one.state.Height = size[0], size[1]
			want := one.want
			if size[0] < 80 {
				want, _, _ = strings.Cut(want, ",")
			}
			if text := plain(one.state); !strings.Contains(text, want) {
				t.Errorf("%v back at %v there is no %q in\n%s", one.back, size, want, text)
			}
		}
	}
}
