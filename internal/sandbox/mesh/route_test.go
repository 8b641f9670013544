package mesh_test

import (
	"io"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/appmesh"
	"serin/internal/sandbox/cloudmap"
	"serin/internal/sandbox/mesh"
	"serin/internal/sandbox/region"
)

const page = "http://" + appservice + ":4567/"

// get sends a GET and returns the status and the text.
func get(tb testing.TB, client *http.Client, url string) (int, string) {
	tb.Helper()
	return do(tb, client, http.MethodGet, url, nil, nil)
}

func do(tb testing.TB, client *http.Client, method, url string, header http.Header, body io.Reader) (int, string) {
	tb.Helper()
	request, err := http.NewRequestWithContext(tb.Context(), method, url, body)
	if err != nil {
		tb.Fatal(err)
	}
	maps.Copy(request.Header, header)
	response, err := client.Do(request)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestTrafficFollowsRelativeWeights(t *testing.T) {
	cases := map[string]struct {
		a, b      int32
		low, high int // of 1000 requests to b, six standard deviations around the share
	}{
		"thirty percent":       {70, 30, 213, 387},
		"sum below a hundred":  {50, 10, 96, 237},
		"weight 0 gets none":   {100, 0, 0, 0},
		"everything to one":    {0, 40, 1000, 1000},
		"one percent":          {99, 1, 0, 29},
		"equal and very small": {1, 1, 405, 595},
	}
	w := newWorld(t, region.Loopback{})
	w.service(appservice, types.PortProtocolHttp, 4567)
	w.version("yelb-appserver-a")
	w.version("yelb-appserver-b")
	client := w.client()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w.routes(appservice, httpRoute(target("yelb-appserver-a", c.a), target("yelb-appserver-b", c.b)))
			got := 0
			for range 1000 {
				status, text := get(t, client, page)
				if status != http.StatusOK {
					t.Fatalf("status %d", status)
				}
				if text == "yelb-appserver-b" {
					got++
				}
			}
			if got < c.low || got > c.high {
				t.Errorf("b got %d of 1000, want %d to %d", got, c.low, c.high)
			}
		})
	}
}

func TestWeightsHoldForTheNextRequestOfAnOpenConnection(t *testing.T) {
	w := newWorld(t, region.Loopback{})
	w.service(appservice, types.PortProtocolHttp, 4567)
	w.version("yelb-appserver-a")
	w.version("yelb-appserver-b")
	client := w.client()
	for i := range 20 {
		wanted := []string{"yelb-appserver-a", "yelb-appserver-b"}[i%2]
		w.routes(appservice, httpRoute(target(wanted, 100)))
		if _, got := get(t, client, page); got != wanted {
			t.Fatalf("request %d went to %s, want %s", i, got, wanted)
		}
	}
}

func TestTasksOfANodeTakeTurns(t *testing.T) {
	w := newWorld(t, region.Loopback{})
	w.service(appservice, types.PortProtocolHttp, 4567)
	w.node("yelb-appserver-a", types.PortProtocolHttp, 4567)
	for _, name := range []string{"first", "second", "third"} {
		_, ip := w.task("yelb-appserver-a")
		w.app(ip, 4567, says(name))
	}
	w.routes(appservice, httpRoute(target("yelb-appserver-a", 100)))
	client := w.client()
	turns := func(n int) string {
		var names []string
		for range n {
			_, text := get(t, client, page)
			names = append(names, text)
		}
		return strings.Join(names, " ")
	}
	if got := turns(4); got != "first second third first" {
		t.Errorf("turns: %s", got)
	}
	w.edit("yelb-appserver-a", func(all []cloudmap.Instance) []cloudmap.Instance {
		all[1].Healthy = false
		return all
	})
	if got := turns(4); strings.Contains(got, "second") || !strings.Contains(got, "third") {
		t.Errorf("turns with an unhealthy second: %s", got)
	}
}

