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
)

func appended(t *testing.T, log *journal.Memory, id string, after int64, bodies ...engine.Body) {
	t.Helper()
	var events []engine.Event
	for i, body := range bodies {
		events = append(events, engine.Event{Seq: after + int64(i) + 1, At: time.Now(), Actor: "lee", Body: body})
	}
	if err := log.Append(t.Context(), id, after, events); err != nil {
		t.Fatal(err)
	}
}

func TestAnotherProcesssRolloutIsFollowed(t *testing.T) {
	w, log := newWorld(), journal.NewMemory()
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		lease := foreign(t, log, "r1")
		after(2 * time.Second)
		seen := cart(t, h).Rollout
		if seen == nil || seen.Mine || seen.Lost || seen.Rollout.Canary.Sha != canary || len(seen.Events) != 1 {
			t.Fatalf("%+v", seen)
		}
		if seen.Evidence.Route == nil || seen.Evidence.Route.Weight(stable) != 100 {
			t.Errorf("the evidence is %+v", seen.Evidence)
		}
		appended(t, log, "r1", 1,
			&engine.DriverTook{Driver: lease.Driver, Fence: lease.Fence},
			&engine.WeightsConfirmed{Stable: 90, Canary: 10}, &engine.WeightsConfirmed{Stable: 90, Canary: 10},
			&engine.WeightsConfirmed{Stable: 80, Canary: 20},
			&engine.PausedNow{Pause: engine.Pause{Kind: engine.PausedByDrift, Found: []engine.Target{{Sha: stable, Weight: 95}, {Sha: canary, Weight: 5}}}},
			&engine.TrafficReturned{})
		after(2 * time.Second)
		seen = cart(t, h).Rollout
		var weights []int
		for _, mark := range seen.Marks {
			weights = append(weights, mark.Weight)
		}
		if !slices.Equal(weights, []int{10, 20, 5, 0}) {
			t.Errorf("the marks are %v", weights)
		}
		appended(t, log, "r1", 7, &engine.Finished{Outcome: engine.RolledBack, Reason: "it did worse"})
		after(2 * time.Second)
		if seen = cart(t, h).Rollout; seen.Rollout.Outcome != engine.RolledBack || seen.Lost {
			t.Errorf("ended, it is %+v", seen.Rollout.Outcome)
		}
		if err := h.Post("cart", engine.Command{Kind: engine.RollBack}); err == nil {
			t.Error("a rollout that is over takes commands")
		}
	})
}

func TestADriverThatGivesNoSignOfLifeIsLost(t *testing.T) {
	w, log := newWorld(), journal.NewMemory()
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		lease := foreign(t, log, "r1")
		began := time.Now()
		for range 4 {
			after(3 * time.Second)
			var err error
			if lease, err = log.Beat(t.Context(), lease); err != nil {
				t.Fatal(err)
			}
		}
		after(2 * time.Second)
		if seen := cart(t, h).Rollout; seen.Lost || seen.LastSeen.Sub(began) < 11*time.Second {
			t.Fatalf("lost %t, last seen after %s", seen.Lost, seen.LastSeen.Sub(began))
		}
		if err := h.Post("cart", engine.Command{Kind: engine.PauseIt, Reason: "lunch"}); err != nil {
			t.Errorf("a command for a driver that lives elsewhere: %v", err)
		}
		after(engine.LeaseTime)
		mail, err := log.Commands(t.Context(), "r1", 0)
		if err != nil || len(mail) != 1 || mail[0].Kind != engine.PauseIt || mail[0].By != "kim" || mail[0].Reason != "lunch" || mail[0].At.IsZero() {
			t.Errorf("the mailbox has %+v, %v", mail, err)
		}
		seen := cart(t, h).Rollout
		if !seen.Lost || seen.LastSeen.Sub(began) > 14*time.Second {
			t.Errorf("lost %t, last seen after %s", seen.Lost, seen.LastSeen.Sub(began))
		}
		if err := h.Post("cart", engine.Command{Kind: engine.PauseIt}); err == nil || !strings.Contains(err.Error(), "take it over") {
			t.Errorf("a command for a driver that is lost: %v", err)
		}
		if _, err := log.Beat(t.Context(), lease); err != nil {
			t.Fatal(err)
		}
		after(2 * time.Second)
		if cart(t, h).Rollout.Lost {
			t.Error("it beats, and is lost all the same")
		}
	})
}

