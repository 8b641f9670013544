package cloudformation

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"serin/internal/sandbox/cloudformation/template"
)

// invalid is the error that CloudFormation answers most of what it refuses with.
func invalid(format string, values ...any) error {
	return &smithy.GenericAPIError{
		Code: "ValidationError", Message: fmt.Sprintf(format, values...), Fault: smithy.FaultClient,
	}
}

// refused turns a template's error into the API's.
func refused(err error) error {
	if bad, ok := errors.AsType[*template.Error](err); ok {
		return invalid("%s", bad.Message)
	}
	return err
}

// constraint is what an input's member must satisfy (CloudFormation API reference).
type constraint struct {
	// pattern is compiled whenever it is asked for, which is seldom; empty without one.
	pattern   string
	least     int
	most      int
	mandatory bool
}

var (
	newStackName = constraint{pattern: `^[a-zA-Z][-a-zA-Z0-9]*$`, least: 1, most: 128, mandatory: true}
	aStackName   = constraint{
		pattern: `^([a-zA-Z][-a-zA-Z0-9]*)$|^(arn:\b(aws|aws-us-gov|aws-cn)\b:[-a-zA-Z0-9:/._+]*)$`,
		least:   1, most: 2048, mandatory: true,
	}
	requestToken  = constraint{pattern: `^[a-zA-Z0-9][-a-zA-Z0-9]*$`, least: 1, most: 128}
	templateBody  = constraint{least: 1, most: 51200}
	changeSetName = constraint{
		pattern: `^[a-zA-Z][-a-zA-Z0-9]*$|^arn:[-a-zA-Z0-9:/]*$`, least: 1, most: 1600, mandatory: true,
	}
	logicalResource = constraint{least: 1, most: 255, mandatory: true}
	exportName      = constraint{least: 1, most: 255, mandatory: true}
)

// check is nil when the value, which may be nil where the member is optional, satisfies
// the constraint.
func (c constraint) check(member string, value *string) error {
	if value == nil {
		if c.mandatory {
			return constraintError("null", member, "Member must not be null")
		}
		return nil
	}
	switch length := len(*value); {
	case length < c.least:
		return constraintError(*value, member, fmt.Sprintf("Member must have length greater than or equal to %d", c.least))
	case length > c.most:
		return constraintError(*value, member, fmt.Sprintf("Member must have length less than or equal to %d", c.most))
	case c.pattern != "" && !regexp.MustCompile(c.pattern).MatchString(*value):
		return constraintError(*value, member, "Member must satisfy regular expression pattern: "+
			strings.NewReplacer("^", "", "$", "").Replace(c.pattern))
	default:
		return nil
	}
}

func constraintError(value, member, demand string) error {
	if value != "null" {
		value = "'" + abridged(value) + "'"
	}
	return invalid("1 validation error detected: Value %s at '%s' failed to satisfy constraint: %s", value, member, demand)
}

// abridged keeps a whole template out of an error.
func abridged(value string) string {
	const most = 1024
	if len(value) <= most {
		return value
	}
	return value[:most] + "..."
}

// enumerated is nil when the value is empty or one of those that its type knows.
func enumerated[E ~string](member string, value E, known []E) error {
	if value == "" {
		return nil
	}
	names := make([]string, len(known))
	for i, one := range known {
		if one == value {
			return nil
		}
		names[i] = string(one)
	}
	return constraintError(string(value), member, "Member must satisfy enum value set: ["+strings.Join(names, ", ")+"]")
}

// first is the first error of several.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func alreadyExists(name string) error {
	message := fmt.Sprintf("Stack [%s] already exists", name)
	return &types.AlreadyExistsException{Message: &message}
}

// ignoreMissing is the error unless it says that there is no such change set.
func ignoreMissing(err error) error {
	if _, missing := errors.AsType[*types.ChangeSetNotFoundException](err); missing {
		return nil
	}
	return err
}
