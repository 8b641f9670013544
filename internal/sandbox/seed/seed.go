// Package seed puts an environment into an empty region: its stacks, by CloudFormation,
// and, when asked to, Yelb as it was last deployed, with the bug that counts every vote
// twice.
//
// It imports the SDK's types and serin/specfiles, and meets the region's services
// through the interfaces that it declares.
package seed

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"serin/specfiles"
)

//go:embed templates/*.yaml
var templates embed.FS

// Stacks are what the seed needs of CloudFormation.
type Stacks interface {
	CreateStack(context.Context, *cloudformation.CreateStackInput) (*cloudformation.CreateStackOutput, error)
	DescribeStacks(context.Context, *cloudformation.DescribeStacksInput) (*cloudformation.DescribeStacksOutput, error)
	DescribeStackEvents(context.Context, *cloudformation.DescribeStackEventsInput) (*cloudformation.DescribeStackEventsOutput, error)
}

// Routes are what the seed needs of App Mesh.
type Routes interface {
	CreateRoute(context.Context, *appmesh.CreateRouteInput) (*appmesh.CreateRouteOutput, error)
}

// Parameters are what the seed needs of Parameter Store.
type Parameters interface {
	PutParameter(context.Context, *ssm.PutParameterInput) (*ssm.PutParameterOutput, error)
}

// Image is the image that a service's planted version runs.
type Image struct {
	// URI is the image's, with its registry.
	URI string
	// Sha is the eight characters that name the version.
	Sha string
}

// Seeder seeds one environment.
type Seeder struct {
	// Environment is the environment's name, the prefix of its stacks.
	Environment string
	Stacks      Stacks
	Routes      Routes
	Parameters  Parameters
}

// service is what the seed reads of a service's deploy.json.
type service struct {
	MicroserviceName string
	Namespace        string
	Protocol         string
	Port             int
}

// services are those that have specfiles, in their order.
func services() ([]service, error) {
	var all []service
	for _, name := range specfiles.Services() {
		raw, err := specfiles.Read(name, specfiles.DeployFile)
		if err != nil {
			return nil, fmt.Errorf("seed: %w", err)
		}
		var read service
		if err := json.Unmarshal(raw, &read); err != nil {
			return nil, fmt.Errorf("seed: %s of %s: %w", specfiles.DeployFile, name, err)
		}
		all = append(all, read)
	}
	return all, nil
}

// Bare makes the stacks of the environment itself: its network, its cluster, and each
// service's virtual service and router. No service is deployed.
func (s Seeder) Bare(ctx context.Context) error {
	all, err := services()
	if err != nil {
		return err
	}
	network, err := s.own("vpc", "vpc.yaml")
	if err != nil {
		return err
	}
	cluster, err := s.own("clusterresources", "clusterresources.yaml", "Namespace", all[0].Namespace)
	if err != nil {
		return err
	}
	for _, one := range []stack{network, cluster} {
		if err := s.make(ctx, one); err != nil {
			return err
		}
	}
	var pipelines []stack
	for _, one := range all {
		pipeline, err := s.own("pipeline-"+one.MicroserviceName, "pipeline.yaml", "MicroserviceName", one.MicroserviceName,
			"Namespace", one.Namespace, "Port", strconv.Itoa(one.Port), "Protocol", one.Protocol)
		if err != nil {
			return err
		}
		pipelines = append(pipelines, pipeline)
	}
	return s.make(ctx, pipelines...)
}

// own is a stack of a template of the seed's.
func (s Seeder) own(name, template string, parameters ...string) (stack, error) {
	body, err := templates.ReadFile("templates/" + template)
	if err != nil {
		return stack{}, fmt.Errorf("seed: %w", err)
	}
	return stack{
		name: s.Environment + "-" + name, template: string(body),
		parameters: append(parameters, "EnvironmentName", s.Environment),
	}, nil
}

// Planted deploys Yelb into a bare environment: a version of each service, all of its
// traffic on it, and the parameter that says so. The images are by service.
func (s Seeder) Planted(ctx context.Context, images map[string]Image) error {
	all, err := services()
	if err != nil {
		return err
	}
	var versions []stack
	for _, one := range all {
		image, known := images[one.MicroserviceName]
		if !known {
			return fmt.Errorf("seed: there is no image for %s", one.MicroserviceName)
		}
		body, err := specfiles.Read(one.MicroserviceName, specfiles.TemplateFile)
		if err != nil {
			return fmt.Errorf("seed: %w", err)
		}
		versions = append(versions, stack{
			name:     strings.Join([]string{s.Environment, one.MicroserviceName, image.Sha}, "-"),
			template: string(body),
			parameters: []string{
				"EnvironmentName", s.Environment, "MicroserviceName", one.MicroserviceName,
				"Namespace", one.Namespace, "Sha", image.Sha, "ContainerImage", image.URI,
				"Port", strconv.Itoa(one.Port), "Protocol", one.Protocol,
			},
		})
	}
	if err := s.make(ctx, versions...); err != nil {
		return err
	}
	for _, one := range all {
		if err := s.serve(ctx, one, images[one.MicroserviceName]); err != nil {
			return err
		}
	}
	return nil
}

// serve puts all traffic of a service on its planted version and records it.
func (s Seeder) serve(ctx context.Context, one service, image Image) error {
	spec, err := routeSpec(one.Protocol, one.MicroserviceName+"-"+image.Sha)
	if err != nil {
		return err
	}
	_, err = s.Routes.CreateRoute(ctx, &appmesh.CreateRouteInput{
		MeshName: aws.String(s.Environment), VirtualRouterName: aws.String(one.MicroserviceName + "-vr"),
		RouteName: aws.String(one.MicroserviceName + "-route"), Spec: spec,
	})
	if err != nil {
		return fmt.Errorf("seed: route of %s: %w", one.MicroserviceName, err)
	}
	_, err = s.Parameters.PutParameter(ctx, &ssm.PutParameterInput{
		Name: aws.String(s.Environment + "-canary-" + one.MicroserviceName + "-version"),
		Type: ssmtypes.ParameterTypeSecureString, Value: aws.String(image.URI),
	})
	if err != nil {
		return fmt.Errorf("seed: parameter of %s: %w", one.MicroserviceName, err)
	}
	return nil
}
