package mesh

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
)

// Pass carries a request that has no bytes: it is routed, retried and counted as one
// that a task sends to host:port, and answer says with which status the app at an address
// answers it; for tcp it stands for a connection. It returns the status, 0 where nothing
// could be reached. Nothing is waited for between two tries.
func (m *Mesh) Pass(hostport, path string, answer func(address string) int) int {
	host, portText, err := net.SplitHostPort(hostport)
	if err != nil {
		return 0
	}
	port, err := strconv.ParseInt(portText, 10, 32)
	if err != nil {
		return 0
	}
	plan := m.current()
	for _, key := range plan.names[host] {
		if key.port != int32(port) {
			continue
		}
		if key.wire == wireTCP {
			return m.passConnection(plan.fronts[key], answer)
		}
		return m.passRequest(plan.fronts[key], path, answer)
	}
	return 0
}

func (m *Mesh) passConnection(front *front, answer func(address string) int) int {
	if len(front.routes) == 0 {
		return 0
	}
	destination := front.routes[0].choose(m.random)
	if destination == nil {
		return 0
	}
	end, ok := m.endpoint(destination)
	if !ok {
		return 0
	}
	end.task.connections.Add(1)
	if end.address == "" {
		return 0
	}
	return answer(end.address)
}

func (m *Mesh) passRequest(front *front, path string, answer func(address string) int) int {
	route := front.route(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}, Header: http.Header{}})
	if route == nil {
		return http.StatusNotFound
	}
	destination := route.choose(m.random)
	if destination == nil || destination.wire == wireTCP {
		return http.StatusServiceUnavailable
	}
	for retry := int64(0); ; retry++ {
		o := m.tryWithout(destination, answer)
		if retry >= route.retry.most || !route.retry.wants(o) {
			return o.status
		}
	}
}

// tryWithout is a try without bytes.
func (m *Mesh) tryWithout(d *destination, answer func(address string) int) outcome {
	end, ok := m.endpoint(d)
	if !ok {
		return outcome{status: http.StatusServiceUnavailable, text: textNoUpstream, final: true}
	}
	o := outcome{status: http.StatusServiceUnavailable, unconnected: true}
	if end.address != "" {
		o = outcome{status: answer(end.address)}
	}
	if o.status == 0 {
		o = outcome{status: http.StatusServiceUnavailable, unconnected: true}
	}
	end.task.answered(o.status)
	return o
}
