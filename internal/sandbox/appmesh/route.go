package appmesh

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/clone"
)

func routeData(r *record[types.RouteSpec]) *types.RouteData {
	return clone.Of(&types.RouteData{
		MeshName:          &r.mesh,
		VirtualRouterName: &r.parent,
		RouteName:         &r.name,
		Metadata:          &r.metadata,
		Spec:              r.spec,
		Status:            &types.RouteStatus{Status: types.RouteStatusCodeActive},
	})
}

// CreateRoute makes a route. It is refused as checkRoute says.
func (s *Service) CreateRoute(
	_ context.Context, in *sdk.CreateRouteInput,
) (*sdk.CreateRouteOutput, error) {
	err := s.checkWrite(in.ClientToken, in.MeshOwner, in.Spec != nil,
		named{"meshName", in.MeshName}, named{"virtualRouterName", in.VirtualRouterName},
		named{"routeName", in.RouteName})
	if err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkRoute(*in.MeshName, *in.VirtualRouterName, in.Spec); err != nil {
		return nil, err
	}
	of := id{mesh: *in.MeshName, parent: *in.VirtualRouterName, name: *in.RouteName}
	r, added, err := s.routes.create(of, in.Spec, in.ClientToken, in.Tags)
	if err != nil {
		return nil, err
	}
	if added {
		s.publish()
	}
	return &sdk.CreateRouteOutput{Route: routeData(r)}, nil
}

// DescribeRoute describes a route.
func (s *Service) DescribeRoute(
	_ context.Context, in *sdk.DescribeRouteInput,
) (*sdk.DescribeRouteOutput, error) {
	err := s.checkRequest(in.MeshOwner, named{"meshName", in.MeshName}, named{"virtualRouterName", in.VirtualRouterName},
		named{"routeName", in.RouteName})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.route(*in.MeshName, *in.VirtualRouterName, *in.RouteName)
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeRouteOutput{Route: routeData(r)}, nil
}

// UpdateRoute gives a route another specification, which replaces the present one wholly.
func (s *Service) UpdateRoute(
	_ context.Context, in *sdk.UpdateRouteInput,
) (*sdk.UpdateRouteOutput, error) {
	err := s.checkWrite(in.ClientToken, in.MeshOwner, in.Spec != nil,
		named{"meshName", in.MeshName}, named{"virtualRouterName", in.VirtualRouterName},
		named{"routeName", in.RouteName})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	existing, err := s.route(*in.MeshName, *in.VirtualRouterName, *in.RouteName)
	if err != nil {
		return nil, err
	}
	if err := s.checkRoute(*in.MeshName, *in.VirtualRouterName, in.Spec); err != nil {
		return nil, err
	}
	r, changed, err := s.routes.update(existing.id, in.Spec, in.ClientToken)
	if err != nil {
		return nil, err
	}
	if changed {
		s.publish()
	}
	return &sdk.UpdateRouteOutput{Route: routeData(r)}, nil
}

// DeleteRoute removes a route.
func (s *Service) DeleteRoute(
	_ context.Context, in *sdk.DeleteRouteInput,
) (*sdk.DeleteRouteOutput, error) {
	err := s.checkRequest(in.MeshOwner, named{"meshName", in.MeshName}, named{"virtualRouterName", in.VirtualRouterName},
		named{"routeName", in.RouteName})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.route(*in.MeshName, *in.VirtualRouterName, *in.RouteName)
	if err != nil {
		return nil, err
	}
	delete(s.routes.records, r.id)
	s.publish()
	data := routeData(r)
	data.Status.Status = types.RouteStatusCodeDeleted
	return &sdk.DeleteRouteOutput{Route: data}, nil
}

// ListRoutes lists the routes of a virtual router by name.
func (s *Service) ListRoutes(
	_ context.Context, in *sdk.ListRoutesInput,
) (*sdk.ListRoutesOutput, error) {
	err := s.checkRequest(in.MeshOwner, named{"meshName", in.MeshName}, named{"virtualRouterName", in.VirtualRouterName})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkMesh(in.MeshName); err != nil {
		return nil, err
	}
	if _, err := s.virtualRouter(*in.MeshName, *in.VirtualRouterName); err != nil {
		return nil, err
	}
	refs, next, err := listed(&s.routes, *in.MeshName, *in.VirtualRouterName, in.Limit, in.NextToken, routeRef)
	if err != nil {
		return nil, err
	}
	return &sdk.ListRoutesOutput{Routes: refs, NextToken: next}, nil
}

func routeRef(r *record[types.RouteSpec]) types.RouteRef {
	m := r.metadata
	return clone.Of(types.RouteRef{
		Arn: m.Arn, CreatedAt: m.CreatedAt, LastUpdatedAt: m.LastUpdatedAt, MeshName: &r.mesh,
		MeshOwner: m.MeshOwner, ResourceOwner: m.ResourceOwner, Version: m.Version,
		VirtualRouterName: &r.parent, RouteName: &r.name,
	})
}

// route is a route of a mesh, or the error that the mesh or it is not there.
func (s *Service) route(mesh, router, name string) (*record[types.RouteSpec], error) {
	if err := s.checkMesh(&mesh); err != nil {
		return nil, err
	}
	if _, err := s.virtualRouter(mesh, router); err != nil {
		return nil, err
	}
	return s.routes.get(id{mesh: mesh, parent: router, name: name})
}
