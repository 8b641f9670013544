package trials

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
	"serin/internal/sandbox/wire"
)

var (
	successions = flag.Int("successions", everydaySuccessions, "in how many rollouts TestOneOfTwoTakesOver kills drivers, beginning with -succession or 1")
	succession  = flag.Uint64("succession", 0, "the seed of the one rollout whose drivers TestOneOfTwoTakesOver kills; with -successions, of the first")
)

// deaths is how many drivers die in TestOneOfTwoTakesOver, at least, if it is not cut short.
const deaths = 100

// TestOneOfTwoTakesOver kills drivers at random places and moments, one after the other. Two
// others, each with the journal's file open for itself, try to take over every time: one of
// them drives, the other is told who does. AWS ends as if nothing had happened.
func TestOneOfTwoTakesOver(t *testing.T) {
	first, many := max(*succession, 1), *successions
	if *succession != 0 && !isSet("successions") {
		many = 1
	}
	usual := map[string]*reign{}
	for name, s := range disturbable() {
		usual[name] = s.succeed(t, name, nil, nil)
	}
	var died atomic.Int64
	t.Run("rollout", func(t *testing.T) {
		for n := range many {
			s := first + uint64(n)
			t.Run(fmt.Sprint(s), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(s, 0x5acc))
				names := slices.Sorted(maps.Keys(usual))
				name := names[random.IntN(len(names))]
				replayed(t, fmt.Sprintf("go test ./internal/trials -run TestOneOfTwoTakesOver -succession=%d", s), func() {
					found := disturbable()[name].succeed(t, name, usual[name], random)
					died.Add(int64(len(found.places)))
					if fmt.Sprint(found.aftermath) != fmt.Sprint(usual[name].aftermath) {
						t.Errorf("%s, killed %v, ends with\n%+v, without a death with\n%+v%s", name, found.places, found.aftermath, usual[name].aftermath, found.story)
					}
				})
			})
		}
	})
	t.Logf("%d drivers were killed in %d rollouts", died.Load(), many)
	if many >= deaths/2 && died.Load() < deaths {
		t.Errorf("only %d drivers died, want %d", died.Load(), deaths)
	}
}

// disturbable are the rollouts whose drivers are killed. Their roll backs begin at the same
// weight, whoever dies: the writes can be compared.
func disturbable() map[string]scenario {
	all := scenarios()
	all["verdict"] = scenario{service: "yelb-appserver", tag: "wrongport", set: []string{"TemplateParameters.ContainerHealthCheck=off"}, outcome: engine.RolledBack}
	all["person"] = scenario{service: "yelb-appserver", tag: "fixed", set: []string{"WaitTime=60"}, outcome: engine.RolledBack, rolledBackAt: 50}
	return all
}

// reign is a rollout, with the drivers that it had one after the other.
type reign struct {
	scenario
	aftermath
	// appends, calls and reads are how often its last driver wrote to the journal, and
	// called AWS to change something or to read; it lasted so long.
	appends, calls, reads int
	lasted                time.Duration
	// places are where drivers died.
	places []place
	story  string

	region *region
	path   string
	random *rand.Rand
	// now is the driver that drives.
	now atomic.Pointer[reaper]
}

// atMost is how many drivers of a rollout die.
const atMost = 5

// succeed plays a scenario to its end. With randomness its drivers die, at places that one
// had that nobody killed.
func (s scenario) succeed(t *testing.T, name string, usual *reign, random *rand.Rand) *reign {
	t.Helper()
	h := &reign{scenario: s, random: random, path: filepath.Join(t.TempDir(), name+".db")}
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		h.region = openRegion(t, s.options(func(call wire.Call, next http.Handler) http.Handler {
			if driver := h.now.Load(); driver != nil {
				return driver.around(call, next)
			}
			return next
		}))
		defer h.region.close()
		log := openOnDisk(t, h.path)
		began, spec := time.Now(), h.region.specOf(t, s.service, s.tag, s.set...)
		heir := h.crown(log, h.region.begin(t, log, spec, false))
		for alive := true; alive; {
			if usual != nil && len(h.places) < atMost {
				heir.doom(h.draw(usual))
			}
			heir.begins()
			alive = h.outlives(t, heir)
			if alive {
				heir, alive = h.contend(t, heir)
			}
		}
		h.lasted = time.Since(began)
		h.judge(t)
	})
	return h
}

// heir is a driver that is going to die, perhaps.
type heir struct {
	*run
	*reaper
	disk   *disk
	driver engine.Driver
	// begins starts it, once.
	begins func()
}

// crown has a driver ready to start.
func (h *reign) crown(log *disk, lease engine.Lease) *heir {
	next := &heir{reaper: &reaper{Journal: asking{log, h.rolledBackAt}}, disk: log, driver: lease.Driver}
	next.run = h.region.prepare(next.reaper, lease)
	next.Mailbox, next.begins = time.Second, sync.OnceFunc(next.start)
	h.now.Store(next.reaper)
	return next
}

// draw is a random place to die at; the first driver has the whole rollout before it, the
// others a part of it.
func (h *reign) draw(usual *reign) place {
	after, parts := h.random.IntN(2) == 1, min(len(h.places), 2)+1
	switch h.random.IntN(4) {
	case 0:
		return place{append: 1 + h.random.IntN(usual.appends)/parts}
	case 1:
		return place{call: 1 + h.random.IntN(usual.calls)/parts, after: after}
	case 2:
		return place{read: 1 + h.random.IntN(usual.reads)/parts, after: after}
	default:
		return place{moment: 1 + time.Duration(h.random.Int64N(int64(usual.lasted)/int64(parts)))}
	}
}

