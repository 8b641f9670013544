package appmesh_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
	"github.com/aws/smithy-go"

	"serin/internal/sandbox/appmesh"
	"serin/internal/sandbox/region"
)

const (
	mesh   = "blue"
	router = "app-vr"
	route  = "app-route"
)

// newMesh is an App Mesh with a mesh, a router for http on 80, the virtual service
// that it provides, and the nodes a and b on 4567.
func newMesh(t *testing.T) *appmesh.Service {
	t.Helper()
	s := appmesh.New(region.Region{Account: "123456789012", Name: "us-west-2", Network: region.Loopback{}})
	_, err := s.CreateMesh(t.Context(), &sdk.CreateMeshInput{MeshName: new(mesh)})
	must(t, err)
	_, err = s.CreateVirtualRouter(t.Context(), &sdk.CreateVirtualRouterInput{
		MeshName: new(mesh), VirtualRouterName: new(router),
		Spec: &types.VirtualRouterSpec{Listeners: []types.VirtualRouterListener{{PortMapping: port(80)}}},
	})
	must(t, err)
	_, err = s.CreateVirtualService(t.Context(), &sdk.CreateVirtualServiceInput{
		MeshName: new(mesh), VirtualServiceName: new("app.local"),
		Spec: &types.VirtualServiceSpec{Provider: &types.VirtualServiceProviderMemberVirtualRouter{
			Value: types.VirtualRouterServiceProvider{VirtualRouterName: new(router)},
		}},
	})
	must(t, err)
	for _, name := range []string{"a", "b"} {
		_, err = s.CreateVirtualNode(t.Context(), createNode(name, nodeSpec()))
		must(t, err)
	}
	return s
}

func port(number int32) *types.PortMapping {
	return &types.PortMapping{Port: new(number), Protocol: types.PortProtocolHttp}
}

func nodeSpec() *types.VirtualNodeSpec {
	return &types.VirtualNodeSpec{
		Listeners: []types.Listener{{PortMapping: port(4567), HealthCheck: &types.HealthCheckPolicy{
			HealthyThreshold: new(int32(2)), UnhealthyThreshold: new(int32(2)), TimeoutMillis: new(int64(2000)),
			IntervalMillis: new(int64(5000)), Protocol: types.PortProtocolHttp, Path: new("/"),
		}}},
		ServiceDiscovery: &types.ServiceDiscoveryMemberAwsCloudMap{Value: types.AwsCloudMapServiceDiscovery{
			NamespaceName: new("local"), ServiceName: new("app"),
		}},
		Backends: []types.Backend{&types.BackendMemberVirtualService{
			Value: types.VirtualServiceBackend{VirtualServiceName: new("db.local")},
		}},
	}
}

func createNode(name string, spec *types.VirtualNodeSpec) *sdk.CreateVirtualNodeInput {
	return &sdk.CreateVirtualNodeInput{MeshName: new(mesh), VirtualNodeName: &name, Spec: spec}
}

func target(node string, weight int32) types.WeightedTarget {
	return types.WeightedTarget{VirtualNode: &node, Weight: weight}
}

func routeSpec(targets ...types.WeightedTarget) *types.RouteSpec {
	return &types.RouteSpec{HttpRoute: &types.HttpRoute{
		Match:  &types.HttpRouteMatch{Prefix: new("/")},
		Action: &types.HttpRouteAction{WeightedTargets: targets},
	}}
}

func createRoute(spec *types.RouteSpec, token string) *sdk.CreateRouteInput {
	return &sdk.CreateRouteInput{
		MeshName: new(mesh), VirtualRouterName: new(router), RouteName: new(route), Spec: spec, ClientToken: &token,
	}
}

func updateRoute(spec *types.RouteSpec, token string) *sdk.UpdateRouteInput {
	return &sdk.UpdateRouteInput{
		MeshName: new(mesh), VirtualRouterName: new(router), RouteName: new(route), Spec: spec, ClientToken: &token,
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, err error, code, text string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Fatalf("got %v, want %s", err, code)
	}
	if api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), text) {
		t.Errorf("got %v, want %s with %q", err, code, text)
	}
}

