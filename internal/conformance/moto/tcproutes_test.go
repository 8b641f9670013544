package moto

import (
	"context"
	"errors"
	"fmt"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"

	"serin/internal/engine"
)

func tcpBehaviours() []behaviour {
	return []behaviour{
		{"a first tcp route is one of tcp", inTCP(firstRouteIsOfTCP)},
		{"a split of a tcp route changes weights and nothing else", inTCP(splitChangesWeights)},
		{"a split on an old revision of a tcp route is drift", inTCP(oldRevisionIsDrift)},
		{"a dropped version leaves a tcp route", inTCP(versionIsDropped)},
		{"a tcp route is removed once, and made anew", inTCP(routeIsMadeAnew)},
	}
}

// inTCP checks a service that speaks tcp.
func inTCP(check func(context.Context, world) error) func(context.Context, world) error {
	return func(ctx context.Context, w world) error {
		w.service.Protocol = engine.TCP
		return check(ctx, w)
	}
}

func firstRouteIsOfTCP(ctx context.Context, w world) error {
	if err := routeIsMadeOnce(ctx, w); err != nil {
		return err
	}
	out, err := w.clients.AppMesh.DescribeRoute(ctx, &appmesh.DescribeRouteInput{
		MeshName: &w.service.Environment, VirtualRouterName: awssdk.String("app-vr"), RouteName: awssdk.String("app-route"),
	})
	if err != nil {
		return err
	}
	spec := out.Route.Spec
	if spec.TcpRoute == nil || spec.HttpRoute != nil || spec.TcpRoute.Action == nil {
		return errors.New("it is none of tcp")
	}
	if targets := spec.TcpRoute.Action.WeightedTargets; len(targets) != 1 || targets[0].Weight != 100 {
		return fmt.Errorf("its targets are %+v", targets)
	}
	return nil
}
