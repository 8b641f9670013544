package pipenet_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"serin/internal/sandbox/pipenet"
)

func TestDirectAnswersAsAServerDoes(t *testing.T) {
	client := &http.Client{Transport: pipenet.Direct(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Asked", r.Method+" "+r.Host+" "+r.RequestURI)
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, strings.ToUpper(string(body)))
	}))}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://region.test/a%20b?c=d", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusTeapot || string(body) != "HELLO" || err != nil || response.ContentLength != 5 {
		t.Errorf("%s %q %v", response.Status, body, err)
	}
	if asked := response.Header.Get("X-Asked"); asked != "POST region.test /a%20b?c=d" {
		t.Errorf("asked %s", asked)
	}
}

func TestDirectFailsAsAConnectionDoes(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cases := map[string]struct {
		handler http.HandlerFunc
		want    error
	}{
		"reset": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, syscall.ECONNRESET},
		"given up": {func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}, context.Canceled},
		"too late": {func(http.ResponseWriter, *http.Request) { t.Error("asked though given up") }, context.Canceled},
	}
	for _, name := range []string{"reset", "given up", "too late"} {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://region.test/", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := pipenet.Direct(cases[name].handler).RoundTrip(request)
		if err == nil {
			_ = response.Body.Close()
		}
		if !errors.Is(err, cases[name].want) {
			t.Errorf("%s: %v, want %v", name, err, cases[name].want)
		}
	}
}
