package ui

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
)

func four() []scene.Service {
	return []scene.Service{idle("redis"), rolling("yelb-appserver", engine.Holding), idle("yelb-db"), idle("yelb-ui")}
}

func TestSelecting(t *testing.T) {
	rig := newRig(t, hostOf(four()...))
	if rig.m.selected != "yelb-appserver" {
		t.Fatalf("%s is selected, not what is being rolled out", rig.m.selected)
	}
	for _, step := range []struct{ key, want string }{
		{"down", "yelb-db"},
		{"j", "yelb-ui"},
		{"j", "yelb-ui"},
		{"k", "yelb-db"},
		{"g", "redis"},
		{"up", "redis"},
		{"G", "yelb-ui"},
		{"pgup", "redis"},
	} {
		rig.press(step.key)
		if rig.m.selected != step.want {
			t.Fatalf("%s selects %s, want %s", step.key, rig.m.selected, step.want)
		}
	}
	rig.press("j", "enter")
	rig.showsPage(screen.Detail)
	rig.press("e")
	rig.showsPage(screen.Events)
	rig.press("esc")
	rig.showsPage(screen.Detail)
	rig.press("esc")
	rig.showsPage(screen.Overview)
	rig.press("esc")
	rig.says("q leaves")
}

func TestOpenOnAService(t *testing.T) {
	rig := newRig(t, hostOf(four()...), func(o *Options) { o.Service = "yelb-db" })
	rig.showsPage(screen.Detail)
	if rig.m.selected != "yelb-db" {
		t.Fatalf("%s is selected", rig.m.selected)
	}
}

func TestFiltering(t *testing.T) {
	rig := newRig(t, hostOf(four()...))
	rig.press("/", "dbq", "backspace")
	if !rig.m.state().Filtering || rig.m.quitting {
		t.Fatal("the filter is not typed")
	}
	if got := rig.m.listed(); !slices.Equal(got, []string{"yelb-db"}) || rig.m.selected != "yelb-db" {
		t.Fatalf("listed %v, selected %s", got, rig.m.selected)
	}
	rig.press("enter", "enter")
	rig.showsPage(screen.Detail)
	rig.press("esc", "esc")
	rig.showsPage(screen.Overview)
	if len(rig.m.listed()) != 4 {
		t.Fatalf("esc leaves the filter %q", rig.m.filters[screen.Overview])
	}
	rig.press("/", "nothing", "r")
	rig.noDialog()
	if len(rig.m.listed()) != 0 {
		t.Fatalf("listed %v", rig.m.listed())
	}
	rig.press("esc")
	if len(rig.m.listed()) != 4 {
		t.Fatal("esc does not clear the filter")
	}
}

// A frozen view stands still, and its keys act on what is true.
func TestFreezing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)))
		rig.press("f")
		frozenAt := time.Now()
		time.Sleep(time.Minute)
		rig.host.show(rolling("yelb-appserver", engine.RollingBack, func(r *scene.Rollout) {
			r.Rollout.Cause = &engine.Cause{Kind: engine.ByVerdict, Reason: "5xx"}
		}))
		newest, _ := rig.host.Scene()
		rig.send(sceneMsg{newest})
		shown := rig.m.state()
		if !shown.Frozen || !shown.FrozenAt.Equal(frozenAt) || shown.Scene.Services[0].Rollout.Rollout.Phase != engine.Holding {
			t.Fatalf("the view is not frozen: %s", shown.Scene.Services[0].Rollout.Rollout.Phase)
		}
		if !shown.Now.Equal(time.Now()) || !rig.m.needsTime() {
			t.Error("how long ago it was frozen is not counted")
		}
		rig.press("r")
		rig.noDialog()
		rig.says("rolling back already")
		rig.press("f")
		if rig.m.state().Scene.Services[0].Rollout.Rollout.Phase != engine.RollingBack {
			t.Fatal("the view does not go on")
		}
	})
}

func TestCharts(t *testing.T) {
	service := rolling("yelb-appserver", engine.Holding)
	service.Period = time.Minute
	now := time.Now()
	for i := 180; i > 0; i-- {
		bucket := analysis.Bucket{Start: now.Add(-time.Duration(i) * time.Minute)}
		service.Responses = map[string][]analysis.Bucket{"3f2a91c0": append(service.Responses["3f2a91c0"], bucket)}
	}
	rig := newRig(t, hostOf(service))
	if got := rig.m.span(); got != time.Hour {
		t.Fatalf("the charts show %s of minutes", got)
	}
	rig.press("right")
	rig.says("newest already")
	rig.press("left", "left")
	if rig.m.back != 30*time.Minute {
		t.Fatalf("scrolled back by %s", rig.m.back)
	}
	for range 20 {
		rig.press("left")
	}
	rig.says("nothing older")
	rig.press("right", "+")
	if rig.m.span() != 30*time.Minute {
		t.Fatalf("zoomed to %s", rig.m.span())
	}
	for range 20 {
		rig.press("+")
	}
	rig.says("nothing beyond")
	for range 20 {
		rig.press("-")
	}
	rig.says("nothing beyond")
	if rig.m.span() != 24*time.Hour {
		t.Fatalf("zoomed to %s", rig.m.span())
	}
	quick := rolling("yelb-appserver", engine.Holding)
	quick.Period = time.Second
	if got := newRig(t, hostOf(quick)).m.span(); got != time.Minute {
		t.Fatalf("the charts show %s of seconds", got)
	}
}

