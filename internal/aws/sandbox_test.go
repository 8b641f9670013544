package aws

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
	"serin/internal/sandbox"
	"serin/internal/sandbox/wire"
	"serin/specfiles"
)

// patience is how long a test waits for what happens behind an API.
const patience = 20 * time.Second

// region is a sandbox with everything that reaches it, over HTTP as everywhere.
type region struct {
	*sandbox.Sandbox
	clients   *Clients
	ports     engine.Ports
	preflight *Preflight
}

func startRegion(t *testing.T, options sandbox.Options) region {
	t.Helper()
	alone(t)
	options.ScrapeInterval = 20 * time.Millisecond
	started, err := sandbox.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(started.Close)
	clients := connect(t, Options{Region: started.Region(), Sandbox: started.Endpoint()})
	return region{Sandbox: started, clients: clients, ports: clients.Ports(""), preflight: NewPreflight(clients, "")}
}

// eventually asks again and again until the answer is yes.
func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !ask() {
		select {
		case <-ctx.Done():
			t.Fatalf("after %v, still not: %s", patience, what)
		case <-ticker.C:
		}
	}
}

// canary is what the rollout of the fixed appserver needs.
func (r region) canary(t *testing.T, sha, tag string) Wanted {
	t.Helper()
	template, err := specfiles.Read("yelb-appserver", specfiles.TemplateFile)
	if err != nil {
		t.Fatal(err)
	}
	service := appserver()
	image := r.ImageURI(service.Name, tag)
	return Wanted{
		Service: service, Sha: sha, Image: image, Template: template,
		Parameters: map[string]string{
			"EnvironmentName": service.Environment, "MicroserviceName": service.Name, "Namespace": service.Namespace,
			"Sha": sha, "ContainerImage": image, "Port": "4567", "Protocol": "http",
		},
		Exports: []string{"ecs-blogpost:Mesh", "ecs-blogpost:VPC"},
	}
}

