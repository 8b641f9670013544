package console

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/aws"
	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/ui/scene"
)

var _ Fleet = (*aws.Tasks)(nil)

// shaky is a journal of which some calls fail for a while, or wait until they are let on.
type shaky struct {
	*journal.Memory
	// mu guards what fails, by the name of the call.
	mu   sync.Mutex
	down map[string]bool
	// begins is awaited by Begin; nil is not.
	begins chan struct{}
}

func newShaky() *shaky { return &shaky{Memory: journal.NewMemory(), down: map[string]bool{}} }

var errDisk = errors.New("disk on fire")

func (s *shaky) set(down bool, calls ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, call := range calls {
		s.down[call] = down
	}
}

func (s *shaky) fails(call string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down[call] {
		return errDisk
	}
	return nil
}

func (s *shaky) Begin(ctx context.Context, id string, driver engine.Driver, first engine.Event) (engine.Lease, error) {
	if s.begins != nil {
		<-s.begins
	}
	return s.Memory.Begin(ctx, id, driver, first)
}

func (s *shaky) Append(ctx context.Context, id string, after int64, events []engine.Event) error {
	if err := s.fails("append"); err != nil {
		return err
	}
	return s.Memory.Append(ctx, id, after, events)
}

func (s *shaky) Events(ctx context.Context, id string, after int64) ([]engine.Event, error) {
	if err := s.fails("events"); err != nil {
		return nil, err
	}
	return s.Memory.Events(ctx, id, after)
}

func (s *shaky) Release(ctx context.Context, lease engine.Lease) error {
	if err := s.fails("release"); err != nil {
		return err
	}
	return s.Memory.Release(ctx, lease)
}

// onShaky runs a test on a sandbox whose journal can be spoilt, with a rollout that holds.
func onShaky(t *testing.T, test func(t *testing.T, l *live, log *shaky)) {
	t.Helper()
	log := newShaky()
	onHolding(t, log, func(t *testing.T, l *live) {
		t.Helper()
		test(t, l, log)
	})
}

// said is what is said of the driving of the rollout.
func (l *live) said() string {
	shown, _ := l.Scene()
	return shown.Faults[driving(appserver)].Message
}

func TestAClosedHostBeginsNothing(t *testing.T) {
	w, log := newWorld(), journal.NewMemory()
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		lease := foreign(t, log, "r1")
		after(2 * time.Second)
		h.Close()
		for what, err := range map[string]error{
			"deploy":    h.Deploy(t.Context(), scene.Order{Service: "cart", Image: "cart:2"}),
			"post":      h.Post("cart", engine.Command{Kind: engine.RollBack}),
			"take over": h.TakeOver(t.Context(), "cart"),
		} {
			if !errors.Is(err, errClosing) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if mail, err := log.Commands(t.Context(), "r1", 0); err != nil || len(mail) > 0 {
			t.Errorf("it asked %v, %v", mail, err)
		}
		// What was claimed for it is let go of.
		if err := h.Drive(t.Context(), lease, ""); !errors.Is(err, errClosing) {
			t.Errorf("drive: %v", err)
		}
		if now, err := log.Lease(t.Context(), "r1"); err != nil || !now.Free {
			t.Errorf("the lease is %+v, %v", now, err)
		}
	})
}

// A rollout that is being begun when the host is closed is let go of, and Close waits for
// that.
func TestARolloutThatBeginsTooLateIsLetGoOf(t *testing.T) {
	log := newShaky()
	onSandbox(t, func(o *Options) { o.Journal, log.begins = log, make(chan struct{}) }, func(t *testing.T, l *live) {
		t.Helper()
		deployed := make(chan error, 1)
		go func() {
			deployed <- l.Deploy(t.Context(), scene.Order{Service: appserver, Image: appserver + ":fixed"})
		}()
		after(5 * time.Second)
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			l.Close()
		}()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("it is closed, and a rollout is being begun")
		default:
		}
		close(log.begins)
		if err := <-deployed; !errors.Is(err, errClosing) || !strings.Contains(err.Error(), "nobody drives it") {
			t.Errorf("it says %v", err)
		}
		<-closed
		headers, err := log.Rollouts(t.Context(), l.Where, 0)
		if err != nil || len(headers) != 1 || !headers[0].Lease.Free || headers[0].LastSeq != 1 {
			t.Errorf("%+v, %v", headers, err)
		}
	})
}

