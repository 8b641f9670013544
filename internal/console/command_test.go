package console

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/ui/scene"
)

// mortal is the journal of a process that can be killed: then it writes nothing any more,
// and gives no sign of life.
type mortal struct {
	*journal.Memory
	killed atomic.Bool
}

var errKilled = errors.New("this process was killed")

func (m *mortal) Append(ctx context.Context, id string, after int64, events []engine.Event) error {
	if m.killed.Load() {
		return errKilled
	}
	return m.Memory.Append(ctx, id, after, events)
}

func (m *mortal) Beat(ctx context.Context, lease engine.Lease) (engine.Lease, error) {
	if m.killed.Load() {
		return engine.Lease{}, errKilled
	}
	return m.Memory.Beat(ctx, lease)
}

func (m *mortal) BeatAll(ctx context.Context, leases []engine.Lease) ([]engine.Lease, error) {
	if m.killed.Load() {
		return nil, errKilled
	}
	return m.Memory.BeatAll(ctx, leases)
}

func (m *mortal) Release(ctx context.Context, lease engine.Lease) error {
	if m.killed.Load() {
		return errKilled
	}
	return m.Memory.Release(ctx, lease)
}

// kill kills a host as far as others can see.
func (m *mortal) kill(l *live) {
	m.killed.Store(true)
	l.Close()
}

// onHolding runs a test on a sandbox with a rollout that holds.
func onHolding(t *testing.T, log engine.Journal, test func(t *testing.T, l *live)) {
	t.Helper()
	onSandbox(t, func(o *Options) {
		o.Journal = log
		o.Settings = append(o.Settings, "WaitTime=600", "FailureThresholdValue=1000")
	}, func(t *testing.T, l *live) {
		t.Helper()
		if err := l.Deploy(t.Context(), scene.Order{Service: appserver, Image: appserver + ":fixed"}); err != nil {
			t.Fatal(err)
		}
		l.until(t, "it holds", func(s scene.Service) bool { return s.Rollout.Rollout.Phase == engine.Holding })
		test(t, l)
	})
}

// driverless runs a test on a sandbox with a rollout that holds, its driver, and the
// console of another process.
func driverless(t *testing.T, test func(t *testing.T, driver, other *live, log *mortal)) {
	t.Helper()
	log := &mortal{Memory: journal.NewMemory()}
	onHolding(t, log, func(t *testing.T, l *live) {
		t.Helper()
		other, leave := l.elsewhere(t, log.Memory)
		defer leave()
		test(t, l, other, log)
	})
}

// asksBack asks for a roll back, and wants it to be all that happens.
func asksBack(t *testing.T, other *live) {
	t.Helper()
	before := int(other.appserver(t).Rollout.Rollout.Seq)
	asked := time.Now()
	if err := other.Post(appserver, engine.Command{Kind: engine.RollBack, Reason: "enough"}); err != nil {
		t.Fatal(err)
	}
	if driven := other.Driving(); len(driven) != 1 {
		t.Errorf("asked, it drives %v: whoever leaves now would not wait", driven)
	}
	end := other.until(t, "it is rolled back", hasEnded(engine.RolledBack))
	r := end.Rollout.Rollout
	if r.Cause.Kind != engine.ByPerson || r.Cause.By != "lee" || r.Driver.Actor != "lee" || r.Actual.Canary != 0 {
		t.Errorf("%+v, driven by %s, at %+v", r.Cause, r.Driver, r.Actual)
	}
	var kinds []engine.EventKind
	for _, event := range end.Rollout.Events[before:] {
		kinds = append(kinds, event.Body.Kind())
		if _, is := event.Body.(*engine.TrafficReturned); is && event.At.Sub(asked) > time.Second {
			t.Errorf("traffic was back after %s", event.At.Sub(asked))
		}
	}
	first := []engine.EventKind{engine.KindDriverTook, engine.KindCommandTaken, engine.KindRollbackStarted, engine.KindWeightsIntended, engine.KindWeightsWritten, engine.KindTrafficReturned}
	if len(kinds) < len(first) || !slices.Equal(kinds[:len(first)], first) {
		t.Errorf("what happened is %v", kinds)
	}
	for _, kind := range []engine.EventKind{engine.KindCommandTaken, engine.KindRollbackStarted} {
		if slices.Contains(kinds[len(first):], kind) {
			t.Errorf("%s happened twice", kind)
		}
	}
	if shown, _ := other.Scene(); len(shown.Faults) > 0 {
		t.Errorf("it says %+v", shown.Faults)
	}
}

