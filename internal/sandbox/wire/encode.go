package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	ecsdocument "github.com/aws/aws-sdk-go-v2/service/ecs/document"
)

// structure is a struct as a tree, told from a map so that XML can write each its way.
type structure map[string]any

// encoder makes trees out of the SDK's structs. Absent members (nil pointers, lists
// and maps, and empty enumerations) are left out; a list that is empty is not.
type encoder struct {
	dialect
}

// encode is the tree of a value; nil when there is nothing to say of it.
func (e encoder) encode(value reflect.Value) (any, error) {
	if value.Type() == timeType {
		return e.stamp(value.Interface().(time.Time)), nil
	}
	switch value.Kind() {
	case reflect.Pointer:
		if value.IsNil() {
			return nil, nil
		}
		return e.encode(value.Elem())
	case reflect.Struct:
		return e.encodeStruct(value)
	case reflect.Interface:
		return e.encodeUnion(value)
	case reflect.Slice:
		return e.encodeSlice(value)
	case reflect.Map:
		return e.encodeMap(value)
	case reflect.String:
		return value.String(), nil
	case reflect.Bool:
		return value.Bool(), nil
	case reflect.Int32, reflect.Int64:
		return value.Int(), nil
	case reflect.Float32, reflect.Float64:
		return e.number(value.Float()), nil
	default:
		return nil, fmt.Errorf("the sandbox has no codec for %s", value.Type())
	}
}

func (e encoder) encodeStruct(value reflect.Value) (any, error) {
	fields := fieldsOf(value.Type())
	tree := make(structure, len(fields))
	for _, field := range fields {
		member := value.Field(field.index)
		if member.Kind() == reflect.String && member.Len() == 0 {
			continue
		}
		encoded, err := e.encode(member)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field.name, err)
		}
		if encoded != nil {
			tree[e.member(value.Type(), field.name)] = encoded
		}
	}
	return tree, nil
}

func (e encoder) encodeUnion(value reflect.Value) (any, error) {
	if value.IsNil() {
		return nil, nil
	}
	if document, ok := reflect.TypeAssert[ecsdocument.Interface](value); ok {
		return encodeDocument(document)
	}
	member := value.Elem().Elem()
	name := memberName(member.Type())
	if _, known := unions[value.Type()][name]; !known {
		return nil, fmt.Errorf("the sandbox does not know the union member %s", member.Type())
	}
	encoded, err := e.encode(member.FieldByName("Value"))
	if err != nil {
		return nil, err
	}
	return structure{e.member(member.Type(), name): encoded}, nil
}

func encodeDocument(document ecsdocument.Interface) (any, error) {
	raw, err := document.MarshalSmithyDocument()
	if err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}
	reader := json.NewDecoder(bytes.NewReader(raw))
	reader.UseNumber()
	var tree any
	if err := reader.Decode(&tree); err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}
	return tree, nil
}

func (e encoder) encodeSlice(value reflect.Value) (any, error) {
	if value.IsNil() {
		return nil, nil
	}
	if value.Type() == bytesType {
		return value.Bytes(), nil
	}
	list := make([]any, value.Len())
	for i := range list {
		encoded, err := e.encode(value.Index(i))
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		list[i] = encoded
	}
	return list, nil
}

func (e encoder) encodeMap(value reflect.Value) (any, error) {
	if value.IsNil() {
		return nil, nil
	}
	entries := make(map[string]any, value.Len())
	for key, entry := range value.Seq2() {
		encoded, err := e.encode(entry)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		entries[key.String()] = encoded
	}
	return entries, nil
}

// epochSeconds is a time as JSON has it: seconds, to the millisecond.
func epochSeconds(t time.Time) any {
	return json.Number(strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64))
}

// jsonFloat is a float as JSON has it, which has no numbers for the special values.
func jsonFloat(f float64) any {
	if special, is := specialFloat(f); is {
		return special
	}
	return f
}

func specialFloat(f float64) (string, bool) {
	switch {
	case math.IsNaN(f):
		return "NaN", true
	case math.IsInf(f, 1):
		return "Infinity", true
	case math.IsInf(f, -1):
		return "-Infinity", true
	default:
		return "", false
	}
}
