package fault

import (
	"context"
	"maps"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"

	"serin/internal/sandbox/wire"
)

// Around is what the front door calls around every call.
func (i *Injector) Around() wire.Around {
	return func(call wire.Call, next http.Handler) http.Handler {
		if i.plan.Spares != "" && call.AccessKey == i.plan.Spares {
			return next
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rule, found := i.next("", func(rule Rule) bool {
				return rule.Target.is(call.Service, call.Operation)
			})
			if !found || rule.Kind == Stale && !isRead(call.Operation) {
				next.ServeHTTP(w, r)
				return
			}
			spoil(rule, call, next, w, r)
		})
	}
}

func spoil(rule Rule, call wire.Call, next http.Handler, w http.ResponseWriter, r *http.Request) {
	switch rule.Kind {
	case Reset:
		panic(http.ErrAbortHandler)
	case Lose:
		next.ServeHTTP(&nobody{header: http.Header{}}, r)
		panic(http.ErrAbortHandler)
	case Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case Stale:
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), staleKey{}, rule)))
	default:
		wire.Fail(w, r, refusal(rule.Kind, call))
	}
}

// isRead tells a call that changes nothing, by its verb.
func isRead(operation string) bool {
	for _, verb := range []string{"Describe", "Get", "List", "BatchGet", "Discover"} {
		if strings.HasPrefix(operation, verb) {
			return true
		}
	}
	return false
}

// nobody takes an answer that is lost.
type nobody struct {
	header http.Header
}

var _ http.ResponseWriter = (*nobody)(nil)

// Header is the header of the lost answer.
func (n *nobody) Header() http.Header { return n.header }

// Write loses a part of the answer.
func (n *nobody) Write(text []byte) (int, error) { return len(text), nil }

// WriteHeader loses the status.
func (n *nobody) WriteHeader(int) {}

// apiError is an error with a status of its own.
type apiError struct {
	code, message string
	status        int
}

var _ smithy.APIError = (*apiError)(nil)

func (e *apiError) Error() string        { return e.code + ": " + e.message }
func (e *apiError) ErrorCode() string    { return e.code }
func (e *apiError) ErrorMessage() string { return e.message }
func (e *apiError) HTTPStatusCode() int  { return e.status }

// ErrorFault says whose fault it is, by the status.
func (e *apiError) ErrorFault() smithy.ErrorFault {
	if e.status >= http.StatusInternalServerError {
		return smithy.FaultServer
	}
	return smithy.FaultClient
}

// common are the errors of a service that says nothing of its own (the API references,
// "Common Errors"), as the JSON protocols have them.
var common = map[Kind]apiError{
	Throttle:    {"ThrottlingException", "Rate exceeded", http.StatusBadRequest},
	Internal:    {"InternalFailure", "We encountered an internal error. Please try again.", http.StatusInternalServerError},
	Unavailable: {"ServiceUnavailableException", "Service is unavailable. Please try again.", http.StatusServiceUnavailable},
	Expired:     {"ExpiredTokenException", "The security token included in the request is expired", http.StatusBadRequest},
	Denied:      {"AccessDeniedException", "", http.StatusBadRequest},
}

// inQuery are those of the services that speak, or are compatible with, AWS Query.
var inQuery = map[Kind]apiError{
	Throttle:    {"Throttling", "Rate exceeded", http.StatusBadRequest},
	Unavailable: {"ServiceUnavailable", common[Unavailable].message, http.StatusServiceUnavailable},
	Expired:     {"ExpiredToken", common[Expired].message, http.StatusForbidden},
	Denied:      {"AccessDenied", "", http.StatusForbidden},
}

// own are the errors that a service has in its own model (its API reference, "Errors").
var own = map[string]map[Kind]apiError{
	"appmesh": {
		Throttle:    {"TooManyRequestsException", "Rate exceeded", http.StatusTooManyRequests},
		Internal:    {"InternalServerErrorException", common[Internal].message, http.StatusInternalServerError},
		Unavailable: {"ServiceUnavailableException", common[Unavailable].message, http.StatusServiceUnavailable},
		Expired:     {"ExpiredTokenException", common[Expired].message, http.StatusForbidden},
		Denied:      {"AccessDeniedException", "", http.StatusForbidden},
	},
	"cloudformation":   inQuery,
	"sts":              inQuery,
	"monitoring":       withInternal(inQuery, "InternalServiceFault"),
	"ecs":              {Internal: {"ServerException", common[Internal].message, http.StatusInternalServerError}},
	"ecr":              {Internal: {"ServerException", common[Internal].message, http.StatusInternalServerError}},
	"ssm":              {Internal: {"InternalServerError", common[Internal].message, http.StatusInternalServerError}},
	"servicediscovery": {Throttle: {"RequestLimitExceeded", "Rate exceeded", http.StatusBadRequest}},
}

func withInternal(errors map[Kind]apiError, code string) map[Kind]apiError {
	extended := map[Kind]apiError{Internal: {code, common[Internal].message, http.StatusInternalServerError}}
	maps.Copy(extended, errors)
	return extended
}

// refusal is what a service answers.
func refusal(kind Kind, call wire.Call) error {
	said, has := own[call.Service][kind]
	if !has {
		said = common[kind]
	}
	if kind == Denied {
		said.message = "User: " + call.AccessKey + " is not authorized to perform: " +
			action(call.Service) + ":" + call.Operation
	}
	return &said
}

// action is the prefix of a service's IAM actions.
func action(scope string) string {
	if scope == "monitoring" {
		return "cloudwatch"
	}
	return scope
}
