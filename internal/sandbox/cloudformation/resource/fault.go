package resource

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"
	"github.com/google/uuid"

	"serin/internal/sandbox/cloudformation/property"
)

// fault is an error that a service answered a provider with.
type fault struct {
	service string
	err     error
}

func (f *fault) Error() string { return f.service + ": " + f.err.Error() }

func (f *fault) Unwrap() error { return f.err }

func blame(service string, err error) error {
	if err == nil {
		return nil
	}
	return &fault{service: service, err: err}
}

// handlerError is a provider's own verdict on a resource.
type handlerError struct {
	message string
	// code is one of CloudFormation's handler error codes, such as NotStabilized.
	code string
}

func (h *handlerError) Error() string { return h.message }

// Reason is an error as the event of a resource gives it: CloudFormation wraps what a
// service said in the name of the service, a request id and a handler's error code.
func Reason(logicalID string, err error) string {
	if invalid, ok := errors.AsType[*property.Error](err); ok {
		return fmt.Sprintf("Properties validation failed for resource %s with message:\n%s", logicalID, invalid.Error())
	}
	if verdict, ok := errors.AsType[*handlerError](err); ok {
		return handlerMessage(verdict.message, verdict.code)
	}
	var answered *fault
	var api smithy.APIError
	if errors.As(err, &answered) && errors.As(answered.err, &api) {
		message := fmt.Sprintf("%s (Service: %s, Status Code: %d, Request ID: %s)",
			api.ErrorMessage(), answered.service, status(answered.service, api.ErrorCode()), uuid.NewString())
		return handlerMessage(message, handlerCode(api.ErrorCode()))
	}
	return err.Error()
}

func handlerMessage(message, code string) string {
	return fmt.Sprintf("Resource handler returned message: %q (RequestToken: %s, HandlerErrorCode: %s)",
		message, uuid.NewString(), code)
}

// status is the HTTP status that a service answers an error with: App Mesh speaks REST
// and has one an error, the others answer 400 (App Mesh API reference, common errors).
func status(service, code string) int {
	if service != appMeshService {
		return 400
	}
	statuses := map[string]int{
		"ConflictException": 409, "ForbiddenException": 403, "InternalServerErrorException": 500,
		"NotFoundException": 404, "ResourceInUseException": 409, "ServiceUnavailableException": 503,
		"TooManyRequestsException": 429, "TooManyTagsException": 400,
	}
	if known, ok := statuses[code]; ok {
		return known
	}
	return 400
}

// handlerCode is a service's error code in CloudFormation's words (CloudFormation CLI
// user guide, handler error codes).
func handlerCode(code string) string {
	table := []struct{ part, handler string }{
		{"NotFound", "NotFound"},
		{"AlreadyExists", "AlreadyExists"},
		{"Conflict", "AlreadyExists"},
		{"ResourceInUse", "ResourceConflict"},
		{"LimitExceeded", "ServiceLimitExceeded"},
		{"Forbidden", "AccessDenied"},
		{"AccessDenied", "AccessDenied"},
		{"Throttl", "Throttling"},
		{"TooManyRequests", "Throttling"},
		{"Invalid", "InvalidRequest"},
		{"BadRequest", "InvalidRequest"},
		{"Validation", "InvalidRequest"},
		{"ClientException", "InvalidRequest"},
		{"Internal", "ServiceInternalError"},
	}
	for _, row := range table {
		if strings.Contains(code, row.part) {
			return row.handler
		}
	}
	return "GeneralServiceException"
}

// gone reports whether a service says that a resource is not there (any more).
func gone(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	return strings.Contains(api.ErrorCode(), "NotFound") || api.ErrorCode() == "ServiceNotActiveException"
}
