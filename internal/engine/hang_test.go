package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
)

// hanging is a journal whose calls may hang: they heed their context, or they do not, or
// they do what they were asked long after nobody waits for them any more.
type hanging struct {
	*journal.Memory
	manner atomic.Value
	// over ends the calls that heed nothing.
	over chan struct{}
}

const (
	heeding = "heeding"
	deaf    = "deaf"
	late    = "late"
)

func newHanging() *hanging {
	h := &hanging{Memory: journal.NewMemory(), over: make(chan struct{})}
	h.manner.Store("")
	return h
}

// wait hangs, if it shall; the error is what such a call answers at last.
func (h *hanging) wait(ctx context.Context) error {
	switch h.manner.Load() {
	case heeding:
		<-ctx.Done()
		return ctx.Err()
	case deaf:
		<-h.over
		return errors.New("nobody waits for this any more")
	case late:
		time.Sleep(3 * time.Second)
	}
	return nil
}

func (h *hanging) Append(ctx context.Context, id string, after int64, events []engine.Event) error {
	if err := h.wait(ctx); err != nil {
		return err
	}
	return h.Memory.Append(context.WithoutCancel(ctx), id, after, events)
}

func (h *hanging) Beat(ctx context.Context, lease engine.Lease) (engine.Lease, error) {
	if err := h.wait(ctx); err != nil {
		return engine.Lease{}, err
	}
	return h.Memory.Beat(context.WithoutCancel(ctx), lease)
}

func (h *hanging) Commands(ctx context.Context, id string, after int64) ([]engine.Command, error) {
	if err := h.wait(ctx); err != nil {
		return nil, err
	}
	return h.Memory.Commands(context.WithoutCancel(ctx), id, after)
}

// TestARollBackDoesNotWaitForAJournalThatHangs: nor for one that hangs already with
// something else, and whatever it does with what it was asked.
func TestARollBackDoesNotWaitForAJournalThatHangs(t *testing.T) {
	wants := map[string]func(r *run){
		"asked": func(r *run) { r.Post(ask(engine.RollBack)) },
		"asked during a write": func(r *run) {
			r.Post(ask(engine.PauseIt))
			time.Sleep(100 * time.Millisecond)
			r.Post(ask(engine.RollBack))
		},
	}
	for _, manner := range []string{heeding, deaf, late} {
		for name, want := range wants {
			t.Run(manner+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					log := newHanging()
					defer close(log.over)
					r := start(t, newWorld(specOf(t, "http"), build{}, false), specOf(t, "http"),
						runOptions{journal: log, attended: true, mailbox: time.Second})
					r.until(t, engine.KindWeightsConfirmed, 2)
					log.manner.Store(manner)
					want(r)
					asked := time.Now()
					r.untilMoved(t)
					if took := time.Since(asked); took > 1100*time.Millisecond {
						t.Errorf("the traffic was moved after %s; %s", took, r.story())
					}
					time.Sleep(20 * time.Second)
					log.manner.Store("")
					r.ends(t, engine.RolledBack)
					r.check(t)
					events, err := log.Events(t.Context(), r.id, 0)
					if err != nil || engine.Fold(events).Outcome != engine.RolledBack || count(events, engine.KindRollbackStarted) != 1 {
						t.Errorf("%v; the journal has %d events; %s", err, len(events), r.story())
					}
				})
			})
		}
	}
}

// untilMoved waits until stable has all the traffic.
func (r *run) untilMoved(t *testing.T) {
	t.Helper()
	for range 1000 {
		r.world.mu.Lock()
		shares := r.world.shares()
		r.world.mu.Unlock()
		if shares == "100/0" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("the traffic was not moved; %s", r.story())
}

func count(events []engine.Event, kind engine.EventKind) int {
	n := 0
	for _, event := range events {
		if event.Body.Kind() == kind {
			n++
		}
	}
	return n
}

// TestAJournalThatHangsIsSaid, of the mailbox too, until it answers again.
func TestAJournalThatHangsIsSaid(t *testing.T) {
	for _, manner := range []string{heeding, deaf} {
		t.Run(manner, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := newHanging()
				defer close(log.over)
				spec := specOf(t, "http")
				r := start(t, newWorld(spec, build{}, false), spec, runOptions{journal: log, attended: true, mailbox: time.Second})
				r.until(t, engine.KindWeightsConfirmed, 2)
				log.manner.Store(manner)
				time.Sleep(time.Minute)
				const words = "the journal gave no answer within 5s"
				shown, _ := r.latest.Get()
				if !strings.Contains(shown.Trouble.Journal, words) || !strings.Contains(shown.Trouble.Mailbox, words) || shown.Trouble.Unrecorded != 0 {
					t.Errorf("it shows %+v", shown.Trouble)
				}
				log.manner.Store("")
				time.Sleep(time.Minute)
				if shown, _ = r.latest.Get(); shown.Trouble != (engine.Trouble{}) {
					t.Errorf("the journal answers, and it shows %+v", shown.Trouble)
				}
				r.ends(t, engine.Succeeded)
			})
		})
	}
}

