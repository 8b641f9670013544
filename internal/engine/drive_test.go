package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
}

// start begins a rollout and drives it in the background.
func start(t *testing.T, w *world, spec engine.Spec, options runOptions) *run {
	t.Helper()
	if options.journal == nil {
		options.journal = journal.NewMemory()
	}
	driver := engine.Driver{Actor: "arn:aws:iam::1:user/kim", Place: "test", Unattended: !options.attended}
	started, err := engine.Prepare(t.Context(), w.ports(), engine.Opening{
		ID: "r1", Spec: spec, Driver: driver,
		Key:     engine.Key{Account: "1", Region: "us-west-2", Environment: "blog", Service: "app"},
		Conduct: engine.Conduct{Unattended: !options.attended, ErrorLimit: 2 * time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	lease, err := options.journal.Begin(t.Context(), "r1", driver, engine.Event{
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
		world: w, journal: options.journal, id: "r1", done: make(chan struct{}), stop: stop,
		latest: engine.NewLatest[engine.Snapshot](),
	}
	r.DriveLoop = engine.NewDriver(engine.DriverOptions{
		Journal: options.journal, Ports: w.ports(), ID: "r1", Driver: driver, Lease: lease, Latest: r.latest,
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

func TestACanaryThatIsGoodGetsEverything(t *testing.T) {
	for _, protocol := range []string{"http", "http2", "grpc", "tcp"} {
		t.Run(protocol, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(specOf(t, protocol), build{stackTime: 40 * time.Second, healthyAfter: 20 * time.Second}, false)
				began := time.Now()
				r := start(t, w, specOf(t, protocol), runOptions{})
				ending := r.finish(t)
				if ending.Outcome != engine.Succeeded {
					t.Fatalf("%s: %s; %s", ending.Outcome, ending.Reason, r.story())
				}
				want := []string{
					"create blog-app-9bd0417e", "weights 75/25", "weights 50/50", "weights 25/75", "weights 0/100",
					"weights 0/100", "record app:2", "delete blog-app-3f2a91c0",
				}
				if !slices.Equal(w.calls, want) {
					t.Errorf("calls: %q, want %q", w.calls, want)
				}
				if w.record.Number != 2 {
					t.Errorf("recorded as version %d", w.record.Number)
				}
				if took := time.Since(began); took < 5*time.Minute || took > 7*time.Minute {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

func TestAFirstDeploymentHasTheRouteMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(specOf(t, "http"), build{stackTime: time.Second}, true)
		r := start(t, w, specOf(t, "http"), runOptions{})
		if ending := r.finish(t); ending.Outcome != engine.Succeeded {
			t.Fatalf("%s: %s; %s", ending.Outcome, ending.Reason, r.story())
		}
		want := []string{"create blog-app-9bd0417e", "weights 0/100", "record app:2"}
		if !slices.Equal(w.calls, want) {
			t.Errorf("calls: %q, want %q", w.calls, want)
		}
	})
}

func TestABadCanaryIsRolledBack(t *testing.T) {
	cases := []struct {
		name     string
		protocol string
		canary   build
		first    bool
		set      []string
		cause    engine.CauseKind
		reason   string
		// within is how long the canary may have had traffic.
		within time.Duration
	}{
		{name: "5xx in a hold, not at its end", protocol: "http", canary: build{errorsPerSecond: 1, breaksAfter: 5 * time.Second}, cause: engine.ByVerdict, reason: "5xx", within: 25 * time.Second},
		{name: "late", protocol: "http", canary: build{errorsPerSecond: 1, breaksAfter: 100 * time.Second}, cause: engine.ByVerdict, reason: "5xx", within: 130 * time.Second},
		{name: "dies, tcp", protocol: "tcp", canary: build{diesAfter: 70 * time.Second}, cause: engine.ByVerdict, reason: "Essential container", within: 80 * time.Second},
		{name: "dies, http", protocol: "http", canary: build{diesAfter: 10 * time.Second}, cause: engine.ByVerdict, reason: "Essential container", within: 20 * time.Second},
		{name: "stack fails", protocol: "http", canary: build{stackTime: time.Minute, stackFails: "Service (AWS::ECS::Service): circuit breaker"}, cause: engine.ByDeployment, reason: "circuit breaker"},
		{name: "never healthy", protocol: "http", canary: build{healthyAfter: 9 * time.Hour}, cause: engine.ByDeployment, reason: "ProgressDeadline"},
		{name: "stack never ready", protocol: "http", canary: build{stackTime: 9 * time.Hour}, cause: engine.ByDeployment, reason: "ProgressDeadline"},
		{name: "first, 5xx", protocol: "http", first: true, canary: build{errorsPerSecond: 1}, cause: engine.ByVerdict, reason: "5xx", within: 25 * time.Second},
		{name: "first, stack fails", protocol: "http", first: true, canary: build{stackFails: "no"}, cause: engine.ByDeployment, reason: "no"},
		{name: "no data fails", protocol: "http", set: []string{"OnNoData=fail"}, canary: build{silent: true}, cause: engine.ByVerdict, reason: "no responses", within: 65 * time.Second},
		{name: "no data holds", protocol: "http", set: []string{"OnNoData=hold"}, canary: build{silent: true}, cause: engine.ByTimeout, reason: "no_data", within: 1000 * time.Second},
		{name: "too few requests", protocol: "http", set: []string{"MinimumRequests=1000000"}, canary: build{}, cause: engine.ByTimeout, reason: "MinimumRequests", within: 1000 * time.Second},
		{name: "a gate that nobody passes", protocol: "http", set: []string{`Steps=[{"Weight":5,"Hold":30},{"Gate":"QA","Timeout":60}]`}, canary: build{}, cause: engine.ByTimeout, reason: "QA", within: 100 * time.Second},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := specOf(t, c.protocol, c.set...)
				w := newWorld(spec, c.canary, c.first)
				r := start(t, w, spec, runOptions{})
				ending := r.finish(t)
				if ending.Outcome != engine.RolledBack || ending.Cause != c.cause || !strings.Contains(ending.Reason, c.reason) {
					t.Fatalf("%s by %s: %s; %s", ending.Outcome, ending.Cause, ending.Reason, r.story())
				}
				if _, left := w.stacks["blog-app-"+canarySha]; left {
					t.Error("the canary's stack is still there")
				}
				seen, exposed := w.exposed[canarySha]
				if exposed != (c.within > 0) {
					t.Fatalf("exposed: %v; %s", exposed, r.story())
				}
				if exposed && rolledBackAt(r).Sub(seen) > c.within {
					t.Errorf("rolled back %s after its first traffic; %s", rolledBackAt(r).Sub(seen), r.story())
				}
				if w.record.Image == "app:2" {
					t.Error("a canary that was rolled back is recorded")
				}
			})
		})
	}
}

func rolledBackAt(r *run) time.Time {
	for _, event := range r.events() {
		if event.Body.Kind() == engine.KindRollbackStarted {
			return event.At
		}
	}
	return time.Time{}
}

func TestOneStaleReadingDoesNotFailACanary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		r := start(t, w, spec, runOptions{})
		r.until(t, engine.KindWeightsConfirmed, 2)
		w.mu.Lock()
		w.stale = true
		w.mu.Unlock()
		if ending := r.finish(t); ending.Outcome != engine.Succeeded {
			t.Fatalf("%s: %s; %s", ending.Outcome, ending.Reason, r.story())
		}
	})
}

func TestAnAlarmFailsTheRollout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http", `Alarms=["p99"]`)
		w := newWorld(spec, build{}, false)
		r := start(t, w, spec, runOptions{})
		r.until(t, engine.KindWeightsConfirmed, 2)
		w.setAlarm("p99", true)
		ending := r.finish(t)
		if ending.Cause != engine.ByVerdict || !strings.Contains(ending.Reason, "p99") {
			t.Fatalf("%s: %s", ending.Outcome, ending.Reason)
		}
	})
}

func TestNoDataPassesWithAWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		r := start(t, newWorld(spec, build{silent: true}, false), spec, runOptions{})
		if ending := r.finish(t); ending.Outcome != engine.Succeeded {
			t.Fatalf("%s: %s", ending.Outcome, ending.Reason)
		}
		for _, event := range r.events() {
			if passed, ok := event.Body.(*engine.StepPassed); ok && passed.Verdict.Warning == "" {
				t.Errorf("step %d passed without data and without a warning", passed.Step)
			}
		}
	})
}

func TestCleanupThatFailsLeavesASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		w.builds[stableSha] = build{stuckDeletions: 9}
		r := start(t, w, spec, runOptions{})
		ending := r.finish(t)
		if ending.Outcome != engine.Succeeded || !strings.Contains(ending.Leftover, "blog-app-"+stableSha) {
			t.Fatalf("%+v", ending)
		}
		deletions := 0
		for _, made := range w.calls {
			if made == "delete blog-app-"+stableSha {
				deletions++
			}
		}
		if deletions != 3 {
			t.Errorf("%d deletions, want 3", deletions)
		}
	})
}

func TestCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		r := start(t, w, spec, runOptions{attended: true})
		r.Post(ask(engine.Promote))
		r.until(t, engine.KindCommandRefused, 1)
		r.until(t, engine.KindWeightsConfirmed, 1)
		held := time.Now()
		r.Post(ask(engine.Promote))
		r.until(t, engine.KindWeightsConfirmed, 2)
		if time.Since(held) > 5*time.Second {
			t.Errorf("promoting took %s", time.Since(held))
		}
		r.Post(ask(engine.PauseIt))
		r.until(t, engine.KindPaused, 1)
		time.Sleep(3 * time.Hour)
		if got := w.callsSoFar(); got[len(got)-1] != "weights 50/50" {
			t.Fatalf("a paused rollout moved: %q", got)
		}
		r.Post(ask(engine.Promote))
		r.until(t, engine.KindCommandRefused, 2)
		r.Post(ask(engine.ResumeIt))
		r.until(t, engine.KindResumed, 1)
		r.Post(ask(engine.PromoteFully))
		r.until(t, engine.KindWeightsConfirmed, 3)
		if got := w.callsSoFar(); got[len(got)-1] != "weights 0/100" {
			t.Fatalf("promoted fully: %q", got)
		}
		if ending := r.finish(t); ending.Outcome != engine.Succeeded {
			t.Fatalf("%s: %s", ending.Outcome, ending.Reason)
		}
	})
}

