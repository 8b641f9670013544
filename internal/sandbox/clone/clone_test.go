package clone_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/clone"
)

func spec() *types.VirtualNodeSpec {
	return &types.VirtualNodeSpec{
		Backends:  []types.Backend{&types.BackendMemberVirtualService{Value: types.VirtualServiceBackend{VirtualServiceName: new("db.local")}}},
		Listeners: []types.Listener{{PortMapping: &types.PortMapping{Port: new(int32(80)), Protocol: types.PortProtocolHttp}}},
	}
}

func TestACopyIsEqualAndSharesNothing(t *testing.T) {
	original := spec()
	copied := clone.Of(original)
	if !reflect.DeepEqual(original, copied) {
		t.Fatalf("copy differs: %+v", copied)
	}
	*copied.Listeners[0].PortMapping.Port = 81
	*copied.Backends[0].(*types.BackendMemberVirtualService).Value.VirtualServiceName = "other"
	if !reflect.DeepEqual(original, spec()) {
		t.Error("writing to the copy changed the original")
	}
}

func TestTimesAndMapsAreCopied(t *testing.T) {
	type held struct {
		At   *time.Time
		Tags map[string][]string
	}
	original := held{At: new(time.Unix(7, 8)), Tags: map[string][]string{"a": {"b"}}}
	copied := clone.Of(original)
	copied.Tags["a"][0] = "c"
	*copied.At = copied.At.Add(time.Hour)
	if original.Tags["a"][0] != "b" || !original.At.Equal(time.Unix(7, 8)) {
		t.Errorf("writing to the copy changed the original: %+v", original)
	}
}

func TestAnEmptySliceEqualsAnAbsentOne(t *testing.T) {
	a := &types.VirtualNodeSpec{Backends: []types.Backend{}}
	if !clone.Equal(a, &types.VirtualNodeSpec{}) {
		t.Error("an empty list and an absent one differ")
	}
	if clone.Equal(spec(), a) {
		t.Error("different specifications are equal")
	}
}
