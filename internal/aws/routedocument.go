package aws

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
)

// errUnwritable is why a route is refused: the SDK could read a part of it, and would
// leave that part out, or fail, when it writes the route back.
var errUnwritable = errors.New("cannot be written back unchanged")

// routeUnions are the unions of a route and their members. The SDK names a member's
// type <union>Member<member> and keeps it in a field Value; App Mesh knows it by the
// member's name in lower camel case.
var routeUnions = map[reflect.Type][]reflect.Type{
	reflect.TypeFor[types.HeaderMatchMethod](): {
		reflect.TypeFor[types.HeaderMatchMethodMemberExact](),
		reflect.TypeFor[types.HeaderMatchMethodMemberPrefix](),
		reflect.TypeFor[types.HeaderMatchMethodMemberRange](),
		reflect.TypeFor[types.HeaderMatchMethodMemberRegex](),
		reflect.TypeFor[types.HeaderMatchMethodMemberSuffix](),
	},
	reflect.TypeFor[types.GrpcRouteMetadataMatchMethod](): {
		reflect.TypeFor[types.GrpcRouteMetadataMatchMethodMemberExact](),
		reflect.TypeFor[types.GrpcRouteMetadataMatchMethodMemberPrefix](),
		reflect.TypeFor[types.GrpcRouteMetadataMatchMethodMemberRange](),
		reflect.TypeFor[types.GrpcRouteMetadataMatchMethodMemberRegex](),
		reflect.TypeFor[types.GrpcRouteMetadataMatchMethodMemberSuffix](),
	},
}

// encodeSpec writes a route's specification as the JSON that App Mesh itself speaks
// (API reference, RouteSpec), keys sorted, so that equal specifications are equal bytes.
// It tells an absent list from an empty one. A union member that this SDK does not know
// is errUnwritable.
func encodeSpec(spec *types.RouteSpec) (json.RawMessage, error) {
	plain, err := toPlain(reflect.ValueOf(spec), "route")
	if err != nil {
		return nil, err
	}
	return json.Marshal(plain)
}

// decodeSpec reads what encodeSpec wrote: decodeSpec(encodeSpec(s)) equals s. A key that
// a specification does not have is errUnwritable.
func decodeSpec(document json.RawMessage) (*types.RouteSpec, error) {
	spec := new(types.RouteSpec)
	if err := fromPlain(document, reflect.ValueOf(spec).Elem(), "route"); err != nil {
		return nil, err
	}
	return spec, nil
}

// toPlain turns an SDK value into maps, slices and scalars. Absent members of a struct
// are left out by the struct that holds them.
func toPlain(value reflect.Value, path string) (any, error) {
	switch value.Kind() {
	case reflect.Pointer:
		return toPlain(value.Elem(), path)
	case reflect.Interface:
		return unionToPlain(value, path)
	case reflect.Struct:
		return structToPlain(value, path)
	case reflect.Slice:
		items := make([]any, value.Len())
		for i := range items {
			item, err := toPlain(value.Index(i), fmt.Sprintf("%s[%d]", path, i))
			if err != nil {
				return nil, err
			}
			items[i] = item
		}
		return items, nil
	case reflect.String:
		return value.String(), nil
	case reflect.Bool:
		return value.Bool(), nil
	case reflect.Int32, reflect.Int64:
		return value.Int(), nil
	default:
		return nil, fmt.Errorf("%s: a %s %w", path, value.Type(), errUnwritable)
	}
}

func structToPlain(value reflect.Value, path string) (any, error) {
	members := make(map[string]any)
	for field, member := range value.Fields() {
		if !field.IsExported() || absent(member) {
			continue
		}
		plain, err := toPlain(member, path+"."+wireName(field.Name))
		if err != nil {
			return nil, err
		}
		members[wireName(field.Name)] = plain
	}
	return members, nil
}

