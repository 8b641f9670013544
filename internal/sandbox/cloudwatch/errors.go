package cloudwatch

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"
)

func validationError(format string, arguments ...any) error {
	return &smithy.GenericAPIError{
		Code: "ValidationError", Message: fmt.Sprintf(format, arguments...), Fault: smithy.FaultClient,
	}
}

func invalidValue(format string, arguments ...any) error {
	message := fmt.Sprintf(format, arguments...)
	return &types.InvalidParameterValueException{Message: &message}
}

func invalidCombination(format string, arguments ...any) error {
	message := fmt.Sprintf(format, arguments...)
	return &types.InvalidParameterCombinationException{Message: &message}
}

func missingParameter(name string) error {
	message := "The parameter " + name + " is required."
	return &types.MissingRequiredParameterException{Message: &message}
}

func invalidToken() error {
	message := "The token is invalid."
	return &types.InvalidNextToken{Message: &message}
}