// What keeps a driver from its journal is said as long as it does.
func TestAJournalThatRecoversIsNotComplainedOf(t *testing.T) {
	onShaky(t, func(t *testing.T, l *live, log *shaky) {
		t.Helper()
		log.set(true, "append")
		after(30 * time.Second)
		if said := l.said(); !strings.Contains(said, "disk on fire") || !strings.Contains(said, "nothing moves but a roll back") {
			t.Errorf("it says %q", said)
		}
		log.set(false, "append")
		after(40 * time.Second)
		if said := l.said(); said != "" {
			t.Errorf("the journal can be written, and it says %q", said)
		}
	})
}

// What an operator must know of a drive that is over stays.
func TestALeaseThatIsKeptIsSaid(t *testing.T) {
	onShaky(t, func(t *testing.T, l *live, log *shaky) {
		t.Helper()
		log.set(true, "release")
		if err := l.Post(appserver, engine.Command{Kind: engine.LetGoOfIt}); err != nil {
			t.Fatal(err)
		}
		l.until(t, "it is let go of", func(s scene.Service) bool { return !s.Rollout.Mine })
		after(10 * time.Second)
		if said := l.said(); !strings.Contains(said, "could not let go") || !strings.Contains(said, "it can be taken over in 9s") {
			t.Errorf("it says %q", said)
		}
	})
}

// rolledBackUnrecorded rolls back while the journal takes nothing.
func (l *live) rolledBackUnrecorded(t *testing.T, log *shaky) scene.Service {
	t.Helper()
	log.set(true, "append")
	if err := l.Post(appserver, engine.Command{Kind: engine.RollBack, Reason: "enough"}); err != nil {
		t.Fatal(err)
	}
	return l.until(t, "it is rolled back", hasEnded(engine.RolledBack))
}

// A roll back whose end the journal did not take is over for its driver only, which says so
// and records it when it can.
func TestAnEndThatIsNotRecordedIsSaidAndRecordedLater(t *testing.T) {
	onShaky(t, func(t *testing.T, l *live, log *shaky) {
		t.Helper()
		end := l.rolledBackUnrecorded(t, log)
		after(5 * time.Minute)
		if said := l.said(); !strings.Contains(said, "done and not recorded") || !strings.Contains(said, "Mend the journal") {
			t.Errorf("it says %q", said)
		}
		if driven := l.Driving(); len(driven) > 0 {
			t.Errorf("whoever leaves waits for %v", driven)
		}
		other, leave := l.elsewhere(t, log.Memory)
		defer leave()
		if seen := other.appserver(t).Rollout; seen.Rollout.Outcome != "" {
			t.Errorf("the journal has the end: %s", seen.Rollout.Outcome)
		}
		log.set(false, "append")
		after(10 * time.Second)
		if said := l.said(); said != "" {
			t.Errorf("it is recorded, and it says %q", said)
		}
		other.until(t, "the end is recorded", hasEnded(engine.RolledBack))
		if ending, err, is := l.Ending(end.Rollout.Rollout.ID); !is || err != nil || ending.Unrecorded != 0 {
			t.Errorf("%+v, %v, %t", ending, err, is)
		}
	})
}

