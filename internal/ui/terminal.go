package ui

import (
	"io"
	"sync"
	"time"

	"github.com/charmbracelet/x/term"
)

const (
	// patience is how long a write waits for the terminal. A healthy one takes a frame at
	// once; waiting that long keeps what is written in step with what is done next, such
	// as being suspended.
	patience = 5 * time.Millisecond
	// backlog bounds what waits for a terminal, in bytes. No frames are made while one
	// waits, so that only a storm of resizes comes near it.
	backlog = 1 << 20
	// lastWords is how long the end of the console waits for the terminal to take what
	// restores it.
	lastWords = 500 * time.Millisecond
)

// terminal is a writer that never waits for more than its patience, whatever the
// terminal behind it does. Its methods are safe for concurrent use.
type terminal struct {
	out io.Writer
	// patience is how long a write waits; at 0 it does not.
	patience time.Duration
	// caughtUp has an element when the terminal took everything after it had been behind.
	caughtUp chan struct{}
	more     chan struct{}

	mu      sync.Mutex
	pending []byte
	// taken is closed when all that was written has been taken; nil when nothing waits.
	taken  chan struct{}
	behind bool
	// lost is true when something had to be dropped: the screen is to be drawn anew.
	lost   bool
	failed error
	closed bool
}

var _ io.Writer = (*terminal)(nil)

// newTerminal starts the goroutine that writes to out; it ends with close.
func newTerminal(out io.Writer, patience time.Duration) *terminal {
	t := &terminal{out: out, patience: patience, caughtUp: make(chan struct{}, 1), more: make(chan struct{}, 1)}
	go t.deliver()
	return t
}

// Write hands over what is to be written. It fails when the terminal is gone; what a
// terminal that hangs will get is not known to fail.
func (t *terminal) Write(p []byte) (int, error) {
	taken, err := t.add(p)
	if taken == nil {
		return len(p), err
	}
	if t.isTaken(taken) {
		return len(p), nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.behind = t.taken != nil
	return len(p), nil
}

// isTaken waits for the terminal, as long as its patience lasts.
func (t *terminal) isTaken(taken <-chan struct{}) bool {
	if t.patience == 0 {
		return false
	}
	timer := time.NewTimer(t.patience)
	defer timer.Stop()
	select {
	case <-taken:
		return true
	case <-timer.C:
		return false
	}
}

// add queues bytes; the channel is nil when nothing is to be waited for.
func (t *terminal) add(p []byte) (chan struct{}, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.failed != nil:
		return nil, t.failed
	case t.closed:
		return nil, io.ErrClosedPipe
	case len(t.pending)+len(p) > backlog:
		t.lost = true
		return nil, nil
	}
	t.pending = append(t.pending, p...)
	if t.taken == nil {
		t.taken = make(chan struct{})
	}
	signal(t.more)
	if t.behind {
		return nil, nil
	}
	return t.taken, nil
}

// deliver writes what is pending until the terminal is closed.
func (t *terminal) deliver() {
	for range t.more {
		for {
			batch := t.next()
			if len(batch) == 0 {
				break
			}
			if _, err := t.out.Write(batch); err != nil {
				t.fail(err)
			}
		}
	}
}

// next takes what is pending; when there is nothing, all has been taken.
func (t *terminal) next() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	batch := t.pending
	t.pending = nil
	if len(batch) > 0 {
		return batch
	}
	if t.taken != nil {
		close(t.taken)
		t.taken = nil
	}
	if t.behind {
		t.behind = false
		signal(t.caughtUp)
	}
	return nil
}

// fail remembers that the terminal is gone: nothing is written to it any more.
func (t *terminal) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed, t.pending = err, nil
}

// isBehind tells whether something still waits for the terminal.
func (t *terminal) isBehind() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.behind
}

// hasLost tells, once, whether something was dropped.
func (t *terminal) hasLost() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	lost := t.lost
	t.lost = false
	return lost
}

// close waits for the terminal to take what was written, and not for long. A write to a
// terminal that hangs cannot be called off: its goroutine ends when the terminal, or the
// process, does.
func (t *terminal) close() {
	t.mu.Lock()
	taken := t.taken
	t.closed = true
	t.mu.Unlock()
	if taken != nil {
		timer := time.NewTimer(lastWords)
		defer timer.Stop()
		select {
		case <-taken:
		case <-timer.C:
		}
	}
	close(t.more)
}

// signal leaves a sign in a channel that holds one.
func signal(sign chan<- struct{}) {
	select {
	case sign <- struct{}{}:
	default:
	}
}

// ttyTerminal is a terminal whose size and colours can be asked for.
type ttyTerminal struct {
	*terminal
	file term.File
}

var _ term.File = ttyTerminal{}

// Read and Close are there for the interface: Bubble Tea asks a file of its output, and
// wants no more than the descriptor.
func (t ttyTerminal) Read(p []byte) (int, error) { return t.file.Read(p) }

// Close leaves the file open: it is the caller's.
func (t ttyTerminal) Close() error { return nil }

// Fd is the descriptor of the terminal.
func (t ttyTerminal) Fd() uintptr { return t.file.Fd() }

// writer is the terminal as Bubble Tea needs it: as a file, when it is one.
func (t *terminal) writer() io.Writer {
	if file, is := t.out.(term.File); is {
		return ttyTerminal{terminal: t, file: file}
	}
	return t
}
