package engine

import (
	"maps"
	"slices"
	"strings"
)

// Setting is a value for one field that a flag gives, over the file's.
type Setting struct {
	// Field is the field's path: WaitTime, Router.Type, TemplateParameters.Memory.
	Field string
	// Value is read by the field's type: digits for a number, the text itself for a text,
	// JSON for a list or an object.
	Value string
	// Flag is what errors name as the place of the value; --set when it is empty.
	Flag string
}

// ParseSetting reads a setting as --set takes it: Field=Value. The value may hold
// further equals signs, and may be empty.
func ParseSetting(text string) (Setting, error) {
	field, value, found := strings.Cut(text, "=")
	field = strings.TrimSpace(field)
	if !found || field == "" {
		return Setting{}, &FieldError{
			File: "--set", Value: shown(text), Problem: "is not Field=Value", Mend: "write it like WaitTime=30",
		}
	}
	return Setting{Field: field, Value: value}, nil
}

func (s Setting) flag() string {
	if s.Flag == "" {
		return "--set"
	}
	return s.Flag
}

// set lays a setting over the value at path, which is described by f. What is left of
// the setting's own path is rest.
func (r *specReader) set(node *jsonNode, f specField, path, rest string, s Setting) {
	if s.Field == "" {
		r.failSetting(s, "", "is for no field", "write "+s.flag()+" Field=Value")
		return
	}
	if rest == "" {
		if replaced, ok := r.settingNode(f, path, s); ok {
			*node = replaced
		}
		return
	}
	name, within, nested := strings.Cut(rest, ".")
	var inner specField
	known := false
	switch f.kind {
	case objectField:
		inner, known = f.field(name)
	case tableField:
		// The names of a table may hold dots: the rest is one of them.
		name, within, nested = rest, "", false
		inner, known = *f.item, true
	default:
		r.failSetting(s, path, "has no fields of its own", "write "+s.flag()+" "+path+"="+f.want())
		return
	}
	if nested && within == "" {
		r.failSetting(s, shownName(s.Field), "is for no field: its name ends in a dot", "write "+s.flag()+" Field=Value")
		return
	}
	if !known {
		r.unknown(path, name, f.fields, jsonMember{value: jsonNode{flag: s.flag()}})
		return
	}
	if node.kind != jsonObject {
		// The file has something else here, which is reported for what it is.
		return
	}
	r.set(child(node, name, inner, s), inner, join(path, shownName(name)), within, s)
}

// giveWay takes a field of the file away that excludes one that a setting gave.
func giveWay(root *jsonNode, given, excluded string) {
	setting, other := root.member(given), root.member(excluded)
	if setting == nil || setting.flag == "" || other == nil || other.flag != "" {
		return
	}
	root.members = slices.DeleteFunc(root.members, func(member jsonMember) bool { return member.name == excluded })
}

// child is the member that a setting goes to. One that the file does not have begins
// with what the file would have meant without it.
func child(node *jsonNode, name string, f specField, s Setting) *jsonNode {
	if found := node.member(name); found != nil {
		return found
	}
	fresh := jsonNode{kind: jsonObject, flag: s.flag()}
	if table, ok := f.fallback.(map[string]string); ok {
		for _, key := range slices.Sorted(maps.Keys(table)) {
			value := jsonNode{kind: jsonText, text: table[key], flag: s.flag()}
			fresh.members = append(fresh.members, jsonMember{name: key, value: value})
		}
	}
	node.members = append(node.members, jsonMember{name: name, value: fresh})
	return node.member(name)
}

// settingNode is the setting's value as the field's type reads it.
func (r *specReader) settingNode(f specField, path string, s Setting) (jsonNode, bool) {
	node := jsonNode{kind: jsonText, text: s.Value, flag: s.flag()}
	switch f.kind {
	case wholeField:
		if number := strings.TrimSpace(s.Value); jsonNumberForm.MatchString(number) {
			node.kind, node.text = jsonNumber, number
		}
	case listField, objectField, tableField:
		if !isText(s.Value) {
			r.failSetting(s, path, "is not UTF-8 text", "write JSON")
			return node, false
		}
		reader := jsonReader{text: s.Value, wrapped: "CanaryTemplate", flag: s.flag()}
		parsed, err := reader.document()
		if err != nil {
			r.failSetting(s, path, "is not JSON: "+err.Error(), "write "+f.want())
			return node, false
		}
		return parsed, true
	default:
		if !isText(s.Value) {
			r.failSetting(s, path, "is not UTF-8 text", "write "+f.want())
			return node, false
		}
	}
	return node, true
}

// isText tells whether a setting can be part of a JSON text.
func isText(value string) bool {
	return strings.ToValidUTF8(value, "") == value && !strings.ContainsRune(value, 0)
}

func (r *specReader) failSetting(s Setting, path, problem, mend string) {
	r.failAt(jsonNode{flag: s.flag()}, path, shown(s.Value), problem, mend)
}
