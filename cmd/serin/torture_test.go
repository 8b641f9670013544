package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"serin/internal/aws"
	"serin/internal/engine"
	"serin/internal/headless"
	"serin/internal/journal"
	"serin/internal/sandbox"
	"serin/internal/sandbox/wire"
)

// tortureSeed chooses the points of a run; a failure prints it.
var tortureSeed = flag.Uint64("torture.seed", 1, "the choice of the points at which TestTorture kills")

// agony is a rollout that is killed again and again.
type agony struct {
	name, service, image string
	empty                bool
	flags                []string
	code                 int
	// countsWrites compares the route's writes too: those of a roll back by a verdict
	// depend on how far the canary came.
	countsWrites bool
}

func agonies() []agony {
	steps := []string{"--set", "PercentageStep=50"}
	return []agony{
		{name: "success", service: "yelb-appserver", image: "yelb-appserver:fixed", flags: append(tolerant(0), steps...), countsWrites: true},
		{
			name: "verdict", service: "yelb-appserver", image: "yelb-appserver:wrongport", code: headless.ExitRolledBack,
			flags: append(small(60), append(steps, "--set", "TemplateParameters.ContainerHealthCheck=off")...),
		},
		{name: "first deployment", service: "yelb-redisserver", image: "yelb-redisserver:1", empty: true, flags: small(0), countsWrites: true},
		{name: "tcp", service: "yelb-db", image: "yelb-db:2", flags: append(small(0), steps...), countsWrites: true},
	}
}

// killer is a sandbox's wrapping that kills a process at one call: before it takes
// effect, or after that and before its answer. Calls that change something are counted
// apart from those that read, whose number depends on how long things take.
type killer struct {
	mu     sync.Mutex
	calls  int
	reads  int
	at     point
	victim *os.Process
}

// changes are the calls of a rollout that change the account.
func changes(call wire.Call) bool {
	return map[string]bool{
		"CreateStack": true, "DeleteStack": true, "CreateRoute": true, "UpdateRoute": true, "DeleteRoute": true, "PutParameter": true,
	}[call.Operation]
}

func (k *killer) around(call wire.Call, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		victim, after := k.count(changes(call))
		hit := victim != nil
		if hit && !after {
			k.kill(victim)
			panic(http.ErrAbortHandler)
		}
		if !hit {
			next.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(discard{w.Header()}, r)
		k.kill(victim)
		panic(http.ErrAbortHandler)
	})
}

// count counts a call, and says whom to kill at it and whether after its effect; nobody,
// when it is not the one.
func (k *killer) count(changing bool) (victim *os.Process, after bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	hit := false
	if changing {
		k.calls++
		hit = k.calls == k.at.call
	} else {
		k.reads++
		hit = k.reads == k.at.read
	}
	if !hit {
		return nil, false
	}
	return k.victim, k.at.after
}

// hunt chooses whom to kill, and where; nobody, with a nil victim.
func (k *killer) hunt(victim *os.Process, at point) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.victim, k.at = victim, at
}

// counted is how many calls were made that change something, and that read.
func (k *killer) counted() (calls, reads int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.calls, k.reads
}

func (k *killer) kill(victim *os.Process) {
	_ = victim.Signal(syscall.SIGKILL)
}

// discard is an answer that nobody gets.
type discard struct{ header http.Header }

func (d discard) Header() http.Header            { return d.header }
func (d discard) Write(data []byte) (int, error) { return len(data), nil }
func (d discard) WriteHeader(int)                {}

// scene is a sandbox in this process, and the flags and variables to reach it.
type scene struct {
	agony
	killer  *killer
	sandbox *sandbox.Sandbox
	// state is the directory that the journal is in.
	state       string
	environment []string
}

func newScene(t *testing.T, a agony) *scene {
	t.Helper()
	k := &killer{}
	s := newSceneAround(t, a, k.around)
	s.killer = k
	return s
}

