package moto

import (
	"context"
	"fmt"
	"reflect"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/engine"
)

func catalogueBehaviours() []behaviour {
	return []behaviour{
		{"the services of a mesh that is not there are not found", func(ctx context.Context, w world) error {
			_, err := w.clients.Catalogue("").Services(ctx, w.service.Environment)
			return wantKind(err, engine.NotFound)
		}},
		{"a mesh without a router has no services", func(ctx context.Context, w world) error {
			if err := w.makeMesh(ctx); err != nil {
				return err
			}
			return w.expectServices(ctx)
		}},
		{"services are found by their routers", servicesAreFound},
	}
}

func (w world) expectServices(ctx context.Context, want ...engine.Service) error {
	got, err := w.clients.Catalogue("").Services(ctx, w.service.Environment)
	if err == nil && (len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want)) {
		err = fmt.Errorf("the services are %+v, want %+v", got, want)
	}
	return err
}

// servicesAreFound has one with a virtual service, one of tcp without, and a router that
// is no service's.
func servicesAreFound(ctx context.Context, w world) error {
	if err := w.makeRouter(ctx); err != nil {
		return err
	}
	db := w
	db.service.Name, db.service.Protocol, db.service.Namespace, db.service.Port = "db", engine.TCP, "", 80
	for name, of := range map[string]world{"db-vr": db, "other": w} {
		if err := of.makeNamedRouter(ctx, name); err != nil {
			return err
		}
	}
	if _, err := w.clients.AppMesh.CreateVirtualService(ctx, &appmesh.CreateVirtualServiceInput{
		MeshName: &w.service.Environment, VirtualServiceName: awssdk.String("app." + w.service.Namespace),
		Spec: &types.VirtualServiceSpec{Provider: &types.VirtualServiceProviderMemberVirtualRouter{
			Value: types.VirtualRouterServiceProvider{VirtualRouterName: awssdk.String("app-vr")},
		}},
	}); err != nil {
		return err
	}
	app := w.service
	app.Port = 80
	return w.expectServices(ctx, app, db.service)
}
