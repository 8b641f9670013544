package engine

import (
	"bytes"
	"encoding/json"
	"maps"
)

// Schema is the JSON Schema (draft 2020-12) of deploy.json, made from the table that
// ParseSpec reads. What one field asks of another's value is beyond a schema: that
// weights rise, how long names get together, what a hold may be left out for.
func Schema() []byte {
	schema := specRoot.schema("")
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "deploy.json"
	schema["description"] = "How one microservice is released."
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(schema); err != nil {
		// Maps, lists, texts and numbers always encode.
		panic(err)
	}
	return out.Bytes()
}

// schemaClauses are what a schema can say of the fields of one object together, by the
// object's path.
var schemaClauses = map[string]map[string]any{
	"": {"oneOf": []any{
		map[string]any{"required": []string{"PercentageStep", "WaitTime"}, "not": requires("Steps")},
		map[string]any{"required": []string{"Steps"}, "not": requires("PercentageStep")},
	}},
	"Steps[]": {"oneOf": []any{
		map[string]any{"required": []string{"Weight"}, "not": anyOf(requires("Gate"), requires("Timeout"), requires("OnTimeout"))},
		map[string]any{"required": []string{"Gate"}, "not": anyOf(requires("Weight"), requires("Hold"))},
	}},
	"Router": {
		"if": map[string]any{
			"required":   []string{"Type"},
			"properties": map[string]any{"Type": map[string]any{"const": string(ALB)}},
		},
		"then": requires("ListenerRuleArn"),
		"else": map[string]any{"not": requires("ListenerRuleArn")},
	},
}

func requires(name string) map[string]any { return map[string]any{"required": []string{name}} }

func anyOf(clauses ...any) map[string]any { return map[string]any{"anyOf": clauses} }

// base64Pattern is base64 with white space anywhere, and not nothing.
const base64Pattern = `^\s*(([A-Za-z0-9+/]\s*){4})*(([A-Za-z0-9+/]\s*){4}|([A-Za-z0-9+/]\s*){3}=\s*|([A-Za-z0-9+/]\s*){2}=\s*=\s*)$`

// schema is the field in the words of JSON Schema.
func (f specField) schema(path string) map[string]any {
	schema := map[string]any{}
	if f.doc != "" {
		schema["description"] = f.doc
	}
	if f.fallback != nil {
		schema["default"] = f.fallback
	}
	switch f.kind {
	case wholeField:
		f.wholeSchema(schema)
	case templateField:
		schema["type"], schema["contentEncoding"], schema["pattern"] = "string", "base64", base64Pattern
	case listField:
		schema["type"], schema["minItems"], schema["maxItems"] = "array", f.least, f.most
		schema["items"] = f.item.schema(path + "[]")
		if f.item.kind == textField {
			schema["uniqueItems"] = true
		}
	case objectField:
		f.objectSchema(schema, path)
	case tableField:
		schema["type"], schema["minProperties"], schema["maxProperties"] = "object", f.least, f.most
		schema["propertyNames"] = f.namesSchema()
		schema["additionalProperties"] = f.item.schema(path + ".*")
	default:
		f.textSchema(schema)
	}
	return schema
}

func (f specField) namesSchema() map[string]any {
	schema := map[string]any{"pattern": f.names.pattern}
	if f.reserved != nil {
		schema["not"] = map[string]any{"enum": f.reserved}
	}
	return schema
}

func (f specField) textSchema(schema map[string]any) {
	schema["type"] = "string"
	if f.choices != nil {
		schema["enum"] = f.choices
		return
	}
	schema["minLength"], schema["maxLength"] = f.least, f.most
	schema["pattern"] = f.form.pattern
}

func (f specField) wholeSchema(schema map[string]any) {
	schema["type"], schema["minimum"], schema["maximum"] = "integer", f.least, f.most
	if f.period {
		schema["anyOf"] = []any{
			map[string]any{"enum": shortPeriods}, map[string]any{"multipleOf": 60},
		}
	}
}

func (f specField) objectSchema(schema map[string]any, path string) {
	properties := map[string]any{}
	var required []string
	for _, field := range f.fields {
		properties[field.name] = field.schema(join(path, field.name))
		if field.required {
			required = append(required, field.name)
		}
	}
	schema["type"], schema["properties"], schema["additionalProperties"] = "object", properties, false
	if required != nil {
		schema["required"] = required
	}
	maps.Copy(schema, schemaClauses[path])
}
