package engine

import (
	"context"
	"time"
)

// mailboxEvery is how often a journal's mailbox is read that does not say.
const mailboxEvery = time.Second

// Paced is a journal that says how often its mailbox is best read: often enough that what
// is asked is taken up within a second, and not more often than it is worth.
type Paced interface {
	MailboxEvery() time.Duration
}

// MailboxEvery is how often the mailbox of a journal is read.
func MailboxEvery(journal Journal) time.Duration {
	if paced, says := journal.(Paced); says {
		return paced.MailboxEvery()
	}
	return mailboxEvery
}

// letters are what a driver has read of its mailbox: all up to a number. They are unread
// when there may be more.
type letters struct {
	after         int64
	begun, unread bool
}

// readMailbox hands the commands of the journal's mailbox to the driver, until ctx ends.
// They are read by a clock: what puts them there is another process.
func (d *DriveLoop) readMailbox(ctx context.Context, taken int64) {
	ticker := time.NewTicker(d.Mailbox)
	defer ticker.Stop()
	for box := (&letters{after: taken}); ; {
		_ = d.collect(ctx, box) // it is noted, and the next reading is soon
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// collect hands what is new in the mailbox to the driver.
func (d *DriveLoop) collect(ctx context.Context, box *letters) error {
	commands, err := d.commands(ctx, box.after)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	d.noteMail(err)
	if err != nil {
		return err
	}
	if !box.begun {
		box.begun = true
		d.inherit(commands)
	}
	for _, command := range commands {
		d.Post(command)
		box.after = command.Number
	}
	return nil
}

// commands reads the mailbox. A reading that hangs is given up, for the next one.
func (d *DriveLoop) commands(ctx context.Context, after int64) ([]Command, error) {
	ctx, cancel := limited(ctx, recordTimeout)
	defer cancel()
	return within(ctx, func() ([]Command, error) { return d.Journal.Commands(ctx, d.ID, after) })
}

// noteMail says that the mailbox cannot be read, once, and shows it until it can.
func (d *DriveLoop) noteMail(err error) {
	d.noteBroken(byMailbox, err)
	fault := ""
	if err != nil {
		fault = err.Error()
	}
	d.mu.Lock()
	before := d.mailFault
	d.mailFault = fault
	d.mu.Unlock()
	if fault == before {
		return
	}
	if fault != "" {
		d.Warn("commands that others post are not seen: " + fault)
	}
	d.nudge()
}

// inherit notes what lay in the mailbox already when this driver first read it. No clock
// tells: those of the machines that ask and that drive may differ.
func (d *DriveLoop) inherit(commands []Command) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, command := range commands {
		d.inherited = command.Number
	}
}

// isInherited tells whether a command of the mailbox is older than this driver.
func (d *DriveLoop) isInherited(command Command) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return command.Number > 0 && command.Number <= d.inherited
}

// takeOrRefuse is what a command does to the rollout. One of the mailbox that was asked
// before this driver began was meant for what the rollout was then: only a roll back is
// still taken.
func (d *DriveLoop) takeOrRefuse(command Command) []Body {
	if command.Kind != RollBack && d.isInherited(command) {
		return []Body{&CommandRefused{Command: command, Why: "it was asked before this driver began to drive: ask again"}}
	}
	return Take(d.rollout, d.evidence, command, d.clock.now())
}
