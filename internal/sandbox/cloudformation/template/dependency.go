package template

import (
	"slices"
	"strings"
)

// Dependencies are the logical ids of the resources that a resource needs first: those
// it refers to and those it names in DependsOn, as far as their conditions hold; sorted.
func (e *Evaluation) Dependencies(logicalID string) []string {
	resource := e.template.Resources[logicalID]
	needed := slices.Clone(resource.DependsOn)
	for _, reference := range e.mentions(resource.Properties).found {
		needed = append(needed, reference.name)
	}
	needed = slices.DeleteFunc(needed, func(name string) bool {
		other := e.template.Resources[name]
		return other == nil || !e.wanted(other.Condition)
	})
	slices.Sort(needed)
	return slices.Compact(needed)
}

// Attributes are the attributes that the wanted parts of the template read, by
// resource: what CloudFormation checks against the types before it starts.
func (e *Evaluation) Attributes() map[string][]string {
	read := make(map[string][]string)
	for _, tree := range e.trees() {
		for _, reference := range e.mentions(tree).found {
			if reference.attribute != "" && reference.attribute != "?" {
				read[reference.name] = append(read[reference.name], reference.attribute)
			}
		}
	}
	return read
}

// trees are the properties and the outputs that are wanted.
func (e *Evaluation) trees() []any {
	var trees []any
	for _, name := range e.Resources() {
		trees = append(trees, e.template.Resources[name].Properties)
	}
	for _, output := range e.template.Outputs {
		if e.wanted(output.Condition) {
			trees = append(trees, output.Value, output.Export)
		}
	}
	return trees
}

// Imports are the names of the exports that the wanted parts of the template import,
// sorted. The error is an *Error: a name that depends on a resource.
func (e *Evaluation) Imports() ([]string, error) {
	evaluator := &evaluator{evaluation: e}
	var names []string
	for _, tree := range e.trees() {
		for _, argument := range e.mentions(tree).imports {
			name, err := evaluator.text(argument)
			if err != nil {
				return nil, templateErrorf("the attribute in Fn::ImportValue must not depend on any resources, imported values, or Fn::GetAZs")
			}
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// mentions are a tree's mentions along the branches that the conditions choose.
func (e *Evaluation) mentions(tree any) mentions {
	m := mentions{decided: e.conditions}
	if err := m.walk(tree); err != nil {
		// Parse has walked the same tree, with every branch, and found no error.
		panic(err)
	}
	return m
}

// checkActive refuses a wanted resource or output that refers to an unwanted resource.
func (e *Evaluation) checkActive() error {
	for _, name := range e.Resources() {
		if missing := e.unwanted(e.template.Resources[name].Properties); missing != "" {
			return formatErrorf("Unresolved resource dependencies [%s] in the Resources block of the template", missing)
		}
	}
	for _, output := range e.template.Outputs {
		if !e.wanted(output.Condition) {
			continue
		}
		if missing := e.unwanted([]any{output.Value, output.Export}); missing != "" {
			return formatErrorf("Unresolved resource dependencies [%s] in the Outputs block of the template", missing)
		}
	}
	return nil
}

func (e *Evaluation) unwanted(tree any) string {
	for _, reference := range e.mentions(tree).found {
		resource := e.template.Resources[reference.name]
		if resource != nil && !e.wanted(resource.Condition) {
			return reference.name
		}
	}
	return ""
}

// checkCycles takes away resources that need nothing that is left; what cannot be taken
// away goes round in circles.
func (e *Evaluation) checkCycles() error {
	left := e.Resources()
	for {
		rest := slices.DeleteFunc(slices.Clone(left), func(name string) bool {
			return !slices.ContainsFunc(e.Dependencies(name), func(needed string) bool {
				return slices.Contains(left, needed)
			})
		})
		if len(rest) == 0 {
			return nil
		}
		if len(rest) == len(left) {
			return errorf("Circular dependency between resources: [%s]", strings.Join(rest, ", "))
		}
		left = rest
	}
}
