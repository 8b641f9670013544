package aws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/engine"
)

// RouteAPI is what a Router needs of App Mesh.
type RouteAPI interface {
	DescribeMesh(context.Context, *appmesh.DescribeMeshInput, ...func(*appmesh.Options)) (*appmesh.DescribeMeshOutput, error)
	DescribeVirtualRouter(context.Context, *appmesh.DescribeVirtualRouterInput, ...func(*appmesh.Options)) (*appmesh.DescribeVirtualRouterOutput, error)
	DescribeRoute(context.Context, *appmesh.DescribeRouteInput, ...func(*appmesh.Options)) (*appmesh.DescribeRouteOutput, error)
	ListRoutes(context.Context, *appmesh.ListRoutesInput, ...func(*appmesh.Options)) (*appmesh.ListRoutesOutput, error)
	CreateRoute(context.Context, *appmesh.CreateRouteInput, ...func(*appmesh.Options)) (*appmesh.CreateRouteOutput, error)
	UpdateRoute(context.Context, *appmesh.UpdateRouteInput, ...func(*appmesh.Options)) (*appmesh.UpdateRouteOutput, error)
	DeleteRoute(context.Context, *appmesh.DeleteRouteInput, ...func(*appmesh.Options)) (*appmesh.DeleteRouteOutput, error)
}

// Router splits the traffic of services by the routes of an App Mesh mesh. The mesh is
// named as the environment, the virtual router of a service <service>-vr, its route
// <service>-route, and the targets of versions <service>-<sha>.
type Router struct {
	api   RouteAPI
	where Where
	owner *string
	seen  *seenRoutes
}

var (
	_ engine.Router = (*Router)(nil)
	_ RouteAPI      = (*appmesh.Client)(nil)
)

// NewRouter is a router of meshes that meshOwner shares (a 12-digit account), or that
// are the caller's own when it is empty.
func NewRouter(api RouteAPI, where Where, meshOwner string) *Router {
	router := &Router{api: api, where: where, seen: newSeenRoutes()}
	if meshOwner != "" {
		router.owner = &meshOwner
	}
	return router
}

// routerSuffix is what follows a service's name in that of its virtual router.
const routerSuffix = "-vr"

func routerName(service engine.Service) string { return service.Name + routerSuffix }

func routeName(service engine.Service) string { return service.Name + "-route" }

func routeTarget(service engine.Service) string {
	return "route " + routeName(service) + " in mesh " + service.Environment
}

// found is a route as it was read; spec is nil when there is none.
type found struct {
	spec    *types.RouteSpec
	targets *[]types.WeightedTarget
	version int64
}

// revision is the route's own count of its writes (ResourceMetadata.version).
func (f found) revision() string { return strconv.FormatInt(f.version, 10) }

// Route reads the route of a service. A route that could not be written back unchanged
// is a fault of kind Invalid.
func (r *Router) Route(ctx context.Context, service engine.Service) (engine.Route, error) {
	const op = "read the"
	now, err := r.find(ctx, op, service)
	if err != nil {
		return engine.Route{}, err
	}
	read := engine.Route{ReadAt: time.Now()}
	if now.spec == nil {
		return read, r.whereRouteIsMissing(ctx, op, service)
	}
	seen, err := r.seen.as(service, now.spec)
	if err != nil {
		return engine.Route{}, unlawful(op, service, err)
	}
	read.Exists, read.Revision, read.Shape, read.Document = true, now.revision(), seen.shape, bytes.Clone(seen.document)
	read.Targets = engineTargets(service, *now.targets)
	return read, nil
}

// find reads the route; its spec is nil when there is no such route, whatever else
// there is not.
func (r *Router) find(ctx context.Context, op string, service engine.Service) (found, error) {
	out, err := r.api.DescribeRoute(ctx, &appmesh.DescribeRouteInput{
		MeshName: &service.Environment, MeshOwner: r.owner,
		VirtualRouterName: awssdk.String(routerName(service)), RouteName: awssdk.String(routeName(service)),
	})
	if hasCode(err, "NotFoundException") {
		return found{}, nil
	}
	if err != nil {
		return found{}, r.where.fault(ctx, op, routeTarget(service), err)
	}
	if out.Route == nil || out.Route.Status != nil && out.Route.Status.Status == types.RouteStatusCodeDeleted {
		return found{}, nil
	}
	targets, err := targetsOf(out.Route.Spec)
	if err == nil {
		err = checkDistinct(service, *targets)
	}
	if err != nil {
		return found{}, unlawful(op, service, err)
	}
	return found{spec: out.Route.Spec, targets: targets, version: versionOf(out.Route)}, nil
}

