package aws

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
	"pgregory.net/rapid"
)

// routeWords are the words of the SDK's enumerations; a new one of App Mesh's must pass
// through unchanged as well.
var routeWords = []string{"GET", "https", "s", "ms", "server-error", "unavailable", "connection-error", "new-one", "ü\"\\"}

// fill draws an SDK value: every optional member present or not, every list of zero to
// three, every member of every union.
func fill(t *rapid.T, value reflect.Value) {
	switch value.Kind() {
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "present") {
			value.Set(reflect.New(value.Type().Elem()))
			fill(t, value.Elem())
		}
	case reflect.Interface:
		if members := routeUnions[value.Type()]; rapid.Bool().Draw(t, "present") {
			member := reflect.New(rapid.SampledFrom(members).Draw(t, "member"))
			fill(t, member.Elem().FieldByName("Value"))
			value.Set(member)
		}
	case reflect.Struct:
		for field, member := range value.Fields() {
			if field.IsExported() {
				fill(t, member)
			}
		}
	case reflect.Slice:
		if length := rapid.IntRange(-1, 3).Draw(t, "length"); length >= 0 {
			value.Set(reflect.MakeSlice(value.Type(), length, length))
			for i := range length {
				fill(t, value.Index(i))
			}
		}
	case reflect.String:
		value.SetString(rapid.SampledFrom(routeWords).Draw(t, "text"))
	case reflect.Bool:
		value.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int32:
		value.SetInt(int64(rapid.Int32Range(0, 1000).Draw(t, "number")))
	case reflect.Int64:
		value.SetInt(rapid.Int64().Draw(t, "long"))
	default:
		t.Fatalf("a %s in a route", value.Type())
	}
}

func anySpec(t *rapid.T) *types.RouteSpec {
	spec := new(types.RouteSpec)
	fill(t, reflect.ValueOf(spec).Elem())
	return spec
}

func TestEveryRouteIsRebuiltExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := anySpec(t)
		document, err := encodeSpec(spec)
		if err != nil {
			t.Fatal(err)
		}
		rebuilt, err := decodeSpec(document)
		if err != nil {
			t.Fatalf("%v in %s", err, document)
		}
		if !reflect.DeepEqual(spec, rebuilt) {
			t.Fatalf("rebuilt %#v from %s", rebuilt, document)
		}
	})
}

func TestEveryUnionMemberIsRebuilt(t *testing.T) {
	members := map[string]*types.RouteSpec{}
	header := func(name string, match types.HeaderMatchMethod) {
		members["header "+name] = &types.RouteSpec{HttpRoute: &types.HttpRoute{Match: &types.HttpRouteMatch{
			Headers: []types.HttpRouteHeader{{Name: aws.String("h"), Match: match}},
		}}}
	}
	metadata := func(name string, match types.GrpcRouteMetadataMatchMethod) {
		members["metadata "+name] = &types.RouteSpec{GrpcRoute: &types.GrpcRoute{Match: &types.GrpcRouteMatch{
			Metadata: []types.GrpcRouteMetadata{{Name: aws.String("m"), Match: match}},
		}}}
	}
	span := types.MatchRange{Start: aws.Int64(1), End: aws.Int64(9)}
	header("exact", &types.HeaderMatchMethodMemberExact{Value: "v"})
	header("prefix", &types.HeaderMatchMethodMemberPrefix{Value: "v"})
	header("suffix", &types.HeaderMatchMethodMemberSuffix{Value: "v"})
	header("regex", &types.HeaderMatchMethodMemberRegex{Value: "v"})
	header("range", &types.HeaderMatchMethodMemberRange{Value: span})
	metadata("exact", &types.GrpcRouteMetadataMatchMethodMemberExact{Value: "v"})
	metadata("prefix", &types.GrpcRouteMetadataMatchMethodMemberPrefix{Value: "v"})
	metadata("suffix", &types.GrpcRouteMetadataMatchMethodMemberSuffix{Value: "v"})
	metadata("regex", &types.GrpcRouteMetadataMatchMethodMemberRegex{Value: "v"})
	metadata("range", &types.GrpcRouteMetadataMatchMethodMemberRange{Value: span})
	for name, spec := range members {
		t.Run(name, func(t *testing.T) {
			document, err := encodeSpec(spec)
			if err != nil {
				t.Fatal(err)
			}
			_, member, _ := strings.Cut(name, " ")
			if want := `"match":{"` + member + `":`; !strings.Contains(string(document), want) {
				t.Errorf("%s is not App Mesh's JSON: no %s", document, want)
			}
			rebuilt, err := decodeSpec(document)
			if err != nil || !reflect.DeepEqual(spec, rebuilt) {
				t.Errorf("rebuilt %#v, %v", rebuilt, err)
			}
		})
	}
}