func TestARouteIsDescribedAsItWasCreated(t *testing.T) {
	s := newMesh(t)
	out, err := s.CreateRoute(t.Context(), createRoute(routeSpec(target("a", 100)), "one"))
	must(t, err)
	m := out.Route.Metadata
	if *m.Version != 1 || *m.Arn != "arn:aws:appmesh:us-west-2:123456789012:mesh/blue/virtualRouter/app-vr/route/app-route" {
		t.Errorf("version %d, arn %s", *m.Version, *m.Arn)
	}
	if *m.MeshOwner != "123456789012" || *m.ResourceOwner != *m.MeshOwner || *m.Uid == "" || out.Route.Status.Status != "ACTIVE" {
		t.Errorf("metadata %+v, status %+v", m, out.Route.Status)
	}
	updated, err := s.UpdateRoute(t.Context(), updateRoute(routeSpec(target("a", 90), target("b", 10)), "two"))
	must(t, err)
	if *updated.Route.Metadata.Version != 2 || *updated.Route.Metadata.Uid != *m.Uid {
		t.Errorf("after an update: %+v", updated.Route.Metadata)
	}
}

func TestRoutesThatAWSRefuses(t *testing.T) {
	with := func(change func(*types.RouteSpec)) *types.RouteSpec {
		spec := routeSpec(target("a", 100))
		change(spec)
		return spec
	}
	retries := func(policy types.HttpRetryPolicy) *types.RouteSpec {
		return with(func(s *types.RouteSpec) { s.HttpRoute.RetryPolicy = &policy })
	}
	second := &types.Duration{Unit: types.DurationUnitS, Value: new(int64(1))}
	eleven := make([]types.WeightedTarget, 11)
	for i := range eleven {
		eleven[i] = target("a", 1)
	}
	cases := map[string]struct {
		spec       *types.RouteSpec
		code, text string
	}{
		"no spec":             {nil, "BadRequestException", "spec is required"},
		"no protocol":         {&types.RouteSpec{}, "BadRequestException", "Exactly one"},
		"two protocols":       {with(func(s *types.RouteSpec) { s.TcpRoute = &types.TcpRoute{} }), "BadRequestException", "Exactly one"},
		"other protocol":      {&types.RouteSpec{TcpRoute: &types.TcpRoute{Action: &types.TcpRouteAction{WeightedTargets: []types.WeightedTarget{target("a", 1)}}}}, "BadRequestException", "does not match a listener"},
		"no match":            {with(func(s *types.RouteSpec) { s.HttpRoute.Match = nil }), "BadRequestException", "match is required"},
		"bad prefix":          {with(func(s *types.RouteSpec) { s.HttpRoute.Match.Prefix = new("api") }), "BadRequestException", "begin with /"},
		"no targets":          {routeSpec(), "BadRequestException", "between 1 and 10"},
		"eleven targets":      {routeSpec(eleven...), "BadRequestException", "between 1 and 10"},
		"weight over 100":     {routeSpec(target("a", 101)), "BadRequestException", "between 0 and 100"},
		"negative weight":     {routeSpec(target("a", -1)), "BadRequestException", "between 0 and 100"},
		"total over 100":      {routeSpec(target("a", 60), target("b", 41)), "BadRequestException", "is 101"},
		"all at nothing":      {routeSpec(target("a", 0), target("b", 0)), "BadRequestException", "is 0"},
		"twice":               {routeSpec(target("a", 10), target("a", 10)), "BadRequestException", "more than once"},
		"unknown node":        {routeSpec(target("c", 10)), "NotFoundException", "VirtualNode with name c is not present under mesh blue for account 123456789012"},
		"priority":            {with(func(s *types.RouteSpec) { s.Priority = new(int32(1001)) }), "BadRequestException", "0 and 1000"},
		"retries without end": {retries(types.HttpRetryPolicy{HttpRetryEvents: []string{"server-error"}, PerRetryTimeout: second}), "BadRequestException", "maxRetries"},
		"retries of nothing":  {retries(types.HttpRetryPolicy{MaxRetries: new(int64(1)), PerRetryTimeout: second}), "BadRequestException", "at least one retry event"},
		"unknown event":       {retries(types.HttpRetryPolicy{MaxRetries: new(int64(1)), PerRetryTimeout: second, HttpRetryEvents: []string{"rain"}}), "BadRequestException", "rain"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := newMesh(t).CreateRoute(t.Context(), createRoute(c.spec, "token"))
			wantError(t, err, c.code, c.text)
		})
	}
}

