package appmesh

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
)

// checkVirtualNode refuses a specification that App Mesh refuses: bounds of listeners
// and health checks, and a node that listens but cannot be discovered. A backend need
// not exist. s.mu is held.
func (s *Service) checkVirtualNode(mesh string, spec *types.VirtualNodeSpec) error {
	if err := s.checkMesh(&mesh); err != nil {
		return err
	}
	if len(spec.Listeners) > 0 && spec.ServiceDiscovery == nil {
		return badRequest("Service discovery is required for a virtual node with a listener.")
	}
	ports := make(map[int32]bool)
	for i, l := range spec.Listeners {
		member := fmt.Sprintf("spec.listeners[%d]", i)
		if err := checkListener(member, l); err != nil {
			return err
		}
		if ports[*l.PortMapping.Port] {
			return badRequest("Port %d is used by more than one listener.", *l.PortMapping.Port)
		}
		ports[*l.PortMapping.Port] = true
	}
	if err := checkBackends(spec.Backends); err != nil {
		return err
	}
	return checkDiscovery(spec.ServiceDiscovery)
}

func checkListener(member string, l types.Listener) error {
	return first(
		func() error { return checkPort(member, l.PortMapping) },
		func() error { return checkHealth(member+".healthCheck", l.HealthCheck) },
		func() error { return checkListenerTimeout(member, l.Timeout, l.PortMapping) },
		func() error { return checkOutliers(member+".outlierDetection", l.OutlierDetection) },
	)
}

// checkHealth enforces the bounds of a health check (App Mesh API reference,
// HealthCheckPolicy).
func checkHealth(member string, h *types.HealthCheckPolicy) error {
	if h == nil {
		return nil
	}
	err := first(
		func() error { return inRange(member+".healthyThreshold", h.HealthyThreshold, 2, 10) },
		func() error { return inRange(member+".unhealthyThreshold", h.UnhealthyThreshold, 2, 10) },
		func() error { return inRange(member+".intervalMillis", h.IntervalMillis, 5000, 300000) },
		func() error { return inRange(member+".timeoutMillis", h.TimeoutMillis, 2000, 60000) },
		func() error { return optional(member+".port", h.Port, 1, 65535) },
		func() error { return oneOf(member+".protocol", h.Protocol) },
	)
	if err != nil {
		return err
	}
	spoken := h.Protocol == types.PortProtocolHttp || h.Protocol == types.PortProtocolHttp2
	switch path := aws.ToString(h.Path); {
	case spoken && !strings.HasPrefix(path, "/"):
		return badRequest("%s.path is required for protocol %s and must begin with /.", member, h.Protocol)
	case !spoken && path != "":
		return badRequest("%s.path must not be given for protocol %s.", member, h.Protocol)
	default:
		return nil
	}
}

func checkListenerTimeout(member string, timeout types.ListenerTimeout, on *types.PortMapping) error {
	var protocol types.PortProtocol
	var durations []*types.Duration
	switch t := timeout.(type) {
	case nil:
		return nil
	case *types.ListenerTimeoutMemberHttp:
		protocol, durations = types.PortProtocolHttp, []*types.Duration{t.Value.Idle, t.Value.PerRequest}
	case *types.ListenerTimeoutMemberHttp2:
		protocol, durations = types.PortProtocolHttp2, []*types.Duration{t.Value.Idle, t.Value.PerRequest}
	case *types.ListenerTimeoutMemberGrpc:
		protocol, durations = types.PortProtocolGrpc, []*types.Duration{t.Value.Idle, t.Value.PerRequest}
	case *types.ListenerTimeoutMemberTcp:
		protocol, durations = types.PortProtocolTcp, []*types.Duration{t.Value.Idle}
	default:
		return badRequest("%s.timeout is of an unknown kind.", member)
	}
	if protocol != on.Protocol {
		return badRequest("%s.timeout is for %s, but the listener speaks %s.", member, protocol, on.Protocol)
	}
	for _, d := range durations {
		if err := checkDuration(member+".timeout", d); err != nil {
			return err
		}
	}
	return nil
}

func checkOutliers(member string, o *types.OutlierDetection) error {
	if o == nil {
		return nil
	}
	if o.BaseEjectionDuration == nil || o.Interval == nil {
		return badRequest("%s.baseEjectionDuration and interval are required.", member)
	}
	return first(
		func() error { return checkDuration(member+".baseEjectionDuration", o.BaseEjectionDuration) },
		func() error { return checkDuration(member+".interval", o.Interval) },
		func() error { return inRange(member+".maxEjectionPercent", o.MaxEjectionPercent, 0, 100) },
		func() error { return inRange(member+".maxServerErrors", o.MaxServerErrors, 1, 1<<62) },
	)
}

func checkBackends(backends []types.Backend) error {
	seen := make(map[string]bool)
	for i, b := range backends {
		service, ok := b.(*types.BackendMemberVirtualService)
		if !ok {
			return badRequest("spec.backends[%d] is of an unknown kind.", i)
		}
		name := aws.ToString(service.Value.VirtualServiceName)
		switch {
		case name == "":
			return badRequest("spec.backends[%d].virtualService.virtualServiceName is required.", i)
		case seen[name]:
			return badRequest("Virtual service %s is a backend more than once.", name)
		}
		seen[name] = true
	}
	return nil
}

func checkDiscovery(discovery types.ServiceDiscovery) error {
	switch d := discovery.(type) {
	case nil:
		return nil
	case *types.ServiceDiscoveryMemberAwsCloudMap:
		for _, a := range d.Value.Attributes {
			if aws.ToString(a.Key) == "" || aws.ToString(a.Value) == "" {
				return badRequest("A Cloud Map attribute must have a key and a value.")
			}
		}
		return first(
			func() error {
				return sized("spec.serviceDiscovery.awsCloudMap.namespaceName", d.Value.NamespaceName, 1024)
			},
			func() error {
				return sized("spec.serviceDiscovery.awsCloudMap.serviceName", d.Value.ServiceName, 1024)
			},
		)
	case *types.ServiceDiscoveryMemberDns:
		return sized("spec.serviceDiscovery.dns.hostname", d.Value.Hostname, 253)
	default:
		return badRequest("spec.serviceDiscovery is of an unknown kind.")
	}
}

// checkUnusedNode refuses to remove a node that something refers to: a route, at any
// weight, or a virtual service.
func (s *Service) checkUnusedNode(node *record[types.VirtualNodeSpec]) error {
	if s.routes.holds(func(r *record[types.RouteSpec]) bool {
		return r.mesh == node.mesh && targets(r.spec, node.name)
	}) {
		return inUse("VirtualNode with name %s cannot be deleted because it is the target of one or more routes.", node.name)
	}
	if s.services.holds(func(r *record[types.VirtualServiceSpec]) bool {
		provider, ok := r.spec.Provider.(*types.VirtualServiceProviderMemberVirtualNode)
		return ok && r.mesh == node.mesh && aws.ToString(provider.Value.VirtualNodeName) == node.name
	}) {
		return inUse("VirtualNode with name %s cannot be deleted because it is a VirtualService provider", node.name)
	}
	return nil
}
