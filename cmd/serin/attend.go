package main

import (
	"context"

	"serin/internal/console"
	"serin/internal/engine"
	"serin/internal/headless"
)

// attend opens the console on a rollout that it drives, and answers an error with the
// rollout's exit code.
func (d *deployment) attend(ctx context.Context, lease engine.Lease) error {
	told := newNarrator()
	if d.junit != nil {
		told = newNarrator(headless.Printer(d.junit))
	}
	options := d.account.hostOptions(d.program, d.spec.EnvironmentName, d.journal, told)
	options.Page = d.page
	s := newSession(d.program, d.flags.view, d.flags.onInterrupt.value, d.signals, told).on(console.New(options))
	s.shows.Service = d.spec.MicroserviceName
	if err := d.beginAttended(ctx, s.host, told, lease); err != nil {
		s.host.Close()
		return err
	}
	err := s.run(ctx, ctx)
	if err != nil {
		d.say(err)
	}
	ending, err, _ := s.host.Ending(lease.Rollout)
	if err != nil {
		ending.Reason = err.Error()
	}
	if problem := told.end(ending); problem != nil {
		d.say(problem)
	}
	s.summarise()
	return d.ended(ending, err)
}

// beginAttended puts the driver to work; a rollout that is resumed goes on, with what
// happened before in the report.
func (d *deployment) beginAttended(ctx context.Context, host *console.Host, told *narrator, lease engine.Lease) error {
	if !d.flags.resume {
		return host.Drive(ctx, lease, d.why)
	}
	events, err := d.past(ctx, lease)
	if err != nil {
		return err
	}
	rollout := &engine.Rollout{}
	for _, event := range events {
		rollout.Apply(event)
		told.event(event, rollout)
	}
	command, asks := d.first(rollout)
	if err := host.Drive(ctx, lease, d.why); err != nil || !asks {
		return err
	}
	return host.Post(rollout.Key.Service, command)
}
