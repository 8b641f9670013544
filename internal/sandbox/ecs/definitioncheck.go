package ecs

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// fargateSize is a number of CPU units with the memory in MiB that Fargate combines it
// with: from low to high in steps (ECS developer guide, task size).
type fargateSize struct{ cpu, low, high, step int }

var fargateSizes = []fargateSize{
	{256, 512, 512, 512},
	{256, 1024, 2048, 1024},
	{512, 1024, 4096, 1024},
	{1024, 2048, 8192, 1024},
	{2048, 4096, 16384, 1024},
	{4096, 8192, 30720, 1024},
	{8192, 16384, 61440, 4096},
	{16384, 32768, 122880, 8192},
}

// checkDefinition refuses a task definition that ECS refuses. The sandbox runs awsvpc
// tasks only, as Fargate does.
func checkDefinition(in *sdk.RegisterTaskDefinitionInput) error {
	switch {
	case !namePattern().MatchString(aws.ToString(in.Family)):
		return client("Family contains invalid characters.")
	case len(in.ContainerDefinitions) == 0:
		return client("Container list cannot be empty.")
	case len(in.ContainerDefinitions) > 10:
		return client("A task definition can have at most 10 containers.")
	case in.NetworkMode != "" && !slices.Contains(in.NetworkMode.Values(), in.NetworkMode):
		return client("Network mode %q is unknown.", in.NetworkMode)
	}
	if slices.Contains(in.RequiresCompatibilities, types.CompatibilityFargate) {
		if err := checkFargate(in); err != nil {
			return err
		}
	}
	names := make(map[string]*types.ContainerDefinition)
	essential := false
	for i := range in.ContainerDefinitions {
		c := &in.ContainerDefinitions[i]
		if err := checkContainer(c); err != nil {
			return err
		}
		if names[*c.Name] != nil {
			return client("Container names must be unique: %s.", *c.Name)
		}
		names[*c.Name] = c
		essential = essential || c.Essential == nil || *c.Essential
	}
	if !essential {
		return client("At least one container must be essential.")
	}
	if p := in.ProxyConfiguration; p != nil && names[aws.ToString(p.ContainerName)] == nil {
		return client("The proxy container %s is not in the task definition.", aws.ToString(p.ContainerName))
	}
	return checkDependencies(in.ContainerDefinitions, names)
}

func checkFargate(in *sdk.RegisterTaskDefinitionInput) error {
	if in.NetworkMode != types.NetworkModeAwsvpc {
		return client("Fargate only supports network mode 'awsvpc'.")
	}
	if in.Cpu == nil || in.Memory == nil {
		return client("Task definition does not support launch_type FARGATE: cpu and memory are required.")
	}
	cpu, okCPU := size(*in.Cpu, "vcpu")
	memory, okMemory := size(*in.Memory, "gb")
	if !okCPU || !okMemory || !fargateOffers(cpu, memory) {
		return client("No Fargate configuration exists for given values: %s CPU, %s memory.", *in.Cpu, *in.Memory)
	}
	return nil
}

// size reads a number of CPU units or MiB, or of 1024 of them when it has a unit.
func size(text, unit string) (int, bool) {
	lower := strings.ToLower(strings.ReplaceAll(text, " ", ""))
	if number, ok := strings.CutSuffix(lower, unit); ok {
		whole, err := strconv.ParseFloat(number, 64)
		return int(whole * 1024), err == nil
	}
	number, err := strconv.Atoi(lower)
	return number, err == nil
}

func fargateOffers(cpu, memory int) bool {
	return slices.ContainsFunc(fargateSizes, func(f fargateSize) bool {
		return f.cpu == cpu && f.low <= memory && memory <= f.high && (memory-f.low)%f.step == 0
	})
}

