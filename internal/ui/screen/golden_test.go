package screen_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"serin/internal/engine"
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
	"serin/internal/ui/theme"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sizes are those that a terminal is likely to have.
var sizes = [][2]int{{80, 24}, {120, 36}, {200, 60}}

// plain is a frame as it looks without styles.
func plain(s screen.State) string {
	var text strings.Builder
	for line := range strings.SplitSeq(ansi.Strip(screen.Draw(s, nil)), "\n") {
		fmt.Fprintln(&text, strings.TrimRight(line, " "))
	}
	return text.String()
}

func compare(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not as it was:\n%s\nwant:\n%s", path, got, want)
	}
}

func compareSizes(t *testing.T, name string, s screen.State) {
	t.Helper()
	for _, size := range sizes {
		s.Width, s.Height = size[0], size[1]
		compare(t, fmt.Sprintf("%s-%dx%d", name, size[0], size[1]), plain(s))
	}
}

func TestStatesLookAsTheyDid(t *testing.T) {
	for state, example := range examples() {
		t.Run(string(state), func(t *testing.T) {
			if got := screen.StateOf(example.watched(), example.life.at); got != state {
				t.Errorf("it is %q", got)
			}
			compareSizes(t, "state-"+string(state), consoleOf(example, screen.Detail))
		})
	}
	idle := consoleOf(examples()[screen.Holding], screen.Detail)
	idle.Selected = "yelb-ui"
	compareSizes(t, "state-idle", idle)
}

// pages are the states of the console beside those of a rollout.
func pages() map[string]screen.State {
	held := func(page screen.Page) screen.State { return consoleOf(examples()[screen.Holding], page) }
	made := map[string]screen.State{
		"overview": held(screen.Overview), "events": held(screen.Events), "help": held(screen.Help), "history": withPast(held(screen.History)),
	}
	with := func(name string, s screen.State, change func(*screen.State)) {
		change(&s)
		made[name] = s
	}
	with("nothing", held(screen.Overview), func(s *screen.State) { s.Scene.Services = nil })
	with("unread", held(screen.Overview), func(s *screen.State) {
		s.Scene.Services, s.Selected = nil, ""
		s.Scene.Faults = map[string]scene.Fault{"the list of services": {
			Message: "list the services of mesh nosuch: NotFoundException: mesh nosuch was not found in account 123456789012",
			Hint:    "check the name of the environment: serin --env NAME; its mesh and its cluster bear the same name",
			Since:   s.Now.Add(-time.Minute),
		}}
	})
	with("filter", held(screen.Overview), func(s *screen.State) { s.Filter, s.Filtering, s.Selected = "ui", true, "yelb-ui" })
	with("frozen", held(screen.Overview), func(s *screen.State) {
		s.Frozen, s.FrozenAt, s.Now, s.ReadOnly = true, s.Now, s.Now.Add(41*time.Second), true
		s.Scene.JournalFault = "database disk image is malformed"
		s.Scene.Faults = map[string]scene.Fault{"the list of services": {
			Message: "ListServices: ExpiredTokenException", Hint: "log in again", Since: s.Now.Add(-time.Minute),
		}}
	})
	with("alone", held(screen.Overview), func(s *screen.State) {
		s.Scene.Alone = "nobody else can see or stop these rollouts: there is no table ecs-blogpost-serin in us-west-2, so the journal is /home/kim/.local/state/serin/journal.db on this machine"
	})
	with("split", held(screen.Overview), func(s *screen.State) { s.Scene.Services[0].Rollout, s.Scene.Services[0].NoRollout = nil, true })
	with("dialog", held(screen.Detail), func(s *screen.State) { s.Dialog = rollBackDialog() })
	with("guide", held(screen.Overview), func(s *screen.State) {
		s.Guide, s.Scene.Page = guide(), "http://127.0.0.1:41234"
		s.Notice = screen.Notice{Level: screen.Warning, Text: "promote was refused: the weight is being changed; promote when it is confirmed"}
	})
	with("guide idle", held(screen.Overview), func(s *screen.State) {
		s.Guide, s.Scene.Page, s.Selected = guide(), "http://127.0.0.1:41234", "yelb-ui"
	})
	with("ascii", held(screen.Overview), func(s *screen.State) { s.Theme = theme.New(true, true, theme.ASCII) })
	with("replay", held(screen.Detail), func(s *screen.State) { s.Replay = examples()[screen.RolledBack].watched().Rollout })
	return made
}

func rollBackDialog() *screen.Dialog {
	return &screen.Dialog{
		Title: "roll back yelb-appserver", Dangerous: true,
		Lines: []string{
			"All traffic goes to stable 3f2a91c0 at once; then the canary 9bd0417e is removed.",
			"It has 30 % of the traffic now, and its verdict is pass.",
		},
		Fields: []screen.Field{{Label: "reason", Text: "odd latencies", Hint: "may stay empty", Cursor: 13}},
		Choices: []screen.Choice{
			{Key: "esc", Does: "do nothing"}, {Key: "y", Does: "roll back", Dangerous: true},
		},
		Focus: 1, Fault: "the reason is longer than 500 characters",
	}
}

func guide() *screen.Guide {
	return &screen.Guide{Title: "THE POST, STEP BY STEP", Present: 1, Steps: []screen.GuideStep{
		{Title: "Look at the weights", Text: "All traffic is on one version.", Done: true},
		{Title: "Deploy the fix", Text: "Open the page in a browser and vote: every vote counts twice. Then press d, choose yelb-appserver and the image yelb-appserver:fixed, and start."},
		{Title: "Watch it"},
		{Title: "Promote early"},
		{Title: "Roll back by hand"},
	}}
}

func withPast(s screen.State) screen.State {
	for _, state := range []screen.RolloutState{screen.Holding, screen.RolledBack, screen.Succeeded, screen.Stuck} {
		r := engine.Fold(examples()[state].life.events)
		s.Past = append(s.Past, scene.Past{Header: engine.Header{ID: r.ID, Key: r.Key, StartedAt: r.StartedAt, LastSeq: r.Seq}, Rollout: r})
	}
	s.Past = append(s.Past, scene.Past{Header: engine.Header{ID: "gone", Key: engine.Key{Service: service}, StartedAt: twoOClock}})
	s.Chosen = 1
	return s
}

func TestPagesLookAsTheyDid(t *testing.T) {
	for name, state := range pages() {
		t.Run(name, func(t *testing.T) { compareSizes(t, "page-"+name, state) })
	}
}

func TestTheSmallestScreensSayWhatTheyNeed(t *testing.T) {
	s := consoleOf(examples()[screen.Stuck], screen.Overview)
	s.Width, s.Height = 50, 10
	if got := plain(s); !strings.HasPrefix(got, "serin needs 60x15\nserin: yelb-appserver 30 % stuck\nthis terminal has 50x10\n") {
		t.Errorf("it says %q", got)
	}
}
