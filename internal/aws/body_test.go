package aws

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"serin/internal/engine"
)

// sender looks at every request before it is sent.
type sender func(*http.Request) (*http.Response, error)

func (s sender) RoundTrip(r *http.Request) (*http.Response, error) { return s(r) }

// net/http must only read the bodies of requests: see readOnlyBody.
func TestBodiesOfRequestsAreOnlyRead(t *testing.T) {
	alone(t)
	bodies := 0
	clients := connect(t, Options{Region: "us-west-2", Sandbox: "http://sandbox.test", Transport: sender(func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			bodies++
			text, err := io.ReadAll(r.Body)
			if int64(len(text)) != r.ContentLength || err != nil {
				t.Errorf("%d of %d bytes: %v", len(text), r.ContentLength, err)
			}
			if _, writes := r.Body.(io.WriterTo); writes {
				t.Errorf("the body of a request to %s writes itself", r.Host)
			}
		}
		return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{}, Body: http.NoBody}, nil
	})})
	_, _ = NewVersions(clients.SSM, clients.Where).Deployed(t.Context(), appserver())
	_, _ = NewStacks(clients.CloudFormation, clients.Where).Stack(t.Context(), "a", "")
	_, _ = NewTasks(clients.ECS, clients.CloudMap, clients.Where).Health(t.Context(), appserver(), []string{"a"})
	_ = NewRouter(clients.AppMesh, clients.Where, "").SetWeights(t.Context(), appserver(), engine.Split{Token: "t"})
	if bodies != 3 {
		t.Errorf("%d requests had a body", bodies)
	}
}

// An answer that breaks off says nothing about the request: it is asked again.
func TestAnAnswerThatBreaksOff(t *testing.T) {
	alone(t)
	url, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "5000")
		_, _ = fmt.Fprint(w, `{"Parameter": {"Name": "/p", "Value": "yelb`)
	})
	clients := connect(t, Options{Region: "us-west-2", Sandbox: url})
	_, err := NewVersions(clients.SSM, clients.Where).Deployed(t.Context(), appserver())
	wantFault(t, err, engine.Transient, "the answer could not be read")
	_, err = NewStacks(clients.CloudFormation, clients.Where).Stack(t.Context(), "a", "")
	wantFault(t, err, engine.Transient, "the answer could not be read")
}