// forgetful is a journal that takes events and loses its answer.
type forgetful struct {
	engine.Journal
	// loses tells whether the answer to an append is lost.
	loses func(events []engine.Event) bool
}

func (f *forgetful) Append(ctx context.Context, id string, after int64, events []engine.Event) error {
	err := f.Journal.Append(ctx, id, after, events)
	if err == nil && f.loses(events) {
		return errors.New("connection reset")
	}
	return err
}

// TestAnAnswerOfTheJournalThatIsLost: every event of a rollout once, with commands that
// come at that moment. What the journal has counts, and nothing is done twice.
func TestAnAnswerOfTheJournalThatIsLost(t *testing.T) {
	for _, kind := range engine.EventKinds() {
		for _, also := range []engine.CommandKind{"", engine.RollBack, engine.Promote} {
			t.Run(string(kind)+"/"+string(also), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					began := make(chan *run, 1)
					lost := false
					log := &forgetful{Journal: journal.NewMemory(), loses: func(events []engine.Event) bool {
						if lost || count(events, kind) == 0 || kind == engine.KindDriverTook {
							return false
						}
						lost = true
						r := <-began
						began <- r
						if also != "" {
							r.Post(ask(also))
						}
						return true
					}}
					spec := specOf(t, "http")
					r := start(t, newWorld(spec, build{}, false), spec, runOptions{journal: log, attended: true})
					began <- r
					r.Post(ask(engine.Promote)) // which is refused, so that there is such an event too
					ending := r.finish(t)
					events, err := log.Events(t.Context(), r.id, 0)
					if err != nil || engine.Fold(events).Outcome != ending.Outcome || ending.Unrecorded != 0 {
						t.Fatalf("%v; it ended %s; %s", err, ending.Outcome, r.story())
					}
					taken := map[string]int{}
					for _, event := range events {
						if body, is := event.Body.(*engine.CommandTaken); is {
							taken[string(body.Command.Kind)+body.Command.At.String()]++
						}
					}
					for what, times := range taken {
						if times > 1 {
							t.Errorf("%s was taken %d times; %s", what, times, r.story())
						}
					}
				})
			})
		}
	}
}

// TestTheRemovalMayHaveBegun: the journal does not say whether it has that the old version
// is being removed, and does not answer any more. Then it is too late to roll back.
func TestTheRemovalMayHaveBegun(t *testing.T) {
	for _, landed := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			log := newHanging()
			defer close(log.over)
			began := make(chan *run, 1)
			down := &forgetfulOnce{hanging: log, landed: landed, then: func() { (<-began).Post(ask(engine.RollBack)) }}
			spec := specOf(t, "http")
			r := start(t, newWorld(spec, build{}, false), spec, runOptions{journal: down, attended: true})
			began <- r
			r.untilTrue(t, func() bool { return down.down.Load() })
			time.Sleep(30 * time.Second)
			r.world.mu.Lock()
			shares := r.world.shares()
			r.world.mu.Unlock()
			if shares != "0/100" {
				t.Errorf("landed %t: while the journal does not answer: %s; %s", landed, shares, r.story())
			}
			log.manner.Store("")
			ending := r.finish(t)
			want := map[bool]engine.Outcome{true: engine.Succeeded, false: engine.RolledBack}[landed]
			if ending.Outcome != want {
				t.Errorf("landed %t: %s; %s", landed, ending.Outcome, r.story())
			}
		})
	}
}

// forgetfulOnce hangs from the removal of the old version on.
type forgetfulOnce struct {
	*hanging
	landed bool
	then   func()
	down   atomic.Bool
}

func (f *forgetfulOnce) Append(ctx context.Context, id string, after int64, events []engine.Event) error {
	if count(events, engine.KindRemovalIntended) == 0 || f.down.Swap(true) {
		return f.hanging.Append(ctx, id, after, events)
	}
	if f.landed {
		if err := f.Memory.Append(ctx, id, after, events); err != nil {
			return err
		}
	}
	f.then()
	f.manner.Store(heeding)
	return errors.New("connection reset")
}

