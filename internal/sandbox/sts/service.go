// Package sts is the Security Token Service: it says who the caller is.
//
// It imports the SDK's types, internal/sandbox/region and wire.
package sts

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"serin/internal/sandbox/region"
	"serin/internal/sandbox/wire"
)

// Service is STS. It is safe for concurrent use.
type Service struct {
	region region.Region
}

// New is STS of a region's account.
func New(r region.Region) *Service { return &Service{region: r} }

// Caller is the ARN of whoever calls the sandbox: an operator's session of one role.
func Caller(r region.Region) string { return r.GlobalARN("sts", "assumed-role/sandbox/operator") }

// GetCallerIdentity says that the caller is the sandbox's operator.
func (s *Service) GetCallerIdentity(
	context.Context, *sts.GetCallerIdentityInput,
) (*sts.GetCallerIdentityOutput, error) {
	return &sts.GetCallerIdentityOutput{
		Account: aws.String(s.region.Account),
		Arn:     aws.String(Caller(s.region)),
		UserId:  aws.String("AROASANDBOXSANDBOXSAN:operator"),
	}, nil
}

// Operations are what the front door offers of STS.
func (s *Service) Operations() []wire.Operation {
	return []wire.Operation{wire.Op("GetCallerIdentity", s.GetCallerIdentity)}
}
