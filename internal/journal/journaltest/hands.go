package journaltest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"serin/internal/engine"
)

// errLost is what the caller of a link sees: it does not know whether it was done.
var errLost = errors.New("the answer was lost")

// link is a way to a journal that can be cut. It has the methods that a driver calls.
type link struct {
	engine.Journal
	// cut says that nothing comes through; deaf that what is asked is done, and that the
	// answer is lost.
	cut, deaf atomic.Bool
}

func (l *link) through(do func() error) error {
	if l.cut.Load() {
		return errLost
	}
	if err := do(); err != nil {
		return err
	}
	if l.deaf.Load() {
		return errLost
	}
	return nil
}

func (l *link) Append(ctx context.Context, id string, after int64, events []engine.Event) error {
	return l.through(func() error { return l.Journal.Append(ctx, id, after, events) })
}

func (l *link) Beat(ctx context.Context, lease engine.Lease) (beaten engine.Lease, err error) {
	err = l.through(func() (err error) {
		beaten, err = l.Journal.Beat(ctx, lease)
		return err
	})
	return beaten, err
}

func (l *link) Claim(ctx context.Context, seen engine.Lease, driver engine.Driver) (lease engine.Lease, err error) {
	err = l.through(func() (err error) {
		lease, err = l.Journal.Claim(ctx, seen, driver)
		return err
	})
	return lease, err
}

func (l *link) Post(ctx context.Context, id string, command engine.Command) (number int64, err error) {
	err = l.through(func() (err error) {
		number, err = l.Journal.Post(ctx, id, command)
		return err
	})
	return number, err
}

func took(driver engine.Driver, fence int64) engine.Event {
	return engine.Event{At: start, Actor: driver.Actor, Body: &engine.DriverTook{Driver: driver, Fence: fence}}
}

// answersLost loses the answers to what was done: asked again it is not done twice, and
// what there is tells the asker that it was theirs.
func answersLost(t *testing.T, j engine.Journal) {
	t.Helper()
	ctx := t.Context()
	held := mustBegin(t, j, "r1")
	l := &link{Journal: j}
	l.deaf.Store(true)

	batch := []engine.Event{Confirmed(10, start), Confirmed(20, start)}
	mustBe(t, l.Append(ctx, "r1", 1, batch), errLost)
	mustBe(t, j.Append(ctx, "r1", 1, batch), engine.ErrStale)
	written, err := j.Events(ctx, "r1", 1)
	must(t, err)
	same(t, len(written), 2)
	for i, event := range written {
		want := batch[i]
		want.Seq = int64(i) + 2
		same(t, event, want)
	}

	_, err = l.Beat(ctx, held)
	mustBe(t, err, errLost)
	beaten, err := j.Beat(ctx, held) // the fence is still this driver's
	must(t, err)
	_, err = l.Claim(ctx, beaten, Build())
	mustBe(t, err, errLost)
	_, err = j.Claim(ctx, beaten, Build())
	mustBe(t, err, engine.ErrLeaseLost)
	read, err := j.Lease(ctx, "r1")
	must(t, err)
	same(t, []any{read.Driver, read.Fence, read.Free}, []any{Build(), held.Fence + 1, false})

	_, err = l.Post(ctx, "r1", engine.Command{Kind: engine.PauseIt, By: "kim", At: start})
	mustBe(t, err, errLost)
	posted, err := j.Commands(ctx, "r1", 0)
	must(t, err)
	same(t, len(posted), 1)
}

// mailboxOnce has several people post while one driver after the other reads on from
// what the one before has taken up: each command is read once, in order.
func mailboxOnce(t *testing.T, j engine.Journal) {
	t.Helper()
	const people, each, drivers = 4, 5, 3
	mustBegin(t, j, "r1")
	var group sync.WaitGroup
	failures := make([]error, people)
	for person := range people {
		group.Go(func() {
			for n := range each {
				_, err := j.Post(t.Context(), "r1", engine.Command{Kind: engine.PauseIt, By: fmt.Sprint("person ", person), Reason: fmt.Sprint(n)})
				failures[person] = errors.Join(failures[person], err)
			}
		})
	}
	over := make(chan struct{})
	go func() { group.Wait(); close(over) }()
	seen, after, done := map[string]int{}, int64(0), false
	for !done {
		select {
		case <-over: // what follows reads the last of it
			done = true
		default:
		}
		for range drivers {
			after = readTwo(t, j, after, seen, done)
		}
	}
	must(t, errors.Join(failures...))
	same(t, len(seen), people*each)
}

// readTwo is a driver that takes up two commands before another replaces it, or all.
func readTwo(t *testing.T, j engine.Journal, after int64, seen map[string]int, all bool) int64 {
	t.Helper()
	commands, err := j.Commands(t.Context(), "r1", after)
	must(t, err)
	if !all {
		commands = commands[:min(len(commands), 2)]
	}
	for _, command := range commands {
		after++
		same(t, command.Number, after)
		who := command.By + " " + command.Reason
		seen[who]++
		same(t, seen[who], 1)
	}
	return after
}

