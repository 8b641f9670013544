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
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
)

// A dangerous key asks; neither it, nor any other key than those of the answers, answers.
func TestOnlyAnswersAnswer(t *testing.T) {
	harmless := []string{"p", "space", "d", "q", "e", "h", "n", "f", "1", "?", "G"}
	for key, confirm := range map[string]string{"r": "y", "P": "y"} {
		rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)))
		rig.press(key, key, key)
		rig.press(harmless...)
		rig.posts()
		rig.dialog()
		rig.press("esc")
		rig.noDialog()
		rig.posts()
		rig.press(key, confirm)
		rig.noDialog()
		if len(rig.host.kinds()) != 1 {
			t.Errorf("%s, %s asked %v", key, confirm, rig.host.kinds())
		}
	}
}

// Of rolling back the roll back is focused, of everything else that nothing changes.
func TestFocusIsOnTheSafeAnswer(t *testing.T) {
	rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding, mine)))
	rig.press("P", "enter")
	rig.noDialog()
	rig.posts()
	rig.press("q", "enter")
	rig.noDialog()
	if rig.m.quitting {
		t.Fatal("enter left the console")
	}
	rig.press("q", "q", "ctrl+c")
	rig.noDialog()
	rig.press("r", "enter")
	rig.posts(engine.RollBack)

	lost := func(r *scene.Rollout) { r.Lost = true; r.Rollout.LetGo = true }
	taken := 0
	h := hostOf(rolling("yelb-appserver", engine.Holding, lost))
	h.takeOver = func(context.Context, string) error { taken++; return nil }
	other := newRig(t, h)
	other.press("t", "enter")
	other.noDialog()
	other.press("t", "t")
	if taken != 0 {
		t.Fatal("taken over without an answer")
	}
	other.press("y")
	if taken != 1 {
		t.Fatalf("taken over %d times", taken)
	}
	other.says("this console drives yelb-appserver now")
}

func TestReasonIsTyped(t *testing.T) {
	rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)))
	rig.press("r", "tab", "double votex", "backspace", "s")
	if shown := rig.dialog().shown(""); shown.Choices[0] != (screen.Choice{Key: "enter", Does: "roll back", Dangerous: true}) {
		t.Errorf("while the reason is typed the dialog offers %+v", shown.Choices)
	}
	rig.posts()
	rig.press("enter")
	rig.noDialog()
	rig.posts(engine.RollBack)
	if reason := rig.host.posts[0].command.Reason; reason != "double votes" {
		t.Fatalf("the reason is %q", reason)
	}
	rig.press("P", "shift+tab", "the fix is urgent: y")
	if shown := rig.dialog().shown(""); !slices.Contains(shown.Lines, "Enter goes on to the answers.") || shown.Choices[1].Key != "y" {
		t.Errorf("while the reason is typed the dialog shows %+v", shown)
	}
	rig.press("enter", "enter")
	rig.says("nothing was promoted")
	rig.posts(engine.RollBack)
	rig.press("P", "shift+tab", "the fix is urgent: y", "enter", "y")
	rig.posts(engine.RollBack, engine.PromoteFully)
	if reason := rig.host.posts[1].command.Reason; reason != "the fix is urgent: y" {
		t.Fatalf("the reason is %q", reason)
	}
}

// What was asked about one rollout is not asked of the next, and what is typed for a
// dialog that is gone does not act on the page below.
func TestConfirmingTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)))
		for _, key := range []string{"r", "P"} {
			rig.press(key)
			rig.shows(rolling("yelb-appserver", engine.Holding, func(r *scene.Rollout) { r.Rollout.ID = "after " + key }))
			rig.noDialog()
			rig.says("no longer the one of yelb-appserver; nothing was ")
			rig.press("p", "y", "enter")
			rig.send(tea.MouseClickMsg{X: 2, Y: 39, Button: tea.MouseLeft})
			rig.says("keys for the closed question are ignored")
			rig.posts()
			rig.showsPage(screen.Overview)
			time.Sleep(quiet)
		}
		rig.press("p")
		rig.posts(engine.Promote)

		for _, cutOff := range []bool{false, true} {
			rig.press("P")
			if cutOff {
				rig.press("tab", "e")
			}
			rig.shows(rolling("yelb-appserver", engine.Shifting, func(r *scene.Rollout) { r.Rollout.ID = "after P" }))
			rig.noDialog()
			if rig.press("r"); (rig.m.dialog == nil) != cutOff {
				t.Errorf("a letter of a reason: %t, a roll back is asked about: %t", cutOff, rig.m.dialog != nil)
			}
			rig.press("esc")
			time.Sleep(quiet)
			rig.shows(rolling("yelb-appserver", engine.Holding, func(r *scene.Rollout) { r.Rollout.ID = "after P" }))
		}
		rig.posts(engine.Promote)
	})
}

