package engine

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// perform performs an effect and returns what it answered. A call that is not the
// router's is left behind when a roll back comes; the roll back's own actions find out
// what became of it.
func (d *DriveLoop) perform(ctx context.Context, effect Effect) (any, error) {
	if movesTraffic(effect) {
		return d.call(ctx, effect)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if !d.armPreemption(cancel) {
		return nil, errPreempted
	}
	defer d.armPreemption(nil)
	type answer struct {
		result any
		err    error
	}
	answers := make(chan answer, 1)
	d.readers.Go(func() {
		result, err := d.call(ctx, effect)
		answers <- answer{result, err}
	})
	select {
	case got := <-answers:
		return got.result, got.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// armPreemption lets Post interrupt a call; it refuses when a roll back waits already.
func (d *DriveLoop) armPreemption(cancel context.CancelCauseFunc) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.preempt = cancel
	if cancel == nil {
		return true
	}
	for _, command := range d.inbox {
		if command.Kind == RollBack {
			d.preempt = nil
			return false
		}
	}
	return true
}

func (d *DriveLoop) call(ctx context.Context, effect Effect) (any, error) {
	service := d.rollout.Service()
	switch effect := effect.(type) {
	case AskForStack:
		return d.Ports.Stacks.Create(ctx, effect.Request)
	case ChangeWeights:
		return nil, d.Ports.Router.SetWeights(ctx, service, effect.Split)
	case DropRoute:
		return nil, d.Ports.Router.RemoveRoute(ctx, service, effect.Sha)
	case AskForRemoval:
		return nil, d.removeVersion(ctx, service, effect)
	case RecordVersion:
		return d.recordVersion(ctx, service, effect)
	}
	return nil, nil
}

// removeVersion asks for a deletion, unless another route than the rollout's own names
// the version: its traffic would be lost (safety rule 3).
func (d *DriveLoop) removeVersion(ctx context.Context, service Service, effect AskForRemoval) error {
	others, err := d.Ports.Router.OtherRoutes(ctx, service, effect.Sha)
	if err != nil {
		return err
	}
	if len(others) > 0 {
		return &Fault{
			Op: "delete", Target: "stack " + effect.Stack, Kind: Conflict,
			Hint: "take " + service.VersionName(effect.Sha) + " off that route, then delete the stack",
			Err:  fmt.Errorf("%s also sends traffic to it", strings.Join(others, ", ")),
		}
	}
	return d.Ports.Stacks.Delete(ctx, effect.Stack, effect.Token)
}

// startReadings begins every reading that is due and not under way. Each has its own
// goroutine, so that a slow one delays no other.
func (d *DriveLoop) startReadings(ctx context.Context) {
	now := d.clock.now()
	for activity, at := range d.due() {
		if d.reading[activity] || at.After(now) {
			continue
		}
		d.reading[activity] = true
		read := d.reader(activity, now)
		d.readers.Go(func() {
			got := read(ctx)
			select {
			case d.results <- got:
			case <-ctx.Done():
			}
		})
	}
}

// due is when each reading is due next.
func (d *DriveLoop) due() map[Activity]time.Time {
	due := Due(d.rollout, d.evidence, d.pace())
	for activity, at := range due {
		due[activity] = later(at, d.rests[activity])
	}
	return due
}

// pace is how often the world is read now.
func (d *DriveLoop) pace() Cadence {
	if d.Upkeep == nil {
		return d.cadence
	}
	return d.cadence.Among(d.Upkeep.drivers(), seconds(d.rollout.Spec.MetricPeriod))
}

// reader binds a reading to what the rollout is now: the goroutine that performs it
// must not look at the rollout.
func (d *DriveLoop) reader(activity Activity, now time.Time) func(context.Context) reading {
	r, service := d.rollout, d.rollout.Service()
	shas := []string{r.Canary.Sha}
	if !r.First() {
		shas = append(shas, r.StableSha())
	}
	stack, key, after := stackToRead(r), stackKey(r), r.CanaryStack.LastEvent
	if r.Removal != nil {
		after = r.Removal.LastEvent
	}
	queries := responseQueries(r, shas, now)
	alarms, clock := r.Spec.Alarms, d.readingsOf
	return func(ctx context.Context) reading {
		got := reading{activity: activity, stackKey: key, at: now, clock: clock}
		switch activity {
		case ReadRoute:
			got.route, got.err = d.Ports.Router.Route(ctx, service)
		case ReadStack:
			got.stack, got.err = d.Ports.Stacks.Stack(ctx, stack, after)
		case ReadTasks:
			got.tasks, got.err = d.Ports.Tasks.Health(ctx, service, shas)
		case ReadMetrics:
			got.responses, got.err = d.Ports.Metrics.Responses(ctx, queries)
		case ReadAlarms:
			got.alarms, got.err = d.Ports.Alarms.Alarms(ctx, alarms)
		default:
		}
		return got
	}
}

// responseQueries ask for the responses of versions since the window of the policy, or
// since shortly before the rollout.
func responseQueries(r *Rollout, shas []string, now time.Time) []ResponseQuery {
	period := seconds(r.Spec.MetricPeriod)
	from := now.Add(-seconds(r.Spec.FailureThresholdTime + r.Spec.MetricDelay))
	if earliest := r.StartedAt.Add(-5 * period); from.Before(earliest) {
		from = earliest
	}
	queries := make([]ResponseQuery, len(shas))
	for i, sha := range shas {
		queries[i] = ResponseQuery{
			Service: r.Service(), Sha: sha, Source: r.Spec.Metric,
			From: from.Truncate(period), To: now.Add(period).Truncate(period), Period: period,
		}
	}
	return queries
}
