package aws

import (
	"context"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"

	"serin/internal/engine"
)

// OtherRoutes lists the routes of the service's virtual router, beside its own, that
// name a version of the service; see engine.Router. An empty sha is any version. A
// router that is not there has none.
func (r *Router) OtherRoutes(ctx context.Context, service engine.Service, sha string) ([]string, error) {
	const op = "list the"
	target := "routes of virtual router " + routerName(service) + " in mesh " + service.Environment
	names, err := r.routeNames(ctx, op, target, service)
	if err != nil {
		return nil, err
	}
	var others []string
	for _, name := range names {
		if name == routeName(service) {
			continue
		}
		named, err := r.namesVersion(ctx, op, target, service, name, sha)
		if err != nil {
			return nil, err
		}
		if named {
			others = append(others, clean(name))
		}
	}
	return others, nil
}

func (r *Router) routeNames(ctx context.Context, op, target string, service engine.Service) ([]string, error) {
	var names []string
	pages := newPages()
	for token := (*string)(nil); ; {
		out, err := r.api.ListRoutes(ctx, &appmesh.ListRoutesInput{
			MeshName: &service.Environment, MeshOwner: r.owner,
			VirtualRouterName: awssdk.String(routerName(service)), NextToken: token,
		})
		if hasCode(err, "NotFoundException") {
			return nil, nil
		}
		if err != nil {
			return nil, r.where.fault(ctx, op, target, err)
		}
		for _, route := range out.Routes {
			names = append(names, awssdk.ToString(route.RouteName))
		}
		if token = out.NextToken; awssdk.ToString(token) == "" {
			return names, nil
		}
		if err := pages.next(*token); err != nil {
			return nil, r.where.fault(ctx, op, target, err)
		}
	}
}

// namesVersion tells whether a route names a version. One that vanished meanwhile does
// not.
func (r *Router) namesVersion(ctx context.Context, op, target string, service engine.Service, route, sha string) (bool, error) {
	out, err := r.api.DescribeRoute(ctx, &appmesh.DescribeRouteInput{
		MeshName: &service.Environment, MeshOwner: r.owner,
		VirtualRouterName: awssdk.String(routerName(service)), RouteName: &route,
	})
	if hasCode(err, "NotFoundException") {
		return false, nil
	}
	if err != nil {
		return false, r.where.fault(ctx, op, target, err)
	}
	targets, err := targetsOf(out.Route.Spec)
	if err != nil {
		return false, unlawful(op, service, err)
	}
	for _, named := range engineTargets(service, *targets) {
		if named.Sha != "" && (sha == "" || named.Sha == sha) {
			return true, nil
		}
	}
	return false, nil
}
