package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"serin/internal/aws"
	"serin/internal/engine"
	"serin/internal/headless"
)

// region is a sandbox in a process of its own.
type region struct {
	*process
	Endpoint, Page, Region string
	Exports                map[string]string
	// state is the state directory of everybody who deploys to it.
	state string
}

func startRegion(t *testing.T, flags ...string) *region {
	t.Helper()
	r := &region{process: serinIn(t, nil, append([]string{"sandbox", "--output", "json", "--metric-delay", "1s"}, flags...)...), state: t.TempDir()}
	r.until("endpoint")
	if err := json.Unmarshal([]byte(r.lines[len(r.lines)-1]), r); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.command.Process.Signal(os.Interrupt); _ = r.command.Wait() })
	return r
}

// deploy deploys a service of Yelb with the exports of the region.
func (r *region) deploy(t *testing.T, service string, flags ...string) *process {
	t.Helper()
	args := append([]string{"deploy", "../../specfiles/" + service + "/deploy.json", "--ci"}, flags...)
	return serinIn(t, r.environment(), args...)
}

// environment is that of everybody who works in the region.
func (r *region) environment() []string {
	environment := []string{"XDG_STATE_HOME=" + r.state, "PATH=" + os.Getenv("PATH"), "HOME=" + r.state}
	for name, value := range r.Exports {
		environment = append(environment, name+"="+value)
	}
	return environment
}

func (r *region) clients(t *testing.T) *aws.Clients {
	t.Helper()
	clients, err := aws.Connect(t.Context(), aws.Options{Sandbox: r.Endpoint, Region: r.Region})
	if err != nil {
		t.Fatal(err)
	}
	return clients
}

// get reads a path of Yelb's page.
func (r *region) get(t *testing.T, path string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(r.Page, "/")+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %s", path, answer.Status, body)
	}
	return string(body)
}

// votes casts a vote that nobody else casts at the same time and tells by how much the
// count grew. The visitors vote too: only an appserver that counts alone is measured.
func (r *region) votes(t *testing.T) int {
	t.Helper()
	var before, after int
	if _, err := fmt.Sscan(r.get(t, "/api/ihop"), &before); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(r.get(t, "/api/ihop"), &after); err != nil {
		t.Fatal(err)
	}
	return after - before
}

// small are the small times of the walk through.
func small(wait int) []string {
	return []string{"--set", fmt.Sprintf("WaitTime=%d", wait), "--set", "MetricPeriod=1", "--set", "MetricDelay=1"}
}

// tolerant are the small times for a version that nothing is wrong with, in a test that
// is about something else: a machine that is busy with other tests may time out a
// request or two.
func tolerant(wait int) []string {
	return append(small(wait), "--set", "FailureThresholdValue=1000")
}

// TestACanaryOfYelb is the walk through of the post: a vote adds 2, the version that
// adds 1 is rolled out over ten steps while people read and vote, and then it adds 1.
func TestACanaryOfYelb(t *testing.T) {
	t.Parallel()
	r := startRegion(t, "--rate", "0")
	if got := r.votes(t); got != 2 {
		t.Fatalf("before, a vote adds %d, want 2", got)
	}
	p := r.deploy(t, "yelb-appserver", append(small(3), "--sha", "9bd0417e", "--image", "yelb-appserver:fixed", "--output", "json")...)
	hosts := map[string]bool{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.exits(headless.ExitSucceeded)
	}()
	for over := false; !over; {
		hosts[r.get(t, "/api/hostname")] = true
		r.get(t, "/api/outback")
		select {
		case <-done:
			over = true
		case <-time.After(50 * time.Millisecond):
		}
	}
	if len(hosts) != 2 {
		t.Errorf("while the weights changed these hostnames answered: %v, want two", hosts)
	}
	if got := r.votes(t); got != 1 {
		t.Errorf("after, a vote adds %d, want 1", got)
	}
	checkWeights(t, p.lines, []int{10, 20, 30, 40, 50, 60, 70, 80, 90, 100})
	checkWorld(t, r)
}

