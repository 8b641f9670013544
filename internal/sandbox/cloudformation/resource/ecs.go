package resource

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"serin/internal/sandbox/cloudformation/property"
	"serin/internal/sandbox/region"
)

const (
	ecsService = "AmazonECS"
	// servicePoll is how often CloudFormation asks ECS about a service.
	servicePoll = 10 * time.Second
	// steadyTimeout is how long CloudFormation waits for a service to become stable
	// (CloudFormation user guide, Amazon ECS troubleshooting: three hours).
	steadyTimeout = 3 * time.Hour
)

// ECS is the part of ECS's API that stacks use. One that is also a Notifier is not
// polled.
type ECS interface {
	CreateCluster(context.Context, *sdk.CreateClusterInput) (*sdk.CreateClusterOutput, error)
	DeleteCluster(context.Context, *sdk.DeleteClusterInput) (*sdk.DeleteClusterOutput, error)
	RegisterTaskDefinition(context.Context, *sdk.RegisterTaskDefinitionInput) (*sdk.RegisterTaskDefinitionOutput, error)
	DeregisterTaskDefinition(context.Context, *sdk.DeregisterTaskDefinitionInput) (*sdk.DeregisterTaskDefinitionOutput, error)
	CreateService(context.Context, *sdk.CreateServiceInput) (*sdk.CreateServiceOutput, error)
	UpdateService(context.Context, *sdk.UpdateServiceInput) (*sdk.UpdateServiceOutput, error)
	DeleteService(context.Context, *sdk.DeleteServiceInput) (*sdk.DeleteServiceOutput, error)
	DescribeServices(context.Context, *sdk.DescribeServicesInput) (*sdk.DescribeServicesOutput, error)
}

// ecsMapper knows where ECS's resource types write names otherwise than its SDK does,
// and what they require (CloudFormation template reference, AWS::ECS).
func ecsMapper() property.Mapper {
	return property.Mapper{
		Spelling: map[string]string{
			"CreateClusterInput.Settings":             "ClusterSettings",
			"EFSAuthorizationConfig.Iam":              "IAM",
			"EFSVolumeConfiguration.FileSystemId":     "FilesystemId",
			"EfsVolumeConfiguration":                  "EFSVolumeConfiguration",
			"FsxWindowsFileServerVolumeConfiguration": "FSxWindowsFileServerVolumeConfiguration",
			"ProxyConfiguration.Properties":           "ProxyConfigurationProperties",
		},
		Hidden: map[string]bool{"ClientToken": true},
		Required: map[string][]string{
			"AwsVpcConfiguration":  {"Subnets"},
			"ContainerDefinition":  {"Image", "Name"},
			"LogConfiguration":     {"LogDriver"},
			"ProxyConfiguration":   {"ContainerName"},
			"CreateServiceInput":   {"TaskDefinition"},
			"NetworkConfiguration": {"AwsvpcConfiguration"},
		},
	}
}

func ecsTypes(pace region.Pace, api ECS) Registry {
	return Registry{
		"AWS::ECS::Cluster": {
			Provider: cluster(api), Attributes: []string{"Arn"}, NameProperty: "ClusterName",
			Duration: 3 * time.Second, Tags: TagList,
		},
		"AWS::ECS::TaskDefinition": {
			Provider: taskDefinition(api), Attributes: []string{"TaskDefinitionArn"},
			Duration: 2 * time.Second, Tags: TagList,
		},
		"AWS::ECS::Service": {
			Provider: service(pace, api), Attributes: []string{"Name", "ServiceArn"}, NameProperty: "ServiceName",
			Duration: 2 * time.Second, Tags: TagList,
		},
	}
}

func cluster(api ECS) Provider {
	return typed[sdk.CreateClusterInput]{
		service: ecsService, mapper: ecsMapper(),
		name: func(in *sdk.CreateClusterInput) **string { return &in.ClusterName },
		create: func(ctx context.Context, in *sdk.CreateClusterInput) (Resource, error) {
			out, err := api.CreateCluster(ctx, in)
			if err != nil {
				return Resource{}, err
			}
			return Resource{
				PhysicalID: *out.Cluster.ClusterName,
				Attributes: map[string]any{"Arn": *out.Cluster.ClusterArn},
			}, nil
		},
		remove: func(ctx context.Context, existing Resource) error {
			_, err := api.DeleteCluster(ctx, &sdk.DeleteClusterInput{Cluster: &existing.PhysicalID})
			return err
		},
	}
}

