package yelb

import (
	"context"
	_ "embed"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"
)

// page is Yelb's page. It loads nothing from elsewhere.
//
//go:embed page.html
var page []byte

const (
	// pagePolicy lets the page use its own script and style, call its own API, and
	// nothing else.
	pagePolicy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; " +
		"img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'"
	// uiIdle is how many connections to yelb-appserver are kept open.
	uiIdle = 256
	// uiTimeout is how long the API may take to answer, nginx's own default.
	uiTimeout = 60 * time.Second
)

// startUI serves the page and, below /api/, yelb-appserver.
func startUI(ctx context.Context, p *process) error {
	backend := p.service("yelb-appserver", appserverPort)
	transport := &http.Transport{
		DisableCompression:    true,
		MaxIdleConnsPerHost:   uiIdle,
		IdleConnTimeout:       uiTimeout,
		ResponseHeaderTimeout: uiTimeout,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return p.runtime.dial(ctx, backend)
		},
	}
	p.atExit(transport.CloseIdleConnections)
	api := &httputil.ReverseProxy{
		Transport: transport,
		ErrorLog:  log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: backend})
			r.SetXForwarded()
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "yelb-appserver cannot be reached: "+err.Error(), http.StatusBadGateway)
		},
	}
	return p.listenHTTP(ctx, uiPort, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/api/"):
			api.ServeHTTP(w, r)
		case r.URL.Path == "/" || r.URL.Path == "/index.html":
			servePage(w, r)
		default:
			http.NotFound(w, r)
		}
	}))
}

func servePage(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", pagePolicy)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(page)
}
