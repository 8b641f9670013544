// Package sandbox is a region of AWS on this machine: App Mesh, CloudFormation,
// CloudWatch, ECR, ECS, Cloud Map, Parameter Store and STS on one port, with Yelb
// running behind them and visitors who use it.
//
// It puts together the packages below it, which it alone may import all of, and knows
// nothing of serin's engine and adapters: it is met over HTTP.
package sandbox

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"slices"
	"sync"

	"serin/internal/sandbox/appmesh"
	"serin/internal/sandbox/cloudformation"
	"serin/internal/sandbox/cloudmap"
	"serin/internal/sandbox/cloudwatch"
	"serin/internal/sandbox/ecr"
	"serin/internal/sandbox/ecs"
	"serin/internal/sandbox/fault"
	"serin/internal/sandbox/mesh"
	"serin/internal/sandbox/pipenet"
	"serin/internal/sandbox/region"
	"serin/internal/sandbox/server"
	"serin/internal/sandbox/ssm"
	"serin/internal/sandbox/sts"
	"serin/internal/sandbox/visitors"
	"serin/internal/sandbox/wire"
	"serin/internal/sandbox/yelb"
)

// Keys that the sandbox takes; it takes any other, too.
const (
	accessKey = "AKIASANDBOXSANDBOX00"
	secretKey = "sandbox"
)

// Sandbox is a running region. Its methods are safe for concurrent use.
type Sandbox struct {
	options Options
	region  region.Region

	appMesh        *appmesh.Service
	cloudFormation *cloudformation.Service
	cloudMap       *cloudmap.Service
	cloudWatch     *cloudwatch.Service
	ecr            *ecr.Service
	ecs            *ecs.Service
	ssm            *ssm.Service
	sts            *sts.Service

	mesh     *mesh.Mesh
	handler  *wire.Handler
	visitors *visitors.Visitors
	// containersAnswer is how the containers of a still region answer.
	containersAnswer func(address string) (status int, ok bool)

	door, page *server.Server
	// closers end what was started, in the order in which it was.
	closers []func()
	closing sync.Once
}

// Start starts a region with one environment in it and returns when it can be used.
// ctx bounds the start only. Close must be called on what it returns.
func Start(ctx context.Context, options Options) (*Sandbox, error) {
	options = options.completed()
	account, err := newAccount()
	if err != nil {
		return nil, err
	}
	s := &Sandbox{options: options, region: region.Region{
		Account: account, Name: options.Region, Network: options.Network, Pace: region.At(0),
	}}
	if err := s.start(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return s, nil
}

// newAccount is twelve random digits, so that what is remembered of one sandbox is
// never taken for another's.
func newAccount() (string, error) {
	drawn, err := rand.Int(rand.Reader, big.NewInt(900_000_000_000))
	if err != nil {
		return "", fmt.Errorf("sandbox: account: %w", err)
	}
	return drawn.Add(drawn, big.NewInt(100_000_000_000)).String(), nil
}

func (s *Sandbox) start(ctx context.Context) error {
	s.startServices()
	// The listeners come before the seed, so that a port in use is found at once.
	doorAt, err := s.listen(ctx, s.options.Address)
	if err != nil {
		return fmt.Errorf("address of the APIs: %w", err)
	}
	pageAt, err := s.listen(ctx, s.options.PageAddress)
	if err != nil {
		return fmt.Errorf("address of the page: %w", err)
	}
	if err := s.seed(ctx); err != nil {
		return err
	}
	handler, err := s.frontDoor()
	if err != nil {
		return err
	}
	s.region.Pace.Set(s.options.Pace)
	s.handler = handler
	s.door = server.HTTP(doorAt, handler)
	s.closers = append(s.closers, s.door.Close)
	if s.options.Still {
		s.visitStill(pageAt)
		return nil
	}
	s.servePage(pageAt)
	return nil
}

// frontDoor serves the APIs, spoiled as the options want them.
func (s *Sandbox) frontDoor() (*wire.Handler, error) {
	services, around := s.services(), s.options.Around
	if s.options.Faults != nil {
		faults, err := fault.NewInjector(*s.options.Faults, services)
		if err != nil {
			return nil, err
		}
		services, around = faults.Services(services), around.Outside(faults.Around())
		s.cloudFormation.Disturb(faults)
	}
	return wire.NewHandler(services, around)
}

// listen opens a listener at an address, or on a free port of the network when it is
// empty; it is closed with the sandbox at the latest.
func (s *Sandbox) listen(ctx context.Context, address string) (net.Listener, error) {
	open := s.options.Network.Listen
	if address != "" {
		open = func(ctx context.Context) (net.Listener, error) {
			var config net.ListenConfig
			return config.Listen(ctx, "tcp", address)
		}
	}
	listener, err := open(ctx)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, func() { _ = listener.Close() })
	return listener, nil
}

