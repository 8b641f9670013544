package mesh_test

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/ecs"
	"serin/internal/sandbox/pipenet"
	"serin/internal/sandbox/region"
	"serin/internal/sandbox/visitors"
	"serin/internal/sandbox/yelb"
)

// yelbServices are the four microservices as App Mesh has them.
var yelbServices = map[string]struct {
	protocol types.PortProtocol
	port     int32
}{
	"yelb-ui":          {types.PortProtocolHttp, 80},
	"yelb-appserver":   {types.PortProtocolHttp, 4567},
	"yelb-redisserver": {types.PortProtocolTcp, 6379},
	"yelb-db":          {types.PortProtocolTcp, 5432},
}

// container runs an image as the only container of a new task of a node.
func (w *world) container(runtime *yelb.Runtime, node, image string) ecs.Process {
	w.tb.Helper()
	service, _, _ := strings.Cut(image, ":")
	is := yelbServices[service]
	w.node(node, is.protocol, is.port)
	_, ip := w.task(node)
	process, err := runtime.Start(w.tb.Context(), ecs.Container{Image: image, Hostname: node})
	if err != nil {
		w.tb.Fatal(err)
	}
	for _, port := range []int{80, 4567, 4568, 6379, 5432} {
		if address, ok := process.Address(port); ok {
			w.mu.Lock()
			w.addresses[net.JoinHostPort(ip, strconv.Itoa(port))] = address
			w.mu.Unlock()
		}
	}
	return process
}

// wholeYelb runs the first version of each microservice behind its route.
func (w *world) wholeYelb() *yelb.Runtime {
	w.tb.Helper()
	runtime := yelb.NewRuntime(region.Region{Network: w.network}, func(ctx context.Context, hostport string) (net.Conn, error) {
		return w.mesh.Dial(ctx, hostport)
	})
	w.tb.Cleanup(runtime.Close)
	for service, is := range yelbServices {
		name := service + "." + namespace
		w.service(name, is.protocol, is.port)
		image := service + ":1"
		if service == "yelb-appserver" {
			image = service + ":planted"
		}
		w.container(runtime, service+"-1", image)
		w.split(service, target(service+"-1", 100))
	}
	return runtime
}

// split routes a microservice as the original does: http with retries, tcp with an
// idle timeout.
func (w *world) split(service string, targets ...types.WeightedTarget) {
	ms := func(n int64) *types.Duration {
		return &types.Duration{Unit: types.DurationUnitMs, Value: aws.Int64(n)}
	}
	spec := httpRoute(targets...)
	spec.HttpRoute.RetryPolicy = &types.HttpRetryPolicy{
		MaxRetries: aws.Int64(2), PerRetryTimeout: ms(2000),
		HttpRetryEvents: []string{"server-error", "client-error", "gateway-error"},
	}
	if yelbServices[service].protocol == types.PortProtocolTcp {
		spec = tcpRoute(targets...)
		spec.TcpRoute.Timeout = &types.TcpTimeout{Idle: ms(2000)}
	}
	w.routes(service+"."+namespace, spec)
}

func TestYelbWithVisitorsAndACanary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pipenet.New())
		runtime := w.wholeYelb()
		people := visitors.New(w.mesh.HTTPAddress("yelb-ui."+namespace), 20, visitors.WithDial(w.network.Dial))
		defer people.Stop()
		people.Start()
		scrapes(20)
		seen := people.Counts()
		if seen.Requests < 390 || seen.ByStatus[http.StatusOK] != seen.Requests || len(seen.Hostnames) != 1 {
			t.Fatalf("before the canary: %+v", seen)
		}

		for _, c := range []struct{ service, image string }{
			{"yelb-appserver", "yelb-appserver:fixed"}, {"yelb-db", "yelb-db:2"}, {"yelb-redisserver", "yelb-redisserver:2"}, {"yelb-ui", "yelb-ui:2"},
		} {
			w.container(runtime, c.service+"-2", c.image)
			w.split(c.service, target(c.service+"-1", 50), target(c.service+"-2", 50))
		}
		scrapes(20)
		seen = people.Counts()
		if seen.ByStatus[http.StatusOK] != seen.Requests || seen.Hostnames["yelb-appserver-2"] == 0 {
			t.Errorf("at half and half: %+v", seen)
		}
		for _, family := range []string{"yelb-ui", "yelb-appserver"} {
			if got, _ := w.recorded.of(metric, classDimensions(family, family+"-2", "2")); got == 0 {
				t.Errorf("%s-2 has no 2xx", family)
			}
		}
		for _, family := range []string{"yelb-db", "yelb-redisserver"} {
			got, _ := w.recorded.of("envoy_tcp_downstream_cx_total", map[string]string{
				"ClusterName": meshName, "TaskDefinitionFamily": family,
				"appmesh_virtual_node": family + "-2", "envoy_tcp_prefix": "ingress",
			})
			if got == 0 {
				t.Errorf("%s-2 has no connections", family)
			}
		}

		w.container(runtime, "yelb-appserver-3", "yelb-appserver:wrongport")
		w.split("yelb-appserver", target("yelb-appserver-2", 90), target("yelb-appserver-3", 10))
		scrapes(20)
		// The retries of yelb-ui's own route hide most of these from the visitors, and
		// none from the ingress.
		failed := func() float64 {
			sum, _ := w.recorded.of(metric, classDimensions("yelb-appserver", "yelb-appserver-3", "5"))
			return sum
		}
		if failed() == 0 {
			t.Error("the version on the wrong port has no 5xx")
		}
		w.split("yelb-appserver", target("yelb-appserver-2", 100))
		scrapes(1)
		before, seen := failed(), people.Counts()
		scrapes(20)
		now := people.Counts()
		if failed() != before || now.ByStatus[http.StatusOK]-seen.ByStatus[http.StatusOK] != now.Requests-seen.Requests {
			t.Errorf("after rolling back: %v more 5xx, the visitors saw %+v", failed()-before, now)
		}
	})
}
