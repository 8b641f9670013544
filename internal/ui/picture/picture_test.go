package picture

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"serin/internal/ui/theme"
)

// read is what a picture holds: the title, and the text of each row.
func read(t *testing.T, svg string) (title string, rows []string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(svg))
	var open []string
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return title, rows
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			open = append(open, token.Name.Local)
			if token.Name.Local == "g" {
				rows = append(rows, "")
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if slices.Contains(open, "title") {
				title += string(token)
			} else if slices.Contains(open, "g") {
				rows[len(rows)-1] += string(token)
			}
		}
	}
}

// dense is a text without spaces.
func dense(text string) string { return strings.ReplaceAll(text, " ", "") }

// Every frame that is kept becomes a picture with all its words and shapes.
func TestEveryLineOfAFrameIsThere(t *testing.T) {
	frames, err := filepath.Glob(filepath.Join("..", "screen", "testdata", "*-120x36.txt"))
	if err != nil || len(frames) < 10 {
		t.Fatalf("%d frames, %v", len(frames), err)
	}
	for _, path := range frames {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		frame := strings.TrimSuffix(string(text), "\n")
		svg, err := SVG(frame, "a <frame> & more", 120, 36)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		title, rows := read(t, svg)
		if title != "a <frame> & more" {
			t.Errorf("the title is %q", title)
		}
		lines := strings.Split(frame, "\n")
		if len(rows) != len(lines) {
			t.Fatalf("%s has %d rows, want %d", path, len(rows), len(lines))
		}
		for y, line := range lines {
			if rows[y] != dense(line) && dense(rows[y]) != dense(line) {
				t.Errorf("%s: row %d is %q, want %q", path, y+1, rows[y], line)
			}
		}
	}
}

// Every style of the dark theme is drawn, and none leaves a control character.
func TestEveryStyleIsDrawn(t *testing.T) {
	for _, colourless := range []bool{false, true} {
		look := theme.New(true, colourless, theme.Braille)
		for name, style := range map[string]theme.Style{
			"text": look.Text, "muted": look.Muted, "strong": look.Strong, "title": look.Title, "rule": look.Rule,
			"stable": look.Stable, "bad": look.Bad, "focus": look.Focus, "badge": look.Badge, "alarm": look.Alarm, "band": look.Band,
		} {
			svg, err := SVG("before "+style.Paint("HOLD & <on>")+" after", name, 30, 1)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if strings.ContainsFunc(svg, func(char rune) bool { return char < ' ' && char != '\n' }) {
				t.Errorf("%s has a control character: %q", name, svg)
			}
			if _, rows := read(t, svg); dense(rows[0]) != "beforeHOLD&<on>after" {
				t.Errorf("%s: the row is %q", name, rows[0])
			}
		}
	}
}

func TestStylesAreThoseOfTheFrame(t *testing.T) {
	const frame = "\x1b[1;38;2;255;122;69mred\x1b[m \x1b[38;2;0;0;0;48;2;240;228;66m gate \x1b[m\x1b[7mback\x1b[27;2mdim\x1b[22mplain"
	svg, err := SVG(frame, "styles", 40, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		` fill="#ff7a45" font-weight="bold">red</text>`,
		fmt.Sprintf(`<rect x="%s" width="%s" height="18" fill="#f0e442"/>`, across(4), across(6)),
		fmt.Sprintf(`<rect x="%s" width="%s" height="18" fill="#e4e4e4"/>`, across(10), across(4)),
		` fill="#0d1117">back</text>`, ` fill-opacity="0.5">dim</text>`, `lengthAdjust="spacingAndGlyphs">plain</text>`,
		fmt.Sprintf(`<text x="%s" y="13.5" textLength="%s"`, across(17), across(5)),
	} {
		if !strings.Contains(svg, part) {
			t.Errorf("there is no %s in\n%s", part, svg)
		}
	}
}

// What is drawn fits together at the edges of its cells.
func TestShapes(t *testing.T) {
	whole := box{0, 0, 1, 1}
	for text, want := range map[string]box{"█": whole, "░": whole, "▄": {0, 0.5, 1, 1}, "▁": {0, 0.875, 1, 1}, "▌": {0, 0, 0.5, 1}} {
		if got := shapeOf(text); len(got) != 1 || got[0] != want {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
	for text, want := range map[string]int{"⠁": 1, "⣿": 8, "┼": 4, "╌": 2, "─": 2, "a": 0, "✔": 0, "──": 0, "\u2800": 0} {
		if got := shapeOf(text); len(got) != want {
			t.Errorf("%q has %d parts, want %d", text, len(got), want)
		}
	}
	if low, high := shapeOf("⢀")[0], shapeOf("⠁")[0]; low.left < 0.5 || low.top < 0.75 || high.right > 0.5 || high.bottom > 0.25 {
		t.Errorf("dots are at %v and %v", low, high)
	}
	svg, err := SVG("│███", "a bar", 4, 1)
	if want := fmt.Sprintf("M%s 0H%sV18H%sz", across(1), across(4), across(1)); err != nil || !strings.Contains(svg, want) {
		t.Errorf("there is no %s in\n%s; %v", want, svg, err)
	}
}

func TestWhatIsNoFrameIsRefused(t *testing.T) {
	for what, frame := range map[string]string{
		"a long row": "12345", "many rows": "1\n2\n3", "a cursor that moves": "\x1b[2Jx", "a bell": "a\a",
		"a title": "\x1b]0;x\a", "a blink": "\x1b[5mx", "a colour by number": "\x1b[38;5;9mx", "half a colour": "\x1b[38;2;1mx",
	} {
		if svg, err := SVG(frame, what, 4, 2); err == nil {
			t.Errorf("%s became %s", what, svg)
		}
	}
}

func TestWideTextKeepsItsColumns(t *testing.T) {
	svg, err := SVG("日本 x", "wide", 6, 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf(`<text x="%s" y="13.5" textLength="%s"`, across(5), across(1)); !strings.Contains(svg, want) {
		t.Errorf("there is no %s in\n%s", want, svg)
	}
}
