package ui

import (
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"serin/internal/ui/theme"
)

// The nearest of 16 colours to those of a canary is the red of what is bad: a terminal that
// has no more gets a theme of its own.
func TestATerminalOfFewColoursHasItsOwnTheme(t *testing.T) {
	rig := newRig(t, &host{})
	for _, test := range []struct {
		profile colorprofile.Profile
		want    theme.Theme
	}{
		{colorprofile.ANSI, theme.OfFew(true, theme.Braille)},
		{colorprofile.ANSI256, theme.New(true, false, theme.Braille)},
		{colorprofile.ASCII, theme.New(true, true, theme.Braille)},
	} {
		rig.send(tea.ColorProfileMsg{Profile: test.profile})
		if rig.m.theme != test.want {
			t.Errorf("%s has another theme", test.profile)
		}
	}
}
