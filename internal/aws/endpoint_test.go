package aws

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"serin/internal/engine"
)

// planted are what stands out in an endpoint that is shown.
var planted = []string{"bob", "s3cret", "t0ken"}

// discreet wants an error that no layer of shows what was planted.
func discreet(t *testing.T, what string, err error) {
	t.Helper()
	for layer := err; layer != nil; layer = errors.Unwrap(layer) {
		for _, secret := range planted {
			if said := fmt.Sprintf("%v %+v %s", layer, layer, engine.HintOf(layer)); strings.Contains(said, secret) {
				t.Errorf("%s shows %s: %s", what, secret, said)
			}
		}
	}
}

func TestOfAnEndpointIsShownWhereItIs(t *testing.T) {
	for endpoint, want := range map[string]string{
		"":                                "",
		"http://127.0.0.1:4566":           "http://127.0.0.1:4566",
		"http://127.0.0.1:4566/":          "http://127.0.0.1:4566",
		"https://bob:s3cret@aws.test":     "https://aws.test",
		"https://bob@aws.test:1":          "https://aws.test:1",
		"https://aws.test/t0ken/x":        "https://aws.test",
		"https://aws.test?key=t0ken":      "https://aws.test",
		"https://aws.test#t0ken":          "https://aws.test",
		"http://bob:s3cret/x@aws.test":    unshown,
		"http://bob:1234/s3cret@aws.test": unshown,
		"http://bob?s3cret@aws.test":      unshown,
		"http://bob#s3cret@aws.test":      unshown,
		"http://bob:s3%zzcret@aws.test":   unshown,
		"http://bob:s3 cret@aws.test":     unshown,
		"http://bob:s3cret@":              unshown,
		"bob:s3cret@aws.test:1":           unshown,
		"//bob:s3cret@aws.test":           unshown,
		"ftp://bob:s3cret@aws.test":       unshown,
		"http://bob:s3cret@aws.test:port": unshown,
		"http://bob:s3cret@aws.test\n":    unshown,
	} {
		if got := ShownEndpoint(endpoint); got != want {
			t.Errorf("%q is shown as %q, want %q", endpoint, got, want)
		}
	}
}

// Whatever is wrong with an endpoint, of all services or of one, its secrets are not told:
// neither when it is taken nor when it is asked.
func TestAnEndpointsSecretsAreNotTold(t *testing.T) {
	for _, variable := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_APP_MESH", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SERVICEDISCOVERY"} {
		for _, endpoint := range []string{
			"http://bob:s3 cret t0ken@127.0.0.1:1", "http://bob:s3%zzcret@127.0.0.1:1", "bob:s3cret@127.0.0.1:1", "http://bob:s3cret/x@127.0.0.1:1", "http://bob:s3cret@127.0.0.1:t0ken",
		} {
			t.Run(variable+" "+endpoint, func(t *testing.T) {
				alone(t)
				t.Setenv("AWS_REGION", "us-west-2")
				t.Setenv(variable, endpoint)
				_, err := Connect(t.Context(), Options{})
				wantFault(t, err, engine.Invalid, variable+" is not an address", "http://host:port in "+variable+",")
				discreet(t, endpoint, err)
			})
		}
	}
	wanted := map[string]string{"all": "points at http://127.0.0.1:1: is", "both": "points at 127.0.0.2:1: check"}
	for name, variables := range map[string][]string{
		"all": {"AWS_ENDPOINT_URL"}, "one": {"AWS_ENDPOINT_URL_STS"}, "both": {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t)
			for i, variable := range variables {
				t.Setenv(variable, fmt.Sprintf("http://bob:s3cret@127.0.0.%d:1/t0ken?t0ken", i+1))
			}
			t.Setenv("AWS_REGION", "us-west-2")
			t.Setenv("AWS_ACCESS_KEY_ID", "a")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
			synctest.Test(t, func(t *testing.T) {
				clients := connect(t, Options{Transport: closed{}})
				_, err := Identify(t.Context(), clients.STS, clients.Where)
				wantFault(t, err, engine.Transient, "connection refused")
				discreet(t, name, err)
				discreet(t, name, errors.New(clients.Where.Endpoint))
				if hint := engine.HintOf(err); !strings.Contains(hint, wanted[name]) {
					t.Errorf("the hint is %q", hint)
				}
			})
		})
	}
}

// closed is where nobody listens.
type closed struct{}

func (closed) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

// Errors of Go and of the SDK tell the URL that they met, whole or but for the password.
func TestTheErrorsOfOthersTellNoURL(t *testing.T) {
	const slashed = "http://bob:s3cret/t0ken@127.0.0.1:1"
	unparsed := &url.Error{Op: "parse", URL: slashed, Err: errors.New(`invalid port ":s3cret" after host`)}
	where := here()
	where.Endpoint = "http://127.0.0.1:1"
	sent := func(err error) error {
		return &url.Error{Op: "Post", URL: "http://bob:***@127.0.0.1:1/?t0ken", Err: err}
	}
	for name, err := range map[string]error{
		"unparsed":       unparsed,
		"parsed in vain": fmt.Errorf("invalid URL, %w", unparsed),
		"refused":        sent(&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}),
		"reset":          sent(&net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}),
		"strange":        sent(errors.New("strange")),
		"a proxy":        sent(fmt.Errorf("invalid proxy address %q: %w", "http://bob:s3cret@ proxy t0ken", unparsed)),
		"a proxy, said":  sent(fmt.Errorf("invalid proxy address %q: %v", "http://bob:s3cret/x@proxy", unparsed)), //nolint:errorlint // as net/http has it
		"the SDK":        errors.New("endpoint rule error, Failed to parse uri: http://bob:s3cret t0ken@127.0.0.1:1"),
		"a timeout":      sent(&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}),
	} {
		told := where.fault(t.Context(), "read", "x", operationError("STS", "GetCallerIdentity", err))
		if engine.KindOf(told) != engine.Transient {
			t.Errorf("%s: %v", name, told)
		}
		discreet(t, name, told)
	}
	plain := where.fault(t.Context(), "read", "x", errors.New(`Get "https://aws.test:1/path": strange`))
	if plain.Error() != "read x: Get https://aws.test:1: strange" {
		t.Errorf("%v", plain)
	}
}
