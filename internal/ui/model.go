package ui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"serin/internal/engine"
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
	"serin/internal/ui/theme"
)

// focusGrace is how long keys and clicks are ignored after the window got the focus:
// what was meant for another window shall not act in this one.
const focusGrace = 300 * time.Millisecond

// model is the console's state. Only Update changes it; what is asked of others runs in
// commands that get copies.
type model struct {
	options  Options
	ctx      context.Context
	terminal tellTerminal
	// pace has frames written soon; nil without a program.
	pace   *pace
	opener opener
	// bindings are the keys that this console has; shut are those that --read-only took.
	bindings, shut []binding

	live scene.Scene
	// frozen is the scene that is shown while the view is frozen; nil otherwise.
	frozen   *scene.Scene
	frozenAt time.Time
	now      time.Time

	width, height             int
	dark, noColor, fewColours bool
	mouse                     bool
	theme                     theme.Theme
	cache                     *screen.Cache

	// pages are the open pages, the shown one last.
	pages    []screen.Page
	selected string
	// chose is true once what is selected was chosen.
	chose   bool
	filters map[screen.Page]string
	// filter is the filter while it is typed, kept what it was before.
	filter    field
	filtering bool
	kept      string
	// zoom is the chosen span; 0 chooses by the metrics' period.
	zoom, back time.Duration
	scroll     int
	past       []scene.Past
	chosen     int
	pastFault  string
	replay     *scene.Rollout

	dialog *dialog
	// withdrawn lasts while keys may still be meant for a dialog that was withdrawn.
	withdrawn lull
	// cutOff is true when its reason was being typed.
	cutOff     bool
	notice     screen.Notice
	noticeOver time.Time
	// noticeOf is what the notice tells of a service; zero when it tells of something else.
	noticeOf    look
	guide       *screen.Guide
	guideHidden bool

	blurred  bool
	deafTill time.Time
	asked    map[string]asked
	looks    map[string]look
	offered  map[string]bool

	requests int
	awaited  map[purpose]int
	ticks    int
	ticking  bool
	spins    int
	spinning bool

	leaving  Leaving
	quitting bool
	drawn    tea.View
	stale    bool
}

var _ tea.Model = (*model)(nil)

// tellTerminal is what the model asks of the terminal, which never waits.
type tellTerminal interface {
	isBehind() bool
	hasLost() bool
}

var _ tellTerminal = (*terminal)(nil)

// The messages of this package.
type (
	sceneMsg    struct{ scene scene.Scene }
	tickMsg     struct{ generation int }
	spinMsg     struct{}
	caughtUpMsg struct{}
	// continuedMsg comes when the process goes on after it was stopped.
	continuedMsg struct{}
	// redrawnMsg comes when the terminal was taken anew.
	redrawnMsg struct{}
	// endMsg ends the console without asking.
	endMsg struct{}
)

func newModel(ctx context.Context, options Options, out tellTerminal) *model {
	bindings, shut := bindingsFor(options.ReadOnly)
	m := &model{
		options: options, ctx: ctx, terminal: out, bindings: bindings, shut: shut,
		opener: openerFor(options.Environment), now: time.Now(), dark: true,
		noColor: withoutColor(options.Environment), mouse: !options.NoMouse, cache: screen.NewCache(),
		pages: []screen.Page{screen.Overview}, filters: map[screen.Page]string{},
		asked: map[string]asked{}, looks: map[string]look{}, offered: map[string]bool{},
		awaited: map[purpose]int{}, selected: options.Service, stale: true,
	}
	m.retheme()
	m.live, _ = options.Host.Scene()
	if options.Service != "" {
		m.pages = append(m.pages, screen.Detail)
	}
	m.reselect()
	m.lead()
	m.regard(m.live, true)
	m.guideOn()
	return m
}

// Init asks the terminal for its background, and starts the clock when one is needed.
func (m *model) Init() tea.Cmd {
	if m.pace != nil {
		m.pace.begin()
	}
	return tea.Batch(tea.RequestBackgroundColor, m.keepTime(), m.openReplay())
}

// Update takes one message. It never waits: see the package's comment.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	m.stale = true
	cmd := m.take(msg)
	if m.quitting {
		return m, tea.Batch(cmd, tea.Quit)
	}
	m.offer()
	return m, tea.Batch(cmd, m.keepTime(), m.keepSpinning())
}

