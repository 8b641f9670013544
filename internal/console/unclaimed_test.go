package console

import (
	"strings"
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/ui/scene"
)

// TestARollBackThatCannotBeClaimed: the driver is dead, and the journal can neither be
// written nor read: a console that knows the rollout rolls it back, says that this is not
// recorded, and ends it in the journal when it is asked again.
func TestARollBackThatCannotBeClaimed(t *testing.T) {
	log := &mortal{Memory: journal.NewMemory()}
	onHolding(t, log, func(t *testing.T, l *live) {
		t.Helper()
		broken := &brokenJournal{Memory: log.Memory}
		other, leave := l.elsewhere(t, broken)
		defer leave()
		log.kill(l)
		other.Gone = func(driver engine.Driver) bool { return driver.Actor == "kim" }
		broken.broken.Store(true)
		id := other.appserver(t).Rollout.Rollout.ID
		before, err := log.Events(t.Context(), id, 0)
		if err != nil {
			t.Fatal(err)
		}
		rollsBack := func() {
			t.Helper()
			if err := other.Post(appserver, engine.Command{Kind: engine.RollBack, Reason: "enough"}); err != nil {
				t.Fatal(err)
			}
			other.until(t, "it is rolled back", hasEnded(engine.RolledBack))
			after(time.Second)
		}
		rollsBack()
		ending, failed, is := other.Ending(id)
		if !is || failed != nil || ending.Cause != engine.ByPerson || ending.Unrecorded == 0 || !strings.Contains(other.said(), "not recorded") {
			t.Errorf("%t, %+v, %v; it says %q", is, ending, failed, other.said())
		}
		if now, err := log.Events(t.Context(), id, 0); err != nil || len(now) != len(before) {
			t.Errorf("the journal has %d events, before it had %d, %v", len(now), len(before), err)
		}
		broken.broken.Store(false)
		other.until(t, "it is open in the journal", func(s scene.Service) bool { return s.Rollout.Rollout.Outcome == "" && s.Rollout.Lost })
		rollsBack()
		if ending, _, _ := other.Ending(id); ending.Unrecorded != 0 || other.said() != "" {
			t.Errorf("%+v; it says %q", ending, other.said())
		}
	})
}
