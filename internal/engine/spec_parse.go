package engine

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ParseSpec reads a deploy.json and checks it. The settings are laid over the file
// first. The error is a SpecError with all that is wrong, each naming the file, or the
// flag that gave a value. Sha, ContainerImage and CanaryTemplate may be missing in what
// it returns: Complete tells.
func ParseSpec(file string, data []byte, set []Setting) (Spec, error) {
	r := &specReader{file: file, nodes: map[string]jsonNode{}}
	root, ok := r.read(data)
	if !ok {
		return Spec{}, r.result()
	}
	for _, setting := range set {
		r.set(&root, specRoot, "", setting.Field, setting)
	}
	giveWay(&root, "Steps", "PercentageStep")
	giveWay(&root, "PercentageStep", "Steps")
	value, _ := r.value("", specRoot, root)
	spec, err := specOf(value)
	if err != nil {
		return Spec{}, fmt.Errorf("%s: %w", file, err)
	}
	r.rules(&spec)
	return spec, r.result()
}

// specRoot is deploy.json as a field.
var specRoot = specField{kind: objectField, fields: specFields}

// specReader gathers what is wrong in one file.
type specReader struct {
	file string
	text string
	// nodes are the values that the file or a flag gave, by their path.
	nodes  map[string]jsonNode
	errors []*FieldError
}

// result is a SpecError with everything in the order of the file's lines, or nil.
func (r *specReader) result() error {
	if len(r.errors) == 0 {
		return nil
	}
	const behind = 1 << 40
	line := func(e *FieldError) int {
		if e.Line == 0 {
			return behind
		}
		return e.Line
	}
	slices.SortStableFunc(r.errors, func(a, b *FieldError) int { return line(a) - line(b) })
	return &SpecError{Errors: r.errors}
}

// read makes a tree of the file.
func (r *specReader) read(data []byte) (jsonNode, bool) {
	problem, mend := unreadable(data)
	if problem != "" {
		r.errors = append(r.errors, &FieldError{File: r.file, Problem: problem, Mend: mend})
		return jsonNode{}, false
	}
	r.text = string(bytes.TrimPrefix(data, []byte("\ufeff")))
	reader := jsonReader{text: r.text, wrapped: "CanaryTemplate"}
	root, err := reader.document()
	if err != nil {
		r.errors = append(r.errors, r.syntax(err))
		return jsonNode{}, false
	}
	if root.kind != jsonObject {
		r.errors = append(r.errors, &FieldError{
			File: r.file, Problem: "the file holds " + root.describe(), Mend: "write one object, { … }", Line: 1, Column: 1,
		})
		return jsonNode{}, false
	}
	return root, true
}

