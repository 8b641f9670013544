package console

import (
	"errors"
	"fmt"
	"slices"

	"serin/internal/engine"
)

// rollBackUnclaimed rolls a rollout back that this process could not claim, because the
// journal did not take that. The error is why it does not: nobody asked for a roll back, or
// somebody drives.
func (h *Host) rollBackUnclaimed(t *track, why error) error {
	if _, driven := errors.AsType[*engine.OpenError](why); driven {
		return why
	}
	for _, settled := range []error{engine.ErrLeaseLost, engine.ErrOver, engine.ErrNoRollout, errClosing} {
		if errors.Is(why, settled) {
			return why
		}
	}
	h.mu.Lock()
	asked, lease, known := slices.Clone(t.asked), t.lease, engine.Unclaimed{Why: why}
	if !t.again {
		known.Events = t.upTo(t.lastSeq())
	}
	h.mu.Unlock()
	switch {
	case !slices.ContainsFunc(asked, func(c engine.Command) bool { return c.Kind == engine.RollBack }), len(known.Events) == 0:
		return why
	case !lease.Free && h.Runs(lease.Driver):
		return fmt.Errorf("%w. But %s runs, which drove it last and rolls it back without the journal too: press r in its console, or interrupt it (SIGTERM)", why, lease.Driver)
	}
	lease.Driver = h.Driver
	if !h.start(lease, known.Events, "", &known) {
		return errClosing
	}
	return nil
}
