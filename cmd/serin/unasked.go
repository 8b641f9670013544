package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"serin/internal/aws"
	"serin/internal/engine"
	"serin/internal/steer"
)

// unasked is what comes of a roll back that the journal did not take. It is done here when
// nobody drives the rollout; a driver that lives is not meddled with, and named. To know
// that, the journal must be readable.
func (q *question) unasked(ctx, driving context.Context, view *steer.View, command engine.Command, refused error) error {
	if err := q.find(ctx, view); err != nil {
		return q.byHand(ctx, &q.flags.environmentFlags, q.service, refused)
	}
	driver := view.Lease().Driver
	switch {
	case view.Rollout().Outcome != "":
		return errTakenOver // it has ended meanwhile: asking again tells how
	case !view.Life().Driverless(), !view.Lease().Free && q.runs(driver):
		return withoutJournal(refused, driver)
	}
	return q.rollBackHere(driving, view, command)
}

// byHand is the error of a roll back that could not be asked for, nor done, because the
// journal cannot be read: with what the route and the record say, and what to do about it.
func (p *program) byHand(ctx context.Context, flags *environmentFlags, service string, unread error) error {
	said := []string{
		unread.Error() + ". So it is not known whether somebody drives a rollout of " + service,
		"a driver that still runs rolls it back without the journal too: interrupt it where it runs (SIGTERM), or press r in its console",
	}
	lines, err := routeByHand(ctx, flags, service, false)
	if err != nil {
		lines = append(lines, fmt.Sprintf("what the route is cannot be said: %v", err))
	}
	return errors.New(strings.Join(append(said, lines...), "\n"))
}

// nothingOpen is the error of a roll back of a service that this journal knows no open
// rollout of: another one may, when versions share its traffic.
func (p *program) nothingOpen(ctx context.Context, flags *environmentFlags, service string, none error) error {
	lines, err := routeByHand(ctx, flags, service, true)
	if err != nil || len(lines) == 0 {
		return none
	}
	return errors.New(strings.Join(append([]string{none.Error() + ". But versions share its traffic: another journal may have the rollout"}, lines...), "\n"))
}

// routeByHand is what a person needs to give a route back by hand.
func routeByHand(ctx context.Context, flags *environmentFlags, service string, onlyShared bool) ([]string, error) {
	there, err := connect(ctx, flags.account, "")
	if err != nil {
		return nil, err
	}
	return aws.NewByHand(there.clients, "").Lines(ctx, engine.Service{Environment: flags.environment, Name: service}, onlyShared)
}
