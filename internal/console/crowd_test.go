package console

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"serin/internal/aws"
	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/ui/scene"
)

// tally counts by what was asked.
type tally struct {
	mu    sync.Mutex
	count map[string]int
}

func (c *tally) add(what string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count == nil {
		c.count = map[string]int{}
	}
	c.count[what] += n
}

// taken is what was counted since it was last taken.
func (c *tally) taken() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counted := maps.Clone(c.count)
	c.count = nil
	return counted
}

// counted are ports whose calls are counted by what they are for, and their metric queries
// by service.
func (c *tally) counted(ports engine.Ports) engine.Ports {
	ports.Router = countedRouter{ports.Router, c}
	ports.Stacks = countedStacks{ports.Stacks, c}
	ports.Metrics = countedMetrics{ports.Metrics, c}
	ports.Alarms = countedAlarms{ports.Alarms, c}
	ports.Tasks = countedTasks{ports.Tasks.(*aws.Tasks), c}
	ports.Versions = countedVersions{ports.Versions, c}
	return ports
}

type countedRouter struct {
	engine.Router
	*tally
}

func (c countedRouter) Route(ctx context.Context, service engine.Service) (engine.Route, error) {
	c.add("read a route", 1)
	return c.Router.Route(ctx, service)
}

func (c countedRouter) SetWeights(ctx context.Context, service engine.Service, split engine.Split) error {
	c.add("write a route", 1)
	return c.Router.SetWeights(ctx, service, split)
}

type countedStacks struct {
	engine.Stacks
	*tally
}

func (c countedStacks) Stack(ctx context.Context, nameOrID, afterEvent string) (engine.Stack, error) {
	c.add("read a stack", 1)
	return c.Stacks.Stack(ctx, nameOrID, afterEvent)
}

type countedMetrics struct {
	engine.Metrics
	*tally
}

func (c countedMetrics) Responses(ctx context.Context, queries []engine.ResponseQuery) ([]engine.Responses, error) {
	c.add("read metrics", 1)
	for _, query := range queries {
		c.add("query metrics of "+query.Service.Name, 1)
	}
	return c.Metrics.Responses(ctx, queries)
}

type countedAlarms struct {
	from engine.Alarms
	*tally
}

func (c countedAlarms) Alarms(ctx context.Context, names []string) ([]engine.Alarm, error) {
	c.add("read alarms", 1)
	return c.from.Alarms(ctx, names)
}

type countedTasks struct {
	*aws.Tasks
	*tally
}

func (c countedTasks) Health(ctx context.Context, service engine.Service, shas []string) ([]engine.TaskHealth, error) {
	c.add("read tasks", 1)
	return c.Tasks.Health(ctx, service, shas)
}

func (c countedTasks) HealthOf(ctx context.Context, versions map[engine.Service][]string) (map[engine.Service][]engine.TaskHealth, error) {
	c.add("read all tasks", 1)
	return c.Tasks.HealthOf(ctx, versions)
}

type countedVersions struct {
	engine.Versions
	*tally
}

func (c countedVersions) Deployed(ctx context.Context, service engine.Service) (engine.Deployed, error) {
	c.add("read a record", 1)
	return c.Versions.Deployed(ctx, service)
}

// countedJournal counts what is read of a journal, and its writes.
type countedJournal struct {
	*journal.Memory
	tally
}

func (c *countedJournal) Append(ctx context.Context, id string, after int64, events []engine.Event) error {
	c.add("append", 1)
	return c.Memory.Append(ctx, id, after, events)
}

func (c *countedJournal) Events(ctx context.Context, id string, after int64) ([]engine.Event, error) {
	c.add("read events", 1)
	return c.Memory.Events(ctx, id, after)
}

func (c *countedJournal) Commands(ctx context.Context, id string, after int64) ([]engine.Command, error) {
	c.add("read a mailbox", 1)
	return c.Memory.Commands(ctx, id, after)
}

func (c *countedJournal) Addressed(ctx context.Context, after int64) (rollouts []string, mark int64, err error) {
	c.add("read all mailboxes", 1)
	return c.Memory.Addressed(ctx, after)
}

func (c *countedJournal) Rollouts(ctx context.Context, key engine.Key, limit int) ([]engine.Header, error) {
	c.add("read the headers", 1)
	return c.Memory.Rollouts(ctx, key, limit)
}

func (c *countedJournal) Current(ctx context.Context, key engine.Key) (engine.Header, error) {
	c.add("read a header", 1)
	return c.Memory.Current(ctx, key)
}

func (c *countedJournal) Lease(ctx context.Context, id string) (engine.Lease, error) {
	c.add("read a lease", 1)
	return c.Memory.Lease(ctx, id)
}

