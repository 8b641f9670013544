package soak

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"serin/internal/aws"
	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/sandbox"
	"serin/internal/specfile"
	"serin/specfiles"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is the one that is rolled out again and again.
const service = "yelb-appserver"

// rate is how many requests a second Yelb's visitors send.
const rate = 50

// warmUp is the part of the time after which what is kept for a while is as much as it
// will be: what the end is compared with.
const warmUp = 0.4

// TestSoak rolls out for SERIN_SOAK, a duration: versions that pass and versions that
// are rolled back for each of the reasons. Nothing may grow from the end of the warm-up
// to the end, and neither goroutines nor files from the start on.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("SERIN_SOAK"))
	if err != nil {
		t.Skip("SERIN_SOAK is not set to a duration")
	}
	s := start(t)
	first := s.measure(t)
	t.Logf("at the start: %s", first)
	began := time.Now()
	for _, part := range []float64{warmUp, 1} {
		s.region.Visitors().SetRate(rate)
		for next := began; time.Since(began) < time.Duration(part*float64(length)); {
			s.roll(t)
			if time.Now().After(next) {
				next = time.Now().Add(length / 20)
				t.Logf("%12s: %s", time.Since(began).Round(time.Second), s.measure(t))
			}
		}
		s.region.Visitors().SetRate(0)
		s.calm(t, first)
		last := s.measure(t)
		t.Logf("%12s: %s; nobody visits; %v", "quiet", last, s.ended)
		for _, growth := range last.since(first) {
			t.Error(growth)
		}
		first.heap, first.journal, first.rollouts = last.heap, last.journal, last.rollouts
	}
}

// soak is a region with everything that a serin deploy has, made once and used for
// every rollout.
type soak struct {
	region    *sandbox.Sandbox
	clients   *aws.Clients
	caller    aws.Caller
	journal   *journal.SQLite
	file      string
	directory string
	rollouts  int
	ended     map[engine.Outcome]int
}

func start(t *testing.T) *soak {
	t.Helper()
	directory := t.TempDir()
	// This machine's user has no part in it.
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(directory, "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(directory, "none"))
	region, err := sandbox.Start(t.Context(), sandbox.Options{Pace: 0.01})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(region.Close)
	clients, err := aws.Connect(t.Context(), aws.Options{Region: region.Region(), Sandbox: region.Endpoint()})
	if err != nil {
		t.Fatal(err)
	}
	caller, err := aws.Identify(t.Context(), clients.STS, clients.Where)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(directory, "journal.db")
	log, err := journal.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, read := range map[string]string{"deploy.json": specfiles.DeployFile, specfile.DefaultTemplate: specfiles.TemplateFile} {
		content, err := specfiles.Read(service, read)
		if err == nil {
			err = os.WriteFile(filepath.Join(directory, name), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return &soak{
		region: region, clients: clients, caller: caller, journal: log, file: file, directory: directory,
		ended: map[engine.Outcome]int{},
	}
}

// roll does one rollout. Every other version passes; the others fail in ways of their
// own, but for a flaky one that met too few visitors.
func (s *soak) roll(t *testing.T) {
	t.Helper()
	// A good version is given what a busy machine may need, a bad one nothing.
	tag, want, deadline, threshold := "fixed", engine.Succeeded, 60, 1000
	if s.rollouts%2 == 1 {
		bad := []string{"flaky", "wrongport", "crash"}
		tag, want, deadline, threshold = bad[s.rollouts/2%len(bad)], engine.RolledBack, 3, 0
	}
	s.rollouts++
	spec, err := specfile.Load(filepath.Join(s.directory, "deploy.json"), specfile.Options{
		Sha: fmt.Sprintf("%08x", s.rollouts), Image: s.region.ImageURI(service, tag),
		Set: []string{
			"PercentageStep=50", "WaitTime=1", "MetricPeriod=1", "MetricDelay=1",
			fmt.Sprint("ProgressDeadline=", deadline), fmt.Sprint("FailureThresholdValue=", threshold),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ending, err := s.drive(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	s.ended[ending.Outcome]++
	lucky := tag == "flaky" && ending.Outcome == engine.Succeeded
	if ending.Outcome != want && !lucky || ending.Leftover != "" {
		t.Fatalf("rollout %d of image %s %s: %s, leftover %q", s.rollouts, tag, ending.Outcome.Past(), ending.Reason, ending.Leftover)
	}
}

func (s *soak) drive(ctx context.Context, spec engine.Spec) (engine.Ending, error) {
	driver := engine.Driver{Actor: s.caller.ARN, Place: "soak", Unattended: true}
	ports := s.clients.Ports("")
	started, err := engine.Prepare(ctx, ports, engine.Opening{
		ID:   fmt.Sprintf("soak-%06d", s.rollouts),
		Key:  engine.Key{Account: s.caller.Account, Region: s.caller.Region, Environment: spec.EnvironmentName, Service: spec.MicroserviceName},
		Spec: spec, Driver: driver, Conduct: engine.Conduct{Unattended: true, ErrorLimit: time.Minute},
	})
	if err != nil {
		return engine.Ending{}, err
	}
	lease, err := s.journal.Begin(ctx, started.ID, driver, engine.Event{At: time.Now(), Actor: driver.Actor, Body: started})
	if err != nil {
		return engine.Ending{}, err
	}
	return engine.NewDriver(engine.DriverOptions{
		Journal: s.journal, Ports: ports, ID: started.ID, Driver: driver, Lease: lease,
	}).Run(ctx)
}
