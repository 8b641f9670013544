package appmesh

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
)

// checkRoute refuses a specification that App Mesh refuses: exactly one protocol, that
// of a listener of the router; a match where the protocol needs one; weights of 0 to
// 100 that add up to 100 at most, over virtual nodes that are there; retry policies,
// timeouts and the priority in their bounds. s.mu is held.
func (s *Service) checkRoute(mesh, router string, spec *types.RouteSpec) error {
	owner, err := s.virtualRouter(mesh, router)
	if err != nil {
		return err
	}
	if err := optional("spec.priority", spec.Priority, 0, 1000); err != nil {
		return err
	}
	if err := checkProtocol(owner, spec); err != nil {
		return err
	}
	err = first(
		func() error { return checkHTTPRoute("spec.httpRoute", spec.HttpRoute) },
		func() error { return checkHTTPRoute("spec.http2Route", spec.Http2Route) },
		func() error { return checkGRPCRoute(spec.GrpcRoute) },
		func() error { return checkTCPRoute(spec.TcpRoute) },
	)
	if err != nil {
		return err
	}
	return s.checkTargets(mesh, weightedTargets(spec))
}

// checkProtocol refuses a route of no or of several protocols, or of one that the
// router does not listen for.
func checkProtocol(router *record[types.VirtualRouterSpec], spec *types.RouteSpec) error {
	given := 0
	for _, set := range []bool{spec.HttpRoute != nil, spec.Http2Route != nil, spec.GrpcRoute != nil, spec.TcpRoute != nil} {
		if set {
			given++
		}
	}
	if given != 1 {
		return badRequest("Exactly one of httpRoute, http2Route, grpcRoute and tcpRoute must be specified.")
	}
	protocol, port := routeProtocol(spec)
	if port == nil && len(router.spec.Listeners) > 1 {
		return badRequest("A port match is required because VirtualRouter %s has multiple listeners.", router.name)
	}
	if !listens(router.spec, protocol, port) {
		return badRequest("The %s route does not match a listener of VirtualRouter %s.", protocol, router.name)
	}
	return nil
}

// routeProtocol is a route's protocol and the port that it matches, if any.
func routeProtocol(spec *types.RouteSpec) (types.PortProtocol, *int32) {
	switch {
	case spec.HttpRoute != nil:
		return types.PortProtocolHttp, httpPort(spec.HttpRoute)
	case spec.Http2Route != nil:
		return types.PortProtocolHttp2, httpPort(spec.Http2Route)
	case spec.GrpcRoute != nil && spec.GrpcRoute.Match != nil:
		return types.PortProtocolGrpc, spec.GrpcRoute.Match.Port
	case spec.GrpcRoute != nil:
		return types.PortProtocolGrpc, nil
	case spec.TcpRoute != nil && spec.TcpRoute.Match != nil:
		return types.PortProtocolTcp, spec.TcpRoute.Match.Port
	default:
		return types.PortProtocolTcp, nil
	}
}

func httpPort(route *types.HttpRoute) *int32 {
	if route.Match == nil {
		return nil
	}
	return route.Match.Port
}

// weightedTargets are a route's targets, whatever its protocol.
func weightedTargets(spec *types.RouteSpec) []types.WeightedTarget {
	switch {
	case spec.HttpRoute != nil && spec.HttpRoute.Action != nil:
		return spec.HttpRoute.Action.WeightedTargets
	case spec.Http2Route != nil && spec.Http2Route.Action != nil:
		return spec.Http2Route.Action.WeightedTargets
	case spec.GrpcRoute != nil && spec.GrpcRoute.Action != nil:
		return spec.GrpcRoute.Action.WeightedTargets
	case spec.TcpRoute != nil && spec.TcpRoute.Action != nil:
		return spec.TcpRoute.Action.WeightedTargets
	default:
		return nil
	}
}

// targets reports whether a route names a virtual node, at whatever weight.
func targets(spec *types.RouteSpec, node string) bool {
	for _, t := range weightedTargets(spec) {
		if aws.ToString(t.VirtualNode) == node {
			return true
		}
	}
	return false
}

// checkTargets enforces the rules of weighted targets (App Mesh API reference,
// WeightedTarget): 1 to 10, each of weight 0 to 100, adding up to 100 at most. All at 0
// is refused as well: Envoy has no cluster to choose then.
func (s *Service) checkTargets(mesh string, list []types.WeightedTarget) error {
	if len(list) < 1 || len(list) > 10 {
		return badRequest("weightedTargets must have between 1 and 10 targets.")
	}
	total := 0
	seen := make(map[string]bool)
	for i := range list {
		target := &list[i]
		if target.Weight < 0 || target.Weight > 100 {
			return badRequest("weightedTargets[%d].weight must be between 0 and 100.", i)
		}
		if err := s.checkTarget(mesh, target); err != nil {
			return err
		}
		key := fmt.Sprintf("%s:%d", *target.VirtualNode, aws.ToInt32(target.Port))
		if seen[key] {
			return badRequest("VirtualNode %s is a target more than once.", *target.VirtualNode)
		}
		seen[key] = true
		total += int(target.Weight)
	}
	if total < 1 || total > 100 {
		return badRequest("The total weight of weightedTargets must be between 1 and 100, but is %d.", total)
	}
	return nil
}

