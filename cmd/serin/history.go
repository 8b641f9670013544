package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"serin/internal/engine"
	"serin/internal/headless"
	"serin/internal/journal"
)

// historyFlags are those of serin history.
type historyFlags struct {
	environmentFlags
	view   viewFlags
	replay string
	limit  int
}

func newHistory(p *program) *cobra.Command {
	flags := historyFlags{environmentFlags: environmentFlags{reads: true}}
	cmd := &cobra.Command{
		Use:   "history [SERVICE] [ROLLOUT]",
		Short: "Tell the rollouts of the past, and of one everything that happened, by whom and why",
		Long: "History lists the rollouts of an environment, or of SERVICE, newest first: outcome, from and to, steps, when it\n" +
			"started, how long it took, divided into working, holding, waiting for a person and being without a driver,\n" +
			"the requests and errors that the canary served, who drove, and why it ended. With ROLLOUT, or the beginning of\n" +
			"its ID, alone or of SERVICE, it tells every event and command of that one, with time, actor, reason and evidence.\n\n" +
			"Metrics are late: the requests are those that whoever drove had read. Up to when they are known is told with\n" +
			"them, in JSON as requests_known_to; where nothing is known, requests and errors are null.\n\n" +
			"--output json writes one object a rollout; with ROLLOUT its whole journal, one object a line: rollout, seq, at,\n" +
			"actor, kind and body of every event, and rollout and command of what was asked and never answered.\n\n" +
			"--replay opens the console on a rollout that is over, with time to scroll through (needs a terminal).",
		Example: "  serin history yelb-appserver\n" +
			"  serin history yelb-appserver 6b04be05d3dc30\n" +
			"  serin history 6b04be05d3dc30\n" +
			"  serin history yelb-appserver 6b04be05d3dc30 --output json > audit.jsonl\n" +
			"  serin history --replay 6b04be05d3dc30",
		Args: serviceNames(0, 2),
		RunE: func(cmd *cobra.Command, args []string) error { return p.history(cmd, args, &flags) },
	}
	flags.register(cmd)
	flags.view.register(cmd)
	cmd.Flags().StringVar(&flags.replay, "replay", "", "open the console on this `rollout`, which is over")
	cmd.Flags().IntVar(&flags.limit, "limit", 20, "how many rollouts to list; 0 is all")
	return cmd
}

func (p *program) history(cmd *cobra.Command, args []string, flags *historyFlags) error {
	if flags.limit < 0 {
		return usage(cmd, "--limit %d is negative: write how many rollouts to list, or 0 for all", flags.limit)
	}
	if flags.replay != "" {
		return p.replay(cmd, args, flags)
	}
	return p.visit(cmd, &flags.environmentFlags, func(ctx context.Context, there *environment, _ func()) error {
		if len(args) == 2 {
			return there.audit(ctx, args[0], args[1])
		}
		service := ""
		if len(args) == 1 {
			service = args[0]
		}
		return there.listPast(ctx, service, flags.limit)
	})
}

// listPast prints the rollouts of a service, or of all, newest first. Those that cannot be
// read, of a newer serin, are the error; the others are told all the same.
func (e *environment) listPast(ctx context.Context, service string, limit int) error {
	headers, err := e.log.Rollouts(ctx, e.key(service), limit)
	if err != nil {
		return err
	}
	if len(headers) == 0 && service != "" {
		return e.auditOrNever(ctx, service)
	}
	if len(headers) == 0 {
		e.warn(fmt.Sprintf("the journal knows no rollout in %s, account %s, region %s",
			e.flags.environment, e.account.caller.Account, e.account.caller.Region))
	}
	var unread []error
	for _, header := range headers {
		events, err := e.log.Events(ctx, header.ID, 0)
		if _, is := errors.AsType[*journal.RowError](err); is {
			unread = append(unread, err)
			continue
		}
		if err != nil {
			return err
		}
		report := headless.NewHistoryReport(events, time.Now())
		write := report.Text
		if e.flags.output.json() {
			write = report.JSON
		}
		if err := write(e.out); err != nil {
			return err
		}
	}
	return errors.Join(unread...)
}

// auditOrNever tells of the rollout whose ID was typed where a service is named, as it may
// be after --replay; of anything else it says that it was never rolled out.
func (e *environment) auditOrNever(ctx context.Context, typed string) error {
	all, err := e.log.Rollouts(ctx, e.key(""), 0)
	if err != nil {
		return err
	}
	for _, header := range all {
		if strings.HasPrefix(header.ID, typed) {
			return e.audit(ctx, "", typed)
		}
	}
	return e.neverRolled(ctx, typed)
}

// audit prints everything that the journal has of a rollout.
func (e *environment) audit(ctx context.Context, service, typed string) error {
	header, err := e.named(ctx, service, typed)
	if err != nil {
		return err
	}
	var events []engine.Event
	if events, err = e.log.Events(ctx, header.ID, 0); err != nil {
		return err
	}
	commands, err := e.log.Commands(ctx, header.ID, 0)
	if err != nil {
		return err
	}
	if e.flags.output.json() {
		return headless.AuditJSON(e.out, header.ID, events, commands)
	}
	if err := headless.NewHistoryReport(events, time.Now()).Text(e.out); err != nil {
		return err
	}
	return headless.Audit(e.out, events, commands)
}
