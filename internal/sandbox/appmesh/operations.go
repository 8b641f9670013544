package appmesh

import "serin/internal/sandbox/wire"

// Operations lists App Mesh's operations for the front door, with the methods and paths
// of its REST API (version 2019-01-25).
func (s *Service) Operations() []wire.Operation {
	const (
		meshes   = "/v20190125/meshes"
		mesh     = meshes + "/{meshName}"
		services = mesh + "/virtualServices"
		service  = services + "/{virtualServiceName}"
		routers  = mesh + "/virtualRouters"
		router   = routers + "/{virtualRouterName}"
		routes   = mesh + "/virtualRouter/{virtualRouterName}/routes"
		route    = routes + "/{routeName}"
		nodes    = mesh + "/virtualNodes"
		node     = nodes + "/{virtualNodeName}"
	)
	return []wire.Operation{
		wire.REST("CreateMesh", "PUT", meshes, s.CreateMesh),
		wire.REST("DescribeMesh", "GET", mesh, s.DescribeMesh),
		wire.REST("UpdateMesh", "PUT", mesh, s.UpdateMesh),
		wire.REST("DeleteMesh", "DELETE", mesh, s.DeleteMesh),
		wire.REST("ListMeshes", "GET", meshes, s.ListMeshes),
		wire.REST("CreateVirtualService", "PUT", services, s.CreateVirtualService),
		wire.REST("DescribeVirtualService", "GET", service, s.DescribeVirtualService),
		wire.REST("UpdateVirtualService", "PUT", service, s.UpdateVirtualService),
		wire.REST("DeleteVirtualService", "DELETE", service, s.DeleteVirtualService),
		wire.REST("ListVirtualServices", "GET", services, s.ListVirtualServices),
		wire.REST("CreateVirtualRouter", "PUT", routers, s.CreateVirtualRouter),
		wire.REST("DescribeVirtualRouter", "GET", router, s.DescribeVirtualRouter),
		wire.REST("UpdateVirtualRouter", "PUT", router, s.UpdateVirtualRouter),
		wire.REST("DeleteVirtualRouter", "DELETE", router, s.DeleteVirtualRouter),
		wire.REST("ListVirtualRouters", "GET", routers, s.ListVirtualRouters),
		wire.REST("CreateRoute", "PUT", routes, s.CreateRoute),
		wire.REST("DescribeRoute", "GET", route, s.DescribeRoute),
		wire.REST("UpdateRoute", "PUT", route, s.UpdateRoute),
		wire.REST("DeleteRoute", "DELETE", route, s.DeleteRoute),
		wire.REST("ListRoutes", "GET", routes, s.ListRoutes),
		wire.REST("CreateVirtualNode", "PUT", nodes, s.CreateVirtualNode),
		wire.REST("DescribeVirtualNode", "GET", node, s.DescribeVirtualNode),
		wire.REST("UpdateVirtualNode", "PUT", node, s.UpdateVirtualNode),
		wire.REST("DeleteVirtualNode", "DELETE", node, s.DeleteVirtualNode),
		wire.REST("ListVirtualNodes", "GET", nodes, s.ListVirtualNodes),
		wire.REST("ListTagsForResource", "GET", "/v20190125/tags", s.ListTagsForResource),
		wire.REST("TagResource", "PUT", "/v20190125/tag", s.TagResource),
		wire.REST("UntagResource", "PUT", "/v20190125/untag", s.UntagResource),
	}
}
