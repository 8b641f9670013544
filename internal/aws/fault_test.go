package aws

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"

	"serin/internal/engine"
)

func TestFaultsSayWhatToDo(t *testing.T) {
	const appMesh = "appmesh.us-west-2.amazonaws.com"
	identity := func(err error) error {
		return operationError("App Mesh", "UpdateRoute", fmt.Errorf("get identity: %w", fmt.Errorf("get credentials: %w", err)))
	}
	update := func(status int, code, message string) error {
		return said("App Mesh", "UpdateRoute", status, code, message)
	}
	sandbox := Where{Region: "us-west-2", Endpoint: "http://127.0.0.1:4599"}
	cases := []struct {
		name  string
		where Where
		err   error
		kind  engine.FaultKind
		words []string
	}{
		{"app mesh throttles", here(), update(429, "TooManyRequestsException", "slow"), engine.Transient, []string{"limits", "App Mesh"}},
		{"cloud map throttles", here(), said("ServiceDiscovery", "DiscoverInstances", 400, "RequestLimitExceeded", ""), engine.Transient, []string{"RequestLimitExceeded"}},
		{"cloudformation throttles", here(), said("CloudFormation", "CreateStack", 400, "Throttling", "Rate exceeded"), engine.Transient, []string{"Rate exceeded"}},
		{"parameter store is busy", here(), said("SSM", "PutParameter", 400, "TooManyUpdates", ""), engine.Transient, nil},
		{"status 429 alone", here(), update(429, "UnknownError", ""), engine.Transient, []string{"HTTP 429"}},
		{"status 500 alone", here(), update(500, "UnknownError", ""), engine.Transient, []string{"HTTP 500"}},
		{"status 502 of a proxy", here(), update(502, "Whatever", "<html>"), engine.Transient, nil},
		{"ecs fails", here(), said("ECS", "ListTasks", 500, "ServerException", "x"), engine.Transient, nil},

		{"expired", here(), update(403, "ExpiredTokenException", "expired"), engine.Denied, []string{"aws sso login --profile dev"}},
		{"expired, no profile", Where{Region: "us-west-2"}, update(403, "ExpiredToken", "expired"), engine.Denied, []string{"AWS_PROFILE"}},
		{"unknown key", here(), update(403, "UnrecognizedClientException", "bad"), engine.Denied, []string{"does not know these keys in us-west-2"}},
		{"unknown key, query", here(), said("STS", "GetCallerIdentity", 403, "InvalidClientTokenId", "bad"), engine.Denied, []string{"aws sso login"}},
		{"clock", here(), update(403, "InvalidSignatureException", "canonical: x-amz-security-token:SECRET"), engine.Denied, []string{"clock"}},
		{"denied", here(), update(403, "AccessDeniedException", "no"), engine.Denied, []string{"allow appmesh:UpdateRoute"}},
		{"denied, aws names another action", here(), said("SSM", "GetParameter", 400, "AccessDeniedException",
			"User: arn:aws:iam::1:user/kim is not authorized to perform: kms:Decrypt on resource: x"), engine.Denied, []string{"allow kms:Decrypt"}},
		{"forbidden by app mesh", here(), update(403, "ForbiddenException", "no"), engine.Denied, []string{"appmesh:UpdateRoute", "2026-09-30"}},
		{"forbidden by a sandbox", sandbox, update(403, "ForbiddenException", "no"), engine.Denied, []string{"appmesh:UpdateRoute"}},
		{"status 403 alone", here(), update(403, "", ""), engine.Denied, nil},
		{"no credentials", here(), identity(errors.New("failed to refresh cached credentials, no EC2 IMDS role found")), engine.Denied, []string{"no AWS credentials", "sign in"}},
		{"sso expired", here(), identity(&ssocreds.InvalidTokenError{}), engine.Denied, []string{"SSO", "expired", "--profile dev"}},
		{"sso refuses", here(), identity(said("SSO", "GetRoleCredentials", 401, "UnauthorizedException", "Session token not found or invalid")), engine.Denied, []string{"expired"}},
		{"credentials denied", here(), identity(said("STS", "AssumeRole", 403, "AccessDenied", "may not assume")), engine.Denied, []string{"may not assume"}},
		{"credentials throttled", here(), identity(said("STS", "AssumeRole", 400, "Throttling", "Rate exceeded")), engine.Transient, []string{"could not be fetched"}},
		{"no such profile", here(), config.SharedConfigProfileNotExistError{Profile: "dev"}, engine.Denied, []string{`no profile "dev"`}},
		{"no region", here(), &aws.MissingRegionError{}, engine.Invalid, []string{"--region"}},

		{"not found", here(), update(404, "NotFoundException", "no route"), engine.NotFound, []string{"no route"}},
		{"in use", here(), said("App Mesh", "DeleteRoute", 409, "ResourceInUseException", "used"), engine.Conflict, []string{"used"}},
		{"conflict", here(), update(409, "ConflictException", "token"), engine.Conflict, nil},
		{"quota", here(), said("App Mesh", "CreateRoute", 400, "LimitExceededException", "50"), engine.Invalid, []string{"quota"}},
		{"validation", here(), said("CloudFormation", "CreateStack", 400, "ValidationError", "Parameters: [X] do not exist"), engine.Invalid, []string{"do not exist"}},
		{"bad request", here(), update(400, "BadRequestException", "weights"), engine.Invalid, []string{"weights"}},
		{"labels", here(), said("SSM", "PutParameter", 400, "ParameterMaxVersionLimitExceeded", "100"), engine.Conflict, []string{"label"}},

		{"reset", here(), operationError("App Mesh", "UpdateRoute", lostConnection()), engine.Transient, []string{"connection was lost"}},
		{"late", here(), operationError("App Mesh", "UpdateRoute", &lateError{limit: 20 * time.Second}), engine.Transient, []string{"no answer within 20s"}},
		{"dial in vain", here(), &net.OpError{Op: "dial", Err: &net.DNSError{Err: "i/o timeout", Name: "x.amazonaws.com", IsTimeout: true}}, engine.Transient, []string{"could not be resolved"}},
		{"dns is down", here(), &net.DNSError{Err: "server misbehaving", Name: appMesh, IsTemporary: true}, engine.Transient, []string{"network"}},
		{"app mesh has no name", here(), operationError("App Mesh", "UpdateRoute", unknownHost(appMesh)), engine.Retired, []string{"2026-09-30", "sandbox", "sandbox"}},
		{"app mesh is closed", here(), operationError("App Mesh", "UpdateRoute", refusedBy(appMesh)), engine.Retired, []string{"2026-09-30"}},
		{"app mesh of china", here(), unknownHost("appmesh.cn-north-1.amazonaws.com.cn"), engine.Retired, nil},
		{"another service has no name", here(), unknownHost("ecs.us-west-2.amazonaws.com"), engine.Transient, []string{"region us-west-2"}},
		{"another service is closed", here(), refusedBy("ecs.us-west-2.amazonaws.com"), engine.Transient, []string{"refused"}},
		{"sandbox is not there", sandbox, operationError("App Mesh", "UpdateRoute", refusedBy("127.0.0.1:4599")), engine.Transient, []string{"http://127.0.0.1:4599", "sandbox running"}},
		{"a service elsewhere is not there", sandbox, operationError("DynamoDB", "Query", refusedBy("127.0.0.1:5000")), engine.Transient, []string{"points at 127.0.0.1:5000: check AWS_ENDPOINT_URL_<SERVICE>"}},
		{"anything else", here(), errors.New("strange\x1b[0m"), engine.Transient, []string{"strange[0m"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := c.where.fault(t.Context(), "set the weights of", "route x", c.err)
			wantFault(t, err, c.kind, append(c.words, "set the weights of route x")...)
		})
	}
}

