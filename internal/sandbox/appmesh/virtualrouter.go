package appmesh

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/clone"
)

func virtualRouterData(r *record[types.VirtualRouterSpec]) *types.VirtualRouterData {
	return clone.Of(&types.VirtualRouterData{
		MeshName:          &r.mesh,
		VirtualRouterName: &r.name,
		Metadata:          &r.metadata,
		Spec:              r.spec,
		Status:            &types.VirtualRouterStatus{Status: types.VirtualRouterStatusCodeActive},
	})
}

// CreateVirtualRouter makes a virtual router. It is refused as checkVirtualRouter says.
func (s *Service) CreateVirtualRouter(
	_ context.Context, in *sdk.CreateVirtualRouterInput,
) (*sdk.CreateVirtualRouterOutput, error) {
	err := s.checkWrite(in.ClientToken, in.MeshOwner, in.Spec != nil,
		named{"meshName", in.MeshName}, named{"virtualRouterName", in.VirtualRouterName})
	if err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkVirtualRouter(*in.MeshName, in.Spec); err != nil {
		return nil, err
	}
	of := id{mesh: *in.MeshName, name: *in.VirtualRouterName}
	r, added, err := s.routers.create(of, in.Spec, in.ClientToken, in.Tags)
	if err != nil {
		return nil, err
	}
	if added {
		s.publish()
	}
	return &sdk.CreateVirtualRouterOutput{VirtualRouter: virtualRouterData(r)}, nil
}

// DescribeVirtualRouter describes a virtual router.
func (s *Service) DescribeVirtualRouter(
	_ context.Context, in *sdk.DescribeVirtualRouterInput,
) (*sdk.DescribeVirtualRouterOutput, error) {
	err := s.checkRequest(in.MeshOwner, named{"meshName", in.MeshName}, named{"virtualRouterName", in.VirtualRouterName})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.virtualRouter(*in.MeshName, *in.VirtualRouterName)
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeVirtualRouterOutput{VirtualRouter: virtualRouterData(r)}, nil
}

// UpdateVirtualRouter gives a virtual router another specification, which replaces the present one wholly.
func (s *Service) UpdateVirtualRouter(
	_ context.Context, in *sdk.UpdateVirtualRouterInput,
) (*sdk.UpdateVirtualRouterOutput, error) {
	err := s.checkWrite(in.ClientToken, in.MeshOwner, in.Spec != nil,
		named{"meshName", in.MeshName}, named{"virtualRouterName", in.VirtualRouterName})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	existing, err := s.virtualRouter(*in.MeshName, *in.VirtualRouterName)
	if err != nil {
		return nil, err
	}
	if err := s.checkVirtualRouter(*in.MeshName, in.Spec); err != nil {
		return nil, err
	}
	if err := s.checkRoutesFit(existing.id, in.Spec); err != nil {
		return nil, err
	}
	r, changed, err := s.routers.update(existing.id, in.Spec, in.ClientToken)
	if err != nil {
		return nil, err
	}
	if changed {
		s.publish()
	}
	return &sdk.UpdateVirtualRouterOutput{VirtualRouter: virtualRouterData(r)}, nil
}

// DeleteVirtualRouter removes a virtual router that has no routes and provides no
// virtual service; ResourceInUseException otherwise.
func (s *Service) DeleteVirtualRouter(
	_ context.Context, in *sdk.DeleteVirtualRouterInput,
) (*sdk.DeleteVirtualRouterOutput, error) {
	err := s.checkRequest(in.MeshOwner, named{"meshName", in.MeshName}, named{"virtualRouterName", in.VirtualRouterName})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.virtualRouter(*in.MeshName, *in.VirtualRouterName)
	if err != nil {
		return nil, err
	}
	if err := s.checkUnusedRouter(r); err != nil {
		return nil, err
	}
	delete(s.routers.records, r.id)
	s.publish()
	data := virtualRouterData(r)
	data.Status.Status = types.VirtualRouterStatusCodeDeleted
	return &sdk.DeleteVirtualRouterOutput{VirtualRouter: data}, nil
}

// ListVirtualRouters lists the virtual routers of a mesh by name.
func (s *Service) ListVirtualRouters(
	_ context.Context, in *sdk.ListVirtualRoutersInput,
) (*sdk.ListVirtualRoutersOutput, error) {
	err := s.checkRequest(in.MeshOwner, named{"meshName", in.MeshName})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkMesh(in.MeshName); err != nil {
		return nil, err
	}
	refs, next, err := listed(&s.routers, *in.MeshName, "", in.Limit, in.NextToken, virtualRouterRef)
	if err != nil {
		return nil, err
	}
	return &sdk.ListVirtualRoutersOutput{VirtualRouters: refs, NextToken: next}, nil
}

func virtualRouterRef(r *record[types.VirtualRouterSpec]) types.VirtualRouterRef {
	m := r.metadata
	return clone.Of(types.VirtualRouterRef{
		Arn: m.Arn, CreatedAt: m.CreatedAt, LastUpdatedAt: m.LastUpdatedAt, MeshName: &r.mesh,
		MeshOwner: m.MeshOwner, ResourceOwner: m.ResourceOwner, Version: m.Version,
		VirtualRouterName: &r.name,
	})
}

// virtualRouter is a virtual router of a mesh, or the error that the mesh or it is not there.
func (s *Service) virtualRouter(mesh, name string) (*record[types.VirtualRouterSpec], error) {
	if err := s.checkMesh(&mesh); err != nil {
		return nil, err
	}
	return s.routers.get(id{mesh: mesh, name: name})
}
