package aws

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
	"pgregory.net/rapid"

	"serin/internal/engine"
)

// lawfulRoute draws a route of any shape, with up to ten targets of which some are
// versions and some are not.
func lawfulRoute(t *rapid.T) *types.RouteSpec {
	var targets []types.WeightedTarget
	left := int32(100)
	for i := range rapid.IntRange(1, 10).Draw(t, "targets") {
		node := fmt.Sprintf("%s%d", rapid.SampledFrom([]string{"yelb-appserver-", "yelb-appserver-x-", "other-", ""}).Draw(t, "prefix"), i)
		target := types.WeightedTarget{VirtualNode: &node, Weight: rapid.Int32Range(0, left).Draw(t, "weight")}
		fill(t, reflect.ValueOf(&target.Port).Elem())
		left -= target.Weight
		targets = append(targets, target)
	}
	spec := &types.RouteSpec{}
	fill(t, reflect.ValueOf(&spec.Priority).Elem())
	switch rapid.SampledFrom([]engine.Protocol{engine.HTTP, engine.HTTP2, engine.GRPC, engine.TCP}).Draw(t, "protocol") {
	case engine.HTTP2:
		spec.Http2Route = new(types.HttpRoute)
		fill(t, reflect.ValueOf(spec.Http2Route).Elem())
		spec.Http2Route.Action = &types.HttpRouteAction{WeightedTargets: targets}
	case engine.GRPC:
		spec.GrpcRoute = new(types.GrpcRoute)
		fill(t, reflect.ValueOf(spec.GrpcRoute).Elem())
		spec.GrpcRoute.Action = &types.GrpcRouteAction{WeightedTargets: targets}
	case engine.TCP:
		spec.TcpRoute = new(types.TcpRoute)
		fill(t, reflect.ValueOf(spec.TcpRoute).Elem())
		spec.TcpRoute.Action = &types.TcpRouteAction{WeightedTargets: targets}
	default:
		spec.HttpRoute = new(types.HttpRoute)
		fill(t, reflect.ValueOf(spec.HttpRoute).Elem())
		spec.HttpRoute.Action = &types.HttpRouteAction{WeightedTargets: targets}
	}
	return spec
}

func anySplit(t *rapid.T) engine.Split {
	split := engine.Split{Token: "t", After: "4"}
	for _, sha := range []string{"0", "1", "2", "new"} {
		switch rapid.IntRange(0, 2).Draw(t, "what of "+sha) {
		case 1:
			split.Weights = append(split.Weights, engine.Weight{Sha: sha, Weight: rapid.IntRange(0, 100).Draw(t, "weight of "+sha)})
		case 2:
			split.Drop = append(split.Drop, sha)
		}
	}
	return split
}

// Safety rule 6: an update changes weights and nothing else.
func TestSetWeightsChangesNothingButWeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		service, split := appserver(), anySplit(t)
		spec := lawfulRoute(t)
		mesh := &meshFake{route: routeData(4, cloneSpec(spec))}
		err := mesh.router().SetWeights(t.Context(), service, split)
		if err != nil {
			if engine.KindOf(err) != engine.Invalid || len(mesh.updates) != 0 {
				t.Fatalf("%d writes, %v", len(mesh.updates), err)
			}
			return
		}
		before, _ := targetsOf(spec)
		after, err := targetsOf(mesh.route.Spec)
		if err != nil {
			t.Fatal(err)
		}
		checkSplitApplied(t, service, split, *before, *after)
		*before, *after = nil, nil
		shape, _ := encodeSpec(spec)
		written, _ := encodeSpec(mesh.route.Spec)
		if !bytes.Equal(shape, written) {
			t.Fatalf("the route was %s and is %s", shape, written)
		}
	})
}

// checkSplitApplied compares targets, in their order: what was not asked about is as
// it was; what was asked for is there; the sum is lawful.
func checkSplitApplied(t *rapid.T, service engine.Service, split engine.Split, before, after []types.WeightedTarget) {
	want, drop := make(map[string]int), make(map[string]bool)
	for _, weight := range split.Weights {
		want[weight.Sha] = weight.Weight
	}
	for _, sha := range split.Drop {
		drop[sha] = true
	}
	rest := after
	for _, target := range before {
		sha := service.ShaOf(*target.VirtualNode)
		if drop[sha] && sha != "" {
			continue
		}
		if weight, listed := want[sha]; listed {
			target.Weight = int32(weight)
		}
		if len(rest) == 0 || !reflect.DeepEqual(rest[0], target) {
			t.Fatalf("%s is not as it was: %v", *target.VirtualNode, rest)
		}
		delete(want, sha)
		rest = rest[1:]
	}
	for _, target := range rest {
		sha := service.ShaOf(*target.VirtualNode)
		if weight, listed := want[sha]; !listed || int32(weight) != target.Weight {
			t.Fatalf("%s was added", *target.VirtualNode)
		}
		delete(want, sha)
	}
	if len(want) != 0 {
		t.Fatalf("not there: %v", want)
	}
	sum := int32(0)
	for _, target := range after {
		sum += target.Weight
	}
	if !reflect.DeepEqual(before, after) && (sum > 100 || sum == 0 || len(after) > 10) {
		t.Fatalf("%d targets of %d together", len(after), sum)
	}
}
