package aws

import (
	"encoding/json"
	"reflect"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/engine"
)

// seenRoutes remember of each route the specification that was read last, with what was made
// of it: a route is read every few seconds and seldom changes, and its shape and its document
// cost more than the call. Specifications are compared whole, so that no change is missed,
// whatever AWS counts as one. They are safe for concurrent use.
type seenRoutes struct {
	mu   sync.Mutex
	last map[seenKey]seenRoute
}

type seenKey struct {
	mesh, service string
}

// seenRoute is never changed once it is made.
type seenRoute struct {
	spec     *types.RouteSpec
	shape    string
	document json.RawMessage
}

// routesKept bounds the memory of a process that watches for months.
const routesKept = 10000

func newSeenRoutes() *seenRoutes { return &seenRoutes{last: make(map[seenKey]seenRoute)} }

// as is what is to be known of the specification of a service's route, which must not be
// changed afterwards.
func (s *seenRoutes) as(service engine.Service, spec *types.RouteSpec) (seenRoute, error) {
	key := seenKey{service.Environment, service.Name}
	s.mu.Lock()
	seen, there := s.last[key]
	s.mu.Unlock()
	if there && reflect.DeepEqual(seen.spec, spec) {
		return seen, nil
	}
	seen = seenRoute{spec: spec}
	var err error
	if seen.shape, err = shapeOf(spec); err != nil {
		return seenRoute{}, err
	}
	if seen.document, err = writeDocument(spec); err != nil {
		return seenRoute{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.last) >= routesKept {
		clear(s.last)
	}
	s.last[key] = seen
	return seen, nil
}
