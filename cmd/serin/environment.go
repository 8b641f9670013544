package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/signal"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"serin/internal/engine"
)

// environmentFlags say which environment a verb is about, and how it writes.
type environmentFlags struct {
	account     accountFlags
	output      output
	environment string
	journal     string
	// reads is true for a verb that has something to do with a journal that can be read only.
	reads bool
}

func (f *environmentFlags) register(cmd *cobra.Command) {
	f.account.register(cmd)
	f.output.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.environment, "env", postEnvironment, "environment: the name of its mesh and its cluster")
	flags.StringVar(&f.journal, "journal", "", journalUsage)
}

// environment is an environment of an account, with the journal of its rollouts.
type environment struct {
	*program
	flags   *environmentFlags
	account *account
	log     openLog
}

// visit reaches an environment for as long as do takes. An interrupt ends do's context,
// until do has called handed: then interrupts are others' to heed.
func (p *program) visit(cmd *cobra.Command, flags *environmentFlags, do func(ctx context.Context, there *environment, handed func()) error) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), endings()...)
	defer stop()
	there, err := p.reach(ctx, flags)
	if err != nil {
		return err
	}
	defer there.close()
	return do(ctx, there, stop)
}

// visitOpen is visit for the open rollout of a service.
func (p *program) visitOpen(cmd *cobra.Command, flags *environmentFlags, service string,
	do func(ctx context.Context, there *environment, open engine.Header, handed func()) error,
) error {
	return p.visit(cmd, flags, func(ctx context.Context, there *environment, handed func()) error {
		open, err := there.current(ctx, service)
		if err != nil {
			return err
		}
		return do(ctx, there, open, handed)
	})
}

// reach reaches an environment. Close it after use.
func (p *program) reach(ctx context.Context, flags *environmentFlags) (*environment, error) {
	chosen, err := p.chooseJournal(flags.journal)
	if err != nil {
		return nil, err
	}
	chosen.reads = flags.reads
	there, err := connect(ctx, flags.account, "")
	if err != nil {
		return nil, err
	}
	log, err := chosen.open(ctx, there, flags.environment)
	if err != nil {
		return nil, err
	}
	return &environment{program: p, flags: flags, account: there, log: log}, nil
}

func (e *environment) close() {
	if err := e.log.Close(); err != nil {
		e.say(err)
	}
}

// key is that of a service, or of all when it is empty.
func (e *environment) key(service string) engine.Key {
	return engine.Key{
		Account: e.account.caller.Account, Region: e.account.caller.Region,
		Environment: e.flags.environment, Service: service,
	}
}

// gone tells for certain that a driver's process has ended.
func (e *environment) gone(driver engine.Driver) bool {
	return isGone(driver, e.account.driver(e.lookup, false))
}

// runs tells for certain that a driver's process runs on this machine.
func (e *environment) runs(driver engine.Driver) bool {
	return runsHere(driver, e.account.driver(e.lookup, false))
}

// current is the open rollout of a service. Without one, the error says what there was.
func (e *environment) current(ctx context.Context, service string) (engine.Header, error) {
	header, err := e.log.Current(ctx, e.key(service))
	if errors.Is(err, engine.ErrNoRollout) {
		return header, e.noneOpen(ctx, service)
	}
	return header, err
}

// noneOpenError is the error of a service without an open rollout.
type noneOpenError struct{ error }

// noneOpen says that a service has no open rollout, and what there was.
func (e *environment) noneOpen(ctx context.Context, service string) error {
	past, err := e.log.Rollouts(ctx, e.key(service), 1)
	if err != nil {
		return err
	}
	if len(past) == 0 {
		return e.neverRolled(ctx, service)
	}
	rollout, err := e.rollout(ctx, past[0].ID)
	if err != nil {
		return err
	}
	return &noneOpenError{fmt.Errorf("%s in %s has no open rollout: the last one, %s, %s at %s (see serin history %s %s)",
		service, e.flags.environment, rollout.ID, rollout.Outcome.Past(), rollout.EndedAt.UTC().Format(time.RFC3339), service, rollout.ID)}
}

// neverRolled says that a journal knows no rollout of a service, and which it may have
// been meant.
func (e *environment) neverRolled(ctx context.Context, service string) error {
	all, err := e.log.Rollouts(ctx, e.key(""), 0)
	if err != nil {
		return err
	}
	var names []string
	for _, header := range all {
		names = append(names, header.Key.Service)
	}
	return &noneOpenError{fmt.Errorf("the journal knows no rollout of %s in %s, account %s, region %s%s",
		service, e.flags.environment, e.account.caller.Account, e.account.caller.Region, meant("", service, names))}
}

// rollout is a rollout as the journal has it.
func (e *environment) rollout(ctx context.Context, id string) (*engine.Rollout, error) {
	events, err := e.log.Events(ctx, id, 0)
	if err != nil {
		return nil, err
	}
	if len(events) == 0 {
		return nil, fmt.Errorf("%w: %s", engine.ErrNoRollout, id)
	}
	return engine.Fold(events), nil
}

// named is the rollout of a service (of any, when it is empty) whose ID is or begins with
// what was typed.
func (e *environment) named(ctx context.Context, service, typed string) (engine.Header, error) {
	headers, err := e.log.Rollouts(ctx, e.key(service), 0)
	if err != nil {
		return engine.Header{}, err
	}
	var found []engine.Header
	for _, header := range headers {
		if header.ID == typed {
			return header, nil
		}
		if strings.HasPrefix(header.ID, typed) {
			found = append(found, header)
		}
	}
	switch len(found) {
	case 0:
		return engine.Header{}, fmt.Errorf("the journal knows no rollout %s of %s in %s (see serin history)", typed, cmp.Or(service, "any service"), e.flags.environment)
	case 1:
		return found[0], nil
	default:
		return engine.Header{}, fmt.Errorf("%d rollouts begin with %s: write more of the ID, such as %s", len(found), typed, found[0].ID)
	}
}

// serviceNames takes the name of a service, and what else a verb takes: at least as many
// arguments as least, at most most.
func serviceNames(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usage(cmd, "give a service, such as yelb-appserver")
		case len(args) > most:
			return usage(cmd, "%q is one argument too many", args[most])
		}
		return nil
	}
}
