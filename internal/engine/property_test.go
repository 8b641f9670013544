package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"serin/internal/engine"
	"serin/internal/journal"
)

// schedule is one random life of a rollout: how the canary behaves, which calls fail,
// what is asked, whose hands are on the route, and when its driver dies.
type schedule struct {
	protocol string
	first    bool
	attended bool
	set      []string
	canary   build
	// failing and losing are the probabilities of a call that fails before, or whose
	// answer is lost after, it took effect.
	failing, losing float64
	seed            uint64
	outage          int
	outageLength    int
	slow, lag       time.Duration
	crashes         []int
	// absence is how long nobody drives after a crash.
	absence  time.Duration
	commands []timed
	meddling []timed
	// jumps are of the clock of the machine that drives.
	jumps []timed
}

type timed struct {
	at time.Duration
	do int
}

func drawSchedule(t *rapid.T) schedule {
	durations := func(label string, unit time.Duration, most int) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, label)) * unit
	}
	timedList := func(label string, kinds int) []timed {
		return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) timed {
			return timed{at: durations("at", time.Second, 500), do: rapid.IntRange(0, kinds-1).Draw(t, "do")}
		}), 0, 3).Draw(t, label)
	}
	s := schedule{
		protocol: rapid.SampledFrom([]string{"http", "tcp"}).Draw(t, "protocol"),
		first:    rapid.Bool().Draw(t, "first"),
		attended: rapid.Bool().Draw(t, "attended"),
		canary: build{
			stackTime:    durations("stack time", time.Second, 60),
			healthyAfter: durations("healthy after", time.Second, 60),
			breaksAfter:  durations("breaks after", time.Second, 300),
			sickAfter:    durations("sick after", time.Second, 600),
			silent:       rapid.IntRange(0, 5).Draw(t, "silent") == 0,
		},
		slow:     durations("slow", 100*time.Millisecond, 40),
		absence:  durations("absence", time.Minute, 40),
		lag:      durations("lag", time.Second, 8),
		crashes:  rapid.SliceOfN(rapid.IntRange(1, 60), 0, 3).Draw(t, "crashes"),
		commands: timedList("commands", len(engine.CommandKinds())),
	}
	if rapid.Bool().Draw(t, "bad") {
		s.canary.errorsPerSecond = rapid.Float64Range(0.1, 5).Draw(t, "errors")
		s.canary.diesAfter = durations("dies after", time.Second, 400)
		s.canary.sickFor = durations("sick for", time.Second, 100)
	}
	if rapid.IntRange(0, 4).Draw(t, "fails") == 0 {
		s.canary.stackFails = "circuit breaker"
	}
	if rapid.Bool().Draw(t, "faults") {
		s.failing = rapid.Float64Range(0, 0.5).Draw(t, "failing")
		s.losing = rapid.Float64Range(0, 0.5).Draw(t, "losing")
		s.seed = rapid.Uint64().Draw(t, "seed")
		s.outage = rapid.IntRange(0, 200).Draw(t, "outage")
		s.outageLength = rapid.IntRange(0, 400).Draw(t, "outage length")
	}
	if rapid.IntRange(0, 3).Draw(t, "meddles") == 0 {
		s.meddling = timedList("meddling", 4)
	}
	if rapid.IntRange(0, 3).Draw(t, "jumps") == 0 {
		s.jumps = timedList("jumps", len(jumpsOfLives))
	}
	if rapid.Bool().Draw(t, "gated") {
		s.set = append(s.set, `Steps=[{"Weight":10,"Hold":30},{"Gate":"QA","Timeout":90},{"Weight":60,"Hold":30}]`)
	}
	return s
}

// jumpsOfLives are how far a clock may jump.
var jumpsOfLives = []time.Duration{time.Hour, -time.Hour, 40 * time.Second, -40 * time.Second, -20 * time.Second}

// healed is when the faults of a life are over: from then on it must come to its end.
const healed = time.Hour