// checkTarget refuses a target that is not a virtual node of the mesh, or a port that
// the node does not listen on.
func (s *Service) checkTarget(mesh string, target *types.WeightedTarget) error {
	if err := checkNames(named{"weightedTargets.virtualNode", target.VirtualNode}); err != nil {
		return err
	}
	node, err := s.virtualNode(mesh, *target.VirtualNode)
	if err != nil {
		return err
	}
	if target.Port == nil {
		if len(node.spec.Listeners) > 1 {
			return badRequest("A port is required for target %s because it has multiple listeners.", node.name)
		}
		return nil
	}
	for _, l := range node.spec.Listeners {
		if *l.PortMapping.Port == *target.Port {
			return nil
		}
	}
	return badRequest("VirtualNode %s does not listen on port %d.", node.name, *target.Port)
}

func checkHTTPRoute(member string, route *types.HttpRoute) error {
	if route == nil {
		return nil
	}
	return first(
		func() error { return checkHTTPMatch(member+".match", route.Match) },
		func() error { return checkHTTPRetries(member+".retryPolicy", route.RetryPolicy) },
		func() error {
			if route.Timeout == nil {
				return nil
			}
			return checkTimeout(member+".timeout", route.Timeout.Idle, route.Timeout.PerRequest)
		},
	)
}

func checkTimeout(member string, idle, perRequest *types.Duration) error {
	if err := checkDuration(member+".idle", idle); err != nil {
		return err
	}
	return checkDuration(member+".perRequest", perRequest)
}

func checkHTTPMatch(member string, match *types.HttpRouteMatch) error {
	switch {
	case match == nil:
		return badRequest("%s is required.", member)
	case (match.Prefix == nil) == (match.Path == nil):
		return badRequest("%s must have either a prefix or a path.", member)
	case match.Prefix != nil && !strings.HasPrefix(*match.Prefix, "/"):
		return badRequest("%s.prefix must begin with /.", member)
	case match.Path != nil && (match.Path.Exact == nil) == (match.Path.Regex == nil):
		return badRequest("%s.path must have either exact or regex.", member)
	case match.Path != nil && match.Path.Exact != nil && !strings.HasPrefix(*match.Path.Exact, "/"):
		return badRequest("%s.path.exact must begin with /.", member)
	case len(match.Headers) > 10 || len(match.QueryParameters) > 10:
		return badRequest("%s can have at most 10 headers and 10 query parameters.", member)
	}
	if match.Method != "" {
		if err := oneOf(member+".method", match.Method); err != nil {
			return err
		}
	}
	if match.Scheme != "" {
		if err := oneOf(member+".scheme", match.Scheme); err != nil {
			return err
		}
	}
	for _, q := range match.QueryParameters {
		if aws.ToString(q.Name) == "" {
			return badRequest("%s.queryParameters must have names.", member)
		}
	}
	return checkHeaders(member+".headers", match.Headers)
}

func checkHeaders(member string, headers []types.HttpRouteHeader) error {
	for i, h := range headers {
		if err := sized(fmt.Sprintf("%s[%d].name", member, i), h.Name, 50); err != nil {
			return err
		}
		if _, unknown := h.Match.(*types.UnknownUnionMember); unknown {
			return badRequest("%s[%d].match is of an unknown kind.", member, i)
		}
	}
	return nil
}

func checkGRPCRoute(route *types.GrpcRoute) error {
	const member = "spec.grpcRoute"
	switch {
	case route == nil:
		return nil
	case route.Match == nil:
		return badRequest("%s.match is required.", member)
	case route.Match.MethodName != nil && route.Match.ServiceName == nil:
		return badRequest("%s.match.serviceName is required with methodName.", member)
	case len(route.Match.Metadata) > 10:
		return badRequest("%s.match.metadata can have at most 10 elements.", member)
	}
	for i, m := range route.Match.Metadata {
		if err := sized(fmt.Sprintf("%s.match.metadata[%d].name", member, i), m.Name, 50); err != nil {
			return err
		}
	}
	if err := checkGRPCRetries(member+".retryPolicy", route.RetryPolicy); err != nil {
		return err
	}
	if route.Timeout == nil {
		return nil
	}
	return checkTimeout(member+".timeout", route.Timeout.Idle, route.Timeout.PerRequest)
}

func checkTCPRoute(route *types.TcpRoute) error {
	if route == nil || route.Timeout == nil {
		return nil
	}
	return checkDuration("spec.tcpRoute.timeout.idle", route.Timeout.Idle)
}
