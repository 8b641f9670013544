package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	appmeshtypes "github.com/aws/aws-sdk-go-v2/service/appmesh/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cloudformationtypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"serin/specfiles"
)

const (
	environment = "ecs-blogpost"
	appserver   = "yelb-appserver"
	canarySha   = "9bd0417e"
)

// TestWalkthrough does by hand what serin does: it replaces the planted yelb-appserver
// by the fixed one, half of the traffic first, over the wire and with the SDK's own
// clients.
func TestWalkthrough(t *testing.T) {
	s := start(t, Options{})
	stable := appserver + "-" + s.plantedImages()[appserver].Sha
	canary := appserver + "-" + canarySha
	if status, page := s.get(t, "/"); status != http.StatusOK || !strings.Contains(page, "Yelb") {
		t.Fatalf("the page answers %d %.80q", status, page)
	}
	if got := s.voteFor(t, "outback"); got != 2 {
		t.Errorf("the planted version added %d to the votes, want 2", got)
	}
	s.expectAnswers(t, stable)

	s.deploy(t, canary)
	s.shift(t, weight{stable, 50}, weight{canary, 50})
	seen := map[string]bool{}
	eventually(t, "two hosts answer", func() bool {
		_, hostname := s.get(t, "/api/hostname")
		seen[hostname] = true
		return len(seen) == 2
	})
	s.expectAnswers(t, canary)

	s.shift(t, weight{canary, 100})
	if got := s.voteFor(t, "ihop"); got != 1 {
		t.Errorf("the fixed version added %d to the votes, want 1", got)
	}
	s.remove(t, stable)
}

// voteFor votes and gives by how much the count rose.
func (s started) voteFor(t *testing.T, restaurant string) int64 {
	t.Helper()
	count := func() int64 {
		status, body := s.get(t, "/api/getvotes")
		var votes []struct {
			Name  string
			Value json.Number
		}
		if err := json.Unmarshal([]byte(body), &votes); status != http.StatusOK || err != nil {
			t.Fatalf("votes: %d %q: %v", status, body, err)
		}
		for _, vote := range votes {
			if vote.Name == restaurant {
				n, err := vote.Value.Int64()
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
		}
		t.Fatalf("%s is not among the votes %s", restaurant, body)
		return 0
	}
	before := count()
	if status, body := s.get(t, "/api/"+restaurant); status != http.StatusOK {
		t.Fatalf("vote: %d %s", status, body)
	}
	return count() - before
}

// expectAnswers waits until CloudWatch has answers of class 2 of a virtual node.
func (s started) expectAnswers(t *testing.T, node string) {
	t.Helper()
	client := cloudwatch.NewFromConfig(s.config)
	dimensions := map[string]string{
		"ClusterName": environment, "TaskDefinitionFamily": appserver, "appmesh_virtual_node": node,
		"envoy_http_conn_manager_prefix": "ingress", "envoy_response_code_class": "2",
	}
	metric := &cloudwatchtypes.Metric{
		Namespace:  aws.String("ECS/ContainerInsights/Prometheus"),
		MetricName: aws.String("envoy_http_downstream_rq_xx"),
	}
	for name, value := range dimensions {
		metric.Dimensions = append(metric.Dimensions, cloudwatchtypes.Dimension{Name: aws.String(name), Value: aws.String(value)})
	}
	eventually(t, "answers of "+node+" in CloudWatch", func() bool {
		s.get(t, "/api/hostname")
		out, err := client.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
			StartTime: aws.Time(time.Now().Add(-10 * time.Minute)), EndTime: aws.Time(time.Now().Add(time.Minute)),
			MetricDataQueries: []cloudwatchtypes.MetricDataQuery{{Id: aws.String("m"), MetricStat: &cloudwatchtypes.MetricStat{
				Metric: metric, Period: aws.Int32(60), Stat: aws.String("Sum"),
			}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, value := range out.MetricDataResults[0].Values {
			sum += value
		}
		return sum > 0
	})
}

// A version that listens on another port than it says fails its health checks, and so
// its stack; traffic never knew of it.
func TestVersionThatDoesNotAnswerFailsItsStack(t *testing.T) {
	s := start(t, Options{})
	id := s.create(t, "wrongport", canarySha)
	client := cloudformation.NewFromConfig(s.config)
	eventually(t, "the stack rolled back", func() bool {
		out, err := client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String(id)})
		if err != nil {
			t.Fatal(err)
		}
		return out.Stacks[0].StackStatus == cloudformationtypes.StackStatusRollbackComplete
	})
	events, err := client.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: aws.String(id)})
	if err != nil {
		t.Fatal(err)
	}
	reasons := ""
	for _, event := range events.StackEvents {
		reasons += aws.ToString(event.ResourceStatusReason) + "\n"
	}
	if !strings.Contains(reasons, "ECS Deployment Circuit Breaker was triggered") {
		t.Errorf("reasons:\n%s", reasons)
	}
	if status, _ := s.get(t, "/api/hostname"); status != http.StatusOK {
		t.Errorf("the service answers %d", status)
	}
}

