package aws

import (
	"cmp"
	"context"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/engine"
)

// CatalogueAPI is what a Catalogue needs of App Mesh.
type CatalogueAPI interface {
	ListVirtualRouters(context.Context, *appmesh.ListVirtualRoutersInput, ...func(*appmesh.Options)) (*appmesh.ListVirtualRoutersOutput, error)
	DescribeVirtualRouter(context.Context, *appmesh.DescribeVirtualRouterInput, ...func(*appmesh.Options)) (*appmesh.DescribeVirtualRouterOutput, error)
	ListVirtualServices(context.Context, *appmesh.ListVirtualServicesInput, ...func(*appmesh.Options)) (*appmesh.ListVirtualServicesOutput, error)
}

var _ CatalogueAPI = (*appmesh.Client)(nil)

// Catalogue finds the services of environments, as specfiles name them: in the mesh of
// the environment a service has the virtual router <service>-vr, which says its protocol
// and port, and the virtual service <service>.<namespace>. It is safe for concurrent use.
type Catalogue struct {
	api   CatalogueAPI
	where Where
	owner *string
}

// NewCatalogue finds services in meshes that meshOwner shares (a 12-digit account), or
// that are the caller's own when it is empty.
func NewCatalogue(api CatalogueAPI, where Where, meshOwner string) *Catalogue {
	catalogue := &Catalogue{api: api, where: where}
	if meshOwner != "" {
		catalogue.owner = &meshOwner
	}
	return catalogue
}

// Services lists the services of an environment, by name. A mesh that is not there is a
// fault of kind NotFound; virtual routers of other names are none of Serin's, and are
// left out. The Namespace of a service without a virtual service is empty.
func (c *Catalogue) Services(ctx context.Context, environment string) ([]engine.Service, error) {
	routers, err := c.routers(ctx, environment)
	if err != nil {
		return nil, err
	}
	namespaces, err := c.namespaces(ctx, environment)
	if err != nil {
		return nil, err
	}
	services := make([]engine.Service, 0, len(routers))
	for _, router := range routers {
		service, speaks, err := c.describe(ctx, environment, router)
		if err != nil {
			return nil, err
		}
		if speaks {
			service.Namespace = namespaces[service.Name]
			services = append(services, service)
		}
	}
	slices.SortFunc(services, func(a, b engine.Service) int { return cmp.Compare(a.Name, b.Name) })
	return services, nil
}

func catalogueTarget(environment string) string { return "the services of mesh " + environment }

// routers are the names of the virtual routers of services.
func (c *Catalogue) routers(ctx context.Context, environment string) ([]string, error) {
	var names []string
	pages := newPages()
	for token := (*string)(nil); ; {
		out, err := c.api.ListVirtualRouters(ctx, &appmesh.ListVirtualRoutersInput{
			MeshName: &environment, MeshOwner: c.owner, NextToken: token,
		})
		if hasCode(err, "NotFoundException") {
			return nil, refuse("list", catalogueTarget(environment), engine.NotFound,
				"check the environment's name, the account and the region", "there is no mesh %s in %s", clean(environment), c.where.Region)
		}
		if err != nil {
			return nil, c.where.fault(ctx, "list", catalogueTarget(environment), err)
		}
		for _, router := range out.VirtualRouters {
			if name, is := strings.CutSuffix(awssdk.ToString(router.VirtualRouterName), routerSuffix); is && name != "" {
				names = append(names, name)
			}
		}
		if token = out.NextToken; awssdk.ToString(token) == "" {
			return names, nil
		}
		if err := pages.next(*token); err != nil {
			return nil, c.where.fault(ctx, "list", catalogueTarget(environment), err)
		}
	}
}

// namespaces are those of the virtual services, by the service's name.
func (c *Catalogue) namespaces(ctx context.Context, environment string) (map[string]string, error) {
	namespaces := map[string]string{}
	pages := newPages()
	for token := (*string)(nil); ; {
		out, err := c.api.ListVirtualServices(ctx, &appmesh.ListVirtualServicesInput{
			MeshName: &environment, MeshOwner: c.owner, NextToken: token,
		})
		if err != nil {
			return nil, c.where.fault(ctx, "list", catalogueTarget(environment), err)
		}
		for _, service := range out.VirtualServices {
			if name, namespace, is := strings.Cut(awssdk.ToString(service.VirtualServiceName), "."); is {
				namespaces[name] = clean(namespace)
			}
		}
		if token = out.NextToken; awssdk.ToString(token) == "" {
			return namespaces, nil
		}
		if err := pages.next(*token); err != nil {
			return nil, c.where.fault(ctx, "list", catalogueTarget(environment), err)
		}
	}
}

// describe is the service of a virtual router; false when the router vanished meanwhile,
// or speaks nothing.
func (c *Catalogue) describe(ctx context.Context, environment, name string) (engine.Service, bool, error) {
	service := engine.Service{Environment: environment, Name: clean(name)}
	out, err := c.api.DescribeVirtualRouter(ctx, &appmesh.DescribeVirtualRouterInput{
		MeshName: &environment, MeshOwner: c.owner, VirtualRouterName: awssdk.String(name + routerSuffix),
	})
	if hasCode(err, "NotFoundException") {
		return service, false, nil
	}
	if err != nil {
		return service, false, c.where.fault(ctx, "describe", "virtual router "+routerName(service)+" in mesh "+environment, err)
	}
	listener, speaks := listenerOf(out.VirtualRouter)
	if !speaks {
		return service, false, nil
	}
	service.Protocol, service.Port = engine.Protocol(listener.Protocol), int(awssdk.ToInt32(listener.Port))
	return service, true, nil
}

// listenerOf is where a virtual router listens; it has one listener at the most (App
// Mesh API reference, VirtualRouterSpec).
func listenerOf(router *types.VirtualRouterData) (types.PortMapping, bool) {
	if router == nil || router.Spec == nil || len(router.Spec.Listeners) == 0 || router.Spec.Listeners[0].PortMapping == nil {
		return types.PortMapping{}, false
	}
	return *router.Spec.Listeners[0].PortMapping, true
}
