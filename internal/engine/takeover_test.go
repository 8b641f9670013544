package engine_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
)

// TestOnlyADriverThatIsGoneIsReplaced: who knows that one driver is gone knows nothing of
// the one that took over meanwhile, and who waits for a sign of life sees every one.
func TestOnlyADriverThatIsGoneIsReplaced(t *testing.T) {
	lee, sam := engine.Driver{Actor: "lee", Place: "p2"}, engine.Driver{Actor: "sam", Place: "p3"}
	for name, test := range map[string]struct {
		meanwhile func(t *testing.T, log engine.Journal, held engine.Lease) error
		ttl       time.Duration
		driver    string
	}{
		"gone":                         {ttl: 0},
		"silent":                       {ttl: engine.LeaseTime},
		"taken over before the look":   {claimedBy(sam, 0), 0, "p3 (sam)"},
		"taken over, and to be waited": {claimedBy(sam, 0), engine.LeaseTime, "p3 (sam)"},
		"taken over while it waits":    {claimedBy(sam, time.Second), engine.LeaseTime, "p3 (sam)"},
		"alive":                        {beaten, engine.LeaseTime, "p1 (kim)"},
		"let go":                       {released, engine.LeaseTime, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := journal.NewMemory()
				key := engine.Key{Account: "1", Service: "app"}
				held, err := log.Begin(t.Context(), "r1", engine.Driver{Actor: "kim", Place: "p1"}, engine.Event{
					At: time.Now(), Body: &engine.Started{ID: "r1", Key: key},
				})
				if err != nil {
					t.Fatal(err)
				}
				header, err := log.Current(t.Context(), key)
				if err != nil {
					t.Fatal(err)
				}
				if test.meanwhile != nil {
					if err := test.meanwhile(t, log, held); err != nil {
						t.Fatal(err)
					}
				}
				lease, err := engine.TakeOver(t.Context(), log, header, lee, test.ttl)
				if test.driver == "" {
					if err != nil || lease.Driver != lee {
						t.Errorf("%+v, %v", lease, err)
					}
					return
				}
				if open, is := errors.AsType[*engine.OpenError](err); !is || !strings.Contains(open.Error(), "driven by "+test.driver) {
					t.Errorf("%+v, %v", lease, err)
				}
			})
		})
	}
}

// TestWhatHasEndedIsNotTakenOver: who waits for a sign of life sees a rollout end, by the
// driver that it waits for, or by one that took over from that one.
func TestWhatHasEndedIsNotTakenOver(t *testing.T) {
	for _, by := range []string{"kim", "sue"} {
		t.Run(by, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := journal.NewMemory()
				key := engine.Key{Account: "1", Service: "app"}
				held, err := log.Begin(t.Context(), "r1", engine.Driver{Actor: "kim"}, engine.Event{At: time.Now(), Body: &engine.Started{ID: "r1", Key: key}})
				if err != nil {
					t.Fatal(err)
				}
				header, err := log.Current(t.Context(), key)
				if err != nil {
					t.Fatal(err)
				}
				time.AfterFunc(time.Second, func() { endedBy(t, log, held, engine.Driver{Actor: by}) })
				_, err = engine.TakeOver(t.Context(), log, header, engine.Driver{Actor: "lee"}, engine.LeaseTime)
				if !errors.Is(err, engine.ErrOver) || !strings.Contains(err.Error(), by+" ended it meanwhile") {
					t.Errorf("%v", err)
				}
				if left, err := log.Lease(t.Context(), "r1"); err != nil || !left.Free {
					t.Errorf("%+v, %v", left, err)
				}
			})
		})
	}
}

// endedBy has a driver end a rollout and let go of it, after taking it over where another
// one holds it.
func endedBy(t *testing.T, log engine.Journal, held engine.Lease, driver engine.Driver) {
	t.Helper()
	var err error
	if held.Driver != driver {
		if held, err = log.Claim(t.Context(), held, driver); err != nil {
			t.Error(err)
		}
	}
	events := []engine.Event{
		{Seq: 2, At: time.Now(), Body: &engine.DriverTook{Driver: driver, Fence: held.Fence}},
		{Seq: 3, At: time.Now(), Body: &engine.Finished{Outcome: engine.Succeeded}},
	}
	if err := errors.Join(log.Append(t.Context(), "r1", 1, events), log.Release(t.Context(), held)); err != nil {
		t.Error(err)
	}
}

// claimedBy has someone else take a lease over, at once or after a time.
func claimedBy(driver engine.Driver, after time.Duration) func(*testing.T, engine.Journal, engine.Lease) error {
	return func(t *testing.T, log engine.Journal, held engine.Lease) error {
		t.Helper()
		claim := func() error {
			_, err := log.Claim(t.Context(), held, driver)
			return err
		}
		if after == 0 {
			return claim()
		}
		time.AfterFunc(after, func() {
			if err := claim(); err != nil {
				t.Error(err)
			}
		})
		return nil
	}
}

// beaten has the driver give a sign of life within its lease's time.
func beaten(t *testing.T, log engine.Journal, held engine.Lease) error {
	t.Helper()
	time.AfterFunc(engine.LeaseTime/3, func() {
		if _, err := log.Beat(t.Context(), held); err != nil {
			t.Error(err)
		}
	})
	return nil
}

// released has the driver let go of its lease.
func released(t *testing.T, log engine.Journal, held engine.Lease) error {
	t.Helper()
	return log.Release(t.Context(), held)
}
