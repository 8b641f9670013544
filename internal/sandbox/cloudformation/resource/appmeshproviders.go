package resource

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/cloudformation/property"
)

func mesh(api AppMesh, mapper property.Mapper) Provider {
	made := func(data *types.MeshData) Resource {
		return meshed(data.Metadata, map[string]*string{"MeshName": data.MeshName})
	}
	return typed[sdk.CreateMeshInput]{
		service: appMeshService, mapper: mapper, pinned: []string{"MeshName"},
		name: func(in *sdk.CreateMeshInput) **string { return &in.MeshName },
		create: func(ctx context.Context, in *sdk.CreateMeshInput) (Resource, error) {
			out, err := api.CreateMesh(ctx, in)
			if err != nil {
				return Resource{}, err
			}
			return made(out.Mesh), nil
		},
		update: func(ctx context.Context, existing Resource, in *sdk.CreateMeshInput) (Resource, error) {
			out, err := api.UpdateMesh(ctx, &sdk.UpdateMeshInput{MeshName: existing.text("MeshName"), Spec: in.Spec})
			if err != nil {
				return existing, err
			}
			return made(out.Mesh), nil
		},
		remove: func(ctx context.Context, existing Resource) error {
			_, err := api.DeleteMesh(ctx, &sdk.DeleteMeshInput{MeshName: existing.text("MeshName")})
			return err
		},
	}
}

func virtualNode(api AppMesh, mapper property.Mapper) Provider {
	made := func(data *types.VirtualNodeData) Resource {
		return meshed(data.Metadata, map[string]*string{
			"MeshName": data.MeshName, "VirtualNodeName": data.VirtualNodeName,
		})
	}
	return typed[sdk.CreateVirtualNodeInput]{
		service: appMeshService, mapper: mapper,
		pinned: []string{"MeshName", "MeshOwner", "VirtualNodeName"},
		name:   func(in *sdk.CreateVirtualNodeInput) **string { return &in.VirtualNodeName },
		create: func(ctx context.Context, in *sdk.CreateVirtualNodeInput) (Resource, error) {
			out, err := api.CreateVirtualNode(ctx, in)
			if err != nil {
				return Resource{}, err
			}
			return made(out.VirtualNode), nil
		},
		update: func(ctx context.Context, existing Resource, in *sdk.CreateVirtualNodeInput) (Resource, error) {
			out, err := api.UpdateVirtualNode(ctx, &sdk.UpdateVirtualNodeInput{
				MeshName: in.MeshName, MeshOwner: in.MeshOwner, Spec: in.Spec,
				VirtualNodeName: existing.text("VirtualNodeName"),
			})
			if err != nil {
				return existing, err
			}
			return made(out.VirtualNode), nil
		},
		remove: func(ctx context.Context, existing Resource) error {
			_, err := api.DeleteVirtualNode(ctx, &sdk.DeleteVirtualNodeInput{
				MeshName: existing.text("MeshName"), VirtualNodeName: existing.text("VirtualNodeName"),
			})
			return err
		},
	}
}

func virtualRouter(api AppMesh, mapper property.Mapper) Provider {
	made := func(data *types.VirtualRouterData) Resource {
		return meshed(data.Metadata, map[string]*string{
			"MeshName": data.MeshName, "VirtualRouterName": data.VirtualRouterName,
		})
	}
	return typed[sdk.CreateVirtualRouterInput]{
		service: appMeshService, mapper: mapper,
		pinned: []string{"MeshName", "MeshOwner", "VirtualRouterName"},
		name:   func(in *sdk.CreateVirtualRouterInput) **string { return &in.VirtualRouterName },
		create: func(ctx context.Context, in *sdk.CreateVirtualRouterInput) (Resource, error) {
			out, err := api.CreateVirtualRouter(ctx, in)
			if err != nil {
				return Resource{}, err
			}
			return made(out.VirtualRouter), nil
		},
		update: func(ctx context.Context, existing Resource, in *sdk.CreateVirtualRouterInput) (Resource, error) {
			out, err := api.UpdateVirtualRouter(ctx, &sdk.UpdateVirtualRouterInput{
				MeshName: in.MeshName, MeshOwner: in.MeshOwner, Spec: in.Spec,
				VirtualRouterName: existing.text("VirtualRouterName"),
			})
			if err != nil {
				return existing, err
			}
			return made(out.VirtualRouter), nil
		},
		remove: func(ctx context.Context, existing Resource) error {
			_, err := api.DeleteVirtualRouter(ctx, &sdk.DeleteVirtualRouterInput{
				MeshName: existing.text("MeshName"), VirtualRouterName: existing.text("VirtualRouterName"),
			})
			return err
		},
	}
}

