package moto

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"serin/internal/aws"
	"serin/internal/conformance/venv"
	"serin/internal/engine"
	"serin/internal/sandbox"
)

// behaviour is one thing that must be true of AWS for Serin to work. Its check gets a
// world of its own name, and returns what is not as it should be.
type behaviour struct {
	name  string
	check func(ctx context.Context, w world) error
}

func behaviours() []behaviour {
	return slices.Concat(routerBehaviours(), tcpBehaviours(), otherRouteBehaviours(), catalogueBehaviours(),
		stackBehaviours(), metricBehaviours(), taskBehaviours(), manyTasksBehaviours(), registrationBehaviours(),
		versionBehaviours(), callerBehaviours(), preflightBehaviours())
}

// world is a region with the adapters on it.
type world struct {
	clients *aws.Clients
	ports   engine.Ports
	// service is one that no other behaviour has, in an environment of its own.
	service engine.Service
	place   place
	// now is when the behaviour is tried.
	now time.Time
	// patience is how long it may take until something is so.
	patience time.Duration
}

// Patience with what must come to be so, and with what probably never does. moto does
// everything while it is asked.
const (
	patience = time.Minute
	glance   = 500 * time.Millisecond
)

// place is where tasks run: what the region has before any behaviour.
type place struct {
	image, subnet, group string
}

// connect makes the adapters of an endpoint. moto imports a service when it is first
// asked for it, and on a busy machine CloudFormation takes it longer than a call may take.
func connect(t *testing.T, endpoint string) *aws.Clients {
	t.Helper()
	clients, err := aws.Connect(t.Context(), aws.Options{
		Region: "us-west-2", Sandbox: endpoint,
		Deadlines: aws.Deadlines{Read: patience, ReadAttempt: patience, Write: patience, WriteAttempt: patience},
	})
	if err != nil {
		t.Fatal(err)
	}
	return clients
}

// in is the world of the behaviour with a number.
func in(clients *aws.Clients, place place, number int) world {
	name := fmt.Sprintf("shop%d", number)
	return world{clients: clients, ports: clients.Ports(""), place: place, now: time.Now(), patience: patience, service: engine.Service{
		Environment: name, Name: "app", Namespace: name + ".local", Protocol: engine.HTTP, Port: 6379,
	}}
}

func TestSandbox(t *testing.T) {
	t.Parallel()
	s, err := sandbox.Start(t.Context(), sandbox.Options{Empty: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	clients := connect(t, s.Endpoint())
	here := place{image: s.ImageURI("yelb-redisserver", "1"), subnet: "subnet-1", group: "sg-1"}
	for number, b := range behaviours() {
		t.Run(b.name, func(t *testing.T) {
			if err := b.check(t.Context(), in(clients, here, number)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestMoto(t *testing.T) {
	t.Parallel()
	endpoint := venv.StartMoto(t)
	bridge := newBridge(t, endpoint)
	front := httptest.NewServer(bridge)
	t.Cleanup(front.Close)
	clients := connect(t, front.URL)
	clients.CloudWatch = inJSON(clients.CloudWatch)
	here := place{
		image:  "yelb-redisserver:1",
		subnet: ec2(t, endpoint, "DescribeSubnets", "subnetId"), group: ec2(t, endpoint, "DescribeSecurityGroups", "groupId"),
	}
	missing := gaps()
	for number, b := range behaviours() {
		t.Run(b.name, func(t *testing.T) {
			reason, gap := missing[b.name]
			delete(missing, b.name)
			w := in(clients, here, number)
			if gap {
				w.patience = glance
			}
			err := b.check(t.Context(), w)
			switch {
			case gap && err == nil:
				t.Errorf("moto does it now: take it off the list, which says %q", reason)
			case gap:
				t.Logf("%s: %v", reason, err)
			case err != nil:
				t.Error(err)
			}
		})
	}
	for name := range missing {
		t.Errorf("the list names %q, which is no behaviour", name)
	}
	bridge.report(t)
}

// eventually asks until the answer is yes, and fails with the first error, or with what
// was waited for.
func (w world) eventually(ctx context.Context, what string, ask func() (bool, error)) error {
	deadline := time.Now().Add(w.patience)
	for {
		yes, err := ask()
		if err != nil || yes {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %s: %s", w.patience, what)
		}
		timer := time.NewTimer(20 * time.Millisecond)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// wantKind is nil for a fault of a kind.
func wantKind(err error, kind engine.FaultKind) error {
	if err == nil || engine.KindOf(err) != kind {
		return errors.Join(err, fmt.Errorf("got kind %s, want a fault of kind %s", engine.KindOf(err), kind))
	}
	return nil
}
