package trials

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	meshtypes "github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/aws"
	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/sandbox"
)

// The budgets of a process that drives a thousand rollouts at one-minute metrics.
const (
	thousand     = 1000
	memoryBudget = 150e6
	coreBudget   = 0.10
	measuredFor  = 2 * time.Minute
)

// stillSandbox is the variable that has these tests be a sandbox.
const stillSandbox = "SERIN_TRIALS_STILL_SANDBOX"

// serveStill is a process of its own that is a sandbox without servers, until its
// standard input ends.
func serveStill() {
	s, err := sandbox.Start(context.Background(), sandbox.Options{Still: true, Rate: 1, Pace: 0.01})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(far{Endpoint: s.Endpoint(), Region: s.Region(), Account: s.Account(), Image: s.ImageURI("yelb-appserver", "fixed")})
	_, _ = io.Copy(io.Discard, os.Stdin) // it ends when whoever started it does
	s.Close()
}

// far is a sandbox in another process.
type far struct {
	Endpoint, Region, Account, Image string

	clients *aws.Clients
	ports   engine.Ports
	// calls are the requests that were sent to it.
	calls atomic.Int64
}

func startFar(t *testing.T) *far {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), binary)
	command.Env, command.Stderr = append(os.Environ(), stillSandbox+"=1"), os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = command.Wait() })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	f := &far{}
	if err := json.Unmarshal(line, f); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	f.clients, err = aws.Connect(t.Context(), aws.Options{
		Region: f.Region, Sandbox: f.Endpoint, Transport: count{transport, &f.calls},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.ports = f.clients.Ports("")
	return f
}

// TestMeasureThousand measures a process that holds a thousand rollouts at one-minute
// metrics: the budgets are 150 MB and 10 % of a core, the sandbox apart, which is a
// process of its own.
func TestMeasureThousand(t *testing.T) {
	if os.Getenv("SERIN_MEASURE") == "" {
		t.Skip("SERIN_MEASURE is not set: make bench sets it, because it measures the machine too")
	}
	// The garbage collector is as serin sets it.
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	f := startFar(t)
	log, err := journal.Open(t.Context(), filepath.Join(t.TempDir(), "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	var drivers sync.WaitGroup
	defer drivers.Wait()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	c := newCrowd(rollouts(t))
	upkeep := engine.NewUpkeep(log)
	leases := f.beginAll(t, log, rollouts(t))
	// A journal on a disk takes some hundred writes a second: they do not begin all at once.
	beginning := make(chan struct{}, 20)
	for _, lease := range leases {
		beginning <- struct{}{}
		driver := engine.NewDriver(engine.DriverOptions{
			Journal: log, Ports: f.ports, ID: lease.Rollout, Driver: lease.Driver, Lease: lease,
			OnEvent: func(event engine.Event, after *engine.Rollout) {
				c.take(after)
				switch event.Body.(type) {
				case *engine.DriverTook:
					<-beginning
				case *engine.RollbackStarted, *engine.PausedNow, *engine.StuckNow:
					t.Errorf("%s: %+v", lease.Rollout, event.Body)
				}
			},
			Mailbox: time.Second, Upkeep: upkeep,
		})
		drivers.Go(func() {
			if _, err := driver.Run(ctx); ctx.Err() == nil {
				t.Errorf("%s: it is left: %v", lease.Rollout, err)
			}
		})
	}
	c.await(t)
	used, began, calls := processorTime(t), time.Now(), f.calls.Load()
	<-time.After(measuredFor)
	used, took := processorTime(t)-used, time.Since(began)
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	resident := residentMemory(t)
	share := float64(used) / float64(took)
	t.Logf("%d rollouts held for %s: %.1f %% of a core (budget 10), %.0f MB resident (budget 150), %.0f MB of it heap in use; %.0f calls a minute",
		len(leases), took.Round(time.Second), 100*share, resident/1e6, float64(memory.HeapInuse)/1e6, float64(f.calls.Load()-calls)/took.Minutes())
	if share > coreBudget || resident > memoryBudget {
		t.Errorf("over the budget")
	}
}

// rollouts is how many there are: a thousand, or SERIN_CROWD.
func rollouts(t *testing.T) int {
	t.Helper()
	given, is := os.LookupEnv("SERIN_CROWD")
	if !is {
		return thousand
	}
	n, err := strconv.Atoi(given)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// beginAll begins rollouts, a few at once.
func (f *far) beginAll(t *testing.T, log engine.Journal, rollouts int) []engine.Lease {
	t.Helper()
	leases, errs := make([]engine.Lease, rollouts), make([]error, rollouts)
	specs := make([]engine.Spec, rollouts)
	for n := range specs {
		specs[n] = specOf(t, "yelb-appserver", f.Image, fmt.Sprintf("MicroserviceName=shop%04d", n),
			"TemplateParameters.ContainerHealthCheck=off", "WaitTime=36000", "MetricPeriod=60", "MetricDelay=120")
	}
	places := make(chan struct{}, 8)
	var group sync.WaitGroup
	for n, spec := range specs {
		places <- struct{}{}
		group.Go(func() {
			leases[n], errs[n] = f.begin(t.Context(), log, spec)
			<-places
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return leases
}

// begin makes a service with a version that serves, and begins a rollout of another.
func (f *far) begin(ctx context.Context, log engine.Journal, spec engine.Spec) (engine.Lease, error) {
	if err := f.serve(ctx, spec); err != nil {
		return engine.Lease{}, err
	}
	driver := engine.Driver{Actor: "kim", Place: "crowd"}
	service := spec.Service().Name
	id := "r-" + service
	key := engine.Key{Account: f.Account, Region: f.Region, Environment: environment, Service: service}
	started, err := engine.Prepare(ctx, f.ports, engine.Opening{
		ID: id, Key: key, Spec: spec, Driver: driver, Conduct: engine.Conduct{ErrorLimit: 10 * time.Minute},
	})
	if err != nil {
		return engine.Lease{}, err
	}
	return log.Begin(ctx, id, driver, engine.Event{At: time.Now(), Actor: driver.Actor, Body: started})
}

// serve gives a service of the spec's name a router and a stable version with all the
// traffic.
func (f *far) serve(ctx context.Context, spec engine.Spec) error {
	service := spec.Service()
	_, err := f.clients.AppMesh.CreateVirtualRouter(ctx, &appmesh.CreateVirtualRouterInput{
		MeshName: &service.Environment, VirtualRouterName: awssdk.String(service.Name + "-vr"),
		Spec: &meshtypes.VirtualRouterSpec{Listeners: []meshtypes.VirtualRouterListener{{
			PortMapping: &meshtypes.PortMapping{Port: awssdk.Int32(int32(service.Port)), Protocol: meshtypes.PortProtocolHttp},
		}}},
	})
	if err != nil {
		return err
	}
	const stable = "3f2a91c0"
	spec.Sha = stable
	id, err := f.ports.Stacks.Create(ctx, engine.StackRequest{
		Name: service.StackName(stable), Template: spec.CanaryTemplate, Parameters: spec.Parameters(), Token: stable,
	})
	if err != nil {
		return err
	}
	for {
		stack, err := f.ports.Stacks.Stack(ctx, id, "")
		if err != nil || stack.State != engine.StackCreating {
			return errors.Join(err, f.route(ctx, service, stable))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (f *far) route(ctx context.Context, service engine.Service, sha string) error {
	return f.ports.Router.SetWeights(ctx, service, engine.Split{
		Weights: []engine.Weight{{Sha: sha, Weight: 100}}, Create: true, Token: sha,
	})
}

// crowd is where many rollouts are.
type crowd struct {
	mu       sync.Mutex
	size     int
	rollouts map[string]*engine.Rollout
	// everybody is closed when all of them hold.
	everybody chan struct{}
}

func newCrowd(size int) *crowd {
	return &crowd{size: size, rollouts: map[string]*engine.Rollout{}, everybody: make(chan struct{})}
}

func (c *crowd) take(rollout *engine.Rollout) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rollouts[rollout.ID] = rollout
	if c.everybody != nil && len(c.rollouts) == c.size && c.laggard() == nil {
		close(c.everybody)
		c.everybody = nil
	}
}

// laggard is one that does not hold; nil when each does.
func (c *crowd) laggard() *engine.Rollout {
	for _, rollout := range c.rollouts {
		if rollout.Phase != engine.Holding {
			return rollout
		}
	}
	return nil
}

func (c *crowd) await(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	everybody := c.everybody
	c.mu.Unlock()
	if everybody == nil {
		return
	}
	select {
	case <-everybody:
	case <-time.After(20 * time.Minute):
		c.mu.Lock()
		defer c.mu.Unlock()
		t.Fatalf("not every rollout holds: %d of %d began, and one is in %s: %+v", len(c.rollouts), c.size, c.laggard().Phase, c.laggard().Faults)
	}
}

// count counts the requests that pass.
type count struct {
	http.RoundTripper
	calls *atomic.Int64
}

// RoundTrip counts one.
func (c count) RoundTrip(request *http.Request) (*http.Response, error) {
	c.calls.Add(1)
	return c.RoundTripper.RoundTrip(request)
}

// processorTime is what this process has used so far.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// residentMemory is what this process has in memory now, in bytes (Linux, proc(5)).
func residentMemory(t *testing.T) float64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("this system does not tell what is resident")
	}
	var whole, resident float64
	if _, err := fmt.Sscan(string(status), &whole, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * float64(os.Getpagesize())
}
