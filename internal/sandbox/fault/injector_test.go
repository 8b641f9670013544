package fault_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cloudformationtypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"serin/internal/sandbox"
	"serin/internal/sandbox/fault"
	"serin/internal/sandbox/pipenet"
)

// spoiled runs a test on a sandbox with a plan, in virtual time.
func spoiled(t *testing.T, plan string, test func(t *testing.T, config aws.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		parsed, err := fault.Parse(plan)
		if err != nil {
			t.Fatal(err)
		}
		run(t, parsed, test)
	})
}

// plain has net/http only read bodies: it closes the connection of one that the SDK has
// closed while it writes itself.
type plain struct{ http.RoundTripper }

func (p plain) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body != nil {
		request.Body = struct{ io.ReadCloser }{request.Body}
	}
	return p.RoundTripper.RoundTrip(request)
}

// run runs a test, in a bubble of virtual time, on a sandbox with a plan.
func run(t *testing.T, plan *fault.Plan, test func(t *testing.T, config aws.Config)) {
	t.Helper()
	network := pipenet.New()
	region, err := sandbox.Start(t.Context(), sandbox.Options{Network: network, Faults: plan, Empty: true})
	if err != nil {
		t.Fatal(err)
	}
	defer region.Close()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
		return network.Dial(ctx, address)
	}}
	defer transport.CloseIdleConnections()
	test(t, aws.Config{
		BaseEndpoint: aws.String(region.Endpoint()), Region: region.Region(),
		HTTPClient:  &http.Client{Transport: plain{transport}},
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: credentials.NewStaticCredentialsProvider("AKIA", "x", ""),
	})
}

// TestEachServiceFailsInItsOwnWords asks every service in turn for a read while it is
// out of order.
func TestEachServiceFailsInItsOwnWords(t *testing.T) {
	type read struct {
		on  string
		ask func(context.Context, aws.Config) error
	}
	reads := []read{
		{"appmesh:ListMeshes", func(ctx context.Context, c aws.Config) error {
			_, err := appmesh.NewFromConfig(c).ListMeshes(ctx, &appmesh.ListMeshesInput{})
			return err
		}},
		{"cloudformation:DescribeStacks", func(ctx context.Context, c aws.Config) error {
			_, err := cloudformation.NewFromConfig(c).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{})
			return err
		}},
		{"cloudwatch:DescribeAlarms", func(ctx context.Context, c aws.Config) error {
			_, err := cloudwatch.NewFromConfig(c).DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{})
			return err
		}},
		{"ecr:DescribeRepositories", func(ctx context.Context, c aws.Config) error {
			_, err := ecr.NewFromConfig(c).DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{})
			return err
		}},
		{"ecs:ListClusters", func(ctx context.Context, c aws.Config) error {
			_, err := ecs.NewFromConfig(c).ListClusters(ctx, &ecs.ListClustersInput{})
			return err
		}},
		{"servicediscovery:ListNamespaces", func(ctx context.Context, c aws.Config) error {
			_, err := servicediscovery.NewFromConfig(c).ListNamespaces(ctx, &servicediscovery.ListNamespacesInput{})
			return err
		}},
		{"ssm:DescribeParameters", func(ctx context.Context, c aws.Config) error {
			_, err := ssm.NewFromConfig(c).DescribeParameters(ctx, &ssm.DescribeParametersInput{})
			return err
		}},
		{"sts:GetCallerIdentity", func(ctx context.Context, c aws.Config) error {
			_, err := sts.NewFromConfig(c).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
			return err
		}},
	}
	// The codes are in the order of the services; one is all services'.
	for kind, codes := range map[fault.Kind]string{
		fault.Throttle:    "TooManyRequestsException Throttling Throttling ThrottlingException ThrottlingException RequestLimitExceeded ThrottlingException Throttling",
		fault.Internal:    "InternalServerErrorException InternalFailure InternalServiceError ServerException ServerException InternalFailure InternalServerError InternalFailure",
		fault.Unavailable: "ServiceUnavailableException ServiceUnavailable ServiceUnavailable ServiceUnavailableException ServiceUnavailableException ServiceUnavailableException ServiceUnavailableException ServiceUnavailable",
		fault.Expired:     "ExpiredTokenException ExpiredToken ExpiredToken ExpiredTokenException ExpiredTokenException ExpiredTokenException ExpiredTokenException ExpiredToken",
		fault.Denied:      "AccessDeniedException AccessDenied AccessDenied AccessDeniedException AccessDeniedException AccessDeniedException AccessDeniedException AccessDenied",
	} {
		t.Run(string(kind), func(t *testing.T) {
			spoiled(t, "*:*#1-8="+string(kind), func(t *testing.T, config aws.Config) {
				t.Helper()
				for n, code := range strings.Fields(codes) {
					err := reads[n].ask(t.Context(), config)
					api, is := errors.AsType[smithy.APIError](err)
					if !is || api.ErrorCode() != code {
						t.Errorf("%s: %v, want %s", reads[n].on, err, code)
					}
				}
				for _, read := range reads {
					if err := read.ask(t.Context(), config); err != nil {
						t.Errorf("%s, after the plan: %v", read.on, err)
					}
				}
			})
		})
	}
}

