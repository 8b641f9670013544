package trials

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/sandbox/wire"
)

var (
	seeds = flag.Int("seeds", everydaySeeds, "how many random lives TestSeeds lives, beginning with -seed or 1")
	seed  = flag.Uint64("seed", 0, "the seed of the one life that TestSeeds lives; with -seeds, of the first")
)

// TestSeeds lives random lives: every one comes to a lawful end, whatever goes wrong.
func TestSeeds(t *testing.T) {
	first, many := max(*seed, 1), *seeds
	if *seed != 0 && !isSet("seeds") {
		many = 1
	}
	for n := range many {
		s := first + uint64(n)
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			t.Parallel()
			replayed(t, fmt.Sprintf("go test ./internal/trials -run TestSeeds -seed=%d", s), func() { live(t, newLife(s)) })
		})
	}
}

func isSet(name string) (set bool) {
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}

// witness sees what is done to the region, and whether it may be.
type witness struct {
	mu sync.Mutex
	// region is nil until it is there.
	region  *region
	service engine.Service
	stable  string
	// served is when the canary was last seen with all its tasks healthy.
	served   time.Time
	breaches []string
	changes  []string
}

func (w *witness) breach(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.breaches = append(w.breaches, fmt.Sprintf(format, args...))
}

// around notes what changes something, and asserts rules 1 and 3 at that moment.
func (w *witness) around(call wire.Call, next http.Handler) http.Handler {
	if !slices.Contains(changes, call.Operation) {
		return next
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, request *http.Request) {
		before := w.route()
		defer func() {
			after := w.route()
			w.see()
			w.note(call.Operation, before, after)
		}()
		next.ServeHTTP(rw, request)
	})
}

func (w *witness) route() engine.Route {
	route, err := w.region.truth.ports.Router.Route(context.Background(), w.service)
	if err != nil {
		w.breach("the route cannot be seen: %v", err)
	}
	return route
}

func (w *witness) note(operation string, before, after engine.Route) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changes = append(w.changes, fmt.Sprintf("%s %s → %v", time.Now().Format("15:04:05"), operation, after.Targets))
	if after.Weight(canarySha) > before.Weight(canarySha) && time.Since(w.served) > 45*time.Second {
		w.breaches = append(w.breaches, fmt.Sprintf("rule 1: weight %d for a canary that was last healthy at %s, now %s",
			after.Weight(canarySha), w.served.Format("15:04:05"), time.Now().Format("15:04:05")))
	}
	if before.Exists && after.Exists && before.Shape != after.Shape {
		w.breaches = append(w.breaches, "rule 6: the shape of the route was changed")
	}
}

// watch looks at the canary's tasks until the context ends.
func (w *witness) watch(ctx context.Context) {
	ticker := time.NewTicker(5 * time.Second)
	defer ticker.Stop()
	for {
		w.see()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// see looks at the canary's tasks.
func (w *witness) see() {
	if w.region.Serves(w.service.VersionName(canarySha)) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.served = time.Now()
	}
}

// serves tells whether a version has all its tasks, and they are healthy.
func (w *witness) serves(ctx context.Context, sha string) bool {
	name, cluster := w.service.VersionName(sha), w.service.Environment
	described, err := w.region.truth.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{name}})
	if err != nil || len(described.Services) == 0 || *described.Services[0].Status != "ACTIVE" {
		return false
	}
	listed, err := w.region.truth.ecs.ListTasks(ctx, &ecs.ListTasksInput{Cluster: &cluster, ServiceName: &name})
	if err != nil || len(listed.TaskArns) == 0 {
		return false
	}
	tasks, err := w.region.truth.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: listed.TaskArns})
	if err != nil {
		return false
	}
	healthy := 0
	for _, task := range tasks.Tasks {
		if task.HealthStatus == types.HealthStatusHealthy {
			healthy++
		}
	}
	return healthy >= int(described.Services[0].DesiredCount)
}

