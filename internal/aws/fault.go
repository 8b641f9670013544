package aws

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"

	"serin/internal/engine"
)

// Where says where the calls of an adapter go; faults and hints name it.
type Where struct {
	// Profile is the profile of the shared configuration; empty for the default chain.
	Profile string
	Region  string
	// Endpoint is what answers instead of AWS (AWS_ENDPOINT_URL), as ShownEndpoint has it;
	// empty for AWS itself.
	Endpoint string
}

// retiredHint is for the calls that App Mesh will never answer again. The date is that
// of AWS's announcement of 2024-09-24.
const retiredHint = "AWS closed App Mesh on 2026-09-30, and it is the only router that this version of serin drives: " +
	"point AWS_ENDPOINT_URL at a sandbox"

// meaning is what an error code says about what to do next.
type meaning struct {
	kind engine.FaultKind
	hint func(w Where, failed failure) string
	// secret is set for messages that repeat the request, its signature or its token.
	secret bool
}

// failure is a failed call as far as the SDK told it.
type failure struct {
	service, operation string
	code, message      string
	status             int
}

// meanings are the codes of the services that Serin calls, and the common ones of AWS
// (their API references, "Errors"). A code that is not here is judged by its HTTP status.
var meanings = byCode(map[string]meaning{
	// Throttled. Cloud Map says RequestLimitExceeded, CloudFormation and CloudWatch
	// Throttling, App Mesh TooManyRequestsException, SSM ThrottlingException and
	// TooManyUpdates, ECS and ECR ThrottlingException, DynamoDB
	// ProvisionedThroughputExceededException.
	`Throttling ThrottlingException ThrottledException RequestThrottled
	 RequestThrottledException TooManyRequestsException RequestLimitExceeded SlowDown
	 PriorRequestNotComplete TooManyUpdates
	 ProvisionedThroughputExceededException`: {kind: engine.Transient, hint: throttledHint},
	// AWS's own failures, and work that has to end first.
	`InternalFailure InternalError InternalServerError InternalServerErrorException
	 InternalServiceFault InternalServiceError InternalServiceErrorException ServerException
	 ServiceUnavailable ServiceUnavailableException RequestTimeout RequestTimeoutException
	 OperationInProgressException ConcurrentModificationException
	 TransactionConflictException TransactionCanceledException TransactionInProgressException
	 UpdateInProgressException`: {kind: engine.Transient},
	`ExpiredToken ExpiredTokenException TokenRefreshRequired`: {
		kind: engine.Denied, hint: signInHint,
	},
	`UnrecognizedClientException InvalidClientTokenId InvalidAccessKeyId InvalidToken
	 AuthFailure MissingAuthenticationToken MissingAuthenticationTokenException`: {
		kind: engine.Denied, hint: unknownKeyHint,
	},
	`SignatureDoesNotMatch InvalidSignatureException IncompleteSignature
	 IncompleteSignatureException RequestExpired RequestTimeTooSkewed
	 RequestInTheFuture`: {kind: engine.Denied, hint: signatureHint, secret: true},
	`AccessDenied AccessDeniedException UnauthorizedOperation NotAuthorized
	 KmsAccessDeniedException OptInRequired
	 UnauthorizedException`: {kind: engine.Denied, hint: permissionHint},
	`ForbiddenException`: {kind: engine.Denied, hint: forbiddenHint},
	`NotFoundException ResourceNotFoundException ResourceNotFound ParameterNotFound
	 ClusterNotFoundException ServiceNotFoundException ServiceNotFound NamespaceNotFound
	 RepositoryNotFoundException ImageNotFoundException
	 StackNotFoundException`: {kind: engine.NotFound},
	`ConflictException ResourceInUseException ResourceInUse AlreadyExistsException
	 ParameterAlreadyExists TokenAlreadyExistsException
	 DuplicateRequest`: {kind: engine.Conflict},
	`LimitExceededException LimitExceeded LimitExceededFault ParameterLimitExceeded
	 ResourceLimitExceeded`: {kind: engine.Invalid, hint: quotaHint},
	`ParameterMaxVersionLimitExceeded`: {kind: engine.Conflict, hint: func(Where, failure) string {
		return "the oldest of the parameter's 100 versions has a label: remove the label"
	}},
})

