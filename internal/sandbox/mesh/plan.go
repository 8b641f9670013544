package mesh

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/appmesh"
)

// defaultRequestTimeout bounds a request whose route says nothing, as App Mesh does
// (API reference, HttpTimeout: "The default value is 15 seconds").
const defaultRequestTimeout = 15 * time.Second

// wire is what is spoken on a listener's connections.
type wire string

const (
	wireHTTP  wire = "http"
	wireHTTP2 wire = "http2"
	wireTCP   wire = "tcp"
)

// wires is the wire of each protocol that App Mesh names; gRPC is HTTP/2.
var wires = map[types.PortProtocol]wire{
	types.PortProtocolHttp:  wireHTTP,
	types.PortProtocolHttp2: wireHTTP2,
	types.PortProtocolGrpc:  wireHTTP2,
	types.PortProtocolTcp:   wireTCP,
}

// plan is a view made ready for requests. It is immutable but for the counters of its
// nodes, which pass from plan to plan.
type plan struct {
	revision uint64
	compiled bool
	fronts   map[frontKey]*front
	// names are the fronts of a virtual service by its name.
	names map[string][]frontKey
	// nodes are the virtual nodes that have an ingress, keyed by "mesh/name".
	nodes map[string]*destination
}

// frontKey names a port of a virtual service. While it stays, so does its listener.
type frontKey struct {
	mesh, service string
	port          int32
	wire          wire
}

// front is a port of a virtual service with the routes behind it, the first that
// matches wins.
type front struct {
	routes []*route
}

// route is one route of a virtual router, or the only one of a virtual service that a
// virtual node provides.
type route struct {
	conditions []condition
	targets    []target
	total      int
	retry      retryPolicy
	// timeout bounds a whole request and idle the silence within an answer or on a
	// connection; 0 is no bound.
	timeout, idle time.Duration
}

type target struct {
	destination *destination
	weight      int
}

// destination is a port of a virtual node.
type destination struct {
	node               *node
	namespace, service string
	attributes         []types.AwsCloudMapInstanceAttribute
	port               int
	wire               wire
}

// choose draws a target by relative weight. Nil means that no target has weight, or
// that the one drawn is not a virtual node that can be reached.
func (r *route) choose(random func(n int) int) *destination {
	if r.total == 0 {
		return nil
	}
	draw := random(r.total)
	for _, t := range r.targets {
		if draw < t.weight {
			return t.destination
		}
		draw -= t.weight
	}
	return nil
}

// compiler makes a plan of a view.
type compiler struct {
	view *appmesh.View
	plan *plan
}

// compile makes the plan of a view. Nodes that the plan before knew keep their
// counters.
func compile(view *appmesh.View, before *plan) *plan {
	c := compiler{view: view, plan: &plan{
		revision: view.Revision,
		compiled: true,
		fronts:   map[frontKey]*front{},
		names:    map[string][]frontKey{},
		nodes:    map[string]*destination{},
	}}
	for key, data := range view.VirtualNodes {
		if len(data.Spec.Listeners) == 0 {
			continue
		}
		ingress := &node{name: aws.ToString(data.VirtualNodeName)}
		if known, ok := before.nodes[key]; ok {
			ingress = known.node
		}
		c.plan.nodes[key] = newDestination(ingress, data.Spec, data.Spec.Listeners[0])
	}
	for _, key := range sortedKeys(view.VirtualServices) {
		c.virtualService(view.VirtualServices[key])
	}
	return c.plan
}

func newDestination(ingress *node, spec *types.VirtualNodeSpec, listener types.Listener) *destination {
	d := &destination{
		node: ingress,
		port: int(aws.ToInt32(listener.PortMapping.Port)),
		wire: wires[listener.PortMapping.Protocol],
	}
	switch found := spec.ServiceDiscovery.(type) {
	case *types.ServiceDiscoveryMemberAwsCloudMap:
		d.namespace = aws.ToString(found.Value.NamespaceName)
		d.service = aws.ToString(found.Value.ServiceName)
		d.attributes = found.Value.Attributes
	case *types.ServiceDiscoveryMemberDns:
		d.service, d.namespace = splitName(aws.ToString(found.Value.Hostname))
	}
	return d
}

