package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Opening is what a rollout is started with.
type Opening struct {
	ID      string
	Key     Key
	Spec    Spec
	Driver  Driver
	Conduct Conduct
	// Fast goes to 100 in one step, and bakes.
	Fast bool
	// Reason is why, in the words of whoever starts it; it may be empty.
	Reason string
	// Back is the number of the record that it goes back to; 0 where it goes on.
	Back int64
}

// Refusal is returned when a rollout cannot be started as things are. Nothing has been
// touched.
type Refusal struct {
	Problems []string
}

// Error lists the problems, one a line.
func (r *Refusal) Error() string { return strings.Join(r.Problems, "\n") }

// NewID is a new rollout's ID: 8 hexadecimal digits of the time, so that IDs sort by
// it, and 6 random ones.
func NewID(now time.Time) string {
	var random [3]byte
	_, _ = rand.Read(random[:]) // never fails since Go 1.24
	return fmt.Sprintf("%08x%s", now.Unix(), hex.EncodeToString(random[:]))
}

// Prepare looks at the world as a rollout finds it and says how the rollout begins. It
// changes nothing. What forbids the rollout comes back as a *Refusal.
func Prepare(ctx context.Context, ports Ports, opening Opening) (*Started, error) {
	service := opening.Spec.Service()
	route, err := ports.Router.Route(ctx, service)
	if err != nil {
		return nil, err
	}
	record, err := ports.Versions.Deployed(ctx, service)
	if err != nil {
		return nil, err
	}
	stable, problems := stableOf(service, opening.Spec.Canary(), route)
	problems = append(problems, endlessGates(opening)...)
	if len(problems) > 0 {
		return nil, &Refusal{Problems: problems}
	}
	if stable != nil {
		stable.Image = record.Image
	}
	plan := NewPlan(opening.Spec, stable == nil)
	if opening.Fast && stable != nil {
		plan = FastPlan(opening.Spec)
	}
	return &Started{
		ID: opening.ID, Key: opening.Key, Spec: opening.Spec, Plan: plan, Reason: opening.Reason, Back: opening.Back,
		Stable: stable, Canary: opening.Spec.Canary(), Route: route, Record: record, Conduct: opening.Conduct,
	}, nil
}

// endlessGates are the gates that nobody could pass, and nothing would end. Fast goes
// through none.
func endlessGates(opening Opening) []string {
	if !opening.Conduct.Unattended || opening.Fast {
		return nil
	}
	var problems []string
	for i, step := range opening.Spec.Steps {
		if step.Gate != "" && step.Timeout == 0 {
			problems = append(problems, fmt.Sprintf(
				"Steps[%d].Timeout: the gate %q waits for ever and nobody attends the rollout: give it a Timeout", i, step.Gate))
		}
	}
	return problems
}

// stableOf finds the version that serves: the only target with weight. The problems
// are what keeps the route from being a canary's.
func stableOf(service Service, canary Version, route Route) (*Version, []string) {
	if !route.Exists {
		return nil, nil
	}
	var serving []Target
	var problems []string
	for _, target := range route.Targets {
		switch {
		case target.Sha == canary.Sha:
			problems = append(problems, "Sha: "+onTheRoute(route, target)+"; deploy another sha")
		case target.Weight > 0:
			serving = append(serving, target)
		}
	}
	switch {
	case len(serving) == 0 && len(problems) == 0:
		problems = append(problems, fmt.Sprintf(
			"the route of %s gives no target any weight: give one version all of it first", service.Name))
	case len(serving) > 1:
		problems = append(problems, fmt.Sprintf(
			"the route of %s has traffic on more than one target (%s): give one version all of it first",
			service.Name, formatTargets(serving)))
	case len(serving) == 1 && serving[0].Sha == "":
		problems = append(problems, fmt.Sprintf(
			"the route of %s gives its traffic to %s, which is no version of it (%s-<sha>): Serin cannot share it",
			service.Name, serving[0].Name, service.Name))
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return &Version{Sha: serving[0].Sha}, nil
}

// onTheRoute says where a version stands that cannot be deployed, because the route names
// it already.
func onTheRoute(route Route, target Target) string {
	serving := slices.DeleteFunc(slices.Clone(route.Targets), func(other Target) bool { return other.Weight == 0 })
	if len(serving) == 1 && target.Weight > 0 {
		return target.Sha + " is what serves now: there is nothing to deploy"
	}
	return fmt.Sprintf("%s is on the route already, with weight %d", target.Sha, target.Weight)
}

// TakeOver takes the lease of an open rollout whose driver, the one that header names, has
// let go of it, or gives no sign of life within ttl. With a driver that lives it fails with
// an *OpenError that names it; so it does when another one has taken over since header was
// read: what is known of the one is not known of the other. When the rollout ends meanwhile
// it fails with ErrOver.
func TakeOver(ctx context.Context, journal Journal, header Header, driver Driver, ttl time.Duration) (Lease, error) {
	seen, err := journal.Lease(ctx, header.ID)
	if err != nil {
		return Lease{}, err
	}
	if !seen.Free && seen.Fence != header.Lease.Fence {
		header.Lease = seen
		return Lease{}, &OpenError{Header: header}
	}
	if !seen.Free {
		timer := time.NewTimer(ttl)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return Lease{}, ctx.Err()
		case <-timer.C:
		}
	}
	lease, err := journal.Claim(ctx, seen, driver)
	if errors.Is(err, ErrLeaseLost) {
		header.Lease, err = journal.Lease(ctx, header.ID)
		if err != nil {
			return Lease{}, err
		}
		return Lease{}, &OpenError{Header: header}
	}
	if err != nil {
		return Lease{}, err
	}
	// The lease of a rollout that is over is free, too.
	if _, err := journal.Current(ctx, header.Key); errors.Is(err, ErrNoRollout) {
		over := fmt.Errorf("rollout %s of %s: %w: %s ended it meanwhile",
			header.ID, header.Key.Service, ErrOver, lastDriver(ctx, journal, seen))
		return Lease{}, errors.Join(over, journal.Release(ctx, lease))
	}
	return lease, nil
}

// lastDriver is who drove the rollout last: after the one whose lease was seen another may
// have taken it over, and let go of it.
func lastDriver(ctx context.Context, journal Journal, seen Lease) Driver {
	events, err := journal.Events(ctx, seen.Rollout, 0)
	if err != nil {
		return seen.Driver
	}
	if last := Fold(events).Driver; last != (Driver{}) {
		return last
	}
	return seen.Driver
}