// live lives a life to its end and says what it broke.
func live(t *testing.T, l life) {
	t.Helper()
	w := &witness{}
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		plan, err := l.faults()
		if err != nil {
			t.Fatal(err)
		}
		options := lively(w.around)
		options.Empty, options.Faults, options.Rate = l.empty, plan, 0.5
		options.Still, options.Random = true, rand.New(rand.NewPCG(l.seed, 0x571)).IntN
		// Every tenth life goes over the wire.
		r := (&region{still: true, bare: l.seed%10 != 0}).open(t, options)
		defer r.close()
		spec := r.specOf(t, l.service, l.tag, l.set...)
		w.region, w.service = r, spec.Service()
		w.stable = stableOf(w.route())
		ctx, stop := context.WithCancel(context.Background())
		var watching sync.WaitGroup
		watching.Go(func() { w.watch(ctx) })
		defer watching.Wait()
		defer stop()
		log := journal.NewMemory()
		l.drive(t, r, log, spec)
		w.judge(t, l, log)
		if t.Failed() {
			t.Logf("%s\n%s\n  %s", l, story(events(t, log)), strings.Join(w.changes, "\n  "))
		}
	})
}

func stableOf(route engine.Route) string {
	for _, target := range route.Targets {
		if target.Weight > 0 {
			return target.Sha
		}
	}
	return ""
}

