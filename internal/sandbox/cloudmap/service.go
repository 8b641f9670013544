// Package cloudmap is AWS Cloud Map: namespaces, services, the instances registered in
// them with their health, and their discovery. Creating and deleting namespaces,
// registering and deregistering are asynchronous operations, as AWS has them.
//
// It may import internal/sandbox/region, wire, clone and page, and the SDK's types.
package cloudmap

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"serin/internal/sandbox/region"
)

// How long Cloud Map takes at pace 1: what a private DNS namespace (a hosted zone), an
// HTTP namespace and an instance's records take as a rule, and what the API reference
// says of custom health (HealthCheckCustomConfig).
const (
	privateNamespaceTime = 20 * time.Second
	httpNamespaceTime    = 2 * time.Second
	instanceTime         = 3 * time.Second
	customHealthTime     = 30 * time.Second
)

// Service is Cloud Map in one region. Every method is safe for concurrent use. Values
// taken and given are copied: nobody shares memory with it.
type Service struct {
	region region.Region

	life context.Context
	end  context.CancelFunc
	work sync.WaitGroup

	mu         sync.Mutex
	closed     bool
	namespaces map[string]*namespace
	registries map[string]*registry
	operations map[string]*types.Operation
	requests   map[string]string
	tags       map[string][]types.Tag
}

// New is a Cloud Map without namespaces. Close must be called when it is done with.
func New(in region.Region) *Service {
	life, end := context.WithCancel(context.Background())
	return &Service{
		region: in, life: life, end: end,
		namespaces: make(map[string]*namespace),
		registries: make(map[string]*registry),
		operations: make(map[string]*types.Operation),
		requests:   make(map[string]string),
		tags:       make(map[string][]types.Tag),
	}
}

// Close ends the operations under way, which stay as they are, and returns when no
// goroutine of the service is left. The state can still be read.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.work.Wait()
}

// Instances are the instances of a service that discovery gives, by names: the healthy
// ones, or all when none is healthy, as DNS and DiscoverInstances fail open. They are
// in the order of their identifiers; an unknown name has none.
func (s *Service) Instances(namespaceName, serviceName string) []Instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.discover(namespaceName, serviceName)
	if err != nil {
		return nil
	}
	var out []Instance
	for _, i := range found.selected(types.HealthStatusFilterHealthyOrElseAll) {
		out = append(out, i.seen())
	}
	return out
}

// later performs a step after a time at the region's pace, with s.mu held, unless the
// service is closed before. s.mu is held by the caller.
func (s *Service) later(after time.Duration, step func()) {
	if s.closed {
		return
	}
	s.work.Go(func() {
		if s.region.Pace.Wait(s.life, after) != nil {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		step()
	})
}

// identifier is a new identifier such as srv-e4anhexample0004.
func identifier(prefix string) string {
	return prefix + strings.ToLower(rand.Text()[:16])
}

// bare is the identifier of a resource that may be given by its ARN.
func bare(idOrARN string) string {
	if !strings.HasPrefix(idOrARN, "arn:") {
		return idOrARN
	}
	return idOrARN[strings.LastIndex(idOrARN, "/")+1:]
}

func invalid(format string, args ...any) error {
	return &types.InvalidInput{Message: new(fmt.Sprintf(format, args...))}
}

// moment is the present to the millisecond, as the API carries it.
func moment() *time.Time { return new(time.Now().UTC().Truncate(time.Millisecond)) }
