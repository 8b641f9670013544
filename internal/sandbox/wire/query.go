package wire

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// maxFormDepth bounds how deep the names of a form may be nested.
const maxFormDepth = 32

// queryProtocol is awsQuery: a form comes in, its names such as
// Parameters.member.1.ParameterKey, and XML goes out.
type queryProtocol struct {
	profile profile
}

var _ protocol = queryProtocol{}

func (q queryProtocol) dialect() dialect { return queryDialect(q.profile) }

func (q queryProtocol) find(r request, operations directory) (Operation, error) {
	form, err := formOf(r)
	if err != nil {
		return Operation{}, err
	}
	action, version := form.Get("Action"), form.Get("Version")
	if action == "" {
		return Operation{}, &rejection{
			http.StatusBadRequest, "MissingAction",
			"The request must contain the parameter Action.",
		}
	}
	if version != "" && version != q.profile.version {
		return Operation{}, &rejection{
			http.StatusBadRequest, "NoSuchVersion",
			"The requested version (" + version + ") is not valid.",
		}
	}
	operation, found := operations.named[action]
	if !found {
		return Operation{}, &rejection{
			http.StatusBadRequest, "InvalidAction",
			"Could not find operation " + action + " for version " + q.profile.version,
		}
	}
	return operation, nil
}

func (q queryProtocol) decode(r request, _ Operation, input reflect.Value) error {
	form, err := formOf(r)
	if err != nil {
		return err
	}
	root := &branch{}
	for name, values := range form {
		if err := root.grow(name, values[0]); err != nil {
			return err
		}
	}
	tree := root.tree(q.dialect(), input.Type())
	return decoder{q.dialect()}.decode(tree, input, "")
}

func (q queryProtocol) encode(operation Operation, output reflect.Value, requestID string) (answer, error) {
	tree, err := encoder{q.dialect()}.encode(output)
	if err != nil {
		return answer{}, err
	}
	document := structure{
		operation.Name + "Result": tree,
		"ResponseMetadata":        structure{"RequestId": requestID},
	}
	return q.answer(http.StatusOK, operation.Name+"Response", document), nil
}

func (q queryProtocol) refuse(found problem, requestID string) answer {
	fields := structure{"Type": found.party(), "Code": found.code, "Message": found.message}
	maps.Copy(fields, found.members)
	return q.answer(found.status, "ErrorResponse", structure{"Error": fields, "RequestId": requestID})
}

func (q queryProtocol) answer(status int, root string, document structure) answer {
	return answer{
		status: status,
		header: map[string]string{"Content-Type": "text/xml"},
		body:   renderXML(root, q.profile.namespace, document),
	}
}

// formOf is what a request's body and its URL say together.
func formOf(r request) (url.Values, error) {
	form, err := url.ParseQuery(string(r.body))
	if err != nil {
		return nil, err
	}
	for name, values := range r.URL.Query() {
		form[name] = append(form[name], values...)
	}
	return form, nil
}

// branch is a form's value and all whose names begin with its own.
type branch struct {
	value string
	named map[string]*branch
}

func (b *branch) grow(name, value string) error {
	segments := strings.Split(name, ".")
	if len(segments) > maxFormDepth {
		return &malformed{reason: "a parameter's name has too many parts"}
	}
	for _, segment := range segments {
		next, exists := b.named[segment]
		if !exists {
			next = &branch{}
			if b.named == nil {
				b.named = make(map[string]*branch)
			}
			b.named[segment] = next
		}
		b = next
	}
	b.value = value
	return nil
}

// tree is a branch as a decoder wants it; the type says which numbered names are a
// list's elements and which a map's entries.
func (b *branch) tree(d dialect, shape reflect.Type) any {
	if shape.Kind() == reflect.Pointer {
		return b.tree(d, shape.Elem())
	}
	switch {
	case shape == timeType, shape == bytesType:
		return b.value
	case shape.Kind() == reflect.Struct:
		return b.structure(d, shape)
	case shape.Kind() == reflect.Interface:
		return b.union(d, shape)
	case shape.Kind() == reflect.Slice:
		list := []any{}
		for _, element := range b.numbered("member") {
			list = append(list, element.tree(d, shape.Elem()))
		}
		return list
	case shape.Kind() == reflect.Map:
		entries := map[string]any{}
		for _, entry := range b.numbered("entry") {
			key, value := entry.named["key"], entry.named["value"]
			if key != nil && value != nil {
				entries[key.value] = value.tree(d, shape.Elem())
			}
		}
		return entries
	default:
		return b.value
	}
}

func (b *branch) structure(d dialect, shape reflect.Type) any {
	members := map[string]any{}
	for _, field := range fieldsOf(shape) {
		name := d.member(shape, field.name)
		if member, given := b.named[name]; given {
			members[name] = member.tree(d, shape.Field(field.index).Type)
		}
	}
	return members
}

func (b *branch) union(d dialect, shape reflect.Type) any {
	members := map[string]any{}
	for name, member := range unions[shape] {
		name = d.member(member, name)
		if value, found := member.FieldByName("Value"); found && b.named[name] != nil {
			members[name] = b.named[name].tree(d, value.Type)
		}
	}
	return members
}

// numbered are the elements below a list's or a map's wrapper, by their numbers, or
// right below the branch where a list is flattened.
func (b *branch) numbered(wrapper string) []*branch {
	if wrapped, is := b.named[wrapper]; is {
		b = wrapped
	}
	type numberedBranch struct {
		number int
		*branch
	}
	var found []numberedBranch
	for name, element := range b.named {
		if number, err := strconv.Atoi(name); err == nil {
			found = append(found, numberedBranch{number, element})
		}
	}
	slices.SortFunc(found, func(a, b numberedBranch) int { return cmp.Compare(a.number, b.number) })
	elements := make([]*branch, len(found))
	for i, element := range found {
		elements[i] = element.branch
	}
	return elements
}
