package console

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/ui/scene"
)

func TestAnIdleServiceIsSeen(t *testing.T) {
	w := newWorld()
	observed(t, w, journal.NewMemory(), func(t *testing.T, h *Host) {
		t.Helper()
		after(time.Second)
		shown, _ := h.Scene()
		if len(shown.Services) != 2 || shown.Environment != "shop" || shown.Caller != "kim" || len(shown.Faults) != 0 {
			t.Fatalf("%+v", shown)
		}
		seen := cart(t, h)
		if seen.Route.Weight(stable) != 100 || seen.Health[stable].Healthy != 2 || seen.Deployed.Image != "cart:1" || seen.Rollout != nil {
			t.Errorf("%+v", seen)
		}
		if seen.Period != time.Minute || seen.Delay != 2*time.Minute || len(seen.Responses[stable]) < 300 {
			t.Errorf("period %s, delay %s, %d buckets", seen.Period, seen.Delay, len(seen.Responses[stable]))
		}
		if len(shown.Services[1].Responses) != 0 {
			t.Error("there are responses of a tcp service")
		}
		if len(w.asked) != 1 {
			t.Errorf("the metrics were asked %d questions", len(w.asked))
		}
		w.change(func() {
			w.weights = []engine.Target{{Sha: stable, Weight: 60}, {Sha: canary, Weight: 40}}
			w.healthy = 1
		})
		after(slowly)
		if seen = cart(t, h); seen.Route.Weight(canary) != 40 || seen.Health[canary].Healthy != 1 {
			t.Errorf("after a change: %+v", seen)
		}
		after(time.Minute)
		if seen = cart(t, h); len(seen.Responses[canary]) == 0 {
			t.Error("the responses of the new version were not read")
		}
	})
}

// Whoever opens a console after a rollout sees how it ended, without looking for it.
func TestHowTheLastRolloutEndedIsKnown(t *testing.T) {
	log := journal.NewMemory()
	foreign(t, log, "r1")
	appended(t, log, "r1", 1, &engine.RollbackStarted{Cause: engine.Cause{Kind: engine.ByVerdict, Reason: "12 5xx"}},
		&engine.Finished{Outcome: engine.RolledBack, Reason: "12 5xx"})
	observed(t, newWorld(), log, func(t *testing.T, h *Host) {
		t.Helper()
		after(time.Second)
		seen := cart(t, h)
		if last := seen.Last; seen.Rollout != nil || last == nil || last.Sha != canary || last.Outcome != engine.RolledBack ||
			last.Reason != "12 5xx" || last.Cause == nil || last.At.IsZero() {
			t.Errorf("%+v of %+v", seen.Last, seen)
		}
	})
	observed(t, newWorld(), journal.NewMemory(), func(t *testing.T, h *Host) {
		t.Helper()
		after(time.Second)
		if last := cart(t, h).Last; last != nil {
			t.Errorf("%+v, and nothing was ever rolled out", last)
		}
	})
}

func TestNewBucketsAreAddedAndOldOnesForgotten(t *testing.T) {
	w := newWorld()
	observed(t, w, journal.NewMemory(), func(t *testing.T, h *Host) {
		t.Helper()
		after(time.Second)
		before := cart(t, h).Responses[stable]
		after(10 * time.Minute)
		now := cart(t, h).Responses[stable]
		if grown := now[len(now)-1].Start.Sub(before[len(before)-1].Start); grown < 8*time.Minute {
			t.Errorf("after ten minutes the last bucket is %s newer", grown)
		}
		if !slices.IsSortedFunc(now, func(a, b bucket) int { return a.Start.Compare(b.Start) }) || now[0].Start.Equal(before[0].Start) {
			t.Errorf("the buckets begin at %s and before did at %s", now[0].Start, before[0].Start)
		}
		if asked := w.asked[0]; asked.To.Sub(asked.From) > 20*time.Minute {
			t.Errorf("everything is read again: from %s to %s", asked.From, asked.To)
		}
	})
}

// While nothing changes there are no new scenes.
func TestNothingNewMakesNoScene(t *testing.T) {
	w := newWorld()
	w.perMin = 0
	observed(t, w, journal.NewMemory(), func(t *testing.T, h *Host) {
		t.Helper()
		after(time.Second)
		_, changed := h.Scene()
		looked := w.called("route")
		after(slowly - 2*time.Second)
		select {
		case <-changed:
			t.Error("a scene was made of nothing")
		default:
		}
		after(2 * slowly)
		if w.called("route") <= looked {
			t.Error("nobody looked")
		}
		at := cart(t, h).Route.ReadAt
		if age := time.Since(at); age > 2*slowly {
			t.Errorf("the shown reading is %s old, although it is read again and again", age)
		}
	})
}