func TestInstancesMustHaveTheAttributesOfTheNode(t *testing.T) {
	w := newWorld(t, region.Loopback{})
	w.service(appservice, types.PortProtocolHttp, 4567)
	w.version("yelb-appserver-a")
	w.change(func(v *appmesh.View) {
		spec := *v.VirtualNodes[meshName+"/yelb-appserver-a"].Spec
		spec.ServiceDiscovery = &types.ServiceDiscoveryMemberAwsCloudMap{Value: types.AwsCloudMapServiceDiscovery{
			NamespaceName: aws.String(namespace), ServiceName: aws.String("yelb-appserver-a"),
			Attributes: []types.AwsCloudMapInstanceAttribute{{Key: aws.String("colour"), Value: aws.String("blue")}},
		}}
		data := *v.VirtualNodes[meshName+"/yelb-appserver-a"]
		data.Spec = &spec
		v.VirtualNodes[meshName+"/yelb-appserver-a"] = &data
	})
	w.routes(appservice, httpRoute(target("yelb-appserver-a", 100)))
	client := w.client()
	if status, _ := get(t, client, page); status != http.StatusServiceUnavailable {
		t.Errorf("without the attribute: status %d, want 503", status)
	}
	w.edit("yelb-appserver-a", func(all []cloudmap.Instance) []cloudmap.Instance {
		all[0].Attributes["colour"] = "blue"
		return all
	})
	if status, _ := get(t, client, page); status != http.StatusOK {
		t.Errorf("with the attribute: status %d, want 200", status)
	}
}

func TestRoutesMatch(t *testing.T) {
	header := func(name string, invert bool, match types.HeaderMatchMethod) *types.HttpRouteMatch {
		return &types.HttpRouteMatch{Prefix: aws.String("/"), Headers: []types.HttpRouteHeader{
			{Name: &name, Invert: &invert, Match: match},
		}}
	}
	query := func(name string, match *types.QueryParameterMatch) *types.HttpRouteMatch {
		return &types.HttpRouteMatch{Prefix: aws.String("/"), QueryParameters: []types.HttpQueryParameter{
			{Name: &name, Match: match},
		}}
	}
	type call struct {
		method, path string
		header       http.Header
	}
	cases := map[string]struct {
		match    *types.HttpRouteMatch
		hit, not []call
	}{
		"prefix": {
			match: &types.HttpRouteMatch{Prefix: aws.String("/api")},
			hit:   []call{{path: "api"}, {path: "api/getvotes"}},
			not:   []call{{path: ""}, {path: "web/api"}},
		},
		"exact path": {
			match: &types.HttpRouteMatch{Path: &types.HttpPathMatch{Exact: aws.String("/api/ihop")}},
			hit:   []call{{path: "api/ihop"}, {path: "api/ihop?x=1"}},
			not:   []call{{path: "api/ihop/"}, {path: "api"}},
		},
		"regular expression of the whole path": {
			match: &types.HttpRouteMatch{Path: &types.HttpPathMatch{Regex: aws.String("/api/(ihop|outback)")}},
			hit:   []call{{path: "api/ihop"}, {path: "api/outback?x=1"}},
			not:   []call{{path: "api/ihop2"}, {path: "x/api/ihop"}},
		},
		"expression that does not compile": {
			match: &types.HttpRouteMatch{Path: &types.HttpPathMatch{Regex: aws.String("(")}},
			not:   []call{{path: "("}},
		},
		"method": {
			match: &types.HttpRouteMatch{Prefix: aws.String("/"), Method: types.HttpMethodPost},
			hit:   []call{{method: http.MethodPost}},
			not:   []call{{method: http.MethodGet}},
		},
		"scheme": {
			match: &types.HttpRouteMatch{Prefix: aws.String("/"), Scheme: types.HttpSchemeHttps},
			not:   []call{{}},
		},
		"port of the listener": {
			match: &types.HttpRouteMatch{Prefix: aws.String("/"), Port: aws.Int32(4567)},
			hit:   []call{{}},
		},
		"another port": {
			match: &types.HttpRouteMatch{Prefix: aws.String("/"), Port: aws.Int32(4568)},
			not:   []call{{}},
		},
		"header present": {
			match: header("x-canary", false, nil),
			hit:   []call{{header: http.Header{"X-Canary": {""}}}},
			not:   []call{{}},
		},
		"header absent": {
			match: header("x-canary", true, nil),
			hit:   []call{{}},
			not:   []call{{header: http.Header{"X-Canary": {"yes"}}}},
		},
		"header exact": {
			match: header("X-Canary", false, &types.HeaderMatchMethodMemberExact{Value: "yes"}),
			hit:   []call{{header: http.Header{"X-Canary": {"yes"}}}},
			not:   []call{{header: http.Header{"X-Canary": {"no"}}}, {}},
		},
		"header inverted must still be there": {
			match: header("X-Canary", true, &types.HeaderMatchMethodMemberExact{Value: "yes"}),
			hit:   []call{{header: http.Header{"X-Canary": {"no"}}}},
			not:   []call{{header: http.Header{"X-Canary": {"yes"}}}, {}},
		},
		"header prefix": {
			match: header("X-Canary", false, &types.HeaderMatchMethodMemberPrefix{Value: "qa-"}),
			hit:   []call{{header: http.Header{"X-Canary": {"qa-1"}}}},
			not:   []call{{header: http.Header{"X-Canary": {"1-qa"}}}},
		},
		"header suffix": {
			match: header("X-Canary", false, &types.HeaderMatchMethodMemberSuffix{Value: "-qa"}),
			hit:   []call{{header: http.Header{"X-Canary": {"1-qa"}}}},
			not:   []call{{header: http.Header{"X-Canary": {"qa-1"}}}},
		},
		"header regular expression": {
			match: header("X-Canary", false, &types.HeaderMatchMethodMemberRegex{Value: "qa[0-9]+"}),
			hit:   []call{{header: http.Header{"X-Canary": {"qa12"}}}},
			not:   []call{{header: http.Header{"X-Canary": {"qa12x"}}}},
		},
		"header range without its end": {
			match: header("X-Canary", false, &types.HeaderMatchMethodMemberRange{Value: types.MatchRange{
				Start: aws.Int64(-1), End: aws.Int64(5),
			}}),
			hit: []call{{header: http.Header{"X-Canary": {"-1"}}}, {header: http.Header{"X-Canary": {"4"}}}},
			not: []call{{header: http.Header{"X-Canary": {"5"}}}, {header: http.Header{"X-Canary": {"four"}}}},
		},
		"query parameter present": {
			match: query("debug", nil),
			hit:   []call{{path: "?debug"}, {path: "?a=1&debug=0"}},
			not:   []call{{path: "?a=debug"}},
		},
		"query parameter exact": {
			match: query("debug", &types.QueryParameterMatch{Exact: aws.String("on")}),
			hit:   []call{{path: "?debug=on"}},
			not:   []call{{path: "?debug=off"}, {path: "?debug"}},
		},
	}
	w := newWorld(t, region.Loopback{})
	w.service(appservice, types.PortProtocolHttp, 4567)
	w.version("yelb-appserver-a")
	client := w.client()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			spec := httpRoute(target("yelb-appserver-a", 100))
			spec.HttpRoute.Match = c.match
			w.routes(appservice, spec)
			check := func(calls []call, want int) {
				for _, call := range calls {
					method := call.method
					if method == "" {
						method = http.MethodGet
					}
					if got, _ := do(t, client, method, page+call.path, call.header, nil); got != want {
						t.Errorf("%s /%s %v: status %d, want %d", method, call.path, call.header, got, want)
					}
				}
			}
			check(c.hit, http.StatusOK)
			check(c.not, http.StatusNotFound)
		})
	}
}

