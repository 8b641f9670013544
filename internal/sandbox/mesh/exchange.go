package mesh

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// exchange is one request on its way to the target that was chosen for it, with all
// its tries.
type exchange struct {
	mesh        *Mesh
	route       *route
	destination *destination
	request     *http.Request
	bodies      *bodies

	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

// outcome is what a try led to: the app's response, or a status and a text that the mesh
// answers in its stead, or an error that is the client's own.
type outcome struct {
	response *http.Response
	status   int
	text     string
	err      error
	// final outcomes are not retried whatever their status.
	final bool
	// unconnected and unprocessed tell what became of a try without the app's answer.
	unconnected, unprocessed bool
}

// run tries until there is an answer that the retry policy lets pass. Its context ends
// when the answer's body is closed.
func (x *exchange) run() (*http.Response, error) {
	x.ctx, x.cancel = context.WithCancelCause(x.request.Context())
	if x.route.timeout > 0 {
		x.timer = time.AfterFunc(x.route.timeout, func() { x.cancel(errRequestTimeout) })
	}
	for retry := int64(0); ; retry++ {
		o := x.try()
		if retry >= x.route.retry.most || !x.bodies.replayable || !x.route.retry.wants(o) {
			return x.finish(o)
		}
		o.discard()
		if err := x.pause(backoff(retry, x.mesh.random)); err != nil {
			return x.finish(x.failed(err))
		}
	}
}

func (x *exchange) pause(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-x.ctx.Done():
		return context.Cause(x.ctx)
	case <-timer.C:
		return nil
	}
}

// try sends the request once, to the destination's next endpoint.
func (x *exchange) try() outcome {
	end, ok := x.mesh.endpoint(x.destination)
	if !ok {
		return outcome{status: http.StatusServiceUnavailable, text: textNoUpstream, final: true}
	}
	if end.address == "" {
		return x.unconnected(end)
	}
	response, err := x.send(end.address) //nolint:bodyclose // discard closes it, or the reverse proxy
	switch {
	case err == nil:
		end.task.answered(response.StatusCode)
		return outcome{response: response, status: response.StatusCode}
	case x.bodies.broken(err) != nil:
		return outcome{err: err}
	case isOurs(err) || x.request.Context().Err() != nil:
		return x.failed(err)
	}
	if _, ok := errors.AsType[dialError](err); ok {
		return x.unconnected(end)
	}
	end.task.answered(http.StatusServiceUnavailable)
	return outcome{status: http.StatusServiceUnavailable, text: textReset, unprocessed: refusedStream(err)}
}

// unconnected is what a task's ingress answers, and counts, when its app does not
// listen.
func (x *exchange) unconnected(end endpoint) outcome {
	end.task.answered(http.StatusServiceUnavailable)
	return outcome{status: http.StatusServiceUnavailable, text: textUnconnected, unconnected: true}
}

// failed is the outcome of a try that ended on the caller's side: by a timeout of the
// route, which the caller's Envoy answers with 504 and no ingress counts, or because
// the client is gone.
func (x *exchange) failed(err error) outcome {
	if !isOurs(err) {
		return outcome{err: err}
	}
	return outcome{status: http.StatusGatewayTimeout, text: textTimeout, final: !errors.Is(err, errTryTimeout)}
}

func isOurs(err error) bool {
	return errors.Is(err, errRequestTimeout) || errors.Is(err, errTryTimeout)
}

// send performs one try. The timeout of a try is over when the answer's header is
// there; that of the request, which x.ctx carries, when its body is read.
func (x *exchange) send(address string) (*http.Response, error) {
	ctx := x.ctx
	var timer *time.Timer
	if perTry := x.route.retry.perTry; perTry > 0 {
		// The context of a try ends with the exchange's.
		limited, cancel := context.WithCancelCause(x.ctx)
		timer = time.AfterFunc(perTry, func() { cancel(errTryTimeout) })
		ctx = limited
	}
	try := x.request.WithContext(ctx)
	target := *x.request.URL
	target.Host = address
	try.URL, try.Body = &target, x.bodies.next()
	transport := x.mesh.plain
	if x.destination.wire == wireHTTP2 {
		transport = x.mesh.h2c
	}
	response, err := transport.RoundTrip(try)
	if err != nil && context.Cause(ctx) != nil {
		err = context.Cause(ctx)
	}
	if timer != nil && !timer.Stop() && err == nil {
		_ = response.Body.Close()
		return nil, errTryTimeout
	}
	return response, err
}

// finish hands the outcome to the reverse proxy and sees to it that the exchange's
// context and timers end with it.
func (x *exchange) finish(o outcome) (*http.Response, error) {
	if o.err != nil {
		x.end()
		return nil, o.err
	}
	if o.response == nil {
		x.end()
		return local(x.request, o.status, o.text), nil
	}
	if o.status == http.StatusSwitchingProtocols {
		// The connection belongs to the two ends now; it ends with the request's
		// context.
		x.stopTimer()
		return o.response, nil
	}
	body := &answerBody{ReadCloser: o.response.Body, exchange: x}
	if x.route.idle > 0 {
		body.idle = time.AfterFunc(x.route.idle, func() { x.cancel(errIdleTimeout) })
	}
	o.response.Body = body
	return o.response, nil
}

func (x *exchange) stopTimer() {
	if x.timer != nil {
		x.timer.Stop()
	}
}

func (x *exchange) end() {
	x.stopTimer()
	x.cancel(context.Canceled)
}

// discard reads a little of a response that nobody wants, so that its connection can be
// used again, and closes it.
func (o outcome) discard() {
	if o.response == nil {
		return
	}
	_, _ = io.CopyN(io.Discard, o.response.Body, drainBound)
	_ = o.response.Body.Close()
}

// answerBody is an answer's body on its way to the client.
type answerBody struct {
	io.ReadCloser
	exchange *exchange
	idle     *time.Timer
}

// Read reads from the app and pushes the idle timeout on.
func (b *answerBody) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	if b.idle != nil && n > 0 {
		b.idle.Reset(b.exchange.route.idle)
	}
	return n, err
}

// Close ends the exchange.
func (b *answerBody) Close() error {
	if b.idle != nil {
		b.idle.Stop()
	}
	err := b.ReadCloser.Close()
	b.exchange.end()
	return err
}
