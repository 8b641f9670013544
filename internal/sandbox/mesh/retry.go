package mesh

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"
)

const (
	// replayBound is the largest body that is kept for a retry: Envoy's default buffer
	// of a connection, 1 MiB. The request of a larger body, or of one whose length is
	// not known, is not retried.
	replayBound = 1 << 20
	// backoffBase and backoffMost are Envoy's: a random wait below 25 ms doubled with
	// each retry, and never above ten times that.
	backoffBase = 25 * time.Millisecond
	backoffMost = 10 * backoffBase
)

// Statuses that an HTTP retry event stands for (App Mesh API reference,
// HttpRetryPolicy).
var eventStatuses = map[string][]int{
	"server-error":  {500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511},
	"gateway-error": {502, 503, 504},
	"client-error":  {409},
}

// Values of grpc-status that a gRPC retry event stands for (gRPC status codes).
var eventCodes = map[types.GrpcRetryPolicyEvent]string{
	types.GrpcRetryPolicyEventCancelled:         "1",
	types.GrpcRetryPolicyEventDeadlineExceeded:  "4",
	types.GrpcRetryPolicyEventResourceExhausted: "8",
	types.GrpcRetryPolicyEventInternal:          "13",
	types.GrpcRetryPolicyEventUnavailable:       "14",
}

// retryPolicy says when a request is tried again. The zero value never does.
type retryPolicy struct {
	most     int64
	perTry   time.Duration
	statuses map[int]bool
	codes    map[string]bool
	// unconnected and unprocessed are connection-error and stream-error: the app could
	// not be reached, the app refused the stream.
	unconnected, unprocessed bool
}

func httpRetries(from *types.HttpRetryPolicy) retryPolicy {
	if from == nil {
		return retryPolicy{}
	}
	return newRetryPolicy(from.MaxRetries, from.PerRetryTimeout, from.HttpRetryEvents, from.TcpRetryEvents)
}

func grpcRetries(from *types.GrpcRetryPolicy) retryPolicy {
	if from == nil {
		return retryPolicy{}
	}
	policy := newRetryPolicy(from.MaxRetries, from.PerRetryTimeout, from.HttpRetryEvents, from.TcpRetryEvents)
	policy.codes = map[string]bool{}
	for _, event := range from.GrpcRetryEvents {
		policy.codes[eventCodes[event]] = true
	}
	return policy
}

func newRetryPolicy(most *int64, perTry *types.Duration, events []string, tcpEvents []types.TcpRetryPolicyEvent) retryPolicy {
	policy := retryPolicy{
		most:        aws.ToInt64(most),
		perTry:      duration(perTry, 0),
		statuses:    map[int]bool{},
		unconnected: slices.Contains(tcpEvents, types.TcpRetryPolicyEventConnectionError),
		unprocessed: slices.Contains(events, "stream-error"),
	}
	for _, event := range events {
		for _, status := range eventStatuses[event] {
			policy.statuses[status] = true
		}
	}
	return policy
}

// wants reports whether the outcome of a try is one that the policy retries.
func (p retryPolicy) wants(o outcome) bool {
	switch {
	case o.err != nil || o.final:
		return false
	case p.statuses[o.status]:
		return true
	case p.unconnected && o.unconnected, p.unprocessed && o.unprocessed:
		return true
	case o.response == nil:
		return false
	}
	code := o.response.Header.Get("Grpc-Status")
	return code != "" && p.codes[code]
}

// backoff is how long to wait before a retry, 0 being the first.
func backoff(retry int64, random func(n int) int) time.Duration {
	most := min(backoffBase<<min(retry, 10), backoffMost)
	return time.Duration(random(int(most)))
}

// refusedStream reports whether the server refused an HTTP/2 stream before it
// processed anything of it. net/http's error of it has no exported type.
func refusedStream(err error) bool {
	return strings.Contains(err.Error(), "REFUSED_STREAM")
}

// errBody wraps the failure of reading the client's request body.
type errBody struct{ error }

// Unwrap is the reader's error.
func (e errBody) Unwrap() error { return e.error }

// bodies gives the body of each try of a request.
type bodies struct {
	request *http.Request
	kept    []byte
	// replayable is false when the body can be sent once only.
	replayable bool
	streamed   *streamedBody
}

// newBodies reads the body of a request that may be retried, when it is short enough
// to be kept.
func newBodies(request *http.Request, policy retryPolicy) (*bodies, error) {
	b := &bodies{request: request}
	switch length := request.ContentLength; {
	case request.Body == nil || request.Body == http.NoBody || length == 0:
		b.replayable = true
	case policy.most > 0 && length > 0 && length <= replayBound:
		b.kept = make([]byte, length)
		if _, err := io.ReadFull(request.Body, b.kept); err != nil {
			return nil, errBody{err}
		}
		b.replayable = true
	default:
		b.streamed = &streamedBody{body: request.Body}
	}
	return b, nil
}

// next is the body of the next try.
func (b *bodies) next() io.ReadCloser {
	switch {
	case b.streamed != nil:
		return b.streamed
	case b.kept != nil:
		return io.NopCloser(bytes.NewReader(b.kept))
	default:
		return nil
	}
}

// broken is the error that the client's body ended with, if it is the client's fault
// that a try failed.
func (b *bodies) broken(err error) error {
	if failed, ok := errors.AsType[errBody](err); ok && b.streamed != nil {
		return failed
	}
	return nil
}

// streamedBody marks errors of the client's body, to tell them from the app's.
type streamedBody struct{ body io.ReadCloser }

// Read reads from the client.
func (s *streamedBody) Read(into []byte) (int, error) {
	n, err := s.body.Read(into)
	if err != nil && !errors.Is(err, io.EOF) {
		err = errBody{err}
	}
	return n, err
}

// Close closes the client's body.
func (s *streamedBody) Close() error { return s.body.Close() }
