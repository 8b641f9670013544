package aws

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/smithy-go/encoding/cbor"

	"serin/internal/engine"
)

// fiftyRollouts ask for the responses of two versions each: 500 queries of CloudWatch.
func fiftyRollouts() []engine.ResponseQuery {
	var queries []engine.ResponseQuery
	for i := range 50 {
		for _, sha := range []string{"3f2a91c0", "9bd0417e"} {
			query := countsOf(sha, minute(0), minute(5))
			query.Service.Name = fmt.Sprintf("shop%04d", i)
			queries = append(queries, query)
		}
	}
	return queries
}

// fiveMinutes is an answer to fiftyRollouts: three classes of each version have counts.
func fiveMinutes() *cloudwatch.GetMetricDataOutput {
	out := &cloudwatch.GetMetricDataOutput{}
	for i := range 100 {
		for class := 1; class <= 5; class++ {
			result := types.MetricDataResult{Id: aws.String(fmt.Sprintf("w%dc%d", i, class)), StatusCode: types.StatusCodeComplete}
			for m := range 5 {
				if class == 2 || class == 4 || class == 5 {
					result.Timestamps, result.Values = append(result.Timestamps, minute(m)), append(result.Values, float64(m))
				}
			}
			out.MetricDataResults = append(out.MetricDataResults, result)
		}
	}
	return out
}

// perQuery reports the time of each query of a benchmark that makes so many at a time.
func perQuery(b *testing.B, queries int) {
	b.Helper()
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*queries), "µs/query")
}

// What the adapter costs, without the SDK.
func BenchmarkResponsesOfFiftyRollouts(b *testing.B) {
	out, queries := fiveMinutes(), fiftyRollouts()
	metrics := NewMetrics(constant{out}, here())
	b.ReportAllocs()
	for b.Loop() {
		answers, err := metrics.Responses(b.Context(), queries)
		if err != nil || len(answers[99].Buckets) != 5 {
			b.Fatal(err)
		}
	}
	perQuery(b, len(queries))
}

// constant is a CloudWatch that says the same whatever it is asked.
type constant struct {
	data *cloudwatch.GetMetricDataOutput
}

func (c constant) GetMetricData(context.Context, *cloudwatch.GetMetricDataInput, ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	return c.data, nil
}

func (constant) DescribeAlarms(context.Context, *cloudwatch.DescribeAlarmsInput, ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error) {
	return &cloudwatch.DescribeAlarmsOutput{}, nil
}

// inCBOR is an answer on the wire.
func inCBOR(out *cloudwatch.GetMetricDataOutput) []byte {
	var results cbor.List
	for _, result := range out.MetricDataResults {
		var times, values cbor.List
		for i, at := range result.Timestamps {
			times = append(times, &cbor.Tag{ID: 1, Value: cbor.Float64(float64(at.Unix()))})
			values = append(values, cbor.Float64(result.Values[i]))
		}
		results = append(results, cbor.Map{
			"Id": cbor.String(*result.Id), "Label": cbor.String("envoy_http_downstream_rq_xx"), "StatusCode": cbor.String("Complete"),
			"Timestamps": times, "Values": values,
		})
	}
	return cbor.Encode(cbor.Map{"MetricDataResults": results, "Messages": cbor.List{}})
}

// clientsOf are clients of a server on loopback that answers as handle does.
func clientsOf(b *testing.B, handle http.HandlerFunc) *Clients {
	b.Helper()
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		b.Setenv(name, b.TempDir()+"/none")
	}
	url, _ := serve(b, handle)
	clients, err := Connect(b.Context(), Options{Region: "us-west-2", Sandbox: url})
	if err != nil {
		b.Fatal(err)
	}
	return clients
}

func saying(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
		_, _ = io.WriteString(w, body)
	}
}

// What the adapter, the SDK and loopback cost together, with the server in this process.
func BenchmarkCallResponsesOfFiftyRollouts(b *testing.B) {
	queries := fiftyRollouts()
	clients := clientsOf(b, saying("application/cbor", string(inCBOR(fiveMinutes()))))
	metrics := NewMetrics(clients.CloudWatch, clients.Where)
	b.ReportAllocs()
	for b.Loop() {
		answers, err := metrics.Responses(b.Context(), queries)
		if err != nil || len(answers[99].Buckets) != 5 {
			b.Fatal(err)
		}
	}
	perQuery(b, len(queries))
}

const routeJSON = `{"meshName":"ecs-blogpost","routeName":"yelb-appserver-route","virtualRouterName":"yelb-appserver-vr",
"status":{"status":"ACTIVE"},"metadata":{"arn":"arn:aws:appmesh:us-west-2:123456789012:mesh/ecs-blogpost","createdAt":1764000000.5,
"lastUpdatedAt":1764000100.5,"meshOwner":"123456789012","resourceOwner":"123456789012","uid":"u","version":7},
"spec":{"httpRoute":{"match":{"prefix":"/"},"retryPolicy":{"maxRetries":2,"perRetryTimeout":{"unit":"s","value":2},"httpRetryEvents":["server-error"]},
"action":{"weightedTargets":[{"virtualNode":"yelb-appserver-3f2a91c0","weight":70},{"virtualNode":"yelb-appserver-9bd0417e","weight":30}]}}}}`

func BenchmarkCallDescribeRoute(b *testing.B) {
	clients := clientsOf(b, saying("application/json", routeJSON))
	router := NewRouter(clients.AppMesh, clients.Where, "")
	b.ReportAllocs()
	for b.Loop() {
		if route, err := router.Route(b.Context(), appserver()); err != nil || len(route.Targets) != 2 {
			b.Fatal(err)
		}
	}
}

// servicesJSON is an answer for so many services with a dozen events each.
func servicesJSON(count int) string {
	var services []string
	for i := range count {
		var events []string
		for e := range 12 {
			events = append(events, fmt.Sprintf(`{"id":"%d-%d","createdAt":%d.25,"message":"(service shop-%d) has reached a steady state."}`, i, e, noon().Unix()-int64(e), i))
		}
		services = append(services, fmt.Sprintf(`{"serviceName":"shop-%d","status":"ACTIVE","desiredCount":0,"runningCount":0,"pendingCount":0,
"deployments":[{"id":"ecs-svc/1","status":"PRIMARY","rolloutState":"COMPLETED","desiredCount":2,"runningCount":2,"createdAt":1764000000.5,"updatedAt":1764000000.5}],
"events":[%s]}`, i, strings.Join(events, ",")))
	}
	return `{"services":[` + strings.Join(services, ",") + `],"failures":[]}`
}

func BenchmarkCallDescribeServices(b *testing.B) {
	names := make([]string, 10)
	for i := range names {
		names[i] = fmt.Sprintf("shop-%d", i)
	}
	clients := clientsOf(b, saying("application/x-amz-json-1.1", servicesJSON(len(names))))
	b.ReportAllocs()
	for b.Loop() {
		if out, err := describe(b.Context(), clients, names); err != nil || out != len(names) {
			b.Fatal(err)
		}
	}
}

func describe(ctx context.Context, clients *Clients, names []string) (int, error) {
	out, err := clients.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: aws.String("ecs-blogpost"), Services: names})
	if err != nil {
		return 0, err
	}
	return len(out.Services), nil
}