// A question follows its rollout, and closes when it does not stand any more.
func TestQuestionsFollowTheRollout(t *testing.T) {
	over := func(r *scene.Rollout) { r.Rollout.Outcome = engine.Succeeded }
	back := func(r *scene.Rollout) { r.Rollout.Cause = &engine.Cause{Reason: "5xx"} }
	more := func(r *scene.Rollout) { r.Rollout.Actual = engine.Weights{Stable: 60, Canary: 40} }
	lost := func(r *scene.Rollout) {
		r.Rollout.LetGo, r.Rollout.Paused = true, &engine.Pause{Kind: engine.PausedByLetGo}
	}
	driven := func(r *scene.Rollout) { lost(r); r.Rollout.LetGo = false }
	for name, c := range map[string]struct {
		key          string
		before       func(*scene.Rollout)
		phase        engine.Phase
		after        func(*scene.Rollout)
		says, undone string
	}{
		"a roll back of what is over":     {"r", mine, engine.Holding, over, "it succeeded", "nothing was rolled back"},
		"a roll back that has begun":      {"r", mine, engine.RollingBack, back, "rolling back", "nothing was rolled back"},
		"promoting what is over":          {"P", mine, engine.Holding, over, "it succeeded", "nothing was promoted"},
		"promoting while weights change":  {"P", mine, engine.Shifting, more, "the weight is being changed", "nothing was promoted"},
		"resuming what somebody drives":   {"space", lost, engine.Holding, driven, "is driven again, by lee", "nothing was resumed"},
		"resuming what somebody finished": {"space", lost, engine.Holding, over, "it succeeded", "nothing was resumed"},
	} {
		rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding, c.before)))
		rig.press(c.key, "tab", "checkout")
		rig.shows(rolling("yelb-appserver", engine.Holding, c.before, more))
		d := rig.dialog()
		if d.fields[0].text != "checkout" || c.key != "space" && !strings.Contains(strings.Join(d.lines, " "), "40 %") {
			t.Errorf("%s: the dialog is %q, %q", name, d.lines, d.fields[0].text)
		}
		rig.shows(rolling("yelb-appserver", c.phase, c.after))
		if rig.m.dialog != nil || !strings.Contains(rig.m.notice.Text, c.says) {
			t.Errorf("%s: the notice is %q", name, rig.m.notice.Text)
		}
		if c.phase != engine.RollingBack { // that one is told with its cause
			rig.says(c.undone)
		}
		rig.posts()
	}
}

// Where the first tab goes, what is no answer, and closing a dialog are all told.
func TestReasonIsNoTrap(t *testing.T) {
	lost := func(r *scene.Rollout) {
		r.Rollout.LetGo, r.Rollout.Paused = true, &engine.Pause{Kind: engine.PausedByLetGo}
	}
	for key, c := range map[string]struct {
		service scene.Service
		undone  string
	}{
		"r":     {rolling("yelb-appserver", engine.Holding), "nothing was rolled back"},
		"P":     {rolling("yelb-appserver", engine.Holding), "nothing was promoted"},
		"space": {rolling("yelb-appserver", engine.Holding, lost), "nothing was resumed"},
	} {
		rig := newRig(t, hostOf(c.service))
		rig.press(key, "slow")
		if d := rig.dialog(); d.fault != `"w" answers nothing here: tab goes to the reason` {
			t.Errorf("%s: the dialog says %q", key, d.fault)
		}
		first := rig.dialog().focus
		rig.press("tab", "slow", "tab")
		if d := rig.dialog(); d.fields[0].text != "slow" || d.focus != first || d.fault != "" {
			t.Errorf("%s: the reason is %q, the focus %d, the fault %q", key, d.fields[0].text, d.focus, d.fault)
		}
		rig.press("shift+tab", "er", "esc")
		rig.noDialog()
		rig.says(c.undone)
		rig.posts()
	}
}

