// Package wire is what AWS's APIs look like on the network: it tells requests apart,
// reads an operation's input out of one, calls the typed handler, and writes its
// output or error back, each in the protocol that the request came in. The protocols
// are awsJson 1.0 and 1.1, restJson1, awsQuery and Smithy RPC v2 CBOR; one reflective
// codec serves each, over the input and output types of aws-sdk-go-v2.
//
// It imports the SDK's types and internal/sandbox/region; every API package of the
// sandbox may import it to list its operations.
package wire

import (
	"context"
	"reflect"
)

// Operation is one operation of an API: its name, how it is recognised, and the
// handler that performs it. The zero value is of no use; Op and REST make them.
type Operation struct {
	// Name is AWS's, such as UpdateRoute.
	Name string
	// Method and Path are those of a REST operation, the path with its labels in
	// braces; both are empty in the other protocols.
	Method, Path string

	input, output reflect.Type
	call          func(ctx context.Context, input any) (any, error)
}

// Op is an operation that is recognised by its name, as in the JSON, Query and CBOR
// protocols. In and Out are the SDK's input and output structs.
func Op[In, Out any](name string, handler func(context.Context, *In) (*Out, error)) Operation {
	return Operation{
		Name:   name,
		input:  reflect.TypeFor[In](),
		output: reflect.TypeFor[Out](),
		call: func(ctx context.Context, input any) (any, error) {
			output, err := handler(ctx, input.(*In))
			if err != nil {
				return nil, err
			}
			return output, nil
		},
	}
}

// REST is an operation that is recognised by its method and path, such as PUT and
// "/v20190125/meshes/{meshName}". Labels and query parameters are bound to the input's
// fields of the same name with an initial capital; all else is the body.
func REST[In, Out any](
	name, method, path string, handler func(context.Context, *In) (*Out, error),
) Operation {
	operation := Op(name, handler)
	operation.Method, operation.Path = method, path
	return operation
}

// Next performs an operation: it takes a pointer to the SDK's input and gives one to its
// output.
type Next func(ctx context.Context, input any) (output any, err error)

// Inside is the operation with its handler called by around, which may ask and answer
// something else instead. Its output must be of the operation's type; what it was given
// may be shared, so a change is made to a copy.
func (o Operation) Inside(around func(ctx context.Context, input any, next Next) (any, error)) Operation {
	next := o.call
	o.call = func(ctx context.Context, input any) (any, error) { return around(ctx, input, next) }
	return o
}
