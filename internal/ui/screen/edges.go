package screen

import (
	"fmt"
	"slices"
	"strings"

	"serin/internal/ui/scene"
	"serin/internal/ui/theme"
)

// header is the first line: where, who, when.
func (f *frame) header() string {
	s := f.s.Scene
	right := f.headerRight()
	row := f.row().Put(f.t.Text, " ").Put(f.t.Title, "serin").Put(f.t.Text, "  ")
	row.Put(f.t.Strong, clean(s.Environment))
	if s.Region != "" {
		row.Put(f.t.Muted, " "+theme.Middot+" "+clean(s.Region))
	}
	if f.s.ReadOnly {
		row.Put(f.t.Text, "  ").Put(f.t.Badge, " READ ONLY ")
	}
	room := row.Room() - len(right) - 3
	if page := clean(s.Page); page != "" && theme.Width(page)+2 <= room {
		row.Put(f.t.Muted, "  ").Put(f.t.Text, page)
		room = row.Room() - len(right) - 3
	}
	if caller := ShortCaller(clean(s.Caller)); caller != "" && theme.Width(caller)+2 <= room {
		row.To(f.s.Width-len(right)-theme.Width(caller)-3).Put(f.t.Muted, caller)
	}
	if row.Room() >= len(right)+1 {
		row.To(f.s.Width - len(right) - 1)
	}
	f.spots = append(f.spots, spot{x: row.Width() + len(right) - len(helpHint), width: len(helpHint), hit: Hit{Key: "?"}})
	return row.Put(f.t.Text, right).String()
}

// helpHint stands where it is seen from every page.
const helpHint = "? help"

// headerRight is the time: where no clock runs, that of the picture.
func (f *frame) headerRight() string {
	if f.s.Still {
		return "as of " + stamp(f.s.Now) + "   " + helpHint
	}
	return stamp(f.s.Now) + "   " + helpHint
}

// bannerLimit is how many banners are shown at once.
const bannerLimit = 3

// banner is something that is wrong with the picture itself.
type banner struct {
	style theme.Style
	words string
}

// banners are the lines below the header: of each banner one, and of the first of them a
// second where it is needed and there is room.
func (f *frame) banners() []string {
	all := f.allBanners()
	if len(all) > bannerLimit {
		hidden := banner{f.t.Alarm, fmt.Sprintf("! and %d more", len(all)-bannerLimit+1)}
		all = append(all[:bannerLimit-1], hidden)
	}
	spare := f.spareLines()
	var lines []string
	for _, b := range all {
		parts := wrapped(b.words, f.s.Width-4, 1+min(spare, 1))
		spare -= max(len(parts)-1, 0)
		for i, part := range parts {
			if i > 0 {
				part = "  " + part
			}
			lines = append(lines, f.row().Put(b.style, " "+part+" ").String())
		}
	}
	return lines
}

// spareLines is how many lines banners may take beside one each.
func (f *frame) spareLines() int {
	switch {
	case f.s.Height < lowHeight:
		return 0
	case f.s.Height < wideHeight:
		return 1
	}
	return bannerLimit
}

// allBanners are what is wrong, the most important first. What the page tells in full is
// not among them.
func (f *frame) allBanners() []banner {
	var all []banner
	if f.s.Frozen {
		all = append(all, banner{f.t.Badge, fmt.Sprintf("FROZEN at %s, %s ago: the data goes on behind this picture", stamp(f.s.FrozenAt), age(f.s.FrozenAt, f.s.Now))})
	}
	if fault := f.s.Scene.JournalFault; fault != "" {
		all = append(all, banner{f.t.Alarm, "! the journal cannot be read: " + fault})
	}
	if !f.listsFaults() {
		for _, what := range sortedKeys(f.s.Scene.Faults) {
			fault := f.s.Scene.Faults[what]
			words := fmt.Sprintf("! cannot read %s since %s: %s", what, stamp(fault.Since), fault.Message)
			if fault.Undone {
				words = "! " + undone(what, fault)
			}
			if fault.Hint != "" {
				words += "; " + fault.Hint
			}
			all = append(all, banner{f.t.Alarm, words})
		}
	}
	if alone := f.s.Scene.Alone; alone != "" && len(all) == 0 {
		all = append(all, banner{f.t.Muted, alone})
	}
	return all
}

// undone says of what was to be done why it was not, the cause first.
func undone(what string, fault scene.Fault) string {
	return fmt.Sprintf("%s (%s, since %s)", fault.Message, what, stamp(fault.Since))
}

// listsFaults tells whether the list has faults in place of services.
func (f *frame) listsFaults() bool {
	scene := f.s.Scene
	return f.s.Page == Overview && len(scene.Services) == 0 && len(scene.Faults) > 0 && scene.Connecting == ""
}

