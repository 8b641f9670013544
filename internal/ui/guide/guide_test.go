package guide

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/charmbracelet/x/ansi"
	"go.uber.org/goleak"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
	"serin/internal/ui/theme"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// of is a scene of the demo's service with a rollout.
func of(rollout *scene.Rollout) scene.Scene {
	return scene.Scene{Page: "http://127.0.0.1:1234", Services: []scene.Service{
		{Name: "yelb-db"}, {Name: Service, Rollout: rollout},
	}}
}

// rolling is a rollout of an image with events.
func rolling(image string, bodies ...engine.Body) *scene.Rollout {
	made := &scene.Rollout{}
	made.Rollout = &engine.Rollout{Canary: engine.Version{Sha: "9bd0417e", Image: "1234.example/" + image}}
	for i, body := range bodies {
		made.Events = append(made.Events, engine.Event{Seq: int64(i) + 1, Body: body})
	}
	return made
}

func visited() scene.Scene {
	shown := of(nil)
	buckets := make([]analysis.Bucket, seen)
	buckets[0].Start = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	buckets[seen-1].Start = buckets[0].Start.Add(looking)
	shown.Services[1].Responses = map[string][]analysis.Bucket{"c046a66a": buckets}
	return shown
}

func watched() scene.Scene {
	rollout := rolling(Fixed)
	rollout.Marks = []scene.Mark{{Weight: 10}, {Weight: 20}, {Weight: 30}}
	rollout.Rollout.Verdict.Result, rollout.Rollout.Phase = analysis.Pass, engine.Holding
	return of(rollout)
}

func promoted() scene.Scene {
	return of(rolling(Fixed, &engine.StepPassed{}, &engine.StepPassed{By: "kim", Fully: true}))
}

func ended(image string, outcome engine.Outcome, cause engine.CauseKind) scene.Scene {
	rollout := rolling(image)
	rollout.Rollout.Outcome = outcome
	if cause != "" {
		rollout.Rollout.Cause = &engine.Cause{Kind: cause}
	}
	return of(rollout)
}

func paused() scene.Scene {
	return of(rolling(Flaky, &engine.PausedNow{Pause: engine.Pause{Kind: engine.PausedByPerson}}))
}

// story are scenes in which one more step is done each.
func story() []scene.Scene {
	return []scene.Scene{
		visited(), of(rolling(Fixed)), watched(), promoted(), ended(Fixed, engine.Succeeded, ""),
		of(rolling(WrongPort)), ended(WrongPort, engine.RolledBack, engine.ByVerdict), paused(),
		ended(Flaky, engine.RolledBack, engine.ByPerson),
	}
}

func TestEveryStepIsFoundInTheScene(t *testing.T) {
	follow := Follow()
	if panel := follow(of(nil)); panel.Present != 0 || panel.Steps[0].Done || !strings.Contains(panel.Steps[0].Text, "http://127.0.0.1:1234") {
		t.Fatalf("at first: %+v", panel)
	}
	scenes := story()
	for i, shown := range scenes {
		follow(shown)
		shown.At = shown.At.Add(lingering)
		panel := follow(shown)
		if len(panel.Steps) != len(scenes)+1 || panel.Present != i+1 || !panel.Steps[i].Done {
			t.Fatalf("after step %d, %q: %+v", i+1, panel.Steps[i].Title, panel)
		}
		for _, step := range panel.Steps {
			if step.Title == "" || strings.Contains(step.Text+step.Brief, "{") {
				t.Errorf("%+v", step)
			}
		}
	}
}

// After the last step the guide says that the demo is done, and what to read next.
func TestTheDemoHasAnEnd(t *testing.T) {
	follow := Follow()
	var panel *screen.Guide
	for _, shown := range story() {
		panel = follow(shown)
	}
	last := panel.Steps[panel.Present]
	for _, words := range []string{"q leaves", "serin --help", "README"} {
		if !strings.Contains(last.Text, words) || !strings.Contains(last.Brief, words) {
			t.Errorf("there is no %q in %+v", words, last)
		}
	}
	if !last.Done {
		t.Errorf("it is not done: %+v", last)
	}
}

// A roll back is over in seconds: its step stays for a while and says where to look, unless
// the next one is done before.
func TestTheRollBackIsShownForAWhile(t *testing.T) {
	follow := Follow()
	scenes := story()
	for _, shown := range scenes[:6] {
		follow(shown)
	}
	over, noon := scenes[6], time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	over.At = noon
	panel := follow(over)
	if step := panel.Steps[panel.Present]; panel.Present != 6 || !step.Done || !strings.Contains(step.Text, "charts") {
		t.Errorf("at step %d it says %+v", panel.Present+1, step)
	}
	over.At = noon.Add(lingering - time.Second)
	if panel = follow(over); panel.Present != 6 {
		t.Errorf("soon after it is at step %d", panel.Present+1)
	}
	over.At = noon.Add(lingering)
	if panel = follow(over); panel.Present != 7 || panel.Steps[6].Text == steps()[6].afterwards.text {
		t.Errorf("later it is at step %d, and says %q", panel.Present+1, panel.Steps[6].Text)
	}
	paused := scenes[7]
	paused.At = noon.Add(time.Second)
	soon := Follow()
	for _, shown := range append(scenes[:6:6], scenes[6], paused) {
		panel = soon(shown)
	}
	if panel.Present != 8 {
		t.Errorf("gone on at once, it is at step %d", panel.Present+1)
	}
}

