package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
)

// build is how a version behaves in the world.
type build struct {
	// stackTime is how long its stack takes; stackFails makes the stack fail then.
	stackTime  time.Duration
	stackFails string
	// healthyAfter is how long its tasks take after the stack; 0 is at once.
	healthyAfter time.Duration
	// errorsPerSecond are its 5xx a second while it has traffic, from breaksAfter on.
	errorsPerSecond float64
	breaksAfter     time.Duration
	// diesAfter kills its tasks so long after they first had traffic.
	diesAfter time.Duration
	// sickAfter and sickFor are a time of bad health, counted from when it became healthy.
	sickAfter, sickFor time.Duration
	// silent versions have no metrics.
	silent bool
	// stuckDeletions is how many deletions of its stack fail.
	stuckDeletions int
}

// world is an account for tests: it enforces AWS's rules, and notes every call and
// every breach of Serin's safety rules. All its time is package time's.
type world struct {
	mu       sync.Mutex
	service  engine.Service
	builds   map[string]build
	born     time.Time
	period   time.Duration
	route    engine.Route
	revision int
	// lag is how long a route is read as it was before a write.
	lag     time.Duration
	earlier engine.Route
	written time.Time
	stacks  map[string]*worldStack
	exposed map[string]time.Time
	record  engine.Deployed
	// stale makes the next reading of tasks one of the past, when none was healthy.
	stale bool
	// late is how late the metrics are.
	late   time.Duration
	others []string
	alarms map[string]bool
	// calls are the changes that were asked for and took effect, in order.
	calls    []string
	breaches []string
	// before is run before every call, after it every call that took effect: they may
	// fail it, delay it, or end the driver.
	before, after hook
}

type hook func(ctx context.Context, op string) error

type worldStack struct {
	id, name, owner, sha, token string
	asked                       time.Time
	deleting                    time.Time
	failures                    int
	failed                      bool
}

const (
	stableSha = "3f2a91c0"
	canarySha = "9bd0417e"
)

// newWorld has a stable version that serves everything, unless first is set.
func newWorld(spec engine.Spec, canary build, first bool) *world {
	none := func(context.Context, string) error { return nil }
	w := &world{
		service: spec.Service(), born: time.Now(), period: time.Duration(spec.MetricPeriod) * time.Second,
		builds:  map[string]build{stableSha: {}, canarySha: canary},
		stacks:  map[string]*worldStack{},
		exposed: map[string]time.Time{}, alarms: map[string]bool{},
		before: none, after: none,
	}
	if !first {
		w.revision = 1
		w.route = engine.Route{
			Exists: true, Shape: "prefix / retries 2", Document: []byte(`{"prefix":"/"}`),
			Targets: []engine.Target{{Name: w.service.VersionName(stableSha), Sha: stableSha, Weight: 100}},
		}
		w.record = engine.Deployed{Exists: true, Image: "app:1", Number: 1}
		name := w.service.StackName(stableSha)
		w.stacks[name] = &worldStack{id: "arn:" + name, name: name, sha: stableSha, asked: w.born.Add(-time.Hour)}
		w.exposed[stableSha] = w.born.Add(-time.Hour)
	}
	return w
}

func (w *world) ports() engine.Ports {
	return engine.Ports{Router: w, Stacks: w, Metrics: w, Alarms: w, Tasks: w, Versions: w}
}

// call runs do as one call of an API: the hooks may fail it before or after it took
// effect.
func call[T any](ctx context.Context, w *world, op string, do func() (T, error)) (T, error) {
	var none T
	w.mu.Lock()
	before, after := w.before, w.after
	w.mu.Unlock()
	if err := before(ctx, op); err != nil {
		return none, err
	}
	if err := ctx.Err(); err != nil {
		return none, err
	}
	w.mu.Lock()
	result, err := do()
	w.mu.Unlock()
	if err != nil {
		return none, err
	}
	if err := after(ctx, op); err != nil {
		return none, err
	}
	return result, nil
}

func (w *world) breach(format string, args ...any) {
	w.breaches = append(w.breaches, fmt.Sprintf(format, args...))
}

