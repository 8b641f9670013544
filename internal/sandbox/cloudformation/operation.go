package cloudformation

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// operation is one piece of work on a stack: its creation, an update, its deletion. A
// stack has one at a time; a deletion supersedes a creation.
type operation struct {
	service *Service
	stack   *stack
	// token is the ClientRequestToken that all the operation's events carry.
	token string
	// ctx ends when the operation is superseded or the service closed.
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}
}

// begin starts an operation, after the one that it supersedes has ended. The caller
// holds mu.
func (s *Service) begin(st *stack, token string, work func(*operation)) {
	ctx, cancel := context.WithCancel(s.life)
	op := &operation{service: s, stack: st, token: token, ctx: ctx, cancel: cancel, done: make(chan struct{})}
	before := st.operation
	st.operation = op
	if s.closed {
		cancel()
		close(op.done)
		return
	}
	if before != nil {
		before.cancel()
	}
	s.work.Go(func() {
		defer close(op.done)
		defer cancel()
		if before != nil {
			<-before.done
		}
		if s.life.Err() == nil {
			work(op)
		}
	})
}

// locked performs a change of the stack under the service's mutex, unless the service
// is closed: its stacks stay as they were.
func (op *operation) locked(change func()) {
	op.service.mu.Lock()
	defer op.service.mu.Unlock()
	if op.service.life.Err() == nil {
		change()
	}
}

// newest performs a change as locked does, unless the operation has been superseded:
// then the stack's status is another's to say. It reports whether it did.
func (op *operation) newest(change func()) (performed bool) {
	op.locked(func() {
		if op.stack.operation == op {
			performed = true
			change()
		}
	})
	return performed
}

// names collects the logical ids of what failed, from several goroutines.
type names struct {
	mu  sync.Mutex
	all []string
}

func (n *names) add(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, name)
}

// list is the names, sorted, as CloudFormation's reasons list them.
func (n *names) list() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return "[" + strings.Join(slices.Sorted(slices.Values(n.all)), ", ") + "]"
}

func (n *names) empty() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.all) == 0
}