func versionOf(route *types.RouteData) int64 {
	if route == nil || route.Metadata == nil {
		return 0
	}
	return awssdk.ToInt64(route.Metadata.Version)
}

// whereRouteIsMissing is nil when only the route is not there, and a fault when its
// router or its mesh is not: App Mesh answers NotFoundException to all three.
func (r *Router) whereRouteIsMissing(ctx context.Context, op string, service engine.Service) error {
	_, err := r.api.DescribeVirtualRouter(ctx, &appmesh.DescribeVirtualRouterInput{
		MeshName: &service.Environment, MeshOwner: r.owner, VirtualRouterName: awssdk.String(routerName(service)),
	})
	if err == nil {
		return nil
	}
	if !hasCode(err, "NotFoundException") {
		return r.where.fault(ctx, op, "virtual router "+routerName(service)+" in mesh "+service.Environment, err)
	}
	_, err = r.api.DescribeMesh(ctx, &appmesh.DescribeMeshInput{MeshName: &service.Environment, MeshOwner: r.owner})
	if err != nil && !hasCode(err, "NotFoundException") {
		return r.where.fault(ctx, op, "mesh "+service.Environment, err)
	}
	if err != nil {
		return refuse(op, routeTarget(service), engine.NotFound,
			"check EnvironmentName, the account and the region",
			"environment %s has no mesh in %s", service.Environment, r.where.Region)
	}
	return refuse(op, routeTarget(service), engine.NotFound,
		"check MicroserviceName; the environment's stacks make the virtual router of each of its services",
		"environment %s has no virtual router %s", service.Environment, routerName(service))
}

// unlawful is the fault of a route or a split that App Mesh would not take.
func unlawful(op string, service engine.Service, err error) error {
	hint := ""
	if errors.Is(err, errUnwritable) {
		hint = "use a newer Serin, or change the route so that it does not need this; nothing was written"
	}
	return &engine.Fault{Op: op, Target: routeTarget(service), Kind: engine.Invalid, Hint: hint, Err: err}
}

// SetWeights changes weights and nothing else; see engine.Router. It asks App Mesh for
// one write at most, and that one carries a client token made of the intention, of the
// revision it was decided on and of the result, so that a repeated call is one write.
// Where split.After is set, a write of someone else that fell between the read and the
// write is ErrDrift as well. Where it is not set, one version that cannot have its weight
// beside foreign targets gets what they leave: a roll back takes the traffic off the
// canary at once, and what it could not take is seen when the route is read back.
func (r *Router) SetWeights(ctx context.Context, service engine.Service, split engine.Split) error {
	const op = "set the weights of"
	if err := checkSplit(split); err != nil {
		return unlawful(op, service, err)
	}
	now, err := r.find(ctx, op, service)
	if err != nil {
		return err
	}
	if now.spec == nil {
		return r.makeRoute(ctx, op, service, split)
	}
	if follows(service, *now.targets, split) {
		return nil
	}
	switch {
	case split.Create && split.After == "":
		return drifted(op, service, "there was no route, and someone else has made one")
	case split.After != "" && split.After != now.revision():
		return drifted(op, service, fmt.Sprintf("it is at revision %s, not %s", now.revision(), split.After))
	}
	return r.update(ctx, op, service, split, now)
}

func (r *Router) update(ctx context.Context, op string, service engine.Service, split engine.Split, now found) error {
	targets, err := applySplit(service, *now.targets, besideOthers(service, *now.targets, split))
	if err != nil {
		return unlawful(op, service, err)
	}
	if reflect.DeepEqual(targets, *now.targets) {
		return nil
	}
	*now.targets = targets
	document, err := encodeSpec(now.spec)
	if err != nil {
		return unlawful(op, service, err)
	}
	out, err := r.api.UpdateRoute(ctx, &appmesh.UpdateRouteInput{
		MeshName: &service.Environment, MeshOwner: r.owner,
		VirtualRouterName: awssdk.String(routerName(service)), RouteName: awssdk.String(routeName(service)),
		Spec:        now.spec,
		ClientToken: awssdk.String(digest(split.Token, now.revision(), string(document))),
	})
	if err != nil {
		return r.where.fault(ctx, op, routeTarget(service), err)
	}
	written := versionOf(out.Route)
	if split.After != "" && written != 0 && written != now.version+1 {
		return drifted(op, service, fmt.Sprintf(
			"it was at revision %d before this write and at %d after it, so another write fell between and was overwritten",
			now.version, written))
	}
	return nil
}

