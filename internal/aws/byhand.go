package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/engine"
)

// imageParameter is the parameter of a version's template that has its image.
const imageParameter = "ContainerImage"

// ByHand says what a person needs to give a route back without a journal: what is on it,
// which version is recorded as deployed, and the command that gives it all of the traffic.
type ByHand struct {
	router   *Router
	stacks   *Stacks
	versions *Versions
}

// NewByHand says it by these clients; meshOwner as in Ports.
func NewByHand(clients *Clients, meshOwner string) *ByHand {
	return &ByHand{
		router: NewRouter(clients.AppMesh, clients.Where, meshOwner), stacks: NewStacks(clients.CloudFormation, clients.Where),
		versions: NewVersions(clients.SSM, clients.Where),
	}
}

// Lines are what there is to say of a service; of one whose route several versions share,
// where only that is of interest. The error is of the route; what else cannot be read is said.
func (b *ByHand) Lines(ctx context.Context, service engine.Service, onlyShared bool) ([]string, error) {
	route, err := b.router.Route(ctx, service)
	if err != nil {
		return nil, err
	}
	if onlyShared && !isShared(route) {
		return nil, nil
	}
	if !route.Exists {
		return []string{"there is no " + routeTarget(service)}, nil
	}
	recorded, stable := b.stable(ctx, service, route)
	lines := []string{"the " + routeTarget(service) + " gives " + weightsOf(route), recorded}
	for _, target := range route.Targets {
		if target.Sha == "" || stable != "" && target.Sha != stable {
			continue
		}
		command, err := b.command(service, route, target.Sha)
		if err != nil {
			return lines, err
		}
		lines = append(lines, "to give all of it to "+target.Name+": "+command)
	}
	return lines, nil
}

// isShared tells whether more than one version has a share of the traffic.
func isShared(route engine.Route) bool {
	foreign := func(target engine.Target) bool { return target.Sha == "" }
	route.Targets = slices.DeleteFunc(slices.Clone(route.Targets), foreign)
	return route.IsSplit()
}

func weightsOf(route engine.Route) string {
	var weights []string
	for _, target := range route.Targets {
		weights = append(weights, fmt.Sprintf("%s %d", clean(target.Name), target.Weight))
	}
	return strings.Join(weights, ", ")
}

// stable is what the record says is deployed, in words, and which version of the route that
// is; empty when it is not known.
func (b *ByHand) stable(ctx context.Context, service engine.Service, route engine.Route) (said, sha string) {
	deployed, err := b.versions.Deployed(ctx, service)
	switch {
	case err != nil:
		return fmt.Sprintf("which version is recorded as deployed is not known: %v", err), ""
	case !deployed.Exists:
		return "no version is recorded as deployed", ""
	}
	said = fmt.Sprintf("recorded as deployed is %s, version %d of the record", clean(deployed.Image), deployed.Number)
	var run []engine.Target
	for _, target := range route.Targets {
		if target.Sha != "" && b.runs(ctx, service.StackName(target.Sha), deployed.Image) {
			run = append(run, target)
		}
	}
	if len(run) != 1 {
		return said, ""
	}
	return said + ": that is " + clean(run[0].Name), run[0].Sha
}

// runs tells whether a stack was made for an image; one that cannot be read was not.
func (b *ByHand) runs(ctx context.Context, stack, image string) bool {
	found, err := b.stacks.describe(ctx, "read", "stack "+stack, stack)
	if err != nil || found == nil {
		return false
	}
	for _, parameter := range found.Parameters {
		if awssdk.ToString(parameter.ParameterKey) == imageParameter {
			return awssdk.ToString(parameter.ParameterValue) == image
		}
	}
	return false
}

// command is that of the AWS CLI which gives a version all of the route that versions have.
func (b *ByHand) command(service engine.Service, route engine.Route, sha string) (string, error) {
	spec, err := readDocument(route.Document)
	if err != nil {
		return "", err
	}
	targets, err := targetsOf(spec)
	if err != nil {
		return "", err
	}
	giveAll(service, *targets, sha)
	document, err := encodeSpec(spec)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("aws appmesh update-route --mesh-name %s --virtual-router-name %s --route-name %s%s --spec %s",
		service.Environment, routerName(service), routeName(service), b.router.where.flags(), quoted(string(document))), nil
}

// flags have the AWS CLI reach the same place.
func (w Where) flags() string {
	flags := " --region " + w.Region
	if w.Profile != "" {
		flags += " --profile " + quoted(w.Profile)
	}
	return flags
}

// giveAll gives a version what no foreign target has.
func giveAll(service engine.Service, targets []types.WeightedTarget, sha string) {
	left := int32(weightLimit)
	for i, target := range engineTargets(service, targets) {
		if target.Sha == "" {
			left -= targets[i].Weight
		}
	}
	for i, target := range engineTargets(service, targets) {
		switch target.Sha {
		case "":
		case sha:
			targets[i].Weight = left
		default:
			targets[i].Weight = 0
		}
	}
}

// quoted is one word of a shell.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
