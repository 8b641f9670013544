package main

import (
	"context"
	"io"

	"serin/internal/engine"
	"serin/internal/journal"
)

// journalUsage describes --journal, wherever it is.
const journalUsage = "sqlite:PATH or PATH (default $XDG_STATE_HOME/serin/journal.db)"

// openLog is a journal that is open, and closed after use.
type openLog interface {
	engine.Journal
	io.Closer
}

// journalChoice is a journal that is not open yet: what --journal names, or what stands
// in its place when it is empty.
type journalChoice struct {
	path string
}

// chooseJournal reads --journal without asking anybody. What is wrong with it is bad
// input.
func (p *program) chooseJournal(flag string) (journalChoice, error) {
	if flag == "" {
		path, err := journal.DefaultPath(p.lookup)
		return journalChoice{path: path}, err
	}
	path, err := journal.ParsePath(flag)
	return journalChoice{path: path}, badInput(err)
}

// open opens the journal for the rollouts of an environment of an account.
func (c journalChoice) open(ctx context.Context, _ *account, _ string) (openLog, error) {
	return journal.Open(ctx, c.path)
}
