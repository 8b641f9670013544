package console

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"serin/internal/aws"
	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/sandbox"
	"serin/internal/sandbox/pipenet"
	"serin/internal/ui/scene"
)

// steady is the SDK's retryer without its adaptive mode, which spins in virtual time.
func steady() awssdk.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = 4, 2*time.Second })
}

// clientsOf are clients of a sandbox on a network of pipes.
func clientsOf(t *testing.T, s *sandbox.Sandbox, transport http.RoundTripper) *aws.Clients {
	t.Helper()
	clients, err := aws.Connect(t.Context(), aws.Options{Region: s.Region(), Sandbox: s.Endpoint(), Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	clients.AppMesh = appmesh.New(clients.AppMesh.Options(), func(o *appmesh.Options) { o.Retryer = steady() })
	clients.CloudFormation = cloudformation.New(clients.CloudFormation.Options(), func(o *cloudformation.Options) { o.Retryer = steady() })
	clients.CloudMap = servicediscovery.New(clients.CloudMap.Options(), func(o *servicediscovery.Options) { o.Retryer = steady() })
	clients.CloudWatch = cloudwatch.New(clients.CloudWatch.Options(), func(o *cloudwatch.Options) { o.Retryer = steady() })
	clients.ECS = ecs.New(clients.ECS.Options(), func(o *ecs.Options) { o.Retryer = steady() })
	clients.SSM = ssm.New(clients.SSM.Options(), func(o *ssm.Options) { o.Retryer = steady() })
	return clients
}

// live is a host on a sandbox, in virtual time.
type live struct{ *Host }

func onSandbox(t *testing.T, change func(*Options), test func(t *testing.T, l *live)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := pipenet.New()
		s, err := sandbox.Start(t.Context(), sandbox.Options{
			Rate: 2, MetricDelay: time.Second, Pace: 0.05, Network: network,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		transport := &http.Transport{DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return network.Dial(ctx, address)
		}}
		defer transport.CloseIdleConnections()
		clients, log := clientsOf(t, s, transport), journal.NewMemory()
		options := Options{
			Ports: clients.Ports(""), Journal: log, Catalogue: clients.Catalogue(""),
			Registry: aws.NewImages(clients.ECR, clients.Where),
			Archive:  aws.NewVersions(clients.SSM, clients.Where),
			Where:    engine.Key{Account: s.Account(), Region: s.Region(), Environment: s.Environment()},
			Driver:   engine.Driver{Actor: "kim", Place: "here"}, Page: s.Page(), Endpoint: s.Endpoint(),
			Settings: []string{"WaitTime=5", "MetricPeriod=1", "MetricDelay=2", "PercentageStep=50", "TemplateParameters.ContainerHealthCheck=off"},
		}
		if change != nil {
			change(&options)
		}
		h := New(options)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		defer func() {
			h.Close()
			stop()
			<-done
		}()
		go func() {
			defer close(done)
			h.Observe(ctx)
		}()
		after(10 * time.Second)
		test(t, &live{h})
	})
}

const appserver = "yelb-appserver"

func (l *live) appserver(t *testing.T) scene.Service {
	t.Helper()
	shown, _ := l.Scene()
	for _, service := range shown.Services {
		if service.Name == appserver {
			return service
		}
	}
	t.Fatalf("there is no %s in %+v", appserver, shown)
	return scene.Service{}
}

// until waits for a scene in which something is so.
func (l *live) until(t *testing.T, what string, so func(scene.Service) bool) scene.Service {
	t.Helper()
	limit := time.After(10 * time.Minute)
	for {
		_, changed := l.Scene()
		if service := l.appserver(t); so(service) {
			return service
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("never: %s; %+v", what, l.appserver(t).Rollout)
		}
	}
}

func hasEnded(outcome engine.Outcome) func(scene.Service) bool {
	return func(s scene.Service) bool { return s.Rollout != nil && s.Rollout.Rollout.Outcome == outcome }
}

func TestARolloutIsProposedDrivenAndSeen(t *testing.T) {
	var told []engine.EventKind
	onSandbox(t, func(o *Options) {
		o.OnEvent = func(event engine.Event, _ *engine.Rollout) { told = append(told, event.Body.Kind()) }
	}, func(t *testing.T, l *live) {
		t.Helper()
		if shown, _ := l.Scene(); shown.Page != l.Page || shown.Endpoint != l.Endpoint || l.Endpoint == "" {
			t.Errorf("its page is %q, its endpoint %q", shown.Page, shown.Endpoint)
		}
		idle := l.appserver(t)
		if len(idle.Route.Targets) != 1 || idle.Deployed.Number != 1 || len(idle.Responses) != 1 || idle.Fault.Message != "" {
			t.Fatalf("%+v", idle)
		}
		images, err := l.Images(t.Context(), appserver)
		if err != nil || !strings.HasPrefix(strings.Join(images, " "), appserver+":") {
			t.Fatalf("the images are %v, %v", images, err)
		}
		order := scene.Order{Service: appserver, Image: appserver + ":fixed"}
		proposal, err := l.Propose(t.Context(), order)
		if err != nil || len(proposal.Canary) != 8 || proposal.Stable != idle.Route.Targets[0].Sha || len(proposal.Plan.Steps) != 2 {
			t.Fatalf("%+v, %v", proposal, err)
		}
		order.Sha = proposal.Canary
		if err := l.Deploy(t.Context(), order); err != nil {
			t.Fatal(err)
		}
		if err := l.Deploy(t.Context(), order); err == nil || !strings.Contains(err.Error(), "has an open rollout") {
			t.Errorf("a second rollout: %v", err)
		}
		half := l.until(t, "it has half of the traffic", func(s scene.Service) bool { return s.Route.Weight(order.Sha) == 50 })
		if !half.Rollout.Mine || half.Rollout.Lost {
			t.Errorf("%+v", half.Rollout)
		}
		if got := l.Driving(); len(got) != 1 || got[0] != appserver {
			t.Errorf("it drives %v", got)
		}
		if err := l.Post(appserver, engine.Command{Kind: engine.PauseIt, Reason: "lunch"}); err != nil {
			t.Fatal(err)
		}
		paused := l.until(t, "it is paused", func(s scene.Service) bool { return s.Rollout.Rollout.Paused != nil })
		if pause := paused.Rollout.Rollout.Paused; pause.By != "kim" || pause.Reason != "lunch" {
			t.Errorf("%+v", pause)
		}
		if err := errors.Join(l.Post(appserver, engine.Command{Kind: engine.ResumeIt})); err != nil {
			t.Fatal(err)
		}
		done := l.until(t, "it succeeds", hasEnded(engine.Succeeded))
		if err := l.Wait(t.Context()); err != nil || len(l.Driving()) != 0 {
			t.Errorf("it still drives %v, %v", l.Driving(), err)
		}
		var ending engine.Ending
		l.until(t, "its driver has left", func(s scene.Service) (left bool) {
			ending, err, left = l.Ending(s.Rollout.Rollout.ID)
			return left
		})
		if err != nil || ending.Outcome != engine.Succeeded {
			t.Errorf("%+v, %v", ending, err)
		}
		after(quickly)
		done = l.appserver(t)
		if done.Rollout.Mine || done.Deployed.Number != 2 || done.Route.Weight(order.Sha) != 100 || len(done.Responses[order.Sha]) == 0 {
			t.Errorf("%+v", done)
		}
		if n := len(done.Rollout.Events); n != int(done.Rollout.Rollout.Seq) || len(told) != n {
			t.Errorf("%d events, %d told, the last is number %d", n, len(told), done.Rollout.Rollout.Seq)
		}
		if marks := done.Rollout.Marks; len(marks) != 2 || marks[0].Weight != 50 || marks[1].Weight != 100 {
			t.Errorf("the marks are %+v", marks)
		}
	})
}

func TestARolloutIsLeftTakenOverAndRolledBack(t *testing.T) {
	onSandbox(t, nil, func(t *testing.T, l *live) {
		t.Helper()
		if err := l.Deploy(t.Context(), scene.Order{Service: appserver, Image: appserver + ":fixed"}); err != nil {
			t.Fatal(err)
		}
		l.until(t, "it holds", func(s scene.Service) bool { return s.Rollout.Rollout.Phase == engine.Holding })
		if err := l.TakeOver(t.Context(), appserver); err == nil {
			t.Error("it takes over what it drives")
		}
		l.Ask(engine.Command{Kind: engine.LetGoOfIt, Interrupt: true, Reason: "hangup"})
		left := l.until(t, "it is let go of", func(s scene.Service) bool { return !s.Rollout.Mine })
		if !left.Rollout.Rollout.LetGo {
			t.Errorf("%+v", left.Rollout.Rollout)
		}
		if ending, _, is := l.Ending(left.Rollout.Rollout.ID); !is || ending.Outcome != engine.Held {
			t.Errorf("%+v", ending)
		}
		after(2 * engine.LeaseTime)
		if l.appserver(t).Rollout.Lost {
			t.Error("it is lost")
		}
		if err := l.TakeOver(t.Context(), appserver); err != nil {
			t.Fatal(err)
		}
		if err := l.Post(appserver, engine.Command{Kind: engine.RollBack, Reason: "enough"}); err != nil {
			t.Fatal(err)
		}
		end := l.until(t, "it is rolled back", hasEnded(engine.RolledBack))
		if end.Rollout.Rollout.Cause.Kind != engine.ByPerson || len(end.Rollout.Marks) != 2 || end.Rollout.Marks[1].Weight != 0 {
			t.Errorf("%+v, %+v", end.Rollout.Rollout.Cause, end.Rollout.Marks)
		}
	})
}

// Another console asks through the journal, and sees what becomes of it.
// elsewhere is another console of the same environment, which has looked for a while.
func (l *live) elsewhere(t *testing.T, log engine.Journal, changes ...func(*Options)) (other *live, leave func()) {
	t.Helper()
	options := l.Options
	options.Driver, options.Journal = engine.Driver{Actor: "lee", Place: "elsewhere"}, log
	for _, change := range changes {
		change(&options)
	}
	other = &live{New(options)}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		other.Observe(ctx)
	}()
	after(3 * time.Second)
	return other, func() {
		other.Close()
		stop()
		<-done
	}
}

