package screen

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"serin/internal/ui/scene"
	"serin/internal/ui/theme"
)

// The least that a frame has room for, in cells.
const (
	LeastWidth  = 60
	LeastHeight = 15
)

// The sizes from which on more is shown at once: the list and the detail together, and
// the guide beside the page.
const (
	wideWidth, wideHeight = 110, 30
	besideWidth           = 150
	guideWidth            = 44
)

// Draw is the frame of a state: exactly s.Height lines, none wider than s.Width, without
// control characters but for styles. It is empty for a size below 1x1. A nil cache draws
// everything anew.
func Draw(s State, c *Cache) string {
	if s.Width < 1 || s.Height < 1 {
		return ""
	}
	text := strings.Join(frameOf(s, c).lines, "\n")
	if s.Theme.Symbols == theme.ASCII {
		return theme.InASCII(text)
	}
	return text
}

// At is what lies under a cell of the frame that Draw draws; x and y count from 0.
func At(s State, x, y int) Hit {
	if s.Width < 1 || s.Height < 1 {
		return Hit{}
	}
	f := frameOf(s, nil)
	for _, spot := range slices.Backward(f.spots) {
		if y == spot.y && x >= spot.x && x < spot.x+spot.width {
			return spot.hit
		}
	}
	return Hit{}
}

// Extent is the greatest Scroll that shows something that a smaller one does not; 0 for
// a page that has room for all of itself.
func Extent(s State, c *Cache) int {
	if s.Width < 1 || s.Height < 1 {
		return 0
	}
	return frameOf(s, c).extent
}

// spot is a part of a line that can be clicked.
type spot struct {
	x, y, width int
	hit         Hit
}

// frame is a frame that is being drawn.
type frame struct {
	s     State
	t     theme.Theme
	cache *Cache
	// now is the time that the scene is shown for: it stands while the view is frozen.
	now    time.Time
	lines  []string
	spots  []spot
	extent int
	// cuts are the texts of the page that had no room.
	cuts []cut
}

func frameOf(s State, c *Cache) *frame {
	if c == nil {
		c = NewCache()
	}
	s.Guide = s.Guide.within(s.Width)
	f := &frame{s: s, t: s.Theme, cache: c, now: s.Now}
	if s.Frozen {
		f.now = s.FrozenAt
	}
	if s.Width < LeastWidth || s.Height < LeastHeight {
		f.drawTooSmall()
		return f
	}
	f.add(f.header())
	f.lines = append(f.lines, f.banners()...)
	footer := f.footer()
	guide, status := f.guideBelow(), f.statusLines()
	room := s.Height - len(f.lines) - len(footer) - len(guide) - len(status)
	f.drawBody(max(room, 1))
	f.lines = slices.Concat(f.lines, guide, status)
	f.placeFooter(footer)
	f.lines = fitted(f.lines, s.Height)
	if s.Dialog != nil {
		f.drawDialog(*s.Dialog)
	}
	return f
}

// usualWidth is the width from which on the guide has room for all that it says.
const usualWidth = 80

// within is the guide as it is said on a screen of a width.
func (g *Guide) within(width int) *Guide {
	if g == nil || width >= usualWidth {
		return g
	}
	brief := *g
	brief.Steps = slices.Clone(g.Steps)
	for i, step := range brief.Steps {
		brief.Steps[i].Text = cmp.Or(step.Brief, step.Text)
	}
	return &brief
}

// add adds a line.
func (f *frame) add(line string) { f.lines = append(f.lines, line) }

// row is an empty line as wide as the screen.
func (f *frame) row() *theme.Row { return theme.NewRow(f.s.Width) }

// fitted is exactly so many lines.
func fitted(lines []string, height int) []string {
	for len(lines) < height {
		lines = append(lines, "")
	}
	return lines[:height]
}

// pane is a part of the body: its lines, and where its first one is on the screen.
type pane struct {
	*frame
	x, y, width, height int
}

// drawBody draws the page, and the guide beside it where there is room.
func (f *frame) drawBody(height int) {
	width := f.s.Width
	beside := f.guideBeside(height)
	if beside != nil {
		width -= guideWidth
	}
	page := pane{frame: f, y: len(f.lines), width: width, height: height}
	lines := fitted(page.draw(), height)
	for i, line := range lines {
		if beside != nil {
			gap := strings.Repeat(" ", max(width-theme.Width(line), 0))
			line += gap + beside[i]
		}
		f.add(line)
	}
}

// draw draws the page of the state.
func (p pane) draw() []string {
	switch p.s.Page {
	case Detail:
		return p.detail()
	case Events:
		return p.events()
	case History:
		return p.history()
	case Help:
		return p.help()
	default:
		return p.overview()
	}
}

// detail is one service alone.
func (p pane) detail() []string {
	if _, found := p.selected(); !found && p.s.Replay == nil {
		words := "no service is selected"
		if p.s.Selected != "" {
			words = clean(p.s.Selected) + " is not there any more"
		}
		return []string{p.titled("detail"), theme.NewRow(p.width).Put(p.t.Muted, " "+words).String()}
	}
	return p.detailPage(p.subject())
}

// subject is what the Detail and Events pages show.
func (f *frame) subject() subject {
	if f.s.Replay != nil && f.s.Replay.Rollout != nil {
		return replayOf(f.s.Replay)
	}
	service, _ := f.selected()
	return subjectOf(service, f.now)
}

// selected is the selected service; false when there is none of that name.
func (f *frame) selected() (scene.Service, bool) {
	for _, service := range f.s.Scene.Services {
		if service.Name == f.s.Selected {
			return service, true
		}
	}
	return scene.Service{Name: f.s.Selected}, false
}

// drawTooSmall says which size is needed, and what must be known all the same.
func (f *frame) drawTooSmall() {
	status := StatusOf(f.s)
	for _, words := range []string{
		fmt.Sprintf("serin needs %dx%d", LeastWidth, LeastHeight), status.Title,
		fmt.Sprintf("this terminal has %dx%d", f.s.Width, f.s.Height),
	} {
		f.add(theme.NewRow(f.s.Width).Put(f.t.Strong, words).String())
	}
	f.lines = fitted(f.lines, f.s.Height)
}

// rule is a line with a title in it.
func (p pane) rule(title string, style theme.Style) *theme.Row {
	row := theme.NewRow(p.width).Put(p.t.Rule, theme.Dash+" ").Put(style, title)
	return row.Put(p.t.Rule, " ")
}

// ruled ends a rule.
func (p pane) ruled(row *theme.Row) string {
	return row.Fill(p.t.Rule, theme.Dash, row.Room()).String()
}

// titled is a whole rule with a title.
func (p pane) titled(title string) string { return p.ruled(p.rule(title, p.t.Title)) }