func TestARolloutWhoseDriverWasKilledIsRolledBackAtOnce(t *testing.T) {
	driverless(t, func(t *testing.T, driver, other *live, log *mortal) {
		t.Helper()
		log.kill(driver)
		other.until(t, "its driver is lost", func(s scene.Service) bool { return s.Rollout.Lost })
		if err := other.Post(appserver, engine.Command{Kind: engine.PauseIt}); err == nil || !strings.HasPrefix(err.Error(), "take it over first") {
			t.Errorf("a pause that nobody could take: %v", err)
		}
		if err := other.Post(appserver, engine.Command{Kind: engine.ResumeIt}); err == nil || !strings.Contains(err.Error(), "not paused") {
			t.Errorf("resuming what is not paused: %v", err)
		}
		asksBack(t, other)
	})
}

// The process of this machine that is known to be dead need not be waited for.
func TestARolloutWhoseProcessIsDeadIsRolledBackAtOnce(t *testing.T) {
	driverless(t, func(t *testing.T, driver, other *live, log *mortal) {
		t.Helper()
		log.kill(driver)
		other.Gone = func(driver engine.Driver) bool { return driver.Actor == "kim" }
		asksBack(t, other)
	})
}

// lets has a rollout let go of by its driver, and the others know.
func lets(t *testing.T, driver, other *live) {
	t.Helper()
	if err := driver.Post(appserver, engine.Command{Kind: engine.LetGoOfIt}); err != nil {
		t.Fatal(err)
	}
	other.until(t, "it is let go of", func(s scene.Service) bool { return s.Rollout.Rollout.LetGo })
}

func TestAHeldRolloutIsRolledBackAtOnce(t *testing.T) {
	driverless(t, func(t *testing.T, driver, other *live, _ *mortal) {
		t.Helper()
		lets(t, driver, other)
		asksBack(t, other)
	})
}

func TestAHeldRolloutIsResumed(t *testing.T) {
	driverless(t, func(t *testing.T, driver, other *live, _ *mortal) {
		t.Helper()
		lets(t, driver, other)
		// What is asked meanwhile is asked of the driver that this process becomes.
		for _, kind := range []engine.CommandKind{engine.ResumeIt, engine.PauseIt} {
			if err := other.Post(appserver, engine.Command{Kind: kind, Reason: "back from lunch"}); err != nil {
				t.Fatal(err)
			}
		}
		seen := other.until(t, "it is driven again", func(s scene.Service) bool {
			return s.Rollout.Mine && s.Rollout.Rollout.Paused != nil && s.Rollout.Rollout.Paused.Kind == engine.PausedByPerson
		})
		resumed := slices.ContainsFunc(seen.Rollout.Events, func(event engine.Event) bool {
			body, is := event.Body.(*engine.Resumed)
			return is && body.By == "lee" && body.Reason == "back from lunch"
		})
		if pause := seen.Rollout.Rollout.Paused; !resumed || pause.By != "lee" {
			t.Errorf("resumed %t, then %+v", resumed, pause)
		}
	})
}