// What the journal has after a process left without having recorded the end is what is
// shown from then on.
func TestWhoLeavesBeforeTheEndIsRecordedSaysSo(t *testing.T) {
	onShaky(t, func(t *testing.T, l *live, log *shaky) {
		t.Helper()
		end := l.rolledBackUnrecorded(t, log)
		l.Close()
		ending, _, is := l.Ending(end.Rollout.Rollout.ID)
		if !is || ending.Unrecorded == 0 || !strings.Contains(ending.Missing(), "roll it back again") || !strings.Contains(l.said(), "not recorded") {
			t.Errorf("%t, %+v; it says %q", is, ending, l.said())
		}
		after(5 * time.Second)
		if seen := l.appserver(t).Rollout; seen.Rollout.Outcome != "" || !seen.Lost || len(seen.Events) != int(seen.Rollout.Seq) {
			t.Errorf("as the journal has it: %s, lost %t, %d events of %d", seen.Rollout.Outcome, seen.Lost, len(seen.Events), seen.Rollout.Seq)
		}
	})
}

// A driver that is killed while it rolls back is replaced by who presses r.
func TestARollBackThatNobodyDrivesGoesOn(t *testing.T) {
	driverless(t, func(t *testing.T, driver, other *live, log *mortal) {
		t.Helper()
		if err := driver.Post(appserver, engine.Command{Kind: engine.RollBack, Reason: "enough"}); err != nil {
			t.Fatal(err)
		}
		driver.until(t, "it rolls back", func(s scene.Service) bool { return s.Rollout.Rollout.RollingBack() })
		log.kill(driver)
		other.until(t, "its driver is lost", func(s scene.Service) bool { return s.Rollout.Lost && s.Rollout.Rollout.RollingBack() })
		if err := other.Post(appserver, engine.Command{Kind: engine.RollBack, Reason: "go on"}); err != nil {
			t.Fatal(err)
		}
		if driven := other.Driving(); len(driven) != 1 {
			t.Errorf("asked, it drives %v", driven)
		}
		end := other.until(t, "it is rolled back", hasEnded(engine.RolledBack))
		r, started, asked := end.Rollout.Rollout, 0, ""
		for _, event := range end.Rollout.Events {
			switch body := event.Body.(type) {
			case *engine.RollbackStarted:
				started++
			case *engine.CommandTaken:
				asked = body.Command.By + ": " + body.Command.Reason
			}
		}
		if r.Driver.Actor != "lee" || r.Cause.By != "kim" || started != 1 || asked != "lee: go on" {
			t.Errorf("driven by %s for %+v; started %d times; who went on is %q", r.Driver, r.Cause, started, asked)
		}
	})
}

// fleet is a world whose tasks can be read together, unless they cannot.
type fleet struct {
	*world
	calls  atomic.Int64
	broken atomic.Bool
}

func (f *fleet) HealthOf(ctx context.Context, versions map[engine.Service][]string) (map[engine.Service][]engine.TaskHealth, error) {
	f.calls.Add(1)
	if f.broken.Load() {
		return nil, errors.New("one of them")
	}
	all := map[engine.Service][]engine.TaskHealth{}
	for service, shas := range versions {
		var err error
		if all[service], err = f.Health(ctx, service, shas); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// The tasks of all services are read together; where that fails, each alone.
func TestTasksAreReadTogether(t *testing.T) {
	for _, broken := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := &fleet{world: newWorld()}
			f.broken.Store(broken)
			ports := f.ports()
			ports.Tasks = f
			h := New(Options{Ports: ports, Journal: journal.NewMemory(), Catalogue: f, Where: where(), Driver: engine.Driver{Actor: "kim"}})
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				h.Observe(ctx)
			}()
			after(slowly + slowly/2)
			shown, _ := h.Scene()
			for _, service := range shown.Services {
				if service.Health[stable].Healthy != 2 || service.Fault.Message != "" {
					t.Errorf("broken %t: %+v", broken, service)
				}
			}
			if calls := f.calls.Load(); calls != 2 {
				t.Errorf("broken %t: %d calls for two looks at two services", broken, calls)
			}
			h.Close()
			stop()
			<-done
		})
	}
}
