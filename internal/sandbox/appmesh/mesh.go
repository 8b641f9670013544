package appmesh

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/clone"
)

func meshData(r *record[types.MeshSpec]) *types.MeshData {
	return clone.Of(&types.MeshData{
		MeshName: &r.name,
		Metadata: &r.metadata,
		Spec:     r.spec,
		Status:   &types.MeshStatus{Status: types.MeshStatusCodeActive},
	})
}

func checkMeshSpec(spec *types.MeshSpec) error {
	if spec.EgressFilter != nil {
		if err := oneOf("spec.egressFilter.type", spec.EgressFilter.Type); err != nil {
			return err
		}
	}
	if spec.ServiceDiscovery != nil && spec.ServiceDiscovery.IpPreference != "" {
		return oneOf("spec.serviceDiscovery.ipPreference", spec.ServiceDiscovery.IpPreference)
	}
	return nil
}

// completeMeshSpec is a specification with what App Mesh adds: egress is dropped unless
// it says otherwise (App Mesh API reference, EgressFilter).
func completeMeshSpec(spec *types.MeshSpec) *types.MeshSpec {
	complete := clone.Of(spec)
	if complete == nil {
		complete = &types.MeshSpec{}
	}
	if complete.EgressFilter == nil {
		complete.EgressFilter = &types.EgressFilter{Type: types.EgressFilterTypeDropAll}
	}
	return complete
}

// CreateMesh makes a mesh.
func (s *Service) CreateMesh(_ context.Context, in *sdk.CreateMeshInput) (*sdk.CreateMeshOutput, error) {
	spec := completeMeshSpec(in.Spec)
	err := first(
		func() error { return s.checkWrite(in.ClientToken, nil, true, named{"meshName", in.MeshName}) },
		func() error { return checkTags(in.Tags) },
		func() error { return checkMeshSpec(spec) },
	)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, added, err := s.meshes.create(id{name: *in.MeshName}, spec, in.ClientToken, in.Tags)
	if err != nil {
		return nil, err
	}
	if added {
		s.publish()
	}
	return &sdk.CreateMeshOutput{Mesh: meshData(r)}, nil
}

// DescribeMesh describes a mesh.
func (s *Service) DescribeMesh(_ context.Context, in *sdk.DescribeMeshInput) (*sdk.DescribeMeshOutput, error) {
	if err := s.checkRequest(in.MeshOwner, named{"meshName", in.MeshName}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.meshes.get(id{name: *in.MeshName})
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeMeshOutput{Mesh: meshData(r)}, nil
}

// UpdateMesh gives a mesh another specification.
func (s *Service) UpdateMesh(_ context.Context, in *sdk.UpdateMeshInput) (*sdk.UpdateMeshOutput, error) {
	spec := completeMeshSpec(in.Spec)
	err := first(
		func() error { return s.checkWrite(in.ClientToken, nil, true, named{"meshName", in.MeshName}) },
		func() error { return checkMeshSpec(spec) },
	)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, changed, err := s.meshes.update(id{name: *in.MeshName}, spec, in.ClientToken)
	if err != nil {
		return nil, err
	}
	if changed {
		s.publish()
	}
	return &sdk.UpdateMeshOutput{Mesh: meshData(r)}, nil
}

// DeleteMesh removes a mesh that has nothing in it; ResourceInUseException otherwise.
func (s *Service) DeleteMesh(_ context.Context, in *sdk.DeleteMeshInput) (*sdk.DeleteMeshOutput, error) {
	if err := checkNames(named{"meshName", in.MeshName}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.meshes.get(id{name: *in.MeshName})
	if err != nil {
		return nil, err
	}
	if held := s.contents(r.name); held != "" {
		return nil, inUse("Mesh %s for account %s has active %s, please delete %s before deleting the Mesh",
			r.name, s.region.Account, held, held)
	}
	delete(s.meshes.records, r.id)
	s.publish()
	data := meshData(r)
	data.Status.Status = types.MeshStatusCodeDeleted
	return &sdk.DeleteMeshOutput{Mesh: data}, nil
}

// contents is the kind of something that a mesh still has, in AWS's words, or nothing.
func (s *Service) contents(mesh string) string {
	switch {
	case s.services.holds(func(r *record[types.VirtualServiceSpec]) bool { return r.mesh == mesh }):
		return "VirtualServices"
	case s.routers.holds(func(r *record[types.VirtualRouterSpec]) bool { return r.mesh == mesh }):
		return "VirtualRouters"
	case s.nodes.holds(func(r *record[types.VirtualNodeSpec]) bool { return r.mesh == mesh }):
		return "VirtualNodes"
	default:
		return ""
	}
}

// ListMeshes lists the account's meshes by name.
func (s *Service) ListMeshes(_ context.Context, in *sdk.ListMeshesInput) (*sdk.ListMeshesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	refs, next, err := listed(&s.meshes, "", "", in.Limit, in.NextToken, func(r *record[types.MeshSpec]) types.MeshRef {
		m := r.metadata
		return clone.Of(types.MeshRef{
			Arn: m.Arn, CreatedAt: m.CreatedAt, LastUpdatedAt: m.LastUpdatedAt, MeshName: &r.name,
			MeshOwner: m.MeshOwner, ResourceOwner: m.ResourceOwner, Version: m.Version,
		})
	})
	if err != nil {
		return nil, err
	}
	return &sdk.ListMeshesOutput{Meshes: refs, NextToken: next}, nil
}
