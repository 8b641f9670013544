package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"serin/internal/engine"
)

// lease begins the rollout, or takes an open one over, and answers the lease on it.
func (d *deployment) lease(ctx context.Context) (engine.Lease, error) {
	if d.flags.resume {
		return d.takeOver(ctx)
	}
	switch open, err := d.journal.Current(ctx, d.account.key(d.spec)); {
	case err == nil:
		return engine.Lease{}, &engine.OpenError{Header: open}
	case !errors.Is(err, engine.ErrNoRollout):
		return engine.Lease{}, err
	}
	if err := d.chooseVersion(ctx); err != nil {
		return engine.Lease{}, err
	}
	driver, now := d.account.driver(d.lookup, d.attended), time.Now()
	started, err := d.prepare(ctx, engine.Opening{
		ID: engine.NewID(now), Key: d.account.key(d.spec), Spec: d.spec, Driver: driver,
		Conduct: engine.Conduct{Unattended: driver.Unattended, ErrorLimit: errorLimit},
		Fast:    d.flags.back.fast, Reason: d.reason(), Back: d.goesBackTo(),
	})
	if err == nil {
		err = d.isStillPresent(started)
	}
	if err != nil {
		return engine.Lease{}, err
	}
	// Whether it has begun must be known for certain, so a signal does not end this.
	ctx = context.WithoutCancel(ctx)
	return d.journal.Begin(ctx, started.ID, driver, engine.Event{At: now, Actor: driver.String(), Body: started})
}

// prepare finds all that forbids the rollout, and changes nothing.
func (d *deployment) prepare(ctx context.Context, opening engine.Opening) (*engine.Started, error) {
	problems, unknown := d.account.preflight(ctx, d.spec, d.file)
	started, err := engine.Prepare(ctx, d.account.ports, opening)
	if refusal, is := errors.AsType[*engine.Refusal](err); is {
		for _, problem := range refusal.Problems {
			problems = append(problems, d.file+": "+problem)
		}
		err = nil
	}
	if len(problems) > 0 {
		return nil, badInput(errors.New(strings.Join(problems, "\n")))
	}
	if unknown != nil {
		return nil, unknown
	}
	return started, err
}

// takeOver becomes the driver of the service's open rollout.
func (d *deployment) takeOver(ctx context.Context) (engine.Lease, error) {
	key := d.account.key(d.spec)
	open, err := d.journal.Current(ctx, key)
	if errors.Is(err, engine.ErrNoRollout) {
		return engine.Lease{}, fmt.Errorf("%s in %s has no open rollout to go on with: start one without --resume", key.Service, key.Environment)
	}
	if err != nil {
		return engine.Lease{}, err
	}
	if err := d.isMeant(ctx, open); err != nil {
		return engine.Lease{}, err
	}
	driver, patience := d.account.driver(d.lookup, d.attended), engine.LeaseTime
	switch {
	case open.Lease.Free:
	case isGone(open.Lease.Driver, driver):
		d.warn(fmt.Sprintf("%s, which drove rollout %s, is gone", open.Lease.Driver, open.ID))
		patience = 0
	default:
		d.warn(fmt.Sprintf("looking for %s whether %s still drives rollout %s", patience, open.Lease.Driver, open.ID))
	}
	return engine.TakeOver(ctx, d.journal, open, driver, patience)
}

// isGone tells for certain that a driver's process has ended: it ran in the place where
// the other one runs, and its process is no more. False says nothing. Should the number
// mean another process, or a container's, the journal still takes one driver only.
func isGone(driver, here engine.Driver) bool {
	err, ranHere := reached(driver, here)
	return ranHere && errors.Is(err, os.ErrProcessDone)
}

// runsHere tells for certain that a driver's process, or another one that has got its
// number, runs in the place where the other one runs. False says nothing.
func runsHere(driver, here engine.Driver) bool {
	err, ranHere := reached(driver, here)
	return ranHere && (err == nil || errors.Is(err, os.ErrPermission))
}

// reached is what came of looking for a driver's process; false when it ran in another
// place than the other one does.
func reached(driver, here engine.Driver) (err error, ranHere bool) { //nolint:revive // the error is the answer
	place, text, found := strings.Cut(driver.Place, placeOfProcess)
	mine, _, _ := strings.Cut(here.Place, placeOfProcess)
	number, err := strconv.Atoi(text)
	if !found || err != nil || place != mine {
		return nil, false
	}
	process, err := os.FindProcess(number)
	if err != nil {
		return nil, false
	}
	return process.Signal(syscall.Signal(0)), true
}

// isMeant refuses to go on with a rollout of another version than the one that was
// named.
func (d *deployment) isMeant(ctx context.Context, open engine.Header) error {
	rollout, err := d.history(ctx, open.ID)
	if err != nil {
		return err
	}
	if d.spec.Sha != "" && d.spec.Sha != rollout.Canary.Sha {
		return fmt.Errorf("the open rollout %s of %s is of version %s, not of %s: go on with it by leaving Sha and --sha out",
			open.ID, open.Key.Service, rollout.Canary.Sha, d.spec.Sha)
	}
	return nil
}

// history is a rollout as the journal has it.
func (d *deployment) history(ctx context.Context, id string) (*engine.Rollout, error) {
	events, err := d.journal.Events(ctx, id, 0)
	if err != nil {
		return nil, err
	}
	return engine.Fold(events), nil
}