func (c *compiler) virtualService(data *types.VirtualServiceData) {
	mesh := aws.ToString(data.MeshName)
	add := func(mapping *types.PortMapping, routes []*route) {
		key := frontKey{
			mesh:    mesh,
			service: aws.ToString(data.VirtualServiceName),
			port:    aws.ToInt32(mapping.Port),
			wire:    wires[mapping.Protocol],
		}
		c.plan.fronts[key] = &front{routes: routes}
		c.plan.names[key.service] = append(c.plan.names[key.service], key)
	}
	switch provider := data.Spec.Provider.(type) {
	case *types.VirtualServiceProviderMemberVirtualRouter:
		name := mesh + "/" + aws.ToString(provider.Value.VirtualRouterName)
		router, ok := c.view.VirtualRouters[name]
		if !ok {
			return
		}
		for _, listener := range router.Spec.Listeners {
			add(listener.PortMapping, c.routes(mesh, name, listener.PortMapping))
		}
	case *types.VirtualServiceProviderMemberVirtualNode:
		name := aws.ToString(provider.Value.VirtualNodeName)
		node, ok := c.view.VirtualNodes[mesh+"/"+name]
		if !ok {
			return
		}
		for _, listener := range node.Spec.Listeners {
			direct := types.WeightedTarget{VirtualNode: &name, Weight: 1, Port: listener.PortMapping.Port}
			only := &route{timeout: defaultRequestTimeout}
			only.targets, only.total = c.targets(mesh, []types.WeightedTarget{direct})
			add(listener.PortMapping, []*route{only})
		}
	}
}

// routes are the routes of a router for one of its listeners, in the view's order.
func (c *compiler) routes(mesh, router string, mapping *types.PortMapping) []*route {
	port := aws.ToInt32(mapping.Port)
	var routes []*route
	for _, data := range c.view.Routes[router] {
		compiled := c.route(mesh, data.Spec, mapping.Protocol, port)
		if compiled != nil {
			routes = append(routes, compiled)
		}
	}
	return routes
}

// route is nil when the route is of another protocol than the listener.
func (c *compiler) route(mesh string, spec *types.RouteSpec, protocol types.PortProtocol, port int32) *route {
	switch protocol {
	case types.PortProtocolTcp:
		return c.tcpRoute(mesh, spec.TcpRoute, port)
	case types.PortProtocolGrpc:
		return c.grpcRoute(mesh, spec.GrpcRoute, port)
	case types.PortProtocolHttp2:
		return c.httpRoute(mesh, spec.Http2Route, port)
	default:
		return c.httpRoute(mesh, spec.HttpRoute, port)
	}
}

func (c *compiler) httpRoute(mesh string, from *types.HttpRoute, port int32) *route {
	if from == nil {
		return nil
	}
	return c.requestRoute(mesh, httpConditions(from.Match, port), httpRetries(from.RetryPolicy), from.Timeout, from.Action.WeightedTargets)
}

func (c *compiler) grpcRoute(mesh string, from *types.GrpcRoute, port int32) *route {
	if from == nil {
		return nil
	}
	return c.requestRoute(mesh, grpcConditions(from.Match, port), grpcRetries(from.RetryPolicy),
		(*types.HttpTimeout)(from.Timeout), from.Action.WeightedTargets)
}

// requestRoute is a route of requests, whatever they are matched by.
func (c *compiler) requestRoute(
	mesh string, conditions []condition, retry retryPolicy, timeout *types.HttpTimeout, targets []types.WeightedTarget,
) *route {
	r := &route{conditions: conditions, retry: retry, timeout: defaultRequestTimeout}
	if timeout != nil {
		r.timeout = duration(timeout.PerRequest, defaultRequestTimeout)
		r.idle = duration(timeout.Idle, 0)
	}
	r.targets, r.total = c.targets(mesh, targets)
	return r
}

func (c *compiler) tcpRoute(mesh string, from *types.TcpRoute, port int32) *route {
	if from == nil {
		return nil
	}
	if from.Match != nil && aws.ToInt32(from.Match.Port) != 0 && *from.Match.Port != port {
		return nil
	}
	r := &route{}
	if from.Timeout != nil {
		r.idle = duration(from.Timeout.Idle, 0)
	}
	r.targets, r.total = c.targets(mesh, from.Action.WeightedTargets)
	return r
}

// targets are those with weight, and the sum of their weights. A target whose node or
// port does not exist keeps its share and has no destination.
func (c *compiler) targets(mesh string, weighted []types.WeightedTarget) ([]target, int) {
	var targets []target
	total := 0
	for _, w := range weighted {
		if w.Weight <= 0 {
			continue
		}
		total += int(w.Weight)
		targets = append(targets, target{
			destination: c.destination(mesh+"/"+aws.ToString(w.VirtualNode), aws.ToInt32(w.Port)),
			weight:      int(w.Weight),
		})
	}
	return targets, total
}

// destination is a node's port, its first when port is 0, and nil when there is none.
func (c *compiler) destination(key string, port int32) *destination {
	first, ok := c.plan.nodes[key]
	if !ok || port == 0 || first.port == int(port) {
		return first
	}
	spec := c.view.VirtualNodes[key].Spec
	for _, listener := range spec.Listeners {
		if aws.ToInt32(listener.PortMapping.Port) == port {
			return newDestination(first.node, spec, listener)
		}
	}
	return nil
}

// duration is d, or otherwise when it is not given.
func duration(d *types.Duration, otherwise time.Duration) time.Duration {
	if d == nil || d.Value == nil {
		return otherwise
	}
	unit := time.Second
	if d.Unit == types.DurationUnitMs {
		unit = time.Millisecond
	}
	return time.Duration(*d.Value) * unit
}
