package trials

import (
	"context"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"modernc.org/sqlite"

	"serin/internal/engine"
	"serin/internal/journal"
)

// disk is a journal on a file, with a disk that can fill up under it, or be made
// read-only.
type disk struct {
	engine.Journal
	path string
	// mu keeps the test's hand on the connection apart from the journal's calls. Those share
	// it: they may wait for one another in virtual time, which stands still while anybody
	// waits for a lock.
	mu     sync.RWMutex
	writer sqlite.ExecQuerierContext
}

// writers are the connections that journals write with, by the name of their file.
var writers sync.Map

// watchWriters has the driver of SQLite tell which connection writes to which file. It is
// called before the tests: the driver looks at its hooks whoever opens a file.
func watchWriters() {
	sqlite.RegisterConnectionHook(func(connection sqlite.ExecQuerierContext, dsn string) error {
		if file, query, _ := strings.Cut(dsn, "?"); strings.Contains(query, "_txlock=immediate") {
			writers.Store(strings.TrimPrefix(file, "file:"), connection)
		}
		return nil
	})
}

func openOnDisk(t *testing.T, path string) *disk {
	t.Helper()
	file, err := journal.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	writer, found := writers.Load(path)
	if !found {
		t.Fatalf("nobody writes to %s", path)
	}
	return &disk{Journal: file, path: path, writer: writer.(sqlite.ExecQuerierContext)}
}

func (d *disk) close(t *testing.T) {
	t.Helper()
	if err := d.Journal.(*journal.SQLite).Close(); err != nil {
		t.Error(err)
	}
}

// set changes a setting of the connection that writes.
func (d *disk) set(t *testing.T, pragma string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.writer.ExecContext(t.Context(), "PRAGMA "+pragma, nil); err != nil {
		t.Fatal(err)
	}
}

// Append writes events, while nobody has a hand on the disk.
func (d *disk) Append(ctx context.Context, id string, after int64, events []engine.Event) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.Journal.Append(ctx, id, after, events)
}

// Beat gives a sign of life.
func (d *disk) Beat(ctx context.Context, lease engine.Lease) (engine.Lease, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.Journal.Beat(ctx, lease)
}

// Claim takes a lease.
func (d *disk) Claim(ctx context.Context, seen engine.Lease, driver engine.Driver) (engine.Lease, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.Journal.Claim(ctx, seen, driver)
}

// Release lets go of a lease.
func (d *disk) Release(ctx context.Context, lease engine.Lease) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.Journal.Release(ctx, lease)
}

// trouble is what a disk can do to a journal: its begin, and its end, where it has one.
type trouble struct {
	begin func(t *testing.T, d *disk) (end func())
	// unreadable is true where nobody can read what the journal has.
	unreadable bool
	// words are what the driver must say.
	words []string
}

// setting is a trouble of the connection that writes.
func setting(begin, end string, words ...string) trouble {
	return trouble{words: words, begin: func(t *testing.T, d *disk) func() {
		t.Helper()
		d.set(t, begin)
		return func() { d.set(t, end) }
	}}
}

// troubles are those of https://sqlite.org/pragma.html: a file that may have no page
// more than it has, a connection that may not write, and one that finds the table of
// events on a page that is not there. The others are those of the files.
func troubles() map[string]trouble {
	move := func(by string) string {
		return "writable_schema = 1; UPDATE sqlite_schema SET rootpage = rootpage " + by + " WHERE name = 'events'; PRAGMA writable_schema = RESET"
	}
	all := map[string]trouble{
		"a page is lost": setting(move("+ 100000"), move("- 100000"), damagedWords()...),
		"full":           setting("max_page_count = 1", "max_page_count = 4294967294", "the disk is full", "make room, or give a file on another disk with --journal"),
		"read-only":      setting("query_only = 1", "query_only = 0", "it cannot be written", "make the file and its directory writable"),
	}
	maps.Copy(all, troublesOfFiles())
	return all
}

// heard is what a driver has warned of.
type heard struct {
	mu    sync.Mutex
	words []string
}

func (h *heard) warn(words string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.words = append(h.words, words)
}

func (h *heard) all() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.words, "\n")
}

// troubled is a rollout at half of the traffic whose journal cannot be written.
type troubled struct {
	trouble
	heard
	*run
	disk *disk
	w    *witness
	// end ends the trouble.
	end func()
}

// eachTrouble runs a test with every trouble, begun in the hold at half of the traffic.
func eachTrouble(t *testing.T, tag string, test func(t *testing.T, d *troubled)) {
	t.Helper()
	for name, trouble := range troubles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "journal.db")
			synctest.Test(t, func(t *testing.T) {
				r := openRegion(t, still(nil))
				defer r.close()
				d := &troubled{trouble: trouble, disk: openOnDisk(t, path)}
				defer d.disk.close(t)
				d.drive(t, r, tag)
				defer d.kill()
				test(t, d)
			})
		})
	}
}

func (d *troubled) drive(t *testing.T, r *region, tag string) {
	t.Helper()
	spec := r.specOf(t, "yelb-appserver", tag, "WaitTime=300", "ProgressDeadline=600")
	d.w = &witness{region: r, service: spec.Service()}
	d.w.stable = stableOf(d.w.route())
	d.run = r.prepare(d.disk, r.begin(t, d.disk, spec, false))
	d.Warn, d.Latest = d.warn, engine.NewLatest[engine.Snapshot]()
	d.start()
	d.until(t, d.disk, isIn(engine.Holding, 50))
	d.end = d.begin(t, d.disk)
}

