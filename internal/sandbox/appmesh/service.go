// Package appmesh is AWS App Mesh's control plane: meshes, virtual services, virtual
// routers, routes and virtual nodes, their tags, and the rules that AWS enforces on
// them. What the meshes hold is given to the data plane as a View.
//
// It may import internal/sandbox/region, wire, clone and page, and the SDK's types.
package appmesh

import (
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/region"
)

// Service is App Mesh in one region. Every method is safe for concurrent use. Values
// taken and given are copied: nobody shares memory with it.
type Service struct {
	region region.Region
	view   atomic.Pointer[View]

	mu       sync.Mutex
	meshes   collection[types.MeshSpec]
	services collection[types.VirtualServiceSpec]
	routers  collection[types.VirtualRouterSpec]
	routes   collection[types.RouteSpec]
	nodes    collection[types.VirtualNodeSpec]
}

// New is an App Mesh without any mesh.
func New(in region.Region) *Service {
	s := &Service{
		region:   in,
		meshes:   newCollection[types.MeshSpec](in, "Mesh", meshPath),
		services: newCollection[types.VirtualServiceSpec](in, "VirtualService", childPath("virtualService")),
		routers:  newCollection[types.VirtualRouterSpec](in, "VirtualRouter", childPath("virtualRouter")),
		routes:   newCollection[types.RouteSpec](in, "Route", routePath),
		nodes:    newCollection[types.VirtualNodeSpec](in, "VirtualNode", childPath("virtualNode")),
	}
	s.view.Store(&View{})
	s.publish()
	return s
}

// View is what the meshes hold now. It takes no lock; the View must not be written to.
func (s *Service) View() *View { return s.view.Load() }

// publish makes the View of the present state; s.mu is held, or nobody else knows s.
func (s *Service) publish() {
	next := &View{
		Revision:        s.view.Load().Revision + 1,
		VirtualServices: make(map[string]*types.VirtualServiceData),
		VirtualRouters:  make(map[string]*types.VirtualRouterData),
		VirtualNodes:    make(map[string]*types.VirtualNodeData),
		Routes:          make(map[string][]*types.RouteData),
	}
	for _, r := range s.services.records {
		next.VirtualServices[r.mesh+"/"+r.name] = virtualServiceData(r)
	}
	for _, r := range s.routers.records {
		next.VirtualRouters[r.mesh+"/"+r.name] = virtualRouterData(r)
	}
	for _, r := range s.nodes.records {
		next.VirtualNodes[r.mesh+"/"+r.name] = virtualNodeData(r)
	}
	for _, r := range s.routes.sorted(byPriority) {
		router := r.mesh + "/" + r.parent
		next.Routes[router] = append(next.Routes[router], routeData(r))
	}
	s.view.Store(next)
}