// past is the history of a service: a rollout that is over, and the open one.
func past() []scene.Past {
	key := engine.Key{Service: "yelb-appserver"}
	return []scene.Past{
		{Header: engine.Header{ID: "second", Key: key, Open: true}},
		{Header: engine.Header{ID: "first", Key: key}},
	}
}

func TestHistory(t *testing.T) {
	h := hostOf(four()...)
	h.history = func(_ context.Context, service string) ([]scene.Past, error) {
		if service != "yelb-appserver" {
			return nil, errors.New("of " + service)
		}
		return past(), nil
	}
	h.events = func(_ context.Context, id string) ([]engine.Event, error) {
		if id != "first" {
			return nil, errors.New("no events of " + id)
		}
		return []engine.Event{
			{Seq: 1, At: noon(), Body: &engine.Started{ID: "first", Canary: engine.Version{Sha: "9bd0417e"}, Stable: &engine.Version{Sha: "3f2a91c0"}}},
			{Seq: 2, At: noon().Add(time.Minute), Body: &engine.WeightsConfirmed{Stable: 90, Canary: 10}},
			{Seq: 3, At: noon().Add(2 * time.Minute), Body: &engine.TrafficReturned{}},
			{Seq: 4, At: noon().Add(3 * time.Minute), Body: &engine.Finished{Outcome: engine.RolledBack, Reason: "5xx"}},
		}, nil
	}
	rig := newRig(t, h)
	rig.press("h")
	rig.showsPage(screen.History)
	rig.press("j", "j", "enter")
	rig.showsPage(screen.Detail)
	replay := rig.m.state().Replay
	if replay == nil || replay.Rollout.Outcome != engine.RolledBack || len(replay.Events) != 4 {
		t.Fatalf("replayed %+v; the notice is %q", replay, rig.m.notice.Text)
	}
	want := []scene.Mark{{At: noon().Add(time.Minute), Weight: 10}, {At: noon().Add(2 * time.Minute)}}
	if !slices.Equal(replay.Marks, want) {
		t.Errorf("the marks are %v", replay.Marks)
	}
	rig.press("e")
	rig.showsPage(screen.Events)
	if rig.m.state().Replay == nil {
		t.Error("the events are not the replayed ones")
	}
	rig.press("esc", "esc")
	rig.showsPage(screen.History)
	if rig.m.state().Replay != nil {
		t.Error("the history replays")
	}
	rig.press("e")
	rig.showsPage(screen.Events)
	if replay := rig.m.state().Replay; replay == nil || replay.Rollout.ID != "first" {
		t.Errorf("e in the history shows the events of %+v", replay)
	}
	rig.press("esc")
	rig.showsPage(screen.History)
	rig.press("g", "enter")
	rig.showsPage(screen.Detail)
	if rig.m.state().Replay != nil {
		t.Error("an open rollout is replayed")
	}
}

// A console can be opened on a rollout that is over; back is the history, and then the
// list.
func TestTheConsoleOpensOnAReplay(t *testing.T) {
	h := hostOf(four()...)
	h.history = func(context.Context, string) ([]scene.Past, error) { return past(), nil }
	h.events = func(_ context.Context, id string) ([]engine.Event, error) {
		return []engine.Event{
			{Seq: 1, At: noon(), Body: &engine.Started{ID: id, Canary: engine.Version{Sha: "9bd0417e"}}},
			{Seq: 2, At: noon().Add(time.Minute), Body: &engine.Finished{Outcome: engine.RolledBack, Reason: "5xx"}},
		}, nil
	}
	rig := newRig(t, h, func(o *Options) { o.Service, o.Replay = "yelb-appserver", "first" })
	rig.follow(rig.m.Init())
	rig.showsPage(screen.Detail)
	if replay := rig.m.state().Replay; replay == nil || replay.Rollout.ID != "first" {
		t.Fatalf("replayed %+v; the notice is %q", replay, rig.m.notice.Text)
	}
	rig.press("f")
	rig.says("stands still")
	if span := rig.m.state().Span; span != 2*time.Minute {
		t.Errorf("of a minute's rollout the charts show %s", span)
	}
	rig.press("esc")
	rig.showsPage(screen.History)
	if len(rig.m.state().Past) != 2 {
		t.Error("the history is empty")
	}
	rig.press("esc", "esc")
	rig.showsPage(screen.Overview)
}