func (m *model) take(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case sceneMsg:
		return m.renew(msg.scene)
	case tea.KeyPressMsg:
		return m.press(msg)
	case tea.PasteMsg:
		m.now = time.Now()
		m.paste(msg.Content)
	case tea.MouseMsg:
		return m.point(msg)
	case answerMsg:
		return m.answered(msg)
	case tickMsg:
		m.ticked(msg)
	case spinMsg:
		m.spins, m.spinning = m.spins+1, false
	case endMsg:
		return m.quit(Interrupted)
	case caughtUpMsg:
		if m.terminal.hasLost() {
			return tea.ClearScreen
		}
	case continuedMsg:
		return m.redraw()
	case redrawnMsg:
		return m.redrawn()
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		m.rescroll(0)
	default:
		m.learn(msg)
	}
	return nil
}

// learn takes what the terminal tells of itself.
func (m *model) learn(msg tea.Msg) {
	switch msg := msg.(type) {
	case tea.BackgroundColorMsg:
		m.dark = msg.IsDark()
		m.retheme()
	case tea.ColorProfileMsg:
		m.noColor = m.noColor || msg.Profile <= colorprofile.ASCII
		m.fewColours = msg.Profile == colorprofile.ANSI
		m.retheme()
	case tea.BlurMsg:
		m.blurred = true
	case tea.FocusMsg:
		if m.blurred {
			m.deafTill = time.Now().Add(focusGrace)
		}
		m.blurred = false
	case tea.ResumeMsg:
		m.now = time.Now()
	default:
		m.stale = false
	}
}

func (m *model) retheme() {
	symbols := theme.Braille
	switch {
	case m.options.ASCII:
		symbols = theme.ASCII
	case variable(m.options.Environment, "TERM") == "linux":
		symbols = theme.Block // its fonts have no braille
	}
	m.theme = theme.New(m.dark, m.noColor, symbols)
	if m.fewColours && !m.noColor {
		m.theme = theme.OfFew(m.dark, symbols)
	}
}

// renew takes a newer scene.
func (m *model) renew(newer scene.Scene) tea.Cmd {
	m.live, m.now = newer, time.Now()
	m.reselect()
	m.lead()
	m.guideOn()
	m.withdraw()
	return m.regard(newer, false)
}

// withdraw closes a dialog whose question does not stand any more, and says why. What is
// being typed for it does not act on the page below.
func (m *model) withdraw() {
	if m.dialog == nil || m.dialog.renewed == nil || m.dialog.busy != "" {
		return
	}
	if why := m.dialog.renewed(m); why != "" {
		m.cutOff = m.dialog.focused() != nil
		m.closeDialog()
		m.withdrawn.begin(m.now)
		m.say(screen.Info, why)
	}
}

func (m *model) guideOn() {
	if m.options.Guide != nil {
		m.guide = m.options.Guide(m.live)
	}
}

// page is the page that is shown.
func (m *model) page() screen.Page { return m.pages[len(m.pages)-1] }

// shownScene is the scene that is drawn: the frozen one, if there is one.
func (m *model) shownScene() scene.Scene {
	if m.frozen != nil {
		return *m.frozen
	}
	return m.live
}

// service finds a service in the live scene; zero without it. What is asked is asked of
// what is true now, whatever a frozen view shows.
func (m *model) service(name string) scene.Service {
	return named(m.live, name)
}

func named(s scene.Scene, name string) scene.Service {
	for _, service := range s.Services {
		if service.Name == name {
			return service
		}
	}
	return scene.Service{}
}

// rollout is the selected service's rollout; nil without one.
func (m *model) rollout() *scene.Rollout {
	service := m.service(m.selected)
	if service.Rollout == nil || service.Rollout.Rollout == nil {
		return nil
	}
	return service.Rollout
}

// open tells whether a service has a rollout that is not over.
func isOpen(service scene.Service) bool {
	return service.Rollout != nil && service.Rollout.Rollout != nil && service.Rollout.Rollout.Outcome == ""
}

// driven are the open rollouts that this process drives.
func (m *model) driven() []*engine.Rollout {
	var mine []*engine.Rollout
	for _, service := range m.live.Services {
		if isOpen(service) && service.Rollout.Mine && !service.Rollout.Rollout.LetGo {
			mine = append(mine, service.Rollout.Rollout)
		}
	}
	return mine
}

// say tells the operator something. What is only information goes by itself; what is
// louder stays until the next key.
func (m *model) say(level screen.Level, text string) {
	m.notice = screen.Notice{Level: level, Text: oneLine(text)}
	m.noticeOver, m.noticeOf = time.Time{}, look{}
	if level == screen.Info {
		m.noticeOver = m.now.Add(noticeTime)
	}
}

// refuse tells why a key does not act.
func (m *model) refuse(why string) { m.say(screen.Warning, why) }
