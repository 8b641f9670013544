package trials

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"serin/internal/aws"
	"serin/internal/sandbox/wire"
)

// direct has a client of the SDK hand its inputs over to the sandbox, and take outputs,
// as they are: nothing is written, signed, sent and read. Retries and deadlines are those
// of serin's clients. It makes a life twice as fast; that the wire changes nothing
// is what the conformance suites and every other trial are for.
func (r *region) direct(scope, accessKey string) func(*middleware.Stack) error {
	by := wire.Credential{AccessKey: accessKey, Region: r.Region(), Service: scope}
	return func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Direct", func(
			ctx context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler,
		) (out middleware.InitializeOutput, metadata middleware.Metadata, err error) {
			out.Result, err = r.attempt(ctx, by, middleware.GetOperationName(ctx), in.Parameters)
			return out, metadata, err
		}), middleware.After)
	}
}

// attempt tries an operation as often as serin's clients do: the one that is not
// idempotent once.
func (r *region) attempt(ctx context.Context, by wire.Credential, operation string, input any) (any, error) {
	retryer := steady()
	most := retryer.MaxAttempts()
	if operation == "PutParameter" {
		most = 1
	}
	for n := 1; ; n++ {
		output, err := r.tryDirectly(ctx, by, operation, input)
		if err == nil || n >= most || !retryer.IsErrorRetryable(err) || ctx.Err() != nil {
			return output, err
		}
		delay, failed := retryer.RetryDelay(n, err)
		if failed != nil {
			return nil, failed
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(delay):
		}
	}
}

func (r *region) tryDirectly(ctx context.Context, by wire.Credential, operation string, input any) (any, error) {
	limit := aws.DefaultDeadlines().WriteAttempt
	for _, read := range []string{"Describe", "Get", "List", "Discover", "Validate"} {
		if strings.HasPrefix(operation, read) {
			limit = aws.DefaultDeadlines().ReadAttempt
		}
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	output, err := r.Direct(bounded, by, operation, input)
	if err == nil {
		err = bounded.Err()
	}
	refused, answered := errors.AsType[*wire.Refused](err)
	switch {
	case err == nil:
		return output, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case bounded.Err() != nil:
		return nil, late{}
	case answered:
		return nil, &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: refused.Status}}, Err: err,
		}
	default:
		return nil, &smithyhttp.RequestSendError{Err: err}
	}
}

// late is an attempt that ended by its deadline.
type late struct{}

func (late) Error() string        { return "no answer within the time of an attempt" }
func (late) Timeout() bool        { return true }
func (late) RetryableError() bool { return true }
