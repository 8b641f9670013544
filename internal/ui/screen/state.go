// Package screen draws the console: pure functions from a state to lines of text. It
// keeps nothing but strings that were drawn before.
//
// It imports serin/internal/ui/scene, theme and chart, the engine, the words that
// serin/internal/headless has for events, and x/ansi for text; never Bubble Tea, and
// nothing that asks anybody.
package screen

import (
	"time"

	"serin/internal/ui/scene"
	"serin/internal/ui/theme"
)

// Page is which screen has the body.
type Page string

// The pages. Overview is the list, with the selected service's detail beside it where
// there is room; Detail is one service alone.
const (
	Overview Page = "overview"
	Detail   Page = "detail"
	Events   Page = "events"
	History  Page = "history"
	Help     Page = "help"
)

// State is all that a frame is drawn from.
type State struct {
	Width, Height int
	Theme         theme.Theme
	Scene         scene.Scene
	// Now is the time that ages and countdowns are shown for. Still says that it stands,
	// until something changes or a key is pressed: nothing is counted in seconds.
	Now   time.Time
	Still bool
	Page  Page
	// Selected is the name of the selected service.
	Selected string
	// Filter is what service names, or events, must contain; Filtering while it is typed.
	Filter    string
	Filtering bool
	// Frozen holds the scene still; FrozenAt is since when.
	Frozen   bool
	FrozenAt time.Time
	// Span is how much time the charts show, Back how far their right edge lies before
	// now.
	Span, Back time.Duration
	// Scroll is the first line shown of a page that is longer than its room.
	Scroll int
	// Past is the history page's, Chosen the line of it that is selected, PastFault why
	// it could not be read.
	Past      []scene.Past
	Chosen    int
	PastFault string
	// Replay is a finished rollout that the Events and Detail pages show in place of the
	// service's own; nil without.
	Replay *scene.Rollout
	Dialog *Dialog
	Notice Notice
	// Keys are those that the footer offers, in order; Sections are the help page's.
	Keys     []Key
	Sections []Section
	// Guide is the demo's guide; nil without, or when it is hidden.
	Guide    *Guide
	ReadOnly bool
}

// Key is one key as it is shown.
type Key struct {
	// Name is what is pressed, such as r or space; Does what it does, in a word or two;
	// About in a sentence.
	Name, Does, About string
	Dangerous         bool
	// Why says why it cannot act now; empty when it can.
	Why string
}

// Section is a part of the help.
type Section struct {
	Title string
	Keys  []Key
}

// Level is how loud a notice is.
type Level string

// The levels.
const (
	Info    Level = "info"
	Warning Level = "warning"
	Failure Level = "failure"
)

// Notice is one line for the operator.
type Notice struct {
	Level Level
	Text  string
}

// Dialog is a question over everything else.
type Dialog struct {
	Title string
	Lines []string
	// Fields are what is typed, in order.
	Fields []Field
	// Choices are the answers; Focus is the focused one's index, counted after the
	// fields: 0 is the first field, len(Fields) the first choice.
	Choices   []Choice
	Focus     int
	Dangerous bool
	// Fault is what was wrong with the last answer.
	Fault string
}

// Field is a line of text that is typed. Cursor is the place of the cursor, in graphemes.
type Field struct {
	Label, Text, Hint string
	Cursor            int
}

// Choice is an answer of a dialog; Key is pressed for it.
type Choice struct {
	Key, Does string
	Dangerous bool
}

// Guide is the panel that leads through the demo.
type Guide struct {
	Title string
	// Steps are all, Present the index of the one that is shown in full.
	Steps   []GuideStep
	Present int
}

// GuideStep is one thing to do, and whether it is done. Brief stands for Text where a
// screen is narrow; empty when Text does.
type GuideStep struct {
	Title, Text, Brief string
	Done               bool
}

// Hit is what lies under a cell of the screen, for the mouse. The zero value is nothing.
type Hit struct {
	// Service is a service's row, Key a key of the footer or a choice of the dialog, Past
	// a line of the history, counted from 1.
	Service, Key string
	Past         int
}

// Status is what the terminal's title, progress bar and program status say.
type Status struct {
	Title string
	// Progress is the weight of the canary, 0 to 100; -1 without an open rollout.
	Progress int
	State    RolloutState
}

// RolloutState is what a rollout looks like at a glance: each has its own glyph and word.
type RolloutState string

// The states. They are found by StateOf, the loudest first.
const (
	Idle RolloutState = "idle"
	// Split: more than one target has traffic, and no rollout is open.
	Split           RolloutState = "split"
	Deploying       RolloutState = "deploying"
	WaitingForTasks RolloutState = "waiting for tasks"
	Shifting        RolloutState = "shifting"
	Holding         RolloutState = "holding"
	AtGate          RolloutState = "gate"
	Baking          RolloutState = "baking"
	Finishing       RolloutState = "finishing"
	Paused          RolloutState = "paused"
	Held            RolloutState = "held"
	Drift           RolloutState = "drift"
	StaleEvidence   RolloutState = "stale evidence"
	ProviderErrors  RolloutState = "provider errors"
	DriverLost      RolloutState = "driver lost"
	RollingBack     RolloutState = "rolling back"
	// RollBackFails: traffic shall go back, and could not be moved yet.
	RollBackFails RolloutState = "roll back FAILS"
	Stuck         RolloutState = "stuck"
	Succeeded     RolloutState = "succeeded"
	RolledBack    RolloutState = "rolled back"
)
