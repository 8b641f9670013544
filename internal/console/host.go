package console

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"serin/internal/engine"
	"serin/internal/ui/scene"
)

// callsAtOnce is how many services are looked at at the same time.
const callsAtOnce = 4

// Host makes the scenes of one environment and takes what the operator asks. Observe
// keeps them new; Close ends the rollouts that are driven.
type Host struct {
	Options
	latest *engine.Latest[scene.Scene]
	// calls is a place for each service that is being looked at.
	calls chan struct{}
	// metricsWake tells that there may be more to ask the metrics, healthWake of the tasks.
	metricsWake, healthWake chan struct{}

	// driving ends with leave: every drive runs under it.
	driving context.Context //nolint:containedctx // drives outlive the call that starts them
	leave   context.CancelCauseFunc
	drives  sync.WaitGroup
	// upkeep is what the drives share.
	upkeep *engine.Upkeep

	mu sync.Mutex
	// closed is true once Close was called: nothing is begun from then on.
	closed bool
	// listed is true once the services were read.
	listed       bool
	services     map[string]*watched
	tracks       map[string]*track
	endings      map[string]ended
	faults       map[string]scene.Fault
	journalFault string
	// journalRead is true once the open rollouts of the journal are known.
	journalRead bool
}

var _ scene.Host = (*Host)(nil)

// New is a host that knows nothing yet.
func New(options Options) *Host {
	h := &Host{
		Options: options.completed(), latest: engine.NewLatest[scene.Scene](),
		calls: make(chan struct{}, callsAtOnce), metricsWake: make(chan struct{}, 1),
		healthWake: make(chan struct{}, 1),
		services:   map[string]*watched{}, tracks: map[string]*track{},
		endings: map[string]ended{}, faults: map[string]scene.Fault{},
	}
	h.driving, h.leave = context.WithCancelCause(context.Background())
	h.upkeep = engine.NewUpkeep(h.Journal)
	h.latest.Put(h.compose())
	return h
}

// Observe keeps the scenes new until ctx ends. It is called once.
func (h *Host) Observe(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() { h.keepServices(ctx) })
	group.Go(func() { h.keepHealth(ctx) })
	group.Go(func() { h.keepResponses(ctx) })
	group.Go(func() { h.followJournal(ctx) })
	group.Wait()
}

// Close leaves every rollout that this process drives, at once, and returns when all are
// left. Those that are over are not touched; the others are open, and their journals whole.
// Nothing is begun or asked from then on; a rollout that is being begun is let go of. It may
// be called more than once.
func (h *Host) Close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.leave(errClosed)
	h.drives.Wait()
}

// goes has Close wait for something that is begun now; false when Close was called. It is
// called with the lock held.
func (h *Host) goes(do func()) bool {
	if h.closed {
		return false
	}
	h.drives.Go(do)
	return true
}

// enter has Close wait until exit is called, and ends the context with the host; the
// error is for one that is closed.
func (h *Host) enter(ctx context.Context) (within context.Context, exit func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, nil, errClosing
	}
	h.drives.Add(1)
	within, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(h.driving, func() { cancel(errClosing) })
	return within, func() {
		stop()
		cancel(nil)
		h.drives.Done()
	}, nil
}

// Scene implements scene.Host.
func (h *Host) Scene() (scene.Scene, <-chan struct{}) { return h.latest.Get() }

// change changes what is known, and makes a new scene if anything did change.
func (h *Host) change(do func() bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if do() {
		h.latest.Put(h.compose())
	}
}

// compose is the scene of what is known. What it holds is replaced, never changed, by
// later changes.
func (h *Host) compose() scene.Scene {
	now := h.Now()
	made := scene.Scene{
		At: now, Environment: h.Where.Environment, Region: h.Where.Region, Account: h.Where.Account,
		Caller: h.Driver.Actor, Page: h.Page, Endpoint: h.Endpoint, Alone: h.Alone, Faults: maps.Clone(h.faults), JournalFault: h.journalFault,
	}
	names := map[string]bool{}
	for name := range h.services {
		names[name] = true
	}
	for name := range h.tracks {
		names[name] = true
	}
	if h.listed || len(names) > 0 {
		made.Services = make([]scene.Service, 0, len(names))
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		made.Services = append(made.Services, h.composeService(name, now))
	}
	return made
}

func (h *Host) composeService(name string, now time.Time) scene.Service {
	made := scene.Service{Name: name}
	w, t := h.services[name], h.tracks[name]
	if w != nil {
		w.shownAt = now
		made.Protocol, made.Route, made.Deployed, made.Fault = w.service.Protocol, w.route, w.deployed, w.fault
		if made.Fault.Message == "" {
			made.Fault = w.sick
		}
		made.Health, made.Responses = w.health, w.responses
		made.Period, made.Delay, made.Last = w.period(), w.delay(), w.last
	}
	if t == nil {
		made.NoRollout = h.journalRead && h.journalFault == ""
		return made
	}
	made.Rollout = t.shown(w, h.isCounted(t))
	if w == nil {
		spec := t.rollout.Spec
		made.Protocol, made.Responses = spec.Protocol, t.rollout.Responses
		made.Period, made.Delay = seconds(spec.MetricPeriod), seconds(spec.MetricDelay)
	}
	withNewer(&made, made.Rollout.Evidence)
	return made
}

// withNewer puts what a rollout's driver read over what was observed, where it is newer.
func withNewer(made *scene.Service, evidence engine.Evidence) {
	if evidence.Route != nil && evidence.Route.ReadAt.After(made.Route.ReadAt) {
		made.Route = *evidence.Route
	}
	cloned := false
	for sha, health := range evidence.Tasks {
		if !health.ReadAt.After(made.Health[sha].ReadAt) {
			continue
		}
		if !cloned {
			made.Health, cloned = maps.Clone(made.Health), true
		}
		if made.Health == nil {
			made.Health = map[string]engine.TaskHealth{}
		}
		made.Health[sha] = health
	}
}

// noteFault notes whether a reading of the environment fails; it tells whether that is
// news. It is called within change.
func (h *Host) noteFault(what string, err error) bool {
	before, failing := h.faults[what]
	if err == nil {
		delete(h.faults, what)
		return failing
	}
	fault := faultOf(err, before, h.Now())
	h.faults[what] = fault
	return fault != before
}

// noteUndone is noteFault for what was to be done, and was not.
func (h *Host) noteUndone(what string, err error) bool {
	before := h.faults[what]
	news := h.noteFault(what, err)
	if fault, failing := h.faults[what]; failing {
		fault.Undone = true
		h.faults[what] = fault
		return fault != before
	}
	return news
}

// faultOf is the fault of an error; it lasts since the one before it, if there was one.
func faultOf(err error, before scene.Fault, now time.Time) scene.Fault {
	fault := scene.Fault{Message: err.Error(), Hint: engine.HintOf(err), Since: now}
	if !before.Since.IsZero() {
		fault.Since = before.Since
	}
	return fault
}

// retryAfter is the pause before what failed so often is tried again: 1 s, doubled up to
// 30 s, as the engine does.
func retryAfter(failures int) time.Duration {
	return min(time.Second<<min(max(failures-1, 0), 5), 30*time.Second)
}

// rest waits for a while, or until it is woken; false when ctx has ended.
func rest(ctx context.Context, pause time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(max(pause, 0))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-wake:
	}
	return ctx.Err() == nil
}

// nudge wakes whoever rests on a channel with one place.
func nudge(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
