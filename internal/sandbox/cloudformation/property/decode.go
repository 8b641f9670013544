package property

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Mapper says how CloudFormation's names differ from the SDK's. The zero Mapper is for
// types whose names are the same. It is safe for concurrent use.
type Mapper struct {
	// Spelling is the template's name of a field whose SDK name differs, by the field's
	// name ("Dns") or by its struct and name ("ProxyConfiguration.Properties"), which
	// wins.
	Spelling map[string]string
	// Hidden are fields that the SDK has and templates do not, named likewise.
	Hidden map[string]bool
	// Unions are the members of each union (an interface type), made with Members.
	Unions map[reflect.Type][]reflect.Type
	// Required are the properties that a struct must have in a template, by the
	// struct's name.
	Required map[string][]string
}

// Members are the types of a union's members, to be put in Mapper.Unions.
func Members(members ...any) []reflect.Type {
	types := make([]reflect.Type, len(members))
	for i, member := range members {
		types[i] = reflect.TypeOf(member)
	}
	return types
}

// Decode fills the struct that into points to from properties: maps, lists and
// strings, as package template evaluates them. The error is an *Error with every
// violation that was found.
func (m Mapper) Decode(properties map[string]any, into any) error {
	d := decoder{mapper: m}
	d.structure("#", properties, reflect.ValueOf(into).Elem())
	if len(d.violations) > 0 {
		return &Error{Violations: d.violations}
	}
	return nil
}

type decoder struct {
	mapper     Mapper
	violations []string
}

func (d *decoder) refuse(at, format string, values ...any) {
	d.violations = append(d.violations, at+": "+fmt.Sprintf(format, values...))
}

func (d *decoder) value(at string, raw any, into reflect.Value) {
	switch into.Kind() {
	case reflect.Pointer:
		target := reflect.New(into.Type().Elem())
		d.value(at, raw, target.Elem())
		into.Set(target)
	case reflect.Struct:
		if members, ok := d.object(at, raw); ok {
			d.structure(at, members, into)
		}
	case reflect.Slice:
		d.list(at, raw, into)
	case reflect.Map:
		d.mapping(at, raw, into)
	case reflect.Interface:
		if members, ok := d.object(at, raw); ok {
			d.union(at, members, into)
		}
	default:
		d.scalar(at, raw, into)
	}
}

func (d *decoder) object(at string, raw any) (map[string]any, bool) {
	members, ok := raw.(map[string]any)
	if !ok {
		d.refuse(at, "expected type: JSONObject, found: %s", kind(raw))
	}
	return members, ok
}

func (d *decoder) structure(at string, members map[string]any, into reflect.Value) {
	fields := d.fields(into.Type())
	for _, key := range slices.Sorted(maps.Keys(members)) {
		index, known := fields[key]
		if !known {
			d.refuse(at, "extraneous key [%s] is not permitted", key)
			continue
		}
		if members[key] == nil {
			d.refuse(at+"/"+key, "expected a value, found: Null")
			continue
		}
		d.value(at+"/"+key, members[key], into.Field(index))
	}
	for _, key := range d.mapper.Required[into.Type().Name()] {
		if _, given := members[key]; !given {
			d.refuse(at, "required key [%s] not found", key)
		}
	}
}

// fields are the indices of a struct's fields by the names that templates use.
func (d *decoder) fields(structure reflect.Type) map[string]int {
	fields := make(map[string]int, structure.NumField())
	for i := range structure.NumField() {
		field := structure.Field(i)
		full := structure.Name() + "." + field.Name
		if !field.IsExported() || d.mapper.Hidden[field.Name] || d.mapper.Hidden[full] {
			continue
		}
		name := field.Name
		if spelled, ok := d.mapper.Spelling[field.Name]; ok {
			name = spelled
		}
		if spelled, ok := d.mapper.Spelling[full]; ok {
			name = spelled
		}
		fields[name] = i
	}
	return fields
}

