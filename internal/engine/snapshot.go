package engine

import (
	"fmt"
	"maps"
	"time"
)

// Snapshot is a rollout and its evidence at one moment, for whoever shows them. It is
// immutable.
type Snapshot struct {
	Rollout  *Rollout
	Evidence Evidence
	At       time.Time
	Trouble  Trouble
}

// Trouble is what keeps a driver from its journal now; zero when nothing does.
type Trouble struct {
	// Journal says why events cannot be written, Mailbox why what others ask is not seen.
	Journal, Mailbox string
	// Unrecorded is how many events of a roll back the journal has not taken yet.
	Unrecorded int
}

// trouble is what keeps the driver from its journal now.
func (d *DriveLoop) trouble() Trouble {
	d.mu.Lock()
	defer d.mu.Unlock()
	return Trouble{Journal: d.journalFault, Mailbox: d.mailFault, Unrecorded: len(d.unrecorded)}
}

// snapshot copies what later events would change.
func snapshot(r *Rollout, e Evidence, now time.Time) Snapshot {
	return Snapshot{Rollout: r.clone(), Evidence: e, At: now}
}

// clone is a copy that later events do not change.
func (r *Rollout) clone() *Rollout {
	copied := *r
	copied.Faults = maps.Clone(r.Faults)
	copied.Health = maps.Clone(r.Health)
	copied.Responses = maps.Clone(r.Responses)
	copied.Tally = maps.Clone(r.Tally)
	return &copied
}

// amended is a changed copy, since what was given out with a rollout stays as it is;
// nil, of which nothing can be told, stays nil.
func amended[T any](held *T, change func(*T)) *T {
	if held == nil {
		return nil
	}
	copied := *held
	change(&copied)
	return &copied
}

// Ending is how the driving of a rollout ended.
type Ending struct {
	Outcome Outcome
	// Cause is why it was rolled back; empty otherwise.
	Cause    CauseKind
	Reason   string
	Leftover string
	Rollout  *Rollout
	// Unrecorded is how many events of a roll back the journal has not taken: for others the
	// rollout is where it was before them.
	Unrecorded int
	// Kept is why the lease could not be let go of; nil when it was.
	Kept error
}

// Ending is how the driving of the rollout has ended, or would if its driver left now:
// without an Outcome while nothing keeps the rollout from going on.
func (r *Rollout) Ending() Ending { return endingOf(r) }

// Missing says in words what the journal does not have, and what to do; empty when it has
// everything.
func (e Ending) Missing() string {
	if e.Unrecorded == 0 {
		return ""
	}
	return fmt.Sprintf("the last %d events of its roll back are not recorded, so that the journal has it open: "+
		"roll it back again when the journal can be written", e.Unrecorded)
}

func endingOf(r *Rollout) Ending {
	ending := Ending{Outcome: r.Outcome, Reason: r.Reason, Leftover: r.Leftover, Rollout: r}
	if r.Cause != nil {
		ending.Cause = r.Cause.Kind
	}
	switch {
	case r.Outcome != "":
	case r.Stuck != nil:
		ending.Outcome, ending.Reason = StuckOutcome, r.Stuck.Reason+". True now: "+r.Stuck.Truth+". To do: "+r.Stuck.Advice
	case r.LetGo:
		ending.Outcome, ending.Reason = Held, "let go"
		if r.Paused != nil && r.Paused.Reason != "" {
			ending.Reason = r.Paused.Reason
		}
	}
	return ending
}
