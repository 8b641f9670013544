package moto

import (
	"context"
	"errors"
	"fmt"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"serin/internal/engine"
)

func taskBehaviours() []behaviour {
	return []behaviour{
		{"a cluster that is not there is not found", func(ctx context.Context, w world) error {
			_, err := w.ports.Tasks.Health(ctx, w.service, []string{stable})
			return wantKind(err, engine.NotFound)
		}},
		{"a version without a service is none", func(ctx context.Context, w world) error {
			if err := w.makeCluster(ctx); err != nil {
				return err
			}
			health, err := w.health(ctx, stable)
			if err == nil && health.Exists {
				err = fmt.Errorf("it has %+v", health)
			}
			return err
		}},
		{"a service wants its tasks", func(ctx context.Context, w world) error {
			if err := w.makeService(ctx, w.place.image, 1); err != nil {
				return err
			}
			health, err := w.health(ctx, canary)
			if err == nil && (!health.Exists || health.Desired != 1) {
				err = fmt.Errorf("it is %+v", health)
			}
			return err
		}},
		{"a service comes to have its tasks, running and healthy", func(ctx context.Context, w world) error {
			if err := w.makeService(ctx, w.place.image, 1); err != nil {
				return err
			}
			return w.awaitHealth(ctx, "all are healthy", func(h engine.TaskHealth) bool { return h.AllHealthy() && h.Running == 1 })
		}},
		{"a service wants as many tasks as it is told to", func(ctx context.Context, w world) error {
			if err := w.makeService(ctx, w.place.image, 1); err != nil {
				return err
			}
			if _, err := w.clients.ECS.UpdateService(ctx, &ecs.UpdateServiceInput{
				Cluster: &w.service.Environment, Service: awssdk.String(w.service.VersionName(canary)), DesiredCount: awssdk.Int32(3),
			}); err != nil {
				return err
			}
			return w.awaitHealth(ctx, "three are wanted", func(h engine.TaskHealth) bool { return h.Desired == 3 })
		}},
		{"a task that cannot start is told", func(ctx context.Context, w world) error {
			if err := w.makeService(ctx, "nothing.example/nothing:1", 1); err != nil {
				return err
			}
			return w.awaitHealth(ctx, "a task stopped, and has failed", func(h engine.TaskHealth) bool {
				return len(h.Stops) > 0 && h.Stops[0].Failed && h.Healthy == 0
			})
		}},
		{"a service that was deleted is none", func(ctx context.Context, w world) error {
			if err := w.makeService(ctx, w.place.image, 0); err != nil {
				return err
			}
			if _, err := w.clients.ECS.DeleteService(ctx, &ecs.DeleteServiceInput{
				Cluster: &w.service.Environment, Service: awssdk.String(w.service.VersionName(canary)),
			}); err != nil {
				return err
			}
			return w.awaitHealth(ctx, "it is none", func(h engine.TaskHealth) bool { return !h.Exists })
		}},
		{"more versions than a request may name are all read", func(ctx context.Context, w world) error {
			if err := w.makeService(ctx, w.place.image, 0); err != nil {
				return err
			}
			shas := make([]string, 12)
			for i := range shas {
				shas[i] = fmt.Sprintf("%08x", i)
			}
			shas[11] = canary
			health, err := w.ports.Tasks.Health(ctx, w.service, shas)
			if err != nil {
				return err
			}
			for i, one := range health {
				if one.Sha != shas[i] || one.Exists != (one.Sha == canary) {
					err = errors.Join(err, fmt.Errorf("health %d is %+v", i, one))
				}
			}
			return err
		}},
	}
}

func (w world) makeCluster(ctx context.Context) error {
	_, err := w.clients.ECS.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: &w.service.Environment})
	return err
}

// makeService makes a cluster with the service of the canary.
func (w world) makeService(ctx context.Context, image string, desired int32, registries ...types.ServiceRegistry) error {
	if err := w.makeCluster(ctx); err != nil {
		return err
	}
	definition, err := w.clients.ECS.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family: &w.service.Environment, NetworkMode: types.NetworkModeAwsvpc, Cpu: awssdk.String("256"), Memory: awssdk.String("512"),
		RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate},
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: awssdk.String("app"), Image: &image, Essential: awssdk.Bool(true),
			PortMappings: []types.PortMapping{{ContainerPort: awssdk.Int32(6379)}},
		}},
	})
	if err != nil {
		return err
	}
	_, err = w.clients.ECS.CreateService(ctx, &ecs.CreateServiceInput{
		Cluster: &w.service.Environment, ServiceName: awssdk.String(w.service.VersionName(canary)),
		TaskDefinition: definition.TaskDefinition.TaskDefinitionArn, DesiredCount: &desired, LaunchType: types.LaunchTypeFargate,
		NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{
			Subnets: []string{w.place.subnet}, SecurityGroups: []string{w.place.group},
		}},
		ServiceRegistries: registries,
	})
	return err
}

func (w world) health(ctx context.Context, sha string) (engine.TaskHealth, error) {
	health, err := w.ports.Tasks.Health(ctx, w.service, []string{sha})
	if err != nil {
		return engine.TaskHealth{}, err
	}
	return health[0], nil
}

func (w world) awaitHealth(ctx context.Context, what string, ask func(engine.TaskHealth) bool) error {
	var last engine.TaskHealth
	err := w.eventually(ctx, what, func() (bool, error) {
		var err error
		last, err = w.health(ctx, canary)
		return ask(last), err
	})
	if err != nil {
		err = fmt.Errorf("%w; the last was %+v", err, last)
	}
	return err
}