// deploy creates the stack of the fixed version and waits for it, and for its service.
func (s started) deploy(t *testing.T, version string) {
	t.Helper()
	id := s.create(t, "fixed", canarySha)
	s.awaitStack(t, id, cloudformationtypes.StackStatusCreateComplete)
	services, err := ecs.NewFromConfig(s.config).DescribeServices(t.Context(),
		&ecs.DescribeServicesInput{Cluster: aws.String(environment), Services: []string{version}})
	if err != nil || len(services.Services) != 1 || services.Services[0].RunningCount != 1 {
		t.Fatalf("service %s: %+v, %v", version, services, err)
	}
}

// create creates the stack of a version of yelb-appserver and gives its id.
func (s started) create(t *testing.T, tag, sha string) string {
	t.Helper()
	template, err := specfiles.Read(appserver, specfiles.TemplateFile)
	if err != nil {
		t.Fatal(err)
	}
	in := &cloudformation.CreateStackInput{
		StackName: aws.String(environment + "-" + appserver + "-" + sha), TemplateBody: aws.String(string(template)),
		ClientRequestToken: aws.String("walkthrough"),
	}
	for name, value := range map[string]string{
		"EnvironmentName": environment, "MicroserviceName": appserver, "Namespace": "yelb.local", "Sha": sha,
		"ContainerImage": s.ImageURI(appserver, tag), "Port": strconv.Itoa(4567), "Protocol": "http",
	} {
		in.Parameters = append(in.Parameters,
			cloudformationtypes.Parameter{ParameterKey: aws.String(name), ParameterValue: aws.String(value)})
	}
	created, err := cloudformation.NewFromConfig(s.config).CreateStack(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return *created.StackId
}

func (s started) awaitStack(t *testing.T, id string, wanted cloudformationtypes.StackStatus) {
	t.Helper()
	client := cloudformation.NewFromConfig(s.config)
	eventually(t, fmt.Sprintf("stack %s in %s", id, wanted), func() bool {
		out, err := client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String(id)})
		if err != nil {
			t.Fatal(err)
		}
		status := out.Stacks[0].StackStatus
		if strings.HasSuffix(string(status), "_FAILED") || strings.HasPrefix(string(status), "ROLLBACK") {
			t.Fatalf("stack %s is in %s: %s", id, status, aws.ToString(out.Stacks[0].StackStatusReason))
		}
		return status == wanted
	})
}

// weight is a target of a route.
type weight struct {
	node string
	of   int32
}

// shift sets the weights of yelb-appserver's route and leaves all else as it is.
func (s started) shift(t *testing.T, weights ...weight) {
	t.Helper()
	client := appmesh.NewFromConfig(s.config)
	mesh, router, name := aws.String(environment), aws.String(appserver+"-vr"), aws.String(appserver+"-route")
	found, err := client.DescribeRoute(t.Context(),
		&appmesh.DescribeRouteInput{MeshName: mesh, VirtualRouterName: router, RouteName: name})
	if err != nil {
		t.Fatal(err)
	}
	spec := found.Route.Spec
	spec.HttpRoute.Action.WeightedTargets = nil
	for _, w := range weights {
		spec.HttpRoute.Action.WeightedTargets = append(spec.HttpRoute.Action.WeightedTargets,
			appmeshtypes.WeightedTarget{VirtualNode: aws.String(w.node), Weight: w.of})
	}
	updated, err := client.UpdateRoute(t.Context(),
		&appmesh.UpdateRouteInput{MeshName: mesh, VirtualRouterName: router, RouteName: name, Spec: spec})
	if err != nil {
		t.Fatal(err)
	}
	if updated.Route.Spec.HttpRoute.RetryPolicy == nil || *updated.Route.Metadata.Version != *found.Route.Metadata.Version+1 {
		t.Errorf("route %+v", updated.Route)
	}
}

// remove deletes the stack of a version, which fails as long as a route names it.
func (s started) remove(t *testing.T, version string) {
	t.Helper()
	client := cloudformation.NewFromConfig(s.config)
	name := aws.String(environment + "-" + version)
	out, err := client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: name})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: name}); err != nil {
		t.Fatal(err)
	}
	s.awaitStack(t, *out.Stacks[0].StackId, cloudformationtypes.StackStatusDeleteComplete)
}
