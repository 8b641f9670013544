package sandbox

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"serin/internal/sandbox/pipenet"
)

// TestAStillRegionLooksLikeAnother asks the APIs of a region without servers for what
// visitors leave in one that has them.
func TestAStillRegionLooksLikeAnother(t *testing.T) {
	for name, still := range map[string]bool{"still": true, "with servers": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := Start(t.Context(), Options{Network: pipenet.New(), Still: still, Rate: 10, ScrapeInterval: 5 * time.Second})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				config := aws.Config{
					Region: s.Region(), BaseEndpoint: aws.String(s.Endpoint()), HTTPClient: &http.Client{Transport: s.Transport()},
					Credentials: credentials.NewStaticCredentialsProvider("x", "x", ""),
				}
				route, err := appmesh.NewFromConfig(config).DescribeRoute(t.Context(), &appmesh.DescribeRouteInput{
					MeshName: aws.String("ecs-blogpost"), VirtualRouterName: aws.String("yelb-appserver-vr"), RouteName: aws.String("yelb-appserver-route"),
				})
				if err != nil {
					t.Fatal(err)
				}
				version := *route.Route.Spec.HttpRoute.Action.WeightedTargets[0].VirtualNode
				time.Sleep(2 * time.Minute)
				if !s.Serves(version) || s.Serves(version+"-x") {
					t.Errorf("%s serves: %v; one that is not there: %v", version, s.Serves(version), s.Serves(version+"-x"))
				}
				answers := answersOf(t, cloudwatch.NewFromConfig(config), version)
				// Four fifths of the visits reach yelb-appserver: 8 a second.
				if answers["2"] < 300 || answers["2"] > 600 || answers["5"] != 0 {
					t.Errorf("a minute's answers: %v", answers)
				}
				if counts := s.Visitors().Counts(); counts.Requests < 1000 || counts.Errors != 0 || counts.ByStatus[200] != counts.Requests {
					t.Errorf("visitors: %+v", counts)
				}
			})
		})
	}
}

// answersOf are the answers of a virtual node in the last whole minute, by class.
func answersOf(t *testing.T, metrics *cloudwatch.Client, node string) map[string]float64 {
	t.Helper()
	answers := map[string]float64{}
	for _, class := range []string{"2", "5"} {
		out, err := metrics.GetMetricStatistics(t.Context(), &cloudwatch.GetMetricStatisticsInput{
			Namespace: aws.String("ECS/ContainerInsights/Prometheus"), MetricName: aws.String("envoy_http_downstream_rq_xx"),
			Dimensions: []types.Dimension{
				{Name: aws.String("ClusterName"), Value: aws.String("ecs-blogpost")},
				{Name: aws.String("TaskDefinitionFamily"), Value: aws.String("yelb-appserver")},
				{Name: aws.String("appmesh_virtual_node"), Value: aws.String(node)},
				{Name: aws.String("envoy_http_conn_manager_prefix"), Value: aws.String("ingress")},
				{Name: aws.String("envoy_response_code_class"), Value: aws.String(class)},
			},
			StartTime: aws.Time(time.Now().Add(-time.Minute)), EndTime: aws.Time(time.Now()), Period: aws.Int32(60),
			Statistics: []types.Statistic{types.StatisticSum},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, point := range out.Datapoints {
			answers[class] += *point.Sum
		}
	}
	return answers
}