// A dialog that opens by itself takes no key before it was quiet for a moment, or for
// longer than anybody overlooks it.
func TestUnaskedDialogWaitsForQuiet(t *testing.T) {
	lost := func(r *scene.Rollout) { r.Lost, r.LastSeen = true, noon() }
	synctest.Test(t, func(t *testing.T) {
		taken := 0
		h := hostOf(rolling("yelb-appserver", engine.Holding, lost))
		h.takeOver = func(context.Context, string) error { taken++; return nil }
		rig := newRig(t, h)
		if !strings.Contains(rig.dialog().title, "Take over") {
			t.Fatalf("the dialog is %q", rig.m.dialog.title)
		}
		for range 3 {
			time.Sleep(quiet - time.Millisecond)
			rig.press("y")
			rig.press("esc")
			rig.send(tea.PasteMsg{Content: "y"})
			rig.dialog()
		}
		time.Sleep(quiet)
		rig.press("esc")
		rig.noDialog()
		if taken != 0 {
			t.Fatal("a swallowed key took over")
		}
		rig.send(sceneMsg{rig.m.live})
		rig.noDialog()

		second := newRig(t, h)
		for start := time.Now(); time.Since(start) < quietAtMost; time.Sleep(100 * time.Millisecond) {
			second.press("esc")
			second.dialog()
		}
		second.press("y")
		if taken != 1 {
			t.Fatal("somebody who never stops typing is never heard")
		}
	})
}

func TestPastedTextNeverActs(t *testing.T) {
	rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)))
	rig.send(tea.PasteMsg{Content: "r\ry\rp P "})
	rig.noDialog()
	rig.posts()
	rig.says("pasted text never acts")
	rig.press("r")
	rig.send(tea.PasteMsg{Content: "y\r\n"})
	rig.dialog()
	rig.posts()
	rig.press("tab")
	rig.send(tea.PasteMsg{Content: "see\r\n\x1b[2Jthe log\u202e"})
	rig.posts()
	if text := rig.dialog().fields[0].text; text != "see  the log" {
		t.Fatalf("the field is %q", text)
	}
	rig.press("esc", "/")
	rig.send(tea.PasteMsg{Content: "yelb"})
	if rig.m.filters[screen.Overview] != "yelb" {
		t.Fatalf("the filters are %v", rig.m.filters)
	}
}

// Keys and clicks that come with the focus were meant for the window before.
func TestDeafAfterFocus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)))
		rig.send(tea.FocusMsg{})
		rig.press("p")
		rig.posts(engine.Promote)
		time.Sleep(time.Minute)
		rig.send(tea.BlurMsg{})
		rig.send(tea.FocusMsg{})
		rig.press("space", "r")
		rig.noDialog()
		rig.posts(engine.Promote)
		rig.says("just got the focus")
		time.Sleep(focusGrace)
		rig.press("space")
		rig.posts(engine.Promote, engine.PauseIt)
	})
}

func TestLeaving(t *testing.T) {
	driven := rolling("yelb-appserver", engine.Holding, mine)
	for key, want := range map[string]struct {
		asks engine.CommandKind
		how  Leaving
	}{
		"l": {engine.LetGoOfIt, LetGo},
		"b": {engine.RollBack, RolledBack},
	} {
		rig := newRig(t, hostOf(driven, idle("yelb-ui")))
		rig.press("q", key)
		rig.posts(want.asks)
		if rig.m.leaving != want.how || !rig.m.quitting {
			t.Errorf("%s left as %q", key, rig.m.leaving)
		}
	}
	back := rolling("yelb-appserver", engine.RollingBack, mine, func(r *scene.Rollout) { r.Rollout.Cause = &engine.Cause{Reason: "5xx"} })
	rig := newRig(t, hostOf(back))
	rig.press("q", "l", "b")
	rig.dialog()
	rig.press("w")
	rig.posts()
	if rig.m.leaving != Unwatched {
		t.Errorf("left as %q", rig.m.leaving)
	}
	watching := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)))
	watching.press("q")
	watching.posts()
	if watching.m.leaving != Idle {
		t.Errorf("left as %q", watching.m.leaving)
	}
}

// The question how to leave follows what is driven: its answers are those that are legal,
// and it is withdrawn when nothing is driven any more.
func TestLeavingFollowsWhatIsDriven(t *testing.T) {
	back := func(r *scene.Rollout) { r.Rollout.Cause = &engine.Cause{Reason: "5xx"} }
	over := func(r *scene.Rollout) { r.Rollout.Outcome = engine.Succeeded }
	rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding, mine)))
	rig.press("q", "right")
	rig.shows(rolling("yelb-appserver", engine.Baking, mine))
	if d := rig.dialog(); d.focus != 1 || !strings.Contains(d.lines[0], "baking") {
		t.Errorf("the focus is %d, the dialog %q", d.focus, d.lines)
	}
	rig.shows(rolling("yelb-appserver", engine.RollingBack, mine, back))
	if rig.dialog().focus != 0 {
		t.Error("the focus is on an answer that means something else now")
	}
	rig.press("b", "l")
	rig.dialog()
	rig.shows(rolling("yelb-appserver", engine.RollingBack, mine, back, over))
	rig.noDialog()
	rig.says("yelb-appserver succeeded; this console drives nothing any more: q leaves it")
	rig.press("b")
	rig.posts()
	if rig.m.quitting {
		t.Error("left by a key for the closed question")
	}
}