func parameter(t *testing.T, client *ssm.Client, value string) error {
	t.Helper()
	_, err := client.PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: aws.String("/p"), Value: &value, Type: ssmtypes.ParameterTypeString, Overwrite: aws.Bool(true),
	})
	return err
}

func valueOf(t *testing.T, client *ssm.Client) string {
	t.Helper()
	out, err := client.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/p")})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Parameter.Value
}

func TestWhatBecomesOfAWrite(t *testing.T) {
	spoiled(t, "ssm:PutParameter#2=reset,ssm:PutParameter#3=lose,ssm:PutParameter#4=hang", func(t *testing.T, config aws.Config) {
		t.Helper()
		client := ssm.NewFromConfig(config)
		if err := parameter(t, client, "1"); err != nil {
			t.Fatal(err)
		}
		if err := parameter(t, client, "reset"); err == nil || valueOf(t, client) != "1" {
			t.Errorf("reset: %v, %s", err, valueOf(t, client))
		}
		if err := parameter(t, client, "lost"); err == nil || valueOf(t, client) != "lost" {
			t.Errorf("lost: %v, %s", err, valueOf(t, client))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		_, err := client.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("/p"), Value: aws.String("hung"), Overwrite: aws.Bool(true)})
		if err == nil || time.Since(began) != time.Minute || valueOf(t, client) != "lost" {
			t.Errorf("hung: %v after %s, %s", err, time.Since(began), valueOf(t, client))
		}
	})
}

func TestAStaleRead(t *testing.T) {
	spoiled(t, "ssm:*#5=stale:10s,ssm:*#6=stale:2,ssm:*#7-8=stale:1h", func(t *testing.T, config aws.Config) {
		t.Helper()
		client := ssm.NewFromConfig(config)
		step := func(write string) {
			if err := parameter(t, client, write); err != nil {
				t.Fatal(err)
			}
		}
		step("a")                   // the first call
		first := valueOf(t, client) // 2
		time.Sleep(20 * time.Second)
		step("b")                           // 3
		second := valueOf(t, client)        // 4
		tenSecondsAgo := valueOf(t, client) // 5
		twoBack := valueOf(t, client)       // 6
		anHourAgo := valueOf(t, client)     // 7
		if got := first + second + tenSecondsAgo + twoBack + anHourAgo; got != "abab"+"b" {
			t.Errorf("the reads are %s", got)
		}
		step("c") // a write is never stale
		if got := valueOf(t, client); got != "c" {
			t.Errorf("after it: %s", got)
		}
	})
}

