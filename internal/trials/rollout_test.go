package trials

import (
	"context"
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
)

// patience is how long, in virtual time, a rollout may take.
const patience = 6 * time.Hour

// run is a driver at work.
type run struct {
	*engine.DriveLoop
	ending engine.Ending
	err    error
	done   chan struct{}
	kill   context.CancelFunc
	ctx    context.Context
}

func (r *region) key(service string) engine.Key {
	return engine.Key{Account: r.Account(), Region: r.Region(), Environment: environment, Service: service}
}

// errorLimit is how long a provider's errors may last in trials.
const errorLimit = 2 * time.Minute

// begin begins a rollout in a journal.
func (r *region) begin(t *testing.T, log engine.Journal, spec engine.Spec, attended bool) engine.Lease {
	t.Helper()
	lease, err := r.tryToBegin(t, log, spec, attended)
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

func (r *region) tryToBegin(t *testing.T, log engine.Journal, spec engine.Spec, attended bool) (engine.Lease, error) {
	t.Helper()
	driver := engine.Driver{Actor: "kim", Place: "trial", Unattended: !attended}
	started, err := engine.Prepare(t.Context(), r.ports, engine.Opening{
		ID: rolloutID, Key: r.key(spec.MicroserviceName), Spec: spec, Driver: driver,
		Conduct: engine.Conduct{Unattended: !attended, ErrorLimit: errorLimit},
	})
	if err != nil {
		return engine.Lease{}, err
	}
	return log.Begin(t.Context(), rolloutID, driver, engine.Event{At: time.Now(), Actor: driver.Actor, Body: started})
}

// drive puts a driver to work.
func (r *region) drive(log engine.Journal, lease engine.Lease) *run {
	at := r.prepare(log, lease)
	at.start()
	return at
}

// prepare has a driver ready to start.
func (r *region) prepare(log engine.Journal, lease engine.Lease) *run {
	at := &run{done: make(chan struct{})}
	at.ctx, at.kill = context.WithCancel(context.Background())
	if reaped, dies := log.(*reaper); dies {
		reaped.mu.Lock()
		reaped.kill = at.kill
		reaped.mu.Unlock()
	}
	at.DriveLoop = engine.NewDriver(engine.DriverOptions{
		Journal: log, Ports: r.ports, ID: rolloutID, Driver: lease.Driver, Lease: lease,
	})
	return at
}

func (at *run) start() {
	go func() {
		defer close(at.done)
		at.ending, at.err = at.Run(at.ctx)
	}()
}

func events(t *testing.T, log engine.Journal) []engine.Event {
	t.Helper()
	all, err := log.Events(context.Background(), rolloutID, 0)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// finish drives a rollout that nothing disturbs to its end.
func (r *region) finish(t *testing.T, spec engine.Spec) (engine.Ending, []engine.Event) {
	t.Helper()
	log := journal.NewMemory()
	at := r.drive(log, r.begin(t, log, spec, false))
	defer at.kill()
	select {
	case <-at.done:
	case <-time.After(patience):
		t.Fatalf("no end:%s", story(events(t, log)))
	}
	if at.err != nil {
		t.Fatal(at.err)
	}
	return at.ending, events(t, log)
}

func TestASuccessInVirtualTime(t *testing.T) {
	inRegion(t, lively(nil), func(t *testing.T, r *region) {
		t.Helper()
		ending, events := r.finish(t, r.specOf(t, "yelb-appserver", "fixed"))
		if ending.Outcome != engine.Succeeded || ending.Rollout.Leftover != "" {
			t.Errorf("%+v%s", ending, story(events))
		}
		route, err := r.ports.Router.Route(t.Context(), ending.Rollout.Service())
		if err != nil || len(route.Targets) != 1 || route.Weight(canarySha) != 100 {
			t.Errorf("route %+v, %v", route, err)
		}
		t.Log(time.Since(events[0].At), len(events), r.Visitors().Counts())
	})
}

func TestAVerdictsRollbackInVirtualTime(t *testing.T) {
	inRegion(t, lively(nil), func(t *testing.T, r *region) {
		t.Helper()
		ending, events := r.finish(t, r.specOf(t, "yelb-appserver", "late"))
		if ending.Outcome != engine.RolledBack || ending.Rollout.Cause.Kind != engine.ByVerdict || ending.Rollout.Leftover != "" {
			t.Errorf("%+v%s", ending, story(events))
		}
		route, err := r.ports.Router.Route(t.Context(), ending.Rollout.Service())
		if err != nil || len(route.Targets) != 1 || route.Weight(ending.Rollout.StableSha()) != 100 {
			t.Errorf("route %+v, %v", route, err)
		}
	})
}
