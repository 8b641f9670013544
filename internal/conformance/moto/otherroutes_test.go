package moto

import (
	"context"
	"errors"
	"fmt"
	"slices"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
)

func otherRouteBehaviours() []behaviour {
	return []behaviour{
		{"a router that is not there has no other routes", func(ctx context.Context, w world) error {
			if err := w.makeMesh(ctx); err != nil {
				return err
			}
			return w.expectOthers(ctx, "")
		}},
		{"the service's own route is no other", func(ctx context.Context, w world) error {
			if _, err := w.tune(ctx, 90, 10); err != nil {
				return err
			}
			return errors.Join(w.expectOthers(ctx, ""), w.expectOthers(ctx, stable))
		}},
		{"another route is found by the versions that it names", otherRoutesAreFound},
		{"another route is found on a later page", manyRoutesAreFound},
	}
}

// expectOthers checks which other routes name a version, or any.
func (w world) expectOthers(ctx context.Context, sha string, want ...string) error {
	got, err := w.ports.Router.OtherRoutes(ctx, w.service, sha)
	slices.Sort(got)
	if err == nil && !slices.Equal(got, want) {
		err = fmt.Errorf("%q is named by %q, want %q", sha, got, want)
	}
	return err
}

// foreign makes a tuned route, a node that is no version, and a spec that names it alone.
func (w world) foreign(ctx context.Context) (*types.RouteSpec, error) {
	if _, err := w.tune(ctx, 100, 0); err != nil {
		return nil, err
	}
	spec := tunedSpec(w.service, 100, 0)
	spec.HttpRoute.Action.WeightedTargets[0].VirtualNode = awssdk.String("other")
	return spec, w.makeNode(ctx, "other", "none")
}

// otherRoutesAreFound has a route that gives a version nothing, and one that names none.
func otherRoutesAreFound(ctx context.Context, w world) error {
	foreign, err := w.foreign(ctx)
	if err != nil {
		return err
	}
	both := tunedSpec(w.service, 100, 0)
	both.HttpRoute.Action.WeightedTargets = append(both.HttpRoute.Action.WeightedTargets,
		types.WeightedTarget{VirtualNode: awssdk.String(w.service.VersionName(canary)), Weight: 0})
	for name, spec := range map[string]*types.RouteSpec{
		"app-admin": tunedSpec(w.service, 100, 0), "app-both": both, "app-foreign": foreign,
	} {
		if err := w.makeNamedRoute(ctx, name, spec); err != nil {
			return err
		}
	}
	return errors.Join(w.expectOthers(ctx, "", "app-admin", "app-both"),
		w.expectOthers(ctx, stable, "app-admin", "app-both"), w.expectOthers(ctx, canary, "app-both"))
}

// manyRoutesAreFound has more routes than a page of them.
func manyRoutesAreFound(ctx context.Context, w world) error {
	foreign, err := w.foreign(ctx)
	if err != nil {
		return err
	}
	for number := range 100 {
		if err := w.makeNamedRoute(ctx, fmt.Sprintf("app-%02d", number), foreign); err != nil {
			return err
		}
	}
	if err := w.makeNamedRoute(ctx, "app-zz", tunedSpec(w.service, 100, 0)); err != nil {
		return err
	}
	return w.expectOthers(ctx, stable, "app-zz")
}
