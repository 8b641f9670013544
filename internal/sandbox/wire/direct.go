package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"reflect"
	"syscall"

	"github.com/aws/smithy-go"

	"serin/internal/sandbox/clone"
)

// Refused is an error as a caller of Direct gets it: what an SDK makes of an answer.
type Refused struct {
	Code, Message string
	Status        int
}

var _ smithy.APIError = (*Refused)(nil)

func (r *Refused) Error() string { return r.Code + ": " + r.Message }

// ErrorCode is AWS's.
func (r *Refused) ErrorCode() string { return r.Code }

// ErrorMessage is AWS's.
func (r *Refused) ErrorMessage() string { return r.Message }

// HTTPStatusCode is the status that the error would have.
func (r *Refused) HTTPStatusCode() int { return r.Status }

// ErrorFault says whose fault it is.
func (r *Refused) ErrorFault() smithy.ErrorFault {
	if r.Status >= http.StatusInternalServerError {
		return smithy.FaultServer
	}
	return smithy.FaultClient
}

// Direct performs an operation without a protocol: input is a pointer to the SDK's input,
// the output one to its output, and neither shares memory with the service. Around is
// called as for a request. A connection that is aborted is syscall.ECONNRESET; an error
// of the service is a *Refused.
func (h *Handler) Direct(ctx context.Context, by Credential, operation string, input any) (output any, err error) {
	entry, known := h.services[by.Service]
	found, has := entry.named[operation]
	if !known || !has {
		return nil, fmt.Errorf("the sandbox has no operation %s:%s", by.Service, operation)
	}
	spoken := &native{input: reflect.ValueOf(clone.Of(input))}
	x := &exchange{protocol: spoken, operation: found, request: request{profile: entry.profile}}
	r, err := http.NewRequestWithContext(context.WithValue(ctx, exchangeKey{}, x), http.MethodPost, "http://direct/", http.NoBody)
	if err != nil {
		return nil, err
	}
	defer func() {
		thrown := recover()
		if thrown == nil {
			return
		}
		if abort, is := thrown.(error); !is || !errors.Is(abort, http.ErrAbortHandler) {
			panic(thrown)
		}
		output, err = nil, &net.OpError{Op: "read", Net: "direct", Err: syscall.ECONNRESET}
	}()
	w := &unwritten{spoken: spoken, header: http.Header{}}
	h.around(Call{Credential: by, Operation: operation}, http.HandlerFunc(x.serve)).ServeHTTP(w, r)
	return w.output, w.err
}

// native is no protocol at all: values are handed over.
type native struct {
	input reflect.Value
	// output and refused are the last answer that was made.
	output  reflect.Value
	refused *Refused
}

var _ protocol = (*native)(nil)

func (n *native) dialect() dialect { return jsonProtocol{version: "1.1"}.dialect() }

func (n *native) find(request, directory) (Operation, error) {
	return Operation{}, errors.New("a direct call says itself what it is for")
}

func (n *native) decode(_ request, _ Operation, input reflect.Value) error {
	input.Elem().Set(n.input.Elem())
	return nil
}

func (n *native) encode(_ Operation, output reflect.Value, _ string) (answer, error) {
	n.output, n.refused = output, nil
	return answer{status: http.StatusOK}, nil
}

func (n *native) refuse(found problem, _ string) answer {
	n.refused = &Refused{Code: found.code, Message: found.message, Status: found.status}
	return answer{status: found.status}
}

// unwritten takes the answer over when it is written: one that a fault throws away is
// written to somebody else.
type unwritten struct {
	spoken *native
	header http.Header
	output any
	err    error
}

var _ http.ResponseWriter = (*unwritten)(nil)

// Header is of no use.
func (u *unwritten) Header() http.Header { return u.header }

// WriteHeader takes the answer.
func (u *unwritten) WriteHeader(int) {
	if u.spoken.refused != nil {
		u.err = u.spoken.refused
		return
	}
	u.output = clone.Of(u.spoken.output.Interface())
}

// Write has nothing to write.
func (u *unwritten) Write(text []byte) (int, error) { return len(text), nil }
