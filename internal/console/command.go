package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"serin/internal/engine"
)

// Post implements scene.Host. A rollout that nobody drives is taken over to be rolled back
// or resumed: what was asked is the first thing that this process does with it.
func (h *Host) Post(service string, command engine.Command) error {
	if h.ReadOnly {
		return errReadOnly
	}
	command = h.signed(command)
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.tracks[service]
	switch {
	case h.closed:
		return errClosing
	case t == nil || t.rollout.Outcome != "":
		return fmt.Errorf("%s has no open rollout", service)
	case t.drive != nil:
		t.drive.loop.Post(command)
	case t.taking:
		t.asked = append(t.asked, command)
	case !h.isDriverless(t):
		h.goes(func() { h.mail(t.id, service, command) })
	case !command.Kind.TakesOver(t.rollout):
		return withoutDriver(service, command.Kind.Refusal(t.rollout))
	default:
		t.taking, t.asked = true, []engine.Command{command}
		h.goes(func() { h.takeOverToAct(t) })
	}
	return nil
}

// withoutDriver is why nobody can take a command of a rollout that nobody drives, and that
// a driver would refuse it too, if it would.
func withoutDriver(service, refusal string) error {
	if refusal != "" {
		refusal = ", and " + refusal
	}
	return fmt.Errorf("take it over first: nobody drives the rollout of %s now%s", service, refusal)
}

// isDriverless tells whether nobody drives a rollout, as far as is known.
func (h *Host) isDriverless(t *track) bool {
	return t.rollout.LetGo || t.lease.Free || h.isLost(t)
}

func (h *Host) isLost(t *track) bool { return t.lost || h.Gone(t.lease.Driver) }

// mailTime is how long the journal may take to take a command.
const mailTime = 5 * time.Second

// mail puts a command into the mailbox of a rollout that another process drives. That it
// could not is shown as a fault until one is taken.
func (h *Host) mail(id, service string, command engine.Command) {
	ctx, cancel := context.WithTimeout(context.Background(), mailTime)
	defer cancel()
	_, err := h.Journal.Post(ctx, id, command)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("the journal gave no answer within %s: whether it took what was asked is not known; see what the rollout does before asking again", mailTime)
	}
	h.change(func() bool { return h.noteUndone(asking(service), err) })
}

// asking is what fails when nobody can be asked.
func asking(service string) string { return "asking " + service }

// errReadOnly is the answer to everything that would change anything.
var errReadOnly = errors.New("this console is read-only")

// signed is a command with who asks and when.
func (h *Host) signed(command engine.Command) engine.Command {
	if command.By == "" {
		command.By = cmp.Or(h.Actor, h.Driver.Actor)
	}
	if command.At.IsZero() {
		command.At = h.Now()
	}
	return command
}

// TakeOver implements scene.Host. A driver that gives signs of life keeps its rollout; to
// find that out may take engine.LeaseTime.
func (h *Host) TakeOver(ctx context.Context, service string) error {
	if h.ReadOnly {
		return errReadOnly
	}
	ctx, exit, err := h.enter(ctx)
	if err != nil {
		return err
	}
	defer exit()
	t, err := h.toTakeOver(service)
	if err != nil {
		return err
	}
	return h.takeOver(ctx, t)
}

// toTakeOver is the rollout of a service, which nobody else takes over from now on.
func (h *Host) toTakeOver(service string) (*track, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.tracks[service]
	switch {
	case t == nil || t.rollout.Outcome != "":
		return nil, fmt.Errorf("%s has no open rollout", service)
	case t.drive != nil:
		return nil, fmt.Errorf("this process drives the rollout of %s already", service)
	case t.taking:
		return nil, fmt.Errorf("this process is taking the rollout of %s over already", service)
	}
	t.taking = true
	return t, nil
}

// takeOverToAct takes over for what was asked, unless the process ends before.
func (h *Host) takeOverToAct(t *track) {
	ctx, cancel := context.WithTimeout(h.driving, engine.LeaseTime+mailTime)
	defer cancel()
	_ = h.takeOver(ctx, t) // who asked sees it in the scene
}

// takeOver drives a rollout from now on; its driver is given what was asked meanwhile.
func (h *Host) takeOver(ctx context.Context, t *track) error {
	h.mu.Lock()
	lost := h.isLost(t)
	header := engine.Header{ID: t.id, Key: t.key, Open: true, StartedAt: t.rollout.StartedAt, LastSeq: t.lastSeq(), Lease: t.lease}
	h.mu.Unlock()
	lease, err := h.claim(ctx, header, lost)
	if err == nil {
		err = h.Drive(context.WithoutCancel(ctx), lease, "")
	} else {
		err = h.rollBackUnclaimed(t, err)
	}
	if err != nil {
		h.change(func() bool { return h.stayOut(t, err) })
	}
	return err
}

// stayOut notes that a rollout could not be taken over. A driver that lives after all gets
// what was asked; otherwise it is said that nobody was asked.
func (h *Host) stayOut(t *track, why error) bool {
	commands, service := t.asked, t.key.Service
	t.taking, t.asked = false, nil
	if len(commands) == 0 {
		return false
	}
	if _, driven := errors.AsType[*engine.OpenError](why); driven || errors.Is(why, engine.ErrLeaseLost) {
		return h.goes(func() {
			for _, command := range commands {
				h.mail(t.id, service, command)
			}
		})
	}
	h.noteUndone(asking(service), fmt.Errorf("%w: the rollout of %s, which nobody drives, could not be taken over for the %s",
		why, service, strings.ReplaceAll(string(commands[0].Kind), "_", " ")))
	return true
}

// claim takes the lease that was seen, if it is still as it was; of a driver that is not
// known to be lost it finds that out first.
func (h *Host) claim(ctx context.Context, header engine.Header, lost bool) (engine.Lease, error) {
	if !lost {
		return engine.TakeOver(ctx, h.Journal, header, h.Driver, engine.LeaseTime)
	}
	lease, err := h.Journal.Claim(ctx, header.Lease, h.Driver)
	if errors.Is(err, engine.ErrLeaseLost) {
		return engine.Lease{}, fmt.Errorf("%s drives the rollout of %s again, or someone else took it over: %w", header.Lease.Driver, header.Key.Service, err)
	}
	return lease, err
}