func TestTheFirstRouteThatMatchesWins(t *testing.T) {
	w := newWorld(t, region.Loopback{})
	w.service(appservice, types.PortProtocolHttp, 4567)
	w.version("yelb-appserver-a")
	w.version("yelb-appserver-b")
	special := httpRoute(target("yelb-appserver-b", 100))
	special.HttpRoute.Match.Prefix = aws.String("/api")
	tcp := tcpRoute(target("yelb-appserver-b", 100))
	w.routes(appservice, tcp, special, httpRoute(target("yelb-appserver-a", 100)))
	client := w.client()
	if _, got := get(t, client, page+"api/x"); got != "yelb-appserver-b" {
		t.Errorf("/api/x went to %s", got)
	}
	if _, got := get(t, client, page); got != "yelb-appserver-a" {
		t.Errorf("/ went to %s", got)
	}
}

func TestInjectedRandomDecides(t *testing.T) {
	var draw atomic.Int64
	w := newWorld(t, region.Loopback{}, mesh.WithRandom(func(n int) int { return int(draw.Load()) % n }))
	w.service(appservice, types.PortProtocolHttp, 4567)
	w.version("yelb-appserver-a")
	w.version("yelb-appserver-b")
	w.routes(appservice, httpRoute(target("yelb-appserver-a", 70), target("yelb-appserver-b", 30)))
	client := w.client()
	for value, want := range map[int64]string{0: "a", 69: "a", 70: "b", 99: "b"} {
		draw.Store(value)
		if _, got := get(t, client, page); got != "yelb-appserver-"+want {
			t.Errorf("draw %d went to %s, want %s", value, got, want)
		}
	}
}
