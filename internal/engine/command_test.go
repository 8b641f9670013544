package engine_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"serin/internal/engine"
)

// after are the bodies of a rollout that holds at 10, and of what follows.
func after(bodies ...engine.Body) []engine.Body {
	return append([]engine.Body{
		&engine.StackRequested{}, &engine.TasksBecameHealthy{}, &engine.WeightsIntended{Stable: 90, Canary: 10},
		&engine.WeightsConfirmed{Stable: 90, Canary: 10},
	}, bodies...)
}

// standings are rollouts, and what is said of each command that asks for what is so in it.
func standings() map[string]struct {
	bodies []engine.Body
	said   map[engine.CommandKind]string
} {
	paused := func(kind engine.PauseKind) engine.Body {
		at := time.Date(2026, 11, 23, 14, 3, 27, 0, time.UTC)
		return &engine.PausedNow{Pause: engine.Pause{Kind: kind, By: "kim", Reason: "looking into it", At: at}}
	}
	back := &engine.RollbackStarted{Cause: engine.Cause{Kind: engine.ByPerson, By: "kim", Reason: "asked for by kim: checkout is slow"}}
	goesOn := "it goes on"
	type said = map[engine.CommandKind]string
	return map[string]struct {
		bodies []engine.Body
		said   map[engine.CommandKind]string
	}{
		"holding":            {after(), said{engine.ResumeIt: goesOn}},
		"paused by a person": {after(paused(engine.PausedByPerson)), said{engine.PauseIt: "since 2026-11-23T14:03:27Z, by kim: looking into it"}},
		"paused by errors":   {after(paused(engine.PausedByErrors)), said{}},
		"paused by drift":    {after(paused(engine.PausedByDrift)), said{}},
		"stuck":              {after(&engine.StuckNow{}), said{}},
		"going to 100":       {after(&engine.StepPassed{Fully: true}), said{engine.ResumeIt: goesOn, engine.PromoteFully: "given 100 already"}},
		"baking": {
			after(&engine.StepPassed{Fully: true}, &engine.WeightsConfirmed{Canary: 100}),
			said{engine.ResumeIt: goesOn, engine.PromoteFully: "promote ends the bake"},
		},
		"bake paused":       {after(&engine.StepPassed{Fully: true}, &engine.WeightsConfirmed{Canary: 100}, paused(engine.PausedByPerson)), said{engine.PauseIt: "paused already"}},
		"rolling back":      {after(back), said{engine.RollBack: "since 2026-11-23T14:00:00Z: asked for by kim: checkout is slow"}},
		"stuck on its way":  {after(back, &engine.StuckNow{}), said{}},
		"rolled back":       {after(back, &engine.Finished{Outcome: engine.RolledBack, Reason: "checkout is slow"}), said{engine.RollBack: "rolled back already, at 2026-11-23T14:00:00Z: checkout is slow"}},
		"succeeded":         {after(&engine.Finished{Outcome: engine.Succeeded}), said{}},
		"the canary stays":  {after(&engine.StepPassed{Fully: true}, &engine.StepPassed{}, &engine.PromotedNow{}), said{engine.ResumeIt: goesOn}},
		"nothing has begun": {nil, said{engine.ResumeIt: goesOn}},
	}
}

// TestWhatIsSoAlready: a command that asks for what is so is taken up and changes nothing.
// Every other one that is open becomes something, or is refused with words.
func TestWhatIsSoAlready(t *testing.T) {
	for name, test := range standings() {
		spells := make([]spell, len(test.bodies))
		for i, body := range test.bodies {
			spells[i] = spell{body: body}
		}
		r := engine.Fold(told(t, spells...))
		for _, kind := range engine.CommandKinds() {
			already, want := kind.Already(r), test.said[kind]
			if (already == "") != (want == "") || !strings.Contains(already, want) {
				t.Errorf("%s: of %s it is said %q, want %q", name, kind, already, want)
			}
			bodies := engine.Take(r, engine.Evidence{}, ask(kind), r.At)
			_, refused := bodies[0].(*engine.CommandRefused)
			switch {
			case want != "" && (len(bodies) != 1 || refused):
				t.Errorf("%s: %s becomes %d events, refused: %t; want that it was taken, alone", name, kind, len(bodies), refused)
			case want == "" && refused != (kind.Refusal(r) != ""), want == "" && !refused && len(bodies) < 2:
				t.Errorf("%s: %s becomes %d events, refused: %t (%s)", name, kind, len(bodies), refused, kind.Refusal(r))
			case want != "" && r.Outcome == "" && kind.Refusal(r) == "":
				t.Errorf("%s: a console would offer %s, which changes nothing", name, kind)
			}
		}
	}
}

// TestACommandOfANewerSerin is refused in what is not understood, and is a roll back all
// the same.
func TestACommandOfANewerSerin(t *testing.T) {
	var spells []spell
	for _, body := range after() {
		spells = append(spells, spell{body: body})
	}
	r := engine.Fold(told(t, spells...))
	for row, want := range map[string]string{
		`{"number":3,"kind":"pause","by":"lee","for":"10m"}`:       `it has the field "for", which this version of serin does not know`,
		`{"number":3,"kind":"resume","by":"lee","for":"10m"}`:      `it has the field "for"`,
		`{"number":3,"kind":"promote_to","by":"lee"}`:              "does not know the command promote_to",
		`{"number":3,"kind":"promote_to","by":"lee","weight":25}`:  `it has the field "weight"`,
		`{"number":3,"kind":"roll_back","by":"lee","gently":true}`: "",
	} {
		command, err := engine.ParseCommand([]byte(row))
		if err != nil || command.Number != 3 || command.By != "lee" {
			t.Fatalf("%s is read as %+v (%v)", row, command, err)
		}
		bodies := engine.Take(r, engine.Evidence{}, command, r.At)
		refused, is := bodies[0].(*engine.CommandRefused)
		if is != (want != "") || is && (len(bodies) != 1 || !strings.Contains(refused.Why, want)) {
			t.Errorf("%s becomes %+v, want a refusal with %q", row, bodies[0], want)
		}
		if !is && bodies[1].Kind() != engine.KindRollbackStarted {
			t.Errorf("%s becomes %s", row, bodies[1].Kind())
		}
		// What the journal says of it is read back whole.
		line, err := json.Marshal(engine.Event{Seq: 1, Body: bodies[0]})
		if err != nil {
			t.Fatal(err)
		}
		var event engine.Event
		if err := json.Unmarshal(line, &event); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	for _, row := range []string{`[]`, `{"number":"3"}`, `{"number":3} {}`, ``} {
		if command, err := engine.ParseCommand([]byte(row)); err == nil {
			t.Errorf("%q is read as %+v", row, command)
		}
	}
}
