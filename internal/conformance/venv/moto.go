package venv

import (
	"bufio"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"sync"
	"testing"
	"time"
)

// address is what moto's server says when it listens.
var address = regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)

// StartMoto starts moto's server, which answers in place of AWS, on a free port of loopback
// until the test ends, and returns its URL. Where it is not installed the test is skipped,
// as Find says.
func StartMoto(t *testing.T) string {
	t.Helper()
	program := Find(t, "moto").Program("-m", "moto.server", "-H", "127.0.0.1", "-p", "0")
	log, err := program.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	found, drained := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(drained)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			if said := address.FindStringSubmatch(lines.Text()); said != nil {
				found <- said[1]
			}
		}
	}()
	t.Cleanup(func() {
		_ = program.Process.Kill()
		<-drained
		_ = program.Wait()
	})
	select {
	case url := <-found:
		return url
	case <-drained:
		t.Fatal("moto's server ended without listening")
	case <-time.After(time.Minute):
		t.Fatal("moto's server does not listen after a minute")
	}
	return ""
}

// InTurn carries one request at a time to a server, moto's, which does not keep two writes
// of a table apart as DynamoDB does. The connections end with the test.
func InTurn(t *testing.T, endpoint string) http.Handler {
	t.Helper()
	to, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.Transport = transport
	var turn sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		turn.Lock()
		defer turn.Unlock()
		proxy.ServeHTTP(w, r)
	})
}
