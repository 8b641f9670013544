package mesh_test

import (
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/mesh"
	"serin/internal/sandbox/pipenet"
)

// passing is a world without listeners in which a service has two versions.
func passing(t *testing.T, service string, protocol types.PortProtocol, port int32, route *types.RouteSpec) *world {
	t.Helper()
	turn := 0
	w := newWorld(t, pipenet.New(), mesh.WithoutListeners(), mesh.WithRandom(func(n int) int { turn++; return turn % n }))
	w.service(service, protocol, port)
	for _, node := range []string{"v-1", "v-2"} {
		w.node(node, protocol, port)
		_, ip := w.task(node)
		w.addresses[ip+":"+map[int32]string{4567: "4567", 5432: "5432"}[port]] = "still.test:" + node
	}
	w.routes(service, route)
	return w
}

func TestWhatIsPassedGoesByWeightAndIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		route := retried("v-1", "server-error")
		route.HttpRoute.Action.WeightedTargets = []types.WeightedTarget{target("v-1", 75), target("v-2", 25)}
		w := passing(t, appservice, types.PortProtocolHttp, 4567, route)
		defer w.close()
		asked := map[string]int{}
		answer := func(status int) func(string) int {
			return func(address string) int { asked[address]++; return status }
		}
		for range 100 {
			if got := w.mesh.Pass(appservice+":4567", "/", answer(200)); got != 200 {
				t.Fatalf("answered %d", got)
			}
		}
		if asked["still.test:v-1"] != 75 || asked["still.test:v-2"] != 25 {
			t.Errorf("asked %v, want 75 and 25", asked)
		}
		clear(asked)
		if got := w.mesh.Pass(appservice+":4567", "/", answer(500)); got != 500 || asked["still.test:v-1"]+asked["still.test:v-2"] != 3 {
			t.Errorf("answered %d after %v, want 500 after three tries", got, asked)
		}
		if got := w.mesh.Pass(appservice+":4567", "/", answer(0)); got != 503 {
			t.Errorf("without an answer: %d, want 503", got)
		}
		for _, nowhere := range []string{appservice + ":80", "other.yelb.local:4567", appservice} {
			if got := w.mesh.Pass(nowhere, "/", answer(200)); got != 0 {
				t.Errorf("%s answers %d", nowhere, got)
			}
		}
	})
}

func TestAPassedConnectionIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := passing(t, dbservice, types.PortProtocolTcp, 5432, tcpRoute(target("v-1", 1)))
		defer w.close()
		reached := ""
		if got := w.mesh.Pass(dbservice+":5432", "", func(address string) int { reached = address; return 200 }); got != 200 || reached != "still.test:v-1" {
			t.Errorf("%d at %s", got, reached)
		}
		if w.mesh.TCPAddress(dbservice) != "" {
			t.Error("a mesh without listeners listens")
		}
	})
}
