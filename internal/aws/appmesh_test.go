package aws

import (
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/engine"
)

func routeData(version int64, spec *types.RouteSpec) *types.RouteData {
	return &types.RouteData{
		Spec: spec, Metadata: &types.ResourceMetadata{Version: &version},
		Status: &types.RouteStatus{Status: types.RouteStatusCodeActive},
	}
}

func at(node string, weight int32) types.WeightedTarget {
	return types.WeightedTarget{VirtualNode: &node, Weight: weight}
}

// httpSpec is a route that an operator has tuned.
func httpSpec(targets ...types.WeightedTarget) *types.RouteSpec {
	return &types.RouteSpec{
		Priority: aws.Int32(7),
		HttpRoute: &types.HttpRoute{
			Action: &types.HttpRouteAction{WeightedTargets: targets},
			Match: &types.HttpRouteMatch{Prefix: aws.String("/"), Headers: []types.HttpRouteHeader{
				{Name: aws.String("x-tenant"), Match: &types.HeaderMatchMethodMemberExact{Value: "a"}},
			}},
			Timeout: &types.HttpTimeout{Idle: &types.Duration{Unit: types.DurationUnitS, Value: aws.Int64(30)}},
		},
	}
}

func meshWith(targets ...types.WeightedTarget) *meshFake {
	return &meshFake{route: routeData(4, httpSpec(targets...))}
}

func (m *meshFake) router() *Router { return NewRouter(m, here(), "") }

func weights(pairs ...any) []engine.Weight {
	var out []engine.Weight
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, engine.Weight{Sha: pairs[i].(string), Weight: pairs[i+1].(int)})
	}
	return out
}

func TestRouteReadsARoute(t *testing.T) {
	mesh := meshWith(at("yelb-appserver-aaaa", 70), at("yelb-appserver-bbbb", 20), at("yelb-appserver-legacy-x", 10))
	var asked *appmesh.DescribeRouteInput
	mesh.onDescribeRoute = func(in *appmesh.DescribeRouteInput) error { asked = in; return nil }
	route, err := NewRouter(mesh, here(), "123456789012").Route(t.Context(), appserver())
	if err != nil {
		t.Fatal(err)
	}
	want := []engine.Target{
		{Name: "yelb-appserver-aaaa", Sha: "aaaa", Weight: 70},
		{Name: "yelb-appserver-bbbb", Sha: "bbbb", Weight: 20},
		{Name: "yelb-appserver-legacy-x", Weight: 10},
	}
	if !route.Exists || route.Revision != "4" || !reflect.DeepEqual(route.Targets, want) || route.ReadAt.IsZero() {
		t.Errorf("read %+v", route)
	}
	if *asked.MeshName != "ecs-blogpost" || *asked.VirtualRouterName != "yelb-appserver-vr" ||
		*asked.RouteName != "yelb-appserver-route" || *asked.MeshOwner != "123456789012" {
		t.Errorf("asked for %+v", asked)
	}
}

func TestRouteOfEveryProtocol(t *testing.T) {
	targets := []types.WeightedTarget{at("yelb-appserver-aaaa", 100)}
	for name, spec := range map[string]*types.RouteSpec{
		"http":  {HttpRoute: &types.HttpRoute{Action: &types.HttpRouteAction{WeightedTargets: targets}}},
		"http2": {Http2Route: &types.HttpRoute{Action: &types.HttpRouteAction{WeightedTargets: targets}}},
		"grpc":  {GrpcRoute: &types.GrpcRoute{Action: &types.GrpcRouteAction{WeightedTargets: targets}}},
		"tcp":   {TcpRoute: &types.TcpRoute{Action: &types.TcpRouteAction{WeightedTargets: targets}}},
	} {
		t.Run(name, func(t *testing.T) {
			mesh := &meshFake{route: routeData(1, spec)}
			if string(protocolOf(spec)) != name {
				t.Errorf("protocol is %s", protocolOf(spec))
			}
			route, err := mesh.router().Route(t.Context(), appserver())
			if err != nil || route.Weight("aaaa") != 100 {
				t.Fatalf("read %+v, %v", route, err)
			}
			split := engine.Split{Weights: weights("aaaa", 40, "bbbb", 60), Token: "t"}
			if err := mesh.router().SetWeights(t.Context(), appserver(), split); err != nil {
				t.Fatal(err)
			}
			route, err = mesh.router().Route(t.Context(), appserver())
			if err != nil || route.Weight("aaaa") != 40 || route.Weight("bbbb") != 60 {
				t.Errorf("read %+v, %v", route, err)
			}
		})
	}
}