func virtualService(api AppMesh, mapper property.Mapper) Provider {
	made := func(data *types.VirtualServiceData) Resource {
		return meshed(data.Metadata, map[string]*string{
			"MeshName": data.MeshName, "VirtualServiceName": data.VirtualServiceName,
		})
	}
	return typed[sdk.CreateVirtualServiceInput]{
		service: appMeshService, mapper: mapper,
		pinned: []string{"MeshName", "MeshOwner", "VirtualServiceName"},
		create: func(ctx context.Context, in *sdk.CreateVirtualServiceInput) (Resource, error) {
			out, err := api.CreateVirtualService(ctx, in)
			if err != nil {
				return Resource{}, err
			}
			return made(out.VirtualService), nil
		},
		update: func(ctx context.Context, existing Resource, in *sdk.CreateVirtualServiceInput) (Resource, error) {
			out, err := api.UpdateVirtualService(ctx, &sdk.UpdateVirtualServiceInput{
				MeshName: in.MeshName, MeshOwner: in.MeshOwner, Spec: in.Spec, VirtualServiceName: in.VirtualServiceName,
			})
			if err != nil {
				return existing, err
			}
			return made(out.VirtualService), nil
		},
		remove: func(ctx context.Context, existing Resource) error {
			_, err := api.DeleteVirtualService(ctx, &sdk.DeleteVirtualServiceInput{
				MeshName: existing.text("MeshName"), VirtualServiceName: existing.text("VirtualServiceName"),
			})
			return err
		},
	}
}

func route(api AppMesh, mapper property.Mapper) Provider {
	made := func(data *types.RouteData) Resource {
		return meshed(data.Metadata, map[string]*string{
			"MeshName": data.MeshName, "VirtualRouterName": data.VirtualRouterName, "RouteName": data.RouteName,
		})
	}
	return typed[sdk.CreateRouteInput]{
		service: appMeshService, mapper: mapper,
		pinned: []string{"MeshName", "MeshOwner", "VirtualRouterName", "RouteName"},
		name:   func(in *sdk.CreateRouteInput) **string { return &in.RouteName },
		create: func(ctx context.Context, in *sdk.CreateRouteInput) (Resource, error) {
			out, err := api.CreateRoute(ctx, in)
			if err != nil {
				return Resource{}, err
			}
			return made(out.Route), nil
		},
		update: func(ctx context.Context, existing Resource, in *sdk.CreateRouteInput) (Resource, error) {
			out, err := api.UpdateRoute(ctx, &sdk.UpdateRouteInput{
				MeshName: in.MeshName, MeshOwner: in.MeshOwner, Spec: in.Spec,
				VirtualRouterName: in.VirtualRouterName, RouteName: existing.text("RouteName"),
			})
			if err != nil {
				return existing, err
			}
			return made(out.Route), nil
		},
		remove: func(ctx context.Context, existing Resource) error {
			_, err := api.DeleteRoute(ctx, &sdk.DeleteRouteInput{
				MeshName: existing.text("MeshName"), VirtualRouterName: existing.text("VirtualRouterName"),
				RouteName: existing.text("RouteName"),
			})
			return err
		},
	}
}