// TestADriverThatSleptAsksBeforeItActs: it is stopped while the journal takes its roll
// back, and has been replaced when it goes on.
func TestADriverThatSleptAsksBeforeItActs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := &settable{}
		log := &sleeping{Memory: journal.NewMemory()}
		spec := specOf(t, "http")
		r := start(t, newWorld(spec, build{}, false), spec, runOptions{journal: log, attended: true, now: clock.now})
		r.until(t, engine.KindWeightsConfirmed, 2)
		log.sleep = func() {
			seen, err := log.Lease(t.Context(), r.id)
			if err != nil {
				t.Error(err)
			}
			next, err := log.Claim(t.Context(), seen, engine.Driver{Actor: "lee"})
			if err != nil {
				t.Error(err)
			}
			events, err := log.Events(t.Context(), r.id, 0)
			if err != nil {
				t.Error(err)
			}
			took := engine.Event{At: time.Now(), Body: &engine.DriverTook{Driver: next.Driver, Fence: next.Fence}}
			if err := log.Memory.Append(t.Context(), r.id, int64(len(events)), []engine.Event{took}); err != nil {
				t.Error(err)
			}
			clock.jump(time.Minute)
		}
		calls := strings.Count(r.story(), "SetWeights")
		log.armed.Store(true)
		r.Post(ask(engine.RollBack))
		<-r.done
		if !errors.Is(r.err, engine.ErrStale) || strings.Count(r.story(), "SetWeights") != calls {
			t.Errorf("%v; %s", r.err, r.story())
		}
	})
}

// sleeping is a journal whose process is stopped while it appends, once.
type sleeping struct {
	*journal.Memory
	armed atomic.Bool
	sleep func()
}

func (s *sleeping) Append(ctx context.Context, id string, after int64, events []engine.Event) error {
	if s.armed.Swap(false) {
		s.sleep()
		<-ctx.Done()
		return ctx.Err()
	}
	return s.Memory.Append(ctx, id, after, events)
}

// TestADriverThatWasReplacedBeforeItBeganLeaves, although it may have read what its
// successor wrote.
func TestADriverThatWasReplacedBeforeItBeganLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, spec := journal.NewMemory(), specOf(t, "http")
		w := newWorld(spec, build{}, false)
		r := start(t, w, spec, runOptions{journal: log, attended: true})
		r.until(t, engine.KindWeightsConfirmed, 2)
		before := engine.Lease{Rollout: r.id, Driver: engine.Driver{Actor: "lee"}}
		late := engine.NewDriver(engine.DriverOptions{Journal: log, Ports: w.ports(), ID: r.id, Lease: before})
		late.Post(ask(engine.RollBack))
		if _, err := late.Run(t.Context()); !errors.Is(err, engine.ErrLeaseLost) {
			t.Errorf("it left with %v", err)
		}
		r.ends(t, engine.Succeeded)
	})
}

// TestTheEndOfARollBackIsRecordedWhenItCan: where a person attends the driver waits for
// it, and unattended it leaves, and says how much is missing.
func TestTheEndOfARollBackIsRecordedWhenItCan(t *testing.T) {
	for _, attended := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			spec := specOf(t, "http")
			log := &sometimes{Journal: journal.NewMemory()}
			r := start(t, newWorld(spec, build{}, false), spec, runOptions{journal: log, attended: attended})
			r.until(t, engine.KindWeightsConfirmed, 2)
			log.down.Store(true)
			r.Post(ask(engine.RollBack))
			time.Sleep(10 * time.Minute)
			shown, _ := r.latest.Get()
			if shown.Rollout.Outcome != engine.RolledBack || shown.Trouble.Unrecorded < 5 || !strings.Contains(shown.Trouble.Journal, "disk is full") {
				t.Errorf("attended %t: %s, %+v", attended, shown.Rollout.Outcome, shown.Trouble)
			}
			if !attended {
				<-r.done
				if r.ending.Unrecorded != shown.Trouble.Unrecorded || r.ending.Outcome != engine.RolledBack {
					t.Errorf("%+v", r.ending)
				}
				return
			}
			log.down.Store(false)
			back := time.Now()
			ending := r.finish(t)
			if took := time.Since(back); ending.Unrecorded != 0 || took > 6*time.Second {
				t.Errorf("after %s: %+v", took, ending)
			}
			if events, err := log.Events(t.Context(), r.id, 0); err != nil || engine.Fold(events).Outcome != engine.RolledBack {
				t.Errorf("the journal does not have the end: %v", err)
			}
			if !slices.IsSortedFunc(r.events(), func(a, b engine.Event) int { return int(a.Seq - b.Seq) }) {
				t.Errorf("events were told out of order; %s", r.story())
			}
		})
	}
}