// absent tells a member that App Mesh did not send. Of the scalars only enumerations
// are no pointers and can be absent; the weight of a target is always there.
func absent(member reflect.Value) bool {
	switch member.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Slice:
		return member.IsNil()
	case reflect.String:
		return member.Len() == 0
	default:
		return false
	}
}

func unionToPlain(value reflect.Value, path string) (any, error) {
	member := value.Elem()
	if unknown, ok := reflect.TypeAssert[*types.UnknownUnionMember](member); ok {
		return nil, fmt.Errorf("%s is %q, which this version does not know: the route %w",
			path, clean(unknown.Tag), errUnwritable)
	}
	name, known := memberName(value.Type(), member.Type().Elem())
	if !known {
		return nil, fmt.Errorf("%s is a %s: the route %w", path, member.Type(), errUnwritable)
	}
	plain, err := toPlain(member.Elem().FieldByName("Value"), path+"."+name)
	if err != nil {
		return nil, err
	}
	return map[string]any{name: plain}, nil
}

// memberName is what App Mesh calls a member of a union.
func memberName(union, member reflect.Type) (string, bool) {
	if !slices.Contains(routeUnions[union], member) {
		return "", false
	}
	return wireName(strings.TrimPrefix(member.Name(), union.Name()+"Member")), true
}

// wireName is a Go field's name in App Mesh's JSON.
func wireName(field string) string {
	return string(unicode.ToLower(rune(field[0]))) + field[1:]
}

// fromPlain reads JSON into an SDK value.
func fromPlain(document json.RawMessage, value reflect.Value, path string) error {
	switch value.Kind() {
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
		return fromPlain(document, value.Elem(), path)
	case reflect.Interface:
		return unionFromPlain(document, value, path)
	case reflect.Struct:
		return structFromPlain(document, value, path)
	case reflect.Slice:
		return sliceFromPlain(document, value, path)
	default:
		if isNull(document) {
			return fmt.Errorf("%s is null: the route %w", path, errUnwritable)
		}
		if err := json.Unmarshal(document, value.Addr().Interface()); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	}
}

func isNull(document json.RawMessage) bool {
	return bytes.Equal(bytes.TrimSpace(document), []byte("null"))
}

func structFromPlain(document json.RawMessage, value reflect.Value, path string) error {
	members, err := objectOf(document, path)
	if err != nil {
		return err
	}
	for field, member := range value.Fields() {
		plain, present := members[wireName(field.Name)]
		if !field.IsExported() || !present {
			continue
		}
		delete(members, wireName(field.Name))
		if err := fromPlain(plain, member, path+"."+wireName(field.Name)); err != nil {
			return err
		}
	}
	for name := range members {
		return fmt.Errorf("%s.%s is not known: the route %w", path, clean(name), errUnwritable)
	}
	return nil
}

func sliceFromPlain(document json.RawMessage, value reflect.Value, path string) error {
	var items []json.RawMessage
	if err := json.Unmarshal(document, &items); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if items == nil {
		return fmt.Errorf("%s is null: the route %w", path, errUnwritable)
	}
	value.Set(reflect.MakeSlice(value.Type(), len(items), len(items)))
	for i, item := range items {
		if err := fromPlain(item, value.Index(i), fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	return nil
}

func unionFromPlain(document json.RawMessage, value reflect.Value, path string) error {
	members, err := objectOf(document, path)
	if err != nil {
		return err
	}
	for _, member := range routeUnions[value.Type()] {
		name, _ := memberName(value.Type(), member)
		plain, present := members[name]
		if !present || len(members) != 1 {
			continue
		}
		held := reflect.New(member)
		if err := fromPlain(plain, held.Elem().FieldByName("Value"), path+"."+name); err != nil {
			return err
		}
		value.Set(held)
		return nil
	}
	return fmt.Errorf("%s has no member that is known: the route %w", path, errUnwritable)
}

func objectOf(document json.RawMessage, path string) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(document, &members); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if members == nil {
		return nil, fmt.Errorf("%s is null: the route %w", path, errUnwritable)
	}
	return members, nil
}
