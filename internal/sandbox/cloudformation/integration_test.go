package cloudformation_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"serin/internal/sandbox/appmesh"
	"serin/internal/sandbox/cloudformation"
	"serin/internal/sandbox/cloudformation/resource"
	"serin/internal/sandbox/cloudmap"
	"serin/internal/sandbox/cloudwatch"
	"serin/internal/sandbox/ecs"
	"serin/internal/sandbox/region"
	"serin/internal/sandbox/ssm"
)

var (
	_ resource.AppMesh    = (*appmesh.Service)(nil)
	_ resource.CloudMap   = (*cloudmap.Service)(nil)
	_ resource.CloudWatch = (*cloudwatch.Service)(nil)
	_ resource.ECS        = (*ecs.Service)(nil)
	_ resource.Notifier   = (*ecs.Service)(nil)
	_ resource.SSM        = (*ssm.Service)(nil)
)

// machines run any image; one whose tag is crash exits at once.
type machines struct{}

func (machines) Pull(context.Context, string) error { return nil }

func (machines) Start(_ context.Context, c ecs.Container) (ecs.Process, error) {
	p := &process{done: make(chan struct{})}
	if strings.HasSuffix(c.Image, ":crash") {
		p.Stop()
	}
	return p, nil
}

type process struct {
	once sync.Once
	done chan struct{}
}

func (*process) Address(int) (string, bool)           { return "", false }
func (*process) Exec(context.Context, []string) error { return nil }
func (p *process) Done() <-chan struct{}              { return p.done }
func (*process) ExitCode() int                        { return 1 }
func (*process) Reason() string                       { return "" }
func (p *process) Stop()                              { p.once.Do(func() { close(p.done) }) }

// inRegion runs a test over the sandbox's own services, in virtual time.
func inRegion(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		place := region.Region{Account: "123456789012", Name: "us-west-2", Network: region.Loopback{}, Pace: region.At(1)}
		w := &world{t: t, mesh: appmesh.New(place), cloudMap: cloudmap.New(place)}
		defer w.cloudMap.Close()
		tasks := ecs.New(place, machines{}, w.cloudMap)
		defer tasks.Close()
		w.Service = cloudformation.New(place, cloudformation.Services{
			AppMesh: w.mesh, CloudMap: w.cloudMap, ECS: tasks, SSM: ssm.New(place), CloudWatch: cloudwatch.New(place, 0),
		})
		defer w.Close()
		test(w)
	})
}

// file is a template of the repository.
func file(t *testing.T, path ...string) *string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return aws.String(string(text))
}

// yelb makes the stacks of the environment that the sandbox starts with.
func (w *world) yelb() {
	w.t.Helper()
	env := parameters("EnvironmentName", "ecs-blogpost")
	network := w.create(&sdk.CreateStackInput{
		StackName: aws.String("ecs-blogpost-vpc"), TemplateBody: file(w.t, "..", "seed", "templates", "vpc.yaml"), Parameters: env,
	})
	w.await(network, types.StackStatusCreateComplete)
	cluster := w.create(&sdk.CreateStackInput{
		StackName:    aws.String("ecs-blogpost-clusterresources"),
		TemplateBody: file(w.t, "..", "seed", "templates", "clusterresources.yaml"),
		Parameters:   append(env, parameters("Namespace", "yelb.local")...),
		Capabilities: []types.Capability{types.CapabilityCapabilityIam},
	})
	w.await(cluster, types.StackStatusCreateComplete)
}

func (w *world) specfile(service, image, port, protocol string) *sdk.CreateStackInput {
	w.t.Helper()
	return &sdk.CreateStackInput{
		StackName:    aws.String("ecs-blogpost-" + service + "-3f2a91c0"),
		TemplateBody: file(w.t, "..", "..", "..", "specfiles", service, "canary-helper.yaml"),
		Parameters: parameters("EnvironmentName", "ecs-blogpost", "MicroserviceName", service, "Namespace", "yelb.local",
			"Sha", "3f2a91c0", "ContainerImage", image, "Port", port, "Protocol", protocol),
	}
}

func TestSpecfilesOnTheRealServices(t *testing.T) {
	inRegion(t, func(w *world) {
		w.yelb()
		began := time.Now()
		ids := []string{
			w.create(w.specfile("yelb-ui", "yelb-ui:1", "80", "http")),
			w.create(w.specfile("yelb-appserver", "yelb-appserver:planted", "4567", "http")),
			w.create(w.specfile("yelb-redisserver", "yelb-redisserver:1", "6379", "tcp")),
			w.create(w.specfile("yelb-db", "yelb-db:1", "5432", "tcp")),
		}
		for _, id := range ids {
			w.await(id, types.StackStatusCreateComplete)
		}
		if took := time.Since(began); took < 20*time.Second || took > 5*time.Minute {
			w.t.Errorf("the versions took %s", took)
		}
		instances := w.cloudMap.Instances("yelb.local", "yelb-appserver-3f2a91c0")
		if len(instances) != 1 || instances[0].Attributes["ECS_TASK_DEFINITION_FAMILY"] != "yelb-appserver" {
			w.t.Errorf("instances %v", instances)
		}
		if n := len(w.mesh.View().VirtualNodes); n != 4 {
			w.t.Errorf("%d virtual nodes", n)
		}
		for _, id := range ids {
			w.delete(&sdk.DeleteStackInput{StackName: &id})
		}
		for _, id := range ids {
			w.await(id, types.StackStatusDeleteComplete)
		}
		w.delete(&sdk.DeleteStackInput{StackName: aws.String("ecs-blogpost-clusterresources")})
		for range 600 {
			if len(w.mesh.View().VirtualNodes) == 0 && len(w.meshes()) == 0 {
				return
			}
			time.Sleep(time.Second)
		}
		w.t.Error("the mesh is never deleted")
	})
}