// Leaving asks too while it is not known whether a rollout has begun, or was taken over.
func TestLeavingWhileARolloutBegins(t *testing.T) {
	let := make(chan struct{})
	t.Cleanup(func() { close(let) })
	begins := func(h *host) {
		h.deploy = func(context.Context, scene.Order) error { <-let; return nil }
		h.takeOver = func(context.Context, string) error { <-let; return nil }
	}
	var started []scene.Order
	deployment := deploying(&started)
	orphan := hostOf(rolling("yelb-appserver", engine.Holding, func(r *scene.Rollout) { r.Rollout.LetGo = true }))
	for name, c := range map[string]struct {
		host *host
		keys []string
	}{
		"a deployment": {deployment, []string{"d", "down", "enter", "y", "esc"}},
		"taking over":  {orphan, []string{"t", "y"}},
	} {
		begins(c.host)
		rig := newRig(t, c.host)
		rig.press(c.keys...)
		rig.noDialog()
		rig.press("q", "enter")
		if rig.noDialog(); rig.m.quitting {
			t.Errorf("%s: left without a word", name)
		}
		rig.send(tea.WindowSizeMsg{Width: 3, Height: 1})
		if rig.press("q"); rig.m.quitting {
			t.Errorf("%s: left unseen", name)
		}
		rig.send(tea.WindowSizeMsg{Width: 120, Height: 40})
		if rig.press("q", "l"); rig.m.leaving != Idle {
			t.Errorf("%s: left as %q", name, rig.m.leaving)
		}
	}
}

// A host that does not take the command keeps the console open.
func TestLeavingRefused(t *testing.T) {
	h := hostOf(rolling("yelb-appserver", engine.Holding, mine))
	h.refuse = errors.New("the driver has ended")
	rig := newRig(t, h)
	rig.press("q", "l")
	if rig.m.quitting {
		t.Fatal("left, and nothing was let go of")
	}
	rig.says("the driver has ended")
}

// A process that is suspended cannot drive.
func TestSuspending(t *testing.T) {
	rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding, mine)))
	rig.press("ctrl+z")
	rig.says("could not roll back")
	begins := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)))
	begins.m.awaited[toTakeOver] = 1
	begins.press("ctrl+z")
	begins.says("being started or taken over")
	watching := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)))
	_, cmd := watching.m.Update(keysOf("ctrl+z")[0])
	if !slices.ContainsFunc(messages(cmd), func(msg tea.Msg) bool { _, is := msg.(tea.SuspendMsg); return is }) {
		t.Fatal("not suspended")
	}
}

// messages are what a command gives at once: a clock that it starts is not waited for. On a
// busy machine even what comes at once takes a while.
func messages(cmd tea.Cmd) []tea.Msg {
	if cmd == nil {
		return nil
	}
	answers := make(chan tea.Msg, 1)
	go func() { answers <- cmd() }()
	select {
	case msg := <-answers:
		batch, is := msg.(tea.BatchMsg)
		if !is {
			return []tea.Msg{msg}
		}
		var all []tea.Msg
		for _, each := range batch {
			all = append(all, messages(each)...)
		}
		return all
	case <-time.After(time.Second):
		return nil
	}
}

// Leaving the demo ends its sandbox: nothing is left to be taken over. A paused rollout
// is called paused.
func TestLeavingTellsWhatIsLeft(t *testing.T) {
	paused := func(r *scene.Rollout) { r.Rollout.Paused = &engine.Pause{Kind: engine.PausedByPerson} }
	h := hostOf(rolling("yelb-appserver", engine.Holding, mine, paused))
	rig := newRig(t, h)
	rig.press("q")
	if got := strings.Join(rig.dialog().lines, "; "); got != "yelb-appserver: paused, canary 9bd0417e at 10 %; Let go of, it is held as it is until someone takes over." {
		t.Errorf("the dialog has %q", got)
	}
	demo := newRig(t, h, func(o *Options) { o.Guide = func(scene.Scene) *screen.Guide { return nil } })
	demo.press("q")
	if got := strings.Join(demo.dialog().lines, "; "); !strings.Contains(got, "The demo ends with this console") || strings.Contains(got, "takes over") {
		t.Errorf("the dialog has %q", got)
	}
}
