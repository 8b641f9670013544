package appmesh

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
)

// checkVirtualService refuses a provider that is not in the mesh; a virtual service
// need not have one. s.mu is held.
func (s *Service) checkVirtualService(mesh string, spec *types.VirtualServiceSpec) error {
	switch p := spec.Provider.(type) {
	case nil:
		return s.checkMesh(&mesh)
	case *types.VirtualServiceProviderMemberVirtualNode:
		_, err := s.virtualNode(mesh, aws.ToString(p.Value.VirtualNodeName))
		return err
	case *types.VirtualServiceProviderMemberVirtualRouter:
		_, err := s.virtualRouter(mesh, aws.ToString(p.Value.VirtualRouterName))
		return err
	default:
		return badRequest("spec.provider is of an unknown kind.")
	}
}

// checkVirtualRouter refuses a router without a listener or with two on one port. s.mu
// is held.
func (s *Service) checkVirtualRouter(mesh string, spec *types.VirtualRouterSpec) error {
	if err := s.checkMesh(&mesh); err != nil {
		return err
	}
	if len(spec.Listeners) == 0 {
		return badRequest("spec.listeners must have at least one listener.")
	}
	ports := make(map[int32]bool)
	for i, l := range spec.Listeners {
		if err := checkPort(fmt.Sprintf("spec.listeners[%d]", i), l.PortMapping); err != nil {
			return err
		}
		if ports[*l.PortMapping.Port] {
			return badRequest("Port %d is used by more than one listener.", *l.PortMapping.Port)
		}
		ports[*l.PortMapping.Port] = true
	}
	return nil
}

// checkRoutesFit refuses listeners that the routes of the router do not go with.
func (s *Service) checkRoutesFit(router id, spec *types.VirtualRouterSpec) error {
	var unported []string
	for _, r := range s.routes.sorted(byName) {
		if r.mesh != router.mesh || r.parent != router.name {
			continue
		}
		protocol, port := routeProtocol(r.spec)
		if len(spec.Listeners) > 1 && port == nil {
			unported = append(unported, r.name)
			continue
		}
		if !listens(spec, protocol, port) {
			return badRequest("The listeners of VirtualRouter %s do not match the %s route %s.", router.name, protocol, r.name)
		}
	}
	if len(unported) > 0 {
		return badRequest("All Routes for this Virtual Router must define a port match before adding multiple "+
			"listeners to this Virtual Router. %d Route(s) are missing port. Listing up to 5 route names: [%s]",
			len(unported), strings.Join(unported[:min(5, len(unported))], ", "))
	}
	return nil
}

// listens reports whether a router has a listener of a protocol, and on a port if one
// is given.
func listens(spec *types.VirtualRouterSpec, protocol types.PortProtocol, port *int32) bool {
	for _, l := range spec.Listeners {
		if l.PortMapping.Protocol == protocol && (port == nil || *port == *l.PortMapping.Port) {
			return true
		}
	}
	return false
}

// checkUnusedRouter refuses to remove a router that has routes or provides a virtual
// service.
func (s *Service) checkUnusedRouter(router *record[types.VirtualRouterSpec]) error {
	if s.routes.holds(func(r *record[types.RouteSpec]) bool {
		return r.mesh == router.mesh && r.parent == router.name
	}) {
		return inUse("VirtualRouter with name %s cannot be deleted because it has one or more routes.", router.name)
	}
	if s.services.holds(func(r *record[types.VirtualServiceSpec]) bool {
		provider, ok := r.spec.Provider.(*types.VirtualServiceProviderMemberVirtualRouter)
		return ok && r.mesh == router.mesh && aws.ToString(provider.Value.VirtualRouterName) == router.name
	}) {
		return inUse("VirtualRouter with name %s cannot be deleted because it is a VirtualService provider", router.name)
	}
	return nil
}
