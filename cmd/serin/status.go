package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"serin/internal/engine"
	"serin/internal/headless"
	"serin/internal/steer"
)

// readsAtOnce is how many services are read at the same time.
const readsAtOnce = 8

func newStatus(p *program) *cobra.Command {
	flags := environmentFlags{reads: true}
	cmd := &cobra.Command{
		Use:   "status [SERVICE]",
		Short: "Say once what every service does: weights, and of an open rollout its step, verdict and driver",
		Long: "Status reads the routes of an environment, and the open rollouts of the journal: state and step, the weights\n" +
			"that the router has and those that were asked for, the verdict, who drives and when that driver last gave a\n" +
			"sign of life, who paused and why, what comes next and when. A route that is split and that no rollout is open\n" +
			"for has the state split, and what to do about it.\n\n" +
			"Where a driver may be lost it looks for a sign of life first, for at most 9 s. --output json writes one object\n" +
			"a service.\n\n" +
			"Exit codes: 0; 1 what could not be read, which is said; 2 a wrong command line.",
		Example: "  serin status\n" +
			"  serin status yelb-appserver\n" +
			"  serin status --output json | jq -r .state",
		Args: serviceNames(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return p.status(cmd, args, &flags) },
	}
	flags.register(cmd)
	return cmd
}

func (p *program) status(cmd *cobra.Command, args []string, flags *environmentFlags) error {
	return p.visit(cmd, flags, func(ctx context.Context, there *environment, _ func()) error { return there.tellAll(ctx, args) })
}

// tellAll prints what every service does, or the one that was asked for. What could not be
// read is the error.
func (e *environment) tellAll(ctx context.Context, args []string) error {
	services, unlisted := e.servicesToTell(ctx, args)
	reports := make([]headless.StatusReport, len(services))
	problems := make([]error, len(services))
	var reading sync.WaitGroup
	places := make(chan struct{}, readsAtOnce)
	for i, service := range services {
		reading.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			reports[i], problems[i] = e.report(ctx, service)
		})
	}
	reading.Wait()
	for i, report := range reports {
		if problems[i] == nil {
			problems[i] = e.printStatus(report)
		}
	}
	return errors.Join(append(problems, unlisted)...)
}

func (e *environment) printStatus(report headless.StatusReport) error {
	if e.flags.output.json() {
		return report.JSON(e.out)
	}
	return report.Text(e.out)
}

// servicesToTell are the services of the environment, and those that have an open rollout
// beside; or the one that was asked for. The error says why some may be missing: where the
// mesh cannot be read the journal still tells what is under way.
func (e *environment) servicesToTell(ctx context.Context, args []string) ([]engine.Service, error) {
	listed, unlisted := e.account.clients.Catalogue("").Services(ctx, e.flags.environment)
	services := map[string]engine.Service{}
	for _, service := range listed {
		services[service.Name] = service
	}
	headers, unread := e.log.Rollouts(ctx, e.key(""), 0)
	for _, header := range headers {
		if _, known := services[header.Key.Service]; !known && header.Open {
			services[header.Key.Service] = engine.Service{Environment: e.flags.environment, Name: header.Key.Service}
		}
	}
	problem := errors.Join(unlisted, unread)
	names := slices.Sorted(maps.Keys(services))
	if len(args) > 0 {
		if _, known := services[args[0]]; !known && problem == nil {
			problem = errors.New("there is no service " + args[0] + " in " + e.flags.environment + meant("", args[0], names))
		}
		names = slices.DeleteFunc(names, func(name string) bool { return name != args[0] })
	}
	told := make([]engine.Service, 0, len(names))
	for _, name := range names {
		told = append(told, services[name])
	}
	return told, problem
}

// report reads one service: its rollout by the journal, and its route by the router.
func (e *environment) report(ctx context.Context, service engine.Service) (headless.StatusReport, error) {
	report := headless.StatusReport{Service: service.Name}
	headers, err := e.log.Rollouts(ctx, e.key(service.Name), 1)
	if err != nil {
		return report, err
	}
	if len(headers) > 0 {
		view := steer.NewView(e.log, headers[0].ID, e.gone)
		if err := view.Ascertain(ctx, engine.MailboxEvery(e.log)); err != nil {
			return report, err
		}
		rollout := view.Rollout()
		report.Rollout, report.Life, report.LastSeen = rollout, view.Seems(), view.LastSeen()
		if rollout.Outcome != "" {
			report.Rollout, report.Last = nil, rollout
		} else {
			service = rollout.Service()
		}
	}
	if report.Route, err = e.account.ports.Router.Route(ctx, service); err != nil {
		report.Fault = err.Error()
	}
	report.At = time.Now()
	return report, nil
}
