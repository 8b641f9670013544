// Package journaltest is the one suite that every engine.Journal passes.
//
// It imports the engine only, and is imported by the tests of journals.
package journaltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"serin/internal/engine"
)

// start is when the suite's rollouts begin.
var start = time.Date(2026, 11, 23, 14, 3, 8, 123456789, time.UTC)

// Key is the service whose rollouts the suite begins.
func Key() engine.Key {
	return engine.Key{Account: "123456789012", Region: "us-west-2", Environment: "ecs-blogpost", Service: "yelb-appserver"}
}

// Kim is a driver.
func Kim() engine.Driver {
	return engine.Driver{Actor: "arn:aws:sts::123456789012:assumed-role/deploy/kim", Place: "kim@laptop, pid 7"}
}

// Build is another driver.
func Build() engine.Driver {
	return engine.Driver{Actor: "arn:aws:sts::123456789012:assumed-role/build/x", Place: "yelb-appserver-deploy:77", Unattended: true}
}

// Started is the first event of a rollout of a service.
func Started(id string, key engine.Key, at time.Time) engine.Event {
	return engine.Event{At: at, Actor: Kim().Actor, Body: &engine.Started{
		ID: id, Key: key, Stable: &engine.Version{Sha: "3f2a91c0", Image: "yelb-appserver:planted"},
		Canary: engine.Version{Sha: "9bd0417e", Image: "yelb-appserver:fixed"},
		Spec:   engine.Spec{MicroserviceName: key.Service, CanaryTemplate: []byte("Resources: {}\n")},
	}}
}

// Confirmed is an event like most others.
func Confirmed(canary int, at time.Time) engine.Event {
	return engine.Event{At: at, Actor: Kim().Actor, Body: &engine.WeightsConfirmed{
		Stable: 100 - canary, Canary: canary,
		Route: engine.Route{Exists: true, Revision: "7", Document: json.RawMessage(`{"a":[1]}`), ReadAt: at},
	}}
}