// votes puts one more datapoint, and returns how many of the last hour two reads find.
func votes(t *testing.T, client *cloudwatch.Client) (data, statistics int) {
	t.Helper()
	now := time.Now()
	namespace, name := aws.String("Yelb"), aws.String("Votes")
	if _, err := client.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{
		Namespace: namespace, MetricData: []cloudwatchtypes.MetricDatum{{MetricName: name, Value: aws.Float64(1), Timestamp: &now}},
	}); err != nil {
		t.Fatal(err)
	}
	from, to := aws.Time(now.Add(-time.Hour)), aws.Time(now.Add(time.Minute))
	got, err := client.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
		StartTime: from, EndTime: to, MetricDataQueries: []cloudwatchtypes.MetricDataQuery{{
			Id: aws.String("m"), MetricStat: &cloudwatchtypes.MetricStat{
				Period: aws.Int32(60), Stat: aws.String("Sum"), Metric: &cloudwatchtypes.Metric{Namespace: namespace, MetricName: name},
			},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	told, err := client.GetMetricStatistics(t.Context(), &cloudwatch.GetMetricStatisticsInput{
		StartTime: from, EndTime: to, Namespace: namespace, MetricName: name,
		Period: aws.Int32(60), Statistics: []cloudwatchtypes.Statistic{cloudwatchtypes.StatisticSum},
	})
	if err != nil {
		t.Fatal(err)
	}
	return len(got.MetricDataResults[0].Values), len(told.Datapoints)
}

// Whoever watches a metric asks for other times whenever he asks.
func TestAStaleMetric(t *testing.T) {
	for _, kind := range []string{"stale:50s", "stale:1"} {
		t.Run(kind, func(t *testing.T) {
			spoiled(t, "cloudwatch:GetMetric*#5-6="+kind, func(t *testing.T, config aws.Config) {
				t.Helper()
				client := cloudwatch.NewFromConfig(config)
				for n, want := range []int{1, 2, 2, 4} {
					if data, statistics := votes(t, client); data != want || statistics != want {
						t.Errorf("round %d: %d and %d datapoints, want %d", n+1, data, statistics, want)
					}
					time.Sleep(time.Minute)
				}
			})
		})
	}
}

func TestAPlanSparesAnObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		run(t, &fault.Plan{Spares: "AKIA", Rules: []fault.Rule{{
			Target: fault.Target{Service: "*", Name: "*"}, Calls: fault.Range{First: 1, Last: 9}, Probability: 1, Kind: fault.Internal,
		}}}, func(t *testing.T, config aws.Config) {
			t.Helper()
			if err := parameter(t, ssm.NewFromConfig(config), "1"); err != nil {
				t.Error(err)
			}
			config.Credentials = credentials.NewStaticCredentialsProvider("AKIB", "x", "")
			if err := parameter(t, ssm.NewFromConfig(config), "2"); err == nil {
				t.Error("another caller is spared too")
			}
		})
	})
}

func TestAPlanEnds(t *testing.T) {
	spoiled(t, "ssm:*=500,for=10m", func(t *testing.T, config aws.Config) {
		t.Helper()
		client := ssm.NewFromConfig(config)
		time.Sleep(10*time.Minute - time.Second)
		if err := parameter(t, client, "1"); err == nil {
			t.Error("nothing went wrong before the end")
		}
		time.Sleep(time.Second)
		if err := parameter(t, client, "1"); err != nil {
			t.Error(err)
		}
	})
}

func TestMetricsThatLie(t *testing.T) {
	spoiled(t, "metric:Votes#2=missing,metric:Votes#3=partial,metric:east#4=duplicated,metric:V*#5=nan,metric:Votes#6=late:90s",
		func(t *testing.T, config aws.Config) {
			t.Helper()
			client := cloudwatch.NewFromConfig(config)
			now := time.Now()
			for minute := range 4 {
				_, err := client.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{
					Namespace: aws.String("Yelb"),
					MetricData: []cloudwatchtypes.MetricDatum{{
						MetricName: aws.String("Votes"), Value: aws.Float64(1),
						Dimensions: []cloudwatchtypes.Dimension{{Name: aws.String("Side"), Value: aws.String("east")}},
						Timestamp:  aws.Time(now.Add(-time.Duration(minute) * time.Minute)),
					}},
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			want := []struct {
				points int
				status cloudwatchtypes.StatusCode
			}{{4, "Complete"}, {0, "Complete"}, {2, "PartialData"}, {8, "Complete"}, {4, "Complete"}, {2, "Complete"}, {4, "Complete"}}
			for n, expected := range want {
				out, err := client.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
					StartTime: aws.Time(now.Add(-time.Hour)), EndTime: aws.Time(now.Add(time.Minute)),
					MetricDataQueries: []cloudwatchtypes.MetricDataQuery{{Id: aws.String("m"), MetricStat: &cloudwatchtypes.MetricStat{
						Period: aws.Int32(60), Stat: aws.String("Sum"), Metric: &cloudwatchtypes.Metric{
							Namespace: aws.String("Yelb"), MetricName: aws.String("Votes"),
							Dimensions: []cloudwatchtypes.Dimension{{Name: aws.String("Side"), Value: aws.String("east")}},
						},
					}}},
				})
				if err != nil {
					t.Fatal(err)
				}
				result := out.MetricDataResults[0]
				if len(result.Values) != expected.points || result.StatusCode != expected.status {
					t.Errorf("call %d: %+v", n+1, result)
				}
				if isNaN := len(result.Values) > 0 && math.IsNaN(result.Values[0]); isNaN != (n == 4) {
					t.Errorf("call %d: %v", n+1, result.Values)
				}
			}
		})
}