// byCode is a table with one entry a code, from one with a list of codes an entry.
func byCode(grouped map[string]meaning) map[string]meaning {
	table := make(map[string]meaning)
	for codes, means := range grouped {
		for code := range strings.FieldsSeq(codes) {
			table[code] = means
		}
	}
	return table
}

// actionPrefixes are the prefixes of IAM actions, by the SDK's names of the services.
var actionPrefixes = map[string]string{
	"App Mesh": "appmesh", "CloudFormation": "cloudformation", "CloudWatch": "cloudwatch",
	"DynamoDB": "dynamodb", "ECR": "ecr", "ECS": "ecs", "ServiceDiscovery": "servicediscovery", "SSM": "ssm",
	"STS": "sts",
}

// Fault is err in an operator's words: op is what was being done ("write to"), target to
// what. It is for the adapters in other packages; the end of ctx stays what it is.
func (w Where) Fault(ctx context.Context, op, target string, err error) error {
	return w.fault(ctx, op, target, err)
}

// fault is err in an operator's words. The end of the caller's own context stays what
// it is; a fault stays the fault it is.
func (w Where) fault(ctx context.Context, op, target string, err error) error {
	if err == nil {
		return nil
	}
	if ended := endOf(ctx, err); ended != nil {
		return fmt.Errorf("%s %s: %w", op, target, ended)
	}
	if fault, ok := errors.AsType[*engine.Fault](err); ok {
		return fault
	}
	fault := &engine.Fault{Op: op, Target: target}
	switch failed := failureOf(err); {
	case noCredentials(err):
		w.credentials(fault, failed, err)
	case failed.code != "" || failed.status != 0:
		w.answered(fault, failed, err)
	default:
		w.unanswered(fault, err)
	}
	return fault
}

// refuse is a fault that an adapter found itself.
func refuse(op, target string, kind engine.FaultKind, hint, format string, args ...any) error {
	return &engine.Fault{
		Op: op, Target: target, Kind: kind, Hint: hint, Err: fmt.Errorf(format, args...),
	}
}

// isCommon tells an error that any call would meet now, whatever it asks for (throttling, a
// lost connection, credentials that have expired), from one that may be of what was asked.
// Only the latter is worth asking again in parts.
func (w Where) isCommon(err error) bool {
	switch engine.KindOf(w.fault(context.Background(), "", "", err)) {
	case engine.Transient, engine.Denied, engine.Retired:
		return true
	default:
		return false
	}
}

// endOf is context.Canceled or context.DeadlineExceeded where err is due to the
// caller's own context, and nil otherwise: a socket's timeout also claims to be the
// latter.
func endOf(ctx context.Context, err error) error {
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	if ended := ctx.Err(); ended != nil && errors.Is(err, ended) {
		return ended
	}
	return nil
}

// failureOf is what the SDK says about a failed call; code and status are zero when
// nobody answered.
func failureOf(err error) failure {
	var failed failure
	if operation, ok := errors.AsType[*smithy.OperationError](err); ok {
		failed.service, failed.operation = operation.ServiceID, operation.OperationName
	}
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) {
		failed.status = answer.HTTPStatusCode()
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		failed.code, failed.message = clean(api.ErrorCode()), clean(api.ErrorMessage())
	}
	return failed
}

// hasCode tells whether AWS answered with one of the codes.
func hasCode(err error, codes ...string) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && slices.Contains(codes, api.ErrorCode())
}

// noCredentials tells whether the call failed before it was sent, because the chain of
// credential providers had nothing to sign it with. The SDK has no type for it.
func noCredentials(err error) bool {
	if _, ok := errors.AsType[*ssocreds.InvalidTokenError](err); ok {
		return true
	}
	if _, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
		return true
	}
	said := err.Error()
	return strings.Contains(said, "get identity: ") ||
		strings.Contains(said, "failed to refresh cached credentials") ||
		strings.Contains(said, "static credentials are empty")
}

