package ui

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"serin/internal/engine"
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
)

var update = flag.Bool("update", false, "write docs/keys.md anew")

// docs/keys.md says what the table says.
func TestKeysDoc(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "keys.md")
	if *update {
		if err := os.WriteFile(path, []byte(KeysDoc()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != KeysDoc() {
		t.Error("docs/keys.md is not what the keys are: go test ./internal/ui -run TestKeysDoc -update")
	}
}

func TestKeyTable(t *testing.T) {
	taken := map[string]string{}
	for _, b := range bindings() {
		if b.name == "" || b.does == "" || !strings.HasSuffix(b.about, ".") || b.act == nil || !slices.Contains(sections(), b.section) {
			t.Errorf("%q is not whole: %+v", b.name, b)
		}
		if b.dangerous && !b.changes {
			t.Errorf("%s is dangerous and changes nothing", b.name)
		}
		for _, name := range b.names {
			if other, is := taken[name]; is {
				t.Errorf("%s is both %s and %s", name, other, b.does)
			}
			taken[name] = b.does
		}
	}
}

// Rolling back is one confirmation away from every page.
func TestRollBackFromEveryPage(t *testing.T) {
	for keys, page := range map[string]screen.Page{
		"": screen.Overview, "enter": screen.Detail, "e": screen.Events, "h": screen.History, "?": screen.Help,
	} {
		rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)))
		if keys != "" {
			rig.press(keys)
		}
		rig.showsPage(page)
		if !slices.ContainsFunc(rig.m.footer(), func(key screen.Key) bool { return key.Name == "r" && key.Why == "" }) {
			t.Errorf("the footer of %s has no r", page)
		}
		rig.press("r", "enter")
		rig.posts(engine.RollBack)
	}
}

// Every key on every page, in every phase, does something or says why not.
func TestEveryKeyAnswers(t *testing.T) {
	ways := map[screen.Page][]string{
		screen.Overview: nil, screen.Detail: {"enter"}, screen.Events: {"e"}, screen.History: {"h"}, screen.Help: {"?"},
	}
	for page, way := range ways {
		for _, phase := range []engine.Phase{engine.Holding, engine.RollingBack, engine.Over} {
			for _, b := range bindings() {
				rig := newRig(t, hostOf(rolling("yelb-appserver", phase)))
				rig.press(way...)
				rig.showsPage(page)
				rig.m.hush()
				before := standing(rig.m)
				rig.press(b.names[0])
				if standing(rig.m) == before && len(rig.host.kinds()) == 0 && !rig.m.quitting && b.does != "suspend" {
					t.Errorf("%s (%s) on %s while %s does nothing and says nothing", b.name, b.does, page, phase)
				}
			}
		}
	}
}

// standing is what a key may change.
func standing(m *model) string {
	title := ""
	if m.dialog != nil {
		title = m.dialog.title
	}
	s := m.state()
	return strings.Join([]string{
		title, s.Notice.Text, string(s.Page), s.Selected, s.Filter, s.Span.String(), s.Back.String(), strconv.Itoa(s.Scroll), strconv.Itoa(s.Chosen),
		map[bool]string{true: "frozen"}[s.Frozen], map[bool]string{true: "filtering"}[s.Filtering], map[bool]string{true: "mouse"}[m.mouse],
	}, "/")
}

func TestHelpHasEveryKey(t *testing.T) {
	guided := func(o *Options) {
		o.Guide = func(scene.Scene) *screen.Guide { return &screen.Guide{Title: "The tour"} }
	}
	rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)), guided)
	rig.press("?")
	count := 0
	for _, part := range rig.m.state().Sections {
		count += len(part.Keys)
	}
	if count != len(bindings()) {
		t.Errorf("help has %d of %d keys", count, len(bindings()))
	}
	rig.press("i")
	if rig.m.state().Guide != nil {
		t.Error("the guide is not hidden")
	}
	rig.press("i", "esc")
	if rig.m.state().Guide == nil {
		t.Error("the guide is not shown")
	}
	rig.showsPage(screen.Overview)
}

// FuzzConsole: whatever is typed, clicked, pasted and resized, the console stands.
func FuzzConsole(f *testing.F) {
	f.Add([]byte("rPq? dhe/f+-\x1b\r\tjkgG\x00\x01\x02\x03\x04"), uint16(80), uint16(24))
	f.Add([]byte("d\r\r\x1bhjj\r\x1b\x02\x02\x01"), uint16(1), uint16(1))
	f.Fuzz(func(t *testing.T, keys []byte, width, height uint16) {
		if len(keys) > 200 {
			return
		}
		h := hostOf(rolling("yelb-appserver", engine.Holding, mine), idle("yelb-ui"), rolling("日本\x1b[2J", engine.Gated))
		rig := newRig(t, h)
		rig.send(tea.WindowSizeMsg{Width: int(width % 400), Height: int(height % 100)})
		names := []string{"tab", "shift+tab", "up", "down", "left", "right", "enter", "esc", "backspace", "pgdown", "end"}
		for i, key := range keys {
			switch {
			case key < 4:
				rig.send(tea.MouseClickMsg{X: i % 80, Y: int(key) * 6, Button: tea.MouseLeft})
			case key < 8:
				rig.send(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
			case key == 8:
				rig.send(tea.PasteMsg{Content: string(keys)})
			case key < 20:
				rig.press(names[int(key)%len(names)])
			default:
				rig.press(string(rune(key)))
			}
			if rig.m.quitting {
				return
			}
		}
	})
}

// In a window that is too small to show a question, no key asks or answers one.
func TestTooSmallToAsk(t *testing.T) {
	rig := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding, mine)))
	rig.press("r")
	rig.send(tea.WindowSizeMsg{Width: screen.LeastWidth - 1, Height: 40})
	rig.press("enter", "y", "p", "q", "l")
	rig.posts()
	rig.send(tea.WindowSizeMsg{Width: screen.LeastWidth, Height: screen.LeastHeight})
	rig.press("enter")
	rig.posts(engine.RollBack)
	watching := newRig(t, hostOf(rolling("yelb-appserver", engine.Holding)))
	watching.send(tea.WindowSizeMsg{Width: 10, Height: 4})
	watching.press("r", "q")
	if watching.m.leaving != Idle {
		t.Errorf("left as %q", watching.m.leaving)
	}
}