// Of what is asked where nobody drives, exactly that is taken which the keys offer.
func TestWhatIsTakenWhereNobodyDrives(t *testing.T) {
	w, log := newWorld(), &brokenJournal{Memory: journal.NewMemory()}
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		foreign(t, log.Memory, "r1")
		after(2 * engine.LeaseTime)
		// So that nobody becomes its driver, nor rolls back unrecorded.
		log.broken.Store(true)
		h.Runs = func(engine.Driver) bool { return true }
		before := cart(t, h).Rollout.Rollout
		for name, change := range map[string]func(*engine.Rollout){
			"holding":      func(r *engine.Rollout) { r.Phase = engine.Holding },
			"paused":       func(r *engine.Rollout) { r.Paused = &engine.Pause{Kind: engine.PausedByPerson} },
			"let go":       func(r *engine.Rollout) { r.LetGo, r.Paused = true, &engine.Pause{Kind: engine.PausedByLetGo} },
			"stuck":        func(r *engine.Rollout) { r.Stuck = &engine.Stuck{Reason: "denied"} },
			"rolling back": func(r *engine.Rollout) { r.Cause = &engine.Cause{Kind: engine.ByPerson} },
			"decided":      func(r *engine.Rollout) { r.Phase, r.Removal = engine.Retiring, &engine.Removal{Sha: stable} },
		} {
			r := *before
			change(&r)
			for _, kind := range engine.CommandKinds() {
				h.change(func() bool { h.tracks["cart"].rollout = &r; return false })
				err := h.Post("cart", engine.Command{Kind: kind})
				after(0)
				if kind.TakesOver(&r) != (err == nil) || err != nil && !strings.HasPrefix(err.Error(), "take it over first: nobody drives") {
					t.Errorf("%s: to %s it says %v", name, kind, err)
				}
			}
		}
	})
}

// A driver that was lost and lives keeps its rollout, and is asked.
func TestADriverThatLivesIsAskedAndNotRobbed(t *testing.T) {
	w, log := newWorld(), journal.NewMemory()
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		lease := foreign(t, log, "r1")
		after(2 * engine.LeaseTime)
		if !cart(t, h).Rollout.Lost {
			t.Fatal("it is not lost")
		}
		beaten, err := log.Beat(t.Context(), lease)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Post("cart", engine.Command{Kind: engine.RollBack}); err != nil {
			t.Fatal(err)
		}
		after(0)
		mail, err := log.Commands(t.Context(), "r1", 0)
		if err != nil || len(mail) != 1 || mail[0].Kind != engine.RollBack || mail[0].By != "kim" {
			t.Errorf("the mailbox has %+v, %v", mail, err)
		}
		if now, err := log.Lease(t.Context(), "r1"); err != nil || now != beaten || len(h.Driving()) != 0 {
			t.Errorf("the lease is %+v, %v; it drives %v", now, err, h.Driving())
		}
	})
}

// mute is a journal that takes nothing that is asked, and does not say so.
type mute struct{ *journal.Memory }

func (mute) Post(ctx context.Context, _ string, _ engine.Command) (int64, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func TestAJournalThatTakesNoCommandInTimeIsSaid(t *testing.T) {
	w, log := newWorld(), mute{Memory: journal.NewMemory()}
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		foreign(t, log.Memory, "r1")
		after(journalEvery)
		if err := h.Post("cart", engine.Command{Kind: engine.RollBack}); err != nil {
			t.Fatal(err)
		}
		after(mailTime)
		shown, _ := h.Scene()
		if said := shown.Faults[asking("cart")].Message; !strings.Contains(said, "gave no answer within 5s: whether it took what was asked is not known") {
			t.Errorf("it says %q", said)
		}
	})
}

// A driver that runs is not meddled with where the journal takes nothing, from it neither.
func TestATakeOverThatFailsIsSaid(t *testing.T) {
	w, log := newWorld(), &brokenJournal{Memory: journal.NewMemory()}
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		h.Runs = func(driver engine.Driver) bool { return driver.Actor == "lee" }
		foreign(t, log.Memory, "r1")
		after(2 * engine.LeaseTime)
		log.broken.Store(true)
		if err := h.Post("cart", engine.Command{Kind: engine.RollBack}); err != nil {
			t.Fatal(err)
		}
		after(0)
		shown, _ := h.Scene()
		said := shown.Faults[asking("cart")].Message
		for _, words := range []string{"disk on fire. But elsewhere (lee) runs", "press r in its console", "the rollout of cart, which nobody drives, could not be taken over for the roll back"} {
			if !strings.Contains(said, words) {
				t.Errorf("it says %q, and not %q", said, words)
			}
		}
		log.broken.Store(false)
		if err := h.Post("cart", engine.Command{Kind: engine.RollBack}); err != nil {
			t.Fatal(err)
		}
		after(0)
		if shown, _ = h.Scene(); shown.Faults[asking("cart")].Message != "" || cart(t, h).Rollout.Rollout.Driver.Actor != "kim" {
			t.Errorf("driven by %s, and it says %+v", cart(t, h).Rollout.Rollout.Driver, shown.Faults)
		}
	})
}
