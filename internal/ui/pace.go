package ui

import (
	"context"
	"reflect"
	"time"

	tea "charm.land/bubbletea/v2"
)

const (
	// frameRate is how many frames a second are written at most. Bubble Tea wakes up so
	// often whether there is a new one or not: its own 60 are most of what a console that
	// only watches would cost.
	frameRate = 20
	// A frame's wait is too long for the first one: while the console begins, frames are
	// written as soon as they are there.
	beginning   = 100 * time.Millisecond
	firstFrames = 2 * time.Millisecond
)

// hurry has the first frames written at once. It is called by the program's goroutine,
// when its renderer has been started.
func hurry(ctx context.Context, program *tea.Program) {
	ticker := tickerOf(program)
	if ticker == nil {
		return
	}
	ticker.Reset(firstFrames)
	time.AfterFunc(beginning, func() {
		if ctx.Err() == nil {
			ticker.Reset(time.Second / frameRate)
		}
	})
}

// tickerOf is the ticker at which a program writes frames. Bubble Tea has no way to
// change it, and none to write a frame now; should it come to keep its ticker elsewhere
// there is none, and the first frame waits its turn.
func tickerOf(program *tea.Program) *time.Ticker {
	field := reflect.ValueOf(program).Elem().FieldByName("ticker")
	if !field.IsValid() || field.Type() != reflect.TypeFor[*time.Ticker]() {
		return nil
	}
	return (*time.Ticker)(field.UnsafePointer())
}
