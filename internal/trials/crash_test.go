package trials

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/sandbox"
	"serin/internal/sandbox/wire"
)

var every = flag.Int("every", everydayPlace, "let a driver die at one of so many places; 1 is everywhere")

// scenario is a rollout that is crashed.
type scenario struct {
	service, tag string
	empty        bool
	set          []string
	outcome      engine.Outcome
	// rolledBackAt is the weight at which a person asks for a roll back, 0 for none.
	rolledBackAt int
	// still leaves the servers and the network out, at a tenth of the cost.
	still bool
}

func scenarios() map[string]scenario {
	return map[string]scenario{
		"success": {service: "yelb-appserver", tag: "fixed", outcome: engine.Succeeded},
		"verdict": {service: "yelb-appserver", tag: "late", set: []string{"WaitTime=120"}, outcome: engine.RolledBack},
		"first":   {service: "yelb-appserver", tag: "fixed", empty: true, set: []string{"FailureThresholdValue=1000", "PercentageStep=100"}, outcome: engine.Succeeded},
		"tcp":     {service: "yelb-redisserver", tag: "2", set: []string{"PercentageStep=100"}, outcome: engine.Succeeded},
	}
}

func (s scenario) options(around wire.Around) sandbox.Options {
	options := lively(around)
	options.Empty = s.empty
	return options
}

// place is where in a driver's life it dies.
type place struct {
	// event is the kind of the event that is not recorded any more.
	event engine.EventKind
	// append is the number of the write to the journal before which it dies, 0 for none.
	append int
	// call is the number of the call that changes something in which it dies, 0 for none:
	// before it is performed, or after, before its answer.
	call  int
	after bool
	// read is the number of the call that only reads in which it dies, 0 for none.
	read int
	// moment is how long it lives, if nothing else kills it; 0 is for ever.
	moment time.Duration
}

func (p place) String() string {
	switch {
	case p.append > 0:
		return fmt.Sprintf("before record %d", p.append)
	case p.moment > 0:
		return fmt.Sprintf("after %s", p.moment)
	case p.read > 0 && p.after:
		return fmt.Sprintf("after reading call %d", p.read)
	case p.read > 0:
		return fmt.Sprintf("before reading call %d", p.read)
	case p.after:
		return fmt.Sprintf("after call %d", p.call)
	case p.call > 0:
		return fmt.Sprintf("before call %d", p.call)
	default:
		return "nowhere"
	}
}

// reaper kills one driver at one place, the way SIGKILL does: what it was doing is cut
// off, it records nothing more, and it does not let go of its lease.
type reaper struct {
	engine.Journal
	place place

	mu      sync.Mutex
	kill    context.CancelFunc
	dead    bool
	appends int
	calls   []string
	reads   int
	// story is the journal at the end.
	story string
}

var errKilled = errors.New("killed")

func (r *reaper) strike() {
	r.dead = true
	r.kill()
}

// Append records, or is where the driver dies. The journal is called without the lock: it
// may wait for another process, and virtual time stands still while anybody waits for a
// lock.
func (r *reaper) Append(ctx context.Context, id string, after int64, events []engine.Event) error {
	if r.diesBefore(events) {
		return errKilled
	}
	return r.Journal.Append(ctx, id, after, events)
}

// diesBefore counts an append, and tells whether its driver is dead before it.
func (r *reaper) diesBefore(events []engine.Event) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.appends++
	if !r.dead && (r.appends == r.place.append || slices.ContainsFunc(events, func(event engine.Event) bool {
		return event.Body.Kind() == r.place.event
	})) {
		r.strike()
	}
	return r.dead
}

// reached tells whether the driver got as far as the place where it should die.
func (r *reaper) reached() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.place
	return at.append > 0 && r.appends >= at.append || at.call > 0 && len(r.calls) >= at.call || at.read > 0 && r.reads >= at.read
}

func (r *reaper) isDead() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dead
}

// Release lets go of the lease of a driver that lives.
func (r *reaper) Release(ctx context.Context, lease engine.Lease) error {
	if r.isDead() {
		return nil
	}
	return r.Journal.Release(ctx, lease)
}

// Beat gives a sign of life.
func (r *reaper) Beat(ctx context.Context, lease engine.Lease) (engine.Lease, error) {
	if r.isDead() {
		return lease, errKilled
	}
	return r.Journal.Beat(ctx, lease)
}

// changes are the calls that change something.
var changes = []string{"CreateStack", "DeleteStack", "UpdateRoute", "CreateRoute", "DeleteRoute", "PutParameter"}

