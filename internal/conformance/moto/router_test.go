package moto

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/engine"
)

// The versions that the behaviours play with.
const (
	stable = "aaaaaaaa"
	canary = "bbbbbbbb"
)

func routerBehaviours() []behaviour {
	return []behaviour{
		{"a mesh that is not there is not found", func(ctx context.Context, w world) error {
			_, err := w.ports.Router.Route(ctx, w.service)
			return wantKind(err, engine.NotFound)
		}},
		{"a router that is not there is not found", func(ctx context.Context, w world) error {
			if err := w.makeMesh(ctx); err != nil {
				return err
			}
			_, err := w.ports.Router.Route(ctx, w.service)
			return wantKind(err, engine.NotFound)
		}},
		{"a route that is not there is none", func(ctx context.Context, w world) error {
			if err := w.makeRouter(ctx); err != nil {
				return err
			}
			route, err := w.ports.Router.Route(ctx, w.service)
			if err == nil && route.Exists {
				err = fmt.Errorf("there is a route: %+v", route)
			}
			return err
		}},
		{"a first route is made once", routeIsMadeOnce},
		{"a split changes weights and nothing else", splitChangesWeights},
		{"a split that is there is not written", splitIsWrittenOnce},
		{"a split on an old revision is drift", oldRevisionIsDrift},
		{"a dropped version leaves the route", versionIsDropped},
		{"a route is removed once, and made anew", routeIsMadeAnew},
		{"a route of another version is not removed", otherVersionIsKept},
		{"App Mesh refuses a route whose name is taken", func(ctx context.Context, w world) error {
			if _, err := w.tune(ctx, 100, 0); err != nil {
				return err
			}
			err := w.makeNamedRoute(ctx, "app-route", tunedSpec(w.service, 50, 50))
			return wantCode(err, "ConflictException")
		}},
		{"App Mesh refuses weights above a hundred", func(ctx context.Context, w world) error {
			if err := w.makeRouter(ctx); err != nil {
				return err
			}
			err := w.makeNamedRoute(ctx, "app-route", tunedSpec(w.service, 100, 1))
			return wantCode(err, "BadRequestException")
		}},
		{"App Mesh keeps a node that a route names", func(ctx context.Context, w world) error {
			if _, err := w.tune(ctx, 90, 10); err != nil {
				return err
			}
			_, err := w.clients.AppMesh.DeleteVirtualNode(ctx, &appmesh.DeleteVirtualNodeInput{
				MeshName: &w.service.Environment, VirtualNodeName: awssdk.String(w.service.VersionName(canary)),
			})
			return wantCode(err, "ResourceInUseException")
		}},
		{"App Mesh refuses a client token for another change", func(ctx context.Context, w world) error {
			if _, err := w.tune(ctx, 90, 10); err != nil {
				return err
			}
			var err error
			for _, weight := range []int32{20, 30} {
				_, err = w.clients.AppMesh.UpdateRoute(ctx, &appmesh.UpdateRouteInput{
					MeshName: &w.service.Environment, VirtualRouterName: awssdk.String("app-vr"), RouteName: awssdk.String("app-route"),
					Spec: tunedSpec(w.service, 100-weight, weight), ClientToken: awssdk.String("one"),
				})
			}
			return wantCode(err, "ConflictException")
		}},
	}
}

func (w world) makeMesh(ctx context.Context) error {
	_, err := w.clients.AppMesh.CreateMesh(ctx, &appmesh.CreateMeshInput{MeshName: &w.service.Environment})
	return err
}

// makeRouter makes a mesh with a router and the nodes of two versions.
func (w world) makeRouter(ctx context.Context) error {
	if err := w.makeMesh(ctx); err != nil {
		return err
	}
	for _, sha := range []string{stable, canary} {
		if err := w.makeNode(ctx, w.service.VersionName(sha), sha); err != nil {
			return err
		}
	}
	return w.makeNamedRouter(ctx, "app-vr")
}

