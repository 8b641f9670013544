package specfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"serin/internal/engine"
)

const (
	// templateField is the field that errors of the template name.
	templateField = "CanaryTemplate"
	writeTemplate = "write a CloudFormation template with Resources"
	// largestTemplate is how many bytes of template a request takes (CloudFormation API
	// reference, CreateStack, TemplateBody).
	largestTemplate = 51_200
)

// Template is what a template of a version says of itself.
type Template struct {
	// Parameters are the declared ones by name.
	Parameters map[string]Parameter
	// Imports are the names of the exports that the template imports, sorted, as they are
	// written: ${Name} stands for a parameter. ImportNames resolves them.
	Imports []string
	// Resources are the types of the resources by their logical names.
	Resources map[string]string
	// Transformed is true when macros make more of the template than it shows.
	Transformed bool
}

// Inspect reads a template in YAML or JSON. The error is an engine.SpecError whose
// errors name the field CanaryTemplate and no file.
func Inspect(template []byte) (Template, error) {
	i := &inspector{}
	root := i.root(template)
	if root == nil {
		return Template{}, i.result()
	}
	found := Template{Parameters: map[string]Parameter{}, Resources: map[string]string{}}
	for _, entry := range i.entries(root, "the template") {
		switch entry.name {
		case "Parameters":
			i.parameters(&found, entry.value)
		case "Resources":
			i.resources(&found, entry.value)
		case "Transform":
			found.Transformed = true
		}
	}
	if value(root, "Resources") == nil {
		i.fail(nil, "has no Resources", writeTemplate)
	}
	imports(root, func(name string) { found.Imports = append(found.Imports, name) })
	slices.Sort(found.Imports)
	found.Imports = slices.Compact(found.Imports)
	return found, i.result()
}

// inspector gathers what is wrong in one template.
type inspector struct {
	problems []*engine.FieldError
}

func (i *inspector) result() error {
	if len(i.problems) == 0 {
		return nil
	}
	return &engine.SpecError{Errors: i.problems}
}

// fail records a problem, with the line of the node that has it.
func (i *inspector) fail(at *yaml.Node, problem, mend string) {
	failure := &engine.FieldError{Field: templateField, Problem: problem, Mend: mend}
	if at != nil {
		failure.Line, failure.Column = at.Line, at.Column
		failure.Problem += fmt.Sprintf(" (line %d)", at.Line)
	}
	i.problems = append(i.problems, failure)
}

// root is the mapping that the template is, or nil.
func (i *inspector) root(template []byte) *yaml.Node {
	if len(template) > largestTemplate {
		i.fail(nil, fmt.Sprintf("has %d bytes, %d more than the %d that CloudFormation takes", len(template), len(template)-largestTemplate, largestTemplate),
			"take something out of it")
		return nil
	}
	if json.Valid(template) {
		// YAML takes no tabs for white space, and JSON has no others.
		template = bytes.ReplaceAll(template, []byte("\t"), []byte(" "))
	}
	decoder := yaml.NewDecoder(bytes.NewReader(template))
	var document yaml.Node
	err := decode(decoder, &document)
	switch {
	case errors.Is(err, io.EOF):
		i.fail(nil, "is empty", writeTemplate)
		return nil
	case err != nil:
		i.fail(nil, "is not YAML: "+oneLine(err), "mend the template; serin lint checks it")
		return nil
	}
	if err := decode(decoder, new(yaml.Node)); !errors.Is(err, io.EOF) {
		i.fail(nil, "holds more than one YAML document", "leave one, without a line ---  between")
		return nil
	}
	root := &document
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = root.Content[0]
	}
	if root.Kind != yaml.MappingNode {
		i.fail(root, "is no template", writeTemplate)
		return nil
	}
	return root
}

// decode reads one document. The parser panics on some input that is no YAML; to a
// reader of specfiles that is the same as an error.
func decode(decoder *yaml.Decoder, node *yaml.Node) (err error) {
	defer func() {
		if failure := recover(); failure != nil {
			err = fmt.Errorf("the parser gave up: %v", failure)
		}
	}()
	return decoder.Decode(node)
}

// oneLine is a parser's error without what would break a line.
func oneLine(err error) string {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}

// entry is one member of a mapping.
type entry struct {
	name  string
	key   *yaml.Node
	value *yaml.Node
}

// entries are the members of a mapping that a template has under what; a second one of
// a name is an error.
func (i *inspector) entries(node *yaml.Node, what string) []entry {
	node = target(node)
	if node.Kind != yaml.MappingNode {
		i.fail(node, what+" is no mapping", "write Name: value lines under it")
		return nil
	}
	var all []entry
	seen := map[string]bool{}
	for at := 0; at+1 < len(node.Content); at += 2 {
		key := target(node.Content[at])
		if seen[key.Value] {
			i.fail(key, what+" has "+strconv.Quote(key.Value)+" twice", "keep one")
			continue
		}
		seen[key.Value] = true
		all = append(all, entry{name: key.Value, key: key, value: target(node.Content[at+1])})
	}
	return all
}

// value is the value of a member of a mapping, or nil.
func value(node *yaml.Node, name string) *yaml.Node {
	node = target(node)
	if node.Kind != yaml.MappingNode {
		return nil
	}
	for at := 0; at+1 < len(node.Content); at += 2 {
		if node.Content[at].Value == name {
			return target(node.Content[at+1])
		}
	}
	return nil
}

// target is what an alias stands for, or the node itself.
func target(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode && node.Alias != nil {
		return node.Alias
	}
	return node
}

func (i *inspector) resources(found *Template, node *yaml.Node) {
	all := i.entries(node, "Resources")
	if len(all) == 0 && node.Kind == yaml.MappingNode {
		i.fail(node, "has no resource under Resources", writeTemplate)
	}
	for _, resource := range all {
		if strings.HasPrefix(resource.name, "Fn::") {
			found.Transformed = true
			continue
		}
		kind := value(resource.value, "Type")
		if kind == nil || kind.Kind != yaml.ScalarNode || kind.Value == "" {
			i.fail(resource.key, "the resource "+strconv.Quote(resource.name)+" has no Type", `write one, like "AWS::ECS::Service"`)
			continue
		}
		found.Resources[resource.name] = kind.Value
	}
}
