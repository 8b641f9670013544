package aws

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
)

// meshFake is a mesh with one virtual router and its route. The func fields, where they
// are set, run before the fake does its work, and their error is its answer.
type meshFake struct {
	noMesh, noRouter bool
	route            *types.RouteData
	updates          []*appmesh.UpdateRouteInput
	creates          []*appmesh.CreateRouteInput
	deletes          int
	onDescribeRoute  func(*appmesh.DescribeRouteInput) error
	onDescribeRouter func() error
	onDescribeMesh   func() error
	onList           func() error
	// others are the router's other routes, by name.
	others   map[string]*types.RouteSpec
	onUpdate func() error
	onCreate func() error
	onDelete func() error
}

var _ RouteAPI = (*meshFake)(nil)

func run(hook func() error) error {
	if hook == nil {
		return nil
	}
	return hook()
}

func (m *meshFake) notFound(operation string) error {
	return said("App Mesh", operation, 404, "NotFoundException", "it is not there")
}

func (m *meshFake) DescribeMesh(context.Context, *appmesh.DescribeMeshInput, ...func(*appmesh.Options)) (*appmesh.DescribeMeshOutput, error) {
	if err := run(m.onDescribeMesh); err != nil {
		return nil, err
	}
	if m.noMesh {
		return nil, m.notFound("DescribeMesh")
	}
	return &appmesh.DescribeMeshOutput{}, nil
}

func (m *meshFake) DescribeVirtualRouter(context.Context, *appmesh.DescribeVirtualRouterInput, ...func(*appmesh.Options)) (*appmesh.DescribeVirtualRouterOutput, error) {
	if err := run(m.onDescribeRouter); err != nil {
		return nil, err
	}
	if m.noMesh || m.noRouter {
		return nil, m.notFound("DescribeVirtualRouter")
	}
	return &appmesh.DescribeVirtualRouterOutput{}, nil
}

// ListRoutes lists one route a page.
func (m *meshFake) ListRoutes(_ context.Context, in *appmesh.ListRoutesInput, _ ...func(*appmesh.Options)) (*appmesh.ListRoutesOutput, error) {
	if err := run(m.onList); err != nil {
		return nil, err
	}
	names := append([]string{"yelb-appserver-route"}, slices.Sorted(maps.Keys(m.others))...)
	at := slices.Index(names, aws.ToString(in.NextToken))
	out := &appmesh.ListRoutesOutput{Routes: []types.RouteRef{{RouteName: &names[max(at, 0)]}}}
	if next := max(at, 0) + 1; next < len(names) {
		out.NextToken = &names[next]
	}
	return out, nil
}

func (m *meshFake) DescribeRoute(_ context.Context, in *appmesh.DescribeRouteInput, _ ...func(*appmesh.Options)) (*appmesh.DescribeRouteOutput, error) {
	if other, there := m.others[aws.ToString(in.RouteName)]; there {
		return &appmesh.DescribeRouteOutput{Route: routeData(1, other)}, nil
	}
	if m.onDescribeRoute != nil {
		if err := m.onDescribeRoute(in); err != nil {
			return nil, err
		}
	}
	if m.route == nil {
		return nil, m.notFound("DescribeRoute")
	}
	return &appmesh.DescribeRouteOutput{Route: m.copy()}, nil
}

// copy is what a client decodes: nothing of it is shared.
func (m *meshFake) copy() *types.RouteData {
	held := *m.route
	held.Spec = cloneSpec(held.Spec)
	held.Metadata = &types.ResourceMetadata{Version: aws.Int64(*m.route.Metadata.Version)}
	return &held
}

func cloneSpec(spec *types.RouteSpec) *types.RouteSpec {
	if spec == nil {
		return nil
	}
	document, err := encodeSpec(spec)
	if err != nil {
		return spec
	}
	rebuilt, err := decodeSpec(document)
	if err != nil {
		panic(err)
	}
	return rebuilt
}

func (m *meshFake) UpdateRoute(_ context.Context, in *appmesh.UpdateRouteInput, _ ...func(*appmesh.Options)) (*appmesh.UpdateRouteOutput, error) {
	m.updates = append(m.updates, in)
	if err := run(m.onUpdate); err != nil {
		return nil, err
	}
	m.write(in.Spec)
	return &appmesh.UpdateRouteOutput{Route: m.copy()}, nil
}

func (m *meshFake) write(spec *types.RouteSpec) {
	m.route.Spec = spec
	*m.route.Metadata.Version++
}

func (m *meshFake) CreateRoute(_ context.Context, in *appmesh.CreateRouteInput, _ ...func(*appmesh.Options)) (*appmesh.CreateRouteOutput, error) {
	m.creates = append(m.creates, in)
	if err := run(m.onCreate); err != nil {
		return nil, err
	}
	m.route = routeData(1, in.Spec)
	return &appmesh.CreateRouteOutput{Route: m.copy()}, nil
}

func (m *meshFake) DeleteRoute(context.Context, *appmesh.DeleteRouteInput, ...func(*appmesh.Options)) (*appmesh.DeleteRouteOutput, error) {
	m.deletes++
	if err := run(m.onDelete); err != nil {
		return nil, err
	}
	m.route = nil
	return &appmesh.DeleteRouteOutput{}, nil
}
