package aws

import (
	"context"
	"slices"
	"sync"
	"time"
)

// readAll reads the windows of several callers. What befalls a request is the trouble of
// those who have a window in it, and each is answered when the requests with its own have
// come: a slow one, or one that is throttled, denies nobody else their counts.
func (m *Metrics) readAll(ctx context.Context, callers [][]*window, answer answered) {
	for caller, asked := range callers {
		for _, one := range asked {
			one.restart(caller)
		}
	}
	all := batches(slices.Concat(callers...), time.Now())
	round := newRound(len(callers), all, answer)
	several(len(all), m.where.isCommon, func(at int) error { return m.ask(ctx, all[at]) }, func(at int, err error) {
		round.done(all[at], err)
	})
}

// round is one reading for several callers.
type round struct {
	answer answered

	mu sync.Mutex
	// left counts the requests of each caller that have not come, failed has what befell
	// the first one that failed.
	left   []int
	failed []*mishap
}

func newRound(callers int, all []batch, answer answered) *round {
	r := &round{answer: answer, left: make([]int, callers), failed: make([]*mishap, callers)}
	for _, batch := range all {
		for _, caller := range batch.callers() {
			r.left[caller]++
		}
	}
	for caller, left := range r.left {
		if left == 0 {
			answer(nil, caller)
		}
	}
	return r
}

// done notes what became of a request, and answers the callers for whom it was the last.
func (r *round) done(came batch, err error) {
	var wrong *mishap
	if err != nil {
		wrong = &mishap{err}
	}
	over := make(map[*mishap][]int)
	r.mu.Lock()
	for _, caller := range came.callers() {
		if r.failed[caller] == nil {
			r.failed[caller] = wrong
		}
		if r.left[caller]--; r.left[caller] == 0 {
			over[r.failed[caller]] = append(over[r.failed[caller]], caller)
		}
	}
	r.mu.Unlock()
	r.answer.each(over)
}

// callers are those who have a window in a batch, each once.
func (b batch) callers() []int {
	callers := make([]int, len(b.windows))
	for i, asked := range b.windows {
		callers[i] = asked.caller
	}
	slices.Sort(callers)
	return slices.Compact(callers)
}
