package picture

import (
	"fmt"

	"github.com/charmbracelet/x/ansi"
)

// style is how a cell looks. Colours are #rrggbb; empty is that of the picture.
type style struct {
	ink, ground          string
	bold, faint, reverse bool
}

// colours are those that the style is drawn with; an empty ground is the picture's.
func (s style) colours() (colour, background string) {
	colour, background = s.ink, s.ground
	if s.reverse {
		colour, background = s.ground, s.ink
		if background == "" {
			background = textColour
		}
		if colour == "" {
			colour = groundColour
		}
	}
	if colour == "" {
		colour = textColour
	}
	return colour, background
}

// switches are the parameters of SGR that the console's styles are made of, colours apart
// (ECMA-48, 8.3.117).
var switches = map[int]func(*style){
	0: func(s *style) { *s = style{} },
	1: func(s *style) { s.bold = true }, 2: func(s *style) { s.faint = true }, 7: func(s *style) { s.reverse = true },
	22: func(s *style) { s.bold, s.faint = false, false }, 27: func(s *style) { s.reverse = false },
	39: func(s *style) { s.ink = "" }, 49: func(s *style) { s.ground = "" },
}

// apply changes the style as an SGR sequence does. The error is for what no style of the
// console has.
func (s *style) apply(parameters ansi.Params) error {
	if len(parameters) == 0 {
		*s = style{}
	}
	for i := 0; i < len(parameters); i++ {
		number := parameters[i].Param(0)
		if number == 38 || number == 48 {
			colour, err := rgb(parameters[i+1:])
			if err != nil {
				return err
			}
			if number == 38 {
				s.ink = colour
			} else {
				s.ground = colour
			}
			i += 4
			continue
		}
		change, known := switches[number]
		if !known {
			return fmt.Errorf("the style %d cannot be drawn", number)
		}
		change(s)
	}
	return nil
}

// rgb is the colour of the parameters 2, red, green, blue (ITU-T T.416, 13.1.8).
func rgb(parameters ansi.Params) (string, error) {
	if len(parameters) < 4 || parameters[0].Param(0) != 2 {
		return "", fmt.Errorf("a colour is not red, green and blue: %v", parameters)
	}
	return fmt.Sprintf("#%02x%02x%02x", parameters[1].Param(0), parameters[2].Param(0), parameters[3].Param(0)), nil
}