func TestADocumentIsAppMeshsJSON(t *testing.T) {
	spec := &types.RouteSpec{
		Priority: aws.Int32(3),
		HttpRoute: &types.HttpRoute{
			Action: &types.HttpRouteAction{WeightedTargets: []types.WeightedTarget{{VirtualNode: aws.String("a"), Port: aws.Int32(1)}}},
			Match: &types.HttpRouteMatch{
				Prefix: aws.String("/"), Method: types.HttpMethodGet, Headers: []types.HttpRouteHeader{},
			},
			RetryPolicy: &types.HttpRetryPolicy{PerRetryTimeout: &types.Duration{Unit: types.DurationUnitMs, Value: aws.Int64(5)}},
		},
	}
	const want = `{"httpRoute":{"action":{"weightedTargets":[{"port":1,"virtualNode":"a","weight":0}]},` +
		`"match":{"headers":[],"method":"GET","prefix":"/"},` +
		`"retryPolicy":{"perRetryTimeout":{"unit":"ms","value":5}}},"priority":3}`
	document, err := encodeSpec(spec)
	if err != nil || string(document) != want {
		t.Errorf("got %s, %v\nwant %s", document, err, want)
	}
}

func TestUnknownUnionsAreRefused(t *testing.T) {
	for name, spec := range map[string]*types.RouteSpec{
		"header": {HttpRoute: &types.HttpRoute{Match: &types.HttpRouteMatch{Headers: []types.HttpRouteHeader{
			{Name: aws.String("h"), Match: &types.UnknownUnionMember{Tag: "contains"}},
		}}}},
		"metadata": {GrpcRoute: &types.GrpcRoute{Match: &types.GrpcRouteMatch{Metadata: []types.GrpcRouteMetadata{
			{Name: aws.String("m"), Match: &types.UnknownUnionMember{Tag: "contains"}},
		}}}},
	} {
		t.Run(name, func(t *testing.T) {
			if document, err := encodeSpec(spec); !errors.Is(err, errUnwritable) || !contains(err.Error(), "contains") {
				t.Errorf("got %s, %v", document, err)
			}
		})
	}
}

func TestUnknownDocumentsAreRefused(t *testing.T) {
	for _, document := range []string{
		``, `null`, `[]`, `{"httpRoute":null}`, `{"tlsRoute":{}}`, `{"httpRoute":{"match":{"headers":null}}}`,
		`{"httpRoute":{"match":{"headers":[{"match":{"contains":"x"}}]}}}`,
		`{"httpRoute":{"match":{"headers":[{"match":{}}]}}}`,
		`{"httpRoute":{"match":{"headers":[{"match":{"exact":"x","prefix":"y"}}]}}}`,
		`{"httpRoute":{"action":{"weightedTargets":[{"weight":1.5}]}}}`, `{"priority":null}`, `{"priority":"1"}`,
	} {
		if spec, err := decodeSpec(json.RawMessage(document)); err == nil {
			t.Errorf("%s became %#v", document, spec)
		}
	}
}

func FuzzRouteDocument(f *testing.F) {
	f.Add(`{"app_mesh":{"httpRoute":{"match":{"headers":[{"match":{"exact":"x"}}]}}}}`)
	f.Add(`{"app_mesh":{"tcpRoute":{"action":{"weightedTargets":[{"virtualNode":"a","weight":1}]}},"priority":1}}`)
	f.Add(`{"app_mesh":null}`)
	f.Fuzz(func(t *testing.T, document string) {
		spec, err := readDocument(json.RawMessage(document))
		if err != nil {
			return
		}
		written, err := writeDocument(spec)
		if err != nil {
			t.Fatalf("read but not written: %v", err)
		}
		again, err := readDocument(written)
		if err != nil || !reflect.DeepEqual(spec, again) {
			t.Fatalf("%s became %s: %v", document, written, err)
		}
	})
}
