package engine

import "sync"

// Latest is a mailbox for one value: putting never waits, and whoever reads gets the
// newest. It is safe for concurrent use; the zero value is not ready, use NewLatest.
type Latest[T any] struct {
	mu      sync.Mutex
	value   T
	changed chan struct{}
}

// NewLatest is an empty mailbox.
func NewLatest[T any]() *Latest[T] { return &Latest[T]{changed: make(chan struct{})} }

// Put replaces the value and wakes everybody who waits.
func (l *Latest[T]) Put(value T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.value = value
	close(l.changed)
	l.changed = make(chan struct{})
}

// Get is the newest value, and a channel that is closed when there is a newer one.
func (l *Latest[T]) Get() (T, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.value, l.changed
}