func TestAnotherConsoleAsksOfTheDriver(t *testing.T) {
	onSandbox(t, nil, func(t *testing.T, l *live) {
		t.Helper()
		if err := l.Deploy(t.Context(), scene.Order{Service: appserver, Image: appserver + ":fixed"}); err != nil {
			t.Fatal(err)
		}
		l.until(t, "it holds", func(s scene.Service) bool { return s.Rollout.Rollout.Phase == engine.Holding })
		other, leave := l.elsewhere(t, l.Journal)
		defer leave()
		if seen := other.appserver(t).Rollout; seen == nil || seen.Mine {
			t.Fatalf("it sees %+v", seen)
		}
		other.Actor = "lee@elsewhere (lee)"
		if err := other.Post(appserver, engine.Command{Kind: engine.RollBack, Reason: "I saw it"}); err != nil {
			t.Fatal(err)
		}
		end := other.until(t, "it is rolled back", hasEnded(engine.RolledBack))
		if cause := end.Rollout.Rollout.Cause; cause.Kind != engine.ByPerson || cause.By != "lee@elsewhere (lee)" || !strings.Contains(cause.Reason, "I saw it") {
			t.Errorf("%+v", cause)
		}
		l.until(t, "its driver is done", func(s scene.Service) bool { return !s.Rollout.Mine })
	})
}