// around counts the calls of the driver, those that change something and those that read,
// and strikes in one of them.
func (r *reaper) around(call wire.Call, next http.Handler) http.Handler {
	if call.AccessKey == observer {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		strikes, after := r.count(call.Operation)
		if !strikes {
			next.ServeHTTP(w, request)
			return
		}
		if after {
			next.ServeHTTP(discard{}, request.WithContext(context.WithoutCancel(request.Context())))
			r.die()
		}
		panic(http.ErrAbortHandler)
	})
}

// count counts a call and tells whether it is the one to die in: after it took effect, or
// else now.
func (r *reaper) count(operation string) (strikes, after bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(changes, operation) {
		r.calls = append(r.calls, operation)
		strikes = len(r.calls) == r.place.call
	} else {
		r.reads++
		strikes = r.reads == r.place.read
	}
	strikes = strikes && !r.dead
	if strikes && !r.place.after {
		r.strike()
	}
	return strikes, r.place.after
}

// doom says where the driver dies, counted from now.
func (r *reaper) doom(at place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for count, done := range map[*int]int{&at.append: r.appends, &at.call: len(r.calls), &at.read: r.reads} {
		if *count > 0 {
			*count += done
		}
	}
	r.place = at
	if at.moment > 0 {
		time.AfterFunc(at.moment, r.die)
	}
}

// asking is a journal into whose mailbox a person puts a roll back when the canary has a
// weight; 0 is never.
type asking struct {
	engine.Journal
	at int
}

// Append records, and asks.
func (a asking) Append(ctx context.Context, id string, after int64, events []engine.Event) error {
	err := a.Journal.Append(ctx, id, after, events)
	for _, event := range events {
		if confirmed, is := event.Body.(*engine.WeightsConfirmed); is && err == nil && a.at > 0 && confirmed.Canary == a.at {
			_, err = a.Post(ctx, id, ask(engine.RollBack))
		}
	}
	return err
}

// die kills the driver now.
func (r *reaper) die() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.strike()
}

// discard is an answer that nobody gets.
type discard struct{}

func (discard) Header() http.Header            { return http.Header{} }
func (discard) Write(text []byte) (int, error) { return len(text), nil }
func (discard) WriteHeader(int)                {}

// aftermath is what AWS shows of a rollout when it is over.
type aftermath struct {
	outcome engine.Outcome
	// route is its targets, writes how often it was written; 0 and "" without one.
	route, writes string
	record        string
	// stacks are all that there were of the service, with their states.
	stacks []string
	// services are the ECS services of the service.
	services []string
}

func (r *region) aftermath(t *testing.T, ending engine.Ending) aftermath {
	t.Helper()
	ctx, service := context.Background(), ending.Rollout.Service()
	found := aftermath{outcome: ending.Outcome}
	route, err := r.truth.ports.Router.Route(ctx, service)
	if err != nil {
		t.Fatal(err)
	}
	found.route, found.writes = fmt.Sprint(route.Targets), route.Revision
	deployed, err := r.truth.ports.Versions.Deployed(ctx, service)
	if err != nil {
		t.Fatal(err)
	}
	image := deployed.Image[strings.LastIndex(deployed.Image, "/")+1:]
	found.record = fmt.Sprint(image, " ", deployed.Number)
	list, err := r.truth.stack.ListStacks(ctx, &cloudformation.ListStacksInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, stack := range list.StackSummaries {
		if name := aws.ToString(stack.StackName); strings.HasPrefix(name, service.StackName("")) {
			found.stacks = append(found.stacks, name+" "+string(stack.StackStatus))
		}
	}
	slices.Sort(found.stacks)
	services, err := r.truth.ecs.ListServices(ctx, &ecs.ListServicesInput{Cluster: &service.Environment})
	if err != nil {
		t.Fatal(err)
	}
	for _, arn := range services.ServiceArns {
		found.services = append(found.services, arn[strings.LastIndex(arn, "/")+1:])
	}
	slices.Sort(found.services)
	return found
}

// play plays a scenario to its end; its first driver dies at a place.
func (s scenario) play(t *testing.T, at place) (found aftermath, reaped *reaper) {
	t.Helper()
	log := journal.NewMemory()
	reaped = &reaper{Journal: log, place: at, kill: func() {}}
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		options := s.options(reaped.around)
		options.Still = s.still
		r := (&region{still: s.still, bare: s.still}).open(t, options)
		defer r.close()
		lease := r.begin(t, log, r.specOf(t, s.service, s.tag, s.set...), false)
		first := r.drive(reaped, lease)
		defer first.kill()
		ending, err := first.wait(t, log)
		if reaped.dead {
			ending, err = r.succeed(t, log)
		}
		if err != nil || ending.Outcome == "" {
			t.Fatalf("%+v, %v%s", ending, err, story(events(t, log)))
		}
		found = r.aftermath(t, ending)
		reaped.story = story(events(t, log))
	})
	return found, reaped
}