// outlives waits for a driver's end and tells whether the rollout goes on without it.
func (h *reign) outlives(t *testing.T, dying *heir) bool {
	t.Helper()
	ending, err := dying.wait(t, dying.disk)
	dying.run.kill()
	dying.mu.Lock()
	defer dying.mu.Unlock()
	h.appends, h.calls, h.reads = dying.appends, len(dying.calls), dying.reads
	dying.disk.close(t)
	switch {
	case dying.dead:
		h.places = append(h.places, dying.place)
	case err != nil || ending.Outcome == "":
		t.Fatalf("%+v, %v", ending, err)
	}
	return dying.dead
}

// contender is a driver that tries to take over.
type contender struct {
	disk   *disk
	driver engine.Driver
	lease  engine.Lease
	err    error
}

// contend has two drivers take over from one that died, as two processes do: the one that
// takes over starts to drive, the other is told so and leaves. Nobody does when the rollout
// was over.
func (h *reign) contend(t *testing.T, dead *heir) (next *heir, goesOn bool) {
	t.Helper()
	results := make(chan contender, 2)
	for _, name := range []string{"a", "b"} {
		c := contender{disk: openOnDisk(t, h.path), driver: engine.Driver{Actor: "lee", Place: fmt.Sprintf("trial %d%s", len(h.places), name), Unattended: true}}
		// At the same time, as often as not; and as often as not it knows that the other is dead.
		delay, knows := time.Duration(h.random.IntN(2)*h.random.IntN(12))*time.Second, h.random.IntN(2) == 0
		go func() {
			time.Sleep(delay)
			c.takeOver(t, h.region.key(h.service), dead.driver, knows)
			results <- c
		}()
	}
	winner := <-results
	var losers []contender
	if winner.err != nil {
		losers, winner = append(losers, winner), <-results
	}
	if winner.err != nil {
		for _, c := range append(losers, winner) {
			if !errors.Is(c.err, engine.ErrNoRollout) {
				t.Errorf("nobody takes over: %v", c.err)
			}
			c.disk.close(t)
		}
		return nil, false
	}
	next = h.crown(winner.disk, winner.lease)
	synctest.Wait()
	if len(losers) == 0 && len(results) == 0 {
		next.begins()
	}
	if len(losers) == 0 {
		losers = append(losers, <-results)
	}
	h.leaves(t, losers[0], winner.driver)
	return next, true
}

// takeOver takes an open rollout over as serin deploy --resume does: at once from a driver
// that it knows to be dead. The last sign of life of one that died may come after its death,
// and be seen by everybody who tries: who is told that the dead one drives tries once more.
func (c *contender) takeOver(t *testing.T, key engine.Key, dead engine.Driver, knows bool) {
	t.Helper()
	for range 2 {
		c.lease, c.err = c.tryToTakeOver(t, key, dead, knows)
		if open, is := errors.AsType[*engine.OpenError](c.err); !is || open.Header.Lease.Driver != dead {
			return
		}
	}
}

func (c *contender) tryToTakeOver(t *testing.T, key engine.Key, dead engine.Driver, knows bool) (engine.Lease, error) {
	t.Helper()
	header, err := c.disk.Current(t.Context(), key)
	if err != nil {
		return engine.Lease{}, err
	}
	patience := engine.LeaseTime
	if knows && header.Lease.Driver == dead {
		patience = 0
	}
	return engine.TakeOver(t.Context(), c.disk, header, c.driver, patience)
}

// leaves checks what a driver says that did not take over: who drives, or that nothing is
// left to drive.
func (h *reign) leaves(t *testing.T, loser contender, winner engine.Driver) {
	t.Helper()
	defer loser.disk.close(t)
	if over := errors.Is(loser.err, engine.ErrNoRollout) || errors.Is(loser.err, engine.ErrOver); over && !headerOf(t, loser.disk).Open {
		return
	}
	if open, is := errors.AsType[*engine.OpenError](loser.err); !is || open.Header.Lease.Driver != winner {
		t.Errorf("%s took over, and %s says: %v%s", winner, loser.driver, loser.err, story(events(t, loser.disk)))
	}
}

// judge looks at what is left, and at the journal: every event is of the driver that had
// taken over last.
func (h *reign) judge(t *testing.T) {
	t.Helper()
	log := openOnDisk(t, h.path)
	defer log.close(t)
	all := events(t, log)
	h.story = story(all)
	end := engine.Fold(all)
	if end.Outcome != h.scenario.outcome {
		t.Errorf("it ends with %s, %q%s", end.Outcome, end.Reason, h.story)
	}
	h.aftermath = h.region.aftermath(t, engine.Ending{Outcome: end.Outcome, Rollout: end})
	judgeJournal(t, all)
	judgeDrivers(t, all)
}

// judgeDrivers asserts that of the drivers of a rollout one drove at a time.
func judgeDrivers(t *testing.T, all []engine.Event) {
	t.Helper()
	var driver engine.Driver
	var fence int64
	for _, event := range all[1:] {
		switch body := event.Body.(type) {
		case *engine.DriverTook:
			if body.Fence <= fence {
				t.Errorf("event %d: %s has the fence %d, after %d", event.Seq, body.Driver, body.Fence, fence)
			}
			driver, fence = body.Driver, body.Fence
		case *engine.CommandTaken:
		default:
			if event.Actor != driver.String() {
				t.Errorf("event %d, %s, is by %s, while %s drives%s", event.Seq, body.Kind(), event.Actor, driver, story(all))
			}
		}
	}
}
