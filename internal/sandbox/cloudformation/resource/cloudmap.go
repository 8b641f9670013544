package resource

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"

	"serin/internal/sandbox/cloudformation/property"
	"serin/internal/sandbox/region"
)

const (
	cloudMapService = "ServiceDiscovery"
	// operationPoll is how often CloudFormation asks Cloud Map about an operation.
	operationPoll = 2 * time.Second
	// instancesGrace is how long, at pace 1, the deletion of a service is tried again
	// while Cloud Map still has instances of tasks that have just stopped; never less
	// than leastGrace.
	instancesGrace = 30 * time.Second
	leastGrace     = time.Second
)

// CloudMap is the part of Cloud Map's API that stacks use. One that is also a Notifier
// is not polled.
type CloudMap interface {
	CreatePrivateDnsNamespace(context.Context, *sdk.CreatePrivateDnsNamespaceInput) (*sdk.CreatePrivateDnsNamespaceOutput, error)
	CreateHttpNamespace(context.Context, *sdk.CreateHttpNamespaceInput) (*sdk.CreateHttpNamespaceOutput, error)
	GetNamespace(context.Context, *sdk.GetNamespaceInput) (*sdk.GetNamespaceOutput, error)
	DeleteNamespace(context.Context, *sdk.DeleteNamespaceInput) (*sdk.DeleteNamespaceOutput, error)
	GetOperation(context.Context, *sdk.GetOperationInput) (*sdk.GetOperationOutput, error)
	CreateService(context.Context, *sdk.CreateServiceInput) (*sdk.CreateServiceOutput, error)
	UpdateService(context.Context, *sdk.UpdateServiceInput) (*sdk.UpdateServiceOutput, error)
	DeleteService(context.Context, *sdk.DeleteServiceInput) (*sdk.DeleteServiceOutput, error)
}

// cloudMapMapper says what Cloud Map's resource types require (CloudFormation template
// reference, AWS::ServiceDiscovery).
func cloudMapMapper() property.Mapper {
	return property.Mapper{
		Hidden: map[string]bool{"CreatorRequestId": true},
		Required: map[string][]string{
			"CreateHttpNamespaceInput":       {"Name"},
			"CreatePrivateDnsNamespaceInput": {"Name", "Vpc"},
			"DnsConfig":                      {"DnsRecords"},
			"DnsRecord":                      {"TTL", "Type"},
			"HealthCheckConfig":              {"Type"},
		},
	}
}

// cloudMap is the providers' way to Cloud Map.
type cloudMap struct {
	api  CloudMap
	pace region.Pace
}

func cloudMapTypes(pace region.Pace, api CloudMap) Registry {
	c := cloudMap{api: api, pace: pace}
	return Registry{
		"AWS::ServiceDiscovery::PrivateDnsNamespace": {
			Provider: c.privateNamespace(), Attributes: []string{"Arn", "HostedZoneId", "Id"}, NameProperty: "Name",
			Duration: 2 * time.Second, Tags: TagList,
		},
		"AWS::ServiceDiscovery::HttpNamespace": {
			Provider: c.httpNamespace(), Attributes: []string{"Arn", "Id"}, NameProperty: "Name",
			Duration: 2 * time.Second, Tags: TagList,
		},
		"AWS::ServiceDiscovery::Service": {
			Provider: c.service(), Attributes: []string{"Arn", "Id", "Name"}, NameProperty: "Name",
			Duration: 3 * time.Second, Tags: TagList,
		},
	}
}

func (c cloudMap) privateNamespace() Provider {
	return typed[sdk.CreatePrivateDnsNamespaceInput]{
		service: cloudMapService, mapper: cloudMapMapper(),
		create: func(ctx context.Context, in *sdk.CreatePrivateDnsNamespaceInput) (Resource, error) {
			out, err := c.api.CreatePrivateDnsNamespace(ctx, in)
			if err != nil {
				return Resource{}, err
			}
			return c.namespace(ctx, out.OperationId)
		},
		remove: c.removeNamespace,
	}
}

