package ecs_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func TestDefinitionsThatAWSRefuses(t *testing.T) {
	first := func(in *sdk.RegisterTaskDefinitionInput) *types.ContainerDefinition {
		return &in.ContainerDefinitions[0]
	}
	cases := map[string]struct {
		change func(*sdk.RegisterTaskDefinitionInput)
		text   string
	}{
		"no family":      {func(in *sdk.RegisterTaskDefinitionInput) { in.Family = nil }, "Family"},
		"no containers":  {func(in *sdk.RegisterTaskDefinitionInput) { in.ContainerDefinitions = nil }, "empty"},
		"bridge":         {func(in *sdk.RegisterTaskDefinitionInput) { in.NetworkMode = types.NetworkModeBridge }, "awsvpc"},
		"size":           {func(in *sdk.RegisterTaskDefinitionInput) { in.Memory = new("8192") }, "No Fargate configuration exists"},
		"odd size":       {func(in *sdk.RegisterTaskDefinitionInput) { in.Memory = new("1536") }, "No Fargate configuration exists"},
		"nothing needed": {func(in *sdk.RegisterTaskDefinitionInput) { first(in).Essential = new(false) }, "essential"},
		"no image":       {func(in *sdk.RegisterTaskDefinitionInput) { first(in).Image = nil }, "image"},
		"twice": {func(in *sdk.RegisterTaskDefinitionInput) {
			in.ContainerDefinitions = append(in.ContainerDefinitions, *first(in))
		}, "unique"},
		"impatient check": {func(in *sdk.RegisterTaskDefinitionInput) { first(in).HealthCheck.Interval = new(int32(1)) }, "interval"},
		"bare command":    {func(in *sdk.RegisterTaskDefinitionInput) { first(in).HealthCheck.Command = []string{"curl"} }, "CMD"},
		"port":            {func(in *sdk.RegisterTaskDefinitionInput) { first(in).PortMappings[0].ContainerPort = nil }, "containerPort"},
		"ghost": {func(in *sdk.RegisterTaskDefinitionInput) {
			first(in).DependsOn = []types.ContainerDependency{{ContainerName: new("ghost"), Condition: types.ContainerConditionStart}}
		}, "ghost"},
		"cycle": {func(in *sdk.RegisterTaskDefinitionInput) {
			first(in).DependsOn = []types.ContainerDependency{{ContainerName: new("app"), Condition: types.ContainerConditionStart}}
		}, "cycle"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := app("good")
				c.change(in)
				_, err := newFixture(t, nil).RegisterTaskDefinition(t.Context(), in)
				wantError(t, err, "ClientException", c.text)
			})
		})
	}
}

func TestRevisions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		in := app("good")
		in.Cpu, in.Memory = new("0.25 vCPU"), new("0.5 GB")
		in.Tags = []types.Tag{{Key: new("team"), Value: new("red")}}
		for range 11 {
			f.define(in)
		}
		describe := func(name string) (*types.TaskDefinition, error) {
			out, err := f.DescribeTaskDefinition(t.Context(), &sdk.DescribeTaskDefinitionInput{
				TaskDefinition: &name, Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags},
			})
			if err != nil {
				return nil, err
			}
			if len(out.Tags) != 1 {
				t.Errorf("tags %+v", out.Tags)
			}
			return out.TaskDefinition, nil
		}
		latest, err := describe("app")
		must(t, err)
		if latest.Revision != 11 || *latest.Cpu != "256" || *latest.Memory != "512" || !*latest.ContainerDefinitions[0].Essential {
			t.Errorf("definition %+v", latest)
		}
		_, err = f.DeregisterTaskDefinition(t.Context(), &sdk.DeregisterTaskDefinitionInput{TaskDefinition: new("app:11")})
		must(t, err)
		latest, err = describe("app")
		must(t, err)
		if latest.Revision != 10 {
			t.Errorf("the latest is %d", latest.Revision)
		}
		gone, err := describe("app:11")
		must(t, err)
		if gone.Status != types.TaskDefinitionStatusInactive {
			t.Errorf("a deregistered definition is %s", gone.Status)
		}
		_, err = describe("app:12")
		wantError(t, err, "ClientException", "Unable to describe task definition.")
		_, err = f.CreateService(t.Context(), f.creation("app:11", 1))
		wantError(t, err, "ClientException", "TaskDefinition is inactive")

		var revisions []string
		list := &sdk.ListTaskDefinitionsInput{FamilyPrefix: new("app"), MaxResults: new(int32(4))}
		for {
			out, err := f.ListTaskDefinitions(t.Context(), list)
			must(t, err)
			for _, arn := range out.TaskDefinitionArns {
				revisions = append(revisions, arn[strings.LastIndex(arn, ":")+1:])
			}
			if list.NextToken = out.NextToken; list.NextToken == nil {
				break
			}
		}
		if got := strings.Join(revisions, " "); got != "1 2 3 4 5 6 7 8 9 10" {
			t.Errorf("revisions %s", got)
		}
	})
}

func TestAServiceIsCreatedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		in := f.creation(f.define(app("good")), 1)
		in.ClientToken = new("one")
		f.create(in)
		f.create(in)
		other := f.creation(*in.TaskDefinition, 2)
		other.ClientToken = new("one")
		_, err := f.CreateService(t.Context(), other)
		wantError(t, err, "InvalidParameterException", "Creation of service was not idempotent.")
		settle()
		if got := len(f.tasks(types.DesiredStatusRunning)); got != 1 {
			t.Errorf("%d tasks", got)
		}
	})
}