func TestAClientTokenMakesRequestsIdempotent(t *testing.T) {
	s := newMesh(t)
	stable, split := routeSpec(target("a", 100)), routeSpec(target("a", 50), target("b", 50))
	_, err := s.CreateRoute(t.Context(), createRoute(stable, "one"))
	must(t, err)
	_, err = s.CreateRoute(t.Context(), createRoute(stable, "one"))
	must(t, err)
	_, err = s.CreateRoute(t.Context(), createRoute(split, "one"))
	wantError(t, err, "ConflictException", "client token")
	_, err = s.CreateRoute(t.Context(), createRoute(stable, "other"))
	wantError(t, err, "ConflictException", "already exists")

	_, err = s.UpdateRoute(t.Context(), updateRoute(split, "two"))
	must(t, err)
	_, err = s.UpdateRoute(t.Context(), updateRoute(stable, "three"))
	must(t, err)
	replayed, err := s.UpdateRoute(t.Context(), updateRoute(split, "two"))
	must(t, err)
	if got := replayed.Route.Spec.HttpRoute.Action.WeightedTargets; len(got) != 1 || *replayed.Route.Metadata.Version != 3 {
		t.Errorf("a late repetition was performed again: version %d, targets %+v", *replayed.Route.Metadata.Version, got)
	}
	_, err = s.UpdateRoute(t.Context(), updateRoute(stable, "two"))
	wantError(t, err, "ConflictException", "client token")
	_, err = s.UpdateRoute(t.Context(), updateRoute(stable, strings.Repeat("x", 37)))
	wantError(t, err, "BadRequestException", "clientToken")
}

func TestWhatIsReferredToCannotBeDeleted(t *testing.T) {
	s := newMesh(t)
	_, err := s.CreateRoute(t.Context(), createRoute(routeSpec(target("a", 100), target("b", 0)), "one"))
	must(t, err)
	deleteNode := func(name string) error {
		_, err := s.DeleteVirtualNode(t.Context(), &sdk.DeleteVirtualNodeInput{MeshName: new(mesh), VirtualNodeName: &name})
		return err
	}
	deleteRouter := func() error {
		_, err := s.DeleteVirtualRouter(t.Context(), &sdk.DeleteVirtualRouterInput{MeshName: new(mesh), VirtualRouterName: new(router)})
		return err
	}
	deleteMesh := func() error {
		_, err := s.DeleteMesh(t.Context(), &sdk.DeleteMeshInput{MeshName: new(mesh)})
		return err
	}
	wantError(t, deleteNode("b"), "ResourceInUseException",
		"VirtualNode with name b cannot be deleted because it is the target of one or more routes.")
	wantError(t, deleteRouter(), "ResourceInUseException", "has one or more routes")
	gone, err := s.DeleteRoute(t.Context(), &sdk.DeleteRouteInput{
		MeshName: new(mesh), VirtualRouterName: new(router), RouteName: new(route),
	})
	must(t, err)
	if gone.Route.Status.Status != types.RouteStatusCodeDeleted {
		t.Errorf("a deleted route is %s", gone.Route.Status.Status)
	}
	wantError(t, deleteRouter(), "ResourceInUseException", "because it is a VirtualService provider")
	wantError(t, deleteMesh(), "ResourceInUseException", "active VirtualServices")
	_, err = s.DeleteVirtualService(t.Context(), &sdk.DeleteVirtualServiceInput{MeshName: new(mesh), VirtualServiceName: new("app.local")})
	must(t, err)
	must(t, deleteRouter())
	must(t, deleteNode("a"))
	wantError(t, deleteMesh(), "ResourceInUseException", "active VirtualNodes")
	must(t, deleteNode("b"))
	must(t, deleteMesh())
	wantError(t, deleteMesh(), "NotFoundException", "Mesh with name blue")
}