func TestReadingsThatFailAreShownAndTriedAgain(t *testing.T) {
	w := newWorld()
	throttled := &engine.Fault{Op: "read", Target: "it", Err: errors.New("throttled"), Hint: "wait a little"}
	for what, shown := range map[string]func(t *testing.T, h *Host) scene.Fault{
		"list":    faultNamed(theList),
		"metrics": faultNamed(theResponses),
		"route":   faultOfCart, "tasks": faultOfCart, "record": faultOfCart,
	} {
		w.change(func() { w.fail = map[string]error{what: throttled} })
		observed(t, w, journal.NewMemory(), func(t *testing.T, h *Host) {
			t.Helper()
			began := time.Now()
			after(3 * time.Second)
			if what == "list" {
				if made, _ := h.Scene(); made.Services != nil {
					t.Errorf("services of a list that cannot be read: %+v", made.Services)
				}
			}
			fault := shown(t, h)
			if fault.Message != "read it: throttled" || fault.Hint != "wait a little" || fault.Since.Sub(began) > time.Second {
				t.Errorf("%s: the fault is %+v", what, fault)
			}
			if tries := w.called(what); tries < 2 && what != "route" && what != "tasks" && what != "record" {
				t.Errorf("%s was tried %d times", what, tries)
			}
			w.change(func() { w.fail = map[string]error{} })
			after(slowly)
			if fault = shown(t, h); fault != (scene.Fault{}) {
				t.Errorf("%s: still %+v", what, fault)
			}
			if seen := cart(t, h); seen.Route.Weight(stable) != 100 || seen.Health[stable].Healthy != 2 {
				t.Errorf("%s: %+v", what, seen)
			}
		})
	}
}

func faultNamed(name string) func(*testing.T, *Host) scene.Fault {
	return func(_ *testing.T, h *Host) scene.Fault {
		shown, _ := h.Scene()
		return shown.Faults[name]
	}
}

func faultOfCart(t *testing.T, h *Host) scene.Fault {
	t.Helper()
	return cart(t, h).Fault
}

func TestServicesComeAndGo(t *testing.T) {
	w := newWorld()
	observed(t, w, journal.NewMemory(), func(t *testing.T, h *Host) {
		t.Helper()
		after(time.Second)
		w.change(func() {
			w.services = append(w.services[:1:1], engine.Service{Environment: "shop", Name: "zoo", Protocol: engine.HTTP})
		})
		after(listEvery)
		shown, _ := h.Scene()
		var names []string
		for _, service := range shown.Services {
			names = append(names, service.Name)
		}
		if !reflect.DeepEqual(names, []string{"cart", "zoo"}) {
			t.Errorf("the services are %v", names)
		}
	})
}

// A scene that was given out stays as it was.
func TestScenesAreImmutable(t *testing.T) {
	w := newWorld()
	log := journal.NewMemory()
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		lease := foreign(t, log, "r1")
		after(2 * time.Second)
		seen := cart(t, h)
		events, health, responses := len(seen.Rollout.Events), seen.Health[stable].Healthy, len(seen.Responses[stable])
		w.change(func() { w.healthy = 0 })
		if err := log.Append(t.Context(), lease.Rollout, 1, []engine.Event{
			{Seq: 2, At: time.Now(), Body: &engine.DriverTook{Driver: lease.Driver, Fence: 1}},
		}); err != nil {
			t.Fatal(err)
		}
		after(3 * time.Minute)
		if len(seen.Rollout.Events) != events || seen.Health[stable].Healthy != health || len(seen.Responses[stable]) != responses {
			t.Error("the old scene has changed")
		}
		if now := cart(t, h); len(now.Rollout.Events) != 2 || now.Health[stable].Healthy != 0 {
			t.Errorf("the new one has not: %+v", now.Rollout)
		}
	})
}

func TestImagesAreThoseOfWhatIsDeployed(t *testing.T) {
	w := newWorld()
	w.image = "registry.example/team/cart:1"
	observed(t, w, journal.NewMemory(), func(t *testing.T, h *Host) {
		t.Helper()
		after(time.Second)
		for page, want := range map[string]string{"": "registry.example/team/cart:1/2", "http://127.0.0.1": "cart:1/2"} {
			h.Page = page
			images, err := h.Images(t.Context(), "cart")
			if err != nil || len(images) != 2 || images[0] != want {
				t.Errorf("%v, %v; want %s first", images, err, want)
			}
		}
		if images, err := h.Images(t.Context(), "unheard-of"); err != nil || !strings.HasPrefix(images[0], "unheard-of") {
			t.Errorf("%v, %v", images, err)
		}
		h.Registry = nil
		if images, err := h.Images(t.Context(), "cart"); err != nil || len(images) != 0 {
			t.Errorf("without a registry: %v, %v", images, err)
		}
	})
}