// The first step leaves time to read it; whoever deploys has gone on.
func TestTheFirstStepIsNotOverAtOnce(t *testing.T) {
	shown := visited()
	buckets := shown.Services[1].Responses["c046a66a"]
	buckets[seen-1].Start = buckets[0].Start.Add(looking - time.Second)
	if !hasVisitors(shown.Services[1]) || (Progress{}).After(shown)[0] {
		t.Error("it is over before it can be read")
	}
	if !(Progress{}).After(of(rolling(Fixed)))[0] {
		t.Error("it is not over when the fix is deployed")
	}
}

// A rollout that ended before its step was done is said to be over, and what to do then.
func TestAMissedStepSaysWhatToDo(t *testing.T) {
	follow := Follow()
	for _, shown := range story()[:7] {
		follow(shown)
	}
	panel := follow(ended(Flaky, engine.RolledBack, engine.ByVerdict))
	if text := panel.Steps[panel.Present].Text; panel.Present != 7 || !strings.Contains(text, "by its verdict") || !strings.Contains(text, "Deploy it again") {
		t.Errorf("at step %d it says %q", panel.Present+1, text)
	}
	if panel = follow(of(rolling(Flaky))); strings.Contains(panel.Steps[panel.Present].Text, "That rollout") {
		t.Errorf("deployed again, it says %q", panel.Steps[panel.Present].Text)
	}
	follow(paused())
	panel = follow(ended(Flaky, engine.Succeeded, ""))
	if text := panel.Steps[panel.Present].Text; panel.Present != 8 || strings.Contains(text, "verdict") || !strings.Contains(text, "press r") {
		t.Errorf("at step %d it says %q", panel.Present+1, text)
	}
}

// panels are all that the guide may say.
func panels() []*screen.Guide {
	var all []*screen.Guide
	for _, image := range []string{"", Fixed, WrongPort, Flaky} {
		shown := ended(image, engine.RolledBack, engine.ByVerdict)
		shown.Page = "http://127.0.0.1:65535"
		all = append(all, (Progress{}).Panel(shown))
	}
	afterwards := (Progress{}).Panel(of(nil))
	for i, step := range steps() {
		if said := step.afterwards.on("http://127.0.0.1:65535"); said.text != "" {
			afterwards.Steps[i].Text, afterwards.Steps[i].Brief = said.text, said.brief
		}
	}
	return append(all, afterwards)
}

// What the guide says is whole on every screen that serin draws on.
func TestTheTextsFitEveryTerminal(t *testing.T) {
	for _, panel := range panels() {
		for i, step := range panel.Steps {
			panel.Present = i
			for _, size := range [][2]int{{screen.LeastWidth, screen.LeastHeight}, {79, 24}, {80, 24}, {120, 36}, {150, 40}} {
				frame := ansi.Strip(screen.Draw(screen.State{
					Width: size[0], Height: size[1], Theme: theme.New(true, false, theme.Braille), Guide: panel, Page: screen.Overview,
				}, nil))
				_, said, _ := strings.Cut(frame, step.Title)
				words := strings.Fields(step.Text)
				if size[0] < 80 && step.Brief != "" {
					words = strings.Fields(step.Brief)
				}
				for _, word := range words {
					var found bool
					if _, said, found = strings.Cut(said, word); !found {
						t.Errorf("at %v there is no %q of %q in\n%s", size, word, step.Title, frame)
						break
					}
				}
			}
		}
	}
}

func TestNothingIsDoneByLookingAlike(t *testing.T) {
	for what, shown := range map[string]scene.Scene{
		"no services":            {},
		"few visitors":           of(nil),
		"a promotion by time":    of(rolling("yelb-appserver:slow", &engine.StepPassed{})),
		"another image":          of(rolling("not-" + Fixed)),
		"a pause by drift":       of(rolling("yelb-appserver:slow", &engine.PausedNow{Pause: engine.Pause{Kind: engine.PausedByDrift}})),
		"a pause of another":     of(rolling("yelb-appserver:slow", &engine.PausedNow{Pause: engine.Pause{Kind: engine.PausedByPerson}})),
		"a rollout without fold": of(&scene.Rollout{}),
	} {
		if missing := (Progress{}).After(shown).Missing(); len(missing) != len(steps()) {
			t.Errorf("%s: only %v are missing", what, missing)
		}
	}
	rolledBack := Progress{}.After(ended(WrongPort, engine.RolledBack, engine.ByPerson))
	if slices.Contains(rolledBack, true) && rolledBack[6] {
		t.Error("a roll back by hand counts as one by a verdict")
	}
}

