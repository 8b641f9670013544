package screen

import (
	"serin/internal/ui/theme"
)

// help is all keys by sections, and what the glyphs mean.
func (p pane) help() []string {
	var lines []string
	for _, section := range p.s.Sections {
		lines = append(lines, theme.NewRow(p.width).Put(p.t.Title, " "+clean(section.Title)).String())
		for _, key := range section.Keys {
			lines = append(lines, p.helpKey(key)...)
		}
		lines = append(lines, "")
	}
	return p.scrolled("help", "", append(lines, p.legend()...))
}

// helpKey is a key, what it does, and why it cannot act now.
func (p pane) helpKey(key Key) []string {
	const does, about = 14, 32
	text := key.About
	if key.Dangerous {
		text = "(asks first) " + text
	}
	if key.Why != "" {
		text += " Not now: " + key.Why + "."
	}
	keyStyle, wordStyle := p.t.Key, p.t.Text
	switch {
	case key.Why != "":
		keyStyle, wordStyle = p.t.Disabled, p.t.Disabled
	case key.Dangerous:
		keyStyle = p.t.Danger
	}
	row := theme.NewRow(p.width).Put(p.t.Text, "   ")
	putWithin(row, keyStyle, clean(key.Name), does-1)
	putWithin(row.To(does), wordStyle, clean(key.Does), about-1)
	text = clean(text)
	parts := wrapped(text, p.width-about-1, 8)
	if len(parts) == 0 {
		return []string{row.String()}
	}
	lines := []string{row.To(about).Put(wordStyle, parts[0]).String()}
	for _, part := range parts[1:] {
		lines = append(lines, theme.NewRow(p.width).To(about).Put(wordStyle, part).String())
	}
	return lines
}

// legend is every state with its glyph, and what the pictures mean.
func (p pane) legend() []string {
	lines := []string{theme.NewRow(p.width).Put(p.t.Title, " What is seen").String()}
	perRow := max((p.width-3)/22, 1)
	row := theme.NewRow(p.width)
	for i, state := range RolloutStates() {
		if i > 0 && i%perRow == 0 {
			lines, row = append(lines, row.String()), theme.NewRow(p.width)
		}
		glyph, word := Glance(state)
		row.To(3+i%perRow*22).Put(styleOf(p.t, state), glyph+" "+word)
	}
	lines = append(lines, row.String())
	for _, words := range []string{
		"weights: the bar is what the router has; hatched is what was asked for and is not there, or is there and shall go",
		"charts: thin is stable, thick is the canary; uprights are changes of the weight; shaded is too new to be known; a gap is not known",
	} {
		for _, line := range wrapped(words, p.width-4, 3) {
			lines = append(lines, theme.NewRow(p.width).Put(p.t.Muted, "   "+line).String())
		}
	}
	return lines
}
