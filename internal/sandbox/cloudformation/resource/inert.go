package resource

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"serin/internal/sandbox/cloudformation/property"
	"serin/internal/sandbox/region"
)

// inert is a provider for what the sandbox has no service for: the resource is a
// physical id and attributes, and nothing else comes of it. Names are unique within the
// type, as they are in AWS.
type inert struct {
	kind  inertKind
	place region.Region

	mu    sync.Mutex
	names map[string]bool
}

// inertKind is one row of the table of inert types.
type inertKind struct {
	name string
	// properties are those that a template may give; required those that it must.
	properties, required string
	// nameProperty is the property with a name that must be unique; "" is none.
	nameProperty string
	// pinned are properties whose change needs a new resource.
	pinned string
	// id is the physical id of a resource of a name; the name is a generated one where
	// the template gives none.
	id func(place region.Region, name string, properties map[string]any) string
	// attributes are what Fn::GetAtt gives, by attribute.
	attributes map[string]func(made inertResource) any
	tags       Tagging
}

// inertResource is what attributes are made of.
type inertResource struct {
	place      region.Region
	id, name   string
	properties map[string]any
}

var _ Provider = (*inert)(nil)

// Create implements Provider.
func (i *inert) Create(_ context.Context, request Request) (Resource, error) {
	if err := i.check(request.Properties); err != nil {
		return Resource{}, err
	}
	name, given := request.Properties[i.kind.nameProperty].(string)
	if !given {
		name = request.Name()
	}
	if err := i.reserve(name); err != nil {
		return Resource{}, err
	}
	id := i.kind.id(i.place, name, request.Properties)
	return i.resource(id, name, request.Properties), nil
}

func (i *inert) resource(id, name string, properties map[string]any) Resource {
	made := inertResource{place: i.place, id: id, name: name, properties: properties}
	attributes := map[string]any{nameAttribute: name}
	for attribute, value := range i.kind.attributes {
		attributes[attribute] = value(made)
	}
	return Resource{PhysicalID: id, Attributes: attributes, Properties: properties}
}

// nameAttribute keeps an inert resource's name; templates cannot read it.
const nameAttribute = "#name"

func (i *inert) check(properties map[string]any) error {
	allowed := strings.Fields(i.kind.properties + " " + i.kind.required)
	var violations []string
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		if !slices.Contains(allowed, key) {
			violations = append(violations, "#: extraneous key ["+key+"] is not permitted")
		}
	}
	for key := range strings.FieldsSeq(i.kind.required) {
		if _, given := properties[key]; !given {
			violations = append(violations, "#: required key ["+key+"] not found")
		}
	}
	if len(violations) > 0 {
		return &property.Error{Violations: violations}
	}
	return nil
}

func (i *inert) reserve(name string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.names[name] {
		return &handlerError{
			message: "Resource of type '" + i.kind.name + "' with identifier '" + name + "' already exists.",
			code:    "AlreadyExists",
		}
	}
	i.names[name] = true
	return nil
}

// Update implements Provider: everything but the name and the pinned properties can
// change in place.
func (i *inert) Update(_ context.Context, existing Resource, request Request) (Resource, error) {
	if err := i.check(request.Properties); err != nil {
		return existing, err
	}
	for key := range strings.FieldsSeq(i.kind.nameProperty + " " + i.kind.pinned) {
		if !reflect.DeepEqual(existing.Properties[key], request.Properties[key]) {
			return existing, ErrReplacement
		}
	}
	return i.resource(existing.PhysicalID, *existing.text(nameAttribute), request.Properties), nil
}

// Delete implements Provider.
func (i *inert) Delete(_ context.Context, existing Resource) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.names, *existing.text(nameAttribute))
	return nil
}

func inertTypes(place region.Region) Registry {
	registry := make(Registry)
	for _, kind := range slices.Concat(networkKinds(), accessKinds(), balancingKinds(), storageKinds(), deliveryKinds()) {
		registry[kind.name] = Type{
			Provider:     &inert{kind: kind, place: place, names: make(map[string]bool)},
			Attributes:   slices.Sorted(maps.Keys(kind.attributes)),
			NameProperty: kind.nameProperty,
			Duration:     3 * time.Second,
			Tags:         kind.tags,
		}
	}
	return registry
}

// identifier is an id such as vpc-0a1b…: a prefix and seventeen hexadecimal digits.
func identifier(prefix string) string {
	var octets [9]byte
	// Read never fails (crypto/rand).
	_, _ = rand.Read(octets[:])
	return prefix + hex.EncodeToString(octets[:])[:17]
}

// derived is an identifier that always is the same for the same resource.
func derived(prefix string) func(inertResource) any {
	return func(made inertResource) any {
		sum := sha256.Sum256([]byte(prefix + made.id + made.name))
		return prefix + hex.EncodeToString(sum[:])[:17]
	}
}

// documentationAddress is one of the addresses that belong to nobody (RFC 5737).
func documentationAddress() string {
	var octet [1]byte
	_, _ = rand.Read(octet[:])
	return "203.0.113." + strconv.Itoa(1+int(octet[0])%254)
}

// numbered is the physical id of a type whose resources are numbered by EC2.
func numbered(prefix string) func(region.Region, string, map[string]any) string {
	return func(region.Region, string, map[string]any) string { return identifier(prefix) }
}

// named is the physical id of a type whose resources go by their name.
func named(_ region.Region, name string, _ map[string]any) string { return name }

// joined is the physical id of a resource that links two others.
func joined(keys ...string) func(region.Region, string, map[string]any) string {
	return func(_ region.Region, _ string, properties map[string]any) string {
		var parts []string
		for _, key := range keys {
			if part, ok := properties[key].(string); ok {
				parts = append(parts, part)
			}
		}
		return strings.Join(parts, "|")
	}
}

func ownID(made inertResource) any { return made.id }

func ownName(made inertResource) any { return made.name }

// given is an attribute that repeats a property.
func given(property, otherwise string) func(inertResource) any {
	return func(made inertResource) any {
		if value, ok := made.properties[property]; ok {
			return value
		}
		return otherwise
	}
}

type attributes = map[string]func(inertResource) any