func TestShapeIsOfAllButTheTargets(t *testing.T) {
	shape := func(spec *types.RouteSpec) string {
		route, err := (&meshFake{route: routeData(1, spec)}).router().Route(t.Context(), appserver())
		if err != nil {
			t.Fatal(err)
		}
		return route.Shape
	}
	one := shape(httpSpec(at("yelb-appserver-aaaa", 100)))
	if other := shape(httpSpec(at("yelb-appserver-aaaa", 1), at("x", 2))); other != one {
		t.Error("the shape changes with the targets")
	}
	tuned := httpSpec(at("yelb-appserver-aaaa", 100))
	tuned.HttpRoute.Timeout.Idle.Value = aws.Int64(31)
	if shape(tuned) == one {
		t.Error("the shape does not change with a timeout")
	}
	first := httpSpec(at("yelb-appserver-aaaa", 100))
	first.Priority = nil
	if shape(first) == one {
		t.Error("the shape does not change with the priority")
	}
}

func TestWhatIsMissingIsTold(t *testing.T) {
	service := appserver()
	if route, err := (&meshFake{}).router().Route(t.Context(), service); err != nil || route.Exists || route.ReadAt.IsZero() {
		t.Errorf("no route: %+v, %v", route, err)
	}
	gone := meshWith(at("yelb-appserver-aaaa", 100))
	gone.route.Status.Status = types.RouteStatusCodeDeleted
	if route, err := gone.router().Route(t.Context(), service); err != nil || route.Exists {
		t.Errorf("a deleted route: %+v, %v", route, err)
	}
	_, err := (&meshFake{noRouter: true}).router().Route(t.Context(), service)
	wantFault(t, err, engine.NotFound, "environment ecs-blogpost has no virtual router yelb-appserver-vr")
	_, err = (&meshFake{noMesh: true}).router().Route(t.Context(), service)
	wantFault(t, err, engine.NotFound, "environment ecs-blogpost has no mesh in us-west-2")
	denied := func() error { return said("App Mesh", "DescribeVirtualRouter", 403, "AccessDeniedException", "no") }
	_, err = (&meshFake{onDescribeRouter: denied}).router().Route(t.Context(), service)
	wantFault(t, err, engine.Denied, "appmesh:DescribeVirtualRouter")
	_, err = (&meshFake{noRouter: true, onDescribeMesh: denied}).router().Route(t.Context(), service)
	wantFault(t, err, engine.Denied)
}

func TestUnlawfulRoutesAreRefused(t *testing.T) {
	unknown := httpSpec(at("yelb-appserver-aaaa", 100))
	unknown.HttpRoute.Match.Headers[0].Match = &types.UnknownUnionMember{Tag: "contains"}
	two := httpSpec(at("yelb-appserver-aaaa", 100))
	two.TcpRoute = &types.TcpRoute{Action: &types.TcpRouteAction{}}
	for name, c := range map[string]struct {
		spec  *types.RouteSpec
		words string
	}{
		"a union that is not known": {unknown, "cannot be written back unchanged"},
		"no specification":          {nil, "no specification"},
		"no action":                 {&types.RouteSpec{}, "0 actions"},
		"two actions":               {two, "2 actions"},
		"a version twice":           {httpSpec(at("yelb-appserver-aaaa", 50), at("yelb-appserver-aaaa", 50)), "aaaa twice"},
	} {
		t.Run(name, func(t *testing.T) {
			mesh := &meshFake{route: routeData(1, c.spec)}
			_, err := mesh.router().Route(t.Context(), appserver())
			wantFault(t, err, engine.Invalid, c.words)
			err = mesh.router().SetWeights(t.Context(), appserver(), engine.Split{Weights: weights("bbbb", 0), Token: "t"})
			wantFault(t, err, engine.Invalid, c.words)
			if len(mesh.updates) != 0 {
				t.Error("it was written")
			}
		})
	}
}

