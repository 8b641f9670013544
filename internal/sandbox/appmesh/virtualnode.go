package appmesh

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/clone"
)

func virtualNodeData(r *record[types.VirtualNodeSpec]) *types.VirtualNodeData {
	return clone.Of(&types.VirtualNodeData{
		MeshName:        &r.mesh,
		VirtualNodeName: &r.name,
		Metadata:        &r.metadata,
		Spec:            r.spec,
		Status:          &types.VirtualNodeStatus{Status: types.VirtualNodeStatusCodeActive},
	})
}

// CreateVirtualNode makes a virtual node. It is refused as checkVirtualNode says.
func (s *Service) CreateVirtualNode(
	_ context.Context, in *sdk.CreateVirtualNodeInput,
) (*sdk.CreateVirtualNodeOutput, error) {
	err := s.checkWrite(in.ClientToken, in.MeshOwner, in.Spec != nil,
		named{"meshName", in.MeshName}, named{"virtualNodeName", in.VirtualNodeName})
	if err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkVirtualNode(*in.MeshName, in.Spec); err != nil {
		return nil, err
	}
	of := id{mesh: *in.MeshName, name: *in.VirtualNodeName}
	r, added, err := s.nodes.create(of, in.Spec, in.ClientToken, in.Tags)
	if err != nil {
		return nil, err
	}
	if added {
		s.publish()
	}
	return &sdk.CreateVirtualNodeOutput{VirtualNode: virtualNodeData(r)}, nil
}

// DescribeVirtualNode describes a virtual node.
func (s *Service) DescribeVirtualNode(
	_ context.Context, in *sdk.DescribeVirtualNodeInput,
) (*sdk.DescribeVirtualNodeOutput, error) {
	err := s.checkRequest(in.MeshOwner, named{"meshName", in.MeshName}, named{"virtualNodeName", in.VirtualNodeName})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.virtualNode(*in.MeshName, *in.VirtualNodeName)
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeVirtualNodeOutput{VirtualNode: virtualNodeData(r)}, nil
}

// UpdateVirtualNode gives a virtual node another specification, which replaces the present one wholly.
func (s *Service) UpdateVirtualNode(
	_ context.Context, in *sdk.UpdateVirtualNodeInput,
) (*sdk.UpdateVirtualNodeOutput, error) {
	err := s.checkWrite(in.ClientToken, in.MeshOwner, in.Spec != nil,
		named{"meshName", in.MeshName}, named{"virtualNodeName", in.VirtualNodeName})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	existing, err := s.virtualNode(*in.MeshName, *in.VirtualNodeName)
	if err != nil {
		return nil, err
	}
	if err := s.checkVirtualNode(*in.MeshName, in.Spec); err != nil {
		return nil, err
	}
	r, changed, err := s.nodes.update(existing.id, in.Spec, in.ClientToken)
	if err != nil {
		return nil, err
	}
	if changed {
		s.publish()
	}
	return &sdk.UpdateVirtualNodeOutput{VirtualNode: virtualNodeData(r)}, nil
}

// DeleteVirtualNode removes a virtual node that no route and no virtual service
// names; ResourceInUseException otherwise, whatever its weight.
func (s *Service) DeleteVirtualNode(
	_ context.Context, in *sdk.DeleteVirtualNodeInput,
) (*sdk.DeleteVirtualNodeOutput, error) {
	err := s.checkRequest(in.MeshOwner, named{"meshName", in.MeshName}, named{"virtualNodeName", in.VirtualNodeName})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.virtualNode(*in.MeshName, *in.VirtualNodeName)
	if err != nil {
		return nil, err
	}
	if err := s.checkUnusedNode(r); err != nil {
		return nil, err
	}
	delete(s.nodes.records, r.id)
	s.publish()
	data := virtualNodeData(r)
	data.Status.Status = types.VirtualNodeStatusCodeDeleted
	return &sdk.DeleteVirtualNodeOutput{VirtualNode: data}, nil
}

// ListVirtualNodes lists the virtual nodes of a mesh by name.
func (s *Service) ListVirtualNodes(
	_ context.Context, in *sdk.ListVirtualNodesInput,
) (*sdk.ListVirtualNodesOutput, error) {
	err := s.checkRequest(in.MeshOwner, named{"meshName", in.MeshName})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkMesh(in.MeshName); err != nil {
		return nil, err
	}
	refs, next, err := listed(&s.nodes, *in.MeshName, "", in.Limit, in.NextToken, virtualNodeRef)
	if err != nil {
		return nil, err
	}
	return &sdk.ListVirtualNodesOutput{VirtualNodes: refs, NextToken: next}, nil
}

func virtualNodeRef(r *record[types.VirtualNodeSpec]) types.VirtualNodeRef {
	m := r.metadata
	return clone.Of(types.VirtualNodeRef{
		Arn: m.Arn, CreatedAt: m.CreatedAt, LastUpdatedAt: m.LastUpdatedAt, MeshName: &r.mesh,
		MeshOwner: m.MeshOwner, ResourceOwner: m.ResourceOwner, Version: m.Version,
		VirtualNodeName: &r.name,
	})
}

// virtualNode is a virtual node of a mesh, or the error that the mesh or it is not there.
func (s *Service) virtualNode(mesh, name string) (*record[types.VirtualNodeSpec], error) {
	if err := s.checkMesh(&mesh); err != nil {
		return nil, err
	}
	return s.nodes.get(id{mesh: mesh, name: name})
}
