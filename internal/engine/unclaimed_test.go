package engine_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
)

// orphan is a rollout at half of the traffic whose driver is gone, and whose journal takes
// nothing any more.
type orphan struct {
	*run
	log    *sometimes
	spec   engine.Spec
	events []engine.Event
	lease  engine.Lease
}

func orphaned(t *testing.T) *orphan {
	t.Helper()
	o := &orphan{spec: specOf(t, "http"), log: &sometimes{Journal: journal.NewMemory()}}
	o.run = start(t, newWorld(o.spec, build{}, false), o.spec, runOptions{journal: o.log})
	o.until(t, engine.KindWeightsConfirmed, 2)
	o.log.down.Store(true)
	o.stop()
	<-o.done
	time.Sleep(time.Minute)
	o.events = eventsOf(t, o.run)
	lease, err := o.log.Lease(t.Context(), o.id)
	if err != nil {
		t.Fatal(err)
	}
	o.lease = lease
	return o
}

// rollBack has another driver roll it back that could not claim it.
func (o *orphan) rollBack(t *testing.T, unclaimed engine.Unclaimed, said *[]string) *run {
	t.Helper()
	unclaimed.Why = errors.New("the disk is full")
	driver := engine.Driver{Actor: "lee", Unattended: true}
	return drive(t, o.world, runOptions{
		journal: o.log, mailbox: time.Second, unclaimed: &unclaimed, warn: func(line string) { *said = append(*said, line) },
	}, driver, o.lease, ask(engine.RollBack))
}

// TestARollBackWithoutAClaim: the traffic is returned and the canary removed, and nothing is
// written or claimed, although the journal might take it meanwhile. Once it does, the next
// driver ends the rollout.
func TestARollBackWithoutAClaim(t *testing.T) {
	for name, known := range map[string]bool{"read": false, "known": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := orphaned(t)
				unclaimed, said := engine.Unclaimed{}, []string(nil)
				if known {
					unclaimed.Events = o.events
				}
				next := o.rollBack(t, unclaimed, &said)
				o.log.down.Store(false)
				began := time.Now()
				ending := next.finish(t)
				if ending.Outcome != engine.RolledBack || ending.Cause != engine.ByPerson || ending.Unrecorded == 0 || ending.Missing() == "" {
					t.Errorf("it ends with %s, %d events unrecorded; %s", ending.Outcome, ending.Unrecorded, next.story())
				}
				if took := time.Since(began); took > time.Minute {
					t.Errorf("it took %s", took)
				}
				for _, kind := range []engine.EventKind{engine.KindCommandTaken, engine.KindTrafficReturned, engine.KindFinished} {
					if !strings.Contains(strings.Join(said, "\n"), "not recorded: "+string(kind)) {
						t.Errorf("it does not say that %s is not recorded: %q", kind, said)
					}
				}
				lease, err := o.log.Lease(t.Context(), o.id)
				if err != nil || lease != o.lease || len(eventsOf(t, o.run)) != len(o.events) {
					t.Errorf("the journal was written: %+v, %v", lease, err)
				}
				o.isEndedByTheNext(t)
			})
		})
	}
}

func (o *orphan) isEndedByTheNext(t *testing.T) {
	t.Helper()
	driver := engine.Driver{Actor: "jo", Unattended: true}
	lease, err := o.log.Claim(t.Context(), o.lease, driver)
	if err != nil {
		t.Fatal(err)
	}
	last := drive(t, o.world, runOptions{journal: o.log}, driver, lease, ask(engine.RollBack))
	if ending := last.finish(t); ending.Outcome != engine.RolledBack || ending.Unrecorded != 0 {
		t.Errorf("the next driver ends with %s; %s", ending.Outcome, last.story())
	}
}

// TestARollBackWithoutAClaimThatIsTooLate: a journal that takes nothing may have lost that
// the canary is the stable version now; the route tells.
func TestARollBackWithoutAClaimThatIsTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := orphaned(t)
		o.world.mu.Lock()
		o.world.route.Targets = []engine.Target{{Name: "app-" + canarySha, Sha: canarySha, Weight: 100}}
		o.world.mu.Unlock()
		var said []string
		next := o.rollBack(t, engine.Unclaimed{}, &said)
		<-next.done
		if next.err == nil || !strings.Contains(next.err.Error(), "does not name app-"+stableSha) || o.world.shares() != "0/100" {
			t.Errorf("it ends with %v, and the route is %s", next.err, o.world.shares())
		}
	})
}
