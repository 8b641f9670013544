package mesh_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/appmesh"
	"serin/internal/sandbox/cloudmap"
	"serin/internal/sandbox/mesh"
	"serin/internal/sandbox/pipenet"
)

const metric = "envoy_http_downstream_rq_xx"

// scrapes lets n scrapes pass.
func scrapes(n int) {
	time.Sleep(time.Duration(n) * mesh.DefaultScrapeInterval)
	synctest.Wait()
}

func TestAnswersAreCountedByClassFromTheSecondScrape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pipenet.New())
		w.service(appservice, types.PortProtocolHttp, 4567)
		w.node("yelb-appserver-a", types.PortProtocolHttp, 4567)
		_, ip := w.task("yelb-appserver-a")
		w.app(ip, 4567, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			statuses := map[string]int{"/ok": 200, "/moved": 302, "/gone": 404, "/broken": 500}
			w.WriteHeader(statuses[r.URL.Path])
		}))
		w.routes(appservice, httpRoute(target("yelb-appserver-a", 100)))
		client := w.client()
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		call := func(path string, n int) {
			for range n {
				get(t, client, page+path)
			}
		}
		call("ok", 7)
		scrapes(1)
		of := func(class string) map[string]string {
			return classDimensions("yelb-appserver", "yelb-appserver-a", class)
		}
		if _, points := w.recorded.of(metric, of("2")); points != 0 {
			t.Fatalf("%d datapoints after the first scrape, want none", points)
		}
		call("ok", 3)
		call("moved", 2)
		call("gone", 4)
		call("broken", 5)
		scrapes(1)
		call("ok", 1)
		scrapes(2)
		for class, want := range map[string]float64{"1": 0, "2": 4, "3": 2, "4": 4, "5": 5} {
			got, points := w.recorded.of(metric, of(class))
			if got != want || points != 3 {
				t.Errorf("class %s: sum %v in %d datapoints, want %v in 3", class, got, points, want)
			}
		}
		perClass := of("5")
		delete(perClass, "appmesh_virtual_node")
		if got, _ := w.recorded.of(metric, perClass); got != 5 {
			t.Errorf("class 5 of the family: %v, want 5", got)
		}
		whole := map[string]string{"ClusterName": meshName, "TaskDefinitionFamily": "yelb-appserver"}
		if got, points := w.recorded.of(metric, whole); got != 15 || points != 15 {
			t.Errorf("the family: %v in %d datapoints, want 15 in 15", got, points)
		}
	})
}

func TestAnAppThatDoesNotListenIsA503OfItsNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pipenet.New())
		w.service(appservice, types.PortProtocolHttp, 4567)
		w.node("yelb-appserver-a", types.PortProtocolHttp, 4567)
		_, ip := w.task("yelb-appserver-a")
		w.app(ip, 4568, says("on the wrong port"))
		w.routes(appservice, httpRoute(target("yelb-appserver-a", 100)))
		scrapes(1)
		client := w.client()
		for range 6 {
			if status, text := get(t, client, page); status != http.StatusServiceUnavailable || text == "" {
				t.Errorf("status %d %q, want 503 with a reason", status, text)
			}
		}
		w.app(ip, 4567, says("restarted"))
		if status, text := get(t, client, page); status != http.StatusOK || text != "restarted" {
			t.Errorf("after the restart: %d %q", status, text)
		}
		w.stop(ip, 4567)
		if status, _ := get(t, client, page); status != http.StatusServiceUnavailable {
			t.Errorf("after the crash: %d, want 503", status)
		}
		scrapes(1)
		for class, want := range map[string]float64{"2": 1, "5": 7} {
			got, _ := w.recorded.of(metric, classDimensions("yelb-appserver", "yelb-appserver-a", class))
			if got != want {
				t.Errorf("class %s: %v, want %v", class, got, want)
			}
		}
	})
}

func TestWhatReachesNoTaskIsCountedNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pipenet.New())
		w.service(appservice, types.PortProtocolHttp, 4567)
		w.version("yelb-appserver-a")
		w.node("yelb-appserver-empty", types.PortProtocolHttp, 4567)
		scrapes(1)
		client := w.client()
		for name, c := range map[string]struct {
			routes []*types.RouteSpec
			want   int
		}{
			"no route":               {nil, http.StatusNotFound},
			"node without tasks":     {[]*types.RouteSpec{httpRoute(target("yelb-appserver-empty", 1))}, http.StatusServiceUnavailable},
			"node that is not there": {[]*types.RouteSpec{httpRoute(target("yelb-appserver-x", 1))}, http.StatusServiceUnavailable},
			"no weight at all":       {[]*types.RouteSpec{httpRoute(target("yelb-appserver-a", 0))}, http.StatusServiceUnavailable},
		} {
			w.routes(appservice, c.routes...)
			if status, _ := get(t, client, page); status != c.want {
				t.Errorf("%s: status %d, want %d", name, status, c.want)
			}
		}
		scrapes(1)
		for _, class := range []string{"2", "4", "5"} {
			got, points := w.recorded.of(metric, classDimensions("yelb-appserver", "yelb-appserver-a", class))
			if got != 0 || points != 1 {
				t.Errorf("class %s: %v in %d datapoints, want 0 in 1", class, got, points)
			}
		}
	})
}

