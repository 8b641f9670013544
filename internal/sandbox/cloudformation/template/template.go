package template

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Template is a template as it was read: its sections with their shape checked, its
// intrinsic functions not yet evaluated. It is immutable and safe for concurrent use.
type Template struct {
	Description string
	Metadata    any
	Parameters  map[string]*Parameter
	Mappings    map[string]any
	Conditions  map[string]any
	Resources   map[string]*Resource
	Outputs     map[string]*Output
}

// Resource is one entry of a template's Resources.
type Resource struct {
	LogicalID string
	Type      string
	// Properties may hold intrinsic functions; it is nil where there are none.
	Properties map[string]any
	// Condition names a condition; "" is none.
	Condition string
	DependsOn []string
	// DeletionPolicy is Delete, Retain, RetainExceptOnCreate or Snapshot; "" is Delete.
	DeletionPolicy string
	Metadata       any
}

// Output is one entry of a template's Outputs. Value and Export may hold intrinsic
// functions.
type Output struct {
	Key         string
	Description string
	Value       any
	// Export is the export's name, nil where the output is not exported.
	Export    any
	Condition string
}

// Parse reads a template and checks everything that needs no parameters: sections,
// members, names, and that every reference has something to refer to. The error is an
// *Error.
func Parse(body string) (*Template, error) {
	root, err := document(body)
	if err != nil {
		return nil, err
	}
	if err := sections(root); err != nil {
		return nil, err
	}
	t := &Template{Metadata: root["Metadata"]}
	t.Description, _ = root["Description"].(string)
	readers := []func(map[string]any) error{
		t.readParameters, t.readMappings, t.readConditions, t.readResources, t.readOutputs,
	}
	for _, read := range readers {
		if err := read(root); err != nil {
			return nil, err
		}
	}
	if err := t.checkReferences(); err != nil {
		return nil, err
	}
	return t, nil
}