func (w *world) Route(ctx context.Context, _ engine.Service) (engine.Route, error) {
	return call(ctx, w, "Route", func() (engine.Route, error) { return w.readRoute(), nil })
}

func (w *world) readRoute() engine.Route {
	if time.Since(w.written) < w.lag {
		return w.earlier
	}
	route := w.route
	route.Targets = append([]engine.Target(nil), w.route.Targets...)
	route.Revision = strconv.Itoa(w.revision)
	if !route.Exists {
		route.Revision = ""
	}
	return route
}

func (w *world) SetWeights(ctx context.Context, _ engine.Service, split engine.Split) error {
	_, err := call(ctx, w, "SetWeights", func() (struct{}, error) { return struct{}{}, w.setWeights(split) })
	return err
}

func (w *world) setWeights(split engine.Split) error {
	before, revision := w.readRoute(), w.revision
	defer func() {
		if w.revision != revision && time.Since(w.written) >= w.lag {
			w.earlier, w.written = before, time.Now()
		}
	}()
	if !w.route.Exists {
		if !split.Create && split.Restore == nil {
			return &engine.Fault{Op: "update", Target: "route", Kind: engine.NotFound, Err: errors.New("no such route")}
		}
		w.route = engine.Route{Exists: true, Shape: "prefix / retries 2", Document: split.Restore}
	} else if w.alreadyHas(split) {
		return nil
	} else if split.After != strconv.Itoa(w.revision) && (split.After != "" || split.Create) {
		return engine.ErrDrift
	}
	targets := map[string]engine.Target{}
	var order []string
	for _, target := range w.route.Targets {
		targets[target.Name] = target
		order = append(order, target.Name)
	}
	for _, sha := range split.Drop {
		delete(targets, w.service.VersionName(sha))
	}
	for _, weight := range split.Weights {
		w.checkWeight(weight)
		name := w.service.VersionName(weight.Sha)
		if _, known := targets[name]; !known {
			order = append(order, name)
		}
		targets[name] = engine.Target{Name: name, Sha: weight.Sha, Weight: weight.Weight}
	}
	w.route.Targets = nil
	for _, name := range order {
		if target, kept := targets[name]; kept {
			w.route.Targets = append(w.route.Targets, target)
			delete(targets, name)
		}
	}
	w.revision++
	w.calls = append(w.calls, "weights "+w.shares())
	return nil
}

func (w *world) alreadyHas(split engine.Split) bool {
	for _, weight := range split.Weights {
		if !w.route.Names(weight.Sha) || w.route.Weight(weight.Sha) != weight.Weight {
			return false
		}
	}
	return !slices.ContainsFunc(split.Drop, w.route.Names)
}

// checkWeight is safety rule 1: more weight for a canary needs tasks that are all
// healthy, within the age that evidence may have.
func (w *world) checkWeight(weight engine.Weight) {
	if weight.Weight == 0 || weight.Weight <= w.route.Weight(weight.Sha) {
		return
	}
	if _, known := w.stacks[w.service.StackName(weight.Sha)]; !known {
		w.breach("rule 1: weight for %s, which has no stack", weight.Sha)
		return
	}
	if weight.Sha == canarySha {
		if since, dead := w.unhealthySince(weight.Sha); dead && time.Since(since) > 31*time.Second {
			w.breach("rule 1: %d for a canary that has been unhealthy since %s", weight.Weight, since)
		}
		if _, seen := w.exposed[weight.Sha]; !seen {
			w.exposed[weight.Sha] = time.Now()
		}
	}
}

func (w *world) shares() string {
	return fmt.Sprintf("%d/%d", w.route.Weight(stableSha), w.route.Weight(canarySha))
}

func (w *world) RemoveRoute(ctx context.Context, _ engine.Service, sha string) error {
	_, err := call(ctx, w, "RemoveRoute", func() (struct{}, error) {
		if !w.route.Exists {
			return struct{}{}, nil
		}
		for _, target := range w.route.Targets {
			if target.Sha != sha {
				return struct{}{}, engine.ErrDrift
			}
		}
		w.route = engine.Route{}
		w.calls = append(w.calls, "remove route")
		return struct{}{}, nil
	})
	return err
}

