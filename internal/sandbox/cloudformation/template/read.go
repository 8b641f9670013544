package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document is a template's text as a tree of map[string]any, []any, string and nil.
// Every scalar is the text that the author wrote: CloudFormation knows no other scalars,
// and only a resource's schema says what a number is.
func document(body string) (map[string]any, error) {
	var tree any
	var err error
	if strings.HasPrefix(strings.TrimSpace(body), "{") {
		tree, err = readJSON(body)
	} else {
		tree, err = readYAML(body)
	}
	if err != nil {
		return nil, err
	}
	root, ok := tree.(map[string]any)
	if !ok {
		return nil, formatErrorf("unsupported structure.")
	}
	if at, found := nothing(root, ""); found {
		return nil, formatErrorf("[%s] 'null' values are not allowed in templates", at)
	}
	return root, nil
}

// nothing finds a null, which templates must not have.
func nothing(tree any, at string) (string, bool) {
	switch value := tree.(type) {
	case nil:
		return at, true
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if where, found := nothing(value[key], at+"/"+key); found {
				return where, true
			}
		}
	case []any:
		for i, member := range value {
			if where, found := nothing(member, at+"/"+strconv.Itoa(i)); found {
				return where, true
			}
		}
	}
	return "", false
}

func readJSON(body string) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, malformedJSON(body, decoder.InputOffset(), err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, malformedJSON(body, decoder.InputOffset(), err)
	}
	return scalarsAsText(tree), nil
}

func malformedJSON(body string, offset int64, err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = syntax.Offset
	}
	before := []byte(body)[:min(int(offset), len(body))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := max(1, len(before)-bytes.LastIndexByte(before, '\n')-1)
	return formatErrorf("JSON not well-formed. (line %d, column %d)", line, column)
}

func scalarsAsText(tree any) any {
	switch value := tree.(type) {
	case map[string]any:
		for key, member := range value {
			value[key] = scalarsAsText(member)
		}
		return value
	case []any:
		for i, member := range value {
			value[i] = scalarsAsText(member)
		}
		return value
	case json.Number:
		return value.String()
	case bool:
		return strconv.FormatBool(value)
	default:
		return value
	}
}

func readYAML(body string) (any, error) {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(body), &root); err != nil {
		return nil, malformedYAML(err)
	}
	if root.Kind != yaml.DocumentNode {
		return nil, formatErrorf("unsupported structure.")
	}
	return yamlValue(root.Content[0])
}

func malformedYAML(err error) error {
	line, column := "1", "1"
	if found := regexp.MustCompile(`line (\d+)(?:, column (\d+))?`).FindStringSubmatch(err.Error()); found != nil {
		line = found[1]
		if found[2] != "" {
			column = found[2]
		}
	}
	return formatErrorf("YAML not well-formed. (line %s, column %s)", line, column)
}

func yamlValue(node *yaml.Node) (any, error) {
	value, err := untagged(node)
	if err != nil {
		return nil, err
	}
	return longForm(node, value)
}

func untagged(node *yaml.Node) (any, error) {
	switch node.Kind {
	case yaml.MappingNode:
		return yamlMapping(node)
	case yaml.SequenceNode:
		list := make([]any, 0, len(node.Content))
		for _, member := range node.Content {
			value, err := yamlValue(member)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	case yaml.ScalarNode:
		return yamlScalar(node), nil
	case yaml.AliasNode:
		return nil, templateErrorf("YAML aliases are not allowed in CloudFormation templates")
	default:
		return nil, formatErrorf("unsupported structure.")
	}
}

// yamlScalar is a scalar's text. CloudFormation reads YAML 1.1, in which a plain yes or
// on is true.
func yamlScalar(node *yaml.Node) any {
	if node.Tag == "!!null" {
		return nil
	}
	plain := node.Style&^yaml.TaggedStyle == 0
	switch node.Value {
	case "yes", "Yes", "YES", "on", "On", "ON", "True", "TRUE":
		if plain {
			return "true"
		}
	case "no", "No", "NO", "off", "Off", "OFF", "False", "FALSE":
		if plain {
			return "false"
		}
	}
	return node.Value
}

func yamlMapping(node *yaml.Node) (any, error) {
	mapping := make(map[string]any, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if key.Kind != yaml.ScalarNode {
			return nil, formatErrorf("YAML not well-formed. (line %d, column %d)", key.Line, key.Column)
		}
		if _, again := mapping[key.Value]; again {
			return nil, formatErrorf("YAML not well-formed. (line %d, column %d)", key.Line, key.Column)
		}
		value, err := yamlValue(node.Content[i+1])
		if err != nil {
			return nil, err
		}
		mapping[key.Value] = value
	}
	return mapping, nil
}

// longForm is a short tag's long form: !Ref x is {"Ref": x}, !Sub x is {"Fn::Sub": x},
// !GetAtt a.b is {"Fn::GetAtt": [a, b]}.
func longForm(node *yaml.Node, value any) (any, error) {
	if !strings.HasPrefix(node.Tag, "!") || strings.HasPrefix(node.Tag, "!!") {
		return value, nil
	}
	name := strings.TrimPrefix(node.Tag, "!")
	switch name {
	case "Ref", "Condition":
		return map[string]any{name: value}, nil
	case "GetAtt":
		if path, ok := value.(string); ok {
			logicalID, attribute, _ := strings.Cut(path, ".")
			value = []any{logicalID, attribute}
		}
	}
	function := "Fn::" + name
	if !supported(function) {
		return nil, formatErrorf("YAML not well-formed. (line %d, column %d)", node.Line, node.Column)
	}
	return map[string]any{function: value}, nil
}