// pages reads what does not fit into one answer of a journal that pages.
func pages(t *testing.T, j engine.Journal) {
	t.Helper()
	const total = 25
	var want []string
	for n := range total {
		id := fmt.Sprintf("r%02d", n)
		_, err := j.Begin(t.Context(), id, Kim(), Started(id, Key(), start))
		must(t, err)
		must(t, j.Append(t.Context(), id, 1, []engine.Event{{At: start, Body: &engine.Finished{Outcome: engine.Succeeded}}}))
		want = append([]string{id}, want...)
	}
	for _, limit := range []int{0, 1, total - 1, total, total + 1} {
		headers, err := j.Rollouts(t.Context(), Key(), limit)
		must(t, err)
		var got []string
		for _, header := range headers {
			got = append(got, header.ID)
		}
		wanted := want
		if limit > 0 && limit < total {
			wanted = want[:limit]
		}
		same(t, got, wanted)
	}
}

// asleep has a driver sleep past its lease. Awake again it finds that nothing is its own
// any more, and changes nothing.
func asleep(t *testing.T, j engine.Journal) {
	t.Helper()
	ctx := t.Context()
	first := mustBegin(t, j, "r1")
	second, err := j.Claim(ctx, first, Build()) // which has watched for the time of a lease
	must(t, err)
	must(t, j.Append(ctx, "r1", 1, []engine.Event{took(Build(), second.Fence)}))

	mustBe(t, j.Append(ctx, "r1", 1, []engine.Event{Confirmed(90, start)}), engine.ErrStale)
	_, err = j.Beat(ctx, first)
	mustBe(t, err, engine.ErrLeaseLost)
	_, err = j.Claim(ctx, first, Kim())
	mustBe(t, err, engine.ErrLeaseLost)
	must(t, j.Release(ctx, first))

	read, err := j.Lease(ctx, "r1")
	must(t, err)
	same(t, read, second)
	events, err := j.Events(ctx, "r1", 0)
	must(t, err)
	same(t, []any{len(events), events[1].Body.Kind()}, []any{2, engine.KindDriverTook})
}

// contender is a driver that appends what follows what it has read, over a link.
type contender struct {
	link
	driver engine.Driver
	known  int64
	// acked are the events that it was told are recorded, by number.
	acked map[int64]string
	wrote int
}

// act appends one event, or reads on when another was first. What it does not know it
// looks for before it appends again, as the engine's driver does.
func (c *contender) act(ctx context.Context) error {
	c.wrote++
	mine := fmt.Sprint(c.driver.Place, " ", c.wrote)
	event := engine.Event{At: start, Actor: mine, Body: &engine.WeightsWritten{}}
	err := c.Append(ctx, "r1", c.known, []engine.Event{event})
	switch {
	case err == nil:
		c.known++
		c.acked[c.known] = mine
		return nil
	case errors.Is(err, errLost), errors.Is(err, engine.ErrStale):
		return c.readOn(ctx)
	}
	return err
}

func (c *contender) readOn(ctx context.Context) error {
	if c.cut.Load() {
		return nil
	}
	events, err := c.Events(ctx, "r1", c.known)
	c.known += int64(len(events))
	return err
}

// partition cuts two drivers off in turns, and loses answers of both, while both append
// as fast as they can: there is one history, and what either was told is recorded is in
// it, once, where it was told.
func partition(t *testing.T, j engine.Journal) {
	t.Helper()
	const turns = 12
	mustBegin(t, j, "r1")
	both := []*contender{
		{driver: Kim(), link: link{Journal: j}, known: 1, acked: map[int64]string{}},
		{driver: Build(), link: link{Journal: j}, known: 1, acked: map[int64]string{}},
	}
	for turn := range turns {
		both[0].cut.Store(turn%4 == 1)
		both[1].cut.Store(turn%4 == 2)
		both[turn%2].deaf.Store(turn%3 == 0)
		var group sync.WaitGroup
		failures := make([]error, len(both))
		for i, one := range both {
			group.Go(func() {
				failures[i] = errors.Join(one.act(t.Context()), one.act(t.Context()))
			})
		}
		group.Wait()
		must(t, errors.Join(failures...))
		both[turn%2].deaf.Store(false)
	}
	events, err := j.Events(t.Context(), "r1", 0)
	must(t, err)
	seen := map[string]int{}
	for _, event := range events {
		seen[event.Actor]++
		if seen[event.Actor] > 1 {
			t.Errorf("%s is recorded twice", event.Actor)
		}
	}
	for _, one := range both {
		if len(one.acked) == 0 {
			t.Errorf("%s was never heard", one.driver.Place)
		}
		for seq, mine := range one.acked {
			if seq > int64(len(events)) || events[seq-1].Actor != mine {
				t.Errorf("%s was told that it is event %d, which it is not", mine, seq)
			}
		}
	}
}