func (w *world) OtherRoutes(ctx context.Context, _ engine.Service, _ string) ([]string, error) {
	return call(ctx, w, "OtherRoutes", func() ([]string, error) { return w.others, nil })
}

func (w *world) Create(ctx context.Context, request engine.StackRequest) (string, error) {
	return call(ctx, w, "Create", func() (string, error) {
		if stack, exists := w.stacks[request.Name]; exists {
			if stack.token == request.Token {
				return stack.id, nil
			}
			return "", &engine.Fault{Op: "create", Target: "stack", Kind: engine.Conflict, Err: errors.New("stack exists")}
		}
		id := "arn:" + request.Name + "/" + request.Token
		w.stacks[request.Name] = &worldStack{
			id: id, name: request.Name, owner: request.Tags[engine.OwnerTag], token: request.Token,
			sha: request.Tags["serin:sha"], asked: time.Now(),
		}
		w.calls = append(w.calls, "create "+request.Name)
		return id, nil
	})
}

func (w *world) Stack(ctx context.Context, ref, _ string) (engine.Stack, error) {
	return call(ctx, w, "Stack", func() (engine.Stack, error) {
		w.settle()
		for _, stack := range w.stacks {
			if stack.id == ref || stack.name == ref {
				return w.readStack(stack), nil
			}
		}
		return engine.Stack{ID: ref, Name: ref, State: engine.StackAbsent, Status: "DELETE_COMPLETE"}, nil
	})
}

func (w *world) readStack(stack *worldStack) engine.Stack {
	read := engine.Stack{ID: stack.id, Name: stack.name, Owner: stack.owner, State: engine.StackReady, Status: "CREATE_COMPLETE"}
	build := w.builds[stack.sha]
	switch {
	case stack.failed:
		read.State, read.Status = engine.StackDeleteFailed, "DELETE_FAILED"
		read.Reasons = []string{"Node: it is the target of one or more routes"}
	case !stack.deleting.IsZero():
		read.State, read.Status = engine.StackDeleting, "DELETE_IN_PROGRESS"
	case time.Since(stack.asked) < build.stackTime:
		read.State, read.Status = engine.StackCreating, "CREATE_IN_PROGRESS"
	case build.stackFails != "":
		read.State, read.Status, read.Reasons = engine.StackFailed, "CREATE_FAILED", []string{build.stackFails}
	}
	return read
}

// settle ends the deletions whose time is over.
func (w *world) settle() {
	for name, stack := range w.stacks {
		if stack.deleting.IsZero() || stack.failed || time.Since(stack.deleting) < 3*time.Second {
			continue
		}
		if w.route.Names(stack.sha) || stack.failures < w.builds[stack.sha].stuckDeletions {
			stack.failed = true
			stack.failures++
			continue
		}
		delete(w.stacks, name)
	}
}

func (w *world) Delete(ctx context.Context, ref, _ string) error {
	_, err := call(ctx, w, "Delete", func() (struct{}, error) {
		w.settle()
		for _, stack := range w.stacks {
			if stack.id != ref && stack.name != ref {
				continue
			}
			if w.route.Names(stack.sha) {
				w.breach("rule 3: stack %s is deleted while the route names it", stack.name)
			}
			if stack.deleting.IsZero() || stack.failed {
				stack.deleting, stack.failed = time.Now(), false
				w.calls = append(w.calls, "delete "+stack.name)
			}
		}
		return struct{}{}, nil
	})
	return err
}

// unhealthySince is when a version's tasks stopped being healthy.
func (w *world) unhealthySince(sha string) (time.Time, bool) {
	build, stack := w.builds[sha], w.stacks[w.service.StackName(sha)]
	if stack == nil {
		return w.born, true
	}
	ready := stack.asked.Add(build.stackTime + build.healthyAfter)
	if time.Now().Before(ready) || build.stackFails != "" {
		return stack.asked, true
	}
	if sick := ready.Add(build.sickAfter); time.Now().After(sick) && time.Since(sick) < build.sickFor {
		return sick, true
	}
	if seen, exposed := w.exposed[sha]; exposed && build.diesAfter > 0 && time.Since(seen) >= build.diesAfter {
		return seen.Add(build.diesAfter), true
	}
	return time.Time{}, false
}