// life is a schedule being lived: it counts the calls and the records of all drivers.
type life struct {
	schedule
	world  *world
	log    *crashing
	clock  settable
	mu     sync.Mutex
	calls  int
	random *rand.Rand
	// meddled is when someone else last wrote the route; wrong is what rule 5 found.
	meddled time.Time
	wrong   string
}

// told checks rule 5 at the moment of the end: all traffic on one version, unless
// someone else has just moved it.
func (l *life) told(event engine.Event, rollout *engine.Rollout) {
	finished, is := event.Body.(*engine.Finished)
	if !is || !rollout.Exposed {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.meddled.IsZero() && time.Since(l.meddled) < 40*time.Second {
		return
	}
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	stable, canary := l.world.route.Weight(stableSha), l.world.route.Weight(canarySha)
	good := map[engine.Outcome]bool{engine.Succeeded: canary > 0 && stable == 0, engine.RolledBack: canary == 0 && (l.first || stable > 0)}
	if !good[finished.Outcome] {
		l.wrong = fmt.Sprintf("rule 5: %s with stable %d, canary %d", finished.Outcome, stable, canary)
	}
}

// crashing is a journal that kills its driver at chosen appends: before they are
// written, or after.
type crashing struct {
	engine.Journal
	// appends counts the writes, of which one may be late and overlap with the next.
	appends atomic.Int64
	at      map[int]bool
	kill    context.CancelFunc
}

var errKilled = errors.New("killed")

func (c *crashing) Append(ctx context.Context, id string, after int64, events []engine.Event) error {
	number := int(c.appends.Add(1))
	dies := c.at[number]
	if dies && number%2 == 0 {
		c.kill()
		return errKilled
	}
	err := c.Journal.Append(ctx, id, after, events)
	if dies {
		c.kill()
		return errKilled
	}
	return err
}

func (l *life) before(ctx context.Context, op string) error {
	if l.slow > 0 {
		select {
		case <-time.After(l.slow):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if time.Since(l.world.born) > healed {
		return nil
	}
	if l.random.Float64() < l.failing || l.calls > l.outage && l.calls < l.outage+l.outageLength {
		return fmt.Errorf("%s: 503", op)
	}
	return nil
}

// after loses the answer of a call that took effect.
func (l *life) after(_ context.Context, op string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.world.born) < healed && l.random.Float64() < l.losing {
		return fmt.Errorf("%s: connection reset", op)
	}
	return nil
}

func (l *life) meddle(kind int) {
	l.mu.Lock()
	l.meddled = time.Now()
	l.mu.Unlock()
	l.world.meddle(func(route *engine.Route) {
		switch {
		case !route.Exists:
		case kind == 0 && len(route.Targets) > 1:
			route.Targets[0].Weight, route.Targets[1].Weight = 95, 5
		case kind == 1:
			route.Shape = "meddled"
		case kind == 2:
			route.Targets = append(route.Targets, engine.Target{Name: "foreign", Weight: 0})
		}
	})
}

// TestTheSafetyRulesHoldInEveryLife lives random schedules to their end. The rules are
// asserted by the world at every call, and by run.check at the end.
func TestTheSafetyRulesHoldInEveryLife(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSchedule(rt)
		failed := ""
		synctest.Test(t, func(t *testing.T) { failed = live(t, s) })
		if failed != "" {
			rt.Fatal(failed)
		}
	})
}

