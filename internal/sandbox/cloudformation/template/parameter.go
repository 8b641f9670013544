package template

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Parameter is one entry of a template's Parameters.
type Parameter struct {
	Name        string
	Type        string
	Description string
	// Default is nil where a value must be given.
	Default               *string
	NoEcho                bool
	AllowedValues         []string
	AllowedPattern        string
	ConstraintDescription string
	// MinLength, MaxLength, MinValue and MaxValue are nil where there is no bound.
	MinLength, MaxLength *float64
	MinValue, MaxValue   *float64
}

// List reports whether the parameter's value is a list, written with commas.
func (p *Parameter) List() bool {
	kind, _ := p.Stored()
	return kind == "CommaDelimitedList" || strings.HasPrefix(kind, "List<")
}

// Stored is the type of the value, and true when the value that is given is the name
// of a Systems Manager parameter that holds it.
func (p *Parameter) Stored() (string, bool) {
	inner, stored := strings.CutPrefix(p.Type, "AWS::SSM::Parameter::Value<")
	if !stored {
		return p.Type, false
	}
	return strings.TrimSuffix(inner, ">"), true
}

var parameterType = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(
		`^(String|Number|CommaDelimitedList|List<(Number|String|AWS::[\w:]+)>|AWS::[\w:]+|` +
			`AWS::SSM::Parameter::Value<(String|CommaDelimitedList|AWS::[\w:]+|List<(String|AWS::[\w:]+)>)>)$`)
})

func (t *Template) readParameters(root map[string]any) error {
	entries, err := section(root, "Parameters")
	if err != nil {
		return err
	}
	t.Parameters = make(map[string]*Parameter, len(entries))
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		if !logicalName().MatchString(name) {
			return formatErrorf("Parameter name %s is non alphanumeric.", name)
		}
		parameter, err := readParameter(name, entries[name])
		if err != nil {
			return err
		}
		t.Parameters[name] = parameter
	}
	return nil
}

func readParameter(name string, entry any) (*Parameter, error) {
	at := "/Parameters/" + name
	members, ok := entry.(map[string]any)
	if !ok {
		return nil, formatErrorf("[%s] Every Parameters member must be an object.", at)
	}
	p := &Parameter{Name: name}
	targets := map[string]*string{
		"Type": &p.Type, "Description": &p.Description,
		"AllowedPattern": &p.AllowedPattern, "ConstraintDescription": &p.ConstraintDescription,
	}
	bounds := map[string]**float64{
		"MinLength": &p.MinLength, "MaxLength": &p.MaxLength, "MinValue": &p.MinValue, "MaxValue": &p.MaxValue,
	}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		if err := readParameterMember(p, at, key, members[key], targets, bounds); err != nil {
			return nil, err
		}
	}
	if p.Type == "" {
		return nil, formatErrorf("[%s] Every Parameters object must contain a Type member.", at)
	}
	if !parameterType().MatchString(p.Type) {
		return nil, formatErrorf("Unrecognized parameter type: %s", p.Type)
	}
	return p, nil
}

func readParameterMember(p *Parameter, at, key string, value any, targets map[string]*string, bounds map[string]**float64) error {
	scalar, isScalar := value.(string)
	switch {
	case key == "AllowedValues":
		return readAllowedValues(p, at, value)
	case !isScalar:
		return formatErrorf("[%s] Every %s member must be a string.", at, key)
	case key == "Default":
		p.Default = &scalar
	case key == "NoEcho":
		p.NoEcho = strings.EqualFold(scalar, "true")
	case targets[key] != nil:
		*targets[key] = scalar
	case bounds[key] != nil:
		bound, err := strconv.ParseFloat(scalar, 64)
		if err != nil {
			return formatErrorf("[%s] Every %s member must be a number.", at, key)
		}
		*bounds[key] = &bound
	default:
		return errorf("Invalid template parameter property '%s'", key)
	}
	return nil
}

func readAllowedValues(p *Parameter, at string, value any) error {
	values, ok := value.([]any)
	if !ok {
		return formatErrorf("[%s] Every AllowedValues member must be a list.", at)
	}
	for _, member := range values {
		scalar, ok := member.(string)
		if !ok {
			return formatErrorf("[%s] Every AllowedValues member must be a string.", at)
		}
		p.AllowedValues = append(p.AllowedValues, scalar)
	}
	return nil
}

// Bind is the value of every parameter: the one that is given, else the default. The
// error is an *Error: a parameter without a value, a value without a parameter, or a
// value that its parameter does not allow.
func (t *Template) Bind(given map[string]string) (map[string]string, error) {
	var unknown, missing []string
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if t.Parameters[name] == nil {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return nil, errorf("Parameters: [%s] do not exist in the template", strings.Join(unknown, ", "))
	}
	values := make(map[string]string, len(t.Parameters))
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		value, ok := given[name]
		if !ok {
			if t.Parameters[name].Default == nil {
				missing = append(missing, name)
				continue
			}
			value = *t.Parameters[name].Default
		}
		values[name] = value
	}
	if len(missing) > 0 {
		return nil, errorf("Parameters: [%s] must have values", strings.Join(missing, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := t.Parameters[name].check(values[name]); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (p *Parameter) check(value string) error {
	kind, stored := p.Stored()
	members := []string{value}
	if p.List() && !stored {
		members = split(value)
	}
	for _, member := range members {
		if fault := p.fault(kind, stored, member); fault != "" {
			return p.refusal(fault)
		}
	}
	return nil
}

// refusal is the author's own description of the constraint where there is one.
func (p *Parameter) refusal(fault string) error {
	if p.ConstraintDescription != "" {
		return errorf("Parameter '%s' failed to satisfy constraint: %s", p.Name, p.ConstraintDescription)
	}
	return errorf("Parameter '%s' %s", p.Name, fault)
}

func (p *Parameter) fault(kind string, stored bool, value string) string {
	if len(p.AllowedValues) > 0 && !slices.Contains(p.AllowedValues, value) {
		return "must be one of AllowedValues"
	}
	if p.AllowedPattern != "" {
		pattern, err := regexp.Compile("^(?:" + p.AllowedPattern + ")$")
		if err != nil || !pattern.MatchString(value) {
			return "must match pattern " + p.AllowedPattern
		}
	}
	length := float64(len([]rune(value)))
	if p.MinLength != nil && length < *p.MinLength {
		return "must contain at least " + number(*p.MinLength) + " characters"
	}
	if p.MaxLength != nil && length > *p.MaxLength {
		return "must contain at most " + number(*p.MaxLength) + " characters"
	}
	if (kind == "Number" || kind == "List<Number>") && !stored {
		return p.numberFault(value)
	}
	return ""
}

func (p *Parameter) numberFault(value string) string {
	parsed, err := strconv.ParseFloat(value, 64)
	switch {
	case err != nil:
		return "must be a number"
	case p.MinValue != nil && parsed < *p.MinValue:
		return "must be a number not less than " + number(*p.MinValue)
	case p.MaxValue != nil && parsed > *p.MaxValue:
		return "must be a number not greater than " + number(*p.MaxValue)
	default:
		return ""
	}
}

func number(value float64) string {
	return strconv.FormatFloat(value, 'f', -1, 64)
}

// split is a comma-delimited list's members, without the space around them.
func split(value string) []string {
	members := strings.Split(value, ",")
	for i := range members {
		members[i] = strings.TrimSpace(members[i])
	}
	return members
}
