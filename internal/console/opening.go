package console

import (
	"context"
	"errors"
	"sync"

	"serin/internal/engine"
	"serin/internal/ui/scene"
)

// Opening stands for a host that is not there yet, so that a console can be shown while
// its account and its journal are reached. Until Attach it shows one scene, and answers
// what it is asked with an error; from then on it is the host. It is safe for concurrent
// use.
type Opening struct {
	mu sync.Mutex
	// host is nil before Attach, and attached is closed by it.
	host     scene.Host
	waiting  scene.Scene
	attached chan struct{}
}

var _ scene.Host = (*Opening)(nil)

// NewOpening shows what is known of a host before there is one, and what is waited for,
// such as "connecting to AWS in us-west-2". Of the options it uses Where and Endpoint.
func NewOpening(options Options, connecting string) *Opening {
	return &Opening{attached: make(chan struct{}), waiting: scene.Scene{
		At: options.completed().Now(), Environment: options.Where.Environment, Region: options.Where.Region,
		Endpoint: options.Endpoint, Connecting: connecting,
	}}
}

// Attach puts the host in its place. It is called once.
func (o *Opening) Attach(host scene.Host) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.host = host
	close(o.attached)
}

// Scene implements scene.Host.
func (o *Opening) Scene() (scene.Scene, <-chan struct{}) {
	host, err := o.there()
	if err != nil {
		return o.waiting, o.attached
	}
	return host.Scene()
}

// there is the host; the error, for the operator, says that there is none yet.
func (o *Opening) there() (scene.Host, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.host == nil {
		return nil, errors.New("not yet: " + o.waiting.Connecting)
	}
	return o.host, nil
}

// Post implements scene.Host.
func (o *Opening) Post(service string, command engine.Command) error {
	host, err := o.there()
	if err != nil {
		return err
	}
	return host.Post(service, command)
}

// Propose implements scene.Host.
func (o *Opening) Propose(ctx context.Context, order scene.Order) (scene.Proposal, error) {
	host, err := o.there()
	if err != nil {
		return scene.Proposal{}, err
	}
	return host.Propose(ctx, order)
}

// Deploy implements scene.Host.
func (o *Opening) Deploy(ctx context.Context, order scene.Order) error {
	host, err := o.there()
	if err != nil {
		return err
	}
	return host.Deploy(ctx, order)
}

// TakeOver implements scene.Host.
func (o *Opening) TakeOver(ctx context.Context, service string) error {
	host, err := o.there()
	if err != nil {
		return err
	}
	return host.TakeOver(ctx, service)
}

// Images implements scene.Host.
func (o *Opening) Images(ctx context.Context, service string) ([]string, error) {
	host, err := o.there()
	if err != nil {
		return nil, err
	}
	return host.Images(ctx, service)
}

// History implements scene.Host.
func (o *Opening) History(ctx context.Context, service string) ([]scene.Past, error) {
	host, err := o.there()
	if err != nil {
		return nil, err
	}
	return host.History(ctx, service)
}

// Events implements scene.Host.
func (o *Opening) Events(ctx context.Context, rollout string) ([]engine.Event, error) {
	host, err := o.there()
	if err != nil {
		return nil, err
	}
	return host.Events(ctx, rollout)
}
