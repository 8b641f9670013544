package aws

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/engine"
	"serin/internal/sandbox"
)

// catalogueFake is a mesh with virtual routers, one a page, and virtual services.
type catalogueFake struct {
	routers  map[string]*types.VirtualRouterSpec
	services []string
	fail     error
	// vanished is a router that is listed and not there any more.
	vanished string
	endless  bool
}

var _ CatalogueAPI = (*catalogueFake)(nil)

func (c *catalogueFake) ListVirtualRouters(_ context.Context, in *appmesh.ListVirtualRoutersInput, _ ...func(*appmesh.Options)) (*appmesh.ListVirtualRoutersOutput, error) {
	if c.fail != nil {
		return nil, c.fail
	}
	names := slices.Sorted(maps.Keys(c.routers))
	at := max(slices.Index(names, aws.ToString(in.NextToken)), 0)
	out := &appmesh.ListVirtualRoutersOutput{VirtualRouters: []types.VirtualRouterRef{{VirtualRouterName: &names[at]}}}
	if at+1 < len(names) {
		out.NextToken = &names[at+1]
	} else if c.endless {
		out.NextToken = &names[0]
	}
	return out, nil
}

func (c *catalogueFake) ListVirtualServices(context.Context, *appmesh.ListVirtualServicesInput, ...func(*appmesh.Options)) (*appmesh.ListVirtualServicesOutput, error) {
	out := &appmesh.ListVirtualServicesOutput{}
	for _, name := range c.services {
		out.VirtualServices = append(out.VirtualServices, types.VirtualServiceRef{VirtualServiceName: &name})
	}
	return out, nil
}

func (c *catalogueFake) DescribeVirtualRouter(_ context.Context, in *appmesh.DescribeVirtualRouterInput, _ ...func(*appmesh.Options)) (*appmesh.DescribeVirtualRouterOutput, error) {
	name := aws.ToString(in.VirtualRouterName)
	if name == c.vanished {
		return nil, said("App Mesh", "DescribeVirtualRouter", 404, "NotFoundException", "it is not there")
	}
	return &appmesh.DescribeVirtualRouterOutput{VirtualRouter: &types.VirtualRouterData{Spec: c.routers[name]}}, nil
}

func speaks(protocol types.PortProtocol, port int32) *types.VirtualRouterSpec {
	return &types.VirtualRouterSpec{Listeners: []types.VirtualRouterListener{{
		PortMapping: &types.PortMapping{Protocol: protocol, Port: &port},
	}}}
}

func TestCatalogueTakesServicesFromTheirRouters(t *testing.T) {
	fake := &catalogueFake{
		routers: map[string]*types.VirtualRouterSpec{
			"yelb-ui-vr": speaks(types.PortProtocolHttp, 80), "yelb-db-vr": speaks(types.PortProtocolTcp, 5432),
			"gone-vr": speaks(types.PortProtocolHttp, 1), "silent-vr": {}, "someone-elses": speaks(types.PortProtocolHttp, 2),
		},
		services: []string{"yelb-ui.yelb.local", "nowhere"}, vanished: "gone-vr",
	}
	got, err := NewCatalogue(fake, here(), "").Services(t.Context(), "ecs-blogpost")
	want := []engine.Service{
		{Environment: "ecs-blogpost", Name: "yelb-db", Protocol: engine.TCP, Port: 5432},
		{Environment: "ecs-blogpost", Name: "yelb-ui", Namespace: "yelb.local", Protocol: engine.HTTP, Port: 80},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestCatalogueSaysWhyItHasNothing(t *testing.T) {
	catalogue := func(fake *catalogueFake) error {
		_, err := NewCatalogue(fake, here(), "123456789012").Services(t.Context(), "ecs-blogpost")
		return err
	}
	wantFault(t, catalogue(&catalogueFake{fail: said("App Mesh", "ListVirtualRouters", 404, "NotFoundException", "no mesh")}),
		engine.NotFound, "there is no mesh ecs-blogpost in us-west-2", "check the environment")
	wantFault(t, catalogue(&catalogueFake{fail: lostConnection()}), engine.Transient, "the services of mesh ecs-blogpost")
	wantFault(t, catalogue(&catalogueFake{
		routers: map[string]*types.VirtualRouterSpec{"a-vr": speaks(types.PortProtocolHttp, 80)}, endless: true,
	}), engine.Transient, "repeats itself")
}

func TestCatalogueOfTheSandbox(t *testing.T) {
	region := startRegion(t, sandbox.Options{Empty: true})
	got, err := region.clients.Catalogue("").Services(t.Context(), region.Environment())
	if err != nil || len(got) != 4 {
		t.Fatalf("%+v, %v", got, err)
	}
	if got[0] != appserver() {
		t.Errorf("the first is %+v, want %+v", got[0], appserver())
	}
	if got[1].Name != "yelb-db" || got[1].Protocol != engine.TCP {
		t.Errorf("the second is %+v", got[1])
	}
	_, err = region.clients.Catalogue("").Services(t.Context(), "elsewhere")
	wantFault(t, err, engine.NotFound, "there is no mesh elsewhere")
}

func TestTaggedImagesAreThoseOfTheRepository(t *testing.T) {
	fake := &registryFake{tags: map[string][]string{"team/yelb-ui": {"1", "2"}}}
	for image, want := range map[string][]string{
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/yelb-ui:1": {
			"123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/yelb-ui:2", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/yelb-ui:1",
		},
		"team/yelb-ui":          {"team/yelb-ui:2", "team/yelb-ui:1"},
		"other":                 nil,
		"docker.io/team/yelb:1": nil,
	} {
		got, err := NewImages(fake, here()).Tagged(t.Context(), image)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v", image, got, err, want)
		}
	}
	_, err := NewImages(&registryFake{fail: lostConnection()}, here()).Tagged(t.Context(), "team/yelb-ui")
	wantFault(t, err, engine.Transient, "the images of repository team/yelb-ui")
}
