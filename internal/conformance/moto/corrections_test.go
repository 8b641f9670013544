package moto

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// correction puts what moto says into the words that AWS has for it.
type correction struct {
	name string
	// moto is how moto says it; aws what becomes of it.
	moto *regexp.Regexp
	aws  func(said string) string
	// status is the HTTP status that goes with it; 0 leaves moto's.
	status int
}

// corrections are of App Mesh's wire only. They change no state, and no decision.
func corrections() []correction {
	return []correction{
		{
			name: "App Mesh's timestamps are seconds since 1970, moto's are text",
			moto: regexp.MustCompile(`"\d\d/\d\d/\d{4}, \d\d:\d\d:\d\d"`), aws: seconds,
		},
		{
			name: "App Mesh has one code for what is not there, moto one a kind",
			moto: regexp.MustCompile(`(Mesh|VirtualRouter|Route|VirtualNode)NotFound\b`),
			aws:  func(string) string { return "NotFoundException" }, status: http.StatusNotFound,
		},
		{
			name: "App Mesh has one code for a name that is taken, moto one a kind",
			moto: regexp.MustCompile(`(Mesh|VirtualRouter|Route|VirtualNode)NameAlreadyTaken\b`),
			aws:  func(string) string { return "ConflictException" }, status: http.StatusConflict,
		},
	}
}

// seconds is a time in moto's form as a JSON number.
func seconds(said string) string {
	at, err := time.Parse(`"02/01/2006, 15:04:05"`, said)
	if err != nil {
		return said
	}
	return strconv.FormatInt(at.Unix(), 10)
}

// bridge hands requests on to moto, and corrects its answers.
type bridge struct {
	*httputil.ReverseProxy
	corrections []correction

	mu   sync.Mutex
	used map[string]bool
}

func newBridge(t *testing.T, endpoint string) *bridge {
	t.Helper()
	to, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	b := &bridge{corrections: corrections(), used: make(map[string]bool)}
	b.ReverseProxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host // which is signed
		},
		ModifyResponse: b.correct,
	}
	return b
}

func (b *bridge) correct(response *http.Response) error {
	if !strings.HasPrefix(response.Request.URL.Path, "/v20190125/") {
		return nil
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("read moto's answer: %w", err)
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.corrections {
		said := string(body)
		for name := range response.Header {
			said += response.Header.Get(name)
		}
		if !c.moto.MatchString(said) {
			continue
		}
		b.used[c.name] = true
		body = c.moto.ReplaceAllFunc(body, func(part []byte) []byte { return []byte(c.aws(string(part))) })
		for name := range response.Header {
			response.Header.Set(name, c.moto.ReplaceAllStringFunc(response.Header.Get(name), c.aws))
		}
		if c.status != 0 {
			response.StatusCode, response.Status = c.status, http.StatusText(c.status)
		}
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	response.ContentLength = int64(len(body))
	response.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}

// report fails for a correction that had nothing to correct.
func (b *bridge) report(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.corrections {
		if !b.used[c.name] {
			t.Errorf("moto speaks as AWS does now, take this off the list: %s", c.name)
		}
	}
}
