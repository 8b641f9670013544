package aws

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"serin/internal/engine"
	"serin/internal/sandbox"
)

// Twelve services need two requests for their services and one for their tasks, and each
// gets what is its own.
func TestTheTasksOfManyServicesShareRequests(t *testing.T) {
	fake := &clusterFake{}
	versions := map[engine.Service][]string{}
	for i := range 12 {
		service := engine.Service{Environment: "ecs-blogpost", Name: fmt.Sprintf("s%02d", i)}
		versions[service] = []string{"3f2a91c0"}
		name := service.VersionName("3f2a91c0")
		fake.services = append(fake.services, types.Service{
			ServiceName: &name, Status: aws.String("ACTIVE"), DesiredCount: int32(i + 1),
		})
		fake.tasks = append(fake.tasks, types.Task{
			TaskArn: aws.String("arn:task/" + name), Group: aws.String("service:" + name), DesiredStatus: aws.String("RUNNING"),
			LastStatus: aws.String("RUNNING"), HealthStatus: types.HealthStatusHealthy,
		})
	}
	tasks := NewTasks(fake, nil, here())
	all, err := tasks.HealthOf(t.Context(), versions)
	if err != nil || len(all) != 12 {
		t.Fatalf("%d services, %v", len(all), err)
	}
	for service, health := range all {
		var number int
		if _, err := fmt.Sscanf(service.Name, "s%d", &number); err != nil {
			t.Fatal(err)
		}
		if len(health) != 1 || health[0].Desired != number+1 || health[0].Healthy != 1 || health[0].Sha != "3f2a91c0" {
			t.Errorf("%s: %+v", service.Name, health)
		}
	}
	if fake.calls["DescribeServices"] != 2 || fake.calls["DescribeTasks"] != 1 || fake.largest["DescribeServices"] != servicesPerRequest {
		t.Errorf("%v calls, of %v at most", fake.calls, fake.largest)
	}
	fake.fail = map[string]error{"DescribeServices": lostConnection()}
	_, err = tasks.HealthOf(t.Context(), versions)
	wantFault(t, err, engine.Transient, "the tasks of s00, s01")
}

// countedECS counts requests to a sandbox.
type countedECS struct {
	*ecs.Client
	described int
}

func (c *countedECS) DescribeServices(ctx context.Context, in *ecs.DescribeServicesInput, set ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	c.described++
	return c.Client.DescribeServices(ctx, in, set...)
}

// The sandbox's four services are read with one request, as each would be alone.
func TestTheTasksOfTheSandboxShareRequests(t *testing.T) {
	region := startRegion(t, sandbox.Options{})
	counted := &countedECS{Client: region.clients.ECS}
	tasks := NewTasks(counted, region.clients.CloudMap, region.clients.Where)
	services, err := region.clients.Catalogue("").Services(t.Context(), region.Environment())
	if err != nil {
		t.Fatal(err)
	}
	versions := map[engine.Service][]string{}
	router := region.clients.Ports("").Router
	for _, service := range services {
		route, err := router.Route(t.Context(), service)
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range route.Targets {
			versions[service] = append(versions[service], target.Sha)
		}
	}
	all, err := tasks.HealthOf(t.Context(), versions)
	if err != nil || len(versions) < 2 || counted.described != 1 {
		t.Fatalf("%d services, %d requests, %v", len(versions), counted.described, err)
	}
	for service, shas := range versions {
		alone, err := tasks.Health(t.Context(), service, shas)
		if err != nil {
			t.Fatal(err)
		}
		for i := range alone {
			alone[i].ReadAt = all[service][i].ReadAt
		}
		if !reflect.DeepEqual(alone, all[service]) || !alone[0].Exists {
			t.Errorf("%s: alone %+v, together %+v", service.Name, alone, all[service])
		}
	}
	if strings.Contains(fmt.Sprint(all), "Exists:false") {
		t.Errorf("%+v", all)
	}
}