func (d *decoder) list(at string, raw any, into reflect.Value) {
	members, ok := raw.([]any)
	if !ok {
		d.refuse(at, "expected type: JSONArray, found: %s", kind(raw))
		return
	}
	list := reflect.MakeSlice(into.Type(), len(members), len(members))
	for i, member := range members {
		d.value(at+"/"+strconv.Itoa(i), member, list.Index(i))
	}
	into.Set(list)
}

func (d *decoder) mapping(at string, raw any, into reflect.Value) {
	members, ok := d.object(at, raw)
	if !ok {
		return
	}
	mapping := reflect.MakeMapWithSize(into.Type(), len(members))
	for _, key := range slices.Sorted(maps.Keys(members)) {
		value := reflect.New(into.Type().Elem()).Elem()
		d.value(at+"/"+key, members[key], value)
		mapping.SetMapIndex(reflect.ValueOf(key).Convert(into.Type().Key()), value)
	}
	into.Set(mapping)
}

// union sets an interface to the one member that the template names.
func (d *decoder) union(at string, members map[string]any, into reflect.Value) {
	if len(members) != 1 {
		d.refuse(at, "#: %d subschemas matched instead of one", len(members))
		return
	}
	for key, raw := range members {
		for _, member := range d.mapper.Unions[into.Type()] {
			if d.memberName(into.Type(), member) != key {
				continue
			}
			target := reflect.New(member.Elem())
			d.value(at+"/"+key, raw, target.Elem().FieldByName("Value"))
			into.Set(target)
			return
		}
		d.refuse(at, "extraneous key [%s] is not permitted", key)
	}
}

// memberName is a union member's name in a template: the SDK calls the member Dns of
// the union ServiceDiscovery ServiceDiscoveryMemberDns.
func (d *decoder) memberName(union, member reflect.Type) string {
	name := strings.TrimPrefix(member.Elem().Name(), union.Name()+"Member")
	if spelled, ok := d.mapper.Spelling[name]; ok {
		return spelled
	}
	return name
}

func (d *decoder) scalar(at string, raw any, into reflect.Value) {
	written, ok := raw.(string)
	if !ok {
		d.refuse(at, "expected type: %s, found: %s", expected(into), kind(raw))
		return
	}
	switch into.Kind() {
	case reflect.String:
		d.text(at, written, into)
	case reflect.Bool:
		value, err := strconv.ParseBool(strings.ToLower(written))
		if err != nil {
			d.refuse(at, "expected type: Boolean, found: String")
			return
		}
		into.SetBool(value)
	case reflect.Int32, reflect.Int64:
		value, err := strconv.ParseInt(written, 10, into.Type().Bits())
		if err != nil {
			d.refuse(at, "expected type: Integer, found: String")
			return
		}
		into.SetInt(value)
	case reflect.Float64:
		value, err := strconv.ParseFloat(written, 64)
		if err != nil {
			d.refuse(at, "expected type: Number, found: String")
			return
		}
		into.SetFloat(value)
	default:
		d.refuse(at, "expected type: %s, found: String", expected(into))
	}
}

// text sets a string or an enumeration, which the SDK's types know by their Values.
func (d *decoder) text(at, written string, into reflect.Value) {
	if values := into.MethodByName("Values"); values.IsValid() {
		if !lists(values.Call(nil)[0], written) {
			d.refuse(at, "%s is not a valid enum value", written)
			return
		}
	}
	into.SetString(written)
}

func lists(values reflect.Value, written string) bool {
	for i := range values.Len() {
		if values.Index(i).String() == written {
			return true
		}
	}
	return false
}

func kind(raw any) string {
	switch raw.(type) {
	case map[string]any:
		return "JSONObject"
	case []any:
		return "JSONArray"
	case nil:
		return "Null"
	default:
		return "String"
	}
}

func expected(into reflect.Value) string {
	switch into.Kind() {
	case reflect.Bool:
		return "Boolean"
	case reflect.Int32, reflect.Int64:
		return "Integer"
	case reflect.Float64:
		return "Number"
	case reflect.String:
		return "String"
	default:
		return "JSONObject"
	}
}
