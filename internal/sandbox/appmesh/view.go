package appmesh

import "github.com/aws/aws-sdk-go-v2/service/appmesh/types"

// View is everything that the meshes hold at one moment, for the data plane. It is
// immutable: a write makes a new one, with a higher Revision, and leaves the old one
// as it is. Every map is keyed by "mesh/name".
type View struct {
	Revision        uint64
	VirtualServices map[string]*types.VirtualServiceData
	VirtualRouters  map[string]*types.VirtualRouterData
	VirtualNodes    map[string]*types.VirtualNodeData
	// Routes are the routes of a router, keyed by "mesh/router", by ascending priority
	// and then by name.
	Routes map[string][]*types.RouteData
}
