package aws

import (
	"context"
	"fmt"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"serin/internal/engine"
)

// InstanceAPI is what Tasks need of Cloud Map. DiscoverInstances is what the mesh itself
// asks, and its quota is a hundred times that of the calls that manage instances.
type InstanceAPI interface {
	DiscoverInstances(context.Context, *servicediscovery.DiscoverInstancesInput, ...func(*servicediscovery.Options)) (*servicediscovery.DiscoverInstancesOutput, error)
}

var _ InstanceAPI = (*servicediscovery.Client)(nil)

// registrations are the instances of versions in Cloud Map.
type registrations struct {
	api   InstanceAPI
	where Where
}

// instancesPerRequest is the most that DiscoverInstances answers with (API reference,
// MaxResults); it has no pages.
const instancesPerRequest = 1000

// healthy are the instances of a version that are registered and not unhealthy, by ID,
// which is the task's where ECS registers them. A service of Cloud Map that is not there
// has none.
func (r *registrations) healthy(ctx context.Context, service engine.Service, sha string) (map[string]bool, error) {
	name := service.VersionName(sha)
	target := "the instances of " + name + " in Cloud Map namespace " + service.Namespace
	out, err := r.api.DiscoverInstances(ctx, &servicediscovery.DiscoverInstancesInput{
		NamespaceName: &service.Namespace, ServiceName: &name,
		HealthStatus: types.HealthStatusFilterAll, MaxResults: awssdk.Int32(instancesPerRequest),
	})
	switch {
	case hasCode(err, "ServiceNotFound"):
		return nil, nil
	case hasCode(err, "NamespaceNotFound"):
		return nil, refuse("read", target, engine.NotFound, "correct Namespace in deploy.json",
			"there is no Cloud Map namespace %s in %s", clean(service.Namespace), r.where.Region)
	case err != nil:
		return nil, r.where.fault(ctx, "read", target, err)
	}
	ids := make(map[string]bool, len(out.Instances))
	for _, instance := range out.Instances {
		// A Cloud Map service without a health check has instances without a status.
		if instance.HealthStatus == types.HealthStatusHealthy || instance.HealthStatus == "" {
			ids[awssdk.ToString(instance.InstanceId)] = true
		}
	}
	return ids, nil
}

// unregistered tells an operator why tasks that pass their checks do not count.
func unregistered(version string, tasks int) string {
	if tasks == 1 {
		return fmt.Sprintf("1 healthy task of %s is not yet healthy in Cloud Map", version)
	}
	return fmt.Sprintf("%d healthy tasks of %s are not yet healthy in Cloud Map", tasks, version)
}