// credentials explains why there is nothing to sign with. A provider of credentials
// that is throttled, or down, is no reason to sign in anew.
func (w Where) credentials(fault *engine.Fault, failed failure, err error) {
	fault.Kind, fault.Hint = engine.Denied, signInHint(w, failed)
	said := "no AWS credentials were found"
	switch {
	case expiredSession(err, failed):
		said = "the session of AWS IAM Identity Center (SSO) has expired"
	case strings.Contains(err.Error(), "failed to get shared config profile"):
		said = fmt.Sprintf("there is no profile %q in the AWS configuration", w.Profile)
		fault.Hint = "write it with `aws configure sso --profile " + w.Profile + "`, or give another --profile"
	case failed.code != "" && meanings[failed.code].kind == engine.Transient, failed.status >= 500:
		said, fault.Kind = "the credentials could not be fetched: "+failed.said(), engine.Transient
		fault.Hint = ""
	case failed.code != "":
		said = "no AWS credentials: " + failed.said()
	}
	fault.Err = &cause{text: said}
}

// expiredSession tells whether the credentials of a sign-in ran out: SSO refuses its
// token, or the cached token is missing or stale.
func expiredSession(err error, failed failure) bool {
	_, invalid := errors.AsType[*ssocreds.InvalidTokenError](err)
	said := err.Error()
	return invalid || failed.code == "InvalidGrantException" || failed.code == "UnauthorizedException" ||
		strings.Contains(said, "SSO session has expired") ||
		strings.Contains(said, "refresh cached SSO token failed")
}

// answered explains an error that AWS answered with.
func (w Where) answered(fault *engine.Fault, failed failure, err error) {
	if failed.code == "" && failed.status < http.StatusMultipleChoices {
		fault.Kind, fault.Err = engine.Transient, brokenOff(err)
		return
	}
	means, known := meanings[failed.code]
	if !known {
		means = byStatus(failed.status)
	}
	fault.Kind = means.kind
	fault.Refused = failed.status >= http.StatusBadRequest && failed.status < http.StatusInternalServerError
	if means.hint != nil {
		fault.Hint = means.hint(w, failed)
	}
	fault.Err = &cause{text: failed.said(), err: err}
	if means.secret {
		fault.Err = &cause{text: failed.code + ": the request's signature was not accepted"}
	}
}

// brokenOff is a success whose answer did not come whole, which says nothing about what
// was asked.
func brokenOff(err error) error {
	said := "the answer could not be read"
	if broken, ok := errors.AsType[*smithy.DeserializationError](err); ok && broken.Err != nil {
		said += ": " + clean(broken.Err.Error())
	}
	return &cause{text: said, err: err}
}

// byStatus is what an HTTP status says where the code says nothing.
func byStatus(status int) meaning {
	switch {
	case status == http.StatusTooManyRequests:
		return meaning{kind: engine.Transient, hint: throttledHint}
	case status >= http.StatusInternalServerError, status == http.StatusRequestTimeout:
		return meaning{kind: engine.Transient}
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return meaning{kind: engine.Denied, hint: permissionHint}
	case status == http.StatusNotFound:
		return meaning{kind: engine.NotFound}
	case status == http.StatusConflict:
		return meaning{kind: engine.Conflict}
	default:
		return meaning{kind: engine.Invalid}
	}
}

// unanswered explains a call that got no answer.
func (w Where) unanswered(fault *engine.Fault, err error) {
	fault.Kind = engine.Transient
	dns, unresolved := errors.AsType[*net.DNSError](err)
	late, timedOut := errors.AsType[*lateError](err)
	unknown := unresolved && dns.IsNotFound
	refused := errors.Is(err, syscall.ECONNREFUSED)
	behind := withoutURL(err)
	var netError net.Error
	switch {
	case timedOut:
		fault.Err = &cause{text: late.Error()}
	case unresolved:
		fault.Err = &cause{text: "the name " + clean(dns.Name) + " could not be resolved (DNS)", err: behind}
	case refused:
		fault.Err = &cause{text: "nothing accepts connections there (connection refused)", err: behind}
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		fault.Err = &cause{text: "the connection was lost before the answer came", err: behind}
	case errors.As(err, &netError) && netError.Timeout():
		fault.Err = &cause{text: "no connection was made in time", err: behind}
	case isMissingRegion(err):
		fault.Kind, fault.Hint = engine.Invalid, regionHint
		fault.Err = &cause{text: "no AWS region is set"}
	default:
		fault.Err = otherwise(behind)
	}
	switch other := otherThan(w.Endpoint, err); {
	case other != "" && (unresolved || refused):
		fault.Hint = "an endpoint of its own points at " + clean(other) + ": check AWS_ENDPOINT_URL_<SERVICE>, or the profile's services"
	case w.Endpoint != "" && (unresolved || refused):
		fault.Hint = "AWS_ENDPOINT_URL points at " + clean(w.Endpoint) + ": is the sandbox running?"
	case (unknown || refused) && ofAppMesh(err):
		fault.Kind, fault.Hint = engine.Retired, retiredHint
	case unresolved:
		fault.Hint = "check this machine's network, and that the region " + w.Region + " exists"
	}
}