func (c cloudMap) httpNamespace() Provider {
	return typed[sdk.CreateHttpNamespaceInput]{
		service: cloudMapService, mapper: cloudMapMapper(),
		create: func(ctx context.Context, in *sdk.CreateHttpNamespaceInput) (Resource, error) {
			out, err := c.api.CreateHttpNamespace(ctx, in)
			if err != nil {
				return Resource{}, err
			}
			return c.namespace(ctx, out.OperationId)
		},
		remove: c.removeNamespace,
	}
}

// namespace is what an operation has made, once it has.
func (c cloudMap) namespace(ctx context.Context, operation *string) (Resource, error) {
	id, err := c.await(ctx, operation)
	if err != nil {
		return Resource{}, err
	}
	made := Resource{PhysicalID: id}
	out, err := c.api.GetNamespace(ctx, &sdk.GetNamespaceInput{Id: &id})
	if err != nil {
		return made, err
	}
	made.Attributes = map[string]any{"Id": id, "Arn": aws.ToString(out.Namespace.Arn)}
	properties := out.Namespace.Properties
	if properties != nil && properties.DnsProperties != nil {
		made.Attributes["HostedZoneId"] = aws.ToString(properties.DnsProperties.HostedZoneId)
	}
	return made, nil
}

// await returns the id of an operation's namespace when the operation has succeeded.
func (c cloudMap) await(ctx context.Context, operation *string) (string, error) {
	var id string
	err := poll(ctx, c.pace, c.api, operationPoll, func(ctx context.Context) (bool, error) {
		out, err := c.api.GetOperation(ctx, &sdk.GetOperationInput{OperationId: operation})
		if err != nil {
			return false, err
		}
		id = out.Operation.Targets[string(types.OperationTargetTypeNamespace)]
		if out.Operation.Status == types.OperationStatusFail {
			return false, &handlerError{message: aws.ToString(out.Operation.ErrorMessage), code: "GeneralServiceException"}
		}
		return out.Operation.Status == types.OperationStatusSuccess, nil
	})
	return id, err
}

func (c cloudMap) removeNamespace(ctx context.Context, existing Resource) error {
	out, err := c.api.DeleteNamespace(ctx, &sdk.DeleteNamespaceInput{Id: &existing.PhysicalID})
	if err != nil {
		return err
	}
	_, err = c.await(ctx, out.OperationId)
	return err
}

func (c cloudMap) service() Provider {
	return typed[sdk.CreateServiceInput]{
		service: cloudMapService, mapper: cloudMapMapper(),
		pinned: []string{"HealthCheckCustomConfig", "Name", "NamespaceId", "Type"},
		name:   func(in *sdk.CreateServiceInput) **string { return &in.Name },
		create: func(ctx context.Context, in *sdk.CreateServiceInput) (Resource, error) {
			out, err := c.api.CreateService(ctx, in)
			if err != nil {
				return Resource{}, err
			}
			return Resource{PhysicalID: *out.Service.Id, Attributes: map[string]any{
				"Arn": *out.Service.Arn, "Id": *out.Service.Id, "Name": *out.Service.Name,
			}}, nil
		},
		update: c.updateService,
		remove: c.removeService,
	}
}

func (c cloudMap) updateService(ctx context.Context, existing Resource, in *sdk.CreateServiceInput) (Resource, error) {
	change := &types.ServiceChange{Description: in.Description, HealthCheckConfig: in.HealthCheckConfig}
	if in.DnsConfig != nil {
		change.DnsConfig = &types.DnsConfigChange{DnsRecords: in.DnsConfig.DnsRecords}
	}
	out, err := c.api.UpdateService(ctx, &sdk.UpdateServiceInput{Id: &existing.PhysicalID, Service: change})
	if err != nil {
		return existing, err
	}
	_, err = c.await(ctx, out.OperationId)
	return existing, err
}

// removeService tries again while instances of tasks that have just stopped are still
// registered, as CloudFormation's handler does.
func (c cloudMap) removeService(ctx context.Context, existing Resource) error {
	deadline := time.Now().Add(max(c.pace.Scale(instancesGrace), leastGrace))
	return poll(ctx, c.pace, c.api, operationPoll, func(ctx context.Context) (bool, error) {
		_, err := c.api.DeleteService(ctx, &sdk.DeleteServiceInput{Id: &existing.PhysicalID})
		var busy *types.ResourceInUse
		if errors.As(err, &busy) && time.Now().Before(deadline) {
			return false, nil
		}
		return true, err
	})
}