func TestCrashingVersionOnTheRealServices(t *testing.T) {
	inRegion(t, func(w *world) {
		w.yelb()
		in := w.specfile("yelb-appserver", "yelb-appserver:crash", "4567", "http")
		in.OnFailure = types.OnFailureDelete
		id := w.create(in)
		w.await(id, types.StackStatusDeleteComplete)
		if history := strings.Join(w.history(id), "\n"); !strings.Contains(history, "Service CREATE_FAILED "+tripped) {
			w.t.Errorf("no such failure in\n%s", history)
		}
		if len(w.mesh.View().VirtualNodes) != 0 || len(w.cloudMap.Instances("yelb.local", "yelb-appserver-3f2a91c0")) != 0 {
			w.t.Error("something is left of the version")
		}
	})
}

func TestAlarmsAndParametersOnTheRealServices(t *testing.T) {
	inRegion(t, func(w *world) {
		id := w.create(&sdk.CreateStackInput{
			StackName: aws.String("s"), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}},
			TemplateBody: aws.String(`
Resources:
  Image: {Type: "AWS::SSM::Parameter", Properties: {Name: /image, Type: String, Value: "yelb:1", Tags: {owner: kim}}}
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: N
      MetricName: M
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 1.5
      ComparisonOperator: GreaterThanThreshold
      Dimensions: [{Name: ClusterName, Value: blue}]
Outputs:
  Alarm: {Value: !GetAtt Alarm.Arn}
  Image: {Value: !GetAtt Image.Value}
`),
		})
		stack := w.await(id, types.StackStatusCreateComplete)
		if !strings.HasPrefix(*stack.Outputs[0].OutputValue, "arn:aws:cloudwatch:us-west-2:123456789012:alarm:s-Alarm-") ||
			*stack.Outputs[1].OutputValue != "yelb:1" {
			w.t.Errorf("outputs %v", stack.Outputs)
		}
		w.delete(&sdk.DeleteStackInput{StackName: &id})
		w.await(id, types.StackStatusDeleteComplete)
	})
}

func TestUpdatesOnTheRealServices(t *testing.T) {
	inRegion(t, func(w *world) {
		body := `
Parameters: {N: {Type: Number, Default: 1}}
Resources:
  Namespace: {Type: "AWS::ServiceDiscovery::HttpNamespace", Properties: {Name: local}}
  Registry:
    Type: AWS::ServiceDiscovery::Service
    Properties: {Name: app, NamespaceId: !Ref Namespace, Description: !Sub "number ${N}"}
  Image: {Type: "AWS::SSM::Parameter", Properties: {Name: /image, Type: String, Value: !Sub "yelb:${N}"}}
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: N
      MetricName: M
      Statistic: Sum
      Period: 60
      EvaluationPeriods: !Ref N
      Threshold: 1
      ComparisonOperator: GreaterThanThreshold
Outputs:
  Image: {Value: !GetAtt Image.Value}
`
		id := w.create(&sdk.CreateStackInput{StackName: aws.String("s"), TemplateBody: &body})
		w.await(id, types.StackStatusCreateComplete)
		before := w.physical(id, "Registry")
		history := w.update(&sdk.UpdateStackInput{
			StackName: &id, UsePreviousTemplate: aws.Bool(true), Parameters: parameters("N", "2"),
		}, types.StackStatusUpdateComplete)
		for _, name := range []string{"Registry", "Image", "Alarm"} {
			index(w.t, history, name+" UPDATE_COMPLETE")
		}
		if got := *w.describe(id).Outputs[0].OutputValue; got != "yelb:2" || w.physical(id, "Registry") != before {
			w.t.Errorf("the image is %s", got)
		}
		w.delete(&sdk.DeleteStackInput{StackName: &id})
		w.await(id, types.StackStatusDeleteComplete)
	})
}

func TestCloseAbandonsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	place := region.Region{Account: "123456789012", Name: "us-west-2", Network: region.Loopback{}, Pace: region.At(1)}
	s := cloudformation.New(place, cloudformation.Services{})
	out, err := s.CreateStack(t.Context(), &sdk.CreateStackInput{StackName: aws.String("s"), TemplateBody: aws.String(topic)})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close()
	found, err := s.DescribeStacks(t.Context(), &sdk.DescribeStacksInput{StackName: out.StackId})
	if err != nil || found.Stacks[0].StackStatus != types.StackStatusCreateInProgress {
		t.Errorf("%+v, %v", found, err)
	}
}