func TestStacksThatFail(t *testing.T) {
	const body = `{"Resources":{
		"Mesh":{"Type":"AWS::AppMesh::Mesh","Properties":{"MeshName":{"Ref":"AWS::StackName"}}},
		"Node":{"Type":"AWS::AppMesh::VirtualNode","Properties":{"MeshName":{"Fn::GetAtt":["Mesh","MeshName"]},"VirtualNodeName":"n","Spec":{}}},
		"Cluster":{"Type":"AWS::ECS::Cluster"},
		"Task":{"Type":"AWS::ECS::TaskDefinition","Properties":{"RequiresCompatibilities":["FARGATE"],"NetworkMode":"awsvpc","Cpu":"256","Memory":"512","ContainerDefinitions":[{"Name":"a","Image":"yelb-ui:1","Memory":64}]}},
		"Service":{"Type":"AWS::ECS::Service","DependsOn":"Node","Properties":{"Cluster":{"Ref":"Cluster"},"TaskDefinition":{"Ref":"Task"},"LaunchType":"FARGATE","NetworkConfiguration":{"AwsvpcConfiguration":{"Subnets":["subnet-1"]}},"DesiredCount":0}}}}`
	spoiled(t, "stack:a-*=fail,stack:b-*=rollback,stack:c-*#1=delete_failed", func(t *testing.T, config aws.Config) {
		t.Helper()
		client := cloudformation.NewFromConfig(config)
		status := func(stack string) string {
			time.Sleep(time.Minute)
			out, err := client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &stack})
			if err != nil {
				return err.Error()
			}
			return string(out.Stacks[0].StackStatus)
		}
		remove := func(stack string) {
			if _, err := client.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: &stack}); err != nil {
				t.Fatal(err)
			}
		}
		for stack, wanted := range map[string]string{"a-1": "CREATE_FAILED", "b-1": "ROLLBACK_COMPLETE", "c-1": "CREATE_COMPLETE"} {
			_, err := client.CreateStack(t.Context(), &cloudformation.CreateStackInput{
				StackName: &stack, TemplateBody: aws.String(body), OnFailure: "DO_NOTHING",
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := status(stack); got != wanted {
				events, _ := client.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: &stack})
				for _, event := range events.StackEvents {
					t.Log(*event.LogicalResourceId, event.ResourceStatus, aws.ToString(event.ResourceStatusReason))
				}
				t.Errorf("%s is in %s, want %s", stack, got, wanted)
			}
		}
		remove("c-1")
		if got := status("c-1"); got != "DELETE_FAILED" {
			t.Errorf("after its deletion c-1 is in %s", got)
		}
		events, err := client.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: aws.String("c-1")})
		if err != nil || !slices.ContainsFunc(events.StackEvents, func(event cloudformationtypes.StackEvent) bool {
			return strings.Contains(aws.ToString(event.ResourceStatusReason), "VirtualNode with name n cannot be deleted because it is the target")
		}) {
			t.Errorf("nothing says why: %v", err)
		}
		remove("c-1")
		if got := status("c-1"); !strings.Contains(got, "does not exist") {
			t.Errorf("after another deletion c-1 is in %s", got)
		}
	})
}

func TestAPlanForAnOperationThatNobodyHas(t *testing.T) {
	plan, err := fault.Parse("appmesh:UpdateRout=500")
	if err != nil {
		t.Fatal(err)
	}
	_, err = sandbox.Start(t.Context(), sandbox.Options{Faults: plan})
	if err == nil || !strings.Contains(err.Error(), `operation "UpdateRout" is none that the sandbox has`) {
		t.Error(err)
	}
}
