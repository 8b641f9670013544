package trials

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
)

// TestTwoDriversAtOnce has a second process take the lease of a driver that lives, with
// a journal on a file that both have open: one of them leaves, and AWS ends as if there
// had been one. A second rollout of the service is refused and told who drives.
func TestTwoDriversAtOnce(t *testing.T) {
	for name, tag := range map[string]string{"success": "fixed", "roll back": "late"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "journal.db")
			synctest.Test(t, func(t *testing.T) {
				r := openRegion(t, lively(nil))
				defer r.close()
				twoDrivers(t, r, tag, path)
			})
		})
	}
}

func twoDrivers(t *testing.T, r *region, tag, path string) {
	t.Helper()
	mine, theirs := openOnDisk(t, path), openOnDisk(t, path)
	defer mine.close(t)
	defer theirs.close(t)
	spec := r.specOf(t, "yelb-appserver", tag, "WaitTime=60")
	w := &witness{region: r, service: spec.Service()}
	w.stable = stableOf(w.route())
	first := r.prepare(mine, r.begin(t, mine, spec, false))
	defer first.kill()
	first.Latest = engine.NewLatest[engine.Snapshot]()
	first.start()
	first.until(t, mine, isIn(engine.Holding, 50))

	_, err := r.tryToBegin(t, theirs, spec, false)
	if refusal, is := errors.AsType[*engine.Refusal](err); !is || !strings.Contains(refusal.Error(), "on the route already") {
		t.Errorf("a second rollout of the version: %v", err)
	}
	header, err := theirs.Current(t.Context(), r.key("yelb-appserver"))
	if err != nil || header.Lease.Driver.Actor != "kim" {
		t.Fatalf("%+v, %v", header, err)
	}
	begun := *events(t, mine)[0].Body.(*engine.Started)
	begun.ID = "r2"
	_, err = theirs.Begin(t.Context(), "r2", engine.Driver{Actor: "lee"}, engine.Event{At: time.Now(), Body: &begun})
	if open, is := errors.AsType[*engine.OpenError](err); !is || !strings.Contains(open.Error(), "driven by trial (kim)") {
		t.Errorf("a second rollout: %v", err)
	}

	lease, err := theirs.Claim(t.Context(), header.Lease, engine.Driver{Actor: "lee", Place: "trial 2", Unattended: true})
	if err != nil {
		t.Fatal(err)
	}
	second := r.drive(theirs, lease)
	defer second.kill()
	if _, err := first.wait(t, mine); !errors.Is(err, engine.ErrStale) && !errors.Is(err, engine.ErrLeaseLost) || !strings.Contains(err.Error(), "this driver leaves") {
		t.Errorf("the first driver ends with %v", err)
	}
	ending, err := second.wait(t, theirs)
	want := map[string]engine.Outcome{"fixed": engine.Succeeded, "late": engine.RolledBack}[tag]
	if err != nil || ending.Outcome != want {
		t.Fatalf("%s, %q, %v%s", ending.Outcome, wordsOf(ending), err, story(events(t, theirs)))
	}
	judgeJournal(t, events(t, theirs))
	served := map[engine.Outcome]string{engine.Succeeded: canarySha, engine.RolledBack: w.stable}[want]
	if route := w.route(); len(route.Targets) != 1 || route.Weight(served) == 0 || !w.serves(t.Context(), served) {
		t.Errorf("the route is %v%s", route.Targets, story(events(t, theirs)))
	}
}
