package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Scope is what a template is evaluated in: the pseudo parameters and the values of
// the parameters, as Bind gives them and with stored values resolved.
type Scope struct {
	Region, Account      string
	Partition, URLSuffix string
	StackName, StackID   string
	NotificationARNs     []string
	// Zones are the availability zones of the region, for Fn::GetAZs.
	Zones      []string
	Parameters map[string]string
}

// Resolver answers what only the world knows. It is called while a template is being
// evaluated, never concurrently by one evaluation.
type Resolver interface {
	// Ref is the physical id of a resource of the template.
	Ref(logicalID string) (string, error)
	// Attribute is an attribute of a resource of the template: a string or a list.
	Attribute(logicalID, attribute string) (any, error)
	// Import is the value that another stack exports under a name.
	Import(name string) (string, error)
}

// Evaluation is a template in a scope: its conditions are decided. It is immutable and
// safe for concurrent use as far as the resolvers are.
type Evaluation struct {
	template   *Template
	scope      Scope
	conditions map[string]bool
}

// OutputValue is an evaluated output; Export is "" where it is not exported.
type OutputValue struct {
	Key, Description, Value, Export string
}

// Evaluate decides the template's conditions and checks that no resource that is
// wanted refers to one that is not, or to itself by a detour. The error is an *Error.
func (t *Template) Evaluate(scope Scope) (*Evaluation, error) {
	e := &Evaluation{template: t, scope: scope, conditions: make(map[string]bool)}
	decider := &evaluator{evaluation: e, deciding: make(map[string]bool)}
	for _, name := range slices.Sorted(maps.Keys(t.Conditions)) {
		if _, err := decider.condition(name); err != nil {
			return nil, err
		}
	}
	if err := e.checkActive(); err != nil {
		return nil, err
	}
	return e, e.checkCycles()
}

// Resources are the logical ids of the resources whose condition holds, sorted.
func (e *Evaluation) Resources() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(e.template.Resources)) {
		if e.wanted(e.template.Resources[name].Condition) {
			names = append(names, name)
		}
	}
	return names
}

func (e *Evaluation) wanted(condition string) bool {
	return condition == "" || e.conditions[condition]
}

// Properties are a resource's evaluated properties: maps, lists and strings.
func (e *Evaluation) Properties(logicalID string, resolver Resolver) (map[string]any, error) {
	evaluator := &evaluator{evaluation: e, resolver: resolver}
	value, err := evaluator.value(e.template.Resources[logicalID].Properties)
	if err != nil {
		return nil, err
	}
	properties, ok := value.(map[string]any)
	if !ok {
		return nil, formatErrorf("[/Resources/%s/Properties] 'Properties' expected a JSON object.", logicalID)
	}
	return properties, nil
}

// Outputs are the outputs whose condition holds, by key.
func (e *Evaluation) Outputs(resolver Resolver) ([]OutputValue, error) {
	evaluator := &evaluator{evaluation: e, resolver: resolver}
	var outputs []OutputValue
	for _, key := range slices.Sorted(maps.Keys(e.template.Outputs)) {
		output := e.template.Outputs[key]
		if !e.wanted(output.Condition) {
			continue
		}
		value, err := evaluator.text(output.Value)
		if err != nil {
			return nil, fmt.Errorf("output %s: %w", key, err)
		}
		evaluated := OutputValue{Key: key, Description: output.Description, Value: value}
		if output.Export != nil {
			if evaluated.Export, err = evaluator.text(output.Export); err != nil {
				return nil, fmt.Errorf("output %s: %w", key, err)
			}
		}
		outputs = append(outputs, evaluated)
	}
	return outputs, nil
}

// omitted is what AWS::NoValue evaluates to: the member that holds it goes away.
type omitted struct{}

// evaluator walks a tree once. deciding is set while conditions are decided, and holds
// those that are under way.
type evaluator struct {
	evaluation *Evaluation
	resolver   Resolver
	deciding   map[string]bool
}

func (e *evaluator) value(raw any) (any, error) {
	switch value := raw.(type) {
	case map[string]any:
		if name, argument, ok := function(value); ok {
			return e.call(name, argument)
		}
		return e.mapping(value)
	case []any:
		return e.list(value)
	default:
		return value, nil
	}
}

func (e *evaluator) mapping(raw map[string]any) (any, error) {
	evaluated := make(map[string]any, len(raw))
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		value, err := e.value(raw[key])
		if err != nil {
			return nil, err
		}
		if value != (omitted{}) {
			evaluated[key] = value
		}
	}
	return evaluated, nil
}