// live runs one schedule; it returns what was broken.
func live(t *testing.T, s schedule) string {
	t.Helper()
	spec := specOf(t, s.protocol, s.set...)
	w := newWorld(spec, s.canary, s.first)
	l := &life{schedule: s, world: w, log: &crashing{Journal: journal.NewMemory(), at: map[int]bool{}}}
	w.lag = s.lag
	l.random = rand.New(rand.NewPCG(s.seed, 1))
	total := 0
	for _, crash := range s.crashes {
		total += crash
		l.log.at[total] = true
	}
	r := start(t, w, spec, runOptions{attended: s.attended, journal: l.log, onEvent: l.told, now: l.clock.now})
	w.hook(l.before, l.after)
	var current atomic.Pointer[run]
	current.Store(r)
	if broken := l.second(); broken != "" {
		return broken
	}
	end := time.Now().Add(4 * time.Hour)
	for _, meddling := range s.meddling {
		time.AfterFunc(meddling.at, func() { l.meddle(meddling.do) })
	}
	for _, jump := range s.jumps {
		time.AfterFunc(jump.at, func() { l.clock.jump(jumpsOfLives[jump.do]) })
	}
	for time.Now().Before(end) {
		for _, command := range s.commands {
			time.AfterFunc(command.at, func() {
				current.Load().Post(ask(engine.CommandKinds()[command.do]))
			})
		}
		s.commands = nil
		select {
		case <-r.done:
		case <-time.After(20 * time.Minute):
			// An attended rollout that waits for a person gets one.
			r.Post(ask(engine.ResumeIt))
			time.Sleep(10 * time.Minute)
			r.Post(ask(engine.RollBack))
			continue
		}
		if r.err == nil && r.ending.Outcome != engine.Held && r.ending.Outcome != engine.StuckOutcome {
			break
		}
		next := resume(t, l, r)
		if next == nil {
			break
		}
		r = next
		current.Store(r)
	}
	return l.verdict(r)
}

// resume puts a new driver in the place of one that died or left.
func resume(t *testing.T, l *life, r *run) *run {
	t.Helper()
	r.stop()
	<-r.done
	if r.err != nil {
		time.Sleep(l.absence)
	}
	key := engine.Key{Account: "1", Region: "us-west-2", Environment: "blog", Service: "app"}
	header, err := l.log.Current(context.Background(), key)
	if err != nil {
		return nil
	}
	driver := engine.Driver{Actor: "lee", Unattended: !l.attended}
	lease, err := engine.TakeOver(context.Background(), l.log, header, driver, engine.LeaseTime)
	if err != nil {
		return nil
	}
	next := drive(t, l.world, runOptions{journal: l.log, attended: l.attended, onEvent: l.told, now: l.clock.now}, driver, lease, ask(engine.ResumeIt))
	return next
}

// verdict is what a life broke.
func (l *life) verdict(r *run) string {
	r.stop()
	<-r.done
	events, err := l.log.Events(context.Background(), "r1", 0)
	if err != nil {
		return err.Error()
	}
	// Someone may meddle at this very moment.
	l.mu.Lock()
	defer l.mu.Unlock()
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	end := engine.Fold(events)
	story := func(format string, args ...any) string {
		text := fmt.Sprintf(format, args...)
		for _, event := range events {
			text += fmt.Sprintf("\n  %s %s %+v", event.At.Format("15:04:05.000"), event.Body.Kind(), event.Body)
		}
		return text + fmt.Sprintf("\ncalls %q", l.world.calls)
	}
	w := l.world
	switch {
	case l.wrong != "":
		return story("%s", l.wrong)
	case len(w.breaches) > 0:
		return story("%v", w.breaches)
	case end.Outcome == "" && len(l.meddling) == 0:
		return story("no end: %+v, stuck %+v, paused %+v", end.Phase, end.Stuck, end.Paused)
	case end.Outcome == engine.Succeeded && (w.route.Weight(canarySha) != 100 || w.route.Names(stableSha)) && len(l.meddling) == 0:
		return story("rule 5: succeeded with %s", w.shares())
	case end.Outcome == engine.RolledBack && !l.first && (w.route.Weight(stableSha) == 0 || w.route.Names(canarySha)) && len(l.meddling) == 0:
		return story("rule 5: rolled back with %s", w.shares())
	case end.Cause != nil && end.Cause.Kind == engine.ByVerdict && l.canary.errorsPerSecond == 0 && l.canary.diesAfter == 0 && l.canary.sickFor == 0 && l.canary.stackFails == "":
		return story("rule 8: a good canary was judged to be bad: %s", end.Cause.Reason)
	case w.record.Number > end.Before.Number+1:
		return story("recorded %d times", w.record.Number-end.Before.Number)
	case end.Outcome == engine.RolledBack && w.record.Number != end.Before.Number:
		return story("a canary that was rolled back is recorded")
	}
	if end.Outcome != "" && end.Leftover == "" && len(l.meddling) == 0 {
		gone := stableSha
		if end.Outcome == engine.RolledBack {
			gone = canarySha
		}
		if _, left := w.stacks[w.service.StackName(gone)]; left {
			return story("the stack of %s is left behind without a word", gone)
		}
	}
	if broken := order(events); broken != "" {
		return story("%s", broken)
	}
	return l.confirmations(events, story)
}

