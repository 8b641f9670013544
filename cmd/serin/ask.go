package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"serin/internal/aws/dynamojournal"
	"serin/internal/engine"
	"serin/internal/headless"
	"serin/internal/journal"
	"serin/internal/steer"
)

// answerLimit is how long a driver that lives may take to answer.
const answerLimit = time.Minute

// askUsage is said of every verb that asks something of a rollout.
const askUsage = "\n\nIt waits until whoever drives the rollout has taken the command up or refused it, and says who it was and\n" +
	"what came of it; without a driver it says so, and what to do. --output json writes one object." + askAgain +
	"Exit codes: 0 taken up, or so already; 1 refused, not taken up, or an error; 2 a wrong command line."

// askAgain is the rule of engine.CommandKind.Already in words.
const askAgain = "\n\nWho asks for what is so already is told since when and by whom, and has what was asked for (exit code 0): a\n" +
	"roll back of what is rolling back, a pause of what a person has paused, to resume what is not paused, to promote\n" +
	"fully what is at 100. Only promote, asked twice, takes two steps.\n\n"

// askFlags are those of the verbs that ask something of a rollout.
type askFlags struct {
	environmentFlags
	reason string
	yes    bool
}

func (f *askFlags) register(cmd *cobra.Command) {
	f.environmentFlags.register(cmd)
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for the journal and for whoever drives")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "take yes for the answer to every question")
}

// question is what was asked of a service's rollout.
type question struct {
	*environment
	flags   *askFlags
	service string
	kind    engine.CommandKind
}

// ask asks something of a service's open rollout, and prints what came of it.
func (p *program) ask(cmd *cobra.Command, service string, kind engine.CommandKind, flags *askFlags) error {
	var q *question
	err := p.visitOpen(cmd, &flags.environmentFlags, service, func(ctx context.Context, there *environment, open engine.Header, _ func()) error {
		q = &question{environment: there, flags: flags, service: service, kind: kind}
		if err := q.confirmed(ctx, open); err != nil {
			return err
		}
		return q.put(ctx, cmd.Context(), steer.NewView(there.log, open.ID, there.gone))
	})
	if q != nil || kind != engine.RollBack {
		return err
	}
	if _, none := errors.AsType[*noneOpenError](err); none {
		return p.nothingOpen(cmd.Context(), &flags.environmentFlags, service, err)
	}
	if isJournals(err) {
		return p.byHand(cmd.Context(), &flags.environmentFlags, service, err)
	}
	return err
}

// isJournals tells whether an error is a journal's that cannot be read or written.
func isJournals(err error) bool {
	_, file := errors.AsType[*journal.FileError](err)
	_, row := errors.AsType[*journal.RowError](err)
	_, table := errors.AsType[*dynamojournal.TableError](err)
	return file || row || table
}

// withoutJournal is the error of a roll back that a driver could not be asked for, which
// lives, with what is left to do.
func withoutJournal(err error, driver engine.Driver) error {
	return fmt.Errorf("%w. Nobody was asked: %s, which drives it, rolls it back without the journal too: "+
		"interrupt it where it runs (SIGTERM), or press r in its console", err, driver)
}

// put asks until there is an answer. A roll back that nobody is there to take up is done
// here, which goes on after a signal and ends with driving, unless somebody takes the
// rollout over just then: then that one is asked.
func (q *question) put(ctx, driving context.Context, view *steer.View) error {
	command := engine.Command{Kind: q.kind, By: q.account.actor(q.lookup), At: time.Now(), Reason: q.flags.reason}
	for {
		answer, err := view.Ask(ctx, command, q.patience())
		command.Number = answer.Number
		switch {
		case err != nil && ctx.Err() == nil && command.Number == 0 && q.kind == engine.RollBack:
			err = q.unasked(ctx, driving, view, command, err)
		case err != nil:
			return q.unknown(ctx, view, command, err)
		case answer.Kind != steer.NoDriver || q.kind != engine.RollBack:
			return q.print(headless.AnswerReport{Command: command, Answer: answer, Rollout: view.Rollout(), ToDo: q.toDo(answer)})
		default:
			err = q.rollBackHere(driving, view, command)
		}
		if !errors.Is(err, errTakenOver) {
			return err
		}
	}
}

// unknown is the error of a question whose answer is not known.
func (q *question) unknown(ctx context.Context, view *steer.View, command engine.Command, err error) error {
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if command.Number == 0 {
		return err
	}
	return fmt.Errorf("%w: command %d is in the mailbox of rollout %s, and may still be taken up (see serin watch %s)",
		err, command.Number, view.Rollout().ID, q.service)
}

func (q *question) patience() steer.Patience {
	return steer.Patience{
		Every: engine.MailboxEvery(q.log), Limit: answerLimit,
		Waiting: func(v *steer.View) {
			q.warn(fmt.Sprintf("waiting for %s to take it up, for at most %s; interrupt to leave it in the mailbox", v.Lease().Driver, answerLimit))
		},
	}
}

// toDo is what can be done where nobody took the command up.
func (q *question) toDo(answer steer.Answer) string {
	switch answer.Kind {
	case steer.NoDriver:
		return "to drive it to its end from here: serin takeover " + q.service + "; to give all traffic back to stable: serin rollback " + q.service
	case steer.Unanswered:
		return "to see whether it is: serin watch " + q.service
	default:
		return ""
	}
}

// print writes what came of it, and answers the exit code as an error.
func (q *question) print(report headless.AnswerReport) error {
	write := report.Text
	if q.flags.output.json() {
		write = report.JSON
	}
	if err := write(q.out); err != nil {
		return err
	}
	if code := headless.AnswerCode(report.Answer); code != headless.ExitSucceeded {
		return &exitError{code: code}
	}
	return nil
}

// errNotConfirmed is the answer to a question that was not answered with yes.
var errNotConfirmed = errors.New("not confirmed: nothing was asked of the rollout")

// confirmed asks whoever is at the terminal about what cannot be taken back. Without a
// terminal nobody is asked.
func (q *question) confirmed(ctx context.Context, header engine.Header) error {
	words := map[engine.CommandKind]string{
		engine.RollBack: "give all traffic of %s back to %s and remove %s", engine.PromoteFully: "give all traffic of %s now from %s to %s",
	}[q.kind]
	if words == "" || q.flags.yes || q.flags.output.json() || !q.hasTerminal() {
		return nil
	}
	rollout, err := q.rollout(ctx, header.ID)
	if err != nil {
		return err
	}
	stable := rollout.StableSha()
	if rollout.First() {
		stable = "nobody"
	}
	asked := fmt.Sprintf(words+" (it has %d %% now)? [y/N] ", q.service, stable, rollout.Canary.Sha, rollout.Actual.Canary)
	if _, err := fmt.Fprint(q.out, headless.Clean(asked)+" "); err != nil {
		return err
	}
	return q.answered(ctx)
}

// answered waits for a line; an interrupt ends the waiting too.
func (q *question) answered(ctx context.Context) error {
	lines := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(q.in).ReadString('\n') // no line is no yes
		lines <- line
	}()
	select {
	case line := <-lines:
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return nil
		}
		return errNotConfirmed
	case <-ctx.Done():
		return errNotConfirmed
	}
}
