package wire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	ecsdocument "github.com/aws/aws-sdk-go-v2/service/ecs/document"
)

var (
	timeType     = reflect.TypeFor[time.Time]()
	bytesType    = reflect.TypeFor[[]byte]()
	documentType = reflect.TypeFor[ecsdocument.Interface]()
)

// malformed is why a body could not be read into an operation's input.
type malformed struct {
	path   string
	reason string
}

func (m *malformed) Error() string {
	if m.path == "" {
		return m.reason
	}
	return m.path + ": " + m.reason
}

// decoder reads trees, as the protocols' parsers make them (maps, lists, strings,
// numbers, booleans, times), into the SDK's structs. Members that a struct does not
// have are passed over, as AWS does.
type decoder struct {
	dialect
}

func (d decoder) decode(tree any, into reflect.Value, path string) error {
	if tree == nil {
		return nil
	}
	if into.Type() == timeType {
		return d.decodeTime(tree, into, path)
	}
	switch into.Kind() {
	case reflect.Pointer:
		if into.IsNil() {
			into.Set(reflect.New(into.Type().Elem()))
		}
		return d.decode(tree, into.Elem(), path)
	case reflect.Struct:
		return d.decodeStruct(tree, into, path)
	case reflect.Interface:
		return d.decodeUnion(tree, into, path)
	case reflect.Slice:
		return d.decodeSlice(tree, into, path)
	case reflect.Map:
		return d.decodeMap(tree, into, path)
	default:
		return d.decodeScalar(tree, into, path)
	}
}

