package console

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
	"serin/internal/ui/scene"
)

const (
	// listEvery is how often the services are listed.
	listEvery = time.Minute
	// slowly and quickly are how often a service is looked at: slowly where metrics are by
	// the minute and nothing is under way, to spare an account's API quotas.
	slowly, quickly = 30 * time.Second, 5 * time.Second
	// shownFor is how old a reading may become on the screen while each one after it finds
	// the same.
	shownFor = 30 * time.Second
)

// theList is what is read to know the services.
const theList = "the list of services"

// watched is one service as it is observed. Its maps are replaced, never changed.
type watched struct {
	service engine.Service
	// spec says how its responses are counted; nil until that is known.
	spec *engine.Spec
	// last is how its last rollout ended, before this host began.
	last      *scene.Ended
	route     engine.Route
	deployed  engine.Deployed
	health    map[string]engine.TaskHealth
	responses map[string][]analysis.Bucket
	// fault is of the route and the record, sick of the tasks.
	fault, sick scene.Fault
	// healthAt is when its tasks are due.
	healthAt time.Time
	// shownAt is when the last scene was made that has this.
	shownAt time.Time
	// wake has the service looked at now.
	wake chan struct{}
	// metricsAt is when its metrics are due, metricsRead when they were last read, and
	// asked that by sha.
	metricsAt, metricsRead time.Time
	asked                  map[string]time.Time
}

func (w *watched) period() time.Duration {
	if w.spec == nil {
		return 0
	}
	return seconds(w.spec.MetricPeriod)
}

func (w *watched) delay() time.Duration {
	if w.spec == nil {
		return 0
	}
	return seconds(w.spec.MetricDelay)
}

// keepServices lists the services and observes each, until ctx ends.
func (h *Host) keepServices(ctx context.Context) {
	var watchers sync.WaitGroup
	defer watchers.Wait()
	observed := map[string]context.CancelFunc{}
	defer func() {
		for _, stop := range observed {
			stop()
		}
	}()
	for failures := 0; ; {
		found, err := h.Catalogue.Services(ctx, h.Where.Environment)
		if ctx.Err() != nil {
			return
		}
		pause := listEvery
		if err != nil {
			failures++
			pause = retryAfter(failures)
			h.change(func() bool { return h.noteFault(theList, err) })
		} else {
			failures = 0
			h.change(func() bool { return h.takeList(found) })
			h.observeThose(ctx, &watchers, observed)
		}
		if !rest(ctx, pause, nil) {
			return
		}
	}
}

// takeList takes a new list of services in.
func (h *Host) takeList(found []engine.Service) bool {
	news := h.noteFault(theList, nil) || !h.listed
	h.listed = true
	there := map[string]bool{}
	for _, service := range found {
		there[service.Name] = true
		w, known := h.services[service.Name]
		if !known {
			w = &watched{service: service, wake: make(chan struct{}, 1), asked: map[string]time.Time{}}
			h.services[service.Name] = w
		}
		news = news || !known || w.service != service
		w.service = service
	}
	for name := range h.services {
		if !there[name] {
			delete(h.services, name)
			news = true
		}
	}
	return news
}

// observeThose observes the services that there are, and no others.
func (h *Host) observeThose(ctx context.Context, watchers *sync.WaitGroup, observed map[string]context.CancelFunc) {
	h.mu.Lock()
	there := maps.Clone(h.services)
	h.mu.Unlock()
	for name, stop := range observed {
		if _, is := there[name]; !is {
			stop()
			delete(observed, name)
		}
	}
	for name, w := range there {
		if observed[name] != nil {
			continue
		}
		its, stop := context.WithCancel(ctx)
		observed[name] = stop
		watchers.Go(func() { h.observe(its, name, w) })
	}
}

