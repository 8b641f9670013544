package wire

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// epochTag is the tag of a time in seconds since 1970 (RFC 8949 §3.4.2).
const epochTag = 1

// cborProtocol is Smithy RPC v2 CBOR: POST /service/{service}/operation/{operation}.
type cborProtocol struct {
	profile profile
}

var _ protocol = cborProtocol{}

func (c cborProtocol) dialect() dialect {
	return dialect{
		lower:  c.profile.lower,
		stamp:  func(t time.Time) any { return cbor.Tag{Number: epochTag, Content: float64(t.UnixMilli()) / 1000} },
		number: func(f float64) any { return f },
	}
}

func (c cborProtocol) find(r request, operations directory) (Operation, error) {
	prefix := "/service/" + c.profile.target + "/operation/"
	name, ours := strings.CutPrefix(r.URL.Path, prefix)
	if !ours || r.Method != http.MethodPost {
		return Operation{}, unknownOperation(http.StatusNotFound, "")
	}
	return byName(operations, name)
}

func (c cborProtocol) decode(r request, _ Operation, input reflect.Value) error {
	if len(r.body) == 0 {
		return nil
	}
	mode, err := cbor.DecOptions{DefaultMapType: reflect.TypeFor[map[string]any]()}.DecMode()
	if err != nil {
		return fmt.Errorf("cbor options: %w", err)
	}
	var tree any
	if err := mode.Unmarshal(r.body, &tree); err != nil {
		return err
	}
	return decoder{c.dialect()}.decode(tree, input, "")
}

func (c cborProtocol) encode(_ Operation, output reflect.Value, _ string) (answer, error) {
	tree, err := encoder{c.dialect()}.encode(output)
	if err != nil {
		return answer{}, err
	}
	return c.answer(http.StatusOK, tree)
}

func (c cborProtocol) refuse(found problem, _ string) answer {
	refused, err := c.answer(found.status, found.fields())
	if err != nil {
		refused = answer{status: http.StatusInternalServerError, header: map[string]string{}}
	}
	refused.header["X-Amzn-Errortype"] = found.shape
	refused.header["X-Amzn-Query-Error"] = found.queryError()
	return refused
}

func (c cborProtocol) answer(status int, tree any) (answer, error) {
	body, err := cbor.Marshal(tree)
	if err != nil {
		return answer{}, fmt.Errorf("cbor: %w", err)
	}
	return answer{
		status: status,
		header: map[string]string{
			"Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor",
		},
		body: body,
	}, nil
}
