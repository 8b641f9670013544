package trials

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
	"serin/internal/sandbox/wire"
)

// driverHeader names the driver that makes a call.
const driverHeader = "X-Trial-Driver"

// named is a transport whose calls have the name of who makes them.
type named struct {
	http.RoundTripper
	name string
}

func (n named) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set(driverHeader, n.name)
	return n.RoundTripper.RoundTrip(request)
}

// rivals tells the calls of drivers apart that change something, and can keep the first
// write of a route from arriving.
type rivals struct {
	mu      sync.Mutex
	changed map[string][]string
	// stalls is the driver whose first write of a route waits.
	stalls            string
	stalled, released chan struct{}
}

func newRivals(stalls string) *rivals {
	return &rivals{changed: map[string][]string{}, stalls: stalls, stalled: make(chan struct{}), released: make(chan struct{})}
}

func (v *rivals) around(call wire.Call, next http.Handler) http.Handler {
	if !slices.Contains(changes, call.Operation) {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if !v.note(request.Header.Get(driverHeader), call.Operation) {
			next.ServeHTTP(w, request)
			return
		}
		close(v.stalled)
		<-v.released
		next.ServeHTTP(discard{}, request.WithContext(context.WithoutCancel(request.Context())))
	})
}

func (v *rivals) note(name, operation string) (stalls bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	stalls = name == v.stalls && operation == "UpdateRoute" && !slices.Contains(v.changed[name], operation)
	v.changed[name] = append(v.changed[name], operation)
	return stalls
}

func (v *rivals) by(name string) []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.changed[name])
}

// severed is a journal that its driver is cut off from: what it asks fails, or waits.
type severed struct {
	engine.Journal
	mu  sync.Mutex
	cut bool
	// hangs has it wait for what never comes.
	hangs bool
}

var errCut = errors.New("no route to host")

func (s *severed) sever(cut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut = cut
}

func (s *severed) reach(ctx context.Context) error {
	s.mu.Lock()
	cut := s.cut
	s.mu.Unlock()
	if !cut {
		return nil
	}
	if s.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return errCut
}

// Append records what reaches the journal.
func (s *severed) Append(ctx context.Context, id string, after int64, events []engine.Event) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	return s.Journal.Append(ctx, id, after, events)
}

// Beat gives a sign of life.
func (s *severed) Beat(ctx context.Context, lease engine.Lease) (engine.Lease, error) {
	if s.hangs {
		// A sign of life is not waited for longer than the next one.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, engine.LeaseTime/3)
		defer cancel()
	}
	if err := s.reach(ctx); err != nil {
		return lease, err
	}
	return s.Journal.Beat(ctx, lease)
}

// Events reads.
func (s *severed) Events(ctx context.Context, id string, after int64) ([]engine.Event, error) {
	if err := s.reach(ctx); err != nil {
		return nil, err
	}
	return s.Journal.Events(ctx, id, after)
}

// Lease reads who drives.
func (s *severed) Lease(ctx context.Context, id string) (engine.Lease, error) {
	if err := s.reach(ctx); err != nil {
		return engine.Lease{}, err
	}
	return s.Journal.Lease(ctx, id)
}

// Release lets go.
func (s *severed) Release(ctx context.Context, lease engine.Lease) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	return s.Journal.Release(ctx, lease)
}