// Conform holds a journal to engine.Journal's contract. The function opens an empty
// journal; whoever opens it closes it, at the end of the test that it is given.
func Conform(t *testing.T, open func(t *testing.T) engine.Journal) {
	t.Helper()
	for name, test := range map[string]func(t *testing.T, j engine.Journal){
		"begin":                              begin,
		"one open rollout":                   oneOpenRollout,
		"append":                             appendAndRead,
		"stale":                              stale,
		"nothing of a bad batch is appended": nothingOfABadBatch,
		"ten thousand events":                tenThousandEvents,
		"finished closes":                    finishedCloses,
		"no such rollout":                    noSuchRollout,
		"commands":                           commands,
		"lease":                              lease,
		"lease changes hands":                leaseChangesHands,
		"claims race":                        claimsRace,
		"appends race":                       appendsRace,
		"begins race":                        beginsRace,
		"rollouts":                           rollouts,
		"cancelled":                          cancelled,
		"answers are lost":                   answersLost,
		"each command is read once":          mailboxOnce,
		"many rollouts":                      pages,
		"a driver sleeps past its lease":     asleep,
		"two drivers, cut off in turns":      partition,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustBe(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

// same compares what the journal gave with what it was given, as JSON: the journal may
// keep times and bodies as it likes.
func same(t *testing.T, got, want any) {
	t.Helper()
	g, err := json.Marshal(got)
	must(t, err)
	w, err := json.Marshal(want)
	must(t, err)
	if string(g) != string(w) {
		t.Fatalf("got  %s\nwant %s", g, w)
	}
}

func mustBegin(t *testing.T, j engine.Journal, id string) engine.Lease {
	t.Helper()
	held, err := j.Begin(t.Context(), id, Kim(), Started(id, Key(), start))
	must(t, err)
	return held
}

func begin(t *testing.T, j engine.Journal) {
	t.Helper()
	held := mustBegin(t, j, "r1")
	same(t, held, engine.Lease{Rollout: "r1", Driver: Kim(), Fence: 1, Beat: held.Beat})
	header, err := j.Current(t.Context(), Key())
	must(t, err)
	same(t, header, engine.Header{ID: "r1", Key: Key(), Open: true, StartedAt: start, LastSeq: 1, Lease: held})
	events, err := j.Events(t.Context(), "r1", 0)
	must(t, err)
	first := Started("r1", Key(), start)
	first.Seq = 1
	same(t, events, []engine.Event{first})

	other := Key()
	other.Service = "yelb-ui"
	if _, err := j.Begin(t.Context(), "r2", Kim(), Confirmed(10, start)); err == nil {
		t.Error("a rollout began with an event that is not Started")
	}
	if _, err := j.Begin(t.Context(), "r2", Kim(), Started("r3", other, start)); err == nil {
		t.Error("a rollout began with the first event of another one")
	}
	if _, err := j.Begin(t.Context(), "r1", Kim(), Started("r1", other, start)); err == nil {
		t.Error("a second rollout began with the ID of the first")
	}
	_, err = j.Events(t.Context(), "r2", 0)
	mustBe(t, err, engine.ErrNoRollout)
}

func oneOpenRollout(t *testing.T, j engine.Journal) {
	t.Helper()
	held := mustBegin(t, j, "r1")
	_, err := j.Begin(t.Context(), "r2", Build(), Started("r2", Key(), start))
	var open *engine.OpenError
	if !errors.As(err, &open) {
		t.Fatalf("error is %v, want an OpenError", err)
	}
	same(t, open.Header, engine.Header{ID: "r1", Key: Key(), Open: true, StartedAt: start, LastSeq: 1, Lease: held})
	for _, change := range []func(*engine.Key){
		func(k *engine.Key) { k.Account = "210987654321" },
		func(k *engine.Key) { k.Region = "eu-central-1" },
		func(k *engine.Key) { k.Environment = "staging" },
		func(k *engine.Key) { k.Service = "yelb-ui" },
	} {
		key := Key()
		change(&key)
		_, err := j.Begin(t.Context(), key.String(), Kim(), Started(key.String(), key, start))
		must(t, err)
	}
}

func appendAndRead(t *testing.T, j engine.Journal) {
	t.Helper()
	mustBegin(t, j, "r1")
	zone := time.FixedZone("somewhere", 2*3600)
	given := []engine.Event{Confirmed(10, start.In(zone)), Confirmed(20, start.Add(time.Minute))}
	must(t, j.Append(t.Context(), "r1", 1, given))
	if given[0].Seq != 0 {
		t.Error("the caller's events were changed")
	}
	must(t, j.Append(t.Context(), "r1", 3, nil))
	events, err := j.Events(t.Context(), "r1", 1)
	must(t, err)
	want := []engine.Event{Confirmed(10, start), Confirmed(20, start.Add(time.Minute))}
	want[0].Seq, want[1].Seq = 2, 3
	want[0].Body = given[0].Body
	same(t, events, want)
	events, err = j.Events(t.Context(), "r1", 3)
	must(t, err)
	same(t, len(events), 0)
	header, err := j.Current(t.Context(), Key())
	must(t, err)
	same(t, header.LastSeq, 3)
}

func stale(t *testing.T, j engine.Journal) {
	t.Helper()
	mustBegin(t, j, "r1")
	must(t, j.Append(t.Context(), "r1", 1, []engine.Event{Confirmed(10, start)}))
	for _, after := range []int64{0, 1, 3, -1} {
		mustBe(t, j.Append(t.Context(), "r1", after, []engine.Event{Confirmed(20, start)}), engine.ErrStale)
	}
	events, err := j.Events(t.Context(), "r1", 0)
	must(t, err)
	same(t, len(events), 2)
}

func nothingOfABadBatch(t *testing.T, j engine.Journal) {
	t.Helper()
	mustBegin(t, j, "r1")
	over := engine.Event{At: start, Body: &engine.Finished{Outcome: engine.Succeeded}}
	for name, batch := range map[string][]engine.Event{
		"no body":                {Confirmed(10, start), {At: start}},
		"something after it all": {Confirmed(10, start), over, Confirmed(20, start)},
	} {
		if err := j.Append(t.Context(), "r1", 1, batch); err == nil {
			t.Errorf("%s: the batch was appended", name)
		}
	}
	header, err := j.Current(t.Context(), Key())
	must(t, err)
	same(t, header.LastSeq, 1)
}

func tenThousandEvents(t *testing.T, j engine.Journal) {
	t.Helper()
	const total, batch = 10_000, 500
	mustBegin(t, j, "r1")
	for after := 1; after < total; after += batch {
		var events []engine.Event
		for n := range min(batch, total-after) {
			events = append(events, Confirmed((after+n)%101, start.Add(time.Duration(n)*time.Second)))
		}
		must(t, j.Append(t.Context(), "r1", int64(after), events))
	}
	events, err := j.Events(t.Context(), "r1", 0)
	must(t, err)
	same(t, len(events), total)
	for _, after := range []int64{1, 500, 9_998, total} {
		page, err := j.Events(t.Context(), "r1", after)
		must(t, err)
		same(t, append([]engine.Event{}, page...), events[after:])
	}
	for i, event := range events {
		if event.Seq != int64(i)+1 {
			t.Fatalf("event %d has the number %d", i+1, event.Seq)
		}
	}
}

func finishedCloses(t *testing.T, j engine.Journal) {
	t.Helper()
	held := mustBegin(t, j, "r1")
	must(t, j.Append(t.Context(), "r1", 1, []engine.Event{
		Confirmed(100, start), {At: start, Body: &engine.Finished{Outcome: engine.Succeeded, Reason: "the bake passed"}},
	}))
	_, err := j.Current(t.Context(), Key())
	mustBe(t, err, engine.ErrNoRollout)
	if err := j.Append(t.Context(), "r1", 3, []engine.Event{Confirmed(10, start)}); err == nil {
		t.Error("an event was appended to a finished rollout")
	}
	must(t, j.Release(t.Context(), held))
	mustBegin(t, j, "r2")
	headers, err := j.Rollouts(t.Context(), Key(), 0)
	must(t, err)
	same(t, []any{headers[0].ID, headers[0].Open, headers[1].ID, headers[1].Open}, []any{"r2", true, "r1", false})
}

func noSuchRollout(t *testing.T, j engine.Journal) {
	t.Helper()
	ctx := t.Context()
	_, current := j.Current(ctx, Key())
	_, events := j.Events(ctx, "r0", 0)
	_, post := j.Post(ctx, "r0", engine.Command{Kind: engine.PauseIt})
	_, posted := j.Commands(ctx, "r0", 0)
	_, leased := j.Lease(ctx, "r0")
	_, claim := j.Claim(ctx, engine.Lease{Rollout: "r0"}, Kim())
	_, beat := j.Beat(ctx, engine.Lease{Rollout: "r0"})
	for name, err := range map[string]error{
		"Current": current, "Events": events, "Post": post, "Commands": posted, "Lease": leased, "Claim": claim, "Beat": beat,
		"Append":  j.Append(ctx, "r0", 0, []engine.Event{Confirmed(10, start)}),
		"Release": j.Release(ctx, engine.Lease{Rollout: "r0"}),
	} {
		if !errors.Is(err, engine.ErrNoRollout) {
			t.Errorf("%s: error is %v, want %v", name, err, engine.ErrNoRollout)
		}
	}
	headers, err := j.Rollouts(ctx, Key(), 0)
	must(t, err)
	same(t, len(headers), 0)
}

func commands(t *testing.T, j engine.Journal) {
	t.Helper()
	mustBegin(t, j, "r1")
	want := []engine.Command{
		{Number: 1, Kind: engine.PauseIt, By: "kim", At: start, Reason: "a look at the logs"},
		{Number: 2, Kind: engine.ResumeIt, By: "kim", At: start.Add(time.Minute)},
		{Number: 3, Kind: engine.RollBack, By: "kim", At: start.Add(time.Hour), Interrupt: true},
	}
	for _, command := range want {
		number := command.Number
		command.Number = 99 // the journal numbers, not the caller
		got, err := j.Post(t.Context(), "r1", command)
		must(t, err)
		same(t, got, number)
	}
	for after := range int64(4) {
		got, err := j.Commands(t.Context(), "r1", after)
		must(t, err)
		same(t, append([]engine.Command{}, got...), want[after:])
	}
}

func lease(t *testing.T, j engine.Journal) {
	t.Helper()
	ctx := t.Context()
	held := mustBegin(t, j, "r1")
	read, err := j.Lease(ctx, "r1")
	must(t, err)
	same(t, read, held)
	beaten, err := j.Beat(ctx, held)
	must(t, err)
	if beaten.Beat <= held.Beat || beaten.Fence != held.Fence {
		t.Fatalf("a sign of life made %+v of %+v", beaten, held)
	}
	must(t, j.Release(ctx, beaten))
	read, err = j.Lease(ctx, "r1")
	must(t, err)
	if !read.Free || read.Driver != Kim() {
		t.Fatalf("the lease that was let go of is %+v", read)
	}
	_, err = j.Beat(ctx, beaten)
	mustBe(t, err, engine.ErrLeaseLost)
	must(t, j.Release(ctx, beaten))
}

func leaseChangesHands(t *testing.T, j engine.Journal) {
	t.Helper()
	ctx := t.Context()
	first := mustBegin(t, j, "r1")
	seen, err := j.Lease(ctx, "r1")
	must(t, err)
	_, err = j.Beat(ctx, first)
	must(t, err)
	_, err = j.Claim(ctx, seen, Build())
	mustBe(t, err, engine.ErrLeaseLost)

	seen, err = j.Lease(ctx, "r1")
	must(t, err)
	second, err := j.Claim(ctx, seen, Build())
	must(t, err)
	if second.Fence != first.Fence+1 || second.Driver != Build() || second.Free {
		t.Fatalf("claimed %+v from %+v", second, first)
	}
	_, err = j.Beat(ctx, first)
	mustBe(t, err, engine.ErrLeaseLost)
	must(t, j.Release(ctx, first))
	read, err := j.Lease(ctx, "r1")
	must(t, err)
	same(t, read, second)

	must(t, j.Release(ctx, second))
	third, err := j.Claim(ctx, first, Kim()) // a free lease is claimed whatever was seen
	must(t, err)
	same(t, third.Fence, second.Fence+1)
}

// race runs do many times at once and counts the successes; every failure must be one
// of the expected kind.
func race(t *testing.T, n int, expected func(error) bool, do func(i int) error) int {
	t.Helper()
	var group sync.WaitGroup
	failures := make([]error, n)
	for i := range n {
		group.Go(func() { failures[i] = do(i) })
	}
	group.Wait()
	won := 0
	for _, err := range failures {
		switch {
		case err == nil:
			won++
		case !expected(err):
			t.Errorf("one lost with %v", err)
		}
	}
	return won
}

func claimsRace(t *testing.T, j engine.Journal) {
	t.Helper()
	seen := mustBegin(t, j, "r1")
	lost := func(err error) bool { return errors.Is(err, engine.ErrLeaseLost) }
	won := race(t, 8, lost, func(int) error {
		_, err := j.Claim(t.Context(), seen, Build())
		return err
	})
	same(t, won, 1)
}

func appendsRace(t *testing.T, j engine.Journal) {
	t.Helper()
	mustBegin(t, j, "r1")
	lost := func(err error) bool { return errors.Is(err, engine.ErrStale) }
	for after := int64(1); after < 10; after++ {
		won := race(t, 8, lost, func(i int) error {
			return j.Append(t.Context(), "r1", after, []engine.Event{Confirmed(i, start)})
		})
		same(t, won, 1)
	}
	events, err := j.Events(t.Context(), "r1", 0)
	must(t, err)
	same(t, len(events), 10)
}

func beginsRace(t *testing.T, j engine.Journal) {
	t.Helper()
	lost := func(err error) bool {
		var open *engine.OpenError
		return errors.As(err, &open)
	}
	won := race(t, 8, lost, func(i int) error {
		id := fmt.Sprint("r", i)
		_, err := j.Begin(t.Context(), id, Kim(), Started(id, Key(), start))
		return err
	})
	same(t, won, 1)
	headers, err := j.Rollouts(t.Context(), engine.Key{}, 0)
	must(t, err)
	same(t, len(headers), 1)
}

func rollouts(t *testing.T, j engine.Journal) {
	t.Helper()
	ids := map[string]time.Duration{"b": 2, "a": 1, "d": 4, "c": 3}
	for id, order := range ids {
		key := Key()
		key.Service += "-" + id
		at := start.Add(order * time.Millisecond)
		_, err := j.Begin(t.Context(), id, Kim(), Started(id, key, at))
		must(t, err)
	}
	named := func(key engine.Key, limit int) (names []string) {
		headers, err := j.Rollouts(t.Context(), key, limit)
		must(t, err)
		for _, header := range headers {
			names = append(names, header.ID)
		}
		return names
	}
	all := Key()
	all.Service = ""
	same(t, named(all, 0), []string{"d", "c", "b", "a"})
	same(t, named(all, 2), []string{"d", "c"})
	one := Key()
	one.Service += "-b"
	same(t, named(one, 1), []string{"b"})
	all.Region = "eu-central-1"
	same(t, len(named(all, 0)), 0)
}

func cancelled(t *testing.T, j engine.Journal) {
	t.Helper()
	mustBegin(t, j, "r1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	mustBe(t, j.Append(ctx, "r1", 1, []engine.Event{Confirmed(10, start)}), context.Canceled)
	_, err := j.Events(ctx, "r1", 0)
	mustBe(t, err, context.Canceled)
	_, err = j.Current(ctx, Key())
	mustBe(t, err, context.Canceled)
	events, err := j.Events(t.Context(), "r1", 0)
	must(t, err)
	same(t, len(events), 1)
}