// TestRollingBackIsLegalInEveryState asks for a roll back after every single event of a
// rollout and of a first deployment.
func TestRollingBackIsLegalInEveryState(t *testing.T) {
	for _, first := range []bool{false, true} {
		for n := 1; ; n++ {
			decided := false
			synctest.Test(t, func(t *testing.T) { decided = rollBackAfter(t, n, first) })
			if decided {
				if n < 10 {
					t.Errorf("only %d events were tried", n)
				}
				break
			}
		}
	}
}

// rollBackAfter asks for a roll back once event n is recorded; it tells whether the
// rollout was decided by then.
func rollBackAfter(t *testing.T, n int, first bool) bool {
	t.Helper()
	spec := specOf(t, "http")
	w := newWorld(spec, build{stackTime: 5 * time.Second}, first)
	var r *run
	asked, exposed, decided := 0, false, false
	var calls int
	ready := make(chan struct{})
	options := runOptions{attended: true, onEvent: func(_ engine.Event, rollout *engine.Rollout) {
		if int(rollout.Seq) == n {
			<-ready
			asked, exposed, decided = n, rollout.Exposed, rollout.Decided() || rollout.Outcome != ""
			calls = len(w.callsSoFar())
			r.Post(ask(engine.RollBack))
		}
	}}
	r = start(t, w, spec, options)
	close(ready)
	ending := r.finish(t)
	if asked == 0 || decided {
		return true
	}
	if ending.Outcome != engine.RolledBack || ending.Cause != engine.ByPerson {
		t.Fatalf("after event %d: %s by %s; %s", n, ending.Outcome, ending.Cause, r.story())
	}
	// A write of the router that had been intended with the event may come first; nothing
	// else may.
	for _, made := range w.calls[calls:] {
		if strings.HasPrefix(made, "weights") || made == "remove route" {
			break
		}
		if exposed && strings.HasPrefix(made, "delete") {
			t.Errorf("rule 4: after event %d %q comes before the traffic; %s", n, made, r.story())
		}
	}
	return false
}

func TestARollBackWaitsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		r := start(t, w, spec, runOptions{attended: true})
		r.until(t, engine.KindWeightsConfirmed, 1)
		hang := make(chan struct{})
		w.hook(func(ctx context.Context, op string) error {
			if op == "SetWeights" || op == "Route" {
				return nil
			}
			<-hang // even a call that does not obey its context
			return ctx.Err()
		}, nil)
		time.Sleep(time.Minute)
		asked := time.Now()
		r.Post(ask(engine.RollBack))
		r.until(t, engine.KindTrafficReturned, 1)
		for _, event := range r.events() {
			if event.Body.Kind() == engine.KindWeightsWritten && event.At.After(asked) && event.At.Sub(asked) > 50*time.Millisecond {
				t.Errorf("the weights were written %s after the command", event.At.Sub(asked))
			}
		}
		close(hang)
		r.finish(t)
	})
}

func TestDriftPausesAndDoesNotFight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		r := start(t, w, spec, runOptions{attended: true})
		r.until(t, engine.KindWeightsConfirmed, 2)
		w.meddle(func(route *engine.Route) { route.Targets[0].Weight, route.Targets[1].Weight = 90, 10 })
		r.until(t, engine.KindPaused, 1)
		writes := len(w.callsSoFar())
		time.Sleep(time.Hour)
		if len(w.callsSoFar()) != writes {
			t.Fatalf("it fought: %q", w.callsSoFar())
		}
		snapshot, _ := r.latest.Get()
		pause := snapshot.Rollout.Paused
		if pause == nil || pause.Kind != engine.PausedByDrift || pause.Found[0].Weight != 90 || pause.Expected[0].Weight != 50 {
			t.Fatalf("%+v", pause)
		}
		r.Post(ask(engine.ResumeIt))
		if ending := r.finish(t); ending.Outcome != engine.Succeeded {
			t.Fatalf("%s: %s; %s", ending.Outcome, ending.Reason, r.story())
		}
	})
}

func TestForeignHands(t *testing.T) {
	cases := []struct {
		name   string
		meddle func(w *world)
		want   engine.Outcome
	}{
		{"the route's shape is changed", func(w *world) { w.meddle(func(route *engine.Route) { route.Shape = "regex" }) }, engine.Held},
		{"the route is deleted", func(w *world) { w.meddle(func(route *engine.Route) { *route = engine.Route{} }) }, engine.Held},
		{"a foreign target is added", func(w *world) {
			w.meddle(func(route *engine.Route) {
				route.Targets = append(route.Targets, engine.Target{Name: "other", Weight: 5})
			})
		}, engine.Held},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := specOf(t, "http")
				w := newWorld(spec, build{}, false)
				r := start(t, w, spec, runOptions{})
				r.until(t, engine.KindWeightsConfirmed, 2)
				c.meddle(w)
				if ending := r.finish(t); ending.Outcome != c.want || !strings.Contains(ending.Reason, "someone else") && !strings.Contains(ending.Reason, "nobody resumed") {
					t.Fatalf("%s: %s; %s", ending.Outcome, ending.Reason, r.story())
				}
			})
		})
	}
}

func TestADeletedRouteIsMadeAnewByARollBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		r := start(t, w, spec, runOptions{attended: true})
		r.until(t, engine.KindWeightsConfirmed, 2)
		w.meddle(func(route *engine.Route) { *route = engine.Route{} })
		r.until(t, engine.KindPaused, 1)
		r.Post(ask(engine.RollBack))
		if ending := r.finish(t); ending.Outcome != engine.RolledBack || w.shares() != "100/0" {
			t.Fatalf("%s with %s", ending.Outcome, w.shares())
		}
	})
}