func taskDefinition(api ECS) Provider {
	return typed[sdk.RegisterTaskDefinitionInput]{
		service: ecsService, mapper: ecsMapper(),
		name: func(in *sdk.RegisterTaskDefinitionInput) **string { return &in.Family },
		create: func(ctx context.Context, in *sdk.RegisterTaskDefinitionInput) (Resource, error) {
			out, err := api.RegisterTaskDefinition(ctx, in)
			if err != nil {
				return Resource{}, err
			}
			arn := *out.TaskDefinition.TaskDefinitionArn
			return Resource{PhysicalID: arn, Attributes: map[string]any{"TaskDefinitionArn": arn}}, nil
		},
		remove: func(ctx context.Context, existing Resource) error {
			_, err := api.DeregisterTaskDefinition(ctx, &sdk.DeregisterTaskDefinitionInput{
				TaskDefinition: &existing.PhysicalID,
			})
			return err
		},
	}
}

func service(pace region.Pace, api ECS) Provider {
	return typed[sdk.CreateServiceInput]{
		service: ecsService, mapper: ecsMapper(),
		pinned: []string{"Cluster", "LaunchType", "Role", "SchedulingStrategy", "ServiceName"},
		name:   func(in *sdk.CreateServiceInput) **string { return &in.ServiceName },
		create: func(ctx context.Context, in *sdk.CreateServiceInput) (Resource, error) {
			out, err := api.CreateService(ctx, in)
			if err != nil {
				return Resource{}, err
			}
			return serviceResource(out.Service), nil
		},
		update: func(ctx context.Context, existing Resource, in *sdk.CreateServiceInput) (Resource, error) {
			out, err := api.UpdateService(ctx, serviceChange(existing, in))
			if err != nil {
				return existing, err
			}
			return serviceResource(out.Service), nil
		},
		stabilize: func(ctx context.Context, existing Resource) error {
			return awaitSteady(ctx, pace, api, existing)
		},
		remove: func(ctx context.Context, existing Resource) error {
			return removeService(ctx, pace, api, existing)
		},
	}
}

func serviceResource(service *types.Service) Resource {
	return Resource{
		PhysicalID: *service.ServiceArn,
		Attributes: map[string]any{
			"Name": *service.ServiceName, "ServiceArn": *service.ServiceArn, clusterAttribute: *service.ClusterArn,
		},
	}
}

// clusterAttribute keeps the cluster of a service; templates cannot read it.
const clusterAttribute = "#cluster"

func serviceChange(existing Resource, in *sdk.CreateServiceInput) *sdk.UpdateServiceInput {
	return &sdk.UpdateServiceInput{
		Service: &existing.PhysicalID, Cluster: existing.text(clusterAttribute),
		AvailabilityZoneRebalancing:   in.AvailabilityZoneRebalancing,
		CapacityProviderStrategy:      in.CapacityProviderStrategy,
		DeploymentConfiguration:       in.DeploymentConfiguration,
		DeploymentController:          in.DeploymentController,
		DesiredCount:                  in.DesiredCount,
		EnableECSManagedTags:          aws.Bool(in.EnableECSManagedTags),
		EnableExecuteCommand:          aws.Bool(in.EnableExecuteCommand),
		HealthCheckGracePeriodSeconds: in.HealthCheckGracePeriodSeconds,
		LoadBalancers:                 in.LoadBalancers,
		NetworkConfiguration:          in.NetworkConfiguration,
		PlacementConstraints:          in.PlacementConstraints,
		PlacementStrategy:             in.PlacementStrategy,
		PlatformVersion:               in.PlatformVersion,
		PropagateTags:                 in.PropagateTags,
		ServiceConnectConfiguration:   in.ServiceConnectConfiguration,
		ServiceRegistries:             in.ServiceRegistries,
		TaskDefinition:                in.TaskDefinition,
	}
}

