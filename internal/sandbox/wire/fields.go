package wire

import (
	"reflect"
	"sync"
)

// field is a member of a struct of the SDK: its Go name and its index.
type field struct {
	name  string
	index int
}

// fieldCache keeps the members of each struct that was met, by its reflect.Type; it
// only ever gains what reflection would find again.
var fieldCache sync.Map

// fieldsOf lists the modelled members of a struct: what is exported, but for the
// metadata that the SDK adds to outputs and the code that it adds to errors.
func fieldsOf(shape reflect.Type) []field {
	if cached, ok := fieldCache.Load(shape); ok {
		return cached.([]field)
	}
	fields := make([]field, 0, shape.NumField())
	for i := range shape.NumField() {
		member := shape.Field(i)
		if !member.IsExported() || member.Name == "ResultMetadata" || member.Name == "ErrorCodeOverride" {
			continue
		}
		fields = append(fields, field{name: member.Name, index: i})
	}
	fieldCache.Store(shape, fields)
	return fields
}
