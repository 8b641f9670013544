// Package clone makes deep copies of the AWS SDK's types, so that what a service of
// the sandbox keeps and what its callers hold never share memory.
//
// It imports the standard library only; every service below internal/sandbox may
// import it.
package clone

import "reflect"

// Of is a deep copy of v: pointers, slices, maps and interfaces are followed through
// exported fields. An empty slice or map becomes nil, so that two specifications that
// mean the same compare equal with reflect.DeepEqual. It is safe for concurrent use as
// long as nobody writes to v meanwhile.
func Of[T any](v T) T {
	var out T
	copyInto(reflect.ValueOf(&out).Elem(), reflect.ValueOf(&v).Elem())
	return out
}

// Equal reports whether two values mean the same: deeply equal when an empty slice
// counts as an absent one.
func Equal[T any](a, b T) bool {
	return reflect.DeepEqual(Of(a), Of(b))
}

func copyInto(dst, src reflect.Value) {
	switch src.Kind() {
	case reflect.Pointer:
		if !src.IsNil() {
			dst.Set(reflect.New(src.Type().Elem()))
			copyInto(dst.Elem(), src.Elem())
		}
	case reflect.Interface:
		if !src.IsNil() {
			held := reflect.New(src.Elem().Type()).Elem()
			copyInto(held, src.Elem())
			dst.Set(held)
		}
	case reflect.Slice:
		copySlice(dst, src)
	case reflect.Map:
		copyMap(dst, src)
	case reflect.Struct:
		copyStruct(dst, src)
	default:
		dst.Set(src)
	}
}

func copySlice(dst, src reflect.Value) {
	if src.Len() == 0 {
		return
	}
	dst.Set(reflect.MakeSlice(src.Type(), src.Len(), src.Len()))
	for i := range src.Len() {
		copyInto(dst.Index(i), src.Index(i))
	}
}

func copyMap(dst, src reflect.Value) {
	if src.Len() == 0 {
		return
	}
	dst.Set(reflect.MakeMapWithSize(src.Type(), src.Len()))
	for _, key := range src.MapKeys() {
		value := reflect.New(src.Type().Elem()).Elem()
		copyInto(value, src.MapIndex(key))
		dst.SetMapIndex(key, value)
	}
}

// copyStruct takes the unexported fields as they are (time.Time has nothing else, and
// they are immutable there) and copies the exported ones deeply, where there is anything
// below them.
func copyStruct(dst, src reflect.Value) {
	dst.Set(src)
	for i := range src.NumField() {
		from := src.Field(i)
		if shallow(from) {
			continue
		}
		if field := dst.Field(i); field.CanSet() {
			field.SetZero()
			copyInto(field, from)
		}
	}
}

// shallow tells whether a copy of a value shares no memory with it.
func shallow(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map:
		return v.IsNil()
	case reflect.Struct, reflect.Array:
		return false
	default:
		return true
	}
}
