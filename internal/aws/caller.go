package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// IdentityAPI is what Identify needs of STS.
type IdentityAPI interface {
	GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error)
}

var _ IdentityAPI = (*sts.Client)(nil)

// Caller is whose credentials are used, and where.
type Caller struct {
	ARN, Account, Region string
}

// Identify asks AWS who the caller is. It needs no permission, so that its failure is
// one of credentials or of the network.
func Identify(ctx context.Context, api IdentityAPI, where Where) (Caller, error) {
	out, err := api.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Caller{}, where.fault(ctx, "identify", "the caller", err)
	}
	return Caller{ARN: text(out.Arn), Account: text(out.Account), Region: where.Region}, nil
}

// DriverName is who drives a rollout, in the words that others read when they are
// refused: the build in CodeBuild, and the user at a host elsewhere. lookup reads the
// environment (CODEBUILD_BUILD_ID is CodeBuild's, "project:uuid").
func DriverName(lookup func(name string) (string, bool), user, host string) string {
	if build, ok := lookup("CODEBUILD_BUILD_ID"); ok && clean(build) != "" {
		return "codebuild " + clean(build)
	}
	user, host = clean(user), clean(host)
	if user == "" {
		user = "someone"
	}
	if host == "" {
		return user
	}
	return user + "@" + host
}