// checkWeights reads the confirmed weights off the JSON lines.
func checkWeights(t *testing.T, lines []string, want []int) {
	t.Helper()
	var got []int
	last := struct {
		Event, Outcome, Rollout, Service, Time, Reason string
		Stable, Canary                                 struct {
			Sha    string
			Weight int
		}
	}{}
	for _, line := range lines {
		if line == "" {
			continue
		}
		if err := json.Unmarshal([]byte(line), &last); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if last.Event == string(engine.KindWeightsConfirmed) {
			if last.Stable.Weight+last.Canary.Weight != 100 || last.Canary.Sha != "9bd0417e" || last.Rollout == "" || last.Time == "" {
				t.Errorf("%s", line)
			}
			got = append(got, last.Canary.Weight)
		}
	}
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("confirmed weights of the canary: %v, want %v", got, want)
	}
	if last.Event != "finished" || last.Outcome != "succeeded" || last.Canary.Weight != 100 || last.Service != "yelb-appserver" {
		t.Errorf("the last line is %+v", last)
	}
}

// checkWorld looks at the account after the success.
func checkWorld(t *testing.T, r *region) {
	t.Helper()
	clients := r.clients(t)
	parameter, err := clients.SSM.GetParameter(t.Context(), &ssm.GetParameterInput{
		Name: awssdk.String("ecs-blogpost-canary-yelb-appserver-version"), WithDecryption: awssdk.Bool(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := parameter.Parameter; got.Version != 2 || awssdk.ToString(got.Value) != "yelb-appserver:fixed" {
		t.Errorf("the parameter's version is %d, its value %s", got.Version, awssdk.ToString(got.Value))
	}
	stacks, err := clients.CloudFormation.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, stack := range stacks.Stacks {
		if name := awssdk.ToString(stack.StackName); strings.HasPrefix(name, "ecs-blogpost-yelb-appserver-") {
			names = append(names, name)
		}
	}
	if !slices.Equal(names, []string{"ecs-blogpost-yelb-appserver-9bd0417e"}) {
		t.Errorf("the stacks of the appserver are %v", names)
	}
}

// TestCanariesOfEveryKind deploys every image of the sandbox that something is wrong
// with, and some that nothing is wrong with.
func TestCanariesOfEveryKind(t *testing.T) {
	cases := []struct {
		name, service, image string
		set                  []string
		code                 int
		reason               string
		// exposed tells whether the canary may have had traffic.
		exposed bool
	}{
		{name: "wrong port, found by requests", service: "yelb-appserver", image: "yelb-appserver:wrongport", set: []string{"--set", "TemplateParameters.ContainerHealthCheck=off"}, code: 3, reason: "5xx", exposed: true},
		{name: "wrong port, found by the health check", service: "yelb-appserver", image: "yelb-appserver:wrongport", code: 3, reason: "is CREATE_FAILED"},
		{name: "crash", service: "yelb-appserver", image: "yelb-appserver:crash", code: 3, reason: "is CREATE_FAILED"},
		// It fails one request in twenty, by chance. Fewer than two failures in the 500 requests of such waits are unlikelier than one in a billion.
		{name: "flaky", service: "yelb-appserver", image: "yelb-appserver:flaky", set: []string{"--set", "WaitTime=10"}, code: 3, reason: "5xx", exposed: true},
		{name: "late", service: "yelb-appserver", image: "yelb-appserver:late", code: 3, reason: "5xx", exposed: true},
		{name: "slow", service: "yelb-appserver", image: "yelb-appserver:slow", set: []string{"--set", "FailureThresholdValue=20"}, code: 0, exposed: true},
		{name: "tcp", service: "yelb-db", image: "yelb-db:1", code: 0, exposed: true},
		{name: "tcp that dies", service: "yelb-db", image: "yelb-db:late", set: []string{"--set", "WaitTime=20"}, code: 3, reason: "exited with code 1", exposed: true},
		{name: "ui", service: "yelb-ui", image: "yelb-ui:2", set: []string{"--set", "FailureThresholdValue=20"}, code: 0, exposed: true},
		{name: "redis", service: "yelb-redisserver", image: "yelb-redisserver:2", code: 0, exposed: true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{
				"deploy", "../../specfiles/" + c.service + "/deploy.json", "--sandbox", "--ci", "--journal", t.TempDir() + "/journal.db",
				"--sha", "9bd0417e", "--image", c.image,
			}, append(small(2), c.set...)...)
			p := serinIn(t, nil, args...)
			p.journal = args[5]
			p.exits(c.code)
			r := p.rollout()
			if !strings.Contains(r.Reason, c.reason) {
				t.Errorf("the reason is %q, want %q in it", r.Reason, c.reason)
			}
			if r.Exposed != c.exposed {
				t.Errorf("exposed: %v, want %v", r.Exposed, c.exposed)
			}
			if c.code == 3 && c.exposed && (r.Actual.Stable != 100 || r.Leftover != "") {
				t.Errorf("after the roll back stable has %d; leftover: %s", r.Actual.Stable, r.Leftover)
			}
			if c.reason == "5xx" && !rolledBackInsideAHold(t, p) {
				t.Error("it was rolled back at the end of a hold, not inside it")
			}
		})
	}
}

// rolledBackInsideAHold tells whether the roll back began before the hold was over.
func rolledBackInsideAHold(t *testing.T, p *process) bool {
	t.Helper()
	for _, line := range p.lines {
		if strings.Contains(line, "rolling back: ") {
			return true
		}
		if strings.Contains(line, "bake passed") {
			return false
		}
	}
	return false
}

func TestAFirstDeployment(t *testing.T) {
	t.Parallel()
	r := startRegion(t, "--empty")
	p := r.deploy(t, "yelb-redisserver", append(tolerant(1), "--sha", "9bd0417e", "--image", "yelb-redisserver:1")...)
	p.exits(headless.ExitSucceeded)
	bad := r.deploy(t, "yelb-appserver", append(small(1), "--sha", "9bd0417e", "--image", "yelb-appserver:crash")...)
	bad.exits(headless.ExitRolledBack)
	clients := r.clients(t)
	service := engine.Service{Environment: "ecs-blogpost", Name: "yelb-appserver", Namespace: "yelb.local", Protocol: engine.HTTP, Port: 4567}
	route, err := clients.Ports("").Router.Route(t.Context(), service)
	if err != nil || route.Exists {
		t.Errorf("after a first deployment that was rolled back the route is %+v (%v)", route, err)
	}
}

// TestTwoDeploysAtOnce: the second of one service is refused, those of two services are
// not.
func TestTwoDeploysAtOnce(t *testing.T) {
	t.Parallel()
	r := startRegion(t)
	first := r.deploy(t, "yelb-appserver", append(tolerant(2), "--set", "PercentageStep=50", "--sha", "11111111", "--image", "yelb-appserver:fixed")...)
	first.until("weights confirmed")
	second := r.deploy(t, "yelb-appserver", append(small(2), "--sha", "22222222", "--image", "yelb-appserver:fixed")...)
	other := r.deploy(t, "yelb-db", append(small(2), "--sha", "33333333", "--image", "yelb-db:1")...)
	second.exits(headless.ExitFailed)
	driver := fmt.Sprintf("pid %d", first.command.Process.Pid)
	if got := second.diagnostics.String(); !strings.Contains(got, "has an open rollout") || !strings.Contains(got, driver) {
		t.Errorf("the second says %q, want the first's driver (%s) in it", got, driver)
	}
	first.exits(headless.ExitSucceeded)
	other.exits(headless.ExitSucceeded)
}

// TestSignalsAndGoingOn sends signals in several states, and goes on.
func TestSignalsAndGoingOn(t *testing.T) {
	for _, state := range []string{"creating stack", "canary is healthy", "weights confirmed: stable 50, canary 50", "bake: writing weights"} {
		t.Run("roll back at "+state, func(t *testing.T) {
			t.Parallel()
			r := startRegion(t)
			p := r.deploy(t, "yelb-appserver", append(tolerant(3), "--set", "PercentageStep=50", "--sha", "11111111", "--image", "yelb-appserver:fixed")...)
			p.until(state)
			p.signal(syscall.SIGTERM)
			p.exits(headless.ExitRolledBackByPerson)
			again := r.deploy(t, "yelb-appserver", append(tolerant(0), "--set", "PercentageStep=50", "--sha", "22222222", "--image", "yelb-appserver:fixed")...)
			again.exits(headless.ExitSucceeded)
		})
		t.Run("hold at "+state, func(t *testing.T) {
			t.Parallel()
			r := startRegion(t)
			p := r.deploy(t, "yelb-appserver", append(tolerant(3), "--set", "PercentageStep=50", "--on-interrupt", "hold", "--sha", "11111111", "--image", "yelb-appserver:fixed")...)
			p.until(state)
			p.signal(syscall.SIGTERM)
			p.exits(headless.ExitHeld)
			p = r.deploy(t, "yelb-appserver", "--resume")
			p.exits(headless.ExitSucceeded)
			checkDeployed(t, r, 2, "yelb-appserver:fixed")
		})
	}
}

func checkDeployed(t *testing.T, r *region, number int64, image string) {
	t.Helper()
	service := engine.Service{Environment: "ecs-blogpost", Name: "yelb-appserver"}
	deployed, err := r.clients(t).Ports("").Versions.Deployed(context.Background(), service)
	if err != nil || deployed.Number != number || deployed.Image != image {
		t.Errorf("recorded as deployed: %+v (%v), want %s as version %d", deployed, err, image, number)
	}
}

// TestADriverThatWasKilledIsReplaced kills a driver and goes on with its rollout.
func TestADriverThatWasKilledIsReplaced(t *testing.T) {
	t.Parallel()
	r := startRegion(t)
	p := r.deploy(t, "yelb-appserver", append(tolerant(4), "--set", "PercentageStep=50", "--sha", "11111111", "--image", "yelb-appserver:fixed")...)
	p.until("weights confirmed: stable 50, canary 50")
	p.signal(syscall.SIGKILL)
	_ = p.command.Wait()
	p = r.deploy(t, "yelb-appserver", "--resume")
	p.exits(headless.ExitSucceeded)
	checkDeployed(t, r, 2, "yelb-appserver:fixed")
}

// TestWhatTheAccountLacksIsFoundBeforeAnythingIsTouched covers the bad input that only
// the account can tell.
func TestWhatTheAccountLacksIsFoundBeforeAnythingIsTouched(t *testing.T) {
	t.Parallel()
	r := startRegion(t)
	for name, c := range map[string]struct {
		flags []string
		says  string
	}{
		"image":       {[]string{"--image", "yelb-appserver:nonesuch"}, "nonesuch"},
		"repository":  {[]string{"--image", "nonesuch:1"}, "nonesuch"},
		"environment": {[]string{"--image", "yelb-appserver:fixed", "--env", "elsewhere"}, "elsewhere"},
		"alarm":       {[]string{"--image", "yelb-appserver:fixed", "--set", `Alarms=["nonesuch"]`}, "nonesuch"},
	} {
		p := r.deploy(t, "yelb-appserver", append(append(small(1), "--sha", "11111111"), c.flags...)...)
		p.exits(headless.ExitUsage)
		if got := p.diagnostics.String(); !strings.Contains(got, c.says) {
			t.Errorf("%s: stderr is %q, want %q in it", name, got, c.says)
		}
	}
	stacks, err := r.clients(t).CloudFormation.ListStacks(t.Context(), &cloudformation.ListStacksInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, stack := range stacks.StackSummaries {
		if strings.HasSuffix(awssdk.ToString(stack.StackName), "-11111111") {
			t.Errorf("stack %s was made", awssdk.ToString(stack.StackName))
		}
	}
}