func (d decoder) decodeStruct(tree any, into reflect.Value, path string) error {
	members, ok := tree.(map[string]any)
	if !ok {
		return unexpected(tree, "structure", path)
	}
	for _, field := range fieldsOf(into.Type()) {
		name := d.member(into.Type(), field.name)
		if member, given := members[name]; given {
			if err := d.decode(member, into.Field(field.index), join(path, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d decoder) decodeUnion(tree any, into reflect.Value, path string) error {
	if into.Type() == documentType {
		into.Set(reflect.ValueOf(ecsdocument.NewLazyDocument(tree)))
		return nil
	}
	shapes, known := unions[into.Type()]
	if !known {
		return &malformed{path, "the sandbox does not know the union " + into.Type().Name()}
	}
	members, ok := tree.(map[string]any)
	if !ok {
		return unexpected(tree, "union", path)
	}
	given := 0
	for name, shape := range shapes {
		name = d.member(shape, name)
		member, found := members[name]
		if !found || member == nil {
			continue
		}
		given++
		value := reflect.New(shape)
		if err := d.decode(member, value.Elem().FieldByName("Value"), join(path, name)); err != nil {
			return err
		}
		into.Set(value)
	}
	if given != 1 || len(members) != 1 {
		return &malformed{path, "a union must have exactly one of its members"}
	}
	return nil
}

func (d decoder) decodeSlice(tree any, into reflect.Value, path string) error {
	if into.Type() == bytesType {
		return d.decodeBlob(tree, into, path)
	}
	elements, ok := tree.([]any)
	if !ok {
		return unexpected(tree, "list", path)
	}
	list := reflect.MakeSlice(into.Type(), len(elements), len(elements))
	for i, element := range elements {
		if err := d.decode(element, list.Index(i), path+"["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
	into.Set(list)
	return nil
}

func (d decoder) decodeBlob(tree any, into reflect.Value, path string) error {
	switch blob := tree.(type) {
	case []byte:
		into.SetBytes(blob)
	case string:
		raw, err := base64.StdEncoding.DecodeString(blob)
		if err != nil {
			return &malformed{path, "a blob must be in base 64"}
		}
		into.SetBytes(raw)
	default:
		return unexpected(tree, "blob", path)
	}
	return nil
}

func (d decoder) decodeMap(tree any, into reflect.Value, path string) error {
	entries, ok := tree.(map[string]any)
	if !ok {
		return unexpected(tree, "map", path)
	}
	shape := into.Type()
	filled := reflect.MakeMapWithSize(shape, len(entries))
	for key, entry := range entries {
		value := reflect.New(shape.Elem()).Elem()
		if err := d.decode(entry, value, join(path, key)); err != nil {
			return err
		}
		filled.SetMapIndex(reflect.ValueOf(key).Convert(shape.Key()), value)
	}
	into.Set(filled)
	return nil
}

func (d decoder) decodeTime(tree any, into reflect.Value, path string) error {
	if t, ok := tree.(time.Time); ok {
		into.Set(reflect.ValueOf(t.UTC()))
		return nil
	}
	if text, ok := tree.(string); ok && d.text {
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return &malformed{path, "timestamp must follow ISO8601"}
		}
		into.Set(reflect.ValueOf(t.UTC()))
		return nil
	}
	seconds, ok := floatOf(tree)
	if !ok || math.Abs(seconds) > math.MaxInt32*1000.0 {
		return unexpected(tree, "timestamp", path)
	}
	into.Set(reflect.ValueOf(time.UnixMilli(int64(math.Round(seconds * 1000))).UTC()))
	return nil
}

func (d decoder) decodeScalar(tree any, into reflect.Value, path string) error {
	if text, ok := tree.(string); ok && d.text && into.Kind() != reflect.String {
		parsed, err := scalarOf(text, into.Kind())
		if err != nil {
			return &malformed{path, err.Error()}
		}
		tree = parsed
	}
	switch into.Kind() {
	case reflect.String:
		text, ok := tree.(string)
		if !ok {
			return unexpected(tree, "string", path)
		}
		into.SetString(text)
	case reflect.Bool:
		truth, ok := tree.(bool)
		if !ok {
			return unexpected(tree, "boolean", path)
		}
		into.SetBool(truth)
	case reflect.Int32, reflect.Int64:
		number, ok := intOf(tree)
		if !ok || into.OverflowInt(number) {
			return unexpected(tree, "integer", path)
		}
		into.SetInt(number)
	case reflect.Float32, reflect.Float64:
		number, ok := floatOf(tree)
		if !ok {
			return unexpected(tree, "double", path)
		}
		into.SetFloat(number)
	default:
		return &malformed{path, "the sandbox has no codec for " + into.Type().String()}
	}
	return nil
}

// scalarOf reads the text of a form's value as a JSON-like scalar.
func scalarOf(text string, kind reflect.Kind) (any, error) {
	if kind != reflect.Bool {
		return json.Number(text), nil
	}
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return nil, fmt.Errorf("%q is not a boolean", text)
	}
}

func intOf(tree any) (int64, bool) {
	switch number := tree.(type) {
	case json.Number:
		i, err := number.Int64()
		return i, err == nil
	case int64:
		return number, true
	case uint64:
		return int64(number), number <= math.MaxInt64
	case float64:
		return int64(number), number == math.Trunc(number) && math.Abs(number) < 1<<53
	default:
		return 0, false
	}
}

func floatOf(tree any) (float64, bool) {
	switch number := tree.(type) {
	case json.Number:
		f, err := strconv.ParseFloat(string(number), 64)
		return f, err == nil
	case string:
		f, special := map[string]float64{
			"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1),
		}[number]
		return f, special
	case int64:
		return float64(number), true
	case uint64:
		return float64(number), true
	case float64:
		return number, true
	default:
		return 0, false
	}
}

func unexpected(tree any, expected, path string) error {
	return &malformed{path, fmt.Sprintf("%s is not a %s", kindOf(tree), expected)}
}

func kindOf(tree any) string {
	switch tree.(type) {
	case map[string]any:
		return "a structure"
	case []any:
		return "a list"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case []byte:
		return "a blob"
	case time.Time:
		return "a timestamp"
	default:
		return fmt.Sprintf("the number %v", tree)
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
