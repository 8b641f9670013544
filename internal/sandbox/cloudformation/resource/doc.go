// Package resource is what CloudFormation can make: a registry of resource types, each
// with a provider that creates, changes and deletes one resource through the API of its
// service, or keeps it as a mere name where the sandbox has no such service.
//
// It imports the SDK's types, package property for the mapping of properties, and
// package region. The services are met through the interfaces that it declares; it
// knows no other room of the sandbox.
package resource

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// Request is what a stack wants of one resource. Properties are evaluated: maps, lists
// and strings.
type Request struct {
	LogicalID  string
	StackName  string
	StackID    string
	Properties map[string]any
}

// Name is a name for a resource whose template gives none, as CloudFormation makes
// them: the stack, the logical id and twelve characters that differ each time.
func (r Request) Name() string {
	return r.StackName + "-" + r.LogicalID + "-" + rand.Text()[:12]
}

// Resource is one that exists.
type Resource struct {
	// PhysicalID is what Ref gives.
	PhysicalID string
	// Attributes are what Fn::GetAtt gives: strings, or lists as []any of strings.
	Attributes map[string]any
	// Properties are those that it was made or last changed with.
	Properties map[string]any
}

// text is an attribute that is a string.
func (r Resource) text(attribute string) *string {
	value, _ := r.Attributes[attribute].(string)
	return &value
}

// ErrReplacement is a provider's answer to a change that only a new resource can
// satisfy.
var ErrReplacement = errors.New("the change needs a new resource")

// Provider makes resources of one type. Its methods call the service and return when
// the service has answered; they are safe for concurrent use.
type Provider interface {
	// Create makes a resource. A resource that comes with an error was half made and
	// must be deleted.
	Create(ctx context.Context, request Request) (Resource, error)
	// Update changes a resource in place, or answers ErrReplacement having done nothing.
	Update(ctx context.Context, existing Resource, request Request) (Resource, error)
	// Delete removes a resource. One that is already gone is no error.
	Delete(ctx context.Context, existing Resource) error
}

// Stabilizer is a provider whose resources need time, after they are made or changed,
// before they count as complete. Stabilize returns when that is so, or with the reason
// why it will never be; ctx ends the waiting.
type Stabilizer interface {
	Stabilize(ctx context.Context, existing Resource) error
}

// Type is a resource type.
type Type struct {
	Provider
	// Attributes are the names that Fn::GetAtt may read.
	Attributes []string
	// NameProperty is the property with which a template gives the resource a name of
	// its own, such as RoleName; "" where it cannot. A resource that has one cannot be
	// replaced under the same name.
	NameProperty string
	// Duration is how long CloudFormation takes over it at pace 1, beside the time that
	// the service itself takes.
	Duration time.Duration
	// Tags reports whether the resource takes a stack's tags, as its property Tags.
	Tags Tagging
}

// Tagging is the shape of a type's property Tags.
type Tagging int

// A type has no tags, a list of keys and values, or a mapping.
const (
	Untagged Tagging = iota
	TagList
	TagMap
)

// Registry is the types that there are, by name. It is not changed once it is made.
type Registry map[string]Type

// WithTags adds a stack's tags to properties that do not have them; the properties
// given stay as they are.
func (t Type) WithTags(properties map[string]any, tags map[string]string) map[string]any {
	if t.Tags == Untagged || len(tags) == 0 {
		return properties
	}
	tagged := maps.Clone(properties)
	if t.Tags == TagMap {
		own, _ := properties["Tags"].(map[string]any)
		all := make(map[string]any, len(own)+len(tags))
		for key, value := range tags {
			all[key] = value
		}
		maps.Copy(all, own)
		tagged["Tags"] = all
		return tagged
	}
	own, _ := properties["Tags"].([]any)
	all := slices.Clone(own)
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if !hasTag(own, key) {
			all = append(all, map[string]any{"Key": key, "Value": tags[key]})
		}
	}
	tagged["Tags"] = all
	return tagged
}

func hasTag(tags []any, key string) bool {
	return slices.ContainsFunc(tags, func(tag any) bool {
		members, _ := tag.(map[string]any)
		return members["Key"] == key
	})
}

// Wellformed reports whether a name could be that of a resource type at all.
func Wellformed(name string) bool {
	parts := strings.Split(name, "::")
	if parts[0] == "Custom" {
		return len(parts) == 2 && parts[1] != ""
	}
	return len(parts) == 3 && !slices.Contains(parts, "")
}
