package sandbox

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"serin/internal/sandbox/server"
	"serin/internal/sandbox/visitors"
)

// frontEnd is where the page's load balancer sends requests: the virtual service that
// has the page.
const frontEnd = "yelb-ui.yelb.local:80"

// idleConnections bounds what the load balancer keeps open between requests.
const idleConnections = 64

// servePage starts what stands for the environment's load balancer, and the visitors
// who come through it.
func (s *Sandbox) servePage(listener net.Listener) {
	transport := &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return s.mesh.Dial(ctx, frontEnd) },
		MaxIdleConnsPerHost: idleConnections,
		IdleConnTimeout:     time.Minute,
	}
	balancer := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: frontEnd})
			r.SetXForwarded()
		},
		Transport: transport,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "Yelb cannot be reached: "+err.Error(), http.StatusServiceUnavailable)
		},
	}
	s.page = server.HTTP(listener, balancer)
	s.visitors = visitors.New(s.Page(), s.options.Rate, visitors.WithDial(s.options.Network.Dial))
	s.visitors.Start()
	s.closers = append(s.closers, transport.CloseIdleConnections, s.page.Close, s.visitors.Stop)
}
