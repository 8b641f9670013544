package mesh_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/appmesh"
	"serin/internal/sandbox/cloudmap"
	"serin/internal/sandbox/mesh"
	"serin/internal/sandbox/region"
	"serin/internal/sandbox/server"
)

// world is everything around a mesh: a control plane, tasks with apps, and what was
// recorded.
type world struct {
	tb      testing.TB
	network region.Network
	mesh    *mesh.Mesh
	view    atomic.Pointer[appmesh.View]
	changes sync.Mutex

	mu        sync.RWMutex
	instances map[string][]cloudmap.Instance
	addresses map[string]string
	apps      map[string]*server.Server
	nextIP    int

	recorded recorder
}

const (
	meshName   = "ecs-blogpost"
	namespace  = "yelb.local"
	appservice = "yelb-appserver.yelb.local"
	dbservice  = "yelb-db.yelb.local"
)

func newWorld(tb testing.TB, network region.Network, options ...mesh.Option) *world {
	tb.Helper()
	w := &world{
		tb:        tb,
		network:   network,
		instances: map[string][]cloudmap.Instance{},
		addresses: map[string]string{},
		apps:      map[string]*server.Server{},
	}
	w.view.Store(&appmesh.View{})
	here := region.Region{Account: "123456789012", Name: "us-west-2", Network: network}
	w.mesh = mesh.New(here, w, w, w, &w.recorded, options...)
	tb.Cleanup(w.close)
	return w
}

// close ends everything; a test in a bubble calls it before the bubble ends.
func (w *world) close() {
	w.mesh.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, app := range w.apps {
		app.Close()
	}
	clear(w.apps)
}

func (w *world) View() *appmesh.View { return w.view.Load() }

func (w *world) Instances(namespace, service string) []cloudmap.Instance {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return slices.Clone(w.instances[service+"."+namespace])
}

func (w *world) Address(ip string, port int) (string, bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	address, ok := w.addresses[fmt.Sprintf("%s:%d", ip, port)]
	return address, ok
}

// change makes the next view.
func (w *world) change(edit func(v *appmesh.View)) {
	w.changes.Lock()
	defer w.changes.Unlock()
	old := w.view.Load()
	next := &appmesh.View{
		Revision:        old.Revision + 1,
		VirtualServices: cloned(old.VirtualServices),
		VirtualRouters:  cloned(old.VirtualRouters),
		VirtualNodes:    cloned(old.VirtualNodes),
		Routes:          cloned(old.Routes),
	}
	edit(next)
	w.view.Store(next)
}

func cloned[V any](m map[string]V) map[string]V {
	next := map[string]V{}
	maps.Copy(next, m)
	return next
}

// service adds a virtual service with its router; the router is named after the part
// of the name before the first dot, with -vr.
func (w *world) service(name string, protocol types.PortProtocol, port int32) {
	router := routerOf(name)
	w.change(func(v *appmesh.View) {
		v.VirtualServices[meshName+"/"+name] = &types.VirtualServiceData{
			MeshName:           aws.String(meshName),
			VirtualServiceName: aws.String(name),
			Spec: &types.VirtualServiceSpec{Provider: &types.VirtualServiceProviderMemberVirtualRouter{
				Value: types.VirtualRouterServiceProvider{VirtualRouterName: &router},
			}},
		}
		v.VirtualRouters[meshName+"/"+router] = &types.VirtualRouterData{
			MeshName:          aws.String(meshName),
			VirtualRouterName: &router,
			Spec: &types.VirtualRouterSpec{Listeners: []types.VirtualRouterListener{
				{PortMapping: &types.PortMapping{Port: &port, Protocol: protocol}},
			}},
		}
	})
}

func routerOf(service string) string {
	return strings.Split(service, ".")[0] + "-vr"
}

// node adds a virtual node that finds its tasks in the Cloud Map service of its name.
func (w *world) node(name string, protocol types.PortProtocol, port int32) {
	w.change(func(v *appmesh.View) {
		v.VirtualNodes[meshName+"/"+name] = &types.VirtualNodeData{
			MeshName:        aws.String(meshName),
			VirtualNodeName: &name,
			Spec: &types.VirtualNodeSpec{
				Listeners: []types.Listener{{PortMapping: &types.PortMapping{Port: &port, Protocol: protocol}}},
				ServiceDiscovery: &types.ServiceDiscoveryMemberAwsCloudMap{Value: types.AwsCloudMapServiceDiscovery{
					NamespaceName: aws.String(namespace), ServiceName: &name,
				}},
			},
		}
	})
}

