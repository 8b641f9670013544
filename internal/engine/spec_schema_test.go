package engine

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
)

// fieldsOf are the names that encoding/json knows the fields of a struct by.
func fieldsOf(kind reflect.Type) []string {
	var names []string
	for field := range kind.Fields() {
		names = append(names, field.Name)
	}
	return names
}

func TestTheTableHasEveryFieldOfASpec(t *testing.T) {
	t.Parallel()
	router, _ := specRoot.field("Router")
	analysis, _ := specRoot.field("Analysis")
	metric, _ := specRoot.field("Metric")
	tests := []struct {
		table  specField
		fields reflect.Type
	}{
		{specRoot, reflect.TypeFor[Spec]()},
		{stepField, reflect.TypeFor[StepSpec]()},
		{router, reflect.TypeFor[RouterSpec]()},
		{analysis, reflect.TypeFor[AnalysisSpec]()},
		{metric, reflect.TypeFor[MetricSource]()},
	}
	for _, test := range tests {
		got, want := fieldNames(test.table.fields), fieldsOf(test.fields)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: the table has %v, the type %v", test.fields, got, want)
		}
	}
}

func TestEveryFieldIsDescribed(t *testing.T) {
	t.Parallel()
	var visit func(path string, f specField)
	visit = func(path string, f specField) {
		for _, field := range f.fields {
			at := join(path, field.name)
			if field.doc == "" {
				t.Errorf("%s has no description", at)
			}
			if field.kind == textField && field.choices == nil && field.form == nil {
				t.Errorf("%s takes any text, control characters too", at)
			}
			visit(at, field)
			if field.item != nil {
				visit(at+"[]", *field.item)
			}
		}
	}
	visit("", specRoot)
}

func TestSchemaIsJSONAndAlwaysTheSame(t *testing.T) {
	t.Parallel()
	first := Schema()
	if !json.Valid(first) {
		t.Fatal("the schema is not JSON")
	}
	if string(first) != string(Schema()) {
		t.Error("the schema changes from call to call")
	}
}
