package specfile

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// imports calls found with the name of every import under a node. Names that are made of
// more than literals, references, joins and substitutions are left out: they are not
// known before the stack is made. Aliases are not followed: what they stand for is under
// the node as well.
func imports(node *yaml.Node, found func(string)) {
	if node.Tag == "!ImportValue" {
		report(node, found)
	}
	if node.Kind == yaml.MappingNode {
		for at := 0; at+1 < len(node.Content); at += 2 {
			if node.Content[at].Value == "Fn::ImportValue" {
				report(node.Content[at+1], found)
			}
		}
	}
	for _, child := range node.Content {
		imports(child, found)
	}
}

func report(node *yaml.Node, found func(string)) {
	if name, ok := text(target(node)); ok && name != "" {
		found(name)
	}
}

// text is the text that a node makes, with ${Name} for what a parameter or a resource
// gives. The second result is false for a node that makes none that can be told.
func text(node *yaml.Node) (string, bool) {
	if node.Kind == yaml.MappingNode {
		if node.Tag == "!ImportValue" && len(node.Content) == 2 || len(node.Content) == 2 && node.Tag == "!!map" {
			return function(node.Content[0].Value, target(node.Content[1]))
		}
		return "", false
	}
	switch node.Tag {
	case "!Sub":
		return function("Fn::Sub", node)
	case "!Ref":
		return function("Ref", node)
	case "!Join":
		return function("Fn::Join", node)
	}
	return node.Value, node.Kind == yaml.ScalarNode
}

// function is the text that one of CloudFormation's functions makes.
func function(name string, argument *yaml.Node) (string, bool) {
	switch {
	case name == "Ref" && argument.Kind == yaml.ScalarNode:
		return "${" + argument.Value + "}", true
	case name == "Fn::Sub" && argument.Kind == yaml.ScalarNode:
		return argument.Value, true
	case name == "Fn::Sub" && argument.Kind == yaml.SequenceNode && len(argument.Content) == 2:
		return substituted(argument.Content[0].Value, target(argument.Content[1]))
	case name == "Fn::Join" && argument.Kind == yaml.SequenceNode && len(argument.Content) == 2:
		return joined(argument.Content[0].Value, target(argument.Content[1]))
	}
	return "", false
}

// substituted is a text with the values of its own variables in it.
func substituted(pattern string, variables *yaml.Node) (string, bool) {
	if variables.Kind != yaml.MappingNode {
		return "", false
	}
	var pairs []string
	for at := 0; at+1 < len(variables.Content); at += 2 {
		value := target(variables.Content[at+1])
		if value.Kind != yaml.ScalarNode {
			return "", false
		}
		resolved, ok := text(value)
		if !ok {
			return "", false
		}
		pairs = append(pairs, "${"+variables.Content[at].Value+"}", resolved)
	}
	return strings.NewReplacer(pairs...).Replace(pattern), true
}

// joined is a list of texts as one. A list within the list is none that can be told: an
// alias could make it hold itself.
func joined(separator string, items *yaml.Node) (string, bool) {
	if items.Kind != yaml.SequenceNode {
		return "", false
	}
	var parts []string
	for _, item := range items.Content {
		if !isFlat(target(item)) {
			return "", false
		}
		resolved, ok := text(target(item))
		if !ok {
			return "", false
		}
		parts = append(parts, resolved)
	}
	return strings.Join(parts, separator), true
}

// isFlat tells whether a node is a scalar or a function of one.
func isFlat(node *yaml.Node) bool {
	for _, child := range node.Content {
		if child.Kind != yaml.ScalarNode {
			return false
		}
	}
	return node.Kind == yaml.ScalarNode || node.Kind == yaml.MappingNode
}

// placeholder is a ${Name} in a text; ${!Name} is a literal.
var placeholder = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\$\{ *([^!{}][^{}]*?) *\}`)
})

// ImportNames are the names of the exports that the template imports, with the values of
// the parameters in them: the given ones, else the template's defaults. What is not
// known before the stack is made, like ${AWS::Region}, stays as it is written.
func (t Template) ImportNames(parameters map[string]string) []string {
	names := make([]string, len(t.Imports))
	for i, name := range t.Imports {
		names[i] = placeholder().ReplaceAllStringFunc(name, func(written string) string {
			parameter := placeholder().FindStringSubmatch(written)[1]
			if value, given := parameters[parameter]; given {
				return value
			}
			if declared := t.Parameters[parameter]; declared.HasDefault {
				return declared.Default
			}
			return written
		})
	}
	slices.Sort(names)
	return slices.Compact(names)
}
