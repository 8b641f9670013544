package aws

import (
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/engine"
)

// A route that is read again is what it was read as first, until anything of it changes,
// whatever App Mesh says of its version.
func TestARouteThatChangesIsSeenWhateverItsVersion(t *testing.T) {
	spec := newHTTPRoute(t)
	mesh := &meshFake{route: routeData(7, spec)}
	router := NewRouter(mesh, here(), "")
	read := func() engine.Route {
		t.Helper()
		route, err := router.Route(t.Context(), appserver())
		if err != nil {
			t.Fatal(err)
		}
		fresh, err := NewRouter(mesh, here(), "").Route(t.Context(), appserver())
		if err != nil {
			t.Fatal(err)
		}
		if fresh.ReadAt = route.ReadAt; !reflect.DeepEqual(route, fresh) {
			t.Errorf("read as %+v, which is %+v", route, fresh)
		}
		return route
	}
	first := read()
	again := read()
	if again.Document[0] = 'x'; first.Document[0] == 'x' || read().Document[0] == 'x' {
		t.Error("two readings share a document")
	}
	spec.HttpRoute.Match.Prefix = aws.String("/other")
	changed := read()
	if changed.Shape == first.Shape || string(changed.Document) == string(first.Document) || changed.Revision != first.Revision {
		t.Errorf("%+v, after %+v", changed, first)
	}
	spec.HttpRoute.Action.WeightedTargets[0].Weight++
	if weighed := read(); weighed.Shape != changed.Shape || string(weighed.Document) == string(changed.Document) {
		t.Errorf("%+v, after %+v", weighed, changed)
	}
}

func newHTTPRoute(t *testing.T) *types.RouteSpec {
	t.Helper()
	spec, err := newSpec(engine.HTTP, []types.WeightedTarget{
		{VirtualNode: aws.String("yelb-appserver-3f2a91c0"), Weight: 70}, {VirtualNode: aws.String("yelb-appserver-9bd0417e"), Weight: 30},
	})
	if err != nil {
		t.Fatal(err)
	}
	return spec
}