// eventuallyBegins begins a rollout as soon as the faults allow.
func (r *region) eventuallyBegins(t *testing.T, log engine.Journal, spec engine.Spec, attended bool) engine.Lease {
	t.Helper()
	for range 200 {
		lease, err := r.tryToBegin(t, log, spec, attended)
		if err == nil {
			return lease
		}
		if _, is := errors.AsType[*engine.Refusal](err); is {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
	}
	t.Fatal("it never begins")
	return engine.Lease{}
}

// judge asserts the rules on the end of a life.
func (w *witness) judge(t *testing.T, l life, log engine.Journal) {
	t.Helper()
	for _, breach := range w.breaches {
		t.Error(breach)
	}
	all := events(t, log)
	end := engine.Fold(all)
	route := w.route()
	deployed, err := w.region.truth.ports.Versions.Deployed(t.Context(), w.service)
	if err != nil {
		t.Fatal(err)
	}
	recorded := deployed.Number - end.Before.Number
	switch end.Outcome {
	case engine.Succeeded:
		if len(route.Targets) != 1 || route.Weight(canarySha) != 100 {
			t.Errorf("rule 5: it succeeded, and the route is %v", route.Targets)
		}
		if recorded != 1 || deployed.Image != end.Canary.Image {
			t.Errorf("it succeeded, and the record is %+v, before %+v", deployed, end.Before)
		}
	case engine.RolledBack:
		if end.First() && route.Exists || !end.First() && (len(route.Targets) != 1 || route.Weight(w.stable) == 0) {
			t.Errorf("rule 5: it was rolled back, and the route is %v", route.Targets)
		}
		// A canary that had been recorded is one version, and stable again another.
		restored := recorded == 2 && records(all) && deployed.Image == end.Before.Image
		if recorded != 0 && !restored {
			t.Errorf("it was rolled back, and the record is %+v, before %+v", deployed, end.Before)
		}
		if l.good() && end.Cause.Kind == engine.ByVerdict && !l.mayFailFor(end.Cause.Reason) {
			t.Errorf("rule 8: a good canary was judged to be bad: %s", end.Cause.Reason)
		}
	default:
		t.Errorf("rule 5: it ends with %q", end.Outcome)
	}
	w.judgeStacks(t, end)
	judgeJournal(t, all)
}

// records tells whether the canary was about to be recorded.
func records(all []engine.Event) bool {
	return slices.ContainsFunc(all, func(event engine.Event) bool { return event.Body.Kind() == engine.KindRecordIntended })
}

// staleTasks is a rule by which a reading of the tasks may be one of the time before
// they were healthy. One such reading is enough for a canary to fail: it looks as if its
// tasks had died (seed 191).
var staleTasks = regexp.MustCompile(`(^|,)(ecs|cloudmap|\*):[^,]*=stale`)

// mayFailFor tells whether a good canary may fail for a reason: for lack of data where its
// spec says so, or for its tasks where their readings may be stale.
func (l life) mayFailFor(reason string) bool {
	return slices.Contains(l.set, "OnNoData=fail") && strings.Contains(reason, "OnNoData says that this fails") ||
		staleTasks.MatchString(l.plan) && strings.Contains(reason, "task")
}

// judgeStacks asserts that what is gone is gone, and what is left is spoken of.
func (w *witness) judgeStacks(t *testing.T, end *engine.Rollout) {
	t.Helper()
	gone, kept := end.StableSha(), canarySha
	if end.Outcome == engine.RolledBack {
		gone, kept = kept, gone
	}
	for sha, wanted := range map[string]bool{gone: false, kept: true} {
		if sha == "" {
			continue
		}
		stack, err := w.region.truth.ports.Stacks.Stack(t.Context(), w.service.StackName(sha), "")
		if err != nil {
			t.Fatal(err)
		}
		there := stack.State != engine.StackAbsent
		if there != wanted && (wanted || end.Leftover == "") {
			t.Errorf("rule 3: it ends %s with leftover %q, and stack %s is %s", end.Outcome, end.Leftover, stack.Name, stack.State)
		}
	}
}

// judgeJournal asserts the rules that the journal alone shows.
func judgeJournal(t *testing.T, all []engine.Event) {
	t.Helper()
	baked, returned, rollingBack := false, false, false
	for i, event := range all {
		before := engine.Fold(all[:i])
		took := event.Body.Kind() == engine.KindDriverTook
		if activity, since := endured(before, event.At); activity != "" && !took {
			t.Errorf("rule 8: at event %d it could not %s since %s, and nothing came of that", event.Seq, activity, since.Format("15:04:05"))
		}
		switch body := event.Body.(type) {
		case *engine.WeightsConfirmed:
			if body.Route.Weight(canarySha) != body.Canary {
				t.Errorf("rule 2: event %d confirms %d, the route has %v", event.Seq, body.Canary, body.Route.Targets)
			}
		case *engine.StepPassed:
			baked = baked || before.Present().Bake
		case *engine.RollbackStarted:
			rollingBack = true
		case *engine.TrafficReturned:
			returned = true
			if body.Route.Names(canarySha) {
				t.Errorf("rule 2: event %d says that the traffic is back, the route has %v", event.Seq, body.Route.Targets)
			}
		case *engine.RemovalIntended:
			if body.Sha != canarySha && !baked {
				t.Errorf("rule 3: event %d removes stable before the bake has passed", event.Seq)
			}
			if body.Sha == canarySha && rollingBack && before.Exposed && !returned {
				t.Errorf("rule 4: event %d removes the canary before the traffic is back", event.Seq)
			}
		case *engine.CommandTaken:
			if body.Command.By == "" || body.Command.At.IsZero() {
				t.Errorf("rule 10: event %d has a command of nobody", event.Seq)
			}
		case *engine.CommandRefused:
			if body.Command.Kind == engine.RollBack && before.Outcome == "" && !before.Decided() && !before.RollingBack() {
				t.Errorf("rule 4: event %d refuses a roll back: %s", event.Seq, body.Why)
			}
		case *engine.StuckNow:
			if body.Stuck.Reason == "" || body.Stuck.Truth == "" || body.Stuck.Advice == "" {
				t.Errorf("rule 5: event %d does not say what is true and what to do: %+v", event.Seq, body.Stuck)
			}
		}
	}
}

// heldUp are the activities without which a rollout cannot go on, by phase.
func heldUp() map[engine.Phase][]engine.Activity {
	live := []engine.Activity{engine.ReadRoute, engine.ReadTasks}
	return map[engine.Phase][]engine.Activity{
		engine.Starting: {engine.CreateStack}, engine.Deploying: {engine.ReadStack}, engine.Waiting: {engine.ReadTasks},
		engine.Shifting: append([]engine.Activity{engine.WriteWeights}, live...), engine.Holding: live, engine.Baking: live,
	}
}

// endured is what fails for longer than a rollout puts up with, while it goes on.
func endured(r *engine.Rollout, now time.Time) (activity engine.Activity, since time.Time) {
	if r.Paused != nil || r.Stuck != nil || r.LetGo {
		return "", time.Time{}
	}
	for _, activity := range heldUp()[r.Phase] {
		if fault, failing := r.Faults[activity]; failing && now.Sub(fault.Since) > errorLimit+prompt {
			return activity, fault.Since
		}
	}
	return "", time.Time{}
}