func TestProviderErrorsAreNotABadRelease(t *testing.T) {
	outage := errors.New("ThrottlingException: Rate exceeded")
	for _, op := range []string{"Responses", "Health", "Route", "SetWeights"} {
		for _, attended := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, attended %v", op, attended), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					spec := specOf(t, "http")
					w := newWorld(spec, build{}, false)
					r := start(t, w, spec, runOptions{attended: attended})
					r.until(t, engine.KindWeightsConfirmed, 1)
					var healed atomic.Bool
					w.hook(func(_ context.Context, called string) error {
						if called == op && !healed.Load() {
							return outage
						}
						return nil
					}, nil)
					r.until(t, engine.KindFaulted, 3)
					if attended {
						r.until(t, engine.KindPaused, 1)
						healed.Store(true)
						r.Post(ask(engine.ResumeIt))
						if ending := r.finish(t); ending.Outcome != engine.Succeeded {
							t.Fatalf("%s: %s; %s", ending.Outcome, ending.Reason, r.story())
						}
						return
					}
					r.until(t, engine.KindRollbackStarted, 1)
					healed.Store(true)
					ending := r.finish(t)
					if ending.Cause != engine.ByProvider || !strings.Contains(ending.Reason, "Rate exceeded") {
						t.Fatalf("%s by %s: %s", ending.Outcome, ending.Cause, ending.Reason)
					}
				})
			})
		}
	}
}

func TestErrorsThatPassOnlyHoldTheStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{stackTime: 10 * time.Second}, false)
		// Every other call of each operation fails: counted together, the operations would
		// fall into step and one of them would always fail.
		var mu sync.Mutex
		calls := map[string]int{}
		w.hook(func(_ context.Context, op string) error {
			mu.Lock()
			defer mu.Unlock()
			if calls[op]++; calls[op]%2 == 0 {
				return errors.New("InternalFailure")
			}
			return nil
		}, nil)
		r := start(t, w, spec, runOptions{})
		if ending := r.finish(t); ending.Outcome != engine.Succeeded {
			t.Fatalf("%s: %s; %s", ending.Outcome, ending.Reason, r.story())
		}
		if w.record.Number != 2 {
			t.Errorf("recorded %d times", w.record.Number-1)
		}
	})
}

func TestAHoldIsNotPassedOnOldReadings(t *testing.T) {
	for _, op := range []string{"Responses", "Health", "Route"} {
		synctest.Test(t, func(t *testing.T) {
			spec := specOf(t, "http")
			w := newWorld(spec, build{}, false)
			r := start(t, w, spec, runOptions{})
			r.until(t, engine.KindJudged, 3)
			free := make(chan struct{})
			w.hook(func(ctx context.Context, called string) error {
				if called != op {
					return nil
				}
				select {
				case <-free:
				case <-ctx.Done():
				}
				return ctx.Err()
			}, nil)
			time.Sleep(5 * time.Minute)
			synctest.Wait()
			for _, event := range r.events() {
				if event.Body.Kind() == engine.KindStepPassed {
					t.Errorf("%s has hung since the first hold and a step passed", op)
				}
			}
			close(free)
			if ending := r.finish(t); ending.Outcome != engine.Succeeded {
				t.Fatalf("%s: %s", ending.Outcome, ending.Reason)
			}
		})
	}
}

func TestACanaryThatFallsSickBeforeItsTrafficGetsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http", `Steps=[{"Gate":"look at it"},{"Weight":50,"Hold":30}]`)
		w := newWorld(spec, build{}, false)
		r := start(t, w, spec, runOptions{attended: true})
		r.until(t, engine.KindGateOpened, 1)
		time.Sleep(300 * time.Millisecond)
		w.fallSick(canarySha)
		r.Post(ask(engine.Promote))
		if ending := r.finish(t); ending.Outcome != engine.RolledBack || slices.ContainsFunc(w.calls, func(c string) bool { return strings.HasPrefix(c, "weights") }) {
			t.Fatalf("%s: %s; %q", ending.Outcome, ending.Reason, w.calls)
		}
	})
}

func TestAWeightCountsWhenItIsReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{errorsPerSecond: 1, breaksAfter: 70 * time.Second}, false)
		w.lag = 4 * time.Second
		r := start(t, w, spec, runOptions{})
		ending := r.finish(t)
		if ending.Outcome != engine.RolledBack || ending.Cause != engine.ByVerdict {
			t.Fatalf("%s: %s; %s", ending.Outcome, ending.Reason, r.story())
		}
		var written time.Time
		for _, event := range r.events() {
			switch event.Body.Kind() {
			case engine.KindWeightsWritten:
				written = event.At
			case engine.KindWeightsConfirmed, engine.KindTrafficReturned:
				if event.At.Sub(written) < w.lag {
					t.Errorf("%s %s after the write, which is seen after %s", event.Body.Kind(), event.At.Sub(written), w.lag)
				}
			default:
			}
		}
	})
}

func TestARollBackThatCannotMoveTrafficIsStuckAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		r := start(t, w, spec, runOptions{})
		r.until(t, engine.KindWeightsConfirmed, 2)
		denied := &engine.Fault{Op: "update", Target: "route", Kind: engine.Denied, Hint: "grant appmesh:UpdateRoute", Err: errors.New("AccessDenied")}
		w.hook(func(_ context.Context, op string) error {
			if op == "SetWeights" {
				return denied
			}
			return nil
		}, nil)
		r.Post(ask(engine.RollBack))
		ending := r.finish(t)
		if ending.Outcome != engine.StuckOutcome || !strings.Contains(ending.Reason, "AccessDenied") ||
			!strings.Contains(ending.Reason, "grant appmesh:UpdateRoute") || !strings.Contains(ending.Reason, "50") {
			t.Fatalf("%s: %s", ending.Outcome, ending.Reason)
		}
	})
}

func TestAForeignStackOfTheSameNameIsNotTouched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		name := "blog-app-" + canarySha
		w.stacks[name] = &worldStack{id: "arn:other", name: name, sha: canarySha, asked: time.Now()}
		r := start(t, w, spec, runOptions{})
		ending := r.finish(t)
		if ending.Outcome != engine.RolledBack || w.stacks[name] == nil || len(w.calls) != 0 {
			t.Fatalf("%s: %s; calls %q", ending.Outcome, ending.Reason, w.calls)
		}
	})
}

func TestLettingGoAndGoingOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := specOf(t, "http")
		w := newWorld(spec, build{}, false)
		log := journal.NewMemory()
		r := start(t, w, spec, runOptions{journal: log})
		r.until(t, engine.KindWeightsConfirmed, 2)
		r.Post(ask(engine.LetGoOfIt))
		if ending := r.finish(t); ending.Outcome != engine.Held {
			t.Fatalf("%s: %s", ending.Outcome, ending.Reason)
		}
		key := engine.Key{Account: "1", Region: "us-west-2", Environment: "blog", Service: "app"}
		header, err := log.Current(t.Context(), key)
		if err != nil || !header.Lease.Free {
			t.Fatalf("%+v, %v", header, err)
		}
		driver := engine.Driver{Actor: "lee", Unattended: true}
		lease, err := engine.TakeOver(t.Context(), log, header, driver, engine.LeaseTime)
		if err != nil {
			t.Fatal(err)
		}
		next := drive(t, w, runOptions{journal: log}, driver, lease, ask(engine.ResumeIt))
		if ending := next.finish(t); ending.Outcome != engine.Succeeded {
			t.Fatalf("%s: %s; %s", ending.Outcome, ending.Reason, next.story())
		}
		if w.record.Number != 2 {
			t.Errorf("recorded as %d", w.record.Number)
		}
	})
}