// routes replaces the routes of a virtual service.
func (w *world) routes(service string, specs ...*types.RouteSpec) {
	w.change(func(v *appmesh.View) {
		var routes []*types.RouteData
		for _, spec := range specs {
			routes = append(routes, &types.RouteData{Spec: spec})
		}
		v.Routes[meshName+"/"+routerOf(service)] = routes
	})
}

// task registers a task of a node; no app of it listens yet.
func (w *world) task(node string) (id, ip string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nextIP++
	id, ip = fmt.Sprintf("task-%d", w.nextIP), fmt.Sprintf("10.0.0.%d", w.nextIP)
	key := node + "." + namespace
	w.instances[key] = append(w.instances[key], cloudmap.Instance{ID: id, Healthy: true, Attributes: map[string]string{
		"AWS_INSTANCE_IPV4":          ip,
		"ECS_CLUSTER_NAME":           meshName,
		"ECS_TASK_DEFINITION_FAMILY": node[:strings.LastIndex(node, "-")],
	}})
	return id, ip
}

// edit changes the instances of a node's Cloud Map service.
func (w *world) edit(node string, change func([]cloudmap.Instance) []cloudmap.Instance) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := node + "." + namespace
	w.instances[key] = change(slices.Clone(w.instances[key]))
}

// app makes a task's app listen on a port.
func (w *world) app(ip string, port int, handler http.Handler) {
	w.tb.Helper()
	w.serve(ip, port, func(l net.Listener) *server.Server { return server.HTTP(l, handler) })
}

func (w *world) serve(ip string, port int, start func(net.Listener) *server.Server) {
	w.tb.Helper()
	listener, err := w.network.Listen(w.tb.Context())
	if err != nil {
		w.tb.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	key := fmt.Sprintf("%s:%d", ip, port)
	w.apps[key] = start(listener)
	w.addresses[key] = listener.Addr().String()
}

// stop ends an app whose address stays known, as when it has died just now.
func (w *world) stop(ip string, port int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := fmt.Sprintf("%s:%d", ip, port)
	w.apps[key].Close()
	delete(w.apps, key)
}

// client sends requests through the mesh as an app in a task does, on connections of
// its own that end with the test.
func (w *world) client() *http.Client {
	transport := &http.Transport{
		MaxIdleConnsPerHost: 64,
		DisableCompression:  true,
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return w.mesh.Dial(ctx, address)
		},
	}
	w.tb.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func httpRoute(targets ...types.WeightedTarget) *types.RouteSpec {
	return &types.RouteSpec{HttpRoute: &types.HttpRoute{
		Match:  &types.HttpRouteMatch{Prefix: aws.String("/")},
		Action: &types.HttpRouteAction{WeightedTargets: targets},
	}}
}

func tcpRoute(targets ...types.WeightedTarget) *types.RouteSpec {
	return &types.RouteSpec{TcpRoute: &types.TcpRoute{Action: &types.TcpRouteAction{WeightedTargets: targets}}}
}

func target(node string, weight int32) types.WeightedTarget {
	return types.WeightedTarget{VirtualNode: &node, Weight: weight}
}

// says answers every request with a text.
func says(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(text))
	})
}

// version adds a node with one task whose app answers with the node's name.
func (w *world) version(name string) (ip string) {
	w.tb.Helper()
	w.node(name, types.PortProtocolHttp, 4567)
	_, ip = w.task(name)
	w.app(ip, 4567, says(name))
	return ip
}

// recorder adds up what is recorded, by metric and dimensions.
type recorder struct {
	mu    sync.Mutex
	sums  map[string]float64
	times map[string]int
}

func (r *recorder) Record(namespace, metric string, dimensions map[string]string, _ time.Time, value float64) {
	key := seriesKey(namespace, metric, dimensions)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sums == nil {
		r.sums, r.times = map[string]float64{}, map[string]int{}
	}
	r.sums[key] += value
	r.times[key]++
}

// of is the sum and the number of datapoints of a series.
func (r *recorder) of(metric string, dimensions map[string]string) (sum float64, points int) {
	key := seriesKey("ECS/ContainerInsights/Prometheus", metric, dimensions)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sums[key], r.times[key]
}

func seriesKey(namespace, metric string, dimensions map[string]string) string {
	key := namespace + " " + metric
	for _, name := range slices.Sorted(maps.Keys(dimensions)) {
		key += " " + name + "=" + dimensions[name]
	}
	return key
}

// classDimensions are the dimensions of a node's answers of a class.
func classDimensions(family, node, class string) map[string]string {
	return map[string]string{
		"ClusterName":                    meshName,
		"TaskDefinitionFamily":           family,
		"appmesh_virtual_node":           node,
		"envoy_http_conn_manager_prefix": "ingress",
		"envoy_response_code_class":      class,
	}
}
