package trials

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/aws"
	"serin/internal/engine"
	"serin/internal/sandbox"
	"serin/internal/sandbox/pipenet"
	"serin/internal/sandbox/wire"
	"serin/specfiles"
)

const (
	environment = "ecs-blogpost"
	canarySha   = "9bd0417e"
	rolloutID   = "r1"
)

// TestMain keeps the machine's own AWS configuration away.
func TestMain(m *testing.M) {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "AWS_") {
			_ = os.Unsetenv(name)
		}
	}
	nowhere := filepath.Join(os.TempDir(), "serin-trials-none")
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		_ = os.Setenv(name, nowhere)
	}
	_ = os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	os.Exit(m.Run())
}

// region is a sandbox on a network of pipes, with the adapters that reach it.
type region struct {
	*sandbox.Sandbox
	clients *aws.Clients
	ports   engine.Ports
	network *pipenet.Network
	// idle are the transports whose connections must end with the region.
	idle []*http.Transport
}

// inRegion runs a test with a region, in virtual time.
func inRegion(t *testing.T, options sandbox.Options, test func(t *testing.T, r *region)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := openRegion(t, options)
		defer r.close()
		test(t, r)
	})
}

func openRegion(t *testing.T, options sandbox.Options) *region {
	t.Helper()
	r := &region{network: pipenet.New()}
	options.Network = r.network
	started, err := sandbox.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	r.Sandbox = started
	r.clients = r.connect(t)
	r.ports = r.clients.Ports("")
	return r
}

// connect makes clients of the region, as a process has them.
func (r *region) connect(t *testing.T) *aws.Clients {
	t.Helper()
	transport := &http.Transport{
		MaxIdleConnsPerHost: 8,
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return r.network.Dial(ctx, address)
		},
	}
	r.idle = append(r.idle, transport)
	clients, err := aws.Connect(t.Context(), aws.Options{
		Region: r.Region(), Sandbox: r.Endpoint(), Transport: transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	return clients
}

func (r *region) close() {
	for _, transport := range r.idle {
		transport.CloseIdleConnections()
	}
	r.Close()
}

// lively are the options of a region whose canaries can be judged within seconds.
func lively(around wire.Around) sandbox.Options {
	return sandbox.Options{Rate: 1, MetricDelay: 5 * time.Second, ScrapeInterval: 5 * time.Second, Pace: 0.1, Around: around}
}

// specOf is the spec of a new version of a service, changed by settings.
func (r *region) specOf(t *testing.T, service, tag string, set ...string) engine.Spec {
	t.Helper()
	text, err := specfiles.Read(service, specfiles.DeployFile)
	if err != nil {
		t.Fatal(err)
	}
	template, err := specfiles.Read(service, specfiles.TemplateFile)
	if err != nil {
		t.Fatal(err)
	}
	all := append([]string{
		"Sha=" + canarySha, "ContainerImage=" + r.ImageURI(service, tag),
		"CanaryTemplate=" + base64.StdEncoding.EncodeToString(template),
		"PercentageStep=50", "WaitTime=30", "MetricPeriod=10", "MetricDelay=20", "FailureThresholdTime=60",
	}, set...)
	var settings []engine.Setting
	for _, one := range all {
		setting, err := engine.ParseSetting(one)
		if err != nil {
			t.Fatal(err)
		}
		settings = append(settings, setting)
	}
	spec, err := engine.ParseSpec("deploy.json", text, settings)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// story is a journal in lines.
func story(events []engine.Event) string {
	var text strings.Builder
	for _, event := range events {
		body := fmt.Sprintf("%+v", event.Body)
		if len(body) > 300 {
			body = body[:300] + "…"
		}
		fmt.Fprintf(&text, "\n  %d %s %s %s", event.Seq, event.At.Format("15:04:05.000"), event.Body.Kind(), body)
	}
	return text.String()
}