func TestSetWeightsChangesWeights(t *testing.T) {
	port := aws.Int32(8080)
	canary := types.WeightedTarget{VirtualNode: aws.String("yelb-appserver-bbbb"), Weight: 10, Port: port}
	for name, c := range map[string]struct {
		before, after []types.WeightedTarget
		split         engine.Split
	}{
		"shift": {
			[]types.WeightedTarget{at("yelb-appserver-aaaa", 90), canary},
			[]types.WeightedTarget{at("yelb-appserver-aaaa", 70), {VirtualNode: canary.VirtualNode, Weight: 30, Port: port}},
			engine.Split{Weights: weights("bbbb", 30, "aaaa", 70), After: "4"},
		},
		"add": {
			[]types.WeightedTarget{{VirtualNode: aws.String("yelb-appserver-aaaa"), Weight: 100, Port: port}},
			[]types.WeightedTarget{
				{VirtualNode: aws.String("yelb-appserver-aaaa"), Weight: 90, Port: port}, canary,
			},
			engine.Split{Weights: weights("aaaa", 90, "bbbb", 10)},
		},
		"add at nothing": {
			[]types.WeightedTarget{at("yelb-appserver-aaaa", 100)},
			[]types.WeightedTarget{at("yelb-appserver-aaaa", 100), at("yelb-appserver-bbbb", 0)},
			engine.Split{Weights: weights("aaaa", 100, "bbbb", 0)},
		},
		"drop": {
			[]types.WeightedTarget{at("yelb-appserver-aaaa", 50), at("yelb-appserver-bbbb", 50)},
			[]types.WeightedTarget{at("yelb-appserver-bbbb", 100)},
			engine.Split{Weights: weights("bbbb", 100), Drop: []string{"aaaa"}},
		},
		"drop what is not there": {
			[]types.WeightedTarget{at("yelb-appserver-aaaa", 50)},
			[]types.WeightedTarget{at("yelb-appserver-aaaa", 100)},
			engine.Split{Weights: weights("aaaa", 100), Drop: []string{"bbbb"}},
		},
		"foreign targets stay": {
			[]types.WeightedTarget{at("old-monolith", 20), at("yelb-appserver-aaaa", 80), at("yelb-appserver-v2-aaaa", 0)},
			[]types.WeightedTarget{at("old-monolith", 20), at("yelb-appserver-aaaa", 40), at("yelb-appserver-v2-aaaa", 0), at("yelb-appserver-bbbb", 40)},
			engine.Split{Weights: weights("aaaa", 40, "bbbb", 40), Drop: []string{"monolith"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			mesh := meshWith(c.before...)
			c.split.Token = "t"
			if err := mesh.router().SetWeights(t.Context(), appserver(), c.split); err != nil {
				t.Fatal(err)
			}
			if len(mesh.updates) != 1 {
				t.Fatalf("%d writes", len(mesh.updates))
			}
			if want := httpSpec(c.after...); !reflect.DeepEqual(mesh.updates[0].Spec, want) {
				got, _ := encodeSpec(mesh.updates[0].Spec)
				wanted, _ := encodeSpec(want)
				t.Errorf("wrote %s\nwant  %s", got, wanted)
			}
		})
	}
}

func TestSetWeightsDoesNotWriteWhatIsThere(t *testing.T) {
	for name, split := range map[string]engine.Split{
		"the same":                 {Weights: weights("bbbb", 10, "aaaa", 90), After: "4"},
		"the same after a write":   {Weights: weights("bbbb", 10, "aaaa", 90), After: "3"},
		"dropped is gone":          {Weights: weights("aaaa", 90), Drop: []string{"cccc"}},
		"nothing is asked for":     {},
		"foreign is no concern":    {Drop: []string{""}},
		"create of what is there":  {Weights: weights("aaaa", 90), Create: true},
		"restore of what is there": {Weights: weights("aaaa", 90), Restore: json.RawMessage(`{}`)},
	} {
		t.Run(name, func(t *testing.T) {
			mesh := meshWith(at("yelb-appserver-aaaa", 90), at("yelb-appserver-bbbb", 10), at("other", 0))
			if err := mesh.router().SetWeights(t.Context(), appserver(), split); err != nil {
				t.Fatal(err)
			}
			if len(mesh.updates)+len(mesh.creates) != 0 {
				t.Error("it was written")
			}
		})
	}
}

func TestSetWeightsRefusesWhatNoRouteCanBe(t *testing.T) {
	full := []types.WeightedTarget{at("yelb-appserver-aaaa", 100)}
	for range 9 {
		full = append(full, at("other", 0))
	}
	one := []types.WeightedTarget{at("yelb-appserver-aaaa", 100)}
	for name, c := range map[string]struct {
		before []types.WeightedTarget
		split  engine.Split
		words  string
	}{
		"too much":             {one, engine.Split{Weights: weights("aaaa", 60, "bbbb", 60)}, "add up to 120"},
		"too much with others": {append(one, at("other", 20)), engine.Split{Weights: weights("aaaa", 90), After: "4"}, "other has 20, which is no version of yelb-appserver"},
		"others take it all":   {[]types.WeightedTarget{at("yelb-appserver-aaaa", 0), at("other", 100)}, engine.Split{Weights: weights("aaaa", 90)}, "other has 100"},
		"too many":             {full, engine.Split{Weights: weights("aaaa", 50, "bbbb", 50)}, "11 targets"},
		"nobody":               {one, engine.Split{Weights: weights("aaaa", 0)}, "nobody would be served"},
		"none":                 {one, engine.Split{Drop: []string{"aaaa"}}, "no target left"},
		"negative":             {one, engine.Split{Weights: weights("aaaa", -1)}, "weights are 0 to 100"},
		"over":                 {one, engine.Split{Weights: weights("aaaa", 101)}, "weights are 0 to 100"},
		"twice":                {one, engine.Split{Weights: weights("aaaa", 1, "aaaa", 2)}, "two weights"},
		"both":                 {one, engine.Split{Weights: weights("aaaa", 1), Drop: []string{"aaaa"}}, "dropped at once"},
		"no sha":               {one, engine.Split{Weights: weights("", 1)}, "without a sha"},
	} {
		t.Run(name, func(t *testing.T) {
			mesh := meshWith(c.before...)
			wantFault(t, mesh.router().SetWeights(t.Context(), appserver(), c.split), engine.Invalid, c.words)
			if len(mesh.updates) != 0 {
				t.Error("it was written")
			}
		})
	}
}

func TestSetWeightsSeesDrift(t *testing.T) {
	mesh := meshWith(at("yelb-appserver-aaaa", 100))
	split := engine.Split{Weights: weights("aaaa", 90, "bbbb", 10), After: "3", Token: "t"}
	err := mesh.router().SetWeights(t.Context(), appserver(), split)
	if !errors.Is(err, engine.ErrDrift) || len(mesh.updates) != 0 {
		t.Errorf("%d writes, %v", len(mesh.updates), err)
	}
	split.After = ""
	if err := mesh.router().SetWeights(t.Context(), appserver(), split); err != nil {
		t.Errorf("a roll back minds the revision: %v", err)
	}
}

func TestSetWeightsSeesAWriteThatFellBetween(t *testing.T) {
	for name, c := range map[string]struct {
		after string
		drift bool
	}{"on a revision": {"4", true}, "on any": {"", false}} {
		t.Run(name, func(t *testing.T) {
			mesh := meshWith(at("yelb-appserver-aaaa", 100))
			mesh.onUpdate = func() error {
				mesh.write(httpSpec(at("yelb-appserver-aaaa", 1)))
				return nil
			}
			err := mesh.router().SetWeights(t.Context(), appserver(),
				engine.Split{Weights: weights("aaaa", 90, "bbbb", 10), After: c.after, Token: "t"})
			if errors.Is(err, engine.ErrDrift) != c.drift {
				t.Errorf("got %v", err)
			}
			if c.drift && !contains(err.Error(), "at revision 4 before this write and at 6 after it") {
				t.Errorf("it is not told: %v", err)
			}
		})
	}
}

func TestARollBackIsWrittenBesideForeignTargets(t *testing.T) {
	mesh := meshWith(at("yelb-appserver-aaaa", 40), at("yelb-appserver-bbbb", 40), at("other", 20))
	split := engine.Split{Weights: weights("aaaa", 100), Drop: []string{"bbbb"}, Token: "t"}
	for range 2 {
		if err := mesh.router().SetWeights(t.Context(), appserver(), split); err != nil {
			t.Fatal(err)
		}
	}
	if len(mesh.updates) != 1 || !reflect.DeepEqual(mesh.route.Spec, httpSpec(at("yelb-appserver-aaaa", 80), at("other", 20))) {
		got, _ := encodeSpec(mesh.route.Spec)
		t.Errorf("%d writes, %s", len(mesh.updates), got)
	}
}

func TestAFirstDeploymentDoesNotTakeAnothersRoute(t *testing.T) {
	mesh := meshWith(at("other", 100))
	err := mesh.router().SetWeights(t.Context(), appserver(), engine.Split{Weights: weights("aaaa", 100), Create: true, Token: "t"})
	if !errors.Is(err, engine.ErrDrift) || len(mesh.updates) != 0 {
		t.Errorf("%d writes, %v", len(mesh.updates), err)
	}
}

func TestARepeatedCallIsOneWrite(t *testing.T) {
	mesh := meshWith(at("yelb-appserver-aaaa", 100))
	lost := operationError("App Mesh", "UpdateRoute", lostConnection())
	mesh.onUpdate = func() error { return lost }
	set := func(token string, weight int) string {
		err := mesh.router().SetWeights(t.Context(), appserver(),
			engine.Split{Weights: weights("aaaa", 100-weight, "bbbb", weight), Token: token})
		wantFault(t, err, engine.Transient, "connection was lost")
		return *mesh.updates[len(mesh.updates)-1].ClientToken
	}
	first := set("t", 10)
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{32,36}$`).MatchString(first) {
		t.Errorf("App Mesh does not take the token %q", first)
	}
	if again := set("t", 10); again != first {
		t.Errorf("the repeated call has another token: %s, %s", first, again)
	}
	if other := set("t", 20); other == first {
		t.Error("another specification has the same token: a conflict")
	}
	if other := set("u", 10); other == first {
		t.Error("another intention has the same token")
	}
	*mesh.route.Metadata.Version++
	if other := set("t", 10); other == first {
		t.Error("another revision has the same token: it would not be written")
	}
}

func TestFirstDeploymentMakesTheRoute(t *testing.T) {
	retries := func(policy *types.HttpRetryPolicy) string {
		return strings.Join(policy.HttpRetryEvents, " ")
	}
	for _, protocol := range []engine.Protocol{engine.HTTP, engine.HTTP2, engine.GRPC, engine.TCP} {
		t.Run(string(protocol), func(t *testing.T) {
			mesh, service := &meshFake{}, appserver()
			service.Protocol = protocol
			split := engine.Split{Weights: weights("aaaa", 100), Create: true, Token: "t"}
			if err := mesh.router().SetWeights(t.Context(), service, split); err != nil {
				t.Fatal(err)
			}
			made := mesh.creates[0]
			if *made.MeshName != "ecs-blogpost" || *made.VirtualRouterName != "yelb-appserver-vr" || *made.RouteName != "yelb-appserver-route" {
				t.Errorf("made %+v", made)
			}
			spec := made.Spec
			if protocolOf(spec) != protocol {
				t.Fatalf("made a route for %s", protocolOf(spec))
			}
			targets, err := targetsOf(spec)
			if err != nil || !reflect.DeepEqual(*targets, []types.WeightedTarget{at("yelb-appserver-aaaa", 100)}) {
				t.Errorf("targets %v, %v", targets, err)
			}
			switch protocol {
			case engine.HTTP, engine.HTTP2:
				web := spec.HttpRoute
				if protocol == engine.HTTP2 {
					web = spec.Http2Route
				}
				if *web.Match.Prefix != "/" || retries(web.RetryPolicy) != "server-error gateway-error" ||
					*web.RetryPolicy.MaxRetries != 2 || *web.RetryPolicy.PerRetryTimeout.Value != 2000 {
					t.Errorf("made %+v", web)
				}
			case engine.GRPC:
				if policy := spec.GrpcRoute.RetryPolicy; policy.GrpcRetryEvents[0] != "unavailable" || *policy.MaxRetries != 2 {
					t.Errorf("made %+v", policy)
				}
			case engine.TCP:
				if idle := spec.TcpRoute.Timeout.Idle; *idle.Value != 2000 || idle.Unit != types.DurationUnitMs {
					t.Errorf("made %+v", idle)
				}
			}
		})
	}
}

func TestFirstDeploymentThatIsRepeated(t *testing.T) {
	conflict := said("App Mesh", "CreateRoute", 409, "ConflictException", "it exists")
	split := engine.Split{Weights: weights("aaaa", 100), Create: true, Token: "t"}
	for name, c := range map[string]struct {
		there engine.Split
		drift bool
	}{
		"the same":  {split, false},
		"different": {engine.Split{Weights: weights("zzzz", 100)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			mesh := &meshFake{}
			mesh.onCreate = func() error {
				mesh.route = routeData(1, httpSpec(at("yelb-appserver-"+c.there.Weights[0].Sha, 100)))
				return conflict
			}
			if err := mesh.router().SetWeights(t.Context(), appserver(), split); errors.Is(err, engine.ErrDrift) != c.drift || !c.drift && err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestARouteThatIsGone(t *testing.T) {
	service := appserver()
	split := engine.Split{Weights: weights("aaaa", 100), Drop: []string{"bbbb"}, Token: "t"}
	err := (&meshFake{}).router().SetWeights(t.Context(), service, split)
	wantFault(t, err, engine.NotFound, "the route is not there", "roll back")
	err = (&meshFake{noMesh: true}).router().SetWeights(t.Context(), service, split)
	wantFault(t, err, engine.NotFound, "has no mesh")

	before := meshWith(at("old", 10), at("yelb-appserver-aaaa", 40), at("yelb-appserver-bbbb", 50))
	route, err := before.router().Route(t.Context(), service)
	if err != nil {
		t.Fatal(err)
	}
	split.Weights, split.Restore = weights("aaaa", 90), route.Document
	mesh := &meshFake{}
	if err := mesh.router().SetWeights(t.Context(), service, split); err != nil {
		t.Fatal(err)
	}
	if want := httpSpec(at("old", 10), at("yelb-appserver-aaaa", 90)); !reflect.DeepEqual(mesh.creates[0].Spec, want) {
		got, _ := encodeSpec(mesh.creates[0].Spec)
		t.Errorf("made %s", got)
	}
	for _, document := range []string{`{}`, `{"app_mesh":{"x":1}}`, `{"app_mesh":{}}`, `no`} {
		split.Restore = json.RawMessage(document)
		wantFault(t, (&meshFake{}).router().SetWeights(t.Context(), service, split), engine.Invalid)
	}
	split.Restore = route.Document
	err = (&meshFake{noRouter: true, onCreate: func() error { return mesh.notFound("CreateRoute") }}).
		router().SetWeights(t.Context(), service, split)
	wantFault(t, err, engine.NotFound, "has no virtual router")
	service.Protocol = "udp"
	err = (&meshFake{}).router().SetWeights(t.Context(), service, engine.Split{Weights: weights("a", 100), Create: true})
	wantFault(t, err, engine.Invalid, `no protocol "udp"`)
}

func TestRemoveRoute(t *testing.T) {
	missing := func() error { return said("App Mesh", "DeleteRoute", 404, "NotFoundException", "gone") }
	for name, c := range map[string]struct {
		mesh    *meshFake
		sha     string
		deletes int
		drift   string
	}{
		"its own":                {meshWith(at("yelb-appserver-aaaa", 100)), "aaaa", 1, ""},
		"not there":              {&meshFake{}, "aaaa", 0, ""},
		"no mesh either":         {&meshFake{noMesh: true}, "aaaa", 0, ""},
		"gone meanwhile":         {func() *meshFake { m := meshWith(at("yelb-appserver-aaaa", 100)); m.onDelete = missing; return m }(), "aaaa", 1, ""},
		"another's":              {meshWith(at("yelb-appserver-bbbb", 100)), "aaaa", 0, "it names yelb-appserver-bbbb"},
		"shared":                 {meshWith(at("yelb-appserver-aaaa", 100), at("yelb-appserver-bbbb", 0)), "aaaa", 0, "it names yelb-appserver-bbbb"},
		"shared with a stranger": {meshWith(at("yelb-appserver-aaaa", 50), at("old", 50)), "aaaa", 0, "it names old"},
		"of nobody":              {meshWith(at("old", 50)), "", 0, "it names old"},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.mesh.router().RemoveRoute(t.Context(), appserver(), c.sha)
			if c.mesh.deletes != c.deletes || errors.Is(err, engine.ErrDrift) != (c.drift != "") {
				t.Errorf("%d deletes, %v", c.mesh.deletes, err)
			}
			if c.drift != "" && !contains(err.Error(), c.drift) {
				t.Errorf("it is not told: %v", err)
			}
		})
	}
}

func TestRouterTroubles(t *testing.T) {
	split := engine.Split{Weights: weights("aaaa", 90, "bbbb", 10), Token: "t"}
	first := engine.Split{Weights: weights("aaaa", 100), Create: true, Token: "t"}
	for operation, call := range map[string]func(err error) error{
		"DescribeRoute": func(failure error) error {
			mesh := &meshFake{onDescribeRoute: func(*appmesh.DescribeRouteInput) error { return failure }}
			_, err := mesh.router().Route(t.Context(), appserver())
			return err
		},
		"UpdateRoute": func(failure error) error {
			mesh := meshWith(at("yelb-appserver-aaaa", 100))
			mesh.onUpdate = func() error { return failure }
			return mesh.router().SetWeights(t.Context(), appserver(), split)
		},
		"CreateRoute": func(failure error) error {
			mesh := &meshFake{onCreate: func() error { return failure }}
			return mesh.router().SetWeights(t.Context(), appserver(), first)
		},
		"DeleteRoute": func(failure error) error {
			mesh := meshWith(at("yelb-appserver-aaaa", 100))
			mesh.onDelete = func() error { return failure }
			return mesh.router().RemoveRoute(t.Context(), appserver(), "aaaa")
		},
	} {
		t.Run(operation, func(t *testing.T) { testTroubles(t, "App Mesh", operation, call) })
	}
}