func TestHistoryFails(t *testing.T) {
	h := hostOf(idle("yelb-ui"))
	h.history = func(context.Context, string) ([]scene.Past, error) { return nil, errors.New("the disk is full") }
	rig := newRig(t, h)
	rig.press("h", "enter")
	if rig.m.state().PastFault != "the disk is full" {
		t.Errorf("the fault is %q", rig.m.state().PastFault)
	}
	rig.says("no rollout")
}

// A slow answer to an older question does not overwrite the newer one's.
func TestOldAnswersAreDropped(t *testing.T) {
	rig := newRig(t, hostOf(four()...))
	var answers []answerMsg
	for _, service := range []string{"yelb-ui", "yelb-db"} {
		rig.host.history = func(context.Context, string) ([]scene.Past, error) {
			return []scene.Past{{Header: engine.Header{ID: service}}}, nil
		}
		cmd := rig.m.readHistory()
		answer, is := cmd().(answerMsg)
		if !is {
			t.Fatal("no answer")
		}
		answers = append(answers, answer)
	}
	rig.send(answers[1])
	rig.send(answers[0])
	if rig.m.past[0].Header.ID != "yelb-db" {
		t.Fatalf("the history is %v", rig.m.past)
	}
}

func TestCopying(t *testing.T) {
	rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding), idle("zebra")))
	_, cmd := rig.m.Update(keysOf("y")[0])
	if len(messages(cmd)) == 0 {
		t.Fatal("nothing is copied")
	}
	rig.says("clipboard")
	rig.press("j", "y")
	rig.says("no rollout to copy")
}

func TestMouse(t *testing.T) {
	rig := newRig(t, hostOf(four()...))
	rig.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	rig.send(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
	if rig.m.selected != "yelb-db" {
		t.Fatalf("the wheel selects %s", rig.m.selected)
	}
	clickOn(rig, func(hit screen.Hit) bool { return hit.Service == "redis" })
	if rig.m.selected != "redis" {
		t.Fatalf("the click selects %s", rig.m.selected)
	}
	clickOn(rig, func(hit screen.Hit) bool { return hit.Service == "redis" })
	rig.showsPage(screen.Detail)
	rig.press("esc")
	clickOn(rig, func(hit screen.Hit) bool { return hit.Service == "yelb-appserver" })
	clickOn(rig, func(hit screen.Hit) bool { return hit.Key == "r" })
	if !strings.HasPrefix(rig.dialog().title, "Roll back") {
		t.Fatalf("the dialog is %q", rig.m.dialog.title)
	}
	clickOn(rig, func(hit screen.Hit) bool { return hit.Key == "esc" })
	rig.noDialog()
	rig.press("r")
	clickOn(rig, func(hit screen.Hit) bool { return hit.Key == "y" })
	rig.posts(engine.RollBack)

	rig.press("m")
	if rig.m.View().MouseMode != tea.MouseModeNone {
		t.Fatal("the mouse is not given back")
	}
	rig.send(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
	if rig.m.selected != "yelb-appserver" {
		t.Fatal("the wheel acts though the mouse is off")
	}
}

// clickOn clicks on the first cell with something under it.
func clickOn(rig *rig, wanted func(screen.Hit) bool) {
	rig.Helper()
	for y := range rig.m.height {
		for x := 0; x < rig.m.width; x += 3 {
			if wanted(screen.At(rig.m.state(), x, y)) {
				rig.send(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
				return
			}
		}
	}
	rig.Fatalf("there is nothing to click on:\n%s", screen.Draw(rig.m.state(), nil))
}

// The console turns to what is under way, the loudest first, once, and not after somebody
// has chosen.
func TestWhatIsUnderWayIsSelected(t *testing.T) {
	rig := newRig(t, hostOf(idle("yelb-appserver"), idle("yelb-db"), idle("yelb-ui")))
	show := func(services ...scene.Service) {
		rig.host.show(services...)
		newest, _ := rig.host.Scene()
		rig.send(sceneMsg{newest})
	}
	selects := func(want string) {
		t.Helper()
		if rig.m.selected != want {
			t.Fatalf("%s is selected, want %s", rig.m.selected, want)
		}
	}
	selects("yelb-appserver")
	show(idle("yelb-appserver"), rolling("yelb-db", engine.Holding), rolling("yelb-ui", engine.Holding, stuck))
	selects("yelb-ui")
	show(idle("yelb-appserver"), rolling("yelb-db", engine.Holding, stuck), idle("yelb-ui"))
	selects("yelb-ui")

	rig = newRig(t, hostOf(idle("yelb-appserver"), idle("yelb-ui")))
	rig.press("up")
	show(idle("yelb-appserver"), rolling("yelb-ui", engine.Holding))
	selects("yelb-appserver")
}

// The key that opened the help closes it, wherever it was opened.
func TestHelpIsClosedByItsKey(t *testing.T) {
	for page, way := range map[screen.Page][]string{screen.Overview: nil, screen.Detail: {"enter"}, screen.Events: {"e"}, screen.History: {"h"}} {
		rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)))
		rig.press(way...)
		rig.press("?")
		rig.showsPage(screen.Help)
		rig.press("?")
		rig.showsPage(page)
	}
}