// speaks checks that the driver has said what is wrong with which file, and what to do.
func (d *troubled) speaks(t *testing.T) {
	t.Helper()
	for _, want := range append([]string{d.disk.path, "the journal cannot be written", "nothing moves but a roll back"}, d.trouble.words...) {
		if !strings.Contains(d.all(), want) {
			t.Errorf("it says nothing of %q:\n%s", want, d.all())
		}
	}
}

func (d *troubled) ends(t *testing.T, want engine.Outcome) engine.Ending {
	t.Helper()
	ending, err := d.wait(t, d.disk)
	if err != nil || ending.Outcome != want {
		t.Fatalf("it ends with %s, %q, %v%s", ending.Outcome, wordsOf(ending), err, story(events(t, d.disk)))
	}
	return ending
}

// TestJournalOutOfOrder: nothing is done that is not recorded, it is said, and when the
// journal can be written again the rollout goes on where it was.
func TestJournalOutOfOrder(t *testing.T) {
	eachTrouble(t, "fixed", func(t *testing.T, d *troubled) {
		t.Helper()
		before := d.w.route()
		time.Sleep(8 * time.Minute)
		d.speaks(t)
		if after := d.w.route(); after.Revision != before.Revision {
			t.Errorf("the route is %v, before %v", after.Targets, before.Targets)
		}
		snapshot, _ := d.Latest.Get()
		if !d.unreadable {
			if last := engine.Fold(events(t, d.disk)); last.Seq != snapshot.Rollout.Seq || last.Actual.Canary != 50 || last.Phase != engine.Holding {
				t.Errorf("the journal ends with event %d in %s, the driver with %d", last.Seq, last.Phase, snapshot.Rollout.Seq)
			}
		}
		d.end()
		ending := d.ends(t, engine.Succeeded)
		if seen := ending.Rollout.Verdict.Canary.Requests; seen == 0 {
			t.Errorf("it succeeded by %+v", ending.Rollout.Verdict)
		}
		judgeJournal(t, events(t, d.disk))
	})
}

// TestJournalOutOfOrderAndARollBack: the traffic moves, and what could not be recorded
// is said, and recorded as soon as it can be.
func TestJournalOutOfOrderAndARollBack(t *testing.T) {
	eachTrouble(t, "fixed", func(t *testing.T, d *troubled) {
		t.Helper()
		time.Sleep(4 * time.Minute)
		asked := time.Now()
		d.Post(ask(engine.RollBack))
		d.until(t, d.disk, func(s engine.Snapshot) bool { return s.Rollout.Phase == engine.Removing })
		if route := d.w.route(); route.Weight(d.w.stable) == 0 || route.Names(canarySha) || time.Since(asked) > 15*time.Second {
			t.Errorf("%s after it was asked for, the route is %v", time.Since(asked), route.Targets)
		}
		d.speaks(t)
		for _, kind := range []engine.EventKind{engine.KindCommandTaken, engine.KindRollbackStarted, engine.KindWeightsIntended} {
			if !strings.Contains(d.all(), "not recorded: "+string(kind)) {
				t.Errorf("it does not say that %s is not recorded:\n%s", kind, d.all())
			}
		}
		d.end()
		d.ends(t, engine.RolledBack)
		all := events(t, d.disk)
		if end := engine.Fold(all); end.Outcome != engine.RolledBack || end.Cause.By != ask(engine.RollBack).By {
			t.Errorf("the journal ends with %q, %+v%s", end.Outcome, end.Cause, story(all))
		}
		judgeJournal(t, all)
	})
}

// TestJournalOutOfOrderToTheEnd: a canary that goes bad is rolled back without a journal.
// The next driver finds a route that it does not know, and asks.
func TestJournalOutOfOrderToTheEnd(t *testing.T) {
	eachTrouble(t, "late", func(t *testing.T, d *troubled) {
		t.Helper()
		ending := d.ends(t, engine.RolledBack)
		if ending.Cause != engine.ByVerdict || !strings.Contains(ending.Reason, "5xx") {
			t.Errorf("by %s: %s", ending.Cause, ending.Reason)
		}
		if route := d.w.route(); len(route.Targets) != 1 || route.Weight(d.w.stable) == 0 {
			t.Errorf("the route is %v", route.Targets)
		}
		d.speaks(t)
		if !strings.Contains(d.all(), "not recorded: "+string(engine.KindFinished)) {
			t.Errorf("it does not say that its end is not recorded:\n%s", d.all())
		}
		d.end()
		next, err := d.w.region.succeed(t, d.disk)
		if err != nil || next.Outcome != engine.RolledBack && next.Outcome != engine.Held {
			t.Fatalf("the next driver ends with %s, %q, %v%s", next.Outcome, wordsOf(next), err, story(events(t, d.disk)))
		}
		if route := d.w.route(); len(route.Targets) != 1 || route.Weight(d.w.stable) == 0 {
			t.Errorf("after the next driver the route is %v", route.Targets)
		}
	})
}