// drifted is ErrDrift, with what was seen.
func drifted(op string, service engine.Service, seen string) error {
	return &engine.Fault{
		Op: op, Target: routeTarget(service), Kind: engine.Conflict,
		Hint: "look at who changed the route; promote or resume to go on from it, or roll back",
		Err:  fmt.Errorf("%w: %s", engine.ErrDrift, seen),
	}
}

// makeRoute makes the route where there is none: from the document where there was one,
// in the original's shape for a first deployment.
func (r *Router) makeRoute(ctx context.Context, op string, service engine.Service, split engine.Split) error {
	if !split.Create && len(split.Restore) == 0 {
		return r.absentRoute(ctx, op, service)
	}
	spec, err := specToMake(service, split)
	if err != nil {
		return unlawful(op, service, err)
	}
	document, err := encodeSpec(spec)
	if err != nil {
		return unlawful(op, service, err)
	}
	_, err = r.api.CreateRoute(ctx, &appmesh.CreateRouteInput{
		MeshName: &service.Environment, MeshOwner: r.owner,
		VirtualRouterName: awssdk.String(routerName(service)), RouteName: awssdk.String(routeName(service)),
		Spec:        spec,
		ClientToken: awssdk.String(digest(split.Token, "create", string(document))),
	})
	switch {
	case err == nil:
		return nil
	case hasCode(err, "ConflictException"):
		return r.afterConflict(ctx, op, service, split)
	case hasCode(err, "NotFoundException"):
		if missing := r.whereRouteIsMissing(ctx, op, service); missing != nil {
			return missing
		}
	}
	return r.where.fault(ctx, op, routeTarget(service), err)
}

// absentRoute is the fault of a route that must be there and is not.
func (r *Router) absentRoute(ctx context.Context, op string, service engine.Service) error {
	if err := r.whereRouteIsMissing(ctx, op, service); err != nil {
		return err
	}
	return refuse(op, routeTarget(service), engine.NotFound,
		"someone removed the route: roll back to make it anew", "the route is not there")
}

// specToMake is the specification of a route that is made anew.
func specToMake(service engine.Service, split engine.Split) (*types.RouteSpec, error) {
	if len(split.Restore) == 0 {
		targets, err := applySplit(service, nil, split)
		if err != nil {
			return nil, err
		}
		return newSpec(service.Protocol, targets)
	}
	spec, err := readDocument(split.Restore)
	if err != nil {
		return nil, err
	}
	held, err := targetsOf(spec)
	if err != nil {
		return nil, err
	}
	*held, err = applySplit(service, *held, besideOthers(service, *held, split))
	return spec, err
}

// afterConflict looks at the route that stood in the way of CreateRoute: one with the
// wanted weights is the one that an earlier, unanswered call made.
func (r *Router) afterConflict(ctx context.Context, op string, service engine.Service, split engine.Split) error {
	now, err := r.find(ctx, op, service)
	if err != nil {
		return err
	}
	if now.spec != nil && follows(service, *now.targets, split) {
		return nil
	}
	return drifted(op, service, "another route was made in its place")
}

// RemoveRoute removes the route of a service; see engine.Router. A foreign target is a
// reason to refuse as well: its traffic would be lost.
func (r *Router) RemoveRoute(ctx context.Context, service engine.Service, sha string) error {
	const op = "remove the"
	now, err := r.find(ctx, op, service)
	if err != nil || now.spec == nil {
		return err
	}
	for _, target := range engineTargets(service, *now.targets) {
		if target.Sha != sha || sha == "" {
			return drifted(op, service, "it names "+target.Name)
		}
	}
	_, err = r.api.DeleteRoute(ctx, &appmesh.DeleteRouteInput{
		MeshName: &service.Environment, MeshOwner: r.owner,
		VirtualRouterName: awssdk.String(routerName(service)), RouteName: awssdk.String(routeName(service)),
	})
	if hasCode(err, "NotFoundException") {
		return nil
	}
	return r.where.fault(ctx, op, routeTarget(service), err)
}