func (w *world) Health(ctx context.Context, _ engine.Service, shas []string) ([]engine.TaskHealth, error) {
	return call(ctx, w, "Health", func() ([]engine.TaskHealth, error) {
		var all []engine.TaskHealth
		for _, sha := range shas {
			health := engine.TaskHealth{Sha: sha, Exists: w.stacks[w.service.StackName(sha)] != nil, Desired: 1}
			since, dead := w.unhealthySince(sha)
			if !dead && !w.stale {
				health.Running, health.Healthy = 1, 1
			} else if w.stale {
				health.Running = 0
			} else if _, exposed := w.exposed[sha]; exposed {
				health.Stops = []engine.TaskStop{{Task: "t1", At: since, Reason: "Essential container in task exited (app: 1)", Failed: true}}
			}
			all = append(all, health)
		}
		w.stale = false
		return all, nil
	})
}

func (w *world) Responses(ctx context.Context, queries []engine.ResponseQuery) ([]engine.Responses, error) {
	return call(ctx, w, "Responses", func() ([]engine.Responses, error) {
		var all []engine.Responses
		for _, query := range queries {
			all = append(all, engine.Responses{Sha: query.Sha, Buckets: w.buckets(query)})
		}
		return all, nil
	})
}

// buckets are the responses that are known by now: a period is known when it is over.
func (w *world) buckets(query engine.ResponseQuery) []analysis.Bucket {
	build := w.builds[query.Sha]
	seen, exposed := w.exposed[query.Sha]
	if !exposed || build.silent {
		return nil
	}
	var buckets []analysis.Bucket
	for at := query.From; at.Add(w.period+w.late).Before(time.Now()) && at.Before(query.To); at = at.Add(w.period) {
		if at.Before(seen) {
			continue
		}
		bucket := analysis.Bucket{Start: at}
		bucket.Counts[1] = 100
		if at.Sub(seen) >= build.breaksAfter {
			bucket.Counts[4] = build.errorsPerSecond * w.period.Seconds()
		}
		buckets = append(buckets, bucket)
	}
	return buckets
}

func (w *world) Alarms(ctx context.Context, names []string) ([]engine.Alarm, error) {
	return call(ctx, w, "Alarms", func() ([]engine.Alarm, error) {
		var all []engine.Alarm
		for _, name := range names {
			alarm := engine.Alarm{Name: name, State: "OK", Firing: w.alarms[name]}
			if alarm.Firing {
				alarm.State, alarm.Reason = "ALARM", "threshold crossed"
			}
			all = append(all, alarm)
		}
		return all, nil
	})
}

func (w *world) Deployed(ctx context.Context, _ engine.Service) (engine.Deployed, error) {
	return call(ctx, w, "Deployed", func() (engine.Deployed, error) { return w.record, nil })
}

func (w *world) Record(ctx context.Context, _ engine.Service, image string) (int64, error) {
	return call(ctx, w, "Record", func() (int64, error) {
		w.record = engine.Deployed{Exists: true, Image: image, Number: w.record.Number + 1}
		w.calls = append(w.calls, "record "+image)
		return w.record.Number, nil
	})
}

// hook sets what is run before and after every call; nil leaves it as it is.
func (w *world) hook(before, after hook) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if before != nil {
		w.before = before
	}
	if after != nil {
		w.after = after
	}
}

// fallSick makes the tasks of a version unhealthy from now on, for a time.
func (w *world) fallSick(sha string, during time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	sick := w.builds[sha]
	sick.sickAfter = time.Since(w.stacks[w.service.StackName(sha)].asked) - sick.stackTime - sick.healthyAfter - 1
	sick.sickFor = during
	w.builds[sha] = sick
}

// has tells whether the stack of a version is there.
func (w *world) has(sha string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stacks[w.service.StackName(sha)] != nil
}

// meddle is someone else's hand on the route.
func (w *world) meddle(change func(route *engine.Route)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.route)
	w.revision++
}

func (w *world) callsSoFar() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.calls...)
}

func (w *world) setAlarm(name string, firing bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	alarms := maps.Clone(w.alarms)
	alarms[name] = firing
	w.alarms = alarms
}