// unreadable says why data is no text at all.
func unreadable(data []byte) (problem, mend string) {
	switch {
	case len(bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff")))) == 0:
		return "the file is empty", "write one object, { … }"
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")),
		len(data) > 1 && data[0] == '{' && data[1] == 0, len(data) > 1 && data[0] == 0 && data[1] == '{':
		return "the file is in UTF-16", "save it as UTF-8"
	case bytes.IndexByte(data, 0) >= 0:
		return "this is a binary file", "name the service's deploy.json"
	case !utf8.Valid(data):
		return "the file is not in UTF-8", "save it as UTF-8"
	}
	return "", ""
}

// syntax is an error of the reader with its line and column.
func (r *specReader) syntax(err error) *FieldError {
	var bad *jsonError
	if !errors.As(err, &bad) {
		return &FieldError{File: r.file, Problem: err.Error()}
	}
	line, column := place(r.text, bad.at)
	return &FieldError{File: r.file, Problem: bad.problem, Mend: bad.mend, Line: line, Column: column}
}

// place is the line and the column of an offset, from 1; the column counts characters.
func place(text string, at int) (line, column int) {
	before := text[:min(at, len(text))]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}

// fail records what is wrong with the value at a path, or with its absence.
func (r *specReader) fail(path, problem, mend string) {
	if node, given := r.nodes[path]; given {
		r.failAt(node, path, node.describe(), problem, mend)
		return
	}
	r.errors = append(r.errors, &FieldError{File: r.file, Field: path, Problem: problem, Mend: mend})
}

func (r *specReader) failAt(node jsonNode, path, value, problem, mend string) {
	failure := &FieldError{File: r.file, Field: path, Value: value, Problem: problem, Mend: mend}
	if node.flag != "" {
		failure.File = node.flag
	} else {
		failure.Line, failure.Column = place(r.text, node.at)
	}
	r.errors = append(r.errors, failure)
}

// given tells whether the file or a flag gave a value, be it right or wrong.
func (r *specReader) given(path string) bool {
	_, ok := r.nodes[path]
	return ok
}

// describe is a value as an error shows it.
func (n jsonNode) describe() string {
	switch n.kind {
	case jsonText:
		return shown(n.text)
	case jsonObject:
		return "an object"
	case jsonList:
		return "a list"
	default:
		if len(n.text) > longestShown {
			return n.text[:longestShown-1] + "…"
		}
		return n.text
	}
}

// value checks a value and makes it one that encoding/json takes. The second result is
// false for one that is wrong.
func (r *specReader) value(path string, f specField, node jsonNode) (any, bool) {
	r.nodes[path] = node
	if !r.hasKind(path, f, node) {
		return nil, false
	}
	switch f.kind {
	case wholeField:
		return r.whole(path, f, node)
	case templateField:
		return r.template(path, f, node)
	case listField:
		return r.list(path, f, node)
	case objectField:
		return r.object(path, f, node)
	case tableField:
		return r.table(path, f, node)
	default:
		return r.words(path, f, node)
	}
}

// hasKind refuses a value of another type than the field's.
func (r *specReader) hasKind(path string, f specField, node jsonNode) bool {
	wanted, called := jsonText, "text"
	switch f.kind {
	case wholeField:
		wanted, called = jsonNumber, "a number"
	case listField:
		wanted, called = jsonList, "a list"
	case objectField, tableField:
		wanted, called = jsonObject, "an object"
	default:
	}
	if node.kind == wanted {
		return true
	}
	problem, mend := "is not "+called, "write "+f.want()
	switch {
	case node.kind == jsonNull:
		problem, mend = "is no value", mend+", or remove the field"
	case wanted == jsonNumber && node.kind == jsonText && jsonNumberForm.MatchString(strings.TrimSpace(node.text)):
		problem = "is text, not a number"
		mend = fmt.Sprintf("write %s, not %q", strings.TrimSpace(node.text), node.text)
	case wanted == jsonNumber && node.flag != "":
		problem = "is not a whole number"
	case wanted == jsonText && (node.kind == jsonNumber || node.kind == jsonBoolean):
		problem = "is not text"
		mend = fmt.Sprintf("write %q, not %s", node.describe(), node.describe())
	}
	r.fail(path, problem, mend)
	return false
}

func (r *specReader) whole(path string, f specField, node jsonNode) (any, bool) {
	number, whole := wholeNumber(node.text)
	switch {
	case !whole:
		r.fail(path, "is not a whole number", "write "+f.want())
	case !number.IsInt64() || number.Int64() < int64(f.least) || number.Int64() > int64(f.most):
		r.fail(path, fmt.Sprintf("is not between %d and %d", f.least, f.most), "write "+f.want())
	case f.period && number.Int64()%60 != 0 && !slices.Contains(shortPeriods, int(number.Int64())):
		r.fail(path, "is no period that CloudWatch has", "write "+f.want())
	default:
		return number.Int64(), true
	}
	return nil, false
}

// wholeNumber is the value of a number of JSON when it is whole, as 60, 60.0 and 6e1
// are. It is exact, and refuses what would take long to write out.
func wholeNumber(text string) (*big.Int, bool) {
	const longest = 400
	if len(text) > longest {
		return nil, false
	}
	_, exponent, found := strings.Cut(strings.ToLower(text), "e")
	if power, err := strconv.Atoi(exponent); found && (err != nil || power < -longest || power > longest) {
		return nil, false
	}
	number, ok := new(big.Rat).SetString(text)
	if !ok || !number.IsInt() {
		return nil, false
	}
	return number.Num(), true
}

func (r *specReader) words(path string, f specField, node jsonNode) (any, bool) {
	length := utf8.RuneCountInString(node.text)
	switch {
	case !printable.matches(node.text):
		r.fail(path, printable.problem, "remove it")
	case f.choices != nil:
		return r.choice(path, f, node)
	case length < f.least:
		r.fail(path, "is empty", "write "+f.want())
	case length > f.most:
		r.fail(path, fmt.Sprintf("is %d characters long, %d more than the %d allowed", length, length-f.most, f.most), "shorten it")
	case f.form != nil && !f.form.matches(node.text):
		r.fail(path, f.form.problem, "write "+f.want())
	default:
		return node.text, true
	}
	return nil, false
}

func (r *specReader) choice(path string, f specField, node jsonNode) (any, bool) {
	if slices.Contains(f.choices, node.text) {
		return node.text, true
	}
	mend := "write " + f.want()
	if near := Nearest(node.text, f.choices); near != "" {
		mend += fmt.Sprintf(". Did you mean %q?", near)
	}
	r.fail(path, "is not one of the values allowed", mend)
	return nil, false
}

// unwrap takes the line breaks out of base64.
var unwrap = strings.NewReplacer("\n", "", "\r", "", "\t", "", " ", "")

func (r *specReader) template(path string, f specField, node jsonNode) (any, bool) {
	template, err := base64.StdEncoding.DecodeString(unwrap.Replace(node.text))
	switch {
	case err != nil:
		r.fail(path, "is not base64", "write "+f.want())
	case len(template) == 0:
		r.fail(path, "is empty", "write "+f.want()+", or remove the field")
	default:
		return template, true
	}
	return nil, false
}

func (r *specReader) list(path string, f specField, node jsonNode) (any, bool) {
	if len(node.items) < f.least || len(node.items) > f.most {
		r.fail(path, fmt.Sprintf("has %d items", len(node.items)), "write "+f.want())
		return nil, false
	}
	values := make([]any, len(node.items))
	seen := map[any]bool{}
	for i, item := range node.items {
		at := fmt.Sprintf("%s[%d]", path, i)
		value, ok := r.value(at, *f.item, item)
		if ok && f.item.kind == textField && seen[value] {
			r.fail(at, "is there twice", "remove one")
		}
		if ok && f.item.kind == textField {
			seen[value] = true
		}
		values[i] = value
	}
	return values, true
}

// object checks the members of an object and fills in what is not given. Members that
// are wrong are left out, so that the others are still checked against each other.
func (r *specReader) object(path string, f specField, node jsonNode) (any, bool) {
	values := map[string]any{}
	for name, member := range r.distinct(path, node) {
		field, known := f.field(name)
		if !known {
			r.unknown(path, name, f.fields, member)
			continue
		}
		if value, ok := r.value(join(path, name), field, member.value); ok {
			values[name] = value
		}
	}
	for _, field := range f.fields {
		at := join(path, field.name)
		switch {
		case r.given(at):
		case field.required:
			r.fail(at, "missing", "add it: "+field.want())
		case field.fallback != nil:
			values[field.name] = field.fallback
		case field.kind == objectField:
			values[field.name], _ = r.object(at, field, jsonNode{})
		}
	}
	return values, true
}

func (r *specReader) table(path string, f specField, node jsonNode) (any, bool) {
	if len(node.members) < f.least || len(node.members) > f.most {
		r.fail(path, fmt.Sprintf("has %d entries", len(node.members)), fmt.Sprintf("write %d to %d", f.least, f.most))
		return nil, false
	}
	values := map[string]any{}
	for name, member := range r.distinct(path, node) {
		at := join(path, shownName(name))
		if !f.names.matches(name) {
			r.failAt(jsonNode{at: member.at, flag: member.value.flag}, path, shown(name), f.names.problem, "write "+f.names.want)
			continue
		}
		if slices.Contains(f.reserved, name) {
			r.failAt(jsonNode{at: member.at, flag: member.value.flag}, at, "", "is given by another field", "remove it here")
			continue
		}
		if value, ok := r.value(at, *f.item, member.value); ok {
			values[name] = value
		}
	}
	return values, true
}

// distinct are the members of an object by name; a second one of a name is an error.
func (r *specReader) distinct(path string, node jsonNode) iter.Seq2[string, jsonMember] {
	return func(yield func(string, jsonMember) bool) {
		seen := map[string]int{}
		for _, member := range node.members {
			if first, twice := seen[member.name]; twice {
				line, _ := place(r.text, first)
				r.failAt(jsonNode{at: member.at, flag: member.value.flag}, join(path, shownName(member.name)), "",
					fmt.Sprintf("given twice, first in line %d", line), "keep one")
				continue
			}
			seen[member.name] = member.at
			if !yield(member.name, member) {
				return
			}
		}
	}
}

// unknown records a member that no field is called, with the field that it may be.
func (r *specReader) unknown(path, name string, fields []specField, member jsonMember) {
	known := fieldNames(fields)
	mend := "remove it; the fields here are " + strings.Join(known, ", ")
	if near := Nearest(name, known); near != "" {
		mend = "Did you mean " + near + "?"
	}
	at := jsonNode{at: member.at, flag: member.value.flag}
	r.failAt(at, join(path, shownName(name)), "", "not a known field", mend)
}

// specOf is the spec with the values of the fields that are right.
func specOf(value any) (Spec, error) {
	var spec Spec
	document, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(document, &spec)
	}
	return spec, err
}