func sections(root map[string]any) error {
	known := []string{
		"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules",
		"Mappings", "Conditions", "Transform", "Resources", "Outputs", "Hooks",
	}
	var unknown []string
	for _, key := range slices.Sorted(maps.Keys(root)) {
		if !slices.Contains(known, key) {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) > 0 {
		return errorf("Invalid template property or properties [%s]", strings.Join(unknown, ", "))
	}
	if version, given := root["AWSTemplateFormatVersion"]; given && version != "2010-09-09" {
		return formatErrorf("%v is not a supported value for AWSTemplateFormatVersion.", version)
	}
	if transform, given := root["Transform"]; given {
		return errorf("No transform named %s found.", text(transform))
	}
	if description, given := root["Description"]; given {
		if _, ok := description.(string); !ok {
			return formatErrorf("Every Description member must be a string.")
		}
	}
	return nil
}

// section is a named section of the template, nil where the template has none.
func section(root map[string]any, name string) (map[string]any, error) {
	value, given := root[name]
	if !given {
		return nil, nil
	}
	mapping, ok := value.(map[string]any)
	if !ok {
		return nil, formatErrorf("[/%s] '%s' expected a JSON object.", name, name)
	}
	return mapping, nil
}

func (t *Template) readMappings(root map[string]any) (err error) {
	t.Mappings, err = section(root, "Mappings")
	return err
}

func (t *Template) readConditions(root map[string]any) (err error) {
	t.Conditions, err = section(root, "Conditions")
	return err
}

var logicalName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-zA-Z0-9]{1,255}$`)
})

func (t *Template) readResources(root map[string]any) error {
	entries, err := section(root, "Resources")
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return formatErrorf("At least one Resources member must be defined.")
	}
	if len(entries) > 500 {
		return formatErrorf("Number of resources, %d, is greater than maximum allowed, 500", len(entries))
	}
	t.Resources = make(map[string]*Resource, len(entries))
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		if !logicalName().MatchString(name) {
			return formatErrorf("Resource name %s is non alphanumeric.", name)
		}
		resource, err := readResource(name, entries[name])
		if err != nil {
			return err
		}
		t.Resources[name] = resource
	}
	return nil
}

func readResource(name string, entry any) (*Resource, error) {
	members, ok := entry.(map[string]any)
	if !ok {
		return nil, formatErrorf("[/Resources/%s] Every Resources member must be an object.", name)
	}
	known := []string{
		"Type", "Properties", "Condition", "DependsOn", "DeletionPolicy", "Metadata",
		"UpdateReplacePolicy", "UpdatePolicy", "CreationPolicy",
	}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(known, key) {
			return nil, errorf("Invalid template resource property '%s'", key)
		}
	}
	resource := &Resource{LogicalID: name, Metadata: members["Metadata"]}
	if resource.Type, ok = members["Type"].(string); !ok || resource.Type == "" {
		return nil, formatErrorf("[/Resources/%s] Every Resources object must contain a Type member.", name)
	}
	if properties, given := members["Properties"]; given {
		if resource.Properties, ok = properties.(map[string]any); !ok {
			return nil, formatErrorf("[/Resources/%s/Properties] 'Properties' expected a JSON object.", name)
		}
	}
	var err error
	if resource.Condition, err = optionalString(members, "Condition", "/Resources/"+name); err != nil {
		return nil, err
	}
	return resource, readLifecycle(resource, members)
}

func readLifecycle(resource *Resource, members map[string]any) (err error) {
	at := "/Resources/" + resource.LogicalID
	if resource.DeletionPolicy, err = optionalString(members, "DeletionPolicy", at); err != nil {
		return err
	}
	policies := []string{"", "Delete", "Retain", "RetainExceptOnCreate", "Snapshot"}
	if !slices.Contains(policies, resource.DeletionPolicy) {
		return formatErrorf("Unrecognized DeletionPolicy %s for resource %s", resource.DeletionPolicy, resource.LogicalID)
	}
	switch names := members["DependsOn"].(type) {
	case nil:
	case string:
		resource.DependsOn = []string{names}
	case []any:
		for _, member := range names {
			name, ok := member.(string)
			if !ok {
				return formatErrorf("[%s/DependsOn] Every DependsOn value must be a string.", at)
			}
			resource.DependsOn = append(resource.DependsOn, name)
		}
	default:
		return formatErrorf("[%s/DependsOn] DependsOn must be a string or list of strings.", at)
	}
	return nil
}

func optionalString(members map[string]any, key, at string) (string, error) {
	value, given := members[key]
	if !given {
		return "", nil
	}
	s, ok := value.(string)
	if !ok {
		return "", formatErrorf("[%s/%s] Every %s member must be a string.", at, key, key)
	}
	return s, nil
}

func (t *Template) readOutputs(root map[string]any) error {
	entries, err := section(root, "Outputs")
	if err != nil {
		return err
	}
	t.Outputs = make(map[string]*Output, len(entries))
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		if !logicalName().MatchString(name) {
			return formatErrorf("Output name %s is non alphanumeric.", name)
		}
		output, err := readOutput(name, entries[name])
		if err != nil {
			return err
		}
		t.Outputs[name] = output
	}
	return nil
}

func readOutput(name string, entry any) (*Output, error) {
	at := "/Outputs/" + name
	members, ok := entry.(map[string]any)
	if !ok {
		return nil, formatErrorf("[%s] Every Outputs member must be an object.", at)
	}
	output := &Output{Key: name}
	var err error
	if output.Value, ok = members["Value"]; !ok {
		return nil, formatErrorf("[%s] Every Outputs member must contain a Value object", at)
	}
	if output.Description, err = optionalString(members, "Description", at); err != nil {
		return nil, err
	}
	if output.Condition, err = optionalString(members, "Condition", at); err != nil {
		return nil, err
	}
	if export, given := members["Export"]; given {
		declaration, ok := export.(map[string]any)
		if !ok || declaration["Name"] == nil {
			return nil, formatErrorf("[%s/Export] Every Export must contain a Name member.", at)
		}
		output.Export = declaration["Name"]
	}
	return output, nil
}

// text is a value as an error shows it.
func text(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	return fmt.Sprint(value)
}
