package picture

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// box is a part of a cell that is filled, in parts of the cell's width and height.
type box struct{ left, top, right, bottom float64 }

// stroke is half of how thick a line is, across and down.
const (
	strokeX = 0.6 / cellWidth
	strokeY = 0.6 / cellHeight
)

// The four halves of lines that meet in the middle of a cell.
var (
	up    = box{0.5 - strokeX, 0, 0.5 + strokeX, 0.5 + strokeY}
	down  = box{0.5 - strokeX, 0.5 - strokeY, 0.5 + strokeX, 1}
	left  = box{0, 0.5 - strokeY, 0.5 + strokeX, 0.5 + strokeY}
	right = box{0.5 - strokeX, 0.5 - strokeY, 1, 0.5 + strokeY}
)

// lines are the lines that the console draws (Unicode, U+2500 to U+257F).
var lines = map[rune][]box{
	'─': {left, right}, '│': {up, down}, '┌': {down, right}, '┐': {down, left}, '└': {up, right}, '┘': {up, left},
	'├': {up, down, right}, '┤': {up, down, left}, '┬': {left, right, down}, '┴': {left, right, up},
	'┼': {left, right, up, down},
	'╌': {{0.08, 0.5 - strokeY, 0.42, 0.5 + strokeY}, {0.58, 0.5 - strokeY, 0.92, 0.5 + strokeY}},
}

// blocks are the block elements that are no eighths (Unicode, U+2580 to U+259F).
var blocks = map[rune][]box{
	'▀': {{0, 0, 1, 0.5}}, '▐': {{0.5, 0, 1, 1}}, '▔': {{0, 0, 1, 0.125}}, '▕': {{0.875, 0, 1, 1}},
	'░': {{0, 0, 1, 1}}, '▒': {{0, 0, 1, 1}}, '▓': {{0, 0, 1, 1}},
}

// opacityOf is how much of a cell a shade covers; 1 for everything else.
func opacityOf(text string) float64 {
	switch text {
	case "░":
		return 0.25
	case "▒":
		return 0.5
	case "▓":
		return 0.75
	default:
		return 1
	}
}

// shapeOf is what is drawn for a character; nil for one that is text.
func shapeOf(text string) []box {
	char, length := utf8.DecodeRuneInString(text)
	if length != len(text) {
		return nil
	}
	switch {
	case '▁' <= char && char <= '█':
		return []box{{0, 1 - float64(char-'▁'+1)/8, 1, 1}}
	case '▉' <= char && char <= '▏':
		return []box{{0, 0, float64('▏'-char+1) / 8, 1}}
	case 0x2801 <= char && char <= 0x28ff:
		return dots(int(char - 0x2800))
	case lines[char] != nil:
		return lines[char]
	default:
		return blocks[char]
	}
}

// dots are those of a braille pattern, a bit each: three rows of the left column, then of
// the right one, then the fourth row (Unicode, U+2800 to U+28FF).
func dots(pattern int) []box {
	const wide, high = 1.2 / cellWidth, 1.2 / cellHeight
	var boxes []box
	for bit := range 8 {
		if pattern&(1<<bit) == 0 {
			continue
		}
		column, row := bit/3, bit%3
		if bit >= 6 {
			column, row = bit-6, 3
		}
		x, y := 0.25+float64(column)/2, 0.125+float64(row)/4
		boxes = append(boxes, box{x - wide, y - high, x + wide, y + high})
	}
	return boxes
}

// pathOf are the shapes of cells as the data of a path; those that go on in the next cell
// are one.
func pathOf(cells []cell, at int) string {
	var b strings.Builder
	for i := 0; i < len(cells); {
		end := i + 1
		boxes := shapeOf(cells[i].text)
		if len(boxes) == 1 && boxes[0].left == 0 && boxes[0].right == 1 || cells[i].text == "─" {
			for end < len(cells) && cells[end].text == cells[i].text {
				end++
			}
		}
		for _, part := range boxes {
			// The left half of a line that goes on is drawn to the end of the last one.
			from, to := float64(at+i)+part.left, float64(at+end-1)+part.right
			fmt.Fprintf(&b, "M%s %sH%sV%sH%sz", number(from*cellWidth), number(part.top*cellHeight),
				number(to*cellWidth), number(part.bottom*cellHeight), number(from*cellWidth))
		}
		i = end
	}
	return b.String()
}