func TestServicesThatAWSRefuses(t *testing.T) {
	cases := map[string]struct {
		change     func(*sdk.CreateServiceInput)
		code, text string
	}{
		"no cluster":    {func(in *sdk.CreateServiceInput) { in.Cluster = new("red") }, "ClusterNotFoundException", "Cluster not found."},
		"no name":       {func(in *sdk.CreateServiceInput) { in.ServiceName = new("a b") }, "InvalidParameterException", "name"},
		"no definition": {func(in *sdk.CreateServiceInput) { in.TaskDefinition = new("ghost") }, "ClientException", "TaskDefinition not found."},
		"no count":      {func(in *sdk.CreateServiceInput) { in.DesiredCount = nil }, "InvalidParameterException", "DesiredCount"},
		"no network":    {func(in *sdk.CreateServiceInput) { in.NetworkConfiguration = nil }, "InvalidParameterException", "Network Configuration must be provided"},
		"no room": {func(in *sdk.CreateServiceInput) {
			in.DeploymentConfiguration = &types.DeploymentConfiguration{MaximumPercent: new(int32(100))}
		}, "InvalidParameterException", "minimumHealthyPercent"},
		"other strategy": {func(in *sdk.CreateServiceInput) {
			in.DeploymentConfiguration = &types.DeploymentConfiguration{Strategy: types.DeploymentStrategyCanary}
		}, "UnsupportedFeatureException", "ROLLING"},
		"no container": {func(in *sdk.CreateServiceInput) { in.ServiceRegistries[0].ContainerName = new("ghost") }, "InvalidParameterException", "ghost"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, nil)
				in := f.creation(f.define(app("good")), 1)
				c.change(in)
				_, err := f.CreateService(t.Context(), in)
				wantError(t, err, c.code, c.text)
			})
		})
	}
}

func TestWhatIsNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		services, err := f.DescribeServices(t.Context(), &sdk.DescribeServicesInput{Cluster: new(clusterName), Services: []string{"ghost"}})
		must(t, err)
		if len(services.Services) != 0 || *services.Failures[0].Reason != "MISSING" ||
			*services.Failures[0].Arn != "arn:aws:ecs:us-west-2:123456789012:service/blue/ghost" {
			t.Errorf("described %+v", services)
		}
		clusters, err := f.DescribeClusters(t.Context(), &sdk.DescribeClustersInput{Clusters: []string{"red", clusterName}})
		must(t, err)
		if len(clusters.Clusters) != 1 || *clusters.Failures[0].Reason != "MISSING" {
			t.Errorf("described %+v", clusters)
		}
		many := make([]string, 11)
		for i := range many {
			many[i] = fmt.Sprint("s", i)
		}
		_, err = f.DescribeServices(t.Context(), &sdk.DescribeServicesInput{Cluster: new(clusterName), Services: many})
		wantError(t, err, "InvalidParameterException", "at most 10")
		_, err = f.StopTask(t.Context(), &sdk.StopTaskInput{Cluster: new(clusterName), Task: new("ghost")})
		wantError(t, err, "InvalidParameterException", "not found")
		_, err = f.ListTasks(t.Context(), &sdk.ListTasksInput{Cluster: new(clusterName), ServiceName: new("ghost")})
		wantError(t, err, "ServiceNotFoundException", "Service not found.")
		_, err = f.UpdateService(t.Context(), &sdk.UpdateServiceInput{Cluster: new(clusterName), Service: new("ghost")})
		wantError(t, err, "ServiceNotFoundException", "Service not found.")
	})
}

func TestClustersAndTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		in := f.creation(f.define(app("good")), 1)
		in.Tags, in.PropagateTags = []types.Tag{{Key: new("team"), Value: new("red")}}, types.PropagateTagsService
		f.create(in)
		f.steady()
		clusters, err := f.DescribeClusters(t.Context(), &sdk.DescribeClustersInput{Clusters: []string{clusterName}})
		must(t, err)
		if c := clusters.Clusters[0]; c.RunningTasksCount != 1 || c.ActiveServicesCount != 1 || c.PendingTasksCount != 0 {
			t.Errorf("cluster %+v", c)
		}
		task := f.tasks(types.DesiredStatusRunning)[0].TaskArn
		for _, arn := range []*string{task, f.service().ServiceArn} {
			_, err = f.TagResource(t.Context(), &sdk.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{{Key: new("cost"), Value: new("7")}}})
			must(t, err)
			_, err = f.UntagResource(t.Context(), &sdk.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"cost"}})
			must(t, err)
			out, err := f.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceArn: arn})
			must(t, err)
			if len(out.Tags) != 1 || *out.Tags[0].Value != "red" {
				t.Errorf("tags of %s: %+v", *arn, out.Tags)
			}
		}
		_, err = f.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceArn: new(*task + "0")})
		wantError(t, err, "InvalidParameterException", "not found")
		listed, err := f.ListServices(t.Context(), &sdk.ListServicesInput{Cluster: new(clusterName)})
		must(t, err)
		if len(listed.ServiceArns) != 1 {
			t.Errorf("services %v", listed.ServiceArns)
		}
	})
}

func TestGivenValuesAreCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		f.create(f.creation(f.define(app("good")), 1))
		given := f.service()
		*given.Deployments[0].Id, *given.ServiceName = "changed", "changed"
		if again := f.service(); *again.ServiceName != serviceName || *again.Deployments[0].Id == "changed" {
			t.Error("a caller's write reached the service")
		}
	})
}
