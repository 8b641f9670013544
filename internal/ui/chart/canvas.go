package chart

import (
	"strings"

	"serin/internal/ui/theme"
)

// cell is one cell of the canvas. Ink is the number of the line whose dots it has,
// counted from 1; without one, back is shown.
type cell struct {
	dots uint8
	ink  uint8
	// upright is true where a line goes up or down.
	upright bool
	back    backdrop
}

// backdrop is what stands behind the lines.
type backdrop uint8

const (
	nothing backdrop = iota
	band
	limit
	mark
)

// canvas is the cells that the lines are drawn on.
type canvas struct {
	columns, rows int
	grain         grain
	cells         []cell
}

func newCanvas(a area) *canvas {
	return &canvas{columns: a.columns(), rows: a.rows, grain: a.grain, cells: make([]cell, a.columns()*a.rows)}
}

func (c *canvas) at(column, row int) *cell { return &c.cells[row*c.columns+column] }

// behind puts something behind a cell; what is louder stays.
func (c *canvas) behind(column, row int, what backdrop) {
	if column < 0 || column >= c.columns || row < 0 || row >= c.rows {
		return
	}
	if cell := c.at(column, row); cell.back < what {
		cell.back = what
	}
}

// dot sets a dot of a line; x and y are in dots, y from the top.
func (c *canvas) dot(x, y int, ink uint8, upright bool) {
	if x < 0 || y < 0 || x >= c.columns*c.grain.x || y >= c.rows*c.grain.y {
		return
	}
	cell := c.at(x/c.grain.x, y/c.grain.y)
	if c.grain.x == 1 && cell.ink != ink {
		cell.dots, cell.upright = 0, false
	}
	cell.ink = max(cell.ink, ink)
	cell.dots |= 1 << ((x%c.grain.x)*c.grain.y + y%c.grain.y)
	cell.upright = cell.upright || upright
}

// braille maps the dots of a cell, column by column, to those of U+2800.
var braille = [8]rune{0x01, 0x02, 0x04, 0x40, 0x08, 0x10, 0x20, 0x80}

// glyph is what a cell looks like.
func (c *canvas) glyph(cell *cell, heavy bool) string {
	switch c.grain {
	case grain{1, 1}:
		return asciiOf(cell, heavy)
	case grain{1, 2}:
		return blockOf(cell, heavy)
	}
	char := rune(0x2800)
	for i, bit := range braille {
		if cell.dots&(1<<i) != 0 {
			char |= bit
		}
	}
	return string(char)
}

func asciiOf(cell *cell, heavy bool) string {
	switch {
	case heavy:
		return "#"
	case cell.upright:
		return "|"
	}
	return "-"
}

// blockOf draws a heavy line with half blocks and a light one with eighths.
func blockOf(cell *cell, heavy bool) string {
	if heavy {
		return [4]string{" ", "▀", "▄", "█"}[cell.dots&3]
	}
	return [4]string{" ", "▔", "▁", "│"}[cell.dots&3]
}

// backs are the glyphs of what stands behind the lines.
func backOf(what backdrop, t theme.Theme) (string, theme.Style) {
	ascii := t.Symbols == theme.ASCII
	pick := func(glyph, plain string) string {
		if ascii {
			return plain
		}
		return glyph
	}
	switch what {
	case band:
		return pick(theme.Shade, "."), t.Band
	case limit:
		return pick("╌", "="), t.Limit
	case mark:
		return pick(theme.Bar, ":"), t.Mark
	default:
		return " ", t.Text
	}
}

// line puts a row of the canvas into a row of the screen, with as few changes of style
// as there can be.
func (c *canvas) line(out *theme.Row, row int, lines []Line, t theme.Theme) {
	var run strings.Builder
	var style theme.Style
	width := 0
	flush := func() {
		out.PutWide(style, run.String(), width)
		run.Reset()
		width = 0
	}
	for column := range c.columns {
		cell := c.at(column, row)
		glyph, look := backOf(cell.back, t)
		if cell.ink > 0 {
			line := lines[cell.ink-1]
			glyph, look = c.glyph(cell, line.Heavy), line.Style
		}
		if look != style {
			flush()
			style = look
		}
		run.WriteString(glyph)
		width++
	}
	flush()
}
