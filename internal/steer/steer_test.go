package steer_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/steer"
)

// rollout is a rollout in a journal whose driver is played by the test.
type rollout struct {
	t     *testing.T
	log   *journal.Memory
	lease engine.Lease
	seq   int64
	// stop ends the driver's signs of life.
	stop context.CancelFunc
}

func kim() engine.Driver { return engine.Driver{Actor: "arn:aws:iam::1:user/kim", Place: "kim@laptop"} }

// begin begins a rollout whose driver gives signs of life until it is killed.
func begin(t *testing.T) *rollout {
	t.Helper()
	r := &rollout{t: t, log: journal.NewMemory(), seq: 1}
	started := &engine.Started{
		ID: "r1", Key: engine.Key{Account: "1", Region: "us-west-2", Environment: "blog", Service: "app"},
		Plan: engine.Plan{Steps: []engine.Step{{Weight: 10, Hold: time.Minute}, {Weight: 100, Bake: true}}}, Canary: engine.Version{Sha: "9bd0417e"},
	}
	lease, err := r.log.Begin(t.Context(), "r1", kim(), engine.Event{At: time.Now(), Body: started})
	if err != nil {
		t.Fatal(err)
	}
	r.lease = lease
	r.record(&engine.DriverTook{Driver: kim(), Fence: 1})
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(engine.LeaseTime / 3):
			}
			lease, err = r.log.Beat(ctx, lease)
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(stop)
	return r
}

func (r *rollout) record(bodies ...engine.Body) {
	r.t.Helper()
	var events []engine.Event
	for i, body := range bodies {
		events = append(events, engine.Event{Seq: r.seq + int64(i) + 1, At: time.Now(), Body: body})
	}
	if err := r.log.Append(r.t.Context(), "r1", r.seq, events); err != nil {
		r.t.Error(err)
	}
	r.seq += int64(len(events))
}

// answers has the driver answer the next command of the mailbox after a while.
func (r *rollout) answers(after time.Duration, answer func(engine.Command) []engine.Body) {
	go func() {
		time.Sleep(after)
		commands, err := r.log.Commands(r.t.Context(), "r1", 0)
		if err != nil || len(commands) == 0 {
			r.t.Errorf("the mailbox has %d commands (%v)", len(commands), err)
			return
		}
		r.record(answer(commands[len(commands)-1])...)
	}()
}

func (r *rollout) view() *steer.View { return steer.NewView(r.log, "r1", nil) }

func (r *rollout) asks(kind engine.CommandKind) steer.Answer {
	r.t.Helper()
	answer, err := r.view().Ask(r.t.Context(), engine.Command{Kind: kind, By: "lee", At: time.Now()}, patience())
	if err != nil {
		r.t.Fatal(err)
	}
	return answer
}

func patience() steer.Patience {
	return steer.Patience{Every: 100 * time.Millisecond, Limit: time.Minute}
}

func (r *rollout) posted() int {
	r.t.Helper()
	commands, err := r.log.Commands(r.t.Context(), "r1", 0)
	if err != nil {
		r.t.Fatal(err)
	}
	return len(commands)
}

func TestACommandIsTakenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t)
		r.answers(300*time.Millisecond, func(c engine.Command) []engine.Body {
			return []engine.Body{
				&engine.CommandRefused{Command: engine.Command{Number: c.Number + 7}, Why: "another's"},
				&engine.CommandTaken{Command: c}, &engine.PausedNow{Pause: engine.Pause{By: c.By}},
				&engine.CommandTaken{Command: engine.Command{Number: c.Number + 8}}, &engine.Resumed{},
			}
		})
		got := r.asks(engine.PauseIt)
		if got.Kind != steer.Taken || got.Number != 1 || got.Driver != kim() || got.After < 300*time.Millisecond {
			t.Errorf("the answer is %+v", got)
		}
		if len(got.Effect) != 1 || got.Effect[0].Body.Kind() != engine.KindPaused {
			t.Errorf("the effect is %+v", got.Effect)
		}
	})
}

func TestACommandIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t)
		r.answers(time.Second, func(c engine.Command) []engine.Body {
			return []engine.Body{&engine.CommandRefused{Command: c, Why: "the rollout is not paused"}}
		})
		if got := r.asks(engine.ResumeIt); got.Kind != steer.Refused || got.Why != "the rollout is not paused" {
			t.Errorf("the answer is %+v", got)
		}
	})
}