// A driver that let go is not lost; one that went without a word is.
func TestLettingGoIsNotBeingLost(t *testing.T) {
	w, log := newWorld(), journal.NewMemory()
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		lease := foreign(t, log, "r1")
		if err := log.Release(t.Context(), lease); err != nil {
			t.Fatal(err)
		}
		after(2 * time.Second)
		if !cart(t, h).Rollout.Lost {
			t.Error("its driver is gone, and it is not lost")
		}
		appended(t, log, "r1", 1, &engine.LetGo{By: "lee", Reason: "lunch"})
		after(2 * time.Second)
		if cart(t, h).Rollout.Lost {
			t.Error("it was let go of, and is lost")
		}
		if err := h.Post("cart", engine.Command{Kind: engine.Promote}); err == nil || !strings.Contains(err.Error(), "nobody drives") {
			t.Errorf("a command that nobody can take: %v", err)
		}
	})
}

func TestAProcessThatIsGoneIsLostAtOnce(t *testing.T) {
	w, log := newWorld(), journal.NewMemory()
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		h.Gone = func(driver engine.Driver) bool { return driver.Place == "elsewhere" }
		foreign(t, log, "r1")
		after(2 * time.Second)
		if !cart(t, h).Rollout.Lost {
			t.Error("it is not lost")
		}
	})
}

// Once the driver's process is gone nobody counts the responses: they are read at once, not
// when the metrics have rested.
func TestResponsesAreReadWhenTheirDriverIsGone(t *testing.T) {
	w, log := newWorld(), journal.NewMemory()
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		var gone atomic.Bool
		h.Gone = func(engine.Driver) bool { return gone.Load() }
		lease := foreign(t, log, "r1")
		for range 25 {
			after(3 * time.Second)
			var err error
			if lease, err = log.Beat(t.Context(), lease); err != nil {
				t.Fatal(err)
			}
		}
		newest := func() time.Time {
			buckets := cart(t, h).Responses[stable]
			return buckets[len(buckets)-1].Start
		}
		before := newest()
		gone.Store(true)
		after(3 * time.Second)
		if got := newest(); !got.After(before) {
			t.Errorf("the newest responses are of %s, as they were before", got)
		}
	})
}

// A rollout may have its metrics by another period than its service had them before: those
// of both do not stand beside each other.
func TestCountsOfAnotherPeriodAreForgotten(t *testing.T) {
	w, log := newWorld(), journal.NewMemory()
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		if len(cart(t, h).Responses[stable]) == 0 {
			t.Fatal("nothing has been counted")
		}
		spec, key := plainSpec(w.services[0]), h.key("cart")
		for _, period := range []int{spec.MetricPeriod, 10} {
			forgets := period != spec.MetricPeriod
			spec.MetricPeriod = period
			h.change(func() bool {
				h.begin("cart", &track{id: "r1", key: key, rollout: &engine.Rollout{ID: "r1", Key: key, Spec: spec}})
				if counted := h.services["cart"].responses; (len(counted) == 0) != forgets {
					t.Errorf("with a period of %d s %d versions are counted", period, len(counted))
				}
				return false
			})
		}
	})
}

