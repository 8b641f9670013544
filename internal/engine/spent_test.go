package engine_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"serin/internal/engine"
)

// spell is an event and how long it lasts until the next one.
type spell struct {
	body  engine.Body
	lasts time.Duration
}

// told are the events of spells, one after the other, after the start of a rollout with a
// hold, a gate and a bake.
func told(t *testing.T, spells ...spell) []engine.Event {
	t.Helper()
	spec := specOf(t, "http")
	plan := engine.Plan{Steps: []engine.Step{{Weight: 10, Hold: time.Minute}, {Weight: 10, Gate: "QA"}, {Weight: 100, Bake: true, Hold: time.Minute}}}
	at := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	started := &engine.Started{ID: "r1", Spec: spec, Plan: plan, Canary: spec.Canary(), Stable: &engine.Version{Sha: stableSha}}
	events := []engine.Event{{Seq: 1, At: at, Body: started}}
	for _, spell := range spells {
		if jumped, is := spell.body.(*engine.ClockJumped); is {
			at = at.Add(jumped.Jump)
		}
		events = append(events, engine.Event{Seq: int64(len(events)) + 1, At: at, Body: spell.body})
		at = at.Add(spell.lasts)
	}
	return events
}

func TestWhatTheTimeOfARolloutWentInto(t *testing.T) {
	events := told(t,
		spell{&engine.StackRequested{}, 20 * time.Second},
		spell{&engine.TasksBecameHealthy{}, 2 * time.Second},
		spell{&engine.WeightsConfirmed{Stable: 90, Canary: 10}, 30 * time.Second},
		spell{&engine.PausedNow{Pause: engine.Pause{Kind: engine.PausedByPerson}}, 10 * time.Minute},
		spell{&engine.ClockJumped{Jump: time.Hour}, 5 * time.Minute},
		spell{&engine.Resumed{}, 30 * time.Second},
		spell{&engine.StepPassed{}, time.Second},
		spell{&engine.GateOpened{Step: 1}, 7 * time.Minute},
		spell{&engine.StepPassed{Step: 1}, time.Second},
		spell{&engine.WeightsConfirmed{Canary: 100}, time.Minute},
		spell{&engine.StepPassed{Step: 2}, 0},
		spell{&engine.PromotedNow{}, 4 * time.Second},
		spell{&engine.Finished{Outcome: engine.Succeeded}, time.Hour},
	)
	want := engine.Spent{Working: 28 * time.Second, Holding: 2 * time.Minute, Waiting: 22 * time.Minute}
	if got := engine.SpentOn(events, events[len(events)-1].At.Add(time.Hour)); got != want {
		t.Errorf("spent on %+v, want %+v", got, want)
	}
	open := events[:4]
	if got := engine.SpentOn(open, open[3].At.Add(time.Minute)); got.Holding != time.Minute || got.Working != 22*time.Second {
		t.Errorf("an open rollout has spent %+v", got)
	}
}

// What passed while nobody drove is a part of its own, unless a person was waited for then:
// a driver would not have moved anything either.
func TestTheTimeWithoutADriver(t *testing.T) {
	paused := &engine.PausedNow{Pause: engine.Pause{Kind: engine.PausedByPerson}}
	events := told(t,
		spell{&engine.DriverTook{Fence: 1}, time.Second},
		spell{&engine.StackRequested{}, 20 * time.Second},
		spell{&engine.TasksBecameHealthy{}, 5 * time.Minute},
		spell{&engine.DriverTook{Fence: 2}, time.Second},
		spell{&engine.WeightsConfirmed{Stable: 90, Canary: 10}, 30 * time.Second},
		spell{&engine.Judged{}, 2 * time.Minute},
		spell{&engine.DriverTook{Fence: 4}, 30 * time.Second},
		spell{paused, time.Hour},
		spell{&engine.DriverTook{Fence: 5}, time.Minute},
		spell{&engine.Resumed{}, 0},
		spell{&engine.LetGo{}, 3 * time.Minute},
		spell{&engine.DriverTook{Fence: 6}, time.Minute},
		spell{&engine.RollbackStarted{}, 10 * time.Second},
		spell{&engine.DriverTook{Fence: 7}, 2 * time.Second},
	)
	want := engine.Spent{
		Working: 24 * time.Second, Holding: 2 * time.Minute, Waiting: time.Hour + 4*time.Minute,
		Driverless: 7*time.Minute + 10*time.Second,
	}
	if got := engine.SpentOn(events, events[len(events)-1].At.Add(2*time.Second)); got != want {
		t.Errorf("spent on %+v, want %+v", got, want)
	}
	// Who begins a rollout is its first driver, unless another one had to.
	for fence, want := range map[int64]time.Duration{1: 0, 2: time.Minute} {
		begun := told(t, spell{&engine.Judged{}, time.Minute}, spell{&engine.DriverTook{Fence: fence}, 0})
		if got := engine.SpentOn(begun, begun[2].At); got.Driverless != want || got.Total() != time.Minute {
			t.Errorf("until the fence %d it has spent %+v", fence, got)
		}
	}
}

// However a rollout goes, the parts of its time make up the whole.
func TestThePartsOfTheTimeMakeUpTheWhole(t *testing.T) {
	pause := engine.Pause{Kind: engine.PausedByPerson, By: "kim"}
	bodies := []func() engine.Body{
		func() engine.Body { return &engine.StackRequested{} },
		func() engine.Body { return &engine.TasksBecameHealthy{} },
		func() engine.Body { return &engine.WeightsConfirmed{Stable: 90, Canary: 10} },
		func() engine.Body { return &engine.GateOpened{Step: 1} },
		func() engine.Body { return &engine.StepPassed{} },
		func() engine.Body { return &engine.PausedNow{Pause: pause} },
		func() engine.Body { return &engine.Resumed{} },
		func() engine.Body { return &engine.StuckNow{} },
		func() engine.Body { return &engine.LetGo{} },
		func() engine.Body { return &engine.DriverTook{} },
		func() engine.Body { return &engine.DriverTook{Fence: 2} },
		func() engine.Body { return &engine.DriverTook{Fence: 3} },
		func() engine.Body { return &engine.RollbackStarted{} },
		func() engine.Body { return &engine.ClockJumped{Jump: -time.Hour} },
		func() engine.Body { return &engine.ClockJumped{Jump: 40 * time.Second} },
	}
	rapid.Check(t, func(rt *rapid.T) {
		var spells []spell
		var whole time.Duration
		for range rapid.IntRange(0, 20).Draw(rt, "events") {
			made := spell{rapid.SampledFrom(bodies).Draw(rt, "event")(), time.Duration(rapid.IntRange(0, 1000).Draw(rt, "lasts")) * time.Second}
			spells, whole = append(spells, made), whole+made.lasts
		}
		events := told(t, spells...)
		last := events[len(events)-1].At
		open := time.Duration(0)
		if len(spells) > 0 {
			open = spells[len(spells)-1].lasts
		}
		spent := engine.SpentOn(events, last.Add(open))
		if spent.Total() != whole || spent.Working < 0 || spent.Holding < 0 || spent.Waiting < 0 || spent.Driverless < 0 {
			rt.Fatalf("%+v is %s, want %s", spent, spent.Total(), whole)
		}
	})
}
