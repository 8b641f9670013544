package console

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"serin/internal/engine"
	"serin/internal/engine/analysis"
	"serin/internal/journal"
	"serin/internal/ui/scene"
)

// TestMain keeps the machine's own AWS configuration away, and looks for goroutines
// that are left.
func TestMain(m *testing.M) {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "AWS_") {
			_ = os.Unsetenv(name)
		}
	}
	nowhere := filepath.Join(os.TempDir(), "serin-console-none")
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		_ = os.Setenv(name, nowhere)
	}
	_ = os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	goleak.VerifyTestMain(m)
}

const (
	stable = "aaaaaaaa"
	canary = "bbbbbbbb"
)

// world is an environment that can be changed and broken.
type world struct {
	mu       sync.Mutex
	services []engine.Service
	weights  []engine.Target
	image    string
	healthy  int
	perMin   float64
	// fail is what a reading fails with, by its name.
	fail map[string]error
	// calls counts readings, by their name; asked are the queries of the last one of the
	// metrics.
	calls map[string]int
	asked []engine.ResponseQuery
}

var (
	_ engine.Router   = (*world)(nil)
	_ engine.Tasks    = (*world)(nil)
	_ engine.Metrics  = (*world)(nil)
	_ engine.Versions = (*world)(nil)
	_ Catalogue       = (*world)(nil)
	_ Registry        = (*world)(nil)
)

func newWorld() *world {
	return &world{
		services: []engine.Service{
			{Environment: "shop", Name: "cart", Namespace: "shop.local", Protocol: engine.HTTP, Port: 80},
			{Environment: "shop", Name: "store", Namespace: "shop.local", Protocol: engine.TCP, Port: 5432},
		},
		weights: []engine.Target{{Name: "cart-" + stable, Sha: stable, Weight: 100}},
		image:   "cart:1", healthy: 2, perMin: 60, fail: map[string]error{}, calls: map[string]int{},
	}
}

// change changes the world.
func (w *world) change(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
}

func (w *world) called(what string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[what]
}

// read counts a reading and fails it, if it shall; w stays locked without an error.
func (w *world) read(what string) error {
	w.mu.Lock()
	w.calls[what]++
	if err := w.fail[what]; err != nil {
		w.mu.Unlock()
		return err
	}
	return nil
}

func (w *world) Services(context.Context, string) ([]engine.Service, error) {
	if err := w.read("list"); err != nil {
		return nil, err
	}
	defer w.mu.Unlock()
	return slices.Clone(w.services), nil
}

func (w *world) Route(_ context.Context, service engine.Service) (engine.Route, error) {
	if err := w.read("route"); err != nil {
		return engine.Route{}, err
	}
	defer w.mu.Unlock()
	route := engine.Route{Exists: true, Revision: "1", ReadAt: time.Now()}
	for _, target := range w.weights {
		target.Name = service.Name + "-" + target.Sha
		route.Targets = append(route.Targets, target)
	}
	return route, nil
}

func (w *world) SetWeights(context.Context, engine.Service, engine.Split) error { return errNotHere }

func (w *world) RemoveRoute(context.Context, engine.Service, string) error { return errNotHere }

func (w *world) OtherRoutes(context.Context, engine.Service, string) ([]string, error) {
	return nil, nil
}

var errNotHere = errors.New("this world is not driven")

func (w *world) Deployed(context.Context, engine.Service) (engine.Deployed, error) {
	if err := w.read("record"); err != nil {
		return engine.Deployed{}, err
	}
	defer w.mu.Unlock()
	return engine.Deployed{Exists: true, Image: w.image, Number: 1}, nil
}

func (w *world) Record(context.Context, engine.Service, string) (int64, error) { return 0, errNotHere }

func (w *world) Health(_ context.Context, _ engine.Service, shas []string) ([]engine.TaskHealth, error) {
	if err := w.read("tasks"); err != nil {
		return nil, err
	}
	defer w.mu.Unlock()
	var health []engine.TaskHealth
	for _, sha := range shas {
		health = append(health, engine.TaskHealth{Sha: sha, Exists: true, Desired: 2, Running: 2, Healthy: w.healthy, ReadAt: time.Now()})
	}
	return health, nil
}

// Responses has the same number of responses in every period.
func (w *world) Responses(_ context.Context, queries []engine.ResponseQuery) ([]engine.Responses, error) {
	if err := w.read("metrics"); err != nil {
		return nil, err
	}
	defer w.mu.Unlock()
	w.asked = queries
	answers := make([]engine.Responses, len(queries))
	for i, query := range queries {
		answers[i] = engine.Responses{Sha: query.Sha, ReadAt: time.Now()}
		if w.perMin == 0 {
			continue
		}
		until := time.Now().Add(-2 * time.Minute)
		for at := query.From; at.Before(query.To) && at.Before(until); at = at.Add(query.Period) {
			answers[i].Buckets = append(answers[i].Buckets, analysis.Bucket{Start: at, Counts: [analysis.Classes]float64{1: w.perMin}})
		}
	}
	return answers, nil
}

func (w *world) Tagged(_ context.Context, image string) ([]string, error) {
	if err := w.read("images"); err != nil {
		return nil, err
	}
	defer w.mu.Unlock()
	return []string{image + "/2", image + "/1"}, nil
}

func (w *world) ports() engine.Ports {
	return engine.Ports{Router: w, Metrics: w, Tasks: w, Versions: w, Stacks: stacks{}}
}

// stacks are never there.
type stacks struct{}

var _ engine.Stacks = stacks{}

func (stacks) Create(context.Context, engine.StackRequest) (string, error) { return "", errNotHere }

func (stacks) Stack(context.Context, string, string) (engine.Stack, error) {
	return engine.Stack{State: engine.StackAbsent}, nil
}

func (stacks) Delete(context.Context, string, string) error { return errNotHere }

func where() engine.Key {
	return engine.Key{Account: "123456789012", Region: "us-west-2", Environment: "shop"}
}

// observed runs a test with a host that observes a world, in virtual time.
func observed(t *testing.T, w *world, log engine.Journal, test func(t *testing.T, h *Host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{
			Ports: w.ports(), Journal: log, Catalogue: w, Registry: w, Where: where(),
			Driver: engine.Driver{Actor: "kim", Place: "here"},
		})
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
		synctest.Wait()
		test(t, h)
	})
}

// after lets time pass until everything that it brings has been done.
func after(pause time.Duration) {
	time.Sleep(pause)
	synctest.Wait()
}

func cart(t *testing.T, h *Host) scene.Service {
	t.Helper()
	shown, _ := h.Scene()
	for _, service := range shown.Services {
		if service.Name == "cart" {
			return service
		}
	}
	t.Fatalf("there is no cart in %+v", shown)
	return scene.Service{}
}

// foreign begins a rollout of the cart in a journal, as another process does.
func foreign(t *testing.T, log *journal.Memory, id string) engine.Lease {
	t.Helper()
	driver := engine.Driver{Actor: "lee", Place: "elsewhere"}
	spec := plainSpec(newWorld().services[0])
	spec.Sha, spec.ContainerImage = canary, "cart:2"
	key := where()
	key.Service = "cart"
	lease, err := log.Begin(t.Context(), id, driver, engine.Event{At: time.Now(), Actor: "lee", Body: &engine.Started{
		ID: id, Key: key, Spec: spec, Plan: engine.NewPlan(spec, false),
		Stable: &engine.Version{Sha: stable, Image: "cart:1"}, Canary: spec.Canary(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

// bucket is short for a bucket of responses.
type bucket = analysis.Bucket