// An open rollout is shown although the services cannot be listed, and one that is not
// among the newest.
func TestAnOpenRolloutIsFoundWhateverElseFails(t *testing.T) {
	w, log := newWorld(), journal.NewMemory()
	w.fail["list"] = errors.New("no mesh")
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		lease := foreign(t, log, "r1")
		after(2 * time.Second)
		seen := cart(t, h)
		if seen.Rollout == nil || seen.Protocol != engine.HTTP || seen.Period != time.Minute {
			t.Fatalf("%+v", seen)
		}
		for i := range newest + 5 {
			key := where()
			key.Service = "other"
			id := "o" + time.Duration(i).String()
			started := &engine.Started{ID: id, Key: key, Canary: engine.Version{Sha: canary}}
			if _, err := log.Begin(t.Context(), id, lease.Driver, engine.Event{At: time.Now(), Body: started}); err != nil {
				t.Fatal(err)
			}
			appended(t, log, id, 1, &engine.Finished{Outcome: engine.Succeeded})
		}
		appended(t, log, "r1", 1, &engine.WeightsConfirmed{Stable: 90, Canary: 10}, &engine.Finished{Outcome: engine.Succeeded})
		after(2 * time.Second)
		if seen = cart(t, h); seen.Rollout.Rollout.Outcome != engine.Succeeded || len(seen.Rollout.Marks) != 1 {
			t.Errorf("its end was not seen: %+v", seen.Rollout.Rollout.Outcome)
		}
	})
}

// brokenJournal cannot be read while it is broken.
type brokenJournal struct {
	*journal.Memory
	broken atomic.Bool
}

func (b *brokenJournal) Rollouts(ctx context.Context, key engine.Key, limit int) ([]engine.Header, error) {
	if b.broken.Load() {
		return nil, errors.New("disk on fire")
	}
	return b.Memory.Rollouts(ctx, key, limit)
}

func (b *brokenJournal) Post(ctx context.Context, id string, command engine.Command) (int64, error) {
	if b.broken.Load() {
		return 0, errors.New("disk on fire")
	}
	return b.Memory.Post(ctx, id, command)
}

func (b *brokenJournal) Claim(ctx context.Context, seen engine.Lease, driver engine.Driver) (engine.Lease, error) {
	if b.broken.Load() {
		return engine.Lease{}, errors.New("disk on fire")
	}
	return b.Memory.Claim(ctx, seen, driver)
}

func TestACommandThatCannotBePostedIsSaid(t *testing.T) {
	w, log := newWorld(), &brokenJournal{Memory: journal.NewMemory()}
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		foreign(t, log.Memory, "r1")
		after(2 * time.Second)
		for _, broken := range []bool{true, false} {
			log.broken.Store(broken)
			if err := h.Post("cart", engine.Command{Kind: engine.PauseIt}); err != nil {
				t.Fatal(err)
			}
			after(0)
			shown, _ := h.Scene()
			if said := shown.Faults["asking cart"].Message; (said == "disk on fire") != broken {
				t.Errorf("it says %q", said)
			}
		}
	})
}

func TestAJournalThatCannotBeReadIsSaid(t *testing.T) {
	w, log := newWorld(), &brokenJournal{Memory: journal.NewMemory()}
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		log.broken.Store(true)
		after(5 * time.Second)
		if shown, _ := h.Scene(); shown.JournalFault != "disk on fire" {
			t.Errorf("it says %q", shown.JournalFault)
		}
		log.broken.Store(false)
		foreign(t, log.Memory, "r1")
		after(30 * time.Second)
		if shown, _ := h.Scene(); shown.JournalFault != "" || cart(t, h).Rollout == nil {
			t.Errorf("it says %q, and shows %+v", shown.JournalFault, cart(t, h).Rollout)
		}
	})
}

func TestTheHistoryIsReadFromTheJournal(t *testing.T) {
	w, log := newWorld(), journal.NewMemory()
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		foreign(t, log, "r1")
		appended(t, log, "r1", 1, &engine.Finished{Outcome: engine.RolledBack, Reason: "worse"})
		after(time.Second)
		foreign(t, log, "r2")
		for service, want := range map[string]int{"cart": 2, "": 2, "store": 0} {
			past, err := h.History(t.Context(), service)
			if err != nil || len(past) != want {
				t.Fatalf("%s: %d rollouts, %v", service, len(past), err)
			}
			if want > 0 && (past[0].Header.ID != "r2" || past[1].Rollout.Reason != "worse") {
				t.Errorf("%+v", past)
			}
		}
		events, err := h.Events(t.Context(), "r1")
		if err != nil || len(events) != 2 {
			t.Errorf("%d events, %v", len(events), err)
		}
	})
}
