package dynamojournal

import (
	"context"
	"encoding/json"
	"fmt"

	"serin/internal/engine"
)

// Lease implements engine.Journal.
func (j *Journal) Lease(ctx context.Context, id string) (engine.Lease, error) {
	header, err := j.header(ctx, id)
	if err != nil {
		return engine.Lease{}, fmt.Errorf("read the lease of rollout %s: %w", id, err)
	}
	return header.Lease, nil
}

// Claim implements engine.Journal.
func (j *Journal) Claim(ctx context.Context, seen engine.Lease, driver engine.Driver) (engine.Lease, error) {
	lease, err := j.claim(ctx, seen, driver)
	if err != nil {
		return engine.Lease{}, fmt.Errorf("claim rollout %s: %w", seen.Rollout, err)
	}
	return lease, nil
}

func (j *Journal) claim(ctx context.Context, seen engine.Lease, driver engine.Driver) (engine.Lease, error) {
	who, err := json.Marshal(driver)
	if err != nil {
		return engine.Lease{}, err
	}
	mine := mark()
	after, err := j.update(ctx, rolloutKey(seen.Rollout),
		"SET #driver = :driver, #free = :false, #claim = :claim ADD #fence :one, #beat :one",
		"#format = :format AND (#free = :true OR (#fence = :fence AND #beat = :beat))",
		item{
			":driver": text(string(who)), ":claim": text(mine), ":one": number(1), ":true": flag(true), ":false": flag(false),
			":format": number(format), ":fence": number(seen.Fence), ":beat": number(seen.Beat),
		})
	if err == nil {
		return j.leaseIn(after)
	}
	failed := conditionFailed(err)
	switch {
	case failed != nil && len(failed.Item) == 0:
		return engine.Lease{}, engine.ErrNoRollout
	case failed != nil:
		after = failed.Item
	case unsure(err):
		after, _ = j.get(ctx, rolloutKey(seen.Rollout)) // if nothing can be found out, err is told
	}
	lease, unread := j.leaseIn(after)
	switch {
	case unread == nil && marked(after, "claim", mine):
		return lease, nil
	case failed != nil && unread != nil:
		return engine.Lease{}, unread
	case failed != nil:
		return engine.Lease{}, engine.ErrLeaseLost
	}
	return engine.Lease{}, j.explain(ctx, "write", err)
}

func (j *Journal) leaseIn(found item) (engine.Lease, error) {
	header, err := j.readHeader(found)
	return header.Lease, err
}

// Beat implements engine.Journal. One that is sent twice is two signs of life, which do
// no harm.
func (j *Journal) Beat(ctx context.Context, lease engine.Lease) (engine.Lease, error) {
	after, err := j.update(ctx, rolloutKey(lease.Rollout), "ADD #beat :one", "#fence = :fence AND #free = :false",
		item{":one": number(1), ":fence": number(lease.Fence), ":false": flag(false)})
	var beaten engine.Lease
	if err == nil {
		beaten, err = j.leaseIn(after)
	} else {
		err = j.lostOr(ctx, err)
	}
	if err != nil {
		return engine.Lease{}, fmt.Errorf("give a sign of life for rollout %s: %w", lease.Rollout, err)
	}
	return beaten, nil
}

// lostOr says what a failed change of a lease means: the lease is another's, or there is
// no rollout, or the call failed.
func (j *Journal) lostOr(ctx context.Context, err error) error {
	switch failed := conditionFailed(err); {
	case failed == nil:
		return j.explain(ctx, "write", err)
	case len(failed.Item) == 0:
		return engine.ErrNoRollout
	}
	return engine.ErrLeaseLost
}

// Release implements engine.Journal.
func (j *Journal) Release(ctx context.Context, lease engine.Lease) error {
	_, err := j.update(ctx, rolloutKey(lease.Rollout), "SET #free = :true", "#fence = :fence",
		item{":true": flag(true), ":fence": number(lease.Fence)})
	if err == nil || conditionFailed(err) != nil && len(conditionFailed(err).Item) > 0 {
		return nil
	}
	return fmt.Errorf("let go of rollout %s: %w", lease.Rollout, j.lostOr(ctx, err))
}
