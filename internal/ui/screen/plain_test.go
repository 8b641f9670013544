package screen_test

import (
	"strings"
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
	"serin/internal/ui/theme"
)

// line is the first line of a frame that has a text.
func line(t *testing.T, s screen.State, part string) string {
	t.Helper()
	for drawn := range strings.Lines(plain(s)) {
		if strings.Contains(drawn, part) {
			return drawn
		}
	}
	t.Fatalf("no line has %q:\n%s", part, plain(s))
	return ""
}

func lineHas(t *testing.T, s screen.State, of string, parts ...string) {
	t.Helper()
	drawn := line(t, s, of)
	for _, part := range parts {
		if !strings.Contains(drawn, part) {
			t.Errorf("%q is not in:\n%s", part, drawn)
		}
	}
}

// The list has the weights that the router has, of those services too that nothing
// happens to; a service whose route was never read has none.
func TestTheListHasEveryServicesWeight(t *testing.T) {
	full := strings.Repeat(theme.Full, 10)
	for _, state := range []screen.RolloutState{screen.Succeeded, screen.RolledBack} {
		lineHas(t, consoleOf(examples()[state], screen.Overview), string(state), full+" 100 %")
	}
	s := consoleOf(examples()[screen.Holding], screen.Overview)
	lineHas(t, s, "yelb-ui", full+" 100 %", "idle")
	both := &s.Scene.Services[3].Route
	both.Targets = []engine.Target{{Name: "a", Sha: "a", Weight: 30}, {Name: "b", Sha: "b", Weight: 70}}
	lineHas(t, s, "yelb-ui", strings.Repeat(theme.Full, 7)+theme.Shade, " 70 %")
	*both = engine.Route{}
	lineHas(t, s, "yelb-ui", theme.Shade+"   "+theme.None)
}

// Weights that cannot be read any more are not told as those of now.
func TestWeightsThatMayHaveChanged(t *testing.T) {
	s := consoleOf(examples()[screen.Paused], screen.Detail)
	lineHas(t, s, " canary", " 30 % now,  30 % asked")
	s.Scene.Services[0].Fault = scene.Fault{Message: "connection refused", Since: s.Now}
	lineHas(t, s, " canary", " 30 % now,  30 % asked")
	s.Now = s.Now.Add(26 * time.Second)
	lineHas(t, s, " canary", " 30 % last known, 28 s ago,  30 % asked")
	s.Page = screen.Overview
	lineHas(t, s, "‖ paused", " 30 %?")

	s.Scene.Services[0].Fault = scene.Fault{}
	lineHas(t, s, "‖ paused", " 30 %  ")
	s.Now = s.Now.Add(time.Minute)
	lineHas(t, s, "‖ paused", " 30 %?")
	s.Scene.Services[3].Fault = scene.Fault{Message: "connection refused", Since: s.Now}
	s.Page, s.Selected = screen.Detail, "yelb-ui"
	lineHas(t, s, " serves", "100 % last known, 1:30 ago")
}

// A rollout that was let go of looks like none that somebody drives.
func TestHeldIsNotPaused(t *testing.T) {
	for _, page := range []screen.Page{screen.Overview, screen.Detail} {
		s := consoleOf(examples()[screen.Held], page)
		s.Width, s.Height = 120, 36
		lineHas(t, s, "HELD", "nobody drives it")
		if strings.Contains(plain(s), "PAUSED") {
			t.Errorf("it is paused too:\n%s", plain(s))
		}
	}
	s := consoleOf(examples()[screen.Held], screen.History)
	r := examples()[screen.Held].watched().Rollout.Rollout
	s.Past = []scene.Past{{Header: engine.Header{ID: r.ID, Key: r.Key, Open: true, StartedAt: r.StartedAt}, Rollout: r}}
	lineHas(t, s, "3f2a91c0", theme.Hold+" held")
}

// Steps that a full promotion passed over never ran.
func TestSkippedStepsAreNotTicked(t *testing.T) {
	s := consoleOf(examples()[screen.Baking], screen.Detail)
	s.Width = 200
	lineHas(t, s, " steps", "10 ✔", "20 ✔", "30 ✔", "40 –", "90 –", "bake █")
	s = consoleOf(examples()[screen.Holding], screen.Detail)
	lineHas(t, s, " steps", "10 ✔", "20 ✔", "30 ●")
}

// The metric period that still runs ends in the future. Evidence is never from there.
func TestEvidenceIsNeverOfTheFuture(t *testing.T) {
	e := examples()[screen.Holding]
	v := e.life.verdict()
	v.EvidenceTo = e.life.at.Add(44 * time.Second)
	e.life.add(&engine.Judged{Verdict: v})
	s := consoleOf(e, screen.Detail)
	s.Width = 120
	lineHas(t, s, " verdict", "evidence to "+s.Now.UTC().Format("15:04:05Z")+", 0 s old")
}

// Keys that cannot act are told without colours, and without anything but ASCII.
func TestDisabledKeysAreBracketed(t *testing.T) {
	for _, look := range []theme.Theme{theme.New(true, false, theme.ASCII), theme.New(true, true, theme.Braille)} {
		s := consoleOf(examples()[screen.Holding], screen.Detail)
		s.Theme = look
		lineHas(t, s, "roll back", "(t take over)")
	}
}

// Who asked is told with the place that was asked from, and without where the caller is
// registered.
func TestWhoAskedIsTold(t *testing.T) {
	e := examples()[screen.Paused]
	e.life = holding().paused(engine.Pause{
		Kind: engine.PausedByPerson, By: "lee@desk (arn:aws:sts::123456789012:assumed-role/deploy/lee)", Reason: "looking",
	})
	lineHas(t, consoleOf(e, screen.Detail), "lee@desk (deploy/lee) at", "by lee@desk")
}