func sortedKeys[V any](entries map[string]V) []string {
	keys := make([]string, 0, len(entries))
	for key := range entries {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// statusLines are above the footer: what is typed, or the notice, or the filter.
func (f *frame) statusLines() []string {
	row := f.row().Put(f.t.Text, " ")
	switch {
	case f.s.Filtering:
		row.Put(f.t.Key, "filter: ").Put(f.t.Text, clean(f.s.Filter)).Put(f.t.Focus, " ")
	case f.s.Notice.Text != "":
		return f.noticeLines()
	case f.s.Filter != "":
		row.Put(f.t.Muted, "filter: "+clean(f.s.Filter))
	}
	return []string{row.String()}
}

// noticeLines are the notice in one line, or in two where it needs them and the screen is
// not too low for it.
func (f *frame) noticeLines() []string {
	style, mark := f.t.Text, ""
	switch f.s.Notice.Level {
	case Warning:
		style, mark = f.t.Warning, theme.Alert+" "
	case Failure:
		style, mark = f.t.Bad, theme.Cross+" "
	case Info:
	}
	most := 1
	if f.s.Height >= lowHeight {
		most = 2
	}
	var lines []string
	for _, part := range wrapped(f.s.Notice.Text, f.s.Width-1-theme.Width(mark), most) {
		lines = append(lines, f.row().Put(f.t.Text, " ").Put(style, mark+part).String())
		mark = strings.Repeat(" ", theme.Width(mark))
	}
	if len(lines) == 0 {
		lines = []string{""}
	}
	return lines
}

// lowHeight is the height from which on the edges may take a second line for their words.
const lowHeight = 20

// footerLine is one line of the footer with the keys on it.
type footerLine struct {
	text  string
	spots []spot
}

// footer is the keys in one line, or in two where the screen is not too low for it.
func (f *frame) footer() []footerLine {
	most := 1
	if f.s.Height >= lowHeight {
		most = 2
	}
	var lines []footerLine
	row, line := f.row(), footerLine{}
	for _, key := range f.s.Keys {
		name, does := clean(key.Name), clean(key.Does)
		if key.Why != "" && (f.t.NoColor || f.t.Symbols == theme.ASCII) {
			name, does = "("+name, does+")"
		}
		width := theme.Width(name) + 1 + theme.Width(does)
		if row.Width() > 0 && row.Room() < width+2 {
			if len(lines)+1 == most {
				row.Put(f.t.Muted, " "+theme.Ellipsis)
				break
			}
			line.text = row.String()
			lines, row, line = append(lines, line), f.row(), footerLine{}
		}
		row.Put(f.t.Text, " ")
		line.spots = append(line.spots, spot{x: row.Width(), width: width, hit: Hit{Key: key.Name}})
		f.putKey(row, key, name, does)
		row.Put(f.t.Text, " ")
	}
	line.text = row.String()
	return append(lines, line)
}

func (f *frame) putKey(row *theme.Row, key Key, name, does string) {
	keyStyle, wordStyle := f.t.Key, f.t.Text
	switch {
	case key.Why != "":
		keyStyle, wordStyle = f.t.Disabled, f.t.Disabled
	case key.Dangerous:
		keyStyle = f.t.Danger
	}
	row.Put(keyStyle, name).Put(wordStyle, " "+does)
}

// placeFooter puts the footer on the screen.
func (f *frame) placeFooter(lines []footerLine) {
	for _, line := range lines {
		for _, spot := range line.spots {
			spot.y = len(f.lines)
			f.spots = append(f.spots, spot)
		}
		f.add(line.text)
	}
}

// guideBelow is the guide above the footer: its present step. Nil where it stands beside
// the page.
func (f *frame) guideBelow() []string {
	g := f.s.Guide
	if g == nil || f.s.Width >= besideWidth || len(g.Steps) == 0 {
		return nil
	}
	present := min(max(g.Present, 0), len(g.Steps)-1)
	step := g.Steps[present]
	page := pane{frame: f, width: f.s.Width}
	title := fmt.Sprintf("%s  %d of %d", clean(g.Title), present+1, len(g.Steps))
	mark, style := theme.Up, f.t.Accent
	if step.Done {
		mark, style = theme.Check, f.t.Good
	}
	lines := []string{page.titled(title), f.row().Put(style, " "+mark+" "+clean(step.Title)).String()}
	most := 2
	if f.s.Height >= wideHeight {
		most = 4
	}
	for _, line := range wrapped(step.Text, f.s.Width-4, most) {
		lines = append(lines, f.row().Put(f.t.Text, "   "+line).String())
	}
	return lines
}

// guideBeside is the guide beside the page, all its steps, each line exactly as wide as
// it shall be. Nil where it stands below.
func (f *frame) guideBeside(height int) []string {
	g := f.s.Guide
	if g == nil || f.s.Width < besideWidth || len(g.Steps) == 0 {
		return nil
	}
	var lines []string
	end := 0
	put := func(style theme.Style, words string) {
		row := theme.NewRow(guideWidth).Put(f.t.Rule, " "+theme.Bar+" ").Put(style, words)
		lines = append(lines, row.Padded())
	}
	put(f.t.Title, clean(g.Title))
	for i, step := range g.Steps {
		mark, style := theme.Ring, f.t.Muted
		if step.Done {
			mark, style = theme.Check, f.t.Good
		}
		if i == g.Present {
			style = f.t.Accent
			if !step.Done {
				mark = theme.Up
			}
			put(f.t.Text, "")
		}
		put(style, mark+" "+clean(step.Title))
		if i != g.Present {
			continue
		}
		for _, line := range wrapped(step.Text, guideWidth-6, 12) {
			put(f.t.Text, "  "+line)
		}
		put(f.t.Text, "")
		end = len(lines)
	}
	for len(lines) < height {
		put(f.t.Text, "")
	}
	first := min(max(end-height, 0), len(lines)-height)
	return lines[first : first+height]
}

// paragraph is a label with a text of several lines behind it.
func (p pane) paragraph(label string, labelled, style theme.Style, text string, most int) []string {
	const indent = 11
	var lines []string
	for i, line := range p.wrappedOrCut(label, text, p.width-indent-1, most) {
		row := theme.NewRow(p.width).Put(p.t.Text, " ")
		if i == 0 {
			row.Put(labelled, label)
		}
		lines = append(lines, row.To(indent).Put(style, strings.TrimRight(line, " ")).String())
	}
	return lines
}