// TestADriverCutOffFromItsJournal has a driver lose its journal for longer than its lease,
// and another take over: the first changes nothing, but that it may roll back a canary that
// fails, as the other does. When the journal is there again it leaves.
func TestADriverCutOffFromItsJournal(t *testing.T) {
	for name, c := range map[string]struct {
		tag     string
		hangs   bool
		outcome engine.Outcome
		// first is what the driver that is cut off may change.
		first []string
		all   map[string]int
	}{
		"fails":                    {tag: "fixed", outcome: engine.Succeeded, all: map[string]int{"CreateStack": 1, "UpdateRoute": 3, "PutParameter": 1, "DeleteStack": 1}},
		"hangs":                    {tag: "fixed", hangs: true, outcome: engine.Succeeded, all: map[string]int{"CreateStack": 1, "UpdateRoute": 3, "PutParameter": 1, "DeleteStack": 1}},
		"fails, with a bad canary": {tag: "late", outcome: engine.RolledBack, first: []string{"UpdateRoute", "DeleteStack"}},
		"hangs, with a bad canary": {tag: "late", hangs: true, outcome: engine.RolledBack, first: []string{"UpdateRoute", "DeleteStack"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "journal.db")
			synctest.Test(t, func(t *testing.T) {
				v := newRivals("")
				r := openRegion(t, still(v.around))
				defer r.close()
				p := r.rivals(t, path, c.tag, c.hangs)
				defer p.close(t)
				p.first.until(t, p.mine, isIn(engine.Holding, 50))
				p.journal.sever(true)
				before := v.by("first")
				ending, err := p.takeOver(t).wait(t, p.theirs)
				if err != nil || ending.Outcome != c.outcome {
					t.Fatalf("%s, %q, %v%s", ending.Outcome, wordsOf(ending), err, story(events(t, p.theirs)))
				}
				time.Sleep(time.Minute)
				for _, operation := range v.by("first")[len(before):] {
					if !slices.Contains(c.first, operation) {
						t.Errorf("the driver that is cut off calls %s", operation)
					}
				}
				p.leaves(t, c.outcome == engine.RolledBack)
				counts := map[string]int{}
				for _, operation := range append(v.by("first"), v.by("second")...) {
					counts[operation]++
				}
				if c.all != nil && !maps.Equal(counts, c.all) {
					t.Errorf("both together made the calls %v, want %v", counts, c.all)
				}
				judgeJournal(t, events(t, p.theirs))
				judgeDrivers(t, events(t, p.theirs))
				served := map[engine.Outcome]string{engine.Succeeded: canarySha, engine.RolledBack: p.w.stable}[c.outcome]
				if route := p.w.route(); len(route.Targets) != 1 || route.Weight(served) == 0 || !p.w.serves(t.Context(), served) {
					t.Errorf("the route is %v%s", route.Targets, story(events(t, p.theirs)))
				}
			})
		})
	}
}

// pair are two drivers of one rollout, each with the journal's file open for itself.
type pair struct {
	region       *region
	mine, theirs *disk
	journal      *severed
	first        *run
	second       *run
	w            *witness
	// heard is what the first has warned of.
	heard heard
	// tell is told every event of the second; it may be nil.
	tell func(engine.Event)
}

// rivals has the first of two drivers begin a rollout.
func (r *region) rivals(t *testing.T, path, tag string, hangs bool) *pair {
	t.Helper()
	p := &pair{region: r, mine: openOnDisk(t, path), theirs: openOnDisk(t, path)}
	p.journal = &severed{Journal: p.mine, hangs: hangs}
	spec := r.specOf(t, "yelb-appserver", tag, "WaitTime=60")
	p.w = &witness{region: r, service: spec.Service()}
	p.w.stable = stableOf(p.w.route())
	p.first = r.prepareAs(t, "first", p.journal, r.begin(t, p.mine, spec, false))
	p.first.Latest, p.first.Warn = engine.NewLatest[engine.Snapshot](), p.heard.warn
	p.first.start()
	return p
}

// prepareAs has a driver ready to start whose calls have its name.
func (r *region) prepareAs(t *testing.T, name string, log engine.Journal, lease engine.Lease) *run {
	t.Helper()
	at := r.prepare(log, lease)
	at.Ports = r.connectBy(t, named{r.transport(), name}).Ports("")
	return at
}

