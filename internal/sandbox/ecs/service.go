// Package ecs is Amazon ECS on Fargate: clusters, task definitions, services with their
// rolling deployments and circuit breaker, and tasks whose containers a Runtime really
// runs. A service's scheduler keeps the desired number of tasks; container health
// checks are really executed; tasks are registered in Cloud Map.
//
// It may import internal/sandbox/region, wire, clone and page, and the SDK's types.
package ecs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/netip"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"serin/internal/sandbox/region"
)

// Service is ECS in one region. Every method is safe for concurrent use. Values taken
// and given are copied: nobody shares memory with it.
type Service struct {
	region   region.Region
	runtime  Runtime
	registry Registry

	life context.Context
	end  context.CancelFunc
	work sync.WaitGroup

	mu        sync.Mutex
	closed    bool
	changed   chan struct{}
	clusters  map[string]*cluster
	families  map[string]*family
	workloads map[workloadKey]*workload
	tasks     map[string]*task
	addresses map[netip.Addr]*task
	lastIP    netip.Addr
	tags      map[string][]types.Tag
}

// New is an ECS without clusters whose containers run in a Runtime and whose services
// are registered in a Registry. Close must be called when it is done with.
func New(in region.Region, runtime Runtime, registry Registry) *Service {
	life, end := context.WithCancel(context.Background())
	return &Service{
		region: in, runtime: runtime, registry: registry, life: life, end: end,
		changed:   make(chan struct{}),
		clusters:  make(map[string]*cluster),
		families:  make(map[string]*family),
		workloads: make(map[workloadKey]*workload),
		tasks:     make(map[string]*task),
		addresses: make(map[netip.Addr]*task),
		lastIP:    netip.AddrFrom4([4]byte{10, 0, 0, 3}),
		tags:      make(map[string][]types.Tag),
	}
}

// Close stops every container and returns when no goroutine of the service is left. The
// state can still be read; nothing starts any more.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.work.Wait()
}

// Changed gives a channel that is closed at the next change of any cluster, service or
// task. To miss none, take the channel first and look at the state after.
func (s *Service) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// touch tells those who wait for a change; s.mu is held.
func (s *Service) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// goes runs a goroutine that Close awaits, unless the service is closed; s.mu is held.
func (s *Service) goes(work func()) {
	if !s.closed {
		s.work.Go(work)
	}
}

// Address is where a port of the task with a private IP is listened on in the region's
// network, and false when no container of a live task listens on it.
func (s *Service) Address(ip string, port int) (string, bool) {
	address, err := netip.ParseAddr(ip)
	if err != nil {
		return "", false
	}
	for _, process := range s.processesAt(address) {
		if where, ok := process.Address(port); ok {
			return where, true
		}
	}
	return "", false
}

func (s *Service) processesAt(address netip.Addr) []Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.addresses[address]
	if !ok {
		return nil
	}
	return t.processes()
}

// assign gives a task a private IP of 10.0.0.0/16 that no other task has, false when
// there is none; s.mu is held. Addresses are handed out in turn, so that one is not used
// again at once.
func (s *Service) assign(t *task) bool {
	network := netip.MustParsePrefix("10.0.0.0/16")
	ip := s.lastIP
	for range 1 << 16 {
		ip = ip.Next()
		if !network.Contains(ip) {
			ip = netip.AddrFrom4([4]byte{10, 0, 0, 4})
		}
		last := ip.As4()[3]
		if _, taken := s.addresses[ip]; taken || last == 0 || last == 255 {
			continue
		}
		s.lastIP, t.ip = ip, ip
		s.addresses[ip] = t
		return true
	}
	return false
}

// moment is the present to the millisecond, as the API carries it.
func moment() *time.Time { return new(time.Now().UTC().Truncate(time.Millisecond)) }

// hexadecimal is a random number of some bytes, as ECS makes identifiers of.
func hexadecimal(bytes int) string {
	number := make([]byte, bytes)
	_, _ = rand.Read(number) // rand.Read never fails (crypto/rand).
	return hex.EncodeToString(number)
}