func (w world) makeNode(ctx context.Context, name, sha string) error {
	_, err := w.clients.AppMesh.CreateVirtualNode(ctx, &appmesh.CreateVirtualNodeInput{
		MeshName: &w.service.Environment, VirtualNodeName: &name,
		Spec: &types.VirtualNodeSpec{
			Listeners: []types.Listener{{PortMapping: &types.PortMapping{
				Port: awssdk.Int32(80), Protocol: types.PortProtocol(w.service.Protocol),
			}}},
			ServiceDiscovery: &types.ServiceDiscoveryMemberAwsCloudMap{Value: types.AwsCloudMapServiceDiscovery{
				NamespaceName: &w.service.Namespace, ServiceName: &name,
				Attributes: []types.AwsCloudMapInstanceAttribute{{Key: awssdk.String("sha"), Value: &sha}},
			}},
		},
	})
	return err
}

// makeNamedRouter makes a router that listens as the service does.
func (w world) makeNamedRouter(ctx context.Context, name string) error {
	_, err := w.clients.AppMesh.CreateVirtualRouter(ctx, &appmesh.CreateVirtualRouterInput{
		MeshName: &w.service.Environment, VirtualRouterName: &name,
		Spec: &types.VirtualRouterSpec{Listeners: []types.VirtualRouterListener{
			{PortMapping: &types.PortMapping{Port: awssdk.Int32(80), Protocol: types.PortProtocol(w.service.Protocol)}},
		}},
	})
	return err
}

// tunedSpec is a route that an operator has tuned.
func tunedSpec(service engine.Service, stableWeight, canaryWeight int32) *types.RouteSpec {
	target := func(sha string, weight int32) types.WeightedTarget {
		return types.WeightedTarget{VirtualNode: awssdk.String(service.VersionName(sha)), Weight: weight}
	}
	targets := []types.WeightedTarget{target(stable, stableWeight)}
	if canaryWeight > 0 {
		targets = append(targets, target(canary, canaryWeight))
	}
	duration := &types.Duration{Unit: types.DurationUnitMs, Value: awssdk.Int64(1500)}
	if service.Protocol == engine.TCP {
		return &types.RouteSpec{Priority: awssdk.Int32(7), TcpRoute: &types.TcpRoute{
			Action: &types.TcpRouteAction{WeightedTargets: targets}, Timeout: &types.TcpTimeout{Idle: duration},
		}}
	}
	return &types.RouteSpec{
		Priority: awssdk.Int32(7),
		HttpRoute: &types.HttpRoute{
			Action: &types.HttpRouteAction{WeightedTargets: targets},
			Match: &types.HttpRouteMatch{Prefix: awssdk.String("/api"), Method: types.HttpMethodGet, Headers: []types.HttpRouteHeader{
				{Name: awssdk.String("x-team"), Invert: awssdk.Bool(true), Match: &types.HeaderMatchMethodMemberPrefix{Value: "blue"}},
			}},
			RetryPolicy: &types.HttpRetryPolicy{
				MaxRetries: awssdk.Int64(2), PerRetryTimeout: duration,
				HttpRetryEvents: []string{"server-error"}, TcpRetryEvents: []types.TcpRetryPolicyEvent{types.TcpRetryPolicyEventConnectionError},
			},
			Timeout: &types.HttpTimeout{Idle: duration, PerRequest: duration},
		},
	}
}

func (w world) makeNamedRoute(ctx context.Context, name string, spec *types.RouteSpec) error {
	_, err := w.clients.AppMesh.CreateRoute(ctx, &appmesh.CreateRouteInput{
		MeshName: &w.service.Environment, VirtualRouterName: awssdk.String("app-vr"), RouteName: &name, Spec: spec,
	})
	return err
}

// tune makes a router with a tuned route, and reads it.
func (w world) tune(ctx context.Context, stableWeight, canaryWeight int32) (engine.Route, error) {
	if err := w.makeRouter(ctx); err != nil {
		return engine.Route{}, err
	}
	if err := w.makeNamedRoute(ctx, "app-route", tunedSpec(w.service, stableWeight, canaryWeight)); err != nil {
		return engine.Route{}, err
	}
	return w.ports.Router.Route(ctx, w.service)
}

func weights(shaAndWeight ...any) []engine.Weight {
	var out []engine.Weight
	for i := 0; i < len(shaAndWeight); i += 2 {
		out = append(out, engine.Weight{Sha: shaAndWeight[i].(string), Weight: shaAndWeight[i+1].(int)})
	}
	return out
}

