package aws

import (
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/engine"
)

// towards is a route to one virtual node.
func towards(node string) *types.RouteSpec {
	return &types.RouteSpec{HttpRoute: &types.HttpRoute{
		Match:  &types.HttpRouteMatch{Prefix: aws.String("/admin")},
		Action: &types.HttpRouteAction{WeightedTargets: []types.WeightedTarget{{VirtualNode: &node, Weight: 1}}},
	}}
}

func TestOtherRoutesThatNameAVersionAreFound(t *testing.T) {
	mesh := &meshFake{route: routeData(1, towards("yelb-appserver-aaaa")), others: map[string]*types.RouteSpec{
		"admin": towards("yelb-appserver-aaaa"), "beta": towards("yelb-appserver-bbbb"), "legacy": towards("elsewhere"),
	}}
	for sha, want := range map[string][]string{"aaaa": {"admin"}, "bbbb": {"beta"}, "cccc": nil, "": {"admin", "beta"}} {
		got, err := mesh.router().OtherRoutes(t.Context(), appserver(), sha)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("version %q is named by %v (%v), want %v", sha, got, err, want)
		}
	}
	mesh.onList = func() error { return said("App Mesh", "ListRoutes", 429, "TooManyRequestsException", "slow down") }
	if _, err := mesh.router().OtherRoutes(t.Context(), appserver(), "aaaa"); engine.KindOf(err) != engine.Transient {
		t.Errorf("throttled: %v", err)
	}
	mesh.onList = func() error { return mesh.notFound("ListRoutes") }
	if got, err := mesh.router().OtherRoutes(t.Context(), appserver(), "aaaa"); err != nil || got != nil {
		t.Errorf("without a router: %v, %v", got, err)
	}
	mesh.onList = func() error { return errors.New("connection reset") }
	if _, err := mesh.router().OtherRoutes(t.Context(), appserver(), "aaaa"); err == nil {
		t.Error("an error is lost")
	}
}
