package chart

import (
	"time"

	"serin/internal/ui/theme"
)

// part is words in one style.
type part struct {
	style theme.Style
	words string
}

// legend names each line and its newest value, and the limit with what is held against it:
// in as few words as they need to have room together. The limit is never left out for the
// names of lines, which the chart beside has too.
func (c Chart) legend(now time.Time, room int) []part {
	if c.LimitName == "" {
		return c.namedWithin(now, room)
	}
	all := len(c.Lines)
	_, look := backOf(limit, c.Theme)
	for _, lines := range [][]part{c.lineLegends(now, true, all), c.lineLegends(now, false, all), nil} {
		for _, words := range c.limitLegends(now) {
			if widthOf(lines)+theme.Width(words) <= room {
				return append(lines, part{look, words})
			}
		}
	}
	return nil
}

// namedWithin names every line, and has the values of as many as there is room for.
func (c Chart) namedWithin(now time.Time, room int) []part {
	for values := len(c.Lines); values > 0; values-- {
		if lines := c.lineLegends(now, true, values); widthOf(lines) <= room {
			return lines
		}
	}
	return c.lineLegends(now, true, 0)
}

func widthOf(parts []part) int {
	width := 0
	for _, part := range parts {
		width += theme.Width(part.words)
	}
	return width
}

// lineLegends are those of the lines that show periods, with their names or without, and
// the values of the first ones. A sum is named with the limit.
func (c Chart) lineLegends(now time.Time, named bool, values int) []part {
	var parts []part
	for i, line := range c.Lines {
		if line.isSummed(c) {
			continue
		}
		words := "  " + swatch(line.Heavy, c.Theme.Symbols)
		if named {
			words += " " + line.Name
		}
		if value, known := line.newest(c, now); known && i < values {
			words += " " + value
		}
		parts = append(parts, part{line.Style, words})
	}
	return parts
}

// limitLegends are what can be said of the limit, with the sum that it is held against,
// the longest first.
func (c Chart) limitLegends(now time.Time) []string {
	glyph, _ := backOf(limit, c.Theme)
	mark, value := "  "+glyph+" ", Short(c.Limit)
	short := mark + "limit " + value + "/" + c.LimitWindow
	for _, line := range c.Lines {
		newest, known := line.newest(c, now)
		if !line.isSummed(c) || !known {
			continue
		}
		within := " in " + c.LimitWindow
		return []string{
			"  " + summedSwatch(c.Theme.Symbols) + " " + line.Name + within + " " + newest + mark + "limit " + value,
			mark + newest + " of " + value + within,
			mark + newest + " of " + value + "/" + c.LimitWindow,
			short,
		}
	}
	if c.LimitWindow == "" {
		return []string{mark + c.LimitName}
	}
	return []string{mark + c.LimitName, short}
}

func summedSwatch(symbols theme.Symbols) string {
	return map[theme.Symbols]string{theme.ASCII: "- -", theme.Block: "▁ ▁", theme.Braille: "⠄⠄"}[symbols]
}