// Who asks for what is so already is told since when and by whom, and has what was asked
// for, also when the rollout was over first.
func TestWhatIsSoAlreadyIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t)
		r.record(&engine.RollbackStarted{Cause: engine.Cause{Kind: engine.ByPerson, By: "kim", Reason: "asked for by kim"}})
		r.answers(time.Second, func(c engine.Command) []engine.Body {
			return []engine.Body{&engine.CommandTaken{Command: c}, &engine.TrafficReturned{}, &engine.Finished{Outcome: engine.RolledBack, Reason: "asked for by kim"}}
		})
		got := r.asks(engine.RollBack)
		if got.Kind != steer.Already || got.Number != 1 || !strings.Contains(got.Why, "rolling back already") || !strings.Contains(got.Why, "asked for by kim") {
			t.Errorf("the answer is %+v", got)
		}
		got = r.asks(engine.RollBack)
		if got.Kind != steer.Already || got.Number != 0 || !strings.Contains(got.Why, "was rolled back already") {
			t.Errorf("of a rollout that was rolled back the answer is %+v", got)
		}
		if got := r.asks(engine.PauseIt); got.Kind != steer.TooLate {
			t.Errorf("of a rollout that is over the answer is %+v", got)
		}
	})
}

// Nothing is posted where nobody is there to take it up: it would lie there for whoever
// comes.
func TestNobodyIsAskedWhereNobodyDrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t)
		r.stop()
		if err := r.log.Release(t.Context(), r.lease); err != nil {
			t.Fatal(err)
		}
		if got := r.asks(engine.RollBack); got.Kind != steer.NoDriver || got.Life != steer.LetGo || got.Number != 0 {
			t.Errorf("the answer is %+v", got)
		}
		r = begin(t)
		r.stop()
		view := steer.NewView(r.log, "r1", func(driver engine.Driver) bool { return driver == kim() })
		got, err := view.Ask(t.Context(), engine.Command{Kind: engine.RollBack}, patience())
		if err != nil || got.Kind != steer.NoDriver || got.Life != steer.Lost {
			t.Errorf("of a process that is gone the answer is %+v (%v)", got, err)
		}
		r = begin(t)
		r.record(&engine.Finished{Outcome: engine.Succeeded, Reason: "all of it"})
		if got := r.asks(engine.PauseIt); got.Kind != steer.TooLate || got.Why == "" {
			t.Errorf("of a rollout that is over the answer is %+v", got)
		}
		if n := r.posted(); n != 0 {
			t.Errorf("%d commands were posted", n)
		}
	})
}

// A driver that dies while it is asked is known to be lost when its lease has not changed
// for its time. What it was asked is asked again of the next one under the same number.
func TestADriverThatDiesWhileItIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t)
		r.stop()
		view, command := r.view(), engine.Command{Kind: engine.RollBack, By: "lee", At: time.Now()}
		waited := false
		patient := patience()
		patient.Waiting = func(*steer.View) { waited = true }
		began := time.Now()
		got, err := view.Ask(t.Context(), command, patient)
		if err != nil || got.Kind != steer.NoDriver || got.Life != steer.Lost || got.Number != 1 || !waited {
			t.Fatalf("the answer is %+v (%v)", got, err)
		}
		if took := time.Since(began); took < engine.LeaseTime || took > engine.LeaseTime+time.Second {
			t.Errorf("that took %s", took)
		}
		next, err := r.log.Claim(t.Context(), view.Lease(), engine.Driver{Actor: "lee"})
		if err != nil {
			t.Fatal(err)
		}
		r.record(&engine.DriverTook{Driver: next.Driver, Fence: next.Fence})
		r.answers(time.Second, func(c engine.Command) []engine.Body { return []engine.Body{&engine.CommandTaken{Command: c}} })
		command.Number = got.Number
		got, err = view.Ask(t.Context(), command, patience())
		if err != nil || got.Kind != steer.Taken || got.Driver.Actor != "lee" || r.posted() != 1 {
			t.Errorf("the answer is %+v (%v), %d commands were posted", got, err, r.posted())
		}
	})
}

func TestADriverThatLivesAndDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t)
		if got := r.asks(engine.PauseIt); got.Kind != steer.Unanswered || got.Number != 1 || got.Life != steer.Alive || got.After < time.Minute {
			t.Errorf("the answer is %+v", got)
		}
	})
}

func TestWhetherSomebodyDrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t)
		view := r.view()
		began := time.Now()
		if err := view.Ascertain(t.Context(), time.Second); err != nil || time.Since(began) > 0 {
			t.Errorf("what was recorded just now is waited for, %s (%v)", time.Since(began), err)
		}
		if view.Seems() != steer.Alive || view.Life() != steer.Unknown {
			t.Errorf("a driver that recorded something just now seems %s, and is %s", view.Seems(), view.Life())
		}
		time.Sleep(time.Minute)
		view = r.view()
		if err := view.Ascertain(t.Context(), time.Second); err != nil || view.Life() != steer.Alive {
			t.Errorf("a driver that lives is %s (%v)", view.Life(), err)
		}
		r.stop()
		time.Sleep(time.Minute)
		view = r.view()
		if err := view.Ascertain(t.Context(), time.Second); err != nil || view.Seems() != steer.Lost {
			t.Errorf("a driver that is dead seems %s (%v)", view.Seems(), err)
		}
		view, began = r.view(), time.Now()
		if err := view.Find(t.Context(), time.Second); err != nil || view.Life() != steer.Lost || time.Since(began) != engine.LeaseTime {
			t.Errorf("a driver that is dead is %s after %s (%v)", view.Life(), time.Since(began), err)
		}
	})
}

// deaf is a journal that cannot be read for a while.
type deaf struct {
	*journal.Memory
	failures int
}

func (d *deaf) Events(ctx context.Context, id string, after int64) ([]engine.Event, error) {
	if d.failures > 0 && after > 0 {
		d.failures--
		return nil, errors.New("the disk is gone")
	}
	return d.Memory.Events(ctx, id, after)
}

// A watcher tells every event once, in order, that nobody drives and that somebody does
// again, and outlives a journal that cannot be read for a while.
func TestWatching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := begin(t)
		var told []int64
		var lives []steer.Life
		var faults []error
		type end struct {
			engine.Ending
			err error
		}
		ended := make(chan end, 1)
		log := &deaf{Memory: r.log, failures: 3}
		go func() {
			ending, err := steer.NewView(log, "r1", nil).Watch(t.Context(), time.Second, steer.Told{
				Event: func(event engine.Event, after *engine.Rollout) {
					if after.Seq != event.Seq {
						t.Errorf("event %d is told with the rollout after %d", event.Seq, after.Seq)
					}
					told = append(told, event.Seq)
				},
				Life:  func(_ *steer.View, life steer.Life) { lives = append(lives, life) },
				Fault: func(fault error) { faults = append(faults, fault) },
			})
			ended <- end{ending, err}
		}()
		time.Sleep(time.Minute)
		r.record(&engine.StackRequested{}, &engine.StackBecameReady{})
		r.stop()
		time.Sleep(time.Minute)
		seen, err := r.log.Lease(t.Context(), "r1")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.log.Claim(t.Context(), seen, engine.Driver{Actor: "lee"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		r.record(&engine.RollbackStarted{Cause: engine.Cause{Kind: engine.ByPerson}}, &engine.Finished{Outcome: engine.RolledBack, Reason: "asked for"})
		got := <-ended
		if got.err != nil || got.Outcome != engine.RolledBack || got.Cause != engine.ByPerson || got.Reason != "asked for" {
			t.Errorf("it ended with %+v", got)
		}
		if !slices.Equal(told, []int64{1, 2, 3, 4, 5, 6}) {
			t.Errorf("told were the events %v", told)
		}
		if len(lives) != 2 || lives[0] != steer.Lost || lives[1].Driverless() {
			t.Errorf("the driver was %v", lives)
		}
		if len(faults) != 2 || faults[0] == nil || faults[1] != nil {
			t.Errorf("the faults were %v", faults)
		}
	})
}

func TestWatchingNothing(t *testing.T) {
	_, err := steer.NewView(journal.NewMemory(), "r1", nil).Watch(t.Context(), time.Second, steer.Told{})
	if !errors.Is(err, engine.ErrNoRollout) {
		t.Errorf("the error is %v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		r := begin(t)
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		ending, err := r.view().Watch(ctx, time.Second, steer.Told{Life: func(*steer.View, steer.Life) {}})
		if !errors.Is(err, context.DeadlineExceeded) || ending.Outcome != "" {
			t.Errorf("it ended with %+v (%v)", ending, err)
		}
	})
}
