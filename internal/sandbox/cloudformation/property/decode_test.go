package property_test

import (
	"reflect"
	"testing"

	"serin/internal/sandbox/cloudformation/property"
)

type (
	protocol string
	backend  interface{ isBackend() }
	named    struct{ Name *string }

	backendMemberVirtualService struct{ Value named }
	backendMemberSds            struct{ Value string }

	listener struct {
		Port     *int32
		Protocol protocol
		Weights  []float64
		Enabled  bool
		Deadline *int64
	}
	input struct {
		MeshName    *string
		ClientToken *string
		Listener    *listener
		Listeners   []listener
		Backends    []backend
		Labels      map[string]string
		Acm         *named
	}
)

func (*backendMemberVirtualService) isBackend() {}
func (*backendMemberSds) isBackend()            {}

func (protocol) Values() []protocol { return []protocol{"http", "tcp"} }

func mapper() property.Mapper {
	return property.Mapper{
		Spelling: map[string]string{"Acm": "ACM", "Sds": "SDS", "listener.Deadline": "Timeout"},
		Hidden:   map[string]bool{"ClientToken": true},
		Unions: map[reflect.Type][]reflect.Type{
			reflect.TypeFor[backend](): property.Members(&backendMemberVirtualService{}, &backendMemberSds{}),
		},
		Required: map[string][]string{"input": {"MeshName"}},
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	var got input
	err := mapper().Decode(map[string]any{
		"MeshName": "blue",
		"Listener": map[string]any{"Port": "80", "Protocol": "http", "Weights": []any{"1", "2.5"}, "Enabled": "True", "Timeout": "15"},
		"Listeners": []any{
			map[string]any{"Port": "81"},
		},
		"Backends": []any{
			map[string]any{"backendVirtualService": map[string]any{"Name": "db"}},
		},
		"Labels": map[string]any{"a": "b"},
		"ACM":    map[string]any{"Name": "x"},
	}, &got)
	if err == nil || err.Error() != "#/Backends/0: extraneous key [backendVirtualService] is not permitted" {
		t.Fatalf("a member that the union does not have: %v", err)
	}
	port, other, deadline, mesh, acm := int32(80), int32(81), int64(15), "blue", "x"
	want := input{
		MeshName:  &mesh,
		Listener:  &listener{Port: &port, Protocol: "http", Weights: []float64{1, 2.5}, Enabled: true, Deadline: &deadline},
		Listeners: []listener{{Port: &other}}, Backends: []backend{nil},
		Labels: map[string]string{"a": "b"}, Acm: &named{Name: &acm},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestDecodeUnions(t *testing.T) {
	t.Parallel()
	var got input
	err := mapper().Decode(map[string]any{"MeshName": "blue", "Backends": []any{
		map[string]any{"VirtualService": map[string]any{"Name": "db"}},
		map[string]any{"SDS": "db.local"},
	}}, &got)
	if err != nil {
		t.Fatal(err)
	}
	name := "db"
	want := []backend{
		&backendMemberVirtualService{Value: named{Name: &name}}, &backendMemberSds{Value: "db.local"},
	}
	if !reflect.DeepEqual(got.Backends, want) {
		t.Errorf("got %+v", got.Backends)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name       string
		properties map[string]any
		want       string
	}{
		{"nothing", nil, "#: required key [MeshName] not found"},
		{"unknown", map[string]any{"MeshName": "x", "Meshname": "y"}, "#: extraneous key [Meshname] is not permitted"},
		{"hidden", map[string]any{"MeshName": "x", "ClientToken": "y"}, "#: extraneous key [ClientToken] is not permitted"},
		{"the SDK's spelling", map[string]any{"MeshName": "x", "Acm": "y"}, "#: extraneous key [Acm] is not permitted"},
		{"list for a string", map[string]any{"MeshName": []any{"x"}}, "#/MeshName: expected type: String, found: JSONArray"},
		{"string for a list", map[string]any{"MeshName": "x", "Listeners": "y"}, "#/Listeners: expected type: JSONArray, found: String"},
		{"string for an object", map[string]any{"MeshName": "x", "Listener": "y"}, "#/Listener: expected type: JSONObject, found: String"},
		{"null", map[string]any{"MeshName": nil}, "#/MeshName: expected a value, found: Null"},
		{
			"all of them",
			map[string]any{"MeshName": "x", "Listener": map[string]any{
				"Port": "http", "Protocol": "udp", "Weights": []any{"heavy"}, "Enabled": "maybe", "Timeout": "1.5",
			}},
			"#/Listener/Enabled: expected type: Boolean, found: String\n" +
				"#/Listener/Port: expected type: Integer, found: String\n" +
				"#/Listener/Protocol: udp is not a valid enum value\n" +
				"#/Listener/Timeout: expected type: Integer, found: String\n" +
				"#/Listener/Weights/0: expected type: Number, found: String",
		},
		{
			"two members of a union",
			map[string]any{"MeshName": "x", "Backends": []any{map[string]any{
				"VirtualService": map[string]any{"Name": "db"}, "SDS": "x",
			}}},
			"#/Backends/0: #: 2 subschemas matched instead of one",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := mapper().Decode(c.properties, new(input))
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
