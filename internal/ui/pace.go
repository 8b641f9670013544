package ui

import (
	"reflect"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
)

// Bubble Tea looks for a new frame at a fixed rate, whether there is one or not: its own
// 60 a second are most of what a console that only watches would cost. So it looks often
// while frames come, and else only in case that one has been missed.
const (
	// frameRate is how many frames a second are written at most where that cannot be changed.
	frameRate = 20
	often     = 20 * time.Millisecond
	seldom    = 250 * time.Millisecond
	// settling is how long after a frame it looks often.
	settling = 50 * time.Millisecond
	// A frame's wait is too long for the first one: while the console begins, frames are
	// written as soon as they are there.
	beginning   = 100 * time.Millisecond
	firstFrames = 2 * time.Millisecond
)

// pace has frames written soon after they are drawn. It is safe for concurrent use.
type pace struct {
	program *tea.Program

	mu     sync.Mutex
	ticker *time.Ticker
	// settle ends what lively says: that it looks often now.
	settle *time.Timer
	lively bool
	over   bool
}

func newPace(program *tea.Program) *pace { return &pace{program: program} }

// begin has the next frames written at once. It is called by the program's goroutine,
// when its renderer has been started or has been started again.
func (p *pace) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ticker = tickerOf(p.program)
	p.look(firstFrames, beginning)
}

// drawn has a frame written soon.
func (p *pace) drawn() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lively {
		p.settle.Reset(settling)
		return
	}
	p.look(often, settling)
}

// look looks for frames so often for a while.
func (p *pace) look(every, during time.Duration) {
	if p.ticker == nil || p.over {
		return
	}
	p.ticker.Reset(every)
	p.lively = true
	if p.settle == nil {
		p.settle = time.AfterFunc(during, p.rest)
		return
	}
	p.settle.Reset(during)
}

func (p *pace) rest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	p.lively = false
	p.ticker.Reset(seldom)
}

// end leaves the program's ticker alone from now on.
func (p *pace) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	if p.settle != nil {
		p.settle.Stop()
	}
}

// tickerOf is the ticker at which a program writes frames. Bubble Tea has no way to
// change it, and none to write a frame now; should it come to keep its ticker elsewhere
// there is none, and every frame waits its turn.
func tickerOf(program *tea.Program) *time.Ticker {
	field := reflect.ValueOf(program).Elem().FieldByName("ticker")
	if !field.IsValid() || field.Type() != reflect.TypeFor[*time.Ticker]() {
		return nil
	}
	return (*time.Ticker)(field.UnsafePointer())
}
