// Package picture makes an SVG of a frame of the console: words as text, and what lines,
// bars and charts are made of as shapes, so that they fit together in every font. It
// needs nothing from elsewhere to be shown.
//
// It imports the standard library and x/ansi.
package picture

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// The size of a cell and of a letter in it, in pixels. Letters of the usual fonts for
// terminals are 0.6 as wide as they are high.
const (
	cellWidth  = 8.4
	cellHeight = 18
	letterSize = 14
	baseline   = 13.5
	margin     = 16
)

// The colours of the picture: those of a dark terminal.
const (
	textColour   = "#e4e4e4"
	groundColour = "#0d1117"
)

const fonts = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"

// SVG is the picture of a frame of so many columns and rows, as screen.Draw makes one;
// title says what is on it. Each row is a group of its own that holds the row's text, in
// order, but for spaces. The error is for a frame with other control sequences than those
// of styles, or one that is larger.
func SVG(frame, title string, columns, rows int) (string, error) {
	lines := strings.Split(frame, "\n")
	if len(lines) > rows {
		return "", fmt.Errorf("the frame has %d rows, which is more than %d", len(lines), rows)
	}
	var b strings.Builder
	width, height := float64(columns)*cellWidth+2*margin, rows*cellHeight+2*margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %d" width="%[1]s" height="%[2]d" role="img" `+
		`font-family="%[3]s" font-size="%[4]d" fill="%[5]s">`+"\n", number(width), height, fonts, letterSize, textColour)
	fmt.Fprintf(&b, "<title>%s</title>\n", escaped(title))
	fmt.Fprintf(&b, `<rect width="%s" height="%d" rx="8" fill="%s"/>`+"\n", number(width), height, groundColour)
	for y, line := range lines {
		cells, err := cellsOf(line)
		if err != nil {
			return "", fmt.Errorf("row %d: %w", y+1, err)
		}
		if len(cells) > columns {
			return "", fmt.Errorf("row %d has %d columns, which is more than %d", y+1, len(cells), columns)
		}
		fmt.Fprintf(&b, `<g transform="translate(%d %d)">`, margin, margin+y*cellHeight)
		drawRow(&b, cells)
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return b.String(), nil
}

// cell is a column of a row. One that a wide grapheme reaches into has no text.
type cell struct {
	text  string
	style style
}

// kindOf is how the cell is drawn.
func (c cell) kindOf() kind {
	switch {
	case strings.TrimSpace(c.text) == "":
		return blank
	case shapeOf(c.text) != nil:
		return shape
	case len(c.text) > 1:
		return symbol
	default:
		return letter
	}
}

// kind is how a cell is drawn: what is not ASCII is put into its cell by itself, as it
// may come from another font, which has another width.
type kind int

const (
	blank kind = iota
	letter
	symbol
	shape
)

func cellsOf(line string) ([]cell, error) {
	var cells []cell
	var present style
	parser, state := ansi.NewParser(), byte(0)
	for line != "" {
		sequence, width, length, next := ansi.DecodeSequence(line, state, parser)
		line, state = line[length:], next
		switch {
		case width > 0:
			cells = append(cells, cell{sequence, present})
			cells = append(cells, make([]cell, width-1)...)
		case ansi.HasCsiPrefix(sequence) && ansi.Cmd(parser.Command()) == 'm':
			if err := present.apply(parser.Params()); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("%q is no style", sequence)
		}
	}
	return cells, nil
}

// drawRow draws the grounds of a row, and then what stands on them.
func drawRow(b *strings.Builder, cells []cell) {
	for from := 0; from < len(cells); {
		_, ground := cells[from].style.colours()
		to := from + 1
		for to < len(cells) && groundOf(cells[to]) == ground {
			to++
		}
		if ground != "" {
			fmt.Fprintf(b, `<rect x="%s" width="%s" height="%d" fill="%s"/>`, across(from), across(to-from), cellHeight, ground)
		}
		from = to
	}
	for from := 0; from < len(cells); {
		to := endOfRun(cells, from)
		drawRun(b, cells[from:to], from)
		from = to
	}
}

func groundOf(c cell) string {
	_, ground := c.style.colours()
	return ground
}

// endOfRun is the end of the cells that are drawn as one: of the same style and kind,
// with single spaces within words.
func endOfRun(cells []cell, from int) int {
	first := cells[from].kindOf()
	to := from + 1
	for ; to < len(cells) && first != symbol; to++ {
		c := cells[to]
		between := first == letter && c.kindOf() == blank && to+1 < len(cells) && cells[to+1].kindOf() == letter &&
			cells[to+1].style == cells[from].style
		if !between && (c.kindOf() != first || c.style != cells[from].style || opacityOf(c.text) != opacityOf(cells[from].text)) {
			break
		}
	}
	return to
}

func drawRun(b *strings.Builder, cells []cell, at int) {
	var text strings.Builder
	for _, c := range cells {
		text.WriteString(c.text)
	}
	look := looks(cells[0])
	switch cells[0].kindOf() {
	case blank:
	case letter:
		fmt.Fprintf(b, `<text x="%s" y="%g" textLength="%s" lengthAdjust="spacingAndGlyphs"%s>%s</text>`,
			across(at), baseline, across(len(cells)), look, escaped(text.String()))
	case symbol:
		fmt.Fprintf(b, `<text x="%s" y="%g" text-anchor="middle"%s>%s</text>`,
			number((float64(at)+float64(ansi.StringWidth(text.String()))/2)*cellWidth), baseline, look, escaped(text.String()))
	case shape:
		fmt.Fprintf(b, `<path%s d="%s"><desc>%s</desc></path>`, look, pathOf(cells, at), escaped(text.String()))
	}
}

// looks are the attributes of a style that are not the picture's own.
func looks(c cell) string {
	look := ""
	if colour, _ := c.style.colours(); colour != textColour {
		look += fmt.Sprintf(` fill="%s"`, colour)
	}
	if c.style.bold && c.kindOf() != shape {
		look += ` font-weight="bold"`
	}
	opacity := opacityOf(c.text)
	if c.style.faint {
		opacity /= 2
	}
	if opacity != 1 {
		look += fmt.Sprintf(` fill-opacity="%g"`, opacity)
	}
	return look
}

// across is how wide so many columns are.
func across(columns int) string { return number(float64(columns) * cellWidth) }

// number is a length in pixels, to a hundredth.
func number(length float64) string {
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.2f", length), "0"), ".")
}

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}