// otherwise is the cause that nobody knows a short text for. One that had to be hidden
// keeps nothing behind it.
func otherwise(err error) error {
	said := clean(err.Error())
	if shown := withoutURLs(said); shown != said {
		return &cause{text: shown}
	}
	return &cause{text: said, err: err}
}

// otherThan is the host that did not answer, where all of AWS is asked at an endpoint and
// this service at another one; empty otherwise.
func otherThan(endpoint string, err error) string {
	all, invalid := url.Parse(endpoint)
	asked, known := errors.AsType[*url.Error](err)
	if endpoint == "" || invalid != nil || !known {
		return ""
	}
	if own, invalid := url.Parse(asked.URL); invalid == nil && own.Host != all.Host {
		return own.Host
	}
	return ""
}

// appMeshHost is the endpoint of App Mesh in any partition of AWS, as errors name it.
var appMeshHost = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\bappmesh(-fips)?\.[a-z0-9-]+\.(amazonaws\.com|api\.aws)\b`)
})

// ofAppMesh tells whether the host that could not be reached is AWS's App Mesh.
func ofAppMesh(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return appMeshHost().MatchString(dns.Name)
	}
	return appMeshHost().MatchString(err.Error())
}

func isMissingRegion(err error) bool {
	_, missing := errors.AsType[*awssdk.MissingRegionError](err)
	return missing || strings.Contains(err.Error(), "Missing Region")
}

// said is the code and the message of an answer.
func (f failure) said() string {
	switch {
	case f.code == "" || f.code == "UnknownError":
		return strings.TrimSpace(fmt.Sprintf("HTTP %d %s", f.status, http.StatusText(f.status)))
	case f.message == "":
		return f.code
	default:
		return f.code + ": " + f.message
	}
}

const regionHint = "give --region, or set AWS_REGION or the profile's region"

func throttledHint(_ Where, failed failure) string {
	return "AWS limits how often this account may call " + orAWS(failed.service) + "; the call is made again later"
}

func signInHint(w Where, _ failure) string {
	if w.Profile == "" {
		return "sign in (`aws sso login`), or set AWS_PROFILE or give --profile"
	}
	return "sign in: `aws sso login --profile " + w.Profile + "`"
}

func unknownKeyHint(w Where, failed failure) string {
	return "AWS does not know these keys in " + w.Region + ": " + signInHint(w, failed)
}

func signatureHint(Where, failure) string {
	return "check this machine's clock, and the secret key of the profile"
}

func forbiddenHint(w Where, failed failure) string {
	hint := permissionHint(w, failed)
	if w.Endpoint == "" && failed.service == "App Mesh" {
		return hint + "; and " + retiredHint
	}
	return hint
}

func quotaHint(_ Where, failed failure) string {
	return "a quota of " + orAWS(failed.service) + " is used up: remove what is not needed, or have it raised"
}

// deniedAction finds the action in AWS's sentence, which is the better witness: the
// denied call may be one that the service made in the caller's name (kms:Decrypt).
var deniedAction = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`not authorized to perform:? ([a-z0-9-]+:[A-Za-z]+)`)
})

func permissionHint(_ Where, failed failure) string {
	action := ""
	if found := deniedAction().FindStringSubmatch(failed.message); found != nil {
		action = found[1]
	} else if prefix := actionPrefixes[failed.service]; prefix != "" {
		action = prefix + ":" + failed.operation
	}
	if action == "" {
		return "these credentials may not do this: use a role that may"
	}
	return "allow " + action + " in the policy of these credentials, or use a role that may"
}

func orAWS(service string) string {
	if service == "" {
		return "it"
	}
	return service
}

// cause is the cause in a fault: a short text in place of the SDK's long one, with the
// SDK's error behind it unless that may hold a secret.
type cause struct {
	text string
	err  error
}

func (c *cause) Error() string { return c.text }

func (c *cause) Unwrap() error { return c.err }
