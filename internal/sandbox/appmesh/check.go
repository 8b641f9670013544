package appmesh

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
)

// enum is one of the SDK's enumerations.
type enum[E any] interface {
	~string
	Values() []E
}

// oneOf refuses a value that is not of its enumeration.
func oneOf[E enum[E]](member string, value E) error {
	if slices.Contains(asStrings(value.Values()), string(value)) {
		return nil
	}
	return badRequest("%s must be one of %v.", member, value.Values())
}

func asStrings[E ~string](values []E) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// inRange refuses a required number that is absent or outside of its bounds.
func inRange[N int32 | int64](member string, value *N, low, high N) error {
	if value == nil {
		return badRequest("%s is required.", member)
	}
	if *value < low || *value > high {
		return badRequest("%s must be between %d and %d.", member, low, high)
	}
	return nil
}

// optional makes a check of a number one that lets its absence pass.
func optional[N int32 | int64](member string, value *N, low, high N) error {
	if value == nil {
		return nil
	}
	return inRange(member, value, low, high)
}

// sized refuses a string that is empty or too long.
func sized(member string, value *string, high int) error {
	if length := len(aws.ToString(value)); length < 1 || length > high {
		return badRequest("%s must have length between 1 and %d.", member, high)
	}
	return nil
}

// checkDuration refuses a duration without a unit or with a negative value.
func checkDuration(member string, d *types.Duration) error {
	if d == nil {
		return nil
	}
	if err := oneOf(member+".unit", d.Unit); err != nil {
		return err
	}
	if d.Value == nil || *d.Value < 0 {
		return badRequest("%s.value must be at least 0.", member)
	}
	return nil
}

// checkPort refuses a port mapping that is not complete.
func checkPort(member string, p *types.PortMapping) error {
	if p == nil {
		return badRequest("%s.portMapping is required.", member)
	}
	if err := inRange(member+".portMapping.port", p.Port, 1, 65535); err != nil {
		return err
	}
	return oneOf(member+".portMapping.protocol", p.Protocol)
}
