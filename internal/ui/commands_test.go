package ui

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"serin/internal/engine"
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
)

func phases() []engine.Phase {
	return []engine.Phase{
		engine.Starting, engine.Deploying, engine.Waiting, engine.Shifting, engine.Holding, engine.Gated, engine.Baking,
		engine.Promoting, engine.Recording, engine.Retiring, engine.RollingBack, engine.Removing, engine.Over,
	}
}

// circumstances are what can be the matter with a rollout beside its phase.
func circumstances() map[string]func(*engine.Rollout) {
	back := func(r *engine.Rollout) { r.Cause = &engine.Cause{Kind: engine.ByPerson, Reason: "double votes"} }
	stuck := func(r *engine.Rollout) { r.Stuck = &engine.Stuck{Reason: "the route is gone"} }
	paused := func(r *engine.Rollout) { r.Paused = &engine.Pause{Kind: engine.PausedByPerson, By: "kim"} }
	return map[string]func(*engine.Rollout){
		"as usual":               func(*engine.Rollout) {},
		"paused":                 paused,
		"paused by drift":        func(r *engine.Rollout) { r.Paused = &engine.Pause{Kind: engine.PausedByDrift, By: "serin"} },
		"stuck":                  stuck,
		"rolling back":           back,
		"stuck and rolling back": func(r *engine.Rollout) { back(r); stuck(r) },
		"let go":                 func(r *engine.Rollout) { paused(r); r.LetGo = true },
		"the first":              func(r *engine.Rollout) { r.Stable = nil },
		"the first, recorded":    func(r *engine.Rollout) { r.Stable = nil; r.RecordTouched = true },
		"removing stable":        func(r *engine.Rollout) { r.Removal = &engine.Removal{Sha: "3f2a91c0"} },
		"succeeded":              func(r *engine.Rollout) { r.Outcome = engine.Succeeded },
		"rolled back":            func(r *engine.Rollout) { back(r); r.Outcome = engine.RolledBack },
	}
}

// commandKeys are the keys of the engine's commands, and how each is confirmed.
func commandKeys() map[engine.CommandKind][]string {
	return map[engine.CommandKind][]string{
		engine.RollBack:     {"r", "enter"},
		engine.Promote:      {"p"},
		engine.PromoteFully: {"P", "y"},
		engine.PauseIt:      {"space"},
		engine.ResumeIt:     {"space"},
		engine.LetGoOfIt:    {"q", "l"},
	}
}

// drivers are who may drive a rollout, or not any more.
func drivers() map[string]func(*scene.Rollout) {
	return map[string]func(*scene.Rollout){
		"this console": mine,
		"another":      func(*scene.Rollout) {},
		"lost":         func(r *scene.Rollout) { r.Lost = true },
		"let go":       func(r *scene.Rollout) { r.Rollout.LetGo = true },
	}
}

// Every command, in every phase and circumstance, whoever drives: its key acts exactly when
// the engine takes it, or when the host takes the rollout over for it, and says why when it
// does not.
func TestKeysAgreeWithTheEngine(t *testing.T) {
	for _, phase := range phases() {
		for circumstance, change := range circumstances() {
			for driver, drives := range drivers() {
				service := rolling("yelb-appserver", phase, func(r *scene.Rollout) { change(r.Rollout) }, drives)
				for _, kind := range engine.CommandKinds() {
					t.Run(fmt.Sprintf("%s/%s/%s/%s", phase, circumstance, driver, kind), func(t *testing.T) {
						agree(t, service, kind)
					})
				}
			}
		}
	}
}

// refusalOf is why a command cannot be asked of a rollout, whoever drives it.
func refusalOf(kind engine.CommandKind, rollout *scene.Rollout) string {
	why := kind.Refusal(rollout.Rollout)
	switch undriven := !rollout.Mine && (rollout.Lost || rollout.Rollout.LetGo); {
	case undriven && kind.TakesOver(rollout.Rollout):
		return ""
	case undriven && why == "":
		return "nobody drives it: t takes over first"
	}
	return why
}

func agree(t *testing.T, service scene.Service, kind engine.CommandKind) {
	t.Helper()
	r := service.Rollout.Rollout
	rig := newRig(t, hostOf(service))
	rig.m.closeDialog() // taking over is offered
	want := refusalOf(kind, service.Rollout)
	confirmed := commandKeys()[kind][1:]
	switch kind {
	case engine.LetGoOfIt:
		if service.Rollout.Mine {
			agreeOnLeaving(rig, r)
		}
		return
	case engine.PauseIt, engine.ResumeIt:
		if rig.m.pausing() != kind {
			return // the space bar is the other one's now
		}
		if kind == engine.ResumeIt && isUndriven(service.Rollout) {
			confirmed = []string{"y"}
		}
	default:
	}
	keys := commandKeys()[kind]
	shownWhy := keyOf(t, rig.m, keys[0]).Why
	if shownWhy != want {
		t.Fatalf("the key is shown with %q, the engine says %q", shownWhy, want)
	}
	rig.press(keys[0])
	if want != "" {
		rig.noDialog()
		rig.posts()
		rig.says(strings.SplitN(want, "\n", 2)[0])
		return
	}
	rig.press(confirmed...)
	rig.noDialog()
	rig.posts(kind)
	got := rig.host.posts[0]
	if got.service != "yelb-appserver" || got.command.By != "" || got.command.At.IsZero() {
		t.Fatalf("posted %+v", got)
	}
}

