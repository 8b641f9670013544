package moto

import (
	"context"
	"fmt"

	"serin/internal/aws"
	"serin/internal/engine"
)

func manyTasksBehaviours() []behaviour {
	return []behaviour{
		{"the tasks of many services are read at once", tasksOfManyServices},
		{"among the tasks of many services a cluster that is not there is not found", func(ctx context.Context, w world) error {
			if err := w.makeService(ctx, w.place.image, 1); err != nil {
				return err
			}
			elsewhere := w.service
			elsewhere.Environment += "-none"
			_, err := w.healthOf(ctx, map[engine.Service][]string{w.service: {canary}, elsewhere: {canary}})
			return wantKind(err, engine.NotFound)
		}},
	}
}

func (w world) healthOf(ctx context.Context, versions map[engine.Service][]string) (map[engine.Service][]engine.TaskHealth, error) {
	return aws.NewTasks(w.clients.ECS, w.clients.CloudMap, w.clients.Where).HealthOf(ctx, versions)
}

// tasksOfManyServices has more of them than a request may name, in two clusters.
func tasksOfManyServices(ctx context.Context, w world) error {
	versions := map[engine.Service][]string{}
	for number := range 13 {
		one := w
		one.service.Name = fmt.Sprintf("app%d", number)
		if number == 12 {
			one.service.Environment += "-too"
		}
		if err := one.makeService(ctx, w.place.image, int32(number)); err != nil {
			return err
		}
		versions[one.service] = []string{stable, canary}
	}
	all, err := w.healthOf(ctx, versions)
	if err != nil || len(all) != len(versions) {
		return fmt.Errorf("%d of %d services are read: %w", len(all), len(versions), err)
	}
	for service, health := range all {
		var wanted int
		if _, err := fmt.Sscanf(service.Name, "app%d", &wanted); err != nil {
			return err
		}
		if len(health) != 2 || health[0].Exists || !health[1].Exists || health[1].Desired != wanted || health[1].Sha != canary {
			return fmt.Errorf("of %s there is %+v", service.Name, health)
		}
	}
	return nil
}
