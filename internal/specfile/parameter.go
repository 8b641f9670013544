package specfile

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"serin/internal/engine"
)

// Parameter is one that a template declares (CloudFormation user guide, "Parameters").
type Parameter struct {
	Type string
	// Default is the value without one; it may be empty, so HasDefault tells whether
	// there is one.
	Default    string
	HasDefault bool
	// AllowedValues are the only ones, if there are any.
	AllowedValues []string
	// AllowedPattern is what the whole of a value matches, in Java's syntax.
	AllowedPattern string
	// MinValue and MaxValue are those of a number, MinLength and MaxLength those of a
	// text; nil for none.
	MinValue, MaxValue   *float64
	MinLength, MaxLength *float64
	// NoEcho is true for a value that CloudFormation does not show.
	NoEcho bool
}

// isParameterName tells whether CloudFormation takes a name for a parameter's: letters
// and digits, at most 255.
func isParameterName(name string) bool {
	const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	return name != "" && len(name) <= 255 && strings.Trim(name, alphanumeric) == ""
}

func (i *inspector) parameters(found *Template, node *yaml.Node) {
	for _, declared := range i.entries(node, "Parameters") {
		if !isParameterName(declared.name) {
			i.fail(declared.key, "the parameter "+strconv.Quote(declared.name)+" is no name for one", "write letters and digits only")
			continue
		}
		if declared.value.Kind != yaml.MappingNode {
			i.fail(declared.key, "the parameter "+strconv.Quote(declared.name)+" is no mapping", "write its Type under it")
			continue
		}
		parameter := Parameter{
			Type:           scalar(declared.value, "Type"),
			AllowedPattern: scalar(declared.value, "AllowedPattern"),
			MinValue:       number(declared.value, "MinValue"),
			MaxValue:       number(declared.value, "MaxValue"),
			MinLength:      number(declared.value, "MinLength"),
			MaxLength:      number(declared.value, "MaxLength"),
			NoEcho:         isNoEcho(declared.value),
		}
		if parameter.Type == "" {
			i.fail(declared.key, "the parameter "+strconv.Quote(declared.name)+" has no Type", "write one, like String")
		}
		if fallback := value(declared.value, "Default"); fallback != nil {
			parameter.Default, parameter.HasDefault = fallback.Value, true
		}
		if allowed := value(declared.value, "AllowedValues"); allowed != nil {
			for _, one := range allowed.Content {
				parameter.AllowedValues = append(parameter.AllowedValues, target(one).Value)
			}
		}
		found.Parameters[declared.name] = parameter
	}
}

func scalar(node *yaml.Node, name string) string {
	if found := value(node, name); found != nil && found.Kind == yaml.ScalarNode {
		return found.Value
	}
	return ""
}

func number(node *yaml.Node, name string) *float64 {
	parsed, err := strconv.ParseFloat(scalar(node, name), 64)
	if err != nil {
		return nil
	}
	return &parsed
}

// Check tells whether the template takes what the spec gives: every parameter that the
// spec gives is declared, every one that is declared without a default is given, no secret
// is, and the values are allowed. The error is an engine.SpecError; its errors name no file.
func (t Template) Check(spec engine.Spec) error {
	i := &inspector{}
	t.checkDeclared(i)
	given := spec.Parameters()
	declared := slices.Sorted(maps.Keys(t.Parameters))
	for _, name := range slices.Sorted(maps.Keys(spec.TemplateParameters)) {
		if _, known := t.Parameters[name]; !known {
			mend := "remove it, or declare it in the template"
			if near := engine.Nearest(name, declared); near != "" {
				mend = "Did you mean " + near + "?"
			}
			i.add("TemplateParameters."+name, "", "not a parameter of the template", mend)
		}
	}
	for _, name := range declared {
		_, own := spec.TemplateParameters[name]
		value, isGiven := given[name]
		switch parameter := t.Parameters[name]; {
		case own && parameter.isSecret():
			i.problems = append(i.problems, secretGiven("TemplateParameters."+name))
		case isGiven:
			i.checkValue(field(spec, name), parameter, value)
		case !parameter.HasDefault && parameter.isSecret():
			i.fail(nil, "the parameter "+strconv.Quote(name)+" is NoEcho without a Default, and a secret is not to be given", resolveSecret)
		case !parameter.HasDefault:
			i.add("TemplateParameters."+name, "", "missing: the template declares it without a Default",
				"add it to TemplateParameters, or give --set TemplateParameters."+name+"=VALUE")
		}
	}
	return i.result()
}

