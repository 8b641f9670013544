package ui

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"serin/internal/engine"
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
)

// noon is when the tests' models are at.
func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// posted is a command that the host got.
type posted struct {
	service string
	command engine.Command
}

// host is a host whose answers a test gives; the zero value of each answers with nothing.
type host struct {
	propose  func(context.Context, scene.Order) (scene.Proposal, error)
	deploy   func(context.Context, scene.Order) error
	takeOver func(context.Context, string) error
	images   func(context.Context, string) ([]string, error)
	history  func(context.Context, string) ([]scene.Past, error)
	events   func(context.Context, string) ([]engine.Event, error)
	refuse   error

	mu      sync.Mutex
	now     scene.Scene
	changed chan struct{}
	posts   []posted
	// onPost is called with every command, before it is taken.
	onPost func(posted)
}

var _ scene.Host = (*host)(nil)

func hostOf(services ...scene.Service) *host {
	return &host{
		now:     scene.Scene{At: noon(), Environment: "ecs-blogpost", Region: "us-west-2", Account: "123456789012", Caller: "arn:aws:iam::123456789012:user/kim", Services: services},
		changed: make(chan struct{}),
	}
}

func (h *host) Scene() (scene.Scene, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now, h.changed
}

// show puts a newer scene.
func (h *host) show(services ...scene.Service) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now.Services, h.now.At = services, time.Now()
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *host) Post(service string, command engine.Command) error {
	if h.onPost != nil {
		h.onPost(posted{service, command})
	}
	if h.refuse != nil {
		return h.refuse
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.posts = append(h.posts, posted{service, command})
	return nil
}

func (h *host) Propose(ctx context.Context, order scene.Order) (scene.Proposal, error) {
	if h.propose == nil {
		return scene.Proposal{Service: order.Service, Image: order.Image}, nil
	}
	return h.propose(ctx, order)
}

func (h *host) Deploy(ctx context.Context, order scene.Order) error {
	if h.deploy == nil {
		return nil
	}
	return h.deploy(ctx, order)
}

func (h *host) TakeOver(ctx context.Context, service string) error {
	if h.takeOver == nil {
		return nil
	}
	return h.takeOver(ctx, service)
}

func (h *host) Images(ctx context.Context, service string) ([]string, error) {
	if h.images == nil {
		return nil, nil
	}
	return h.images(ctx, service)
}

func (h *host) History(ctx context.Context, service string) ([]scene.Past, error) {
	if h.history == nil {
		return nil, nil
	}
	return h.history(ctx, service)
}

func (h *host) Events(ctx context.Context, rollout string) ([]engine.Event, error) {
	if h.events == nil {
		return nil, nil
	}
	return h.events(ctx, rollout)
}

// kinds are the commands that were posted, in order.
func (h *host) kinds() []engine.CommandKind {
	h.mu.Lock()
	defer h.mu.Unlock()
	var kinds []engine.CommandKind
	for _, post := range h.posts {
		kinds = append(kinds, post.command.Kind)
	}
	return kinds
}

// calm is a terminal that is never behind.
type calm struct{}

func (calm) isBehind() bool { return false }
func (calm) hasLost() bool  { return false }

// rig is a model under test, driven by its Update alone.
type rig struct {
	*testing.T
	m    *model
	host *host
}

func newRig(t *testing.T, h *host, change ...func(*Options)) *rig {
	t.Helper()
	options := Options{Host: h, Environment: []string{"TERM=xterm-256color"}}
	for _, apply := range change {
		apply(&options)
	}
	r := &rig{T: t, m: newModel(t.Context(), options, calm{}), host: h}
	r.send(tea.WindowSizeMsg{Width: 120, Height: 40})
	return r
}

// shows has the host show a newer scene, and the model take it.
func (r *rig) shows(services ...scene.Service) {
	r.Helper()
	r.host.show(services...)
	newest, _ := r.host.Scene()
	r.send(sceneMsg{newest})
}

// send gives the model a message, and then what its commands answer. Clocks and other
// commands that wait are left alone.
func (r *rig) send(msg tea.Msg) {
	r.Helper()
	_, cmd := r.m.Update(msg)
	r.m.View()
	if len(r.m.awaited) > 0 {
		r.follow(cmd)
	}
}

// follow runs a command; only answers of the host come back to the model.
func (r *rig) follow(cmd tea.Cmd) {
	r.Helper()
	if cmd == nil {
		return
	}
	answers := make(chan tea.Msg, 1)
	go func() { answers <- cmd() }()
	select {
	case answer := <-answers:
		switch answer := answer.(type) {
		case answerMsg:
			r.send(answer)
		case tea.BatchMsg:
			for _, each := range answer {
				r.follow(each)
			}
		}
	case <-time.After(100 * time.Millisecond):
	}
}

// press presses keys by their names; a name of several letters that is no key is typed.
func (r *rig) press(names ...string) {
	r.Helper()
	for _, name := range names {
		for _, key := range keysOf(name) {
			r.send(key)
		}
	}
}

func keysOf(name string) []tea.KeyPressMsg {
	special := map[string]rune{
		"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown,
		"left": tea.KeyLeft, "right": tea.KeyRight, "backspace": tea.KeyBackspace, "delete": tea.KeyDelete,
		"home": tea.KeyHome, "end": tea.KeyEnd, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown,
	}
	if code, is := special[name]; is {
		return []tea.KeyPressMsg{{Code: code}}
	}
	if name == "space" {
		return []tea.KeyPressMsg{{Code: tea.KeySpace, Text: " "}}
	}
	if base, is := strings.CutPrefix(name, "shift+"); is {
		key := keysOf(base)[0]
		key.Mod = tea.ModShift
		return []tea.KeyPressMsg{key}
	}
	if letter, is := strings.CutPrefix(name, "ctrl+"); is {
		return []tea.KeyPressMsg{{Code: rune(letter[0]), Mod: tea.ModCtrl}}
	}
	var keys []tea.KeyPressMsg
	for _, char := range name {
		keys = append(keys, tea.KeyPressMsg{Code: char, Text: string(char)})
	}
	return keys
}

// posts asserts what was asked of the host since the beginning.
func (r *rig) posts(want ...engine.CommandKind) {
	r.Helper()
	if got := r.host.kinds(); !slices.Equal(got, want) {
		r.Fatalf("asked %v, want %v; the notice is %q", got, want, r.m.notice.Text)
	}
}

func (r *rig) says(part string) {
	r.Helper()
	if !strings.Contains(r.m.notice.Text, part) {
		r.Fatalf("the notice is %q, want %q in it", r.m.notice.Text, part)
	}
}

func (r *rig) showsPage(page screen.Page) {
	r.Helper()
	if r.m.page() != page {
		r.Fatalf("the page is %s, want %s", r.m.page(), page)
	}
}

// dialog is the open dialog.
func (r *rig) dialog() *dialog {
	r.Helper()
	if r.m.dialog == nil {
		r.Fatalf("no dialog is open; the notice is %q", r.m.notice.Text)
	}
	return r.m.dialog
}

func (r *rig) noDialog() {
	r.Helper()
	if r.m.dialog != nil {
		r.Fatalf("the dialog %q is open", r.m.dialog.title)
	}
}

// rolling is a service whose rollout is in a phase; change makes it a special one.
func rolling(name string, phase engine.Phase, change ...func(*scene.Rollout)) scene.Service {
	stable := engine.Version{Sha: "3f2a91c0"}
	r := &engine.Rollout{
		ID: name + "-1", Key: engine.Key{Region: "us-west-2", Environment: "ecs-blogpost", Service: name},
		Stable: &stable, Canary: engine.Version{Sha: "9bd0417e"}, Phase: phase, Seq: 7, StartedAt: noon(), Entered: noon(),
		Driver: engine.Driver{Actor: "arn:aws:iam::123456789012:user/lee", Place: "lee@host:1"},
		Plan:   engine.Plan{Steps: []engine.Step{{Weight: 10, Hold: time.Minute}, {Weight: 100, Hold: time.Minute, Bake: true}}},
		Actual: engine.Weights{Stable: 90, Canary: 10}, Desired: engine.Weights{Stable: 90, Canary: 10}, Exposed: true,
	}
	rollout := &scene.Rollout{Snapshot: engine.Snapshot{Rollout: r, At: noon()}, LastSeen: noon()}
	for _, apply := range change {
		apply(rollout)
	}
	return scene.Service{Name: name, Protocol: engine.HTTP, Rollout: rollout}
}

func idle(name string) scene.Service { return scene.Service{Name: name, Protocol: engine.HTTP} }

func mine(r *scene.Rollout) { r.Mine = true }
