package engine

import (
	"errors"
	"time"
)

// finder is a call of the journal, beside the writing of events, that can find it broken.
type finder int

const (
	byMailbox finder = iota
	bySign
	finders
)

// noteBroken notes what a call of the journal has found out: that it is broken, or, when
// it did what it was asked, that it is whole. Another failure says neither.
func (d *DriveLoop) noteBroken(by finder, err error) {
	if err != nil && !errors.Is(err, ErrBroken) {
		return
	}
	d.mu.Lock()
	before := d.broken[by]
	d.broken[by] = err
	d.mu.Unlock()
	if (before == nil) != (err == nil) {
		d.nudge()
	}
}

// foundBroken is why the journal is not written, although it might take what is: nil
// unless the last call of a kind found it broken.
func (d *DriveLoop) foundBroken() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, err := range d.broken {
		if err != nil {
			return err
		}
	}
	return nil
}

// heedBroken has a journal that was found broken rest as one that cannot be written, and
// tries one that was found whole again at once.
func (d *DriveLoop) heedBroken() {
	err := d.foundBroken()
	switch {
	case err != nil && d.journalFault == "":
		d.journalHasFailed(err)
	case err == nil && d.wasBroken:
		d.journalRetry, d.journalFailures, d.journalFault = time.Time{}, 0, ""
	}
	d.wasBroken = err != nil
}
