package console

import (
	"context"
	"maps"
	"slices"
	"time"

	"serin/internal/engine"
	"serin/internal/ui/scene"
)

const (
	// together is how much earlier than it is due a service's tasks are read, where those
	// of another one are read anyhow.
	together = quickly / 2
	// gathering is how long it is waited for others when the tasks of one become due.
	gathering = 50 * time.Millisecond
)

// Fleet are tasks that can be read of many services at once: of each the versions with
// these shas, in their order. It is safe for concurrent use.
type Fleet interface {
	HealthOf(ctx context.Context, versions map[engine.Service][]string) (map[engine.Service][]engine.TaskHealth, error)
}

// checkup is a look at the tasks of one service.
type checkup struct {
	name    string
	service engine.Service
	shas    []string
}

// keepHealth reads the tasks of all services, each as often as it is looked at, those that
// are due at about the same time together.
func (h *Host) keepHealth(ctx context.Context) {
	for failures := 0; rest(ctx, gathering, nil); {
		due, next := h.checkups()
		if len(due) == 0 {
			rest(ctx, next.Sub(h.Now()), h.healthWake)
			continue
		}
		failing := h.check(ctx, due)
		if failures++; !failing {
			failures = 0
		}
		h.planCheckups(due, failures)
	}
}

// checkups are those that are due, and when the next ones will be.
func (h *Host) checkups() (due []checkup, next time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.Now()
	next = now.Add(idle)
	soon := []checkup{}
	for _, name := range slices.Sorted(maps.Keys(h.services)) {
		w := h.services[name]
		if w.route.ReadAt.IsZero() {
			continue
		}
		one := checkup{name, w.service, h.shas(name, w.route)}
		switch {
		case !now.Before(w.healthAt):
			due = append(due, one)
		case w.healthAt.Sub(now) <= together:
			soon = append(soon, one)
		}
		next = earlier(next, w.healthAt)
	}
	if len(due) > 0 {
		due = append(due, soon...)
	}
	return due, next
}

// check reads the tasks of services and takes them in; it tells whether that failed. Where
// all together cannot be read, each is read alone: what is wrong with one hides no other.
func (h *Host) check(ctx context.Context, due []checkup) (failing bool) {
	at := h.Now()
	versions := map[engine.Service][]string{}
	for _, one := range due {
		if len(one.shas) > 0 {
			versions[one.service] = one.shas
		}
	}
	if fleet, is := h.Ports.Tasks.(Fleet); is && len(versions) > 1 {
		if all, err := fleet.HealthOf(ctx, versions); err == nil {
			h.change(func() bool {
				news := false
				for _, one := range due {
					news = h.takeHealth(one, all[one.service], nil, at) || news
				}
				return news
			})
			return false
		}
	}
	for _, one := range due {
		var read []engine.TaskHealth
		var err error
		if len(one.shas) > 0 {
			read, err = h.Ports.Tasks.Health(ctx, one.service, one.shas)
		}
		if ctx.Err() != nil {
			return true
		}
		failing = failing || err != nil
		h.change(func() bool { return h.takeHealth(one, read, err, at) })
	}
	return failing
}

// takeHealth takes tasks in as they were read; it tells whether that is worth a new scene.
func (h *Host) takeHealth(of checkup, read []engine.TaskHealth, err error, at time.Time) bool {
	w := h.services[of.name]
	if w == nil {
		return false
	}
	if err != nil {
		before := w.sick
		w.sick = faultOf(err, before, h.Now())
		return w.sick != before
	}
	health := make(map[string]engine.TaskHealth, len(read))
	for _, one := range read {
		one.ReadAt = at
		health[one.Sha] = one
	}
	news := w.sick != (scene.Fault{}) || h.Now().Sub(w.shownAt) >= shownFor || !sameHealth(health, w.health)
	w.health, w.sick = health, scene.Fault{}
	return news
}

// planCheckups says when the tasks of services are due again, which could not be read so
// often in a row.
func (h *Host) planCheckups(done []checkup, failures int) {
	for _, one := range done {
		h.mu.Lock()
		w := h.services[one.name]
		h.mu.Unlock()
		if w == nil {
			continue
		}
		pause := h.lookEvery(one.name, w)
		if failures > 0 {
			pause = max(retryAfter(failures), min(pause, quickly))
		}
		h.mu.Lock()
		w.healthAt = h.Now().Add(pause)
		h.mu.Unlock()
	}
}

// hasStrangers tells whether there are versions of a service whose tasks were never read,
// nor could not be.
func (h *Host) hasStrangers(name string, w *watched) bool {
	return w.sick == (scene.Fault{}) && slices.ContainsFunc(h.shas(name, w.route), func(sha string) bool {
		_, known := w.health[sha]
		return !known
	})
}