// agreeOnLeaving: letting go is offered exactly when the engine takes it.
func agreeOnLeaving(rig *rig, r *engine.Rollout) {
	rig.Helper()
	rig.press("q")
	if r.Outcome != "" || r.LetGo {
		if rig.m.leaving != Idle || !rig.m.quitting {
			rig.Fatalf("leaving %q: a rollout that nobody has to drive holds the console", rig.m.leaving)
		}
		return
	}
	if focused := rig.dialog().choices[rig.m.dialog.focus]; focused.key != "esc" {
		rig.Fatalf("%q is focused, not staying", focused.does)
	}
	rig.press("l")
	if engine.LetGoOfIt.Refusal(r) != "" {
		rig.posts()
		rig.dialog()
		return
	}
	rig.posts(engine.LetGoOfIt)
	if rig.m.leaving != LetGo {
		rig.Fatalf("left as %q", rig.m.leaving)
	}
}

// keyOf is a key as it is shown.
func keyOf(t *testing.T, m *model, name string) screen.Key {
	t.Helper()
	for _, b := range m.bindings {
		if b.has(name) {
			return b.shown(m)
		}
	}
	t.Fatalf("no key %q", name)
	return screen.Key{}
}

func TestNothingToAsk(t *testing.T) {
	rig := newRig(t, hostOf(idle("yelb-ui")))
	for _, key := range []string{"r", "p", "P", "space"} {
		rig.press(key)
		rig.noDialog()
		rig.says("yelb-ui has no rollout")
	}
	rig.press("t")
	rig.says("yelb-ui has no open rollout")
	empty := newRig(t, hostOf())
	for _, key := range []string{"r", "p", "P", "space", "enter"} {
		empty.press(key)
		empty.says("no service")
	}
	rig.posts()
	empty.posts()
}

func TestHeldKeyActsOnce(t *testing.T) {
	rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)))
	rig.press("p", "p", "p")
	rig.posts(engine.Promote)
	rig.says("a moment ago")
	rig.press("space")
	rig.posts(engine.Promote, engine.PauseIt)
	rig.host.show(rolling("yelb-appserver", engine.Holding, func(r *scene.Rollout) {
		r.Rollout.Seq++
		r.Rollout.Paused = &engine.Pause{By: "kim"}
	}))
	newest, _ := rig.host.Scene()
	rig.send(sceneMsg{newest})
	rig.press("space")
	rig.posts(engine.Promote, engine.PauseIt)
	rig.says("a moment ago")
}

func TestRefusedByTheHost(t *testing.T) {
	h := hostOf(rolling("yelb-appserver", engine.Holding))
	h.refuse = errors.New("its driver\x1b[2J is another process")
	rig := newRig(t, h)
	rig.press("p")
	rig.says("promoting was not asked: its driver is another process")
	if rig.m.notice.Level != screen.Failure {
		t.Fatalf("the notice is %s", rig.m.notice.Level)
	}
}

// --read-only binds nothing that changes anything, and says so.
func TestReadOnlyChangesNothing(t *testing.T) {
	rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)), func(o *Options) { o.ReadOnly = true })
	for _, b := range rig.m.bindings {
		if b.dangerous || b.changes {
			t.Errorf("%s %s is bound", b.name, b.does)
		}
	}
	for _, b := range bindings() {
		if !b.changes {
			continue
		}
		for _, name := range b.names {
			rig.press(name)
			rig.noDialog()
			rig.says("--read-only")
		}
	}
	rig.posts()
	for _, key := range rig.m.footer() {
		if key.Dangerous {
			t.Errorf("the footer offers %s", key.Does)
		}
	}
}

// What nobody is there to take is said to be so.
func TestNobodyDrives(t *testing.T) {
	rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding, func(r *scene.Rollout) {
		r.Rollout.LetGo = true
		r.Rollout.Paused = &engine.Pause{Kind: engine.PausedByLetGo, By: "lee"}
	})))
	rig.press("space")
	if lines := rig.dialog().lines; lines[0] != "nobody drives it: this console takes over and resumes" {
		t.Errorf("the dialog has %q", lines)
	}
	rig.press("enter")
	rig.noDialog()
	rig.posts()
	rig.press("space", "space", "y")
	rig.posts(engine.ResumeIt)
	rig.says("nobody drives yelb-appserver: it is being taken over, and then comes resuming")
	rig.press("r")
	if lines := rig.dialog().lines; lines[1] != "nobody drives it: this console takes over and rolls back at once" {
		t.Errorf("the dialog has %q", lines)
	}
}

// A question whose rollout loses its driver closes when nobody could take the answer.
func TestAQuestionEndsWithTheDriver(t *testing.T) {
	lost := func(r *scene.Rollout) { r.Lost = true }
	rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)))
	rig.press("P")
	rig.shows(rolling("yelb-appserver", engine.Holding, lost))
	rig.says("nobody drives it: t takes over first; nothing was promoted")
	rig.posts()
}

// At a gate the footer says what p does there.
func TestAtAGateTheFooterSaysWhatPromotingIs(t *testing.T) {
	for phase, want := range map[engine.Phase]string{engine.Gated: "pass the gate", engine.Holding: "promote"} {
		rig := newRig(t, hostOf(rolling("yelb-appserver", phase)))
		for _, key := range rig.m.footer() {
			if key.Name == "p" && key.Does != want {
				t.Errorf("%s: p does %q, want %q", phase, key.Does, want)
			}
		}
	}
}