func checkContainer(c *types.ContainerDefinition) error {
	name := aws.ToString(c.Name)
	switch {
	case !namePattern().MatchString(name):
		return client("Container.name contains invalid characters.")
	case aws.ToString(c.Image) == "":
		return client("Container.image should not be null or empty.")
	}
	for _, p := range c.PortMappings {
		port := aws.ToInt32(p.ContainerPort)
		if port < 1 || port > 65535 {
			return client("Invalid 'containerPort' setting for container '%s'", name)
		}
		if p.HostPort != nil && *p.HostPort != 0 && *p.HostPort != port {
			return client("When networkMode=awsvpc, the host ports and container ports in port mappings must match.")
		}
	}
	for _, variable := range c.Environment {
		if aws.ToString(variable.Name) == "" {
			return client("An environment variable of container %s has no name.", name)
		}
	}
	for _, secret := range c.Secrets {
		if aws.ToString(secret.Name) == "" || aws.ToString(secret.ValueFrom) == "" {
			return client("A secret of container %s lacks its name or valueFrom.", name)
		}
	}
	if c.HealthCheck == nil {
		return nil
	}
	return checkHealthCheck(name, c.HealthCheck)
}

// checkHealthCheck enforces the bounds of a container health check (ECS API reference,
// HealthCheck).
func checkHealthCheck(container string, h *types.HealthCheck) error {
	if len(h.Command) < 2 || (h.Command[0] != "CMD" && h.Command[0] != "CMD-SHELL") {
		return client("The health check command of container %s must begin with CMD or CMD-SHELL and have a command.", container)
	}
	bounds := []struct {
		member    string
		value     *int32
		low, high int32
	}{
		{"interval", h.Interval, 5, 300},
		{"timeout", h.Timeout, 2, 60},
		{"retries", h.Retries, 1, 10},
		{"startPeriod", h.StartPeriod, 0, 300},
	}
	for _, b := range bounds {
		if b.value != nil && (*b.value < b.low || *b.value > b.high) {
			return client("The health check %s of container %s must be between %d and %d.", b.member, container, b.low, b.high)
		}
	}
	return nil
}

// checkDependencies refuses dependencies on containers that are not there, on the
// health of one without a health check, on the end of an essential one, and cycles.
func checkDependencies(containers []types.ContainerDefinition, names map[string]*types.ContainerDefinition) error {
	for name, c := range names {
		for _, d := range c.DependsOn {
			on := names[aws.ToString(d.ContainerName)]
			switch {
			case on == nil:
				return client("Container %s depends on container %s, which is not in the task definition.",
					name, aws.ToString(d.ContainerName))
			case !slices.Contains(d.Condition.Values(), d.Condition):
				return client("The condition %q of a dependency of container %s is unknown.", d.Condition, name)
			case d.Condition == types.ContainerConditionHealthy && on.HealthCheck == nil:
				return client("Container %s depends on the health of container %s, which has no health check.", name, *on.Name)
			case endsFirst(d.Condition) && (on.Essential == nil || *on.Essential):
				return client("Container %s depends on the end of container %s, which is essential.", name, *on.Name)
			}
		}
	}
	if _, ok := startOrder(containers); !ok {
		return client("The container dependencies have a cycle.")
	}
	return nil
}

func endsFirst(condition types.ContainerCondition) bool {
	return condition == types.ContainerConditionComplete || condition == types.ContainerConditionSuccess
}

// startOrder is the order in which containers can be started: each after those that it
// depends on, else by name. It is false when there is a cycle.
func startOrder(containers []types.ContainerDefinition) ([]string, bool) {
	rest := slices.SortedFunc(slices.Values(containers), func(a, b types.ContainerDefinition) int {
		return cmp.Compare(*a.Name, *b.Name)
	})
	var order []string
	for len(rest) > 0 {
		next := slices.IndexFunc(rest, func(c types.ContainerDefinition) bool {
			return !slices.ContainsFunc(c.DependsOn, func(d types.ContainerDependency) bool {
				return !slices.Contains(order, *d.ContainerName)
			})
		})
		if next < 0 {
			return nil, false
		}
		order = append(order, *rest[next].Name)
		rest = slices.Delete(rest, next, next+1)
	}
	return order, true
}
