package screen_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"serin/internal/engine"
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
	"serin/internal/ui/theme"
)

// checkFrame asserts what is true of every frame.
func checkFrame(t *testing.T, name string, s screen.State, c *screen.Cache) {
	t.Helper()
	frame := screen.Draw(s, c)
	lines := strings.Split(frame, "\n")
	if len(lines) != s.Height {
		t.Fatalf("%s at %dx%d has %d lines", name, s.Width, s.Height, len(lines))
	}
	for i, line := range lines {
		if width := ansi.StringWidth(line); width > s.Width {
			t.Fatalf("%s at %dx%d: line %d is %d wide: %q", name, s.Width, s.Height, i, width, line)
		}
		text := ansi.Strip(line)
		if width := ansi.StringWidthWc(text); width > s.Width {
			t.Fatalf("%s at %dx%d: line %d is %d wide by code points: %q", name, s.Width, s.Height, i, width, text)
		}
		for _, char := range text {
			if (char < ' ' || char > '~') && (unicode.IsControl(char) || unicode.Is(unicode.Cf, char)) {
				t.Fatalf("%s at %dx%d: line %d has %U: %q", name, s.Width, s.Height, i, char, line)
			}
		}
		checkStyles(t, name, line)
	}
}

// checkStyles asserts that the escape sequences of a line are styles, and that the last
// one ends them.
func checkStyles(t *testing.T, name, line string) {
	t.Helper()
	open := false
	for rest := line; ; {
		at := strings.IndexByte(rest, '\x1b')
		if at < 0 {
			break
		}
		rest = rest[at+1:]
		end := strings.IndexByte(rest, 'm')
		if end < 0 || strings.Trim(rest[:end], "[0123456789;:") != "" {
			t.Fatalf("%s has a sequence that is no style: %q", name, line)
		}
		open = rest[:end] != "[" && rest[:end] != "[0"
		rest = rest[end+1:]
	}
	if open {
		t.Fatalf("%s has a line that leaves a style open: %q", name, line)
	}
}

// everything are all pages and all states.
func everything() map[string]screen.State {
	all := pages()
	for state, example := range examples() {
		all["detail of "+string(state)] = consoleOf(example, screen.Detail)
		all["overview of "+string(state)] = consoleOf(example, screen.Overview)
	}
	all["zero"] = screen.State{}
	return all
}

func TestEveryFrameHasItsSize(t *testing.T) {
	corners := [][2]int{
		{1, 1},
		{1, 100},
		{400, 1},
		{59, 15},
		{60, 14},
		{60, 15},
		{77, 19},
		{78, 20},
		{99, 24},
		{100, 29},
		{110, 30},
		{139, 30},
		{150, 36},
		{400, 100},
	}
	for name, state := range everything() {
		cache := screen.NewCache()
		for _, size := range corners {
			state.Width, state.Height = size[0], size[1]
			checkFrame(t, name, state, cache)
		}
	}
}

func TestEverySizeOfTheOverview(t *testing.T) {
	state := pages()["guide"]
	state.Dialog = rollBackDialog()
	cache := screen.NewCache()
	for width := 1; width <= 210; width += 2 {
		for height := 1; height <= 64; height += 3 + width%7 {
			state.Width, state.Height = width, height
			checkFrame(t, "overview", state, cache)
		}
	}
	for _, size := range [][2]int{{0, 0}, {-1, 5}, {5, -1}} {
		state.Width, state.Height = size[0], size[1]
		if screen.Draw(state, cache) != "" || screen.At(state, 0, 0) != (screen.Hit{}) || screen.Extent(state, cache) != 0 {
			t.Errorf("something is drawn at %v", size)
		}
	}
}

// Charts without their times tell nothing: where they are not scrolled to, they are whole.
func TestChartsHaveTheirTimesAtEveryHeight(t *testing.T) {
	times := regexp.MustCompile(`└[^\n]+└[^\n]+\n +(\d\d:\d\d(:\d\d)?Z *)+`)
	states, charted := pages(), 0
	for _, state := range []screen.RolloutState{screen.Deploying, screen.RolledBack, screen.Stuck} {
		states["detail of "+string(state)] = consoleOf(examples()[state], screen.Detail)
	}
	for name, state := range states {
		cache := screen.NewCache()
		for _, width := range []int{80, 120, 160} {
			for height := screen.LeastHeight; height <= 64; height++ {
				state.Width, state.Height = width, height
				text := ansi.Strip(screen.Draw(state, cache))
				if !strings.Contains(text, "2xx ") || state.Theme.Symbols == theme.ASCII || state.Dialog != nil || screen.Extent(state, cache) > 0 {
					continue
				}
				charted++
				if !times.MatchString(text) {
					t.Errorf("%s at %dx%d has charts without times:\n%s", name, width, height, text)
				}
			}
		}
	}
	if charted < 100 {
		t.Errorf("only %d frames have charts: they were not found", charted)
	}
}

