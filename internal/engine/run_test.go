package engine_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
)

// specOf is a spec of a service with the small times, changed by settings.
func specOf(t *testing.T, protocol string, set ...string) engine.Spec {
	t.Helper()
	steps := `"PercentageStep":25,`
	if strings.Contains(strings.Join(set, " "), "Steps=") {
		steps = ""
	}
	text := fmt.Sprintf(`{"EnvironmentName":"blog","MicroserviceName":"app","Namespace":"yelb.local",
		"Protocol":%q,"Port":4567,%s"WaitTime":60,"FailureThresholdValue":1,
		"Sha":%q,"ContainerImage":"app:2","CanaryTemplate":"UmVzb3VyY2VzOiB7fQ==","MetricPeriod":10,"MetricDelay":20}`,
		protocol, steps, canarySha)
	var settings []engine.Setting
	for _, one := range set {
		setting, err := engine.ParseSetting(one)
		if err != nil {
			t.Fatal(err)
		}
		settings = append(settings, setting)
	}
	spec, err := engine.ParseSpec("deploy.json", []byte(text), settings)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// run is one rollout under test.
type run struct {
	*engine.DriveLoop
	world   *world
	journal engine.Journal
	id      string
	mu      sync.Mutex
	seen    []engine.Event
	ending  engine.Ending
	err     error
	done    chan struct{}
	stop    context.CancelFunc
	latest  *engine.Latest[engine.Snapshot]
}

type runOptions struct {
	attended bool
	journal  engine.Journal
	onEvent  func(engine.Event, *engine.Rollout)
	// now is the wall clock; nil is the right one.
	now  func() time.Time
	warn func(string)
	// mailbox is how often the mailbox is read.
	mailbox time.Duration
	// id is the rollout's, r1 where it is not said, service its service's, app where not.
	id, service string
	// upkeep is what its driver shares with others.
	upkeep *engine.Upkeep
	// unclaimed is why the lease could not be claimed.
	unclaimed *engine.Unclaimed
}

// start begins a rollout and drives it in the background.
func start(t *testing.T, w *world, spec engine.Spec, options runOptions) *run {
	t.Helper()
	if options.journal == nil {
		options.journal = journal.NewMemory()
	}
	options.id, options.service = cmp.Or(options.id, "r1"), cmp.Or(options.service, "app")
	driver := engine.Driver{Actor: "arn:aws:iam::1:user/kim", Place: "test", Unattended: !options.attended}
	started, err := engine.Prepare(t.Context(), w.ports(), engine.Opening{
		ID: options.id, Spec: spec, Driver: driver,
		Key:     engine.Key{Account: "1", Region: "us-west-2", Environment: "blog", Service: options.service},
		Conduct: engine.Conduct{Unattended: !options.attended, ErrorLimit: 2 * time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	lease, err := options.journal.Begin(t.Context(), options.id, driver, engine.Event{
		Seq: 1, At: time.Now(), Actor: driver.Actor, Body: started,
	})
	if err != nil {
		t.Fatal(err)
	}
	return drive(t, w, options, driver, lease)
}

func drive(t *testing.T, w *world, options runOptions, driver engine.Driver, lease engine.Lease, commands ...engine.Command) *run {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r := &run{
		world: w, journal: options.journal, id: lease.Rollout, done: make(chan struct{}), stop: stop,
		latest: engine.NewLatest[engine.Snapshot](),
	}
	r.DriveLoop = engine.NewDriver(engine.DriverOptions{
		Journal: options.journal, Ports: w.ports(), ID: lease.Rollout, Driver: driver, Lease: lease, Latest: r.latest,
		Now: options.now, Warn: options.warn, Mailbox: options.mailbox, Upkeep: options.upkeep, Unclaimed: options.unclaimed,
		OnEvent: func(event engine.Event, rollout *engine.Rollout) {
			r.mu.Lock()
			r.seen = append(r.seen, event)
			r.mu.Unlock()
			if options.onEvent != nil {
				options.onEvent(event, rollout)
			}
		},
	})
	for _, command := range commands {
		r.Post(command)
	}
	if log, dies := options.journal.(*crashing); dies {
		log.kill = stop
	}
	go func() {
		defer close(r.done)
		r.ending, r.err = r.Run(ctx)
	}()
	return r
}

// finish waits for the end and checks what must hold at every end.
func (r *run) finish(t *testing.T) engine.Ending {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(30 * 24 * time.Hour):
		t.Fatalf("the rollout did not end; %s", r.story())
	}
	r.stop()
	if r.err != nil {
		t.Fatalf("the driver ended with %v; %s", r.err, r.story())
	}
	r.check(t)
	return r.ending
}

// check asserts the safety rules that can be read off the world and the journal.
func (r *run) check(t *testing.T) {
	t.Helper()
	for _, breach := range r.world.breaches {
		t.Errorf("%s; %s", breach, r.story())
	}
	if r.ending.Outcome != "" {
		checkTraffic(t, r)
	}
	events, err := r.journal.Events(context.Background(), r.id, 0)
	if err != nil {
		t.Fatal(err)
	}
	checkJournal(t, events)
}

// checkTraffic is safety rule 5.
func checkTraffic(t *testing.T, r *run) {
	t.Helper()
	w := r.world
	shares := w.shares()
	switch r.ending.Outcome {
	case engine.Succeeded:
		if w.route.Weight(canarySha) != 100 || w.route.Names(stableSha) {
			t.Errorf("rule 5: succeeded with %s; %s", shares, r.story())
		}
	case engine.RolledBack:
		if r.ending.Rollout.First() {
			if w.route.Exists {
				t.Errorf("rule 5: a first deployment was rolled back and its route is there; %s", r.story())
			}
		} else if w.route.Weight(stableSha) == 0 || w.route.Names(canarySha) {
			t.Errorf("rule 5: rolled back with %s; %s", shares, r.story())
		}
	case engine.Held, engine.StuckOutcome:
	}
}

// checkJournal asserts safety rules 2, 3 and 10 on the events.
func checkJournal(t *testing.T, events []engine.Event) {
	t.Helper()
	baked := false
	intended := false
	for i, event := range events {
		if event.Seq != int64(i+1) {
			t.Fatalf("event %d has the number %d", i+1, event.Seq)
		}
		switch body := event.Body.(type) {
		case *engine.WeightsIntended:
			intended = true
		case *engine.WeightsConfirmed:
			if !intended || body.Route.Weight(canarySha) != body.Canary {
				t.Errorf("rule 2: weights %d/%d confirmed without having been read back: %+v", body.Stable, body.Canary, body.Route)
			}
		case *engine.TrafficReturned:
			if body.Route.Names(canarySha) {
				t.Errorf("rule 2: traffic returned without having been read back: %+v", body.Route)
			}
		case *engine.StepPassed:
			baked = baked || body.Step == len(engine.Fold(events[:i]).Plan.Steps)-1
		case *engine.RemovalIntended:
			if body.Sha == stableSha && !baked {
				t.Error("rule 3: stable is removed before the bake has passed")
			}
		case *engine.CommandTaken:
			if body.Command.By == "" || body.Command.At.IsZero() || body.Command.Kind == "" {
				t.Errorf("rule 10: a command without who or when: %+v", body.Command)
			}
		}
	}
}

// events are those that were told so far.
func (r *run) events() []engine.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}

func (r *run) story() string {
	var b strings.Builder
	fmt.Fprintf(&b, "calls: %s\nevents:", strings.Join(r.world.calls, ", "))
	for _, event := range r.events() {
		fmt.Fprintf(&b, "\n  %s %s %+v", event.At.Format("15:04:05.000"), event.Body.Kind(), event.Body)
	}
	return b.String()
}

// until waits for an event of a kind and returns when the driver is idle again.
func (r *run) until(t *testing.T, kind engine.EventKind, n int) {
	t.Helper()
	r.untilTrue(t, func() bool {
		count := 0
		for _, event := range r.events() {
			if event.Body.Kind() == kind {
				count++
			}
		}
		return count >= n
	})
}

func (r *run) untilTrue(t *testing.T, reached func() bool) {
	t.Helper()
	for range 100_000 {
		synctest.Wait()
		if reached() {
			return
		}
		select {
		case <-r.done:
			t.Fatalf("the rollout ended with %q before: %s", r.ending.Outcome, r.story())
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Fatalf("not reached; %s", r.story())
}

func ask(kind engine.CommandKind) engine.Command {
	return engine.Command{Kind: kind, By: "kim", At: time.Now(), Reason: "because"}
}
