package wire

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// maxBody bounds a request's body, before and after it is decompressed. AWS's own
// bounds differ by service; none of ours takes more than a few MiB.
const maxBody = 8 << 20

// Call is a request that was recognised: who asks what of whom.
type Call struct {
	Credential
	Operation string
}

// Around wraps the serving of one call. It may answer itself (Fail writes an error in
// the caller's protocol), wait, call next and throw its answer away, or abort the
// connection with http.ErrAbortHandler; faults are made of it. It is called by many
// requests at once.
type Around func(call Call, next http.Handler) http.Handler

// Outside is a wrapping by both, a outside; a may be nil.
func (a Around) Outside(inner Around) Around {
	if a == nil {
		return inner
	}
	return func(call Call, next http.Handler) http.Handler { return a(call, inner(call, next)) }
}

// Handler is the front door: it serves every API on one address. It is safe for
// concurrent use.
type Handler struct {
	services map[string]directory
	around   Around
}

var _ http.Handler = (*Handler)(nil)

// directory is a service's operations, by name and in the order that paths are tried.
type directory struct {
	profile profile
	named   map[string]Operation
	routed  []Operation
}

// NewHandler is the front door to the services. around may be nil. It fails when it
// does not know the wire format of a service, or when two have the same scope.
func NewHandler(services []Service, around Around) (*Handler, error) {
	if around == nil {
		around = func(_ Call, next http.Handler) http.Handler { return next }
	}
	h := &Handler{services: make(map[string]directory, len(services)), around: around}
	for _, service := range services {
		profile, known := profiles[service.Scope]
		if !known {
			return nil, fmt.Errorf("no wire format is known for service %q", service.Scope)
		}
		if _, twice := h.services[service.Scope]; twice {
			return nil, fmt.Errorf("service %q is given twice", service.Scope)
		}
		entry := directory{profile: profile, named: make(map[string]Operation, len(service.Operations))}
		for _, operation := range service.Operations {
			entry.named[operation.Name] = operation
			if operation.Path != "" {
				entry.routed = append(entry.routed, operation)
			}
		}
		h.services[service.Scope] = entry
	}
	return h, nil
}

// exchange is a request on its way through the front door.
type exchange struct {
	id        string
	protocol  protocol
	request   request
	operation Operation
}

type exchangeKey struct{}

// ServeHTTP answers one request of any of the services.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{id: uuid.NewString(), protocol: jsonProtocol{version: "1.1"}}
	w.Header().Set("X-Amzn-Requestid", x.id)
	r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
	call, err := h.recognise(x, r)
	if err != nil {
		x.fail(w, err)
		return
	}
	h.around(call, http.HandlerFunc(x.serve)).ServeHTTP(w, r)
}

// Fail answers a request that Around was called for with an error, in the request's
// protocol.
func Fail(w http.ResponseWriter, r *http.Request, err error) {
	x, ours := r.Context().Value(exchangeKey{}).(*exchange)
	if !ours {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	x.fail(w, err)
}

func (h *Handler) recognise(x *exchange, r *http.Request) (Call, error) {
	credential, signed := credentialOf(r)
	entry, known := h.services[credential.Service]
	x.protocol = guess(r, entry.profile, known)
	x.request = request{Request: r, profile: entry.profile}
	if !signed {
		return Call{}, &rejection{
			http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token",
		}
	}
	if !known {
		scopes := strings.Join(slices.Sorted(maps.Keys(h.services)), ", ")
		return Call{}, &rejection{
			http.StatusBadRequest, "InvalidSignatureException",
			"Credential should be scoped to a service of the sandbox (" + scopes + "), not to '" +
				credential.Service + "'.",
		}
	}
	body, err := readBody(r)
	if err != nil {
		return Call{}, err
	}
	x.request.body = body
	x.operation, err = x.protocol.find(x.request, entry)
	if err != nil {
		return Call{}, rejected(err)
	}
	return Call{Credential: credential, Operation: x.operation.Name}, nil
}

// guess is the protocol of a request, even of one whose service is not known.
func guess(r *http.Request, p profile, known bool) protocol {
	if known {
		return protocolOf(r, p)
	}
	if r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor" {
		return cborProtocol{}
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return queryProtocol{}
	}
	return jsonProtocol{version: "1.1"}
}

func readBody(r *http.Request) ([]byte, error) {
	body, err := readBounded(r.Body)
	if err != nil || r.Header.Get("Content-Encoding") != "gzip" {
		return body, err
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, rejected(err)
	}
	return readBounded(unpacked)
}

func readBounded(from io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(from, maxBody+1))
	if err != nil {
		return nil, rejected(err)
	}
	if len(body) > maxBody {
		return nil, &rejection{
			http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
			fmt.Sprintf("The request's body is larger than %d bytes.", maxBody),
		}
	}
	return body, nil
}

// rejected is the error of a request that could not be read: the front door's own, or
// a serialization exception.
func rejected(err error) error {
	if _, own := errors.AsType[*rejection](err); own {
		return err
	}
	return &rejection{http.StatusBadRequest, "SerializationException", err.Error()}
}

// serve performs the operation and answers with its output or its error.
func (x *exchange) serve(w http.ResponseWriter, r *http.Request) {
	input := reflect.New(x.operation.input)
	if err := x.protocol.decode(x.request, x.operation, input); err != nil {
		x.fail(w, rejected(err))
		return
	}
	output, err := x.perform(r.Context(), input.Interface())
	if err != nil {
		x.fail(w, err)
		return
	}
	encoded, err := x.protocol.encode(x.operation, reflect.ValueOf(output), x.id)
	if err != nil {
		x.fail(w, err)
		return
	}
	write(w, encoded)
}

// perform calls the handler; a panic of its is an internal failure of this one request.
func (x *exchange) perform(ctx context.Context, input any) (output any, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("%s panicked: %v", x.operation.Name, reason)
		}
	}()
	output, err = x.operation.call(ctx, input)
	if err == nil && reflect.ValueOf(output).IsNil() {
		output = reflect.New(x.operation.output).Interface()
	}
	return output, err
}

func (x *exchange) fail(w http.ResponseWriter, err error) {
	found := describe(x.request.profile, x.protocol.dialect(), err)
	write(w, x.protocol.refuse(found, x.id))
}

func write(w http.ResponseWriter, a answer) {
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.status)
	// A caller that has gone cannot be told.
	_, _ = w.Write(a.body)
}