// checkDeclared wants the parameters that every version's template is given, and no secret
// in the template itself.
func (t Template) checkDeclared(i *inspector) {
	for _, name := range slices.Sorted(maps.Keys(engine.Spec{}.Parameters())) {
		if _, known := t.Parameters[name]; !known {
			i.fail(nil, "does not declare the parameter "+strconv.Quote(name), "declare it under Parameters: every version is given it")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		if t.Parameters[name].holdsSecret() {
			i.fail(nil, "the parameter "+strconv.Quote(name)+" is NoEcho and has its value as its Default, which is recorded with the template", resolveSecret)
		}
	}
}

// field is the field of deploy.json that gives a parameter.
func field(spec engine.Spec, parameter string) string {
	if _, own := spec.TemplateParameters[parameter]; own {
		return "TemplateParameters." + parameter
	}
	return parameter
}

func (i *inspector) add(field, value, problem, mend string) {
	i.problems = append(i.problems, &engine.FieldError{Field: field, Value: value, Problem: problem, Mend: mend})
}

// checkValue checks a value as CloudFormation would. A version that is not known yet has
// no value to check; a parameter of Systems Manager is checked by its name only.
func (i *inspector) checkValue(field string, parameter Parameter, value string) {
	if value == "" && (field == "Sha" || field == "ContainerImage") {
		return
	}
	shown := strconv.Quote(value)
	for _, item := range parameter.items(value) {
		switch {
		case parameter.AllowedValues != nil && !slices.Contains(parameter.AllowedValues, item):
			i.add(field, shown, "is not a value that the template allows", "write one of "+strings.Join(quoted(parameter.AllowedValues), ", "))
		case parameter.isNumber():
			i.checkNumber(field, parameter, item)
		case !parameter.lengthFits(item):
			i.add(field, shown, fmt.Sprintf("is %d characters long, and the template allows %s", utf8.RuneCountInString(item),
				between(parameter.MinLength, parameter.MaxLength)), "change its length")
		case !parameter.patternFits(item):
			i.add(field, shown, "does not match what the template allows", "write something that matches "+strconv.Quote(parameter.AllowedPattern))
		}
	}
}

func (i *inspector) checkNumber(field string, parameter Parameter, value string) {
	parsed, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	switch {
	case err != nil:
		i.add(field, strconv.Quote(value), "is not a number, which the template wants", "write digits")
	case !within(parsed, parameter.MinValue, parameter.MaxValue):
		i.add(field, strconv.Quote(value), "is not what the template allows", "write a number "+between(parameter.MinValue, parameter.MaxValue))
	}
}

// items are the values in the value of a list, or the value alone.
func (p Parameter) items(value string) []string {
	if p.Type != "CommaDelimitedList" && !strings.HasPrefix(p.Type, "List<") {
		return []string{value}
	}
	items := strings.Split(value, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

func (p Parameter) isNumber() bool { return p.Type == "Number" || p.Type == "List<Number>" }

func (p Parameter) lengthFits(value string) bool {
	return within(float64(utf8.RuneCountInString(value)), p.MinLength, p.MaxLength)
}

// patternFits takes a pattern that Go cannot read as one that matches: CloudFormation,
// which reads Java's, will tell.
func (p Parameter) patternFits(value string) bool {
	if p.AllowedPattern == "" {
		return true
	}
	pattern, err := regexp.Compile(`^(?:` + p.AllowedPattern + `)$`)
	return err != nil || pattern.MatchString(value)
}

func within(number float64, least, most *float64) bool {
	return (least == nil || number >= *least) && (most == nil || number <= *most)
}

// between is a range in words; one of its ends may be open.
func between(least, most *float64) string {
	format := func(number *float64) string { return strconv.FormatFloat(*number, 'f', -1, 64) }
	switch {
	case least == nil && most == nil:
		return "of any size"
	case least == nil:
		return "of at most " + format(most)
	case most == nil:
		return "of at least " + format(least)
	default:
		return "from " + format(least) + " to " + format(most)
	}
}

func quoted(words []string) []string {
	all := make([]string, len(words))
	for i, word := range words {
		all[i] = strconv.Quote(word)
	}
	return all
}
