package ssm

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
)

func validation(message string) error {
	return &smithy.GenericAPIError{Code: "ValidationException", Message: message, Fault: smithy.FaultClient}
}

func notFound(name string) error {
	return &types.ParameterNotFound{Message: aws.String("Parameter " + name + " not found.")}
}

func versionNotFound(name, selector string) error {
	return &types.ParameterVersionNotFound{Message: aws.String(
		"Systems Manager could not find version " + selector + " of " + name + ". Verify the version and try again.")}
}

func itoa(number int64) string { return strconv.FormatInt(number, 10) }
