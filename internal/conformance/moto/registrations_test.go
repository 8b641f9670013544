package moto

import (
	"context"
	"fmt"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"serin/internal/engine"
)

func registrationBehaviours() []behaviour {
	return []behaviour{
		{"instances that are healthy are discovered", instancesAreDiscovered},
		{"instances that are not healthy are told apart", unhealthyAreToldApart},
		{"a name that is not registered is a service that is not found", func(ctx context.Context, w world) error {
			if _, err := w.makeRegistry(ctx); err != nil {
				return err
			}
			_, err := w.discover(ctx, stable, types.HealthStatusFilterAll)
			return wantCode(err, "ServiceNotFound")
		}},
		{"a namespace that is not there is not found", func(ctx context.Context, w world) error {
			_, err := w.discover(ctx, canary, types.HealthStatusFilterAll)
			return wantCode(err, "NamespaceNotFound")
		}},
		{"a task counts when it is registered", func(ctx context.Context, w world) error {
			registry, err := w.makeRegistry(ctx)
			if err != nil {
				return err
			}
			if err := w.makeService(ctx, w.place.image, 1, ecstypes.ServiceRegistry{RegistryArn: registry.Arn}); err != nil {
				return err
			}
			return w.awaitHealth(ctx, "all are healthy", engine.TaskHealth.AllHealthy)
		}},
	}
}

// makeRegistry makes a namespace with the service of the canary.
func (w world) makeRegistry(ctx context.Context) (*types.Service, error) {
	asked, err := w.clients.CloudMap.CreateHttpNamespace(ctx, &servicediscovery.CreateHttpNamespaceInput{Name: &w.service.Namespace})
	if err != nil {
		return nil, err
	}
	var namespace string
	if err := w.eventually(ctx, "the namespace is there", func() (bool, error) {
		out, err := w.clients.CloudMap.GetOperation(ctx, &servicediscovery.GetOperationInput{OperationId: asked.OperationId})
		if err != nil {
			return false, err
		}
		namespace = out.Operation.Targets[string(types.OperationTargetTypeNamespace)]
		return out.Operation.Status == types.OperationStatusSuccess, nil
	}); err != nil {
		return nil, err
	}
	made, err := w.clients.CloudMap.CreateService(ctx, &servicediscovery.CreateServiceInput{
		Name: awssdk.String(w.service.VersionName(canary)), NamespaceId: &namespace,
		HealthCheckCustomConfig: &types.HealthCheckCustomConfig{},
	})
	if err != nil {
		return nil, err
	}
	return made.Service, nil
}

// register registers two instances of the canary.
func (w world) register(ctx context.Context) (*types.Service, error) {
	service, err := w.makeRegistry(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range []string{"one", "two"} {
		if _, err := w.clients.CloudMap.RegisterInstance(ctx, &servicediscovery.RegisterInstanceInput{
			ServiceId: service.Id, InstanceId: &id, Attributes: map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.1"},
		}); err != nil {
			return nil, err
		}
	}
	return service, nil
}

// discover counts the instances of a version.
func (w world) discover(ctx context.Context, sha string, health types.HealthStatusFilter) (int, error) {
	out, err := w.clients.CloudMap.DiscoverInstances(ctx, &servicediscovery.DiscoverInstancesInput{
		NamespaceName: &w.service.Namespace, ServiceName: awssdk.String(w.service.VersionName(sha)), HealthStatus: health,
	})
	if err != nil {
		return 0, err
	}
	return len(out.Instances), nil
}

func (w world) awaitInstances(ctx context.Context, health types.HealthStatusFilter, want int) error {
	return w.eventually(ctx, fmt.Sprintf("%d instances are %s", want, health), func() (bool, error) {
		got, err := w.discover(ctx, canary, health)
		return got == want, err
	})
}

func instancesAreDiscovered(ctx context.Context, w world) error {
	if _, err := w.register(ctx); err != nil {
		return err
	}
	return w.awaitInstances(ctx, types.HealthStatusFilterHealthy, 2)
}

func unhealthyAreToldApart(ctx context.Context, w world) error {
	service, err := w.register(ctx)
	if err != nil {
		return err
	}
	if err := w.awaitInstances(ctx, types.HealthStatusFilterAll, 2); err != nil {
		return err
	}
	if _, err := w.clients.CloudMap.UpdateInstanceCustomHealthStatus(ctx, &servicediscovery.UpdateInstanceCustomHealthStatusInput{
		ServiceId: service.Id, InstanceId: awssdk.String("two"), Status: types.CustomHealthStatusUnhealthy,
	}); err != nil {
		return err
	}
	if err := w.awaitInstances(ctx, types.HealthStatusFilterHealthy, 1); err != nil {
		return err
	}
	return w.awaitInstances(ctx, types.HealthStatusFilterAll, 2)
}
