package aws

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// gathering makes one call of several that come soon after one another: of a process that
// drives a thousand rollouts, those of all of them that want to know the same. At most one
// call begins in a window of time. One that comes when none has begun within the window, or
// only calls of the same asker have, is made at once and alone, so that who is the only one
// to ask never waits; those that come sooner wait for the window's end, and are made
// together. It is safe for concurrent use, and has no goroutine while nobody asks.
type gathering[Q any] struct {
	// window is the least time between the beginnings of two calls.
	window time.Duration
	// read answers questions where they are, and tells of each that it is answered, or why
	// not. Such an error is one of a request, which several may share; what is wrong with
	// one question is written into that.
	read func(ctx context.Context, questions []Q, answer answered)
	// shared tells an error that each question would meet alone as well, from one that a
	// single question may have brought upon the others.
	shared func(error) bool

	mu    sync.Mutex
	begun time.Time
	// last is who asked alone when the last call began; empty after a joint one.
	last string
	// next is the joint call that waits for its time; nil without one.
	next *joint[Q]
}

// joint is one call for several askers.
type joint[Q any] struct {
	// ctx ends when the last asker has gone, and so at the latest of their deadlines.
	ctx    context.Context
	cancel context.CancelFunc
	timer  *time.Timer
	askers []*asker[Q]
	// waiting counts those that have neither gone nor been answered; gathering.mu is held.
	waiting int
	// denied counts those who were told an error that is common to them.
	denied atomic.Int64
}

// asker is who waits for a joint call.
type asker[Q any] struct {
	ctx      context.Context
	question Q
	answered chan error
}

// besideOne is how many questions of a failed request are asked alone at a time.
const besideOne = 4

// apart is how long after some who are told a common error the next ones are, so that a
// thousand do not come back in one moment, every time: they all wait as long, then.
const apart = 20 * time.Millisecond

// ask has a question answered in place; who is the asker, so that one alone can be told from
// many. It ends with ctx, and then the question must not be looked at any more.
func (g *gathering[Q]) ask(ctx context.Context, who string, question Q) error {
	call, one := g.join(ctx, who, question)
	if call == nil {
		return g.askNow(ctx, question)
	}
	defer g.leave(call)
	select {
	case err := <-one.answered:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gathering[Q]) askNow(ctx context.Context, question Q) (failed error) {
	g.read(ctx, []Q{question}, func(err error, _ ...int) { failed = err })
	return failed
}

// join adds a question to the next joint call; there is none when it may be asked now.
func (g *gathering[Q]) join(ctx context.Context, who string, question Q) (*joint[Q], *asker[Q]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	wait := g.window - now.Sub(g.begun)
	if g.next == nil && (wait <= 0 || who == g.last) {
		g.begun, g.last = now, who
		return nil, nil
	}
	if g.next == nil {
		call := &joint[Q]{}
		call.ctx, call.cancel = context.WithCancel(context.WithoutCancel(ctx))
		call.timer = time.AfterFunc(wait, func() { g.begin(call) })
		g.next = call
	}
	one := &asker[Q]{ctx: ctx, question: question, answered: make(chan error, 1)}
	g.next.askers = append(g.next.askers, one)
	g.next.waiting++
	return g.next, one
}

// leave takes an asker away, who was answered or does not wait any more. A call that has
// nobody left is not made, or what is left of it is broken off.
func (g *gathering[Q]) leave(call *joint[Q]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if call.waiting--; call.waiting > 0 {
		return
	}
	call.cancel()
	if g.next == call {
		call.timer.Stop()
		g.next = nil
	}
}

// begin makes a joint call; it is its timer that calls it.
func (g *gathering[Q]) begin(call *joint[Q]) {
	defer call.cancel()
	g.mu.Lock()
	left := g.next != call
	if !left {
		g.next, g.begun, g.last = nil, time.Now(), ""
	}
	g.mu.Unlock()
	if left {
		return
	}
	var askers []*asker[Q]
	var questions []Q
	for _, one := range call.askers {
		if one.ctx.Err() == nil {
			askers, questions = append(askers, one), append(questions, one.question)
		}
	}
	if len(askers) == 0 {
		return
	}
	call.askers = askers
	g.read(call.ctx, questions, func(err error, at ...int) {
		some := make([]*asker[Q], len(at))
		for i, place := range at {
			some[i] = askers[place]
		}
		g.tell(call, some, err)
	})
}

// tell tells some of the askers of a joint call what became of their questions. Where one
// of those may be what is wrong with the others, each is asked alone.
func (g *gathering[Q]) tell(call *joint[Q], some []*asker[Q], err error) {
	switch {
	case err == nil:
		for _, one := range some {
			one.answered <- nil
		}
	case len(call.askers) > 1 && !g.shared(err):
		g.askAlone(call, some)
	default:
		for _, one := range some {
			call.deny(one, err)
		}
	}
}

// deny tells an asker an error that others meet, too, some a little later than others.
func (j *joint[Q]) deny(one *asker[Q], err error) {
	before := j.denied.Add(1) - 1
	time.AfterFunc(time.Duration(before/besideOne)*apart, func() { one.answered <- err })
}

// askAlone asks the questions of a failed request one by one, until one meets what the
// others would meet as well.
func (g *gathering[Q]) askAlone(call *joint[Q], askers []*asker[Q]) {
	var next atomic.Int64
	var met atomic.Pointer[error]
	var working sync.WaitGroup
	for range min(besideOne, len(askers)) {
		working.Go(func() {
			for {
				at := int(next.Add(1)) - 1
				if at >= len(askers) {
					return
				}
				if common := met.Load(); common != nil {
					call.deny(askers[at], *common)
				} else if err := g.askOne(askers[at]); err != nil && g.shared(err) {
					met.Store(&err)
				}
			}
		})
	}
	working.Wait()
}

// askOne answers an asker alone, and returns what is wrong with more than that one: nothing,
// where it has gone.
func (g *gathering[Q]) askOne(one *asker[Q]) error {
	if one.ctx.Err() != nil {
		return nil
	}
	err := g.askNow(one.ctx, one.question)
	one.answered <- err
	if one.ctx.Err() != nil {
		return nil
	}
	return err
}