// newSceneAround is a scene whose calls are wrapped.
func newSceneAround(t *testing.T, a agony, around wire.Around) *scene {
	t.Helper()
	s := &scene{agony: a}
	options := sandbox.Defaults()
	options.Empty, options.Rate, options.MetricDelay, options.Pace = a.empty, 20, 0, 0.05
	options.Around = around
	region, err := sandbox.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(region.Close)
	s.sandbox, s.state = region, t.TempDir()
	s.environment = append(region.Exports(), "XDG_STATE_HOME="+s.state, "HOME="+s.state, "PATH="+os.Getenv("PATH"))
	return s
}

func (s *scene) deploy(t *testing.T, flags ...string) *process {
	t.Helper()
	return serinIn(t, s.environment, append([]string{"deploy", "../../specfiles/" + s.service + "/deploy.json", "--ci", "--output", "json"}, flags...)...)
}

func (s *scene) begin(t *testing.T) *process {
	t.Helper()
	return s.deploy(t, slices.Concat(s.flags, []string{"--sha", "9bd0417e", "--image", s.image})...)
}

// account is everything that AWS would show of a service.
func (s *scene) account(t *testing.T) string {
	t.Helper()
	r := &region{Endpoint: s.sandbox.Endpoint(), Region: s.sandbox.Region()}
	clients, ctx := r.clients(t), context.Background()
	var b strings.Builder
	route, err := clients.Ports("").Router.Route(ctx, engine.Service{Environment: "ecs-blogpost", Name: s.service})
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range route.Targets {
		fmt.Fprintf(&b, "target %s %d\n", target.Name, target.Weight)
	}
	if s.countsWrites && route.Exists {
		described, err := clients.AppMesh.DescribeRoute(ctx, &appmesh.DescribeRouteInput{
			MeshName: awssdk.String("ecs-blogpost"), VirtualRouterName: awssdk.String(s.service + "-vr"), RouteName: awssdk.String(s.service + "-route"),
		})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "route written %d times\n", awssdk.ToInt64(described.Route.Metadata.Version))
	}
	stacks, err := clients.CloudFormation.ListStacks(ctx, &cloudformation.ListStacksInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, stack := range stacks.StackSummaries {
		if strings.HasPrefix(awssdk.ToString(stack.StackName), "ecs-blogpost-"+s.service+"-") {
			fmt.Fprintf(&b, "stack %s %s\n", awssdk.ToString(stack.StackName), stack.StackStatus)
		}
	}
	history, err := clients.SSM.GetParameterHistory(ctx, &ssm.GetParameterHistoryInput{
		Name: awssdk.String("ecs-blogpost-canary-" + s.service + "-version"), WithDecryption: awssdk.Bool(true),
	})
	if err == nil {
		for _, version := range history.Parameters {
			fmt.Fprintf(&b, "parameter %d %s\n", version.Version, awssdk.ToString(version.Value))
		}
	}
	return strings.ReplaceAll(b.String(), s.sandbox.Account(), "ACCOUNT")
}

// peace is a run that nobody kills: the account before it and after it, how many events,
// changing calls and reading calls it had, and which event was the first that confirmed
// weights.
type peace struct {
	before, account              string
	events, calls, reads, shared int
}

func undisturbed(t *testing.T, a agony) peace {
	t.Helper()
	s := newScene(t, a)
	s.countsWrites = false
	before := s.account(t)
	s.countsWrites = a.countsWrites
	p := s.begin(t)
	p.exits(a.code)
	seen := peace{before: before, events: len(p.lines) - 1}
	seen.shared = 1 + slices.IndexFunc(p.lines, func(line string) bool {
		return strings.Contains(line, `"event":"`+string(engine.KindWeightsConfirmed)+`"`)
	})
	seen.calls, seen.reads = s.killer.counted()
	seen.account = s.account(t)
	return seen
}

// undone is the account after a roll back: as before, and of the canary's stack that it was
// deleted.
func (p peace) undone() string {
	return strings.Replace(p.before, "stack ", "stack ecs-blogpost-yelb-appserver-9bd0417e DELETE_COMPLETE\nstack ", 1)
}

// point is where a driver is killed: after an event, or in a call that changes or reads.
type point struct {
	event, call, read int
	after             bool
}