// hostile are texts that would do harm if they were drawn as they are.
func hostile() []string {
	return []string{
		"\x1b[31mred\x1b[0m\x1b]0;title\x07\r\nnext\x00", "\x1b[2J\x1b[H\x9b31m", "日本語のサービス名はとても長い名前です日本語",
		"\u202eright to left\u202c עברית العربية", "👨\u200d👩\u200d👧 ⚠\ufe0f 👍🏽 🇩🇪", "e\u0301\u0301\u0301 zalgo\u0334\u0335",
		strings.Repeat("long ", 2100), "\xff\xfe broken", "tab\tand\vmore\f", "", strings.Repeat("界", 300), "\u00ad\ufeff\u2028\u2029",
	}
}

// spoiled is an example in which every text from outside is the given one.
func spoiled(text string, page screen.Page) screen.State {
	l := holding().add(
		&engine.Faulted{Fault: engine.ActiveFault{Activity: engine.ReadMetrics, Message: text, Hint: text, Count: 1}},
		&engine.StackProgressed{Name: text, Events: []engine.StackEvent{{Resource: text, Type: text, Status: text, Reason: text}}},
		&engine.Judged{Verdict: holding().failure()},
		&engine.PausedNow{Pause: engine.Pause{
			Kind: engine.PausedByDrift, By: text, Reason: text, Expected: []engine.Target{{Name: text, Weight: 3}}, Found: []engine.Target{{Name: text}},
		}},
		&engine.StuckNow{Stuck: engine.Stuck{Reason: text, Truth: text, Advice: text}},
		&engine.LetGo{By: text, Reason: text})
	s := consoleOf(example{life: l}, page)
	watched := &s.Scene.Services[0]
	watched.Name, watched.Fault, watched.Deployed.Image = text, scene.Fault{Message: text, Hint: text}, text
	r := watched.Rollout.Rollout
	r.Canary.Sha, r.Driver, r.StartedBy, r.ID = text, engine.Driver{Actor: text, Place: text}, text, text
	r.Verdict.Reason, r.Verdict.Warning, r.Leftover, r.Reason = text, text, text, text
	r.CanaryStack.Name, r.Key.Service = text, text
	watched.Health[text] = engine.TaskHealth{Exists: true, Desired: 2, Messages: []string{text}, Stops: []engine.TaskStop{{Reason: text}}}
	s.Scene.Services[1].Name, s.Scene.Services[1].Route.Targets[0].Sha = text, text
	s.Scene.Services[1].Last = &scene.Ended{Sha: text, Outcome: engine.RolledBack, Cause: &engine.Cause{Kind: engine.ByPerson, By: text, Reason: text}, Reason: text}
	s.Scene.Environment, s.Scene.Region, s.Scene.Caller, s.Scene.Page, s.Scene.JournalFault, s.Scene.Alone = text, text, text, text, text, text
	s.Scene.Faults = map[string]scene.Fault{text: {Message: text, Hint: text}}
	s.Selected, s.Notice = text, screen.Notice{Level: screen.Failure, Text: text}
	s.Past = []scene.Past{{Header: engine.Header{ID: text, Key: engine.Key{Service: text}}, Rollout: r}}
	s.PastFault = text
	s.Guide = &screen.Guide{Title: text, Steps: []screen.GuideStep{{Title: text, Text: text}}}
	s.Sections = []screen.Section{{Title: text, Keys: []screen.Key{{Name: text, Does: text, About: text, Why: text}}}}
	s.Keys = s.Sections[0].Keys
	return s
}

func hostileDialog(text string) *screen.Dialog {
	return &screen.Dialog{
		Title: text, Lines: []string{text, text}, Fault: text, Dangerous: true,
		Fields:  []screen.Field{{Label: text, Text: text, Hint: text, Cursor: 7}, {Label: "b", Text: text, Cursor: 1 << 20}},
		Choices: []screen.Choice{{Key: text, Does: text}, {Key: "y", Does: text, Dangerous: true}},
	}
}

func TestWhatComesFromOutsideIsHarmless(t *testing.T) {
	for _, text := range hostile() {
		checkHarmless(t, text, [2]int{30, 4}, [2]int{80, 24}, [2]int{200, 50})
	}
}