func TestOnlyTasksOfECSThatLiveAreScraped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pipenet.New())
		w.node("yelb-appserver-a", types.PortProtocolHttp, 4567)
		w.task("yelb-appserver-a")
		scrapes(3)
		dimensions := classDimensions("yelb-appserver", "yelb-appserver-a", "5")
		if _, points := w.recorded.of(metric, dimensions); points != 2 {
			t.Errorf("%d datapoints after three scrapes of a task without traffic, want 2", points)
		}
		w.edit("yelb-appserver-a", func([]cloudmap.Instance) []cloudmap.Instance {
			return []cloudmap.Instance{{ID: "by-hand", Healthy: true, Attributes: map[string]string{"AWS_INSTANCE_IPV4": "10.9.9.9"}}}
		})
		scrapes(5)
		if _, points := w.recorded.of(metric, dimensions); points != 2 {
			t.Errorf("%d datapoints after the task is gone, want still 2", points)
		}
		w.task("yelb-appserver-a")
		scrapes(2)
		if _, points := w.recorded.of(metric, dimensions); points != 3 {
			t.Errorf("%d datapoints after two scrapes of the next task, want 3", points)
		}
	})
}

func TestScrapeIntervalIsAnOption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pipenet.New(), mesh.WithScrapeInterval(time.Minute))
		w.node("yelb-appserver-a", types.PortProtocolHttp, 4567)
		w.task("yelb-appserver-a")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		_, points := w.recorded.of(metric, classDimensions("yelb-appserver", "yelb-appserver-a", "5"))
		if points != 9 {
			t.Errorf("%d datapoints in ten minutes, want 9", points)
		}
	})
}

func TestTheRequestTimeoutIsA504ThatNoIngressCounts(t *testing.T) {
	cases := map[string]struct {
		timeout *types.HttpTimeout
		want    time.Duration
	}{
		"App Mesh's default": {nil, 15 * time.Second},
		"the route's":        {&types.HttpTimeout{PerRequest: &types.Duration{Unit: types.DurationUnitMs, Value: aws.Int64(250)}}, 250 * time.Millisecond},
		"none":               {&types.HttpTimeout{PerRequest: &types.Duration{Unit: types.DurationUnitS, Value: aws.Int64(0)}}, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, pipenet.New())
				w.service(appservice, types.PortProtocolHttp, 4567)
				w.node("yelb-appserver-a", types.PortProtocolHttp, 4567)
				_, ip := w.task("yelb-appserver-a")
				w.app(ip, 4567, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					select {
					case <-r.Context().Done():
					case <-time.After(time.Hour):
					}
				}))
				spec := httpRoute(target("yelb-appserver-a", 100))
				spec.HttpRoute.Timeout = c.timeout
				w.routes(appservice, spec)
				client := w.client()
				scrapes(1)
				want, after := http.StatusGatewayTimeout, c.want
				if c.want == 0 {
					want, after = http.StatusOK, time.Hour
				}
				start := time.Now()
				status, _ := get(t, client, page)
				if took := time.Since(start); status != want || took != after {
					t.Errorf("status %d after %v, want %d after %v", status, took, want, after)
				}
				scrapes(1)
				got, _ := w.recorded.of(metric, classDimensions("yelb-appserver", "yelb-appserver-a", "5"))
				if got != 0 {
					t.Errorf("class 5: %v, want 0", got)
				}
			})
		})
	}
}

func TestTheIdleTimeoutBoundsSilenceWithinAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pipenet.New())
		w.service(appservice, types.PortProtocolHttp, 4567)
		w.node("yelb-appserver-a", types.PortProtocolHttp, 4567)
		_, ip := w.task("yelb-appserver-a")
		w.app(ip, 4567, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for i := range 5 {
				_, _ = w.Write([]byte{'0' + byte(i)})
				_ = http.NewResponseController(w).Flush()
				time.Sleep(900 * time.Millisecond)
			}
			<-r.Context().Done()
		}))
		spec := httpRoute(target("yelb-appserver-a", 100))
		spec.HttpRoute.Timeout = &types.HttpTimeout{
			Idle:       &types.Duration{Unit: types.DurationUnitS, Value: aws.Int64(1)},
			PerRequest: &types.Duration{Unit: types.DurationUnitS, Value: aws.Int64(0)},
		}
		w.routes(appservice, spec)
		client := w.client()
		text, err := readAll(t.Context(), client, page)
		if err == nil || text != "01234" {
			t.Errorf("read %q with error %v, want all five parts and then an error", text, err)
		}
	})
}

func TestAListenerFollowsTheView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pipenet.New())
		if got := w.mesh.HTTPAddress(appservice); got != "" {
			t.Errorf("address of an unknown virtual service: %q", got)
		}
		w.service(appservice, types.PortProtocolHttp, 4567)
		first := w.mesh.HTTPAddress(appservice)
		w.service(dbservice, types.PortProtocolTcp, 5432)
		if w.mesh.HTTPAddress(appservice) != first || first == "" {
			t.Error("the listener did not keep its address when another came")
		}
		if w.mesh.TCPAddress(dbservice) == "" || w.mesh.HTTPAddress(dbservice) != "" || w.mesh.TCPAddress(appservice) != "" {
			t.Error("the addresses do not tell tcp and http apart")
		}
		w.change(func(v *appmesh.View) { delete(v.VirtualServices, meshName+"/"+appservice) })
		if got := w.mesh.HTTPAddress(appservice); got != "" {
			t.Errorf("address of a deleted virtual service: %q", got)
		}
		if _, err := w.network.Dial(t.Context(), first); err == nil {
			t.Error("the listener of a deleted virtual service still accepts")
		}
		w.service(appservice, types.PortProtocolHttp, 4567)
		scrapes(1)
		second := w.mesh.HTTPAddress(appservice)
		w.mesh.Close()
		if _, err := w.network.Dial(context.Background(), second); err == nil {
			t.Error("a closed mesh still accepts")
		}
		if _, err := w.mesh.Dial(context.Background(), dbservice+":5432"); err == nil {
			t.Error("a closed mesh still dials")
		}
	})
}