func TestALostDriversRolloutIsTakenOverAtOnce(t *testing.T) {
	w, log := newWorld(), journal.NewMemory()
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		lease := foreign(t, log, "r1")
		after(2 * time.Second)
		done := make(chan error, 1)
		go func() { done <- h.TakeOver(t.Context(), "cart") }()
		after(3 * time.Second)
		if _, err := log.Beat(t.Context(), lease); err != nil {
			t.Fatal(err)
		}
		after(engine.LeaseTime)
		if err := <-done; err == nil || !strings.Contains(err.Error(), "elsewhere") {
			t.Errorf("a driver that lives is robbed: %v", err)
		}
		after(engine.LeaseTime)
		began := time.Now()
		if err := h.TakeOver(t.Context(), "cart"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %s", took)
		}
		synctest.Wait()
		if seen := cart(t, h).Rollout; !seen.Mine || seen.Lost {
			t.Errorf("mine %t, lost %t", seen.Mine, seen.Lost)
		}
	})
}

func TestAReadOnlyHostChangesNothing(t *testing.T) {
	w, log := newWorld(), journal.NewMemory()
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		foreign(t, log, "r1")
		after(2 * engine.LeaseTime)
		h.ReadOnly = true
		for what, err := range map[string]error{
			"post":      h.Post("cart", engine.Command{Kind: engine.RollBack}),
			"deploy":    h.Deploy(t.Context(), scene.Order{Service: "cart", Image: "cart:2"}),
			"take over": h.TakeOver(t.Context(), "cart"),
		} {
			if !errors.Is(err, errReadOnly) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}
