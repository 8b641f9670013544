package ecs

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// invalid is AWS's InvalidParameterException.
func invalid(format string, args ...any) error {
	return &types.InvalidParameterException{Message: new(fmt.Sprintf(format, args...))}
}

// client is AWS's ClientException.
func client(format string, args ...any) error {
	return &types.ClientException{Message: new(fmt.Sprintf(format, args...))}
}

func clusterNotFound() error {
	return &types.ClusterNotFoundException{Message: new("Cluster not found.")}
}

func serviceNotFound() error {
	return &types.ServiceNotFoundException{Message: new("Service not found.")}
}

func serviceNotActive() error {
	return &types.ServiceNotActiveException{Message: new("Service was not ACTIVE.")}
}

// missing is how the describing operations tell that something is not there.
func missing(arn string) types.Failure {
	return types.Failure{Arn: &arn, Reason: new("MISSING")}
}
