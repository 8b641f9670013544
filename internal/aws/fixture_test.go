package aws

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"serin/internal/engine"
)

// here is where the tests' calls go.
func here() Where { return Where{Profile: "dev", Region: "us-west-2"} }

func appserver() engine.Service {
	return engine.Service{
		Environment: "ecs-blogpost", Name: "yelb-appserver", Namespace: "yelb.local",
		Protocol: engine.HTTP, Port: 4567,
	}
}

// said is an answer of AWS with an error code, as the SDK's clients return it.
func said(service, operation string, status int, code, message string) error {
	return operationError(service, operation, &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      &smithy.GenericAPIError{Code: code, Message: message},
	})
}

func operationError(service, operation string, err error) error {
	return &smithy.OperationError{ServiceID: service, OperationName: operation, Err: err}
}

// unreachable are the ways in which nobody answers.
func lostConnection() error {
	return &smithyhttp.RequestSendError{Err: &net.OpError{
		Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET),
	}}
}

func refusedBy(host string) error {
	return &smithyhttp.RequestSendError{Err: &url.Error{Op: "Put", URL: "https://" + host + "/", Err: &net.OpError{
		Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED),
	}}}
}

func unknownHost(host string) error {
	return &smithyhttp.RequestSendError{Err: &net.OpError{
		Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true},
	}}
}

// wantFault asserts the kind of a fault and that it and its hint hold some words.
func wantFault(t *testing.T, err error, kind engine.FaultKind, words ...string) {
	t.Helper()
	fault, ok := errors.AsType[*engine.Fault](err)
	if !ok {
		t.Fatalf("got %v, want a fault of kind %s", err, kind)
	}
	if fault.Kind != kind {
		t.Errorf("kind of %q is %s, want %s", fault, fault.Kind, kind)
	}
	whole := fault.Error() + " | " + fault.Hint
	for _, word := range words {
		if !strings.Contains(whole, word) {
			t.Errorf("fault does not say %q: %s", word, whole)
		}
	}
}

// trouble is what may befall any call of any service, and what an adapter must make of
// it.
type trouble struct {
	name  string
	err   func(service, operation string) error
	kind  engine.FaultKind
	words func(prefix, operation string) []string
}

func just(words ...string) func(string, string) []string {
	return func(string, string) []string { return words }
}

// troubles are the troubles that every adapter meets.
func troubles() []trouble {
	answer := func(status int, code, message string) func(string, string) error {
		return func(service, operation string) error { return said(service, operation, status, code, message) }
	}
	network := func(err error) func(string, string) error {
		return func(service, operation string) error { return operationError(service, operation, err) }
	}
	return []trouble{
		{"throttled", answer(400, "ThrottlingException", "Rate exceeded"), engine.Transient, just("Rate exceeded", "limits")},
		{"down", answer(503, "ServiceUnavailable", "try later"), engine.Transient, just("try later")},
		{"expired", answer(403, "ExpiredToken", "The token expired"), engine.Denied, just("aws sso login --profile dev")},
		{"denied", answer(403, "AccessDeniedException", "no"), engine.Denied, func(prefix, operation string) []string {
			return []string{"allow " + prefix + ":" + operation}
		}},
		{"reset", network(lostConnection()), engine.Transient, just("connection was lost")},
		{"unknown host", network(unknownHost("sts.us-west-2.amazonaws.com")), engine.Transient, just("could not be resolved")},
		{"late", network(&lateError{limit: 1}), engine.Transient, just("no answer within")},
	}
}

// testTroubles calls an adapter once for each trouble; call makes the adapter's API fail
// with the error.
func testTroubles(t *testing.T, service, operation string, call func(err error) error) {
	t.Helper()
	for _, trouble := range troubles() {
		t.Run(trouble.name, func(t *testing.T) {
			err := call(trouble.err(service, operation))
			wantFault(t, err, trouble.kind, trouble.words(actionPrefixes[service], operation)...)
		})
	}
}

func contains(text, part string) bool { return strings.Contains(text, part) }
