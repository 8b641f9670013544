package wire

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"strings"

	"github.com/aws/smithy-go"
)

// rejection is an error of the front door itself, before any service is asked.
type rejection struct {
	status  int
	code    string
	message string
}

var _ smithy.APIError = (*rejection)(nil)

func (r *rejection) Error() string                 { return r.code + ": " + r.message }
func (r *rejection) ErrorCode() string             { return r.code }
func (r *rejection) ErrorMessage() string          { return r.message }
func (r *rejection) ErrorFault() smithy.ErrorFault { return smithy.FaultClient }

// problem is an error as it goes on the wire, whatever the protocol.
type problem struct {
	// shape is the name of the modelled error; code is the one that the Query
	// protocol, and whoever is compatible with it, gives it.
	shape, code string
	message     string
	server      bool
	status      int
	// members are the further members of a modelled error.
	members structure
}

// describe turns what a handler returned into a problem. An error that is no API
// error is the sandbox's own: an internal failure, or, when the request or the sandbox
// ended first, an unavailable service.
func describe(p profile, d dialect, err error) problem {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return unmodelled(err)
	}
	found := problem{
		shape: shapeOf(api), code: api.ErrorCode(), message: api.ErrorMessage(),
		server: api.ErrorFault() == smithy.FaultServer,
	}
	if code, renamed := p.queryCodes[found.shape]; renamed {
		found.code = code
	}
	found.status = statusOf(p, api, found)
	found.members = furtherMembers(d, api)
	return found
}

func unmodelled(err error) problem {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return problem{
			shape: "ServiceUnavailable", code: "ServiceUnavailable", message: err.Error(),
			server: true, status: http.StatusServiceUnavailable,
		}
	}
	return problem{
		shape: "InternalFailure", code: "InternalFailure", message: err.Error(),
		server: true, status: http.StatusInternalServerError,
	}
}

// shapeOf is the name of a modelled error's shape, which its Go type carries, or the
// code of one that is not modelled.
func shapeOf(api smithy.APIError) string {
	shape := reflect.TypeOf(api)
	if shape.Kind() == reflect.Pointer && strings.HasSuffix(shape.Elem().PkgPath(), "/types") {
		return shape.Elem().Name()
	}
	return api.ErrorCode()
}

func statusOf(p profile, api smithy.APIError, found problem) int {
	if own, ok := errors.AsType[*rejection](api); ok {
		return own.status
	}
	// An error of no service, such as a fault's, brings its own.
	if own, ok := api.(interface{ HTTPStatusCode() int }); ok {
		return own.HTTPStatusCode()
	}
	if status, listed := p.statuses[found.shape]; listed {
		return status
	}
	if found.server {
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// furtherMembers are a modelled error's members other than its message. A member that
// cannot be encoded is left out: the error itself matters more.
func furtherMembers(d dialect, api smithy.APIError) structure {
	value := reflect.ValueOf(api)
	if value.Kind() != reflect.Pointer || !strings.HasSuffix(value.Type().Elem().PkgPath(), "/types") {
		return nil
	}
	tree, err := encoder{d}.encode(value)
	members, ok := tree.(structure)
	if err != nil || !ok {
		return nil
	}
	delete(members, "Message")
	delete(members, "message")
	return members
}

// fields are a problem's members in the JSON and CBOR protocols. AWS's services write
// the message's name either way; every SDK reads the small one.
func (p problem) fields() structure {
	fields := structure{"__type": p.shape, "message": p.message}
	maps.Copy(fields, p.members)
	return fields
}

// queryError is the value of the header x-amzn-query-error.
func (p problem) queryError() string {
	return p.code + ";" + p.party()
}

// party says whose fault a problem is, in the Query protocol's words.
func (p problem) party() string {
	if p.server {
		return "Receiver"
	}
	return "Sender"
}