// set writes a split, and reads the route.
func (w world) set(ctx context.Context, split engine.Split) (engine.Route, error) {
	if err := w.ports.Router.SetWeights(ctx, w.service, split); err != nil {
		return engine.Route{}, err
	}
	return w.ports.Router.Route(ctx, w.service)
}

func routeIsMadeOnce(ctx context.Context, w world) error {
	if err := w.makeRouter(ctx); err != nil {
		return err
	}
	split := engine.Split{Weights: weights(stable, 100), Create: true, Token: "first"}
	made, err := w.set(ctx, split)
	if err != nil {
		return err
	}
	again, err := w.set(ctx, split)
	if err == nil && (made.Weight(stable) != 100 || len(made.Targets) != 1 || made.Revision == "" || again.Revision != made.Revision) {
		err = fmt.Errorf("made %+v, then %+v", made, again)
	}
	return err
}

func splitChangesWeights(ctx context.Context, w world) error {
	before, err := w.tune(ctx, 100, 0)
	if err != nil {
		return err
	}
	after, err := w.set(ctx, engine.Split{Weights: weights(stable, 75, canary, 25), After: before.Revision, Token: "split"})
	if err == nil && (after.Weight(stable) != 75 || after.Weight(canary) != 25 || after.Shape != before.Shape || after.Revision == before.Revision) {
		err = fmt.Errorf("it is %+v, was %+v", after, before)
	}
	return err
}

func splitIsWrittenOnce(ctx context.Context, w world) error {
	before, err := w.tune(ctx, 100, 0)
	if err != nil {
		return err
	}
	split := engine.Split{Weights: weights(stable, 50, canary, 50), After: before.Revision, Token: "split"}
	once, err := w.set(ctx, split)
	if err != nil {
		return err
	}
	twice, err := w.set(ctx, split)
	if err == nil && twice.Revision != once.Revision {
		err = fmt.Errorf("written again: revision %s after %s", twice.Revision, once.Revision)
	}
	return err
}

func oldRevisionIsDrift(ctx context.Context, w world) error {
	before, err := w.tune(ctx, 100, 0)
	if err != nil {
		return err
	}
	if _, err := w.set(ctx, engine.Split{Weights: weights(stable, 50, canary, 50), Token: "someone"}); err != nil {
		return err
	}
	after, err := w.set(ctx, engine.Split{Weights: weights(stable, 25, canary, 75), After: before.Revision, Token: "late"})
	if !errors.Is(err, engine.ErrDrift) {
		return errors.Join(err, fmt.Errorf("got %+v, want drift", after))
	}
	return nil
}

func versionIsDropped(ctx context.Context, w world) error {
	before, err := w.tune(ctx, 90, 10)
	if err != nil {
		return err
	}
	after, err := w.set(ctx, engine.Split{
		Weights: weights(canary, 100), Drop: []string{stable}, After: before.Revision, Token: "promote",
	})
	if err == nil && (after.Names(stable) || after.Weight(canary) != 100 || after.Shape != before.Shape) {
		err = fmt.Errorf("it is %+v", after)
	}
	return err
}

func routeIsMadeAnew(ctx context.Context, w world) error {
	before, err := w.tune(ctx, 100, 0)
	if err != nil {
		return err
	}
	for range 2 {
		if err := w.ports.Router.RemoveRoute(ctx, w.service, stable); err != nil {
			return err
		}
	}
	gone, err := w.ports.Router.Route(ctx, w.service)
	if err != nil || gone.Exists {
		return errors.Join(err, fmt.Errorf("removed, there is %+v", gone))
	}
	anew, err := w.set(ctx, engine.Split{Weights: weights(stable, 100), Restore: before.Document, Token: "restore"})
	if err == nil && (anew.Shape != before.Shape || !reflect.DeepEqual(anew.Targets, before.Targets)) {
		err = fmt.Errorf("it is %+v, was %+v", anew, before)
	}
	return err
}

func otherVersionIsKept(ctx context.Context, w world) error {
	if _, err := w.tune(ctx, 100, 0); err != nil {
		return err
	}
	err := w.ports.Router.RemoveRoute(ctx, w.service, canary)
	if !errors.Is(err, engine.ErrDrift) {
		return errors.Join(err, errors.New("that is no drift"))
	}
	route, err := w.ports.Router.Route(ctx, w.service)
	if err == nil && !route.Exists {
		err = errors.New("the route is gone")
	}
	return err
}