// observe looks at a service again and again.
func (h *Host) observe(ctx context.Context, name string, w *watched) {
	h.learn(ctx, name, w)
	for failures := 0; ; {
		pause := h.lookEvery(name, w)
		if err := h.look(ctx, name, w); err != nil {
			failures++
			pause = max(retryAfter(failures), min(pause, quickly))
		} else {
			failures = 0
		}
		if !rest(ctx, pause, w.wake) {
			return
		}
	}
}

// learn finds out how the last rollout of a service ended, and how its responses are
// counted: as that one did, or as its specfile says.
func (h *Host) learn(ctx context.Context, name string, w *watched) {
	var spec engine.Spec
	last, err := h.lastRollout(ctx, name)
	if err == nil {
		spec, err = h.specAfter(last, name)
	}
	h.change(func() bool {
		w.last = endOf(last)
		if w.spec != nil { // A rollout began meanwhile.
			return false
		}
		if err != nil {
			spec = plainSpec(w.service)
		}
		w.spec = &spec
		if w.service.Namespace == "" {
			w.service.Namespace = spec.Namespace
		}
		return true
	})
	nudge(h.metricsWake)
}

func (h *Host) lookEvery(name string, w *watched) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.tracks[name]
	if w.period() < time.Minute || t != nil && t.rollout.Outcome == "" {
		return quickly
	}
	return slowly
}

// look reads the route and the record of a service.
func (h *Host) look(ctx context.Context, name string, w *watched) error {
	select {
	case h.calls <- struct{}{}:
		defer func() { <-h.calls }()
	case <-ctx.Done():
		return ctx.Err()
	}
	h.mu.Lock()
	service, at := w.service, h.Now()
	h.mu.Unlock()
	route, routeErr := h.Ports.Router.Route(ctx, service)
	deployed, recordErr := h.Ports.Versions.Deployed(ctx, service)
	route.ReadAt = at
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err := firstOf(routeErr, recordErr)
	h.change(func() bool {
		if routeErr != nil {
			route = w.route
		}
		if recordErr != nil {
			deployed = w.deployed
		}
		if w.route.ReadAt.IsZero() && routeErr == nil {
			nudge(h.metricsWake)
		}
		news := w.take(route, deployed, err, h.Now())
		if h.hasStrangers(name, w) {
			w.healthAt = time.Time{}
			nudge(h.healthWake)
		}
		return news
	})
	return err
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// shas are the versions of a service that are of interest: those on its route, and those
// of its open rollout.
func (h *Host) shas(name string, route engine.Route) []string {
	var shas []string
	add := func(sha string) {
		if sha != "" && !slices.Contains(shas, sha) {
			shas = append(shas, sha)
		}
	}
	for _, target := range route.Targets {
		add(target.Sha)
	}
	if t := h.tracks[name]; t != nil && t.rollout.Outcome == "" {
		add(t.rollout.StableSha())
		add(t.rollout.Canary.Sha)
	}
	return shas
}

// take takes a look at the service in; it tells whether that is worth a new scene.
func (w *watched) take(route engine.Route, deployed engine.Deployed, err error, now time.Time) bool {
	fault := scene.Fault{}
	if err != nil {
		fault = faultOf(err, w.fault, now)
	}
	news := fault != w.fault || deployed != w.deployed || w.route.ReadAt.IsZero() || now.Sub(w.shownAt) >= shownFor ||
		!sameRoute(route, w.route)
	w.route, w.deployed, w.fault = route, deployed, fault
	return news
}

// sameRoute tells whether two readings of a route found the same.
func sameRoute(a, b engine.Route) bool {
	a.ReadAt, b.ReadAt = time.Time{}, time.Time{}
	return reflect.DeepEqual(a, b)
}

// sameHealth tells whether two readings of tasks found the same.
func sameHealth(a, b map[string]engine.TaskHealth) bool {
	return maps.EqualFunc(a, b, func(x, y engine.TaskHealth) bool {
		x.ReadAt, y.ReadAt = time.Time{}, time.Time{}
		return reflect.DeepEqual(x, y)
	})
}
