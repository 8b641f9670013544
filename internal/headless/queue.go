package headless

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"
)

// Queue is a writer that never waits: what is written is kept, without a limit, until
// the writer behind it takes it. A blocked terminal or a full pipe therefore never
// stops a rollout, and neither does a closed one: after the first error, what is
// written is dropped. It is safe for concurrent use; every Write reaches the writer
// behind it whole and in order.
type Queue struct {
	out  io.Writer
	wake chan struct{}
	done chan struct{}

	mutex  sync.Mutex
	kept   bytes.Buffer
	closed bool
	failed error
}

var _ io.Writer = (*Queue)(nil)

// NewQueue starts the goroutine that writes to out. Close ends it.
func NewQueue(out io.Writer) *Queue {
	q := &Queue{out: out, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go q.run()
	return q
}

// Write keeps p for the writer behind the queue. It always succeeds; Close tells what
// became of it.
func (q *Queue) Write(p []byte) (int, error) {
	q.mutex.Lock()
	if q.failed == nil && !q.closed {
		q.kept.Write(p)
	}
	q.mutex.Unlock()
	q.nudge()
	return len(p), nil
}

func (q *Queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *Queue) run() {
	defer close(q.done)
	for range q.wake {
		for {
			chunk, closed := q.take()
			if len(chunk) == 0 {
				if closed {
					return
				}
				break
			}
			if _, err := q.out.Write(chunk); err != nil {
				q.fail(err)
			}
		}
	}
}

// take empties the queue; it also tells whether the queue is closed.
func (q *Queue) take() (chunk []byte, closed bool) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	chunk = bytes.Clone(q.kept.Bytes())
	q.kept.Reset()
	return chunk, q.closed
}

func (q *Queue) fail(err error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.failed == nil {
		q.failed = err
	}
	q.kept.Reset()
}

// Close waits until everything is written, but no longer than limit. The error says why
// something was not: the first error of the writer, or that it did not take it in time;
// in the latter case a goroutine stays behind that waits for the writer.
func (q *Queue) Close(limit time.Duration) error {
	q.mutex.Lock()
	q.closed = true
	q.mutex.Unlock()
	q.nudge()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-q.done:
	case <-timer.C:
		return fmt.Errorf("nobody read the output for %s", limit)
	}
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return q.failed
}
