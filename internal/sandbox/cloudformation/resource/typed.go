package resource

import (
	"context"
	"reflect"

	"serin/internal/sandbox/cloudformation/property"
)

// typed is a provider whose properties are those of an input struct of the SDK.
type typed[In any] struct {
	service string
	mapper  property.Mapper
	// reshape changes properties that the mapper cannot; nil is as they are.
	reshape func(map[string]any) map[string]any
	// name is the input's field for the resource's name, which is filled in where the
	// template leaves it out; nil where there is none.
	name   func(*In) **string
	create func(context.Context, *In) (Resource, error)
	// update is nil where every change needs a new resource; pinned are the properties
	// whose change does.
	update    func(context.Context, Resource, *In) (Resource, error)
	pinned    []string
	stabilize func(context.Context, Resource) error
	remove    func(context.Context, Resource) error
}

var (
	_ Provider   = typed[struct{}]{}
	_ Stabilizer = typed[struct{}]{}
)

func (t typed[In]) decode(properties map[string]any) (*In, error) {
	if t.reshape != nil {
		properties = t.reshape(properties)
	}
	in := new(In)
	if err := t.mapper.Decode(properties, in); err != nil {
		return nil, err
	}
	return in, nil
}

// Create implements Provider.
func (t typed[In]) Create(ctx context.Context, request Request) (Resource, error) {
	in, err := t.decode(request.Properties)
	if err != nil {
		return Resource{}, err
	}
	if t.name != nil && *t.name(in) == nil {
		name := request.Name()
		*t.name(in) = &name
	}
	made, err := t.create(ctx, in)
	made.Properties = request.Properties
	return made, blame(t.service, err)
}

// Update implements Provider.
func (t typed[In]) Update(ctx context.Context, existing Resource, request Request) (Resource, error) {
	if t.update == nil {
		return existing, ErrReplacement
	}
	for _, property := range t.pinned {
		if !reflect.DeepEqual(existing.Properties[property], request.Properties[property]) {
			return existing, ErrReplacement
		}
	}
	in, err := t.decode(request.Properties)
	if err != nil {
		return existing, err
	}
	changed, err := t.update(ctx, existing, in)
	if err != nil {
		return existing, blame(t.service, err)
	}
	changed.Properties = request.Properties
	return changed, nil
}

// Stabilize implements Stabilizer.
func (t typed[In]) Stabilize(ctx context.Context, existing Resource) error {
	if t.stabilize == nil {
		return nil
	}
	return t.stabilize(ctx, existing)
}

// Delete implements Provider.
func (t typed[In]) Delete(ctx context.Context, existing Resource) error {
	if err := t.remove(ctx, existing); err != nil && !gone(err) {
		return blame(t.service, err)
	}
	return nil
}
