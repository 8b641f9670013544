package console

import (
	"context"
	"time"

	"serin/internal/engine"
)

// Catalogue lists the services of an environment, by name. It is safe for concurrent use.
type Catalogue interface {
	Services(ctx context.Context, environment string) ([]engine.Service, error)
}

// Registry lists images that are like one: those of its repository, newest first, named as
// it is. It is safe for concurrent use.
type Registry interface {
	Tagged(ctx context.Context, image string) ([]string, error)
}

// Preflight asks the provider about everything that a rollout of a spec will need. What
// it finds wrong are lines for the operator, which name file; the error is what could not
// be asked.
type Preflight func(ctx context.Context, spec engine.Spec, file string) (problems []string, err error)

// Options are what a Host works with.
type Options struct {
	Ports     engine.Ports
	Journal   engine.Journal
	Catalogue Catalogue
	// Archive may be nil: then nobody knows what was deployed before.
	Archive engine.Archive
	// Registry may be nil: then nobody knows which images there are.
	Registry Registry
	// Preflight may be nil: then only the engine's own checks are made.
	Preflight Preflight
	// Where is the environment; its Service is empty.
	Where engine.Key
	// Driver is this process, should it drive.
	Driver engine.Driver
	// Actor is who asks, in every command: the caller's ARN, and from where. Empty is the
	// Driver's Actor.
	Actor string
	// Page is the URL of the sandbox's page; empty without a sandbox.
	Page string
	// Endpoint is the URL of what answers in place of AWS; empty for AWS itself.
	Endpoint string
	// Alone says why nobody else can see what the journal has; empty when others can, or
	// nobody else is there.
	Alone string
	// ReadOnly refuses everything that changes anything.
	ReadOnly bool
	// Settings are Field=Value over the specfiles that Serin carries, not over files.
	Settings []string
	// ErrorLimit is how long a provider's errors may last before a rollout pauses.
	ErrorLimit time.Duration
	// OnEvent is told the events of the rollouts that this process drives, in the order of
	// each. It must not wait for anything. It may be nil.
	OnEvent func(engine.Event, *engine.Rollout)
	// Driven is called when a rollout begins to be driven, and what it answers when the
	// driver has left. It must not wait for anything. It may be nil.
	Driven func() (over func())
	// Gone tells for certain that a driver's process has ended; false says nothing. It may
	// be nil.
	Gone func(engine.Driver) bool
	// Runs tells for certain that a driver's process runs; false says nothing. It may be nil.
	Runs func(engine.Driver) bool
	// Now is the wall clock; nil is time.Now.
	Now func() time.Time
}

func (o Options) completed() Options {
	if o.OnEvent == nil {
		o.OnEvent = func(engine.Event, *engine.Rollout) {}
	}
	if o.Driven == nil {
		o.Driven = func() func() { return func() {} }
	}
	if o.Gone == nil {
		o.Gone = func(engine.Driver) bool { return false }
	}
	if o.Runs == nil {
		o.Runs = func(engine.Driver) bool { return false }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.ErrorLimit == 0 {
		o.ErrorLimit = 5 * time.Minute
	}
	return o
}

// key is that of a service of the environment.
func (o Options) key(service string) engine.Key {
	key := o.Where
	key.Service = service
	return key
}
