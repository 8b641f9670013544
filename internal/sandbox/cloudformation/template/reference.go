package template

import (
	"maps"
	"slices"
	"strings"
)

// reference is one mention of something by name: a parameter, a pseudo parameter, a
// resource or, with an attribute, an attribute of a resource.
type reference struct {
	name string
	// attribute is "" for a Ref; it is "?" where it is computed.
	attribute string
}

// mentions collects the references of a tree. decided chooses the branch of an Fn::If;
// without it both branches count.
type mentions struct {
	decided map[string]bool
	found   []reference
	// conditions are the names that Fn::If uses; imports the arguments of
	// Fn::ImportValue.
	conditions []string
	imports    []any
	// maps reports whether Fn::FindInMap is used.
	maps bool
}

func (m *mentions) walk(raw any) error {
	switch value := raw.(type) {
	case []any:
		for _, member := range value {
			if err := m.walk(member); err != nil {
				return err
			}
		}
	case map[string]any:
		if name, argument, ok := function(value); ok {
			return m.function(name, argument)
		}
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if err := m.walk(value[key]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *mentions) function(name string, argument any) error {
	switch name {
	case "Ref":
		referred, ok := argument.(string)
		if !ok {
			return templateErrorf("every Ref object must have a single String value.")
		}
		m.found = append(m.found, reference{name: referred})
		return nil
	case "Fn::GetAtt":
		return m.attribute(argument)
	case "Fn::Sub":
		return m.substitution(argument)
	case "Fn::If":
		return m.choice(argument)
	case "Fn::ImportValue":
		m.imports = append(m.imports, argument)
	case "Fn::FindInMap":
		m.maps = true
	}
	if !supported(name) {
		return formatErrorf("Encountered unsupported function: %s Supported functions are: [%s]", name, strings.Join(functionNames, ", "))
	}
	return m.walk(argument)
}

func (m *mentions) attribute(argument any) error {
	logicalID, attribute, err := attributePath(argument)
	if err != nil {
		return err
	}
	name, literal := attribute.(string)
	if !literal {
		name = "?"
	}
	m.found = append(m.found, reference{name: logicalID, attribute: name})
	return m.walk(attribute)
}

func (m *mentions) substitution(argument any) error {
	body, variables, err := substitution(argument)
	if err != nil {
		return err
	}
	for _, match := range placeholder().FindAllStringSubmatch(body, -1) {
		name := strings.TrimSpace(match[1])
		if _, local := variables[name]; local || strings.HasPrefix(name, "!") {
			continue
		}
		logicalID, attribute, _ := strings.Cut(name, ".")
		m.found = append(m.found, reference{name: logicalID, attribute: attribute})
	}
	return m.walk(variables)
}

func (m *mentions) choice(argument any) error {
	name, branches, err := choice(argument)
	if err != nil {
		return err
	}
	m.conditions = append(m.conditions, name)
	if m.decided == nil {
		return m.walk(branches)
	}
	if m.decided[name] {
		return m.walk(branches[0])
	}
	return m.walk(branches[1])
}

var pseudoParameters = []string{
	"AWS::AccountId", "AWS::NoValue", "AWS::NotificationARNs", "AWS::Partition",
	"AWS::Region", "AWS::StackId", "AWS::StackName", "AWS::URLSuffix",
}

// checkReferences refuses names that stand for nothing anywhere in the template.
func (t *Template) checkReferences() error {
	if err := t.checkConditionReferences(); err != nil {
		return err
	}
	var inResources, inOutputs mentions
	for _, name := range slices.Sorted(maps.Keys(t.Resources)) {
		resource := t.Resources[name]
		if err := inResources.walk(resource.Properties); err != nil {
			return err
		}
		for _, dependency := range resource.DependsOn {
			if t.Resources[dependency] == nil {
				return formatErrorf("Unresolved resource dependencies [%s] in the Resources block of the template", dependency)
			}
		}
		if err := t.checkCondition(resource.Condition, "Resources"); err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(t.Outputs)) {
		output := t.Outputs[key]
		if err := inOutputs.walk([]any{output.Value, output.Export}); err != nil {
			return err
		}
		if err := t.checkCondition(output.Condition, "Outputs"); err != nil {
			return err
		}
	}
	if err := t.checkMentions(inResources, "Resources"); err != nil {
		return err
	}
	return t.checkMentions(inOutputs, "Outputs")
}

func (t *Template) checkCondition(name, block string) error {
	if _, defined := t.Conditions[name]; name != "" && !defined {
		return formatErrorf("Unresolved condition dependency %s in the %s block of the template", name, block)
	}
	return nil
}

func (t *Template) checkMentions(m mentions, block string) error {
	for _, condition := range m.conditions {
		if err := t.checkCondition(condition, block); err != nil {
			return err
		}
	}
	var unresolved []string
	for _, reference := range m.found {
		switch {
		case t.Resources[reference.name] != nil:
		case reference.attribute == "" && (t.Parameters[reference.name] != nil || slices.Contains(pseudoParameters, reference.name)):
		case reference.attribute != "":
			return templateErrorf("instance of Fn::GetAtt references undefined resource %s", reference.name)
		case !slices.Contains(unresolved, reference.name):
			unresolved = append(unresolved, reference.name)
		}
	}
	if len(unresolved) > 0 {
		slices.Sort(unresolved)
		return formatErrorf("Unresolved resource dependencies [%s] in the %s block of the template", strings.Join(unresolved, ", "), block)
	}
	return nil
}

func (t *Template) checkConditionReferences() error {
	for _, name := range slices.Sorted(maps.Keys(t.Conditions)) {
		var m mentions
		if err := m.walk(t.Conditions[name]); err != nil {
			return err
		}
		for _, reference := range m.found {
			if t.Parameters[reference.name] == nil && !slices.Contains(pseudoParameters, reference.name) {
				return formatErrorf("Unresolved dependencies [%s]. Cannot reference resources in the Conditions block of the template", reference.name)
			}
		}
	}
	return nil
}