func (at *run) wait(t *testing.T, log engine.Journal) (engine.Ending, error) {
	t.Helper()
	select {
	case <-at.done:
	case <-time.After(patience):
		t.Fatalf("no end:%s", story(events(t, log)))
	}
	return at.ending, at.err
}

// succeed has a driver of another process go on with an open rollout.
func (r *region) succeed(t *testing.T, log engine.Journal) (engine.Ending, error) {
	t.Helper()
	header := headerOf(t, log)
	if !header.Open {
		// It died after the end.
		rollout := engine.Fold(events(t, log))
		return engine.Ending{Outcome: rollout.Outcome, Reason: rollout.Reason, Rollout: rollout}, nil
	}
	lease, err := engine.TakeOver(t.Context(), log, header, engine.Driver{Actor: "lee", Place: "trial 2", Unattended: true}, engine.LeaseTime)
	if err != nil {
		t.Fatal(err)
	}
	r.reconnect(t)
	second := r.drive(log, lease)
	defer second.kill()
	return second.wait(t, log)
}

// reconnect gives drivers adapters that know nothing yet, as another process has them.
func (r *region) reconnect(t *testing.T) {
	t.Helper()
	r.ports = r.connect(t).Ports("")
}

func headerOf(t *testing.T, log engine.Journal) engine.Header {
	t.Helper()
	headers, err := log.Rollouts(context.Background(), engine.Key{}, 1)
	if err != nil || len(headers) != 1 {
		t.Fatal(headers, err)
	}
	return headers[0]
}

// TestADriverThatDiesAnywhere kills the driver of each scenario before every write to
// the journal, and in every call that changes something; another driver goes on, and
// AWS ends as if nothing had happened.
func TestADriverThatDiesAnywhere(t *testing.T) {
	for name, s := range scenarios() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wanted, undisturbed := s.play(t, place{})
			if wanted.outcome != s.outcome {
				t.Fatalf("undisturbed it ends with %+v", wanted)
			}
			var places []place
			for n := range undisturbed.appends {
				places = append(places, place{append: n + 1})
			}
			for n := range undisturbed.calls {
				places = append(places, place{call: n + 1}, place{call: n + 1, after: true})
			}
			t.Logf("%d places, calls %v, %+v", len(places), undisturbed.calls, wanted)
			// A life may have a record or two fewer than the undisturbed one: what is read at
			// the same moment is recorded together, or one after the other.
			tried := (len(places) + *every - 1) / *every
			if alive := s.dies(t, places, *every, wanted); len(alive)*8 > tried {
				t.Errorf("of %d places nobody died at %v", tried, alive)
			}
		})
	}
}

// dies kills the driver at one of so many places, and compares the ends. It returns the
// places at which nobody died: the driver never got there.
func (s scenario) dies(t *testing.T, places []place, every int, wanted aftermath) (alive []place) {
	t.Helper()
	for n, at := range places {
		if n%every != 0 {
			continue
		}
		t.Run(strings.ReplaceAll(at.String(), " ", "-"), func(t *testing.T) {
			t.Helper()
			found, reaped := s.play(t, at)
			if fmt.Sprint(found) != fmt.Sprint(wanted) {
				t.Errorf("it ends with\n%+v, without a crash with\n%+v%s", found, wanted, reaped.story)
			}
			switch {
			case reaped.dead:
			case reaped.reached():
				t.Errorf("it got to %s, and did not die", at)
			default:
				alive = append(alive, at)
			}
		})
	}
	return alive
}

// TestADriverThatDiesInAReading kills the driver of each scenario in every call that only
// reads. Before it takes effect and after are the same: it has none.
func TestADriverThatDiesInAReading(t *testing.T) {
	for name, s := range scenarios() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.still = true
			wanted, undisturbed := s.play(t, place{})
			if wanted.outcome != s.outcome {
				t.Fatalf("undisturbed it ends with %+v", wanted)
			}
			var places []place
			for n := range undisturbed.reads {
				places = append(places, place{read: n + 1})
			}
			t.Logf("%d places, %+v", len(places), wanted)
			// What is read at the same moment is read in any order: some lives have fewer
			// readings than the undisturbed one, and few are tried with the race detector,
			// of which the last may be one too many.
			stride := *every * *every
			tried := (len(places) + stride - 1) / stride
			if alive := s.dies(t, places, stride, wanted); len(alive)*2 > tried {
				t.Errorf("of %d places nobody died at %v", tried, alive)
			}
		})
	}
}
