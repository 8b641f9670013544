package mesh_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/appmesh"
	"serin/internal/sandbox/pipenet"
	"serin/internal/sandbox/region"
	"serin/internal/sandbox/server"
)

// provide makes a virtual node the provider of a virtual service.
func (w *world) provide(service, node string) {
	w.change(func(v *appmesh.View) {
		v.VirtualServices[meshName+"/"+service] = &types.VirtualServiceData{
			MeshName:           aws.String(meshName),
			VirtualServiceName: aws.String(service),
			Spec: &types.VirtualServiceSpec{Provider: &types.VirtualServiceProviderMemberVirtualNode{
				Value: types.VirtualNodeServiceProvider{VirtualNodeName: &node},
			}},
		}
	})
}

// tcpVersion adds a tcp node with one task that greets every connection with the
// node's name and then echoes.
func (w *world) tcpVersion(name string) (ip string) {
	w.tb.Helper()
	w.node(name, types.PortProtocolTcp, 5432)
	_, ip = w.task(name)
	w.serve(ip, 5432, func(l net.Listener) *server.Server {
		return server.TCP(l, func(_ context.Context, conn net.Conn) {
			_, _ = fmt.Fprintln(conn, name)
			_, _ = io.Copy(conn, conn)
		})
	})
	return ip
}

// greeting connects and reads the greeting, "" when the connection brings none.
func (w *world) greeting(tb testing.TB) string {
	tb.Helper()
	conn := w.dial(tb, dbservice+":5432")
	defer func() { _ = conn.Close() }()
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line)
}

func (w *world) dial(tb testing.TB, hostport string) net.Conn {
	tb.Helper()
	conn, err := w.mesh.Dial(tb.Context(), hostport)
	if err != nil {
		tb.Fatal(err)
	}
	return conn
}

func TestConnectionsAreSplitEachOnItsOwn(t *testing.T) {
	w := newWorld(t, region.Loopback{})
	w.service(dbservice, types.PortProtocolTcp, 5432)
	w.tcpVersion("yelb-db-a")
	w.tcpVersion("yelb-db-b")
	w.routes(dbservice, tcpRoute(target("yelb-db-a", 75), target("yelb-db-b", 25)))
	got := map[string]int{}
	for range 1000 {
		got[w.greeting(t)]++
	}
	// A quarter of a thousand, give or take six standard deviations.
	if b := got["yelb-db-b"]; b < 168 || b > 332 || got["yelb-db-a"] != 1000-b {
		t.Errorf("connections: %v", got)
	}
	w.routes(dbservice, tcpRoute(target("yelb-db-a", 100), target("yelb-db-b", 0)))
	for range 50 {
		if name := w.greeting(t); name != "yelb-db-a" {
			t.Fatalf("weight 0 got a connection: %q", name)
		}
	}
}

func TestAnOpenConnectionStaysWhenTheWeightsChange(t *testing.T) {
	w := newWorld(t, region.Loopback{})
	w.service(dbservice, types.PortProtocolTcp, 5432)
	w.tcpVersion("yelb-db-a")
	w.tcpVersion("yelb-db-b")
	w.routes(dbservice, tcpRoute(target("yelb-db-a", 100)))
	conn := w.dial(t, dbservice+":5432")
	defer func() { _ = conn.Close() }()
	lines := bufio.NewReader(conn)
	if line, err := lines.ReadString('\n'); line != "yelb-db-a\n" {
		t.Fatalf("%q, %v", line, err)
	}
	w.routes(dbservice, tcpRoute(target("yelb-db-b", 100)))
	_, _ = io.WriteString(conn, "still there\n")
	if line, err := lines.ReadString('\n'); line != "still there\n" {
		t.Errorf("%q, %v", line, err)
	}
	if name := w.greeting(t); name != "yelb-db-b" {
		t.Errorf("the next connection went to %q", name)
	}
}

func TestHalfClosedConnectionsDrain(t *testing.T) {
	w := newWorld(t, region.Loopback{})
	w.service(dbservice, types.PortProtocolTcp, 5432)
	w.tcpVersion("yelb-db-a")
	w.routes(dbservice, tcpRoute(target("yelb-db-a", 1)))
	conn := w.dial(t, dbservice+":5432")
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "last words")
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(conn)
	if string(text) != "yelb-db-a\nlast words" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}

func TestConnectionsAreCountedWhereTheyArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pipenet.New())
		w.service(dbservice, types.PortProtocolTcp, 5432)
		w.tcpVersion("yelb-db-a")
		w.node("yelb-db-deaf", types.PortProtocolTcp, 5432)
		w.task("yelb-db-deaf")
		w.node("yelb-db-empty", types.PortProtocolTcp, 5432)
		scrapes(1)
		for node, want := range map[string]string{"yelb-db-a": "yelb-db-a", "yelb-db-deaf": "", "yelb-db-empty": "", "yelb-db-unknown": ""} {
			w.routes(dbservice, tcpRoute(target(node, 100)))
			for range 3 {
				if got := w.greeting(t); got != want {
					t.Errorf("%s greeted %q, want %q", node, got, want)
				}
			}
		}
		scrapes(1)
		of := func(node string) map[string]string {
			return map[string]string{
				"ClusterName": meshName, "TaskDefinitionFamily": "yelb-db",
				"appmesh_virtual_node": node, "envoy_tcp_prefix": "ingress",
			}
		}
		const connections = "envoy_tcp_downstream_cx_total"
		for node, want := range map[string]float64{"yelb-db-a": 3, "yelb-db-deaf": 3} {
			if got, points := w.recorded.of(connections, of(node)); got != want || points != 1 {
				t.Errorf("%s: %v in %d datapoints, want %v in 1", node, got, points, want)
			}
		}
		family := map[string]string{"ClusterName": meshName, "TaskDefinitionFamily": "yelb-db"}
		if got, _ := w.recorded.of(connections, family); got != 6 {
			t.Errorf("the family: %v, want 6", got)
		}
	})
}

func TestTheIdleTimeoutClosesASilentConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, pipenet.New())
		w.service(dbservice, types.PortProtocolTcp, 5432)
		w.tcpVersion("yelb-db-a")
		spec := tcpRoute(target("yelb-db-a", 100))
		spec.TcpRoute.Timeout = &types.TcpTimeout{Idle: &types.Duration{Unit: types.DurationUnitMs, Value: aws.Int64(2000)}}
		w.routes(dbservice, spec)
		conn := w.dial(t, dbservice+":5432")
		defer func() { _ = conn.Close() }()
		lines := bufio.NewReader(conn)
		_, _ = lines.ReadString('\n')
		for range 5 {
			time.Sleep(1900 * time.Millisecond)
			_, _ = io.WriteString(conn, "busy\n")
			if line, err := lines.ReadString('\n'); line != "busy\n" {
				t.Fatalf("%q, %v", line, err)
			}
		}
		start := time.Now()
		if _, err := lines.ReadString('\n'); err == nil {
			t.Error("a silent connection stayed open")
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("closed after %v of silence, want 2s", took)
		}
	})
}

func TestDialFailsAsItDoesInATask(t *testing.T) {
	w := newWorld(t, region.Loopback{})
	w.service(appservice, types.PortProtocolHttp, 4567)
	var unknown *net.DNSError
	if _, err := w.mesh.Dial(t.Context(), "nobody.yelb.local:80"); !errors.As(err, &unknown) || !unknown.IsNotFound {
		t.Errorf("unknown name: %v, want a DNS error", err)
	}
	if _, err := w.mesh.Dial(t.Context(), appservice+":80"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("wrong port: %v, want connection refused", err)
	}
	for _, malformed := range []string{appservice, appservice + ":http", appservice + ":70000"} {
		if _, err := w.mesh.Dial(t.Context(), malformed); err == nil {
			t.Errorf("%s: no error", malformed)
		}
	}
}

func TestDialOfACloudMapNameReachesAnInstance(t *testing.T) {
	w := newWorld(t, region.Loopback{})
	w.tcpVersion("yelb-db-a")
	conn := w.dial(t, "yelb-db-a.yelb.local:5432")
	defer func() { _ = conn.Close() }()
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "yelb-db-a\n" {
		t.Errorf("%q, %v", line, err)
	}
	if _, err := w.mesh.Dial(t.Context(), "yelb-db-a.yelb.local:1"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("port that nothing listens on: %v, want connection refused", err)
	}
}