// describe is a service as ECS has it, nil when ECS does not know it.
func describe(ctx context.Context, api ECS, existing Resource) (*types.Service, error) {
	out, err := api.DescribeServices(ctx, &sdk.DescribeServicesInput{
		Cluster: existing.text(clusterAttribute), Services: []string{existing.PhysicalID},
	})
	if err != nil {
		return nil, err
	}
	if len(out.Services) == 0 {
		return nil, nil
	}
	return &out.Services[0], nil
}

// awaitSteady returns when the service's deployment is complete, or with the reason
// why it never will be.
func awaitSteady(ctx context.Context, pace region.Pace, api ECS, existing Resource) error {
	began := time.Now()
	return poll(ctx, pace, api, servicePoll, func(ctx context.Context) (bool, error) {
		described, err := describe(ctx, api, existing)
		if err != nil {
			return false, blame(ecsService, err)
		}
		if described == nil || aws.ToString(described.Status) == "INACTIVE" {
			return false, &handlerError{
				message: fmt.Sprintf("Resource of type 'AWS::ECS::Service' with identifier '%s' was not found.", existing.PhysicalID),
				code:    "NotFound",
			}
		}
		if time.Since(began) > steadyTimeout {
			return false, &handlerError{message: "Exceeded attempts to wait", code: "NotStabilized"}
		}
		return steady(described)
	})
}

func steady(service *types.Service) (bool, error) {
	if len(service.Deployments) == 0 {
		return service.DesiredCount == service.RunningCount, nil
	}
	for _, deployment := range service.Deployments {
		if aws.ToString(deployment.Status) == "PRIMARY" && deployment.RolloutState == types.DeploymentRolloutStateFailed {
			return false, rolloutFailure(service, deployment)
		}
	}
	newest := service.Deployments[0]
	complete := newest.RolloutState == types.DeploymentRolloutStateCompleted || newest.RolloutState == ""
	return complete && len(service.Deployments) == 1 && newest.RunningCount == newest.DesiredCount, nil
}

func rolloutFailure(service *types.Service, deployment types.Deployment) error {
	configuration := service.DeploymentConfiguration
	if configuration != nil && configuration.DeploymentCircuitBreaker != nil && configuration.DeploymentCircuitBreaker.Enable {
		return &handlerError{
			message: "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.",
			code:    "GeneralServiceException",
		}
	}
	return &handlerError{
		message: fmt.Sprintf("Error occurred during operation '%s'.", aws.ToString(deployment.RolloutStateReason)),
		code:    "GeneralServiceException",
	}
}

// removeService drains a service before it deletes it, so that what its tasks hold on
// to (their instances in Cloud Map) is free when the deletion is complete.
func removeService(ctx context.Context, pace region.Pace, api ECS, existing Resource) error {
	cluster := existing.text(clusterAttribute)
	if existing.Properties["SchedulingStrategy"] != string(types.SchedulingStrategyDaemon) {
		_, err := api.UpdateService(ctx, &sdk.UpdateServiceInput{
			Cluster: cluster, Service: &existing.PhysicalID, DesiredCount: aws.Int32(0),
		})
		if err != nil {
			return err
		}
		if err := awaitService(ctx, pace, api, existing, drained); err != nil {
			return err
		}
	}
	_, err := api.DeleteService(ctx, &sdk.DeleteServiceInput{
		Cluster: cluster, Service: &existing.PhysicalID, Force: aws.Bool(true),
	})
	if err != nil {
		return err
	}
	return awaitService(ctx, pace, api, existing, inactive)
}

func drained(service *types.Service) bool {
	return service.RunningCount == 0 && service.PendingCount == 0
}

func inactive(service *types.Service) bool {
	return aws.ToString(service.Status) == "INACTIVE"
}

func awaitService(ctx context.Context, pace region.Pace, api ECS, existing Resource, reached func(*types.Service) bool) error {
	return poll(ctx, pace, api, servicePoll, func(ctx context.Context) (bool, error) {
		described, err := describe(ctx, api, existing)
		if err != nil {
			return false, err
		}
		return described == nil || reached(described), nil
	})
}