// takeOver has the second driver take over, and drive.
func (p *pair) takeOver(t *testing.T, commands ...engine.CommandKind) *run {
	t.Helper()
	lease, err := engine.TakeOver(t.Context(), p.theirs, headerOf(t, p.theirs), engine.Driver{Actor: "lee", Place: "trial 2", Unattended: true}, engine.LeaseTime)
	if err != nil {
		t.Fatal(err)
	}
	p.second = p.region.prepareAs(t, "second", p.theirs, lease)
	if tell := p.tell; tell != nil {
		p.second.OnEvent = func(event engine.Event, _ *engine.Rollout) { tell(event) }
	}
	for _, kind := range commands {
		p.second.Post(ask(kind))
	}
	p.second.start()
	return p.second
}

// leaves heals the partition; the first driver finds that another one drives, unless it has
// rolled back meanwhile, said what it could not record, and left.
func (p *pair) leaves(t *testing.T, mayHaveRolledBack bool) {
	t.Helper()
	p.journal.sever(false)
	healed := time.Now()
	ending, err := p.first.wait(t, p.mine)
	if mayHaveRolledBack && err == nil {
		if ending.Outcome != engine.RolledBack || !strings.Contains(p.heard.all(), "not recorded: rollback_started") {
			t.Errorf("the first driver ends with %s, and has said %s", ending.Outcome, p.heard.all())
		}
		return
	}
	if !errors.Is(err, engine.ErrStale) && !errors.Is(err, engine.ErrLeaseLost) || !strings.Contains(err.Error(), "this driver leaves") {
		t.Errorf("the first driver ends with %v", err)
	}
	if took := time.Since(healed); took > time.Minute {
		t.Errorf("it leaves %s after its journal was there again", took)
	}
}

func (p *pair) close(t *testing.T) {
	t.Helper()
	for _, driver := range []*run{p.first, p.second} {
		if driver != nil {
			driver.kill()
			<-driver.done
		}
	}
	p.mine.close(t)
	p.theirs.close(t)
}

// TestAWriteThatArrivesLate has a driver end in the middle of the route's first write, which
// arrives only when another driver has taken over and rolls back: AWS cannot be asked to
// refuse it. Whenever that is, the traffic ends on stable; or the rollout is stuck, says
// where the traffic is, and goes back when it is gone on with.
func TestAWriteThatArrivesLate(t *testing.T) {
	for _, kind := range []engine.EventKind{
		engine.KindDriverTook, engine.KindRollbackStarted, engine.KindTrafficReturned,
		engine.KindRemovalIntended, engine.KindRemovalRequested, engine.KindRemoved,
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "journal.db")
			synctest.Test(t, func(t *testing.T) {
				v := newRivals("first")
				r := openRegion(t, still(v.around))
				defer r.close()
				p := r.rivals(t, path, "fixed", false)
				defer p.close(t)
				land := sync.OnceFunc(func() { close(v.released) })
				defer land()
				<-v.stalled
				p.journal.sever(true)
				p.first.kill() // its call is under way, and nothing else of it ever will be
				p.tell = func(event engine.Event) {
					if event.Body.Kind() == kind {
						land()
					}
				}
				ending, err := p.takeOver(t, engine.RollBack).wait(t, p.theirs)
				if err != nil {
					t.Fatal(err)
				}
				if words := wordsOf(ending); ending.Outcome == engine.StuckOutcome {
					for _, want := range []string{"someone else changed the route after the traffic had been moved", canarySha + " 50", "--resume"} {
						if !strings.Contains(words, want) {
							t.Errorf("it is stuck and says %q, want %q", words, want)
						}
					}
					ending = r.rollBack(t, p.theirs)
				}
				if route := p.w.route(); ending.Outcome != engine.RolledBack || len(route.Targets) != 1 || route.Weight(p.w.stable) == 0 {
					t.Errorf("it ends with %s, and the route is %v%s", ending.Outcome, route.Targets, story(events(t, p.theirs)))
				}
				if got := v.by("first"); !slices.Equal(got, []string{"CreateStack", "UpdateRoute"}) {
					t.Errorf("the first driver made the calls %v", got)
				}
				judgeDrivers(t, events(t, p.theirs))
			})
		})
	}
}
