package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
)

// jsonProtocol is awsJson 1.0 and 1.1: POST /, the operation in X-Amz-Target.
type jsonProtocol struct {
	profile profile
	version string
}

var _ protocol = jsonProtocol{}

func (j jsonProtocol) dialect() dialect { return jsonDialect(j.profile) }

func (j jsonProtocol) find(r request, operations directory) (Operation, error) {
	prefix, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if prefix != j.profile.target || r.Method != http.MethodPost {
		return Operation{}, unknownOperation(http.StatusBadRequest, "")
	}
	return byName(operations, name)
}

func (j jsonProtocol) decode(r request, _ Operation, input reflect.Value) error {
	tree, err := parseJSON(r.body)
	if err != nil {
		return err
	}
	return decoder{j.dialect()}.decode(tree, input, "")
}

func (j jsonProtocol) encode(_ Operation, output reflect.Value, _ string) (answer, error) {
	tree, err := encoder{j.dialect()}.encode(output)
	if err != nil {
		return answer{}, err
	}
	return j.answer(http.StatusOK, tree), nil
}

func (j jsonProtocol) refuse(found problem, _ string) answer {
	refused := j.answer(found.status, found.fields())
	refused.header["X-Amzn-Errortype"] = found.shape
	if j.profile.queryCodes != nil {
		refused.header["X-Amzn-Query-Error"] = found.queryError()
	}
	return refused
}

func (j jsonProtocol) answer(status int, tree any) answer {
	return answer{
		status: status,
		header: map[string]string{"Content-Type": "application/x-amz-json-" + j.version},
		body:   renderJSON(tree),
	}
}

// parseJSON reads a body; an empty one is an empty structure, as AWS takes it.
func parseJSON(body []byte) (any, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return map[string]any{}, nil
	}
	reader := json.NewDecoder(bytes.NewReader(body))
	reader.UseNumber()
	var tree any
	if err := reader.Decode(&tree); err != nil {
		return nil, err
	}
	if _, err := reader.Token(); !errors.Is(err, io.EOF) {
		return nil, &malformed{reason: "there is more after the end of the document"}
	}
	return tree, nil
}

// renderJSON writes a tree of the encoder's, in which nothing can fail to be written.
func renderJSON(tree any) []byte {
	var body bytes.Buffer
	writer := json.NewEncoder(&body)
	writer.SetEscapeHTML(false)
	if err := writer.Encode(tree); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(body.Bytes(), []byte("\n"))
}