func checkHarmless(t *testing.T, text string, sizes ...[2]int) {
	t.Helper()
	for _, page := range []screen.Page{screen.Overview, screen.Detail, screen.Events, screen.History, screen.Help} {
		s := spoiled(text, page)
		for _, size := range sizes {
			s.Width, s.Height = size[0], size[1]
			s.Dialog = nil
			checkFrame(t, "spoiled "+string(page), s, nil)
			s.Dialog = hostileDialog(text)
			checkFrame(t, "dialog over spoiled "+string(page), s, nil)
		}
		s.Filter, s.Filtering, s.Notice = text, true, screen.Notice{}
		checkFrame(t, "filtered "+string(page), s, nil)
	}
	s := spoiled(text, screen.Overview)
	for _, words := range []string{screen.StatusOf(s).Title, strings.ReplaceAll(screen.Summary(s.Scene.Services[0].Rollout, s.Now), "\n", "")} {
		for _, char := range words {
			if unicode.IsControl(char) || unicode.Is(unicode.Cf, char) {
				t.Fatalf("%U is in %q", char, words)
			}
		}
	}
}

func FuzzWhatComesFromOutsideIsHarmless(f *testing.F) {
	for _, text := range hostile() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkHarmless(t, text, [2]int{80, 24}) })
}

func TestASCIIIsASCII(t *testing.T) {
	for name, state := range everything() {
		if state.Width == 0 {
			continue
		}
		state.Theme = theme.New(false, true, theme.ASCII)
		for _, size := range sizes {
			state.Width, state.Height = size[0], size[1]
			for _, char := range screen.Draw(state, nil) {
				if char > 0x7e {
					t.Fatalf("%s at %v has %q", name, size, char)
				}
			}
		}
	}
}

func TestNoTwoStatesLookTheSameWithoutColour(t *testing.T) {
	looks, rows := map[string]screen.RolloutState{}, map[string]screen.RolloutState{}
	for _, state := range screen.RolloutStates() {
		glyph, word := screen.Glance(state)
		if other, taken := looks[glyph+word]; taken {
			t.Errorf("%q looks like %q", state, other)
		}
		looks[glyph+word] = state
		if theme.Width(glyph) != 1 || word == "" {
			t.Errorf("%q has the glyph %q and the word %q", state, glyph, word)
		}
		if state == screen.Idle || state == screen.Split {
			continue // there is no rollout to tell apart
		}
		s := consoleOf(examples()[state], screen.Overview)
		s.Theme = theme.New(true, true, theme.ASCII)
		row := strings.Split(plain(s), "\n")[2]
		if other, taken := rows[row]; taken || !strings.Contains(row, word) {
			t.Errorf("the row of %q is %q, like that of %q", state, row, other)
		}
		rows[row] = state
	}
	if len(looks) != 20 {
		t.Errorf("there are %d states", len(looks))
	}
}

func TestAWarmFrameIsTheColdOne(t *testing.T) {
	for name, state := range everything() {
		cache := screen.NewCache()
		cold := screen.Draw(state, nil)
		for range 2 {
			if screen.Draw(state, cache) != cold {
				t.Errorf("%s looks different when it was drawn before", name)
			}
		}
	}
}

func TestTheEventsOfARolloutAreToldOnce(t *testing.T) {
	cache := screen.NewCache()
	s := consoleOf(examples()[screen.Holding], screen.Events)
	s.Width, s.Height = 120, 36
	all := s.Scene.Services[0].Rollout.Events
	for n := 1; n <= len(all); n++ {
		s.Scene.Services[0].Rollout.Events = all[:n]
		screen.Draw(s, cache)
	}
	if warm, cold := screen.Draw(s, cache), screen.Draw(s, nil); warm != cold {
		t.Errorf("followed, it is\n%s\nwant\n%s", ansi.Strip(warm), ansi.Strip(cold))
	}
	s.Scene.Services[0].Rollout.Events = all[:3]
	if warm, cold := screen.Draw(s, cache), screen.Draw(s, nil); warm != cold {
		t.Error("fewer events than before are not told anew")
	}
}

func TestScrollingEndsAtTheEnd(t *testing.T) {
	cache := screen.NewCache()
	s := consoleOf(examples()[screen.RolledBack], screen.Events)
	extent := screen.Extent(s, cache)
	if extent <= 0 {
		t.Fatalf("the events have room in %dx%d", s.Width, s.Height)
	}
	s.Scroll = extent
	last := screen.Draw(s, cache)
	s.Scroll = extent + 1000
	if screen.Draw(s, cache) != last {
		t.Error("one can scroll past the end")
	}
	s.Scroll = extent - 1
	if screen.Draw(s, cache) == last {
		t.Error("the extent is greater than it need be")
	}
}

func TestADeadlineThatIsPastIsNotCountedOn(t *testing.T) {
	s := consoleOf(examples()[screen.Holding], screen.Detail)
	s.Width, s.Now = 120, s.Now.Add(100*time.Second)
	if text := plain(s); !strings.Contains(text, "as soon as the evidence is complete") {
		t.Errorf("it says\n%s", text)
	}
}