func (p point) String() string {
	where := fmt.Sprintf("call %d", p.call)
	switch {
	case p.event > 0:
		return fmt.Sprintf("after event %d", p.event)
	case p.read > 0:
		where = fmt.Sprintf("reading call %d", p.read)
	}
	if p.after {
		return "in " + where + ", after its effect"
	}
	return "in " + where + ", before its effect"
}

// points are all places to die at in a rollout: after every event, in every call that
// changes something, and in as many that read, drawn at random, that inCalls is reached;
// each call before its effect or after it.
func (p peace) points(random *rand.Rand, inCalls int) []point {
	var all []point
	for n := 1; n < p.events; n++ {
		all = append(all, point{event: n})
	}
	for n := 1; n <= p.calls; n++ {
		all = append(all, point{call: n}, point{call: n, after: true})
	}
	for range max(inCalls-2*p.calls, 0) {
		all = append(all, point{read: 1 + random.IntN(p.reads), after: random.IntN(2) == 1})
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// inCalls is in how many calls the driver of each of the four rollouts is killed.
const inCalls = 26

// TestTorture kills the driver with SIGKILL, goes on with another one, and compares the
// account with that of a run that nobody killed. It tries 20 points, 8 where races are
// looked for, and at four of them two drivers try to take over at once; at one more the
// rollout is rolled back instead. With SERIN_TORTURE=all (make torture) these are all there
// are: every journal event, every changing call before and after its effect, and more than
// a hundred points inside calls.
func TestTorture(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(*tortureSeed, 0))
	all := os.Getenv("SERIN_TORTURE") == "all"
	var tried, reached atomic.Int64
	t.Cleanup(func() {
		if 2*reached.Load() < tried.Load() {
			t.Errorf("seed %d: of %d points at which a driver was to be killed, %d were reached", *tortureSeed, tried.Load(), reached.Load())
		}
	})
	for k, a := range agonies() {
		seen := undisturbed(t, a)
		points := seen.points(random, inCalls)
		if !all {
			points = points[:min(everydayPoints, len(points))]
		}
		for n, at := range points {
			t.Run(fmt.Sprintf("%s %d %s", a.name, n, at), func(t *testing.T) {
				t.Parallel()
				tried.Add(1)
				next := goOn
				if all || n == 0 {
					next = contenders(k + n)
				}
				if torture(t, a, at, next, seen.account) {
					reached.Add(1)
				}
			})
		}
		if a.name == "success" {
			t.Run("rolled back by another", func(t *testing.T) {
				t.Parallel()
				held := a // so that it is not past its end when it is killed
				held.countsWrites, held.flags = false, append(tolerant(600), "--set", "PercentageStep=50")
				if !torture(t, held, point{event: seen.shared}, rollBack, seen.undone()) {
					t.Error("the driver was not killed")
				}
			})
		}
	}
}

// resume goes on with a rollout, takeover takes it over.
func (s *scene) resume(t *testing.T) *process {
	t.Helper()
	return s.deploy(t, "--resume")
}

func (s *scene) takeover(t *testing.T) *process {
	t.Helper()
	return serinIn(t, s.environment, "takeover", s.service, "--ci", "--output", "json", "--reason", "the other one was killed")
}

// goOn has another driver go on, and answers what it printed.
func goOn(t *testing.T, s *scene) []string {
	t.Helper()
	return s.goOnWith(t, func(t *testing.T) []string {
		t.Helper()
		p := s.resume(t)
		p.exits(s.code)
		return p.lines
	})
}

// contenders has one of two drivers go on that both try to: each by one verb or the other,
// all four ways in turn.
func contenders(turn int) func(*testing.T, *scene) []string {
	return func(t *testing.T, s *scene) []string {
		t.Helper()
		ways := []func(*testing.T) *process{s.resume, s.takeover}
		return s.goOnWith(t, func(t *testing.T) []string {
			t.Helper()
			return s.contend(t, ways[(turn+1)%2], ways[turn/2%2])
		})
	}
}

// rollBack rolls back what nobody drives any more.
func rollBack(t *testing.T, s *scene) []string {
	t.Helper()
	p := serinIn(t, s.environment, "rollback", s.service, "--yes", "--output", "json", "--reason", "the other one was killed")
	p.exits(headless.ExitRolledBackByPerson)
	return p.lines
}

// goOnWith goes on with a rollout. A driver that was killed before its rollout began has
// left nothing to go on with: then the rollout is begun. One that was killed after its end
// has left nothing to do.
func (s *scene) goOnWith(t *testing.T, goOn func(*testing.T) []string) []string {
	t.Helper()
	clients := (&region{Endpoint: s.sandbox.Endpoint(), Region: s.sandbox.Region()}).clients(t)
	caller, err := aws.Identify(t.Context(), clients.STS, clients.Where)
	if err != nil {
		t.Fatal(err)
	}
	log, err := journal.Open(t.Context(), filepath.Join(s.state, "serin", "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	key := engine.Key{Account: caller.Account, Region: caller.Region, Environment: "ecs-blogpost", Service: s.service}
	if _, err = log.Current(t.Context(), key); !errors.Is(err, engine.ErrNoRollout) {
		return goOn(t)
	}
	if all, err := log.Rollouts(t.Context(), key, 0); err != nil || len(all) > 0 {
		return nil
	}
	p := s.begin(t)
	p.exits(s.code)
	return p.lines
}

// contend starts two drivers that take over at once. One ends the rollout; the other says
// which process drives, or has ended it, and leaves.
func (s *scene) contend(t *testing.T, one, other func(*testing.T) *process) []string {
	t.Helper()
	winner, loser := one(t), other(t)
	var both sync.WaitGroup
	for _, p := range []*process{winner, loser} {
		both.Go(func() { _ = p.ends() }) // the exit codes tell
	}
	both.Wait()
	if winner.code() == headless.ExitFailed {
		winner, loser = loser, winner
	}
	says := loser.diagnostics.String()
	told := strings.Contains(says, fmt.Sprintf("pid %d ", winner.command.Process.Pid)) || strings.Contains(says, "has no open rollout")
	if loser.code() != headless.ExitFailed || strings.TrimSpace(loser.text()) != "" || !told {
		t.Errorf("two go on, and the one that does not exits with %d and says:\n%s%s", loser.code(), loser.text(), says)
	}
	if winner.code() != s.code {
		t.Errorf("two go on, and the one that does exits with %d, want %d:\n%s%s", winner.code(), s.code, winner.text(), winner.diagnostics.String())
	}
	return winner.lines
}

// torture kills a driver at a point, has another one go on, and compares the account. It
// tells whether the driver was killed: one that does less than the undisturbed one may have
// ended before. In a changing call it must be.
func torture(t *testing.T, a agony, at point, next func(*testing.T, *scene) []string, want string) (killed bool) {
	t.Helper()
	for ; ; at.read /= 2 {
		s := newScene(t, a)
		p, killed := s.beginKilled(t, at)
		switch {
		case killed:
			p.lines = append(p.lines, next(t, s)...)
		case p.code() != a.code:
			t.Fatalf("the driver, to be killed %s, exits with %d, want %d:\n%s%s", at, p.code(), a.code, p.text(), p.diagnostics.String())
		case at.read > 1:
			continue // this run read less than that one
		case at.event == 0:
			t.Fatalf("the driver was not killed %s", at)
		}
		if got := s.account(t); got != want {
			t.Errorf("seed %d: killed %s, the account is\n%swant\n%s\n%s", *tortureSeed, at, got, want, strings.Join(p.lines, ""))
		}
		return killed
	}
}

// beginKilled begins a rollout whose driver is killed at a point, and tells whether it
// died of that.
func (s *scene) beginKilled(t *testing.T, at point) (p *process, killed bool) {
	t.Helper()
	p = s.begin(t)
	s.killer.hunt(p.command.Process, at)
	for n := 1; ; n++ {
		line, err := p.out.ReadString('\n')
		p.lines = append(p.lines, line)
		if err != nil {
			break
		}
		if n == at.event {
			_ = p.command.Process.Signal(syscall.SIGKILL) // it may have ended by itself
		}
	}
	_ = p.command.Wait()
	s.killer.hunt(nil, point{})
	status, is := p.command.ProcessState.Sys().(syscall.WaitStatus)
	return p, is && status.Signaled() && status.Signal() == syscall.SIGKILL
}
