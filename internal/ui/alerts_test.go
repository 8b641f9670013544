package ui

import (
	"fmt"
	"testing"

	tea "charm.land/bubbletea/v2"

	"serin/internal/engine"
	"serin/internal/ui/scene"
)

// rings tells whether a newer scene rings the bell.
func rings(rig *rig, services ...scene.Service) bool {
	rig.Helper()
	rig.host.show(services...)
	newest, _ := rig.host.Scene()
	_, cmd := rig.m.Update(sceneMsg{newest})
	for _, msg := range messages(cmd) {
		if raw, is := msg.(tea.RawMsg); is && fmt.Sprint(raw.Msg) == "\a" {
			return true
		}
	}
	return false
}

func back(r *scene.Rollout) {
	r.Rollout.Cause = &engine.Cause{Kind: engine.ByVerdict, Reason: "12 5xx"}
}

func stuck(r *scene.Rollout) { r.Rollout.Stuck = &engine.Stuck{Reason: "the route is gone"} }

func denied(r *scene.Rollout) {
	r.Rollout.Faults = map[engine.Activity]engine.ActiveFault{engine.WriteWeights: {Activity: engine.WriteWeights, Message: "denied"}}
}

// The bell rings once when a rollout turns bad, and not for what was so before.
func TestBell(t *testing.T) {
	over := func(r *scene.Rollout) { back(r); r.Rollout.Outcome = engine.RolledBack }
	other := func(r *scene.Rollout) { over(r); r.Rollout.ID = "another" }
	rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)), func(o *Options) { o.Bell = true })
	for i, step := range []struct {
		service scene.Service
		rings   bool
	}{
		{rolling("yelb-appserver", engine.Baking), false},
		{rolling("yelb-appserver", engine.RollingBack, back), true},
		{rolling("yelb-appserver", engine.RollingBack, back), false},
		{rolling("yelb-appserver", engine.RollingBack, back, denied), true},
		{rolling("yelb-appserver", engine.RollingBack, back), false},
		{rolling("yelb-appserver", engine.Removing, back, stuck), true},
		{rolling("yelb-appserver", engine.Removing, back), false},
		{rolling("yelb-appserver", engine.Over, over), false},
		{rolling("yelb-appserver", engine.Over, other), true},
		{idle("yelb-appserver"), false},
		{rolling("yelb-appserver", engine.Over, over), true},
	} {
		if got := rings(rig, step.service); got != step.rings {
			t.Errorf("step %d rings %t, want %t", i, got, step.rings)
		}
	}
	rig.says("yelb-appserver is rolled back, by the verdict: 12 5xx")
	before := newRig(t, hostOf(rolling("yelb-appserver", engine.Removing, stuck)), func(o *Options) { o.Bell = true })
	if rings(before, rolling("yelb-appserver", engine.Removing, stuck)) {
		t.Error("what was so when the console opened rings")
	}
	silent := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)))
	if rings(silent, rolling("yelb-appserver", engine.Removing, stuck)) {
		t.Error("it rings though the bell is off")
	}
	silent.says("yelb-appserver is stuck: the route is gone")
}

// Taking over is offered once for each lost driver, and never over something else.
func TestTakingOverIsOffered(t *testing.T) {
	lost := func(r *scene.Rollout) { r.Lost = true }
	rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)))
	rig.press("r")
	rings(rig, rolling("yelb-appserver", engine.Holding, lost))
	if got := rig.dialog().title; got != "Roll back yelb-appserver?" {
		t.Fatalf("the dialog is %q", got)
	}
	rig.press("esc")
	if got := rig.dialog().title; got != "Take over yelb-appserver?" {
		t.Fatalf("the dialog is %q", got)
	}
	rig.m.closeDialog()
	rings(rig, rolling("yelb-appserver", engine.Holding, lost))
	rig.noDialog()
	rings(rig, rolling("yelb-appserver", engine.Holding, lost, func(r *scene.Rollout) { r.Rollout.Driver.Place = "elsewhere" }))
	rig.dialog()
	for name, service := range map[string]scene.Service{
		"its own":    rolling("yelb-appserver", engine.Holding, lost, mine),
		"let go":     rolling("yelb-appserver", engine.Holding, lost, func(r *scene.Rollout) { r.Rollout.LetGo = true }),
		"over":       rolling("yelb-appserver", engine.Over, lost, func(r *scene.Rollout) { r.Rollout.Outcome = engine.Succeeded }),
		"has driver": rolling("yelb-appserver", engine.Holding),
	} {
		if other := newRig(t, hostOf(service)); other.m.dialog != nil {
			t.Errorf("%s: offered", name)
		}
	}
	r := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding, lost)))
	r.press("r")
	if got := r.dialog().title; got != "Roll back yelb-appserver?" {
		t.Fatalf("r opens %q", got)
	}
	r.press("y")
	r.posts(engine.RollBack)
	looking := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding, lost)), func(o *Options) { o.ReadOnly = true })
	looking.noDialog()
}

// A roll back that fails is told, and as one that does.
func TestARollBackThatFailsIsTold(t *testing.T) {
	rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)))
	rings(rig, rolling("yelb-appserver", engine.RollingBack, back))
	rings(rig, rolling("yelb-appserver", engine.RollingBack, back, denied))
	rig.says("yelb-appserver: the roll back FAILS, traffic could not be moved yet")
}

// A notice goes when the state that it tells of is over, and not before.
func TestNoticesEndWithWhatTheyTellOf(t *testing.T) {
	over := func(r *scene.Rollout) { back(r); r.Rollout.Outcome = engine.RolledBack }
	rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)))
	rings(rig, rolling("yelb-appserver", engine.RollingBack, back))
	rings(rig, rolling("yelb-appserver", engine.Removing, back))
	rig.says("yelb-appserver is rolling back")
	rings(rig, rolling("yelb-appserver", engine.Over, over))
	if rig.m.notice.Text != "" {
		t.Errorf("the notice is still %q", rig.m.notice.Text)
	}
}

// An offer to take over does not outlive the reason for it.
func TestTheOfferIsWithdrawnWhenSomebodyDrives(t *testing.T) {
	lost := func(r *scene.Rollout) { r.Lost = true }
	over := func(r *scene.Rollout) { r.Rollout.Outcome = engine.Succeeded }
	for why, after := range map[string]scene.Service{
		"is driven again": rolling("yelb-appserver", engine.Holding),
		"is over":         rolling("yelb-appserver", engine.Holding, over),
	} {
		h := hostOf(rolling("yelb-appserver", engine.Holding, lost))
		rig := newRig(t, h)
		rig.send(tickMsg{})
		rig.dialog()
		h.show(rolling("yelb-appserver", engine.Holding, lost))
		newest, _ := h.Scene()
		rig.send(sceneMsg{newest})
		rig.dialog() // it stands as long as nobody drives
		h.show(after)
		newest, _ = h.Scene()
		rig.send(sceneMsg{newest})
		rig.noDialog()
		rig.says(why)
	}
}
