package aws

import (
	"sync"
)

// atOnce is how many requests of one reading are made at a time: so many that those which
// hang leave room for the others, and so few that nobody else waits for a connection.
const atOnce = 8

// several makes requests, some at a time, and tells of each what became of it, as soon as it
// is known. When as many as are made at a time have failed with what any other would meet as
// well, and none has ended otherwise, those that are left are not made: it became of them,
// too.
func several(count int, isCommon func(error) bool, request func(at int) error, told func(at int, err error)) {
	all := requests{count: count, isCommon: isCommon}
	var working sync.WaitGroup
	for range min(atOnce, count) {
		working.Go(func() {
			for at, common := all.next(); at < count; at, common = all.next() {
				err := common
				if common == nil {
					err = request(at)
					all.note(err)
				}
				told(at, err)
			}
		})
	}
	working.Wait()
}

// requests are those of one reading.
type requests struct {
	count    int
	isCommon func(error) bool

	mu sync.Mutex
	// begun counts those that were given out, failed those that met what others would.
	begun, failed int
	// common is the last of that, other is true once one has ended otherwise.
	common error
	other  bool
}

// next is the next request, and why it need not be made, if so.
func (r *requests) next() (at int, common error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun++
	if !r.other && r.failed >= atOnce {
		common = r.common
	}
	return r.begun - 1, common
}

func (r *requests) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil || !r.isCommon(err) {
		r.other = true
		return
	}
	r.failed, r.common = r.failed+1, err
}

// answered takes what is wrong with the questions at some places, nil for nothing. It is
// told once of each question, and may be told of several at the same time.
type answered func(err error, at ...int)

// mishap is what befell one request, and those who have a question in it.
type mishap struct {
	err error
}

// each tells of questions, those with the same mishap together; without one the key is
// nil, and they come first, since others may have to be asked again.
func (a answered) each(places map[*mishap][]int) {
	if fine := places[nil]; len(fine) > 0 {
		a(nil, fine...)
	}
	for wrong, at := range places {
		if wrong != nil {
			a(wrong.err, at...)
		}
	}
}