// order asserts rules 4, 7 and 10 on the journal: a roll back returns the traffic before
// it removes anything, nothing is written over a drift until someone resumes or the
// canary fails, and every command says who asked, when and what.
func order(events []engine.Event) string {
	drifted, owed := false, false
	for i, event := range events {
		switch body := event.Body.(type) {
		case *engine.PausedNow:
			drifted = body.Pause.Kind == engine.PausedByDrift
		case *engine.Resumed:
			drifted = false
		case *engine.RollbackStarted:
			drifted = false
			owed = engine.Fold(events[:i+1]).Phase == engine.RollingBack
		case *engine.TrafficReturned:
			owed = false
		case *engine.WeightsIntended:
			if drifted {
				return fmt.Sprintf("rule 7: event %d writes over a drift", i+1)
			}
		case *engine.RemovalIntended, *engine.RecordIntended, *engine.StackIntended:
			if owed {
				return fmt.Sprintf("rule 4: event %d (%s) comes before the traffic is back", i+1, body.Kind())
			}
		case *engine.CommandTaken:
			if c := body.Command; c.By == "" || c.At.IsZero() || c.Kind == "" {
				return fmt.Sprintf("rule 10: event %d is a command without who, when or what", i+1)
			}
		case *engine.CommandRefused:
			if c := body.Command; c.By == "" || c.At.IsZero() || body.Why == "" {
				return fmt.Sprintf("rule 10: event %d is a refusal without who, when or why", i+1)
			}
		}
	}
	return ""
}

// second tries to begin another rollout of the service while this one is open: rule 9.
func (l *life) second() string {
	events, err := l.log.Events(context.Background(), "r1", 0)
	if err != nil {
		return err.Error()
	}
	begun := *events[0].Body.(*engine.Started)
	begun.ID = "r2"
	_, err = l.log.Begin(context.Background(), "r2", engine.Driver{Actor: "eve"}, engine.Event{At: time.Now(), Body: &begun})
	if _, refused := errors.AsType[*engine.OpenError](err); !refused {
		return fmt.Sprintf("rule 9: a second rollout of the service began: %v", err)
	}
	return ""
}

// confirmations asserts rules 2 and 3 on the journal.
func (l *life) confirmations(events []engine.Event, story func(string, ...any) string) string {
	baked := false
	for i, event := range events {
		switch body := event.Body.(type) {
		case *engine.WeightsConfirmed:
			if body.Route.Weight(canarySha) != body.Canary {
				return story("rule 2: event %d confirms %d, the route has %+v", i+1, body.Canary, body.Route.Targets)
			}
		case *engine.TrafficReturned:
			if body.Route.Names(canarySha) {
				return story("rule 2: event %d says that the traffic is back, the route has %+v", i+1, body.Route.Targets)
			}
		case *engine.StepPassed:
			before := engine.Fold(events[:i])
			baked = baked || before.Present().Bake
		case *engine.RemovalIntended:
			if body.Sha == stableSha && !baked {
				return story("rule 3: stable is removed before the bake has passed")
			}
		}
	}
	return ""
}