// crowd is what a rollout that holds costs in half a minute: whoever drives it, of AWS and
// of its journal, and all who watch it, of AWS.
type crowd struct{ driver, log, watchers map[string]int }

// crowded has a rollout watched by a number of consoles, and counts.
func crowded(t *testing.T, watching int) crowd {
	t.Helper()
	var driver, watchers tally
	log := &countedJournal{Memory: journal.NewMemory()}
	var ports engine.Ports
	var cost crowd
	onSandbox(t, func(o *Options) {
		ports, o.Journal = o.Ports, log
		o.Ports = driver.counted(ports)
		o.Settings = append(o.Settings, "WaitTime=600", "FailureThresholdValue=100000")
	}, func(t *testing.T, l *live) {
		t.Helper()
		if err := l.Deploy(t.Context(), scene.Order{Service: appserver, Image: appserver + ":fixed", Sha: canary}); err != nil {
			t.Fatal(err)
		}
		l.until(t, "it holds", func(s scene.Service) bool { return s.Rollout.Rollout.Phase == engine.Holding })
		var others []*live
		began := time.Now()
		for range watching {
			other, leave := l.elsewhere(t, log.Memory, func(o *Options) { o.Ports = watchers.counted(ports) })
			defer leave()
			others = append(others, other)
		}
		// The same half minute of the rollout, however many watch it.
		after(90*time.Second - time.Since(began))
		_, _, _ = driver.taken(), log.taken(), watchers.taken()
		after(30 * time.Second)
		cost = crowd{driver.taken(), log.taken(), watchers.taken()}
		seeTheSame(t, l, others)
		if watching == 1 {
			readsForItself(t, l, others[0])
		}
	})
	return cost
}

// seeTheSame checks that all who watch see the responses that the driver counted.
func seeTheSame(t *testing.T, l *live, others []*live) {
	t.Helper()
	mine := l.appserver(t).Responses[canary]
	if len(mine) < 10 {
		t.Errorf("the driver's console has %d periods", len(mine))
	}
	for _, other := range others {
		seen := other.appserver(t)
		if got := seen.Responses[canary]; len(got) < len(mine)-3 || time.Since(seen.Rollout.Evidence.MetricsAt) > time.Minute {
			t.Fatalf("a watcher has %d periods of %d, read at %s", len(got), len(mine), seen.Rollout.Evidence.MetricsAt)
		}
	}
}

// readsForItself lets go of the rollout, and checks that a console reads on without a
// driver.
func readsForItself(t *testing.T, l, other *live) {
	t.Helper()
	l.Ask(engine.Command{Kind: engine.LetGoOfIt, Interrupt: true})
	other.until(t, "it is let go of", func(s scene.Service) bool { return s.Rollout.Rollout.LetGo })
	before := len(other.appserver(t).Responses[canary])
	after(20 * time.Second)
	if now := len(other.appserver(t).Responses[canary]); now < before+10 {
		t.Errorf("without a driver it has %d periods, before it had %d", now, before)
	}
}

// Any number of consoles costs whoever drives nothing, of AWS or of its journal, and no
// query of the rollout's metrics; all see the same responses. For the services that nobody
// rolls out, and for weights and tasks, each reads for itself, and no more than one does.
func TestConsolesReadWhatTheDriverCounted(t *testing.T) {
	costs := map[int]crowd{}
	for _, watching := range []int{0, 1, 20} {
		t.Run(fmt.Sprint(watching), func(t *testing.T) {
			costs[watching] = crowded(t, watching)
			t.Logf("%+v", costs[watching])
		})
	}
	alone, one := costs[0], costs[1]
	if alone.driver["query metrics of "+appserver] == 0 || alone.log["append"] == 0 {
		t.Fatalf("whoever drives costs %+v", alone)
	}
	for watching, cost := range costs {
		within(t, fmt.Sprintf("of AWS, whoever drives with %d who watch", watching), cost.driver, alone.driver, 1)
		within(t, fmt.Sprintf("of its journal, whoever drives with %d who watch", watching), cost.log, alone.log, 1)
		within(t, fmt.Sprintf("of AWS, %d who watch", watching), cost.watchers, one.watchers, watching)
		if queries := cost.watchers["query metrics of "+appserver]; queries > 0 {
			t.Errorf("%d who watch query the rollout's metrics %d times", watching, queries)
		}
	}
}

// within fails where something was asked more often than so many times what was, with a
// little more for where the half minute began.
func within(t *testing.T, who string, cost, base map[string]int, times int) {
	t.Helper()
	for what, n := range cost {
		if n > times*(base[what]+2) {
			t.Errorf("%s: %d times %s, want at most %d times %d", who, n, what, times, base[what]+2)
		}
	}
}
