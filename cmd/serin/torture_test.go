package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"serin/internal/engine"
	"serin/internal/headless"
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

// killer is a sandbox's wrapping that kills a process at one call that changes
// something: before it takes effect, or after that and before its answer.
type killer struct {
	mu     sync.Mutex
	calls  int
	at     int
	after  bool
	victim *os.Process
	killed atomic.Bool
}

// changes are the calls of a rollout that change the account.
func changes(call wire.Call) bool {
	return map[string]bool{
		"CreateStack": true, "DeleteStack": true, "CreateRoute": true, "UpdateRoute": true, "DeleteRoute": true, "PutParameter": true,
	}[call.Operation]
}

func (k *killer) around(call wire.Call, next http.Handler) http.Handler {
	if !changes(call) {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.mu.Lock()
		k.calls++
		victim, after := k.victim, k.after
		hit := k.calls == k.at && victim != nil
		k.mu.Unlock()
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

// hunt chooses whom to kill, and where; nobody, with a nil victim.
func (k *killer) hunt(victim *os.Process, at point) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.victim, k.at, k.after = victim, at.call, at.after
}

// counted is how many changing calls were made.
func (k *killer) counted() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.calls
}

func (k *killer) kill(victim *os.Process) {
	k.killed.Store(true)
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
	killer      *killer
	sandbox     *sandbox.Sandbox
	environment []string
}

func newScene(t *testing.T, a agony) *scene {
	t.Helper()
	s := &scene{agony: a, killer: &killer{}}
	options := sandbox.Defaults()
	options.Empty, options.Rate, options.MetricDelay, options.Pace = a.empty, 60, 0, 0.05
	options.Around = s.killer.around
	region, err := sandbox.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(region.Close)
	state := t.TempDir()
	s.sandbox = region
	s.environment = append(region.Exports(), "XDG_STATE_HOME="+state, "HOME="+state, "PATH="+os.Getenv("PATH"))
	return s
}

func (s *scene) deploy(t *testing.T, flags ...string) *process {
	t.Helper()
	return serinIn(t, s.environment, append([]string{"deploy", "../../specfiles/" + s.service + "/deploy.json", "--ci", "--output", "json"}, flags...)...)
}

func (s *scene) begin(t *testing.T) *process {
	t.Helper()
	return s.deploy(t, append(s.flags, "--sha", "9bd0417e", "--image", s.image)...)
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

// undisturbed is the account after a run that nobody kills, with the number of events
// and of changing calls of that run.
func undisturbed(t *testing.T, a agony) (want string, events, calls int) {
	t.Helper()
	s := newScene(t, a)
	p := s.begin(t)
	p.exits(a.code)
	return s.account(t), len(p.lines) - 1, s.killer.counted()
}

// point is where a driver is killed.
type point struct {
	event, call int
	after       bool
}

func (p point) String() string {
	switch {
	case p.event > 0:
		return fmt.Sprintf("after event %d", p.event)
	case p.after:
		return fmt.Sprintf("in call %d, after its effect", p.call)
	}
	return fmt.Sprintf("in call %d, before its effect", p.call)
}

// TestTorture kills the driver with SIGKILL, goes on with another one, and compares the
// account with that of a run that nobody killed. It tries 20 points; with
// SERIN_TORTURE=all (make torture) every journal event and every changing call, each
// before and after its effect.
func TestTorture(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(*tortureSeed, 0))
	for _, a := range agonies() {
		want, events, calls := undisturbed(t, a)
		var points []point
		for n := 1; n < events; n++ {
			points = append(points, point{event: n})
		}
		for n := 1; n <= calls; n++ {
			points = append(points, point{call: n}, point{call: n, after: true})
		}
		random.Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
		if os.Getenv("SERIN_TORTURE") != "all" {
			points = points[:min(5, len(points))]
		}
		for _, at := range points {
			t.Run(a.name+" "+at.String(), func(t *testing.T) {
				t.Parallel()
				torture(t, a, at, want)
			})
		}
	}
}

func torture(t *testing.T, a agony, at point, want string) {
	t.Helper()
	s := newScene(t, a)
	p := s.begin(t)
	s.killer.hunt(p.command.Process, at)
	for n := 1; ; n++ {
		line, err := p.out.ReadString('\n')
		p.lines = append(p.lines, line)
		if err != nil {
			break
		}
		if n == at.event {
			p.signal(syscall.SIGKILL)
		}
	}
	_ = p.command.Wait()
	if p.command.ProcessState.ExitCode() == a.code {
		if at.event == 0 && !s.killer.killed.Load() {
			t.Fatalf("call %d was not made; calls: %d", at.call, s.killer.counted())
		}
	} else {
		s.killer.hunt(nil, point{})
		next := s.deploy(t, "--resume")
		next.exits(a.code)
		p.lines = append(p.lines, next.lines...)
	}
	if got := s.account(t); got != want {
		t.Errorf("seed %d: killed %s, the account is\n%swant\n%s\n%s", *tortureSeed, at, got, want, strings.Join(p.lines, ""))
	}
}