func TestProgressNeitherShrinksNorChangesWhatItGrewFrom(t *testing.T) {
	before := Progress{}.After(visited())
	after := before.After(of(rolling(WrongPort)))
	if !after[0] || !after[5] || before[5] || len(after.Missing()) != len(steps())-2 {
		t.Errorf("%v became %v", before, after)
	}
}

// actor is a host whose scene changes when the tour presses what it shall press.
type actor struct {
	scene.Host
	mu      sync.Mutex
	latest  *engine.Latest[scene.Scene]
	pressed []string
	// answers are the scenes that follow keys; deaf is how many times the first one is
	// not heard.
	answers map[string]scene.Scene
	deaf    int
}

func (a *actor) Scene() (scene.Scene, <-chan struct{}) { return a.latest.Get() }

func (a *actor) press(key string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pressed = append(a.pressed, key)
	if key == "p" && a.deaf > 0 {
		a.deaf--
		return nil
	}
	typed := strings.Join(a.pressed, "")
	for keys, answer := range a.answers {
		if strings.HasSuffix(typed, keys) {
			a.latest.Put(answer)
		}
	}
	return nil
}

// follow makes one scene after another when the console has been left alone.
func (a *actor) later(scenes ...scene.Scene) {
	for _, shown := range scenes {
		time.Sleep(5 * time.Second)
		a.latest.Put(shown)
	}
}

func (a *actor) player() Player {
	return Player{Host: a, Press: a.press, Between: time.Second, Again: 3 * time.Second, Limit: time.Minute}
}

func TestTheTourDoesEveryStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		promotedOnce := watched()
		promotedOnce.Services[1].Rollout.Events = promoted().Services[1].Rollout.Events
		full := promotedOnce
		full.Services = slices.Clone(full.Services)
		copied := *full.Services[1].Rollout
		rollout := *copied.Rollout
		rollout.Desired.Canary = 100
		copied.Rollout = &rollout
		full.Services[1].Rollout = &copied
		flaky := of(rolling(Flaky))
		flaky.Services[1].Rollout.Marks = []scene.Mark{{Weight: 10}}
		flaky.Services[1].Rollout.Rollout.Phase = engine.Holding
		back := paused()
		back.Services[1].Rollout.Rollout.Cause = &engine.Cause{Kind: engine.ByPerson}
		a := &actor{latest: engine.NewLatest[scene.Scene](), deaf: 2}
		a.answers = map[string]scene.Scene{
			"d" + Fixed + "\ry": of(rolling(Fixed)), "p": promotedOnce, "Py": full,
			"d" + WrongPort + "\ry": of(rolling(WrongPort)), "d" + Flaky + "\ry": flaky, " ": paused(), "r\r": back,
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			a.later(visited())
			for _, step := range []struct {
				so   func(scene.Service) bool
				next scene.Scene
			}{
				{isDeployed(Fixed), watched()},
				{isFull, ended(Fixed, engine.Succeeded, "")},
				{isDeployed(WrongPort), ended(WrongPort, engine.RolledBack, engine.ByVerdict)},
				{isGoingBack, ended(Flaky, engine.RolledBack, engine.ByPerson)},
			} {
				if err := a.player().await(t.Context(), step.so, time.Hour); err != nil {
					t.Error(err)
				}
				a.later(step.next)
			}
		}()
		progress, err := a.player().Play(t.Context())
		<-done
		if err != nil || len(progress.Missing()) > 0 {
			t.Errorf("%v; missing %v; pressed %q", err, progress.Missing(), a.pressed)
		}
		if again := slices.Index(a.pressed, "p"); a.pressed[again+1] != "p" {
			t.Errorf("what was not heard was not pressed again: %q", a.pressed)
		}
	})
}

// A console that is slower than the tour, as on a busy machine, is given time.
func TestTheTourWaitsForASlowConsole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &actor{latest: engine.NewLatest[scene.Scene]()}
		a.latest.Put(visited())
		slow := a.player()
		slow.Between = 400 * time.Millisecond
		asked := time.Now()
		slow.Press = func(key string) error {
			if key == "y" && time.Since(asked) > 2*time.Second {
				a.latest.Put(of(rolling(Fixed)))
			}
			asked = time.Now()
			return nil
		}
		if progress, _ := slow.Play(t.Context()); len(progress) < 2 || !progress[1] {
			t.Errorf("the fix was not deployed: %v", progress)
		}
	})
}

func TestTheTourSaysWhatDidNotHappen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &actor{latest: engine.NewLatest[scene.Scene]()}
		progress, err := a.player().Play(t.Context())
		if !errors.Is(err, errNothing) || len(progress.Missing()) != len(steps()) {
			t.Errorf("%v, missing %v", err, progress.Missing())
		}
		a.latest.Put(visited())
		if _, err = a.player().Play(t.Context()); !errors.Is(err, errNothing) || !strings.Contains(err.Error(), "act 1") {
			t.Errorf("keys without an effect: %v", err)
		}
		gone := errors.New("gone")
		deaf := a.player()
		deaf.Press = func(string) error { return gone }
		if _, err = deaf.Play(t.Context()); !errors.Is(err, gone) {
			t.Errorf("without a console: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err = a.player().Play(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("called off: %v", err)
		}
	})
}
