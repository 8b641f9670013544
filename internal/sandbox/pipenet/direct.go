package pipenet

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
)

// Direct answers requests by calling a handler in the caller's goroutine. A handler that
// aborts with http.ErrAbortHandler is a connection that was reset; one that outlives the
// request's context is waited for all the same.
func Direct(handler http.Handler) http.RoundTripper { return direct{handler} }

type direct struct{ handler http.Handler }

var _ http.RoundTripper = direct{}

// RoundTrip calls the handler.
func (d direct) RoundTrip(request *http.Request) (*http.Response, error) {
	asked := request.WithContext(request.Context())
	asked.RequestURI, asked.RemoteAddr, asked.Host = request.URL.RequestURI(), "direct.test:1", request.URL.Host
	if asked.Body == nil {
		asked.Body = http.NoBody
	}
	defer func() { _ = asked.Body.Close() }()
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	answer := &recorded{header: http.Header{}, status: http.StatusOK}
	if !d.serve(answer, asked) {
		if err := request.Context().Err(); err != nil {
			return nil, err
		}
		return nil, &net.OpError{Op: "read", Net: "direct", Err: syscall.ECONNRESET}
	}
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	return answer.response(request), nil
}

// serve reports whether the handler has answered.
func (d direct) serve(answer *recorded, asked *http.Request) (answered bool) {
	defer func() {
		if thrown := recover(); thrown != nil {
			if err, is := thrown.(error); !is || !errors.Is(err, http.ErrAbortHandler) {
				panic(thrown)
			}
		}
	}()
	d.handler.ServeHTTP(answer, asked)
	return true
}

// recorded is an answer in the making.
type recorded struct {
	header  http.Header
	status  int
	written bool
	body    bytes.Buffer
}

var _ http.ResponseWriter = (*recorded)(nil)

// Header is the answer's header.
func (r *recorded) Header() http.Header { return r.header }

// WriteHeader sets the status, once.
func (r *recorded) WriteHeader(status int) {
	if !r.written {
		r.status, r.written = status, true
	}
}

// Write adds to the body.
func (r *recorded) Write(text []byte) (int, error) {
	r.written = true
	return r.body.Write(text)
}

func (r *recorded) response(request *http.Request) *http.Response {
	length := r.body.Len()
	r.header.Set("Content-Length", strconv.Itoa(length))
	return &http.Response{
		StatusCode: r.status, Status: strconv.Itoa(r.status) + " " + http.StatusText(r.status),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: r.header,
		Body: io.NopCloser(&r.body), ContentLength: int64(length), Request: request,
	}
}
