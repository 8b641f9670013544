package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Unclaimed is a rollout that nobody drives, whose journal does not take that somebody
// does. Its driver rolls back and does nothing else, and writes nothing: nobody can be kept
// from taking the rollout over, and whoever does must find what the last driver left.
type Unclaimed struct {
	// Why is why the lease could not be claimed.
	Why error
	// Events are the rollout's where they are known, from the first on; nil where the journal
	// is read.
	Events []Event
}

// never is when an unclaimed rollout's journal is written.
const never = 365 * 24 * time.Hour

// errPast is why a rollout is not rolled back whose journal is behind it.
var errPast = errors.New("its journal is behind what was done, and cannot be written: nothing was changed")

// begun are the events of the rollout that is driven.
func (d *DriveLoop) begun(ctx context.Context) ([]Event, error) {
	if d.Unclaimed != nil && d.Unclaimed.Events != nil {
		return d.Unclaimed.Events, nil
	}
	return d.readEvents(ctx)
}

// goUnclaimed begins to drive without a claim, unless the account says that it is too late
// for a roll back: what cannot be written may have lost what was.
func (d *DriveLoop) goUnclaimed(ctx context.Context, bodies []Body) error {
	d.journalFault, d.journalRetry = d.Unclaimed.Why.Error(), time.Now().Add(never)
	if err := d.isPast(ctx); err != nil {
		return fmt.Errorf("rollout %s: %w", d.ID, err)
	}
	events := d.events(bodies)
	d.keepUnrecorded(events)
	d.take(events)
	return nil
}

// isPast finds out, by what else there is than the journal, whether the canary has become
// the stable version. What of that cannot be read forbids no roll back.
func (d *DriveLoop) isPast(ctx context.Context) error {
	r := d.rollout
	if r.First() {
		found, err := d.Ports.Versions.Deployed(ctx, r.Service())
		if err == nil && found.Exists && found.Image == r.Canary.Image {
			return fmt.Errorf("%w: %s is recorded as deployed", errPast, found.Image)
		}
		return nil
	}
	route, err := d.Ports.Router.Route(ctx, r.Service())
	if err == nil && route.Exists && !route.Names(r.StableSha()) {
		return fmt.Errorf("%w: the route gives %s, and does not name %s", errPast, formatTargets(route.Targets), r.Service().VersionName(r.StableSha()))
	}
	return nil
}

// take takes events in that were recorded, or are not to be.
func (d *DriveLoop) take(events []Event) {
	for _, event := range events {
		d.rollout.Apply(event)
		d.OnEvent(event, d.rollout.clone())
	}
	d.publish()
}