func (r region) create(t *testing.T, wanted Wanted, token string) string {
	t.Helper()
	id, err := r.ports.Stacks.Create(t.Context(), engine.StackRequest{
		Name: wanted.Service.StackName(wanted.Sha), Template: wanted.Template, Parameters: wanted.Parameters,
		Tags: map[string]string{"serin:rollout": "r1"}, Token: token,
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (r region) stack(t *testing.T, id, after string) engine.Stack {
	t.Helper()
	stack, err := r.ports.Stacks.Stack(t.Context(), id, after)
	if err != nil {
		t.Fatal(err)
	}
	return stack
}

func (r region) route(t *testing.T) engine.Route {
	t.Helper()
	route, err := r.ports.Router.Route(t.Context(), appserver())
	if err != nil {
		t.Fatal(err)
	}
	return route
}

func (r region) set(t *testing.T, split engine.Split) {
	t.Helper()
	if err := r.ports.Router.SetWeights(t.Context(), appserver(), split); err != nil {
		t.Fatal(err)
	}
}

// TestARolloutInTheSandbox does, port by port, what a rollout does: preflight, stack,
// tasks, weights, responses, record, and the way back.
func TestARolloutInTheSandbox(t *testing.T) {
	const sha = "9bd0417e"
	r := startRegion(t, sandbox.Options{Rate: 200})
	service := appserver()
	caller, err := Identify(t.Context(), r.clients.STS, r.clients.Where)
	if err != nil || caller.Account != r.Account() || caller.Region != r.Region() {
		t.Errorf("caller is %+v, %v", caller, err)
	}
	wanted := r.canary(t, sha, "fixed")
	if problems, err := r.preflight.Run(t.Context(), wanted); err != nil || len(problems) != 0 {
		t.Fatalf("%+v, %v", problems, err)
	}

	before := r.route(t)
	stable := before.Targets[0].Sha
	if !before.Exists || len(before.Targets) != 1 || stable == "" || before.Targets[0].Weight != 100 {
		t.Fatalf("planted route is %+v", before)
	}

	id := r.create(t, wanted, "rollout/1:create")
	if again := r.create(t, wanted, "rollout/1:create"); again != id {
		t.Errorf("the same token made %s beside %s", again, id)
	}
	_, err = r.ports.Stacks.Create(t.Context(), engine.StackRequest{
		Name: service.StackName(sha), Template: wanted.Template, Parameters: wanted.Parameters, Token: "another",
	})
	wantFault(t, err, engine.Conflict, service.StackName(sha))
	var events []engine.StackEvent
	eventually(t, "the stack is ready", func() bool {
		last := ""
		if len(events) > 0 {
			last = events[len(events)-1].ID
		}
		stack := r.stack(t, id, last)
		events = append(events, stack.Events...)
		return stack.State == engine.StackReady
	})
	checkEvents(t, events, r.stack(t, id, "").Events)

	eventually(t, "all tasks are healthy", func() bool {
		health, err := r.ports.Tasks.Health(t.Context(), service, []string{stable, sha, "00000000"})
		if err != nil {
			t.Fatal(err)
		}
		if !health[0].AllHealthy() || health[2].Exists {
			t.Fatalf("health is %+v", health)
		}
		return health[1].AllHealthy()
	})

	split := engine.Split{Weights: weights(stable, 50, sha, 50), After: before.Revision, Token: "rollout/1:w1"}
	r.set(t, split)
	half := r.route(t)
	if half.Weight(stable) != 50 || half.Weight(sha) != 50 || half.Revision == before.Revision || half.Shape != before.Shape {
		t.Errorf("the route is %+v, was %+v", half, before)
	}
	r.set(t, split)
	if again := r.route(t); again.Revision != half.Revision {
		t.Errorf("a repeated call wrote: %s, %s", half.Revision, again.Revision)
	}
	err = r.ports.Router.SetWeights(t.Context(), service,
		engine.Split{Weights: weights(stable, 40, sha, 60), After: before.Revision, Token: "rollout/1:w2"})
	if !errors.Is(err, engine.ErrDrift) {
		t.Errorf("an old revision: %v", err)
	}

	source := countsOf("", time.Time{}, time.Time{}).Source
	eventually(t, "both versions have answered", func() bool {
		now := time.Now()
		query := engine.ResponseQuery{Service: service, Source: source, From: now.Add(-10 * time.Minute), To: now.Add(time.Minute), Period: time.Minute}
		queries := []engine.ResponseQuery{query, query, query}
		queries[0].Sha, queries[1].Sha, queries[2].Sha = stable, sha, "00000000"
		responses, err := r.ports.Metrics.Responses(t.Context(), queries)
		if err != nil {
			t.Fatal(err)
		}
		if len(responses[2].Buckets) != 0 {
			t.Fatalf("a version that is not there answered: %+v", responses[2])
		}
		return analysis.Sum(responses[0].Buckets).Class(2) > 0 && analysis.Sum(responses[1].Buckets).Class(2) > 0
	})

	r.set(t, engine.Split{Weights: weights(stable, 100), Drop: []string{sha}, Restore: before.Document, Token: "rollout/1:b"})
	if back := r.route(t); !reflect.DeepEqual(back.Targets, before.Targets) || back.Shape != before.Shape {
		t.Errorf("the route is %+v, was %+v", back, before)
	}
	for range 2 {
		if err := r.ports.Stacks.Delete(t.Context(), id, "rollout/1:d"); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the stack is gone", func() bool { return r.stack(t, id, "").State == engine.StackAbsent })
	if stack := r.stack(t, service.StackName(sha), ""); stack.State != engine.StackAbsent || stack.ID != "" {
		t.Errorf("by its name it is %+v", stack)
	}
}

// checkEvents compares the events that were read bit by bit with those read at once.
func checkEvents(t *testing.T, bits, whole []engine.StackEvent) {
	t.Helper()
	if len(whole) < 6 || !reflect.DeepEqual(bits, whole) {
		t.Errorf("%d events bit by bit, %d at once", len(bits), len(whole))
	}
	if !slices.IsSortedFunc(whole, func(a, b engine.StackEvent) int { return a.At.Compare(b.At) }) {
		t.Error("events are not in the order of time")
	}
}

func TestTheRecordInTheSandbox(t *testing.T) {
	r := startRegion(t, sandbox.Options{})
	service, versions := appserver(), NewVersions(r.clients.SSM, r.clients.Where)
	planted, err := versions.Deployed(t.Context(), service)
	if err != nil || !planted.Exists || planted.Number != 1 || !strings.HasSuffix(planted.Image, ":planted") {
		t.Fatalf("planted is %+v, %v", planted, err)
	}
	number, err := versions.Record(t.Context(), service, "yelb-appserver:fixed")
	if err != nil || number != 2 {
		t.Errorf("%d, %v", number, err)
	}
	history, err := versions.History(t.Context(), service)
	if err != nil || len(history) != 2 || history[0].Number != 2 || history[0].Image != "yelb-appserver:fixed" || history[0].At.IsZero() {
		t.Errorf("history %+v, %v", history, err)
	}
	service.Name = "yelb-search"
	if deployed, err := versions.Deployed(t.Context(), service); err != nil || deployed.Exists {
		t.Errorf("never deployed: %+v, %v", deployed, err)
	}
	if number, err := versions.Record(t.Context(), service, "yelb-search:1"); err != nil || number != 1 {
		t.Errorf("the first is %d, %v", number, err)
	}
}

func TestPreflightInTheSandbox(t *testing.T) {
	r := startRegion(t, sandbox.Options{})
	stable := r.route(t).Targets[0].Sha
	for name, c := range map[string]struct {
		change func(*Wanted)
		fields []string
		words  string
	}{
		"no environment": {func(w *Wanted) { w.Service.Environment = "shop" }, []string{"EnvironmentName"}, "environment shop has no mesh"},
		"no router":      {func(w *Wanted) { w.Service.Name = "yelb-search" }, []string{"EnvironmentName"}, "no virtual router yelb-search-vr"},
		"protocol":       {func(w *Wanted) { w.Service.Protocol = engine.TCP }, []string{"Protocol"}, "is for http"},
		"no tag":         {func(w *Wanted) { w.Image = "yelb-appserver:none" }, []string{"ContainerImage"}, "yelb-appserver has no none; it has"},
		"no repository":  {func(w *Wanted) { w.Image = "redis:7" }, []string{"ContainerImage"}, "docker.io/library/redis:7"},
		"no alarm":       {func(w *Wanted) { w.Alarms = []string{"none"} }, []string{"Alarms"}, "no alarm none"},
		"no export":      {func(w *Wanted) { w.Exports = append(w.Exports, "ecs-blogpost:None") }, []string{"EnvironmentName"}, "no stack exports ecs-blogpost:None"},
		"deployed":       {func(w *Wanted) { w.Sha = stable }, nil, ""},
		"no template":    {func(w *Wanted) { w.Template = []byte("Resources: [") }, []string{"CanaryTemplate"}, ""},
		"a parameter":    {func(w *Wanted) { w.Parameters["None"] = "1" }, []string{"TemplateParameters"}, "no parameter None"},
	} {
		t.Run(name, func(t *testing.T) {
			wanted := r.canary(t, "9bd0417e", "fixed")
			wanted.Parameters = maps.Clone(wanted.Parameters)
			c.change(&wanted)
			problems, err := r.preflight.Run(t.Context(), wanted)
			var fields []string
			for _, problem := range problems {
				fields = append(fields, problem.Field)
			}
			if err != nil || !slices.Equal(fields, c.fields) || len(problems) > 0 && !strings.Contains(problems[0].Problem+problems[0].Mend, c.words) {
				t.Errorf("%+v, %v", problems, err)
			}
		})
	}
}

func TestARouteThatAnOperatorTunedInTheSandbox(t *testing.T) {
	r := startRegion(t, sandbox.Options{})
	service, planted := appserver(), r.route(t)
	stable := planted.Targets[0].Sha
	spec := httpSpec(at(service.VersionName(stable), 100))
	for name, match := range map[string]types.HeaderMatchMethod{
		"x-range": &types.HeaderMatchMethodMemberRange{Value: types.MatchRange{Start: aws.Int64(1), End: aws.Int64(9)}},
		"x-regex": &types.HeaderMatchMethodMemberRegex{Value: "a.*"},
	} {
		spec.HttpRoute.Match.Headers = append(spec.HttpRoute.Match.Headers, types.HttpRouteHeader{Name: &name, Match: match})
	}
	_, err := r.clients.AppMesh.UpdateRoute(t.Context(), &appmesh.UpdateRouteInput{
		MeshName: &service.Environment, VirtualRouterName: aws.String(routerName(service)), RouteName: aws.String(routeName(service)), Spec: spec,
	})
	if err != nil {
		t.Fatal(err)
	}
	tuned := r.route(t)
	if tuned.Shape == planted.Shape || tuned.Revision == planted.Revision {
		t.Error("the change is not seen")
	}
	r.set(t, engine.Split{Weights: weights(stable, 60), After: tuned.Revision, Token: "t1"})
	if after := r.route(t); after.Shape != tuned.Shape || after.Weight(stable) != 60 {
		t.Errorf("the route is %+v", after)
	}

	if err := r.ports.Router.RemoveRoute(t.Context(), service, "another"); !errors.Is(err, engine.ErrDrift) {
		t.Errorf("removed: %v", err)
	}
	for range 2 {
		if err := r.ports.Router.RemoveRoute(t.Context(), service, stable); err != nil {
			t.Fatal(err)
		}
	}
	if r.route(t).Exists {
		t.Error("the route is still there")
	}
	for range 2 {
		r.set(t, engine.Split{Weights: weights(stable, 100), Restore: tuned.Document, Token: "t2"})
	}
	restored := r.route(t)
	if restored.Shape != tuned.Shape || restored.Weight(stable) != 100 || !sameJSON(t, restored.Document, tuned.Document) {
		t.Errorf("restored %s\nwas %s", restored.Document, tuned.Document)
	}
	if err := r.ports.Router.RemoveRoute(t.Context(), service, stable); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r.set(t, engine.Split{Weights: weights(stable, 100), Create: true, Token: "t3"})
	}
	if made := r.route(t); !made.Exists || made.Weight(stable) != 100 {
		t.Errorf("made %+v", made)
	}
}

func sameJSON(t *testing.T, a, b json.RawMessage) bool {
	t.Helper()
	var one, other any
	if err := errors.Join(json.Unmarshal(a, &one), json.Unmarshal(b, &other)); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(one, other)
}

func TestAStackThatFailsInTheSandbox(t *testing.T) {
	r := startRegion(t, sandbox.Options{})
	wanted := r.canary(t, "deadbeef", "fixed")
	wanted.Template = []byte(strings.Replace(string(wanted.Template), ":Mesh", ":Nowhere", 1))
	id := r.create(t, wanted, "t")
	eventually(t, "the stack has failed", func() bool { return r.stack(t, id, "").State == engine.StackFailed })
	if stack := r.stack(t, id, ""); len(stack.Reasons) == 0 || !contains(stack.Reasons[0], "Nowhere") {
		t.Errorf("reasons %q of %+v", stack.Reasons, stack.Events)
	}
	if again := r.create(t, wanted, "t"); again != id {
		t.Errorf("the same token made %s beside %s", again, id)
	}
	if err := r.ports.Stacks.Delete(t.Context(), id, "d"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the stack is gone", func() bool { return r.stack(t, id, "").State == engine.StackAbsent })
}

// TestTroublesOnTheWire makes the sandbox answer an operation as AWS does in trouble,
// once for every attempt.
func TestTroublesOnTheWire(t *testing.T) {
	answer := func(status int, code string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("X-Amzn-Errortype", code)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"message":"because"}`))
		}
	}
	var trouble atomic.Pointer[func(http.ResponseWriter)]
	r := startRegion(t, sandbox.Options{Around: func(call wire.Call, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
			if answer := trouble.Load(); answer != nil && call.Operation == "DescribeRoute" {
				(*answer)(w)
				return
			}
			next.ServeHTTP(w, request)
		})
	}})
	hasty := connect(t, Options{Region: r.Region(), Sandbox: r.Endpoint(), Deadlines: Deadlines{
		Read: 300 * time.Millisecond, ReadAttempt: time.Minute, Write: time.Minute, WriteAttempt: time.Minute,
	}}).Ports("").Router
	for name, c := range map[string]struct {
		trouble func(http.ResponseWriter)
		kind    engine.FaultKind
		words   string
	}{
		"expired": {answer(403, "ExpiredTokenException"), engine.Denied, "aws sso login"},
		"denied":  {answer(403, "AccessDeniedException"), engine.Denied, "appmesh:DescribeRoute"},
		"bad":     {answer(400, "BadRequestException"), engine.Invalid, "because"},
		"reset":   {reset, engine.Transient, ""},
	} {
		t.Run(name, func(t *testing.T) {
			trouble.Store(&c.trouble)
			_, err := hasty.Route(t.Context(), appserver())
			wantFault(t, err, c.kind, c.words)
		})
	}
	trouble.Store(nil)
	if !r.route(t).Exists {
		t.Error("the route is not read after the trouble")
	}
}
