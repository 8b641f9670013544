package awscli

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"serin/internal/aws"
	"serin/internal/conformance/venv"
	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/sandbox"
	"serin/specfiles"
)

const (
	// canary is the sha of the version that is rolled out.
	canary = "9bd0417e"
	// patience is how long the rollout may take from one event that a test waits for to
	// the next.
	patience = 90 * time.Second
)

// region is a sandbox that Serin and the CLI reach, each in its own way.
type region struct {
	*sandbox.Sandbox
	ports   engine.Ports
	cli     *cli
	home    string
	service engine.Service
}

func startRegion(t *testing.T, python venv.Python) region {
	t.Helper()
	s, err := sandbox.Start(t.Context(), sandbox.Options{Rate: 50, ScrapeInterval: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	clients, err := aws.Connect(t.Context(), aws.Options{Region: s.Region(), Sandbox: s.Endpoint()})
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	cli, stop, err := startCLI(python, environment(s, home, impatientModels(t, python)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return region{Sandbox: s, ports: clients.Ports(""), cli: cli, home: home}
}

// ask is what the CLI answers. What the service refuses is an error with the CLI's words.
func (r region) ask(command string) (any, error) {
	said, err := r.cli.run(r.home, strings.Fields(command))
	if err != nil {
		return nil, err
	}
	if said.Code != 0 {
		return nil, fmt.Errorf("aws %s exits with %d: %s", command, said.Code, said.Stderr)
	}
	return decode(said.Stdout)
}

// weights is the route as the CLI sees it: the weights by the names of versions.
func (r region) weights() (map[string]string, error) {
	answer, err := r.ask(fmt.Sprintf("appmesh describe-route --mesh-name %s --virtual-router-name %s-vr --route-name %[2]s-route "+
		"--query route.spec.httpRoute.action.weightedTargets[].[virtualNode,weight]", r.Environment(), r.service.Name))
	if err != nil {
		return nil, err
	}
	seen := make(map[string]string)
	targets, _ := answer.([]any)
	for _, target := range targets {
		name, err := find(target, "0")
		if err != nil {
			return nil, err
		}
		weight, err := find(target, "1")
		if err != nil {
			return nil, err
		}
		seen[fmt.Sprint(name)] = fmt.Sprint(weight)
	}
	return seen, nil
}

// stackStatus is the stack of a version as the CLI sees it.
func (r region) stackStatus(sha string) (string, error) {
	answer, err := r.ask("cloudformation describe-stacks --stack-name " + r.service.StackName(sha) + " --query Stacks[0].StackStatus")
	if err != nil && strings.Contains(err.Error(), "does not exist") {
		return "absent", nil
	}
	return fmt.Sprint(answer), err
}

// record is the parameter's value and version as the CLI sees them.
func (r region) record() (string, error) {
	answer, err := r.ask("ssm get-parameter --with-decryption --query Parameter.[Value,Version] --name " + r.service.ParameterName())
	return fmt.Sprint(answer), err
}

// spec stops at a gate after each weight, so that the CLI can look at leisure; the bake
// is short.
func (r region) spec(t *testing.T) engine.Spec {
	t.Helper()
	raw, err := specfiles.Read("yelb-appserver", specfiles.DeployFile)
	if err != nil {
		t.Fatal(err)
	}
	template, err := specfiles.Read("yelb-appserver", specfiles.TemplateFile)
	if err != nil {
		t.Fatal(err)
	}
	fields := make(map[string]any)
	if err := json.Unmarshal(raw, &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, "PercentageStep")
	delete(fields, "WaitTime")
	maps.Copy(fields, map[string]any{
		"EnvironmentName": r.Environment(), "Sha": canary, "ContainerImage": r.ImageURI("yelb-appserver", "fixed"),
		"CanaryTemplate": base64.StdEncoding.EncodeToString(template),
		"BakeTime":       5, "MetricPeriod": 1, "MetricDelay": 1,
		"Steps": []any{
			map[string]any{"Weight": 10, "Hold": 1},
			map[string]any{"Gate": "ten"},
			map[string]any{"Weight": 50, "Hold": 1},
			map[string]any{"Gate": "half"},
		},
	})
	if raw, err = json.Marshal(fields); err != nil {
		t.Fatal(err)
	}
	spec, err := engine.ParseSpec(specfiles.DeployFile, raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// drive starts a rollout, whose events come through the channel; it is closed when the
// rollout is over.
func (r region) drive(t *testing.T, spec engine.Spec) (*engine.DriveLoop, <-chan engine.Event, engine.Journal, string) {
	t.Helper()
	log := journal.NewMemory()
	driver := engine.Driver{Actor: "arn:aws:iam::" + r.Account() + ":user/kim", Place: "test"}
	id := engine.NewID(time.Now())
	started, err := engine.Prepare(t.Context(), r.ports, engine.Opening{
		ID: id, Spec: spec, Driver: driver,
		Key:     engine.Key{Account: r.Account(), Region: r.Region(), Environment: r.Environment(), Service: spec.MicroserviceName},
		Conduct: engine.Conduct{ErrorLimit: time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	lease, err := log.Begin(t.Context(), id, driver, engine.Event{At: time.Now(), Actor: driver.Actor, Body: started})
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan engine.Event, 10_000)
	loop := engine.NewDriver(engine.DriverOptions{
		Journal: log, Ports: r.ports, ID: id, Driver: driver, Lease: lease,
		OnEvent: func(event engine.Event, _ *engine.Rollout) { events <- event },
	})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		defer close(events)
		if _, err := loop.Run(ctx); err != nil && ctx.Err() == nil {
			t.Errorf("the driver ends with %v", err)
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
	return loop, events, log, id
}

// await reads events up to the first that is looked for.
func await[B engine.Body](t *testing.T, events <-chan engine.Event) B {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case event, open := <-events:
			if !open {
				var wanted B
				t.Fatalf("the rollout is over without %s", wanted.Kind())
			}
			if body, is := event.Body.(B); is {
				return body
			}
		case <-deadline:
			var wanted B
			t.Fatalf("after %v there is no %s", patience, wanted.Kind())
		}
	}
}

// world is all that the CLI sees of a service.
type world struct {
	weights        map[string]string
	stable, canary string
	record         string
}

// look is what the CLI sees now; stable is the sha of the version from before.
func (r region) look(t *testing.T, stable string) world {
	t.Helper()
	var seen world
	var failed [4]error
	seen.weights, failed[0] = r.weights()
	seen.stable, failed[1] = r.stackStatus(stable)
	seen.canary, failed[2] = r.stackStatus(canary)
	seen.record, failed[3] = r.record()
	if err := errors.Join(failed[:]...); err != nil {
		t.Fatal(err)
	}
	return seen
}

// TestTheCLIWatchesARollout runs a rollout, and looks at the route, the stacks and the
// parameter with the CLI: whenever the rollout stands still, and at the route all the
// time.
func TestTheCLIWatchesARollout(t *testing.T) {
	t.Parallel()
	python := venv.Find(t, "awscli")
	r := startRegion(t, python)
	spec := r.spec(t)
	r.service = spec.Service()
	stable := r.onlyVersion(t)
	stableName, canaryName := r.service.VersionName(stable), r.service.VersionName(canary)
	want := world{
		weights: map[string]string{stableName: "100"}, stable: "CREATE_COMPLETE", canary: "absent",
		record: fmt.Sprintf("[%s 1]", r.ImageURI("yelb-appserver", "planted")),
	}
	if got := r.look(t, stable); !reflect.DeepEqual(got, want) {
		t.Errorf("before the rollout the CLI sees %+v, want %+v", got, want)
	}

	loop, events, log, id := r.drive(t, spec)
	sights := r.watch(t)
	want.canary = "CREATE_COMPLETE"
	for _, share := range []int{10, 50} {
		confirmed := await[*engine.WeightsConfirmed](t, events)
		await[*engine.GateOpened](t, events)
		want.weights = map[string]string{stableName: fmt.Sprint(confirmed.Stable), canaryName: fmt.Sprint(confirmed.Canary)}
		if got := r.look(t, stable); !reflect.DeepEqual(got, want) || confirmed.Canary != share {
			t.Errorf("at %d %% the journal has %d/%d, and the CLI sees %+v, want %+v", share, confirmed.Stable, confirmed.Canary, got, want)
		}
		loop.Post(engine.Command{Kind: engine.Promote, By: "kim", At: time.Now()})
	}
	finished := await[*engine.Finished](t, events)
	if finished.Outcome != engine.Succeeded {
		t.Fatalf("the rollout ends with %+v", finished)
	}
	want.weights, want.stable = map[string]string{canaryName: "100"}, "absent"
	want.record = fmt.Sprintf("[%s 2]", spec.ContainerImage)
	if got := r.look(t, stable); !reflect.DeepEqual(got, want) {
		t.Errorf("after the rollout the CLI sees %+v, want %+v", got, want)
	}
	told, err := log.Events(t.Context(), id, 0)
	if err != nil {
		t.Fatal(err)
	}
	agree(t, spansOf(stableName, r.service, told), sights())
}

// onlyVersion is the sha of the version that has all traffic.
func (r region) onlyVersion(t *testing.T) string {
	t.Helper()
	weights, err := r.weights()
	names := slices.Collect(maps.Keys(weights))
	if err != nil || len(names) != 1 || r.service.ShaOf(names[0]) == "" {
		t.Fatalf("the route is %v, %v", weights, err)
	}
	return r.service.ShaOf(names[0])
}

// sight is one look of the CLI at the route.
type sight struct {
	from, to time.Time
	weights  map[string]string
}

// watch looks at the route again and again; what it returns ends that, and has all
// looks.
func (r region) watch(t *testing.T) func() []sight {
	t.Helper()
	var sights []sight
	over := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			look := sight{from: time.Now()}
			var err error
			if look.weights, err = r.weights(); err != nil {
				t.Error(err)
				return
			}
			look.to = time.Now()
			sights = append(sights, look)
			select {
			case <-over:
				return
			default:
			}
		}
	})
	halt := sync.OnceFunc(func() { close(over); watching.Wait() })
	t.Cleanup(halt)
	return func() []sight { halt(); return sights }
}

// agree checks that whatever the CLI saw is what the journal says the route was at a
// moment between its question and its answer.
func agree(t *testing.T, spans []span, sights []sight) {
	t.Helper()
	if len(sights) < 3 {
		t.Errorf("the CLI looked %d times only", len(sights))
	}
	for _, look := range sights {
		if !slices.ContainsFunc(spans, func(s span) bool {
			return maps.Equal(s.weights, look.weights) && !look.to.Before(s.from) && !look.from.After(s.to)
		}) {
			t.Errorf("from %s to %s the CLI saw %v; the journal has %v", look.from, look.to, look.weights, spans)
		}
	}
}

// span is weights that a route may have had, and when.
type span struct {
	from, to time.Time
	weights  map[string]string
}

// spansOf are the weights of a route by the events of a rollout: each from its intention
// on, until those after it are confirmed. Between the two the route may have either.
func spansOf(stable string, service engine.Service, events []engine.Event) []span {
	spans := []span{{weights: map[string]string{stable: "100"}}}
	for _, event := range events {
		switch body := event.Body.(type) {
		case *engine.WeightsIntended:
			next := maps.Clone(spans[len(spans)-1].weights)
			for _, weight := range body.Split.Weights {
				next[service.VersionName(weight.Sha)] = fmt.Sprint(weight.Weight)
			}
			for _, sha := range body.Split.Drop {
				delete(next, service.VersionName(sha))
			}
			spans = append(spans, span{from: event.At, weights: next})
		case *engine.WeightsConfirmed:
			for i := range spans[:len(spans)-1] {
				if spans[i].to.IsZero() {
					spans[i].to = event.At
				}
			}
		}
	}
	spans[len(spans)-1].to = time.Now()
	return spans
}
