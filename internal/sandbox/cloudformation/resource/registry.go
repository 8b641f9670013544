package resource

import (
	"maps"

	"serin/internal/sandbox/region"
)

// Services are the APIs that resources are made through. The types of a service that
// is nil are not offered.
type Services struct {
	AppMesh    AppMesh
	ECS        ECS
	CloudMap   CloudMap
	SSM        SSM
	CloudWatch CloudWatch
}

// NewRegistry is the types that a region offers.
func NewRegistry(place region.Region, services Services) Registry {
	registry := inertTypes(place)
	if services.AppMesh != nil {
		maps.Copy(registry, appMeshTypes(services.AppMesh))
	}
	if services.ECS != nil {
		maps.Copy(registry, ecsTypes(place.Pace, services.ECS))
	}
	if services.CloudMap != nil {
		maps.Copy(registry, cloudMapTypes(place.Pace, services.CloudMap))
	}
	if services.SSM != nil {
		maps.Copy(registry, ssmTypes(services.SSM))
	}
	if services.CloudWatch != nil {
		maps.Copy(registry, cloudWatchTypes(place, services.CloudWatch))
	}
	return registry
}