func TestAnotherAccountsMeshIsForbidden(t *testing.T) {
	s := newMesh(t)
	_, err := s.DescribeVirtualNode(t.Context(), &sdk.DescribeVirtualNodeInput{
		MeshName: new(mesh), VirtualNodeName: new("a"), MeshOwner: new("210987654321"),
	})
	wantError(t, err, "ForbiddenException", "210987654321")
	_, err = s.DescribeVirtualNode(t.Context(), &sdk.DescribeVirtualNodeInput{
		MeshName: new(mesh), VirtualNodeName: new("a"), MeshOwner: new("123456789012"),
	})
	must(t, err)
}

func TestNodesThatAWSRefuses(t *testing.T) {
	cases := map[string]struct {
		change func(*types.VirtualNodeSpec)
		text   string
	}{
		"no discovery":     {func(s *types.VirtualNodeSpec) { s.ServiceDiscovery = nil }, "Service discovery is required"},
		"threshold of 1":   {func(s *types.VirtualNodeSpec) { s.Listeners[0].HealthCheck.HealthyThreshold = new(int32(1)) }, "between 2 and 10"},
		"impatient":        {func(s *types.VirtualNodeSpec) { s.Listeners[0].HealthCheck.TimeoutMillis = new(int64(10)) }, "between 2000 and 60000"},
		"no path":          {func(s *types.VirtualNodeSpec) { s.Listeners[0].HealthCheck.Path = nil }, "path is required"},
		"port 0":           {func(s *types.VirtualNodeSpec) { s.Listeners[0].PortMapping.Port = new(int32(0)) }, "between 1 and 65535"},
		"unknown protocol": {func(s *types.VirtualNodeSpec) { s.Listeners[0].PortMapping.Protocol = "udp" }, "must be one of"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			spec := nodeSpec()
			c.change(spec)
			_, err := newMesh(t).CreateVirtualNode(t.Context(), createNode("c", spec))
			wantError(t, err, "BadRequestException", c.text)
		})
	}
}

func TestListsArePaged(t *testing.T) {
	s := newMesh(t)
	for i := range 5 {
		_, err := s.CreateVirtualNode(t.Context(), createNode(fmt.Sprintf("n%d", i), nodeSpec()))
		must(t, err)
	}
	var names []string
	in := &sdk.ListVirtualNodesInput{MeshName: new(mesh), Limit: new(int32(3))}
	for {
		out, err := s.ListVirtualNodes(t.Context(), in)
		must(t, err)
		for _, ref := range out.VirtualNodes {
			names = append(names, *ref.VirtualNodeName)
		}
		if out.NextToken == nil {
			break
		}
		in.NextToken = out.NextToken
	}
	if got := strings.Join(names, " "); got != "a b n0 n1 n2 n3 n4" {
		t.Errorf("listed %s", got)
	}
	_, err := s.ListVirtualNodes(t.Context(), &sdk.ListVirtualNodesInput{MeshName: new(mesh), Limit: new(int32(101))})
	wantError(t, err, "BadRequestException", "limit")
	_, err = s.ListVirtualNodes(t.Context(), &sdk.ListVirtualNodesInput{MeshName: new(mesh), NextToken: new("!")})
	wantError(t, err, "BadRequestException", "nextToken")
}

func TestTags(t *testing.T) {
	s := newMesh(t)
	arn := new("arn:aws:appmesh:us-west-2:123456789012:mesh/blue/virtualNode/a")
	_, err := s.TagResource(t.Context(), &sdk.TagResourceInput{ResourceArn: arn, Tags: []types.TagRef{
		{Key: new("team"), Value: new("red")}, {Key: new("cost"), Value: new("7")},
	}})
	must(t, err)
	_, err = s.UntagResource(t.Context(), &sdk.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"cost"}})
	must(t, err)
	out, err := s.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceArn: arn})
	must(t, err)
	if len(out.Tags) != 1 || *out.Tags[0].Key != "team" || *out.Tags[0].Value != "red" {
		t.Errorf("tags %+v", out.Tags)
	}
	_, err = s.TagResource(t.Context(), &sdk.TagResourceInput{ResourceArn: new(*arn + "x")})
	wantError(t, err, "NotFoundException", "not present")
}