func (e *evaluator) list(raw []any) (any, error) {
	evaluated := make([]any, 0, len(raw))
	for _, member := range raw {
		value, err := e.value(member)
		if err != nil {
			return nil, err
		}
		if value != (omitted{}) {
			evaluated = append(evaluated, value)
		}
	}
	return evaluated, nil
}

// text is a value that must be a string.
func (e *evaluator) text(raw any) (string, error) {
	value, err := e.value(raw)
	if err != nil {
		return "", err
	}
	s, ok := value.(string)
	if !ok {
		return "", templateErrorf("every value must resolve to a string, got %s", text(value))
	}
	return s, nil
}

func (e *evaluator) ref(name string) (any, error) {
	if strings.HasPrefix(name, "AWS::") {
		return e.pseudo(name)
	}
	t := e.evaluation.template
	if parameter := t.Parameters[name]; parameter != nil {
		value := e.evaluation.scope.Parameters[name]
		if parameter.List() {
			return listOf(split(value)), nil
		}
		return value, nil
	}
	if t.Resources[name] == nil || e.resolver == nil {
		return nil, formatErrorf("Unresolved resource dependencies [%s] in the Resources block of the template", name)
	}
	return e.resolver.Ref(name)
}

func (e *evaluator) pseudo(name string) (any, error) {
	scope := e.evaluation.scope
	switch name {
	case "AWS::Region":
		return scope.Region, nil
	case "AWS::AccountId":
		return scope.Account, nil
	case "AWS::Partition":
		return scope.Partition, nil
	case "AWS::URLSuffix":
		return scope.URLSuffix, nil
	case "AWS::StackName":
		return scope.StackName, nil
	case "AWS::StackId":
		return scope.StackID, nil
	case "AWS::NotificationARNs":
		return listOf(scope.NotificationARNs), nil
	case "AWS::NoValue":
		return omitted{}, nil
	default:
		return nil, formatErrorf("Unresolved resource dependencies [%s] in the Resources block of the template", name)
	}
}

// condition decides a named condition once.
func (e *evaluator) condition(name string) (bool, error) {
	if decided, ok := e.evaluation.conditions[name]; ok {
		return decided, nil
	}
	raw, defined := e.evaluation.template.Conditions[name]
	if !defined {
		return false, templateErrorf("unresolved condition dependency %s", name)
	}
	if e.deciding[name] {
		return false, formatErrorf("Circular dependency between conditions: [%s]", name)
	}
	e.deciding[name] = true
	decided, err := e.truth(raw)
	if err != nil {
		return false, err
	}
	delete(e.deciding, name)
	e.evaluation.conditions[name] = decided
	return decided, nil
}

func listOf(members []string) []any {
	list := make([]any, len(members))
	for i, member := range members {
		list[i] = member
	}
	return list
}

// Fingerprint is equal for two evaluations that want the same resources and outputs of
// the same values, as far as that can be known without asking the resources.
func (e *Evaluation) Fingerprint() string {
	wanted := make(map[string]any)
	for _, name := range e.Resources() {
		wanted["resource "+name] = e.ResourceFingerprint(name)
	}
	for key, output := range e.template.Outputs {
		if e.wanted(output.Condition) {
			wanted["output "+key] = e.fingerprint(output, []any{output.Value, output.Export})
		}
	}
	return encoded(wanted)
}

// ResourceFingerprint is the Fingerprint of one resource; "" where it is not wanted.
func (e *Evaluation) ResourceFingerprint(logicalID string) string {
	resource := e.template.Resources[logicalID]
	if resource == nil || !e.wanted(resource.Condition) {
		return ""
	}
	return e.fingerprint(resource, resource.Properties)
}

// fingerprint is a declaration with all that its evaluation depends on.
func (e *Evaluation) fingerprint(declaration, tree any) string {
	mentions := e.mentions(tree)
	values, decided := make(map[string]string), make(map[string]bool)
	for _, reference := range mentions.found {
		if value, given := e.scope.Parameters[reference.name]; given {
			values[reference.name] = value
		}
	}
	for _, condition := range mentions.conditions {
		decided[condition] = e.conditions[condition]
	}
	parts := []any{declaration, values, decided}
	if mentions.maps {
		parts = append(parts, e.template.Mappings)
	}
	return encoded(parts)
}

func encoded(tree any) string {
	text, err := json.Marshal(tree)
	if err != nil {
		// A template is maps, lists and strings, which JSON always has a form for.
		panic(err)
	}
	return string(text)
}
