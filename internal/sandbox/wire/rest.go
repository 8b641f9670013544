package wire

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
)

// restProtocol is restJson1: the operation is a method and a path.
type restProtocol struct {
	profile profile
}

var _ protocol = restProtocol{}

func (p restProtocol) dialect() dialect { return jsonDialect(p.profile) }

func (p restProtocol) find(r request, operations directory) (Operation, error) {
	for _, operation := range operations.routed {
		if operation.Method != r.Method {
			continue
		}
		if _, matches := labelsOf(operation.Path, r.URL.EscapedPath()); matches {
			return operation, nil
		}
	}
	return Operation{}, unknownOperation(http.StatusNotFound, "")
}

// decode reads the body, then what the query and the path say, which AWS binds to
// members that are never in the body.
func (p restProtocol) decode(r request, operation Operation, input reflect.Value) error {
	tree, err := parseJSON(r.body)
	if err != nil {
		return err
	}
	if err := (decoder{p.dialect()}).decode(tree, input, ""); err != nil {
		return err
	}
	bound := make(map[string]any)
	for name, values := range r.URL.Query() {
		bound[upperFirst(name)] = values[0]
	}
	labels, _ := labelsOf(operation.Path, r.URL.EscapedPath())
	for name, value := range labels {
		bound[upperFirst(name)] = value
	}
	return decoder{dialect{text: true}}.decode(bound, input, "")
}

// encode writes the output's one structure as the body, when there is nothing else in
// it: App Mesh answers with the resource itself. Otherwise the output is the body.
func (p restProtocol) encode(_ Operation, output reflect.Value, _ string) (answer, error) {
	if payload, only := soleStructure(output.Elem()); only {
		output = payload
	}
	tree, err := encoder{p.dialect()}.encode(output)
	if err != nil {
		return answer{}, err
	}
	if tree == nil {
		tree = structure{}
	}
	return p.answer(http.StatusOK, tree), nil
}

func (p restProtocol) refuse(found problem, _ string) answer {
	fields := found.fields()
	delete(fields, "__type")
	refused := p.answer(found.status, fields)
	refused.header["X-Amzn-Errortype"] = found.shape
	return refused
}

func (p restProtocol) answer(status int, tree any) answer {
	return answer{
		status: status,
		header: map[string]string{"Content-Type": "application/json"},
		body:   renderJSON(tree),
	}
}

func soleStructure(output reflect.Value) (reflect.Value, bool) {
	fields := fieldsOf(output.Type())
	if len(fields) != 1 {
		return reflect.Value{}, false
	}
	member := output.Field(fields[0].index)
	shape := member.Type()
	return member, shape.Kind() == reflect.Pointer && shape.Elem().Kind() == reflect.Struct
}

// labelsOf matches a request's escaped path with a pattern such as /meshes/{meshName}
// and gives the labels' values; a label is never empty.
func labelsOf(pattern, path string) (map[string]string, bool) {
	expected, given := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(expected) != len(given) {
		return nil, false
	}
	labels := make(map[string]string)
	for i, segment := range expected {
		label, isLabel := strings.CutPrefix(segment, "{")
		if !isLabel {
			if segment != given[i] {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(given[i])
		if err != nil || value == "" {
			return nil, false
		}
		labels[strings.TrimSuffix(label, "}")] = value
	}
	return labels, true
}