func TestARouterIsNotUpdatedAwayFromItsRoutes(t *testing.T) {
	s := newMesh(t)
	_, err := s.CreateRoute(t.Context(), createRoute(routeSpec(target("a", 100)), "one"))
	must(t, err)
	update := func(listeners ...types.VirtualRouterListener) error {
		_, err := s.UpdateVirtualRouter(t.Context(), &sdk.UpdateVirtualRouterInput{
			MeshName: new(mesh), VirtualRouterName: new(router), Spec: &types.VirtualRouterSpec{Listeners: listeners},
		})
		return err
	}
	tcp := types.VirtualRouterListener{PortMapping: &types.PortMapping{Port: new(int32(80)), Protocol: types.PortProtocolTcp}}
	wantError(t, update(tcp), "BadRequestException", "do not match the http route")
	wantError(t, update(types.VirtualRouterListener{PortMapping: port(80)}, types.VirtualRouterListener{PortMapping: port(81)}),
		"BadRequestException", "All Routes for this Virtual Router must define a port match")
	must(t, update(types.VirtualRouterListener{PortMapping: port(8080)}))
}

func TestAViewIsImmutableAndShared(t *testing.T) {
	s := newMesh(t)
	before := s.View()
	low := routeSpec(target("a", 100))
	low.Priority = new(int32(9))
	in := createRoute(low, "one")
	_, err := s.CreateRoute(t.Context(), in)
	must(t, err)
	in.RouteName, in.Spec = new("first"), routeSpec(target("b", 1))
	in.Spec.Priority = new(int32(0))
	_, err = s.CreateRoute(t.Context(), in)
	must(t, err)
	after := s.View()
	if len(before.Routes) != 0 || after.Revision <= before.Revision {
		t.Errorf("revisions %d, %d; earlier routes %v", before.Revision, after.Revision, before.Routes)
	}
	routes := after.Routes[mesh+"/"+router]
	if len(routes) != 2 || *routes[0].RouteName != "first" {
		t.Errorf("routes of the view: %+v", routes)
	}
	in.Spec.HttpRoute.Action.WeightedTargets[0].Weight = 77
	if got := s.View().Routes[mesh+"/"+router][0].Spec.HttpRoute.Action.WeightedTargets[0].Weight; got != 1 {
		t.Errorf("a caller's write reached the view: weight %d", got)
	}
	if after.VirtualServices["blue/app.local"] == nil || after.VirtualNodes["blue/a"] == nil || after.VirtualRouters["blue/app-vr"] == nil {
		t.Error("the view lacks a resource")
	}
}

func TestReadersSeeWholeViewsWhileWritersWrite(t *testing.T) {
	s := newMesh(t)
	_, err := s.CreateRoute(t.Context(), createRoute(routeSpec(target("a", 100)), "zero"))
	must(t, err)
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 50 {
				spec := routeSpec(target("a", int32(100-i)), target("b", int32(i)))
				if _, err := s.UpdateRoute(t.Context(), updateRoute(spec, fmt.Sprintf("w%d-%d", w, i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 500 {
		total := int32(0)
		for _, target := range s.View().Routes[mesh+"/"+router][0].Spec.HttpRoute.Action.WeightedTargets {
			total += target.Weight
		}
		if total != 100 {
			t.Fatalf("a view with a total weight of %d", total)
		}
	}
	writers.Wait()
	out, err := s.DescribeRoute(t.Context(), &sdk.DescribeRouteInput{MeshName: new(mesh), VirtualRouterName: new(router), RouteName: new(route)})
	must(t, err)
	if *out.Route.Metadata.Version != 201 {
		t.Errorf("version %d after 200 updates", *out.Route.Metadata.Version)
	}
}

func TestEveryOperationHasAPath(t *testing.T) {
	operations := newMesh(t).Operations()
	seen := make(map[string]bool)
	for _, o := range operations {
		if key := o.Method + " " + o.Path; seen[key] || !strings.HasPrefix(o.Path, "/v20190125/") {
			t.Errorf("operation %s has the path %s", o.Name, key)
		} else {
			seen[key] = true
		}
	}
	if len(operations) != 28 {
		t.Errorf("%d operations", len(operations))
	}
}
