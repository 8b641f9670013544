package wire

import (
	"net/http"
	"reflect"
	"strings"
)

// request is a request whose service is known and whose body was read.
type request struct {
	*http.Request
	profile profile
	body    []byte
}

// protocol is one of the ways in which an API is spoken. Its methods are told the
// request or the answer whole; none of them reads from or writes to the network.
type protocol interface {
	dialect() dialect
	// find is the operation that a request is for.
	find(r request, operations directory) (Operation, error)
	// decode reads a request into the operation's input, a pointer to its struct.
	decode(r request, operation Operation, input reflect.Value) error
	// encode is the answer of an operation's output, a pointer to its struct.
	encode(operation Operation, output reflect.Value, requestID string) (answer, error)
	// refuse is the answer of an error.
	refuse(found problem, requestID string) answer
}

// answer is a response before it is written.
type answer struct {
	status int
	header map[string]string
	body   []byte
}

// protocolOf tells which protocol a request is in; one that a service does not speak
// is taken for the first that it does, so that the caller can read the error.
func protocolOf(r *http.Request, p profile) protocol {
	contentType := r.Header.Get("Content-Type")
	switch {
	case p.queryCodes != nil && r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor":
		return cborProtocol{p}
	case p.target != "" && (p.namespace == "" || r.Header.Get("X-Amz-Target") != ""):
		version := "1.1"
		if strings.HasPrefix(contentType, "application/x-amz-json-1.0") {
			version = "1.0"
		}
		return jsonProtocol{profile: p, version: version}
	case p.namespace != "":
		return queryProtocol{p}
	default:
		return restProtocol{p}
	}
}

// unknownOperation is AWS's answer to an operation that a service does not have.
func unknownOperation(status int, message string) error {
	return &rejection{status, "UnknownOperationException", message}
}

// byName finds an operation by the name that a protocol sent.
func byName(operations directory, name string) (Operation, error) {
	if operation, found := operations.named[name]; found {
		return operation, nil
	}
	return Operation{}, unknownOperation(http.StatusBadRequest,
		"The sandbox does not have the operation "+name+".")
}