// startServices makes every service and notes how each that works on its own is ended.
func (s *Sandbox) startServices() {
	s.appMesh = appmesh.New(s.region)
	s.cloudMap = cloudmap.New(s.region)
	s.cloudWatch = cloudwatch.New(s.region, s.options.MetricDelay)
	s.ssm = ssm.New(s.region)
	s.sts = sts.New(s.region)
	s.ecr = ecr.New(s.region, catalogue())
	runtime, closeRuntime, options := s.containers()
	s.ecs = ecs.New(s.region, runtime, s.cloudMap)
	s.mesh = mesh.New(s.region, s.appMesh, s.cloudMap, s.ecs, s.cloudWatch, options...)
	s.cloudFormation = cloudformation.New(s.region, cloudformation.Services{
		AppMesh: s.appMesh, ECS: s.ecs, CloudMap: s.cloudMap, SSM: s.ssm, CloudWatch: s.cloudWatch,
	})
	s.closers = append(s.closers,
		s.cloudMap.Close, closeRuntime, s.mesh.Close, s.ecs.Close, s.cloudFormation.Close)
}

// containers are what runs containers, how that is ended, and how the mesh between them
// works.
func (s *Sandbox) containers() (ecs.Runtime, func(), []mesh.Option) {
	options := []mesh.Option{mesh.WithScrapeInterval(s.options.ScrapeInterval)}
	if s.options.Still {
		return s.still()
	}
	// Containers dial through the mesh, which needs ECS, which needs the runtime: the
	// runtime is told of a mesh that is there before its first container.
	runtime := yelb.NewRuntime(s.region, func(ctx context.Context, hostport string) (net.Conn, error) {
		return s.mesh.Dial(ctx, hostport)
	})
	return runtime, runtime.Close, options
}

// services are the APIs that the front door offers, by the scope of the signature.
func (s *Sandbox) services() []wire.Service {
	return []wire.Service{
		{Scope: "appmesh", Operations: s.appMesh.Operations()},
		{Scope: "cloudformation", Operations: s.cloudFormation.Operations()},
		{Scope: "ecr", Operations: s.ecr.Operations()},
		{Scope: "ecs", Operations: s.ecs.Operations()},
		{Scope: "monitoring", Operations: s.cloudWatch.Operations()},
		{Scope: "servicediscovery", Operations: s.cloudMap.Operations()},
		{Scope: "ssm", Operations: s.ssm.Operations()},
		{Scope: "sts", Operations: s.sts.Operations()},
	}
}

// Operations are all that the APIs can be asked, as scope:Operation.
func (s *Sandbox) Operations() []string {
	var names []string
	for _, service := range s.services() {
		for _, operation := range service.Operations {
			names = append(names, service.Scope+":"+operation.Name)
		}
	}
	return names
}

// Close ends everything that the sandbox started, the youngest first, and returns when
// it has ended. Closing twice is harmless.
func (s *Sandbox) Close() {
	s.closing.Do(func() {
		for _, end := range slices.Backward(s.closers) {
			end()
		}
	})
}

// Endpoint is the URL of AWS's APIs.
func (s *Sandbox) Endpoint() string { return "http://" + s.door.Address() }

// Page is the URL of Yelb's page.
func (s *Sandbox) Page() string { return "http://" + s.page.Address() }

// Transport reaches AWS's APIs without a network: whatever host a request names, it is
// answered in this process as the endpoint answers it. Its requests are HTTP in all but
// the wire.
func (s *Sandbox) Transport() http.RoundTripper { return pipenet.Direct(s.handler) }

// Direct performs an operation of an API in this process, without a protocol; see
// wire.Handler.Direct.
func (s *Sandbox) Direct(ctx context.Context, by wire.Credential, operation string, input any) (any, error) {
	return s.handler.Direct(ctx, by, operation, input)
}

// Serves tells whether a service of ECS has all the tasks that it shall have, and they are
// healthy.
func (s *Sandbox) Serves(service string) bool {
	return s.ecs.Serves(s.options.Environment, service)
}

// Account is the twelve digits of the sandbox's account.
func (s *Sandbox) Account() string { return s.region.Account }

// Region is the name of the region that the sandbox pretends to be.
func (s *Sandbox) Region() string { return s.region.Name }

// Environment is the name of the environment.
func (s *Sandbox) Environment() string { return s.options.Environment }

// Visitors are Yelb's visitors, whose rate can be changed.
func (s *Sandbox) Visitors() *visitors.Visitors { return s.visitors }

// ImageURI is the URI of an image of the sandbox's registry, such as yelb-appserver and
// fixed. It does not ask whether there is one.
func (s *Sandbox) ImageURI(repository, tag string) string {
	return s.ecr.Host() + "/" + repository + ":" + tag
}

// Exports are the environment variables, as NAME=value, that point AWS's SDKs and its
// command line at the sandbox. The last one keeps the command line from putting "data-"
// before the host of Cloud Map's DiscoverInstances: nothing answers to data-127.0.0.1.
func (s *Sandbox) Exports() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + s.Endpoint(),
		"AWS_REGION=" + s.region.Name,
		"AWS_DEFAULT_REGION=" + s.region.Name,
		"AWS_ACCESS_KEY_ID=" + accessKey,
		"AWS_SECRET_ACCESS_KEY=" + secretKey,
		"AWS_DISABLE_HOST_PREFIX_INJECTION=true",
	}
}
