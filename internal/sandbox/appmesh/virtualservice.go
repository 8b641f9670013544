package appmesh

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/clone"
)

func virtualServiceData(r *record[types.VirtualServiceSpec]) *types.VirtualServiceData {
	return clone.Of(&types.VirtualServiceData{
		MeshName:           &r.mesh,
		VirtualServiceName: &r.name,
		Metadata:           &r.metadata,
		Spec:               r.spec,
		Status:             &types.VirtualServiceStatus{Status: types.VirtualServiceStatusCodeActive},
	})
}

// CreateVirtualService makes a virtual service. It is refused as checkVirtualService says.
func (s *Service) CreateVirtualService(
	_ context.Context, in *sdk.CreateVirtualServiceInput,
) (*sdk.CreateVirtualServiceOutput, error) {
	err := s.checkWrite(in.ClientToken, in.MeshOwner, in.Spec != nil,
		named{"meshName", in.MeshName}, named{"virtualServiceName", in.VirtualServiceName})
	if err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkVirtualService(*in.MeshName, in.Spec); err != nil {
		return nil, err
	}
	of := id{mesh: *in.MeshName, name: *in.VirtualServiceName}
	r, added, err := s.services.create(of, in.Spec, in.ClientToken, in.Tags)
	if err != nil {
		return nil, err
	}
	if added {
		s.publish()
	}
	return &sdk.CreateVirtualServiceOutput{VirtualService: virtualServiceData(r)}, nil
}

// DescribeVirtualService describes a virtual service.
func (s *Service) DescribeVirtualService(
	_ context.Context, in *sdk.DescribeVirtualServiceInput,
) (*sdk.DescribeVirtualServiceOutput, error) {
	err := s.checkRequest(in.MeshOwner, named{"meshName", in.MeshName}, named{"virtualServiceName", in.VirtualServiceName})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.virtualService(*in.MeshName, *in.VirtualServiceName)
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeVirtualServiceOutput{VirtualService: virtualServiceData(r)}, nil
}

// UpdateVirtualService gives a virtual service another specification, which replaces the present one wholly.
func (s *Service) UpdateVirtualService(
	_ context.Context, in *sdk.UpdateVirtualServiceInput,
) (*sdk.UpdateVirtualServiceOutput, error) {
	err := s.checkWrite(in.ClientToken, in.MeshOwner, in.Spec != nil,
		named{"meshName", in.MeshName}, named{"virtualServiceName", in.VirtualServiceName})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	existing, err := s.virtualService(*in.MeshName, *in.VirtualServiceName)
	if err != nil {
		return nil, err
	}
	if err := s.checkVirtualService(*in.MeshName, in.Spec); err != nil {
		return nil, err
	}
	r, changed, err := s.services.update(existing.id, in.Spec, in.ClientToken)
	if err != nil {
		return nil, err
	}
	if changed {
		s.publish()
	}
	return &sdk.UpdateVirtualServiceOutput{VirtualService: virtualServiceData(r)}, nil
}

// DeleteVirtualService removes a virtual service.
func (s *Service) DeleteVirtualService(
	_ context.Context, in *sdk.DeleteVirtualServiceInput,
) (*sdk.DeleteVirtualServiceOutput, error) {
	err := s.checkRequest(in.MeshOwner, named{"meshName", in.MeshName}, named{"virtualServiceName", in.VirtualServiceName})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.virtualService(*in.MeshName, *in.VirtualServiceName)
	if err != nil {
		return nil, err
	}
	delete(s.services.records, r.id)
	s.publish()
	data := virtualServiceData(r)
	data.Status.Status = types.VirtualServiceStatusCodeDeleted
	return &sdk.DeleteVirtualServiceOutput{VirtualService: data}, nil
}

// ListVirtualServices lists the virtual services of a mesh by name.
func (s *Service) ListVirtualServices(
	_ context.Context, in *sdk.ListVirtualServicesInput,
) (*sdk.ListVirtualServicesOutput, error) {
	err := s.checkRequest(in.MeshOwner, named{"meshName", in.MeshName})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkMesh(in.MeshName); err != nil {
		return nil, err
	}
	refs, next, err := listed(&s.services, *in.MeshName, "", in.Limit, in.NextToken, virtualServiceRef)
	if err != nil {
		return nil, err
	}
	return &sdk.ListVirtualServicesOutput{VirtualServices: refs, NextToken: next}, nil
}

func virtualServiceRef(r *record[types.VirtualServiceSpec]) types.VirtualServiceRef {
	m := r.metadata
	return clone.Of(types.VirtualServiceRef{
		Arn: m.Arn, CreatedAt: m.CreatedAt, LastUpdatedAt: m.LastUpdatedAt, MeshName: &r.mesh,
		MeshOwner: m.MeshOwner, ResourceOwner: m.ResourceOwner, Version: m.Version,
		VirtualServiceName: &r.name,
	})
}

// virtualService is a virtual service of a mesh, or the error that the mesh or it is not there.
func (s *Service) virtualService(mesh, name string) (*record[types.VirtualServiceSpec], error) {
	if err := s.checkMesh(&mesh); err != nil {
		return nil, err
	}
	return s.services.get(id{mesh: mesh, name: name})
}