func TestFaultOfASandboxDoesNotSpeakOfRetirement(t *testing.T) {
	where := Where{Region: "us-west-2", Endpoint: "http://127.0.0.1:4599"}
	err := where.fault(t.Context(), "x", "y", said("App Mesh", "UpdateRoute", 403, "ForbiddenException", "no"))
	if hint := engine.HintOf(err); hint == "" || hint == retiredHint || len(hint) > 90 {
		t.Errorf("hint is %q", hint)
	}
}

func TestFaultHidesSignatures(t *testing.T) {
	err := here().fault(t.Context(), "x", "y",
		said("STS", "GetCallerIdentity", 403, "SignatureDoesNotMatch", "The Canonical String … x-amz-security-token:SECRET"))
	for layer := err; layer != nil; layer = errors.Unwrap(layer) {
		if got := fmt.Sprintf("%v %+v", layer, engine.HintOf(layer)); contains(got, "SECRET") {
			t.Errorf("the token is in %s", got)
		}
	}
}

func TestFaultLeavesTheCallersContextAlone(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, stop := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer stop()
	for name, c := range map[string]struct {
		ctx  context.Context
		want error
	}{
		"cancelled": {cancelled, context.Canceled}, "expired": {expired, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			err := here().fault(c.ctx, "read the", "route x",
				operationError("App Mesh", "DescribeRoute", &smithy.CanceledError{Err: c.ctx.Err()}))
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v within", err, c.want)
			}
			if _, is := errors.AsType[*engine.Fault](err); is {
				t.Errorf("%v is a fault", err)
			}
		})
	}
}

func TestFaultStaysTheFaultItIs(t *testing.T) {
	first := refuse("a", "b", engine.Conflict, "hint", "why")
	if err := here().fault(t.Context(), "c", "d", fmt.Errorf("wrapped: %w", first)); !errors.Is(err, first) || err.Error() != "a b: why" {
		t.Errorf("got %v", err)
	}
	if err := here().fault(t.Context(), "c", "d", nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}

func TestFaultKeepsTheSDKsErrorBehindIt(t *testing.T) {
	err := here().fault(t.Context(), "a", "b", said("ECS", "ListTasks", 400, "ClientException", "x"))
	if api, ok := errors.AsType[smithy.APIError](err); !ok || api.ErrorCode() != "ClientException" {
		t.Errorf("no APIError in %v", err)
	}
}
