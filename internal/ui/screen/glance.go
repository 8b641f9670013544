package screen

import (
	"time"

	"serin/internal/ui/scene"
)

// Glance is a state at a glance: its glyph and its word. No two states have both alike.
func Glance(state RolloutState) (glyph, word string) { return "", string(state) }

// StateOf is what a service's rollout looks like, the loudest thing first.
func StateOf(_ scene.Service, _ time.Time) RolloutState { return Idle }

// StatusOf is what the terminal's own places tell of a state.
func StatusOf(_ State) Status { return Status{Progress: -1} }

// Summary is a rollout in plain lines, to be copied.
func Summary(_ *scene.Rollout, _ time.Time) string { return "" }

// At is what lies under a cell of the frame that Draw draws; x and y count from 0.
func At(_ State, _, _ int) Hit { return Hit{} }

// Extent is the greatest Scroll that still shows something new on the page.
func Extent(_ State, _ *Cache) int { return 0 }
