package trials

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go/middleware"
	"go.uber.org/goleak"

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

// TestMain keeps the machine's own AWS configuration away, and has a panic tell its seed.
func TestMain(m *testing.M) {
	if os.Getenv(stillSandbox) != "" {
		serveStill()
		return
	}
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "AWS_") {
			_ = os.Unsetenv(name)
		}
	}
	watchWriters()
	nowhere := filepath.Join(os.TempDir(), "serin-trials-none")
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		_ = os.Setenv(name, nowhere)
	}
	_ = os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	labelTracebacks()
	goleak.VerifyTestMain(m)
}

// region is a sandbox on a network of pipes, with the adapters that reach it.
type region struct {
	*sandbox.Sandbox
	clients *aws.Clients
	ports   engine.Ports
	truth   truth
	network *pipenet.Network
	// still says that there is no network: everything is called directly.
	still bool
	// bare says that inputs and outputs are not even written.
	bare bool
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
	return (&region{still: options.Still}).open(t, options)
}

func (r *region) open(t *testing.T, options sandbox.Options) *region {
	t.Helper()
	r.network = pipenet.New()
	options.Network = r.network
	started, err := sandbox.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	r.Sandbox = started
	r.clients = r.connect(t)
	r.ports = r.clients.Ports("")
	r.truth = r.observe(t)
	return r
}

// observer is the access key of those who see what is true, whatever the faults.
const observer = "OBSERVER"

// truth is the region as it is.
type truth struct {
	ports engine.Ports
	ecs   *ecs.Client
	mesh  *appmesh.Client
	stack *cloudformation.Client
	ssm   *ssm.Client
}

// plain has net/http read bodies only, as serin's own clients do.
type plain struct{ http.RoundTripper }

func (p plain) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body != nil {
		request.Body = struct{ io.ReadCloser }{request.Body}
	}
	return p.RoundTripper.RoundTrip(request)
}

func (r *region) observe(t *testing.T) truth {
	t.Helper()
	transport := r.transport()
	c := awssdk.Config{
		Region: r.Region(), BaseEndpoint: awssdk.String(r.Endpoint()), HTTPClient: &http.Client{Transport: plain{transport}},
		Credentials: credentials.NewStaticCredentialsProvider(observer, "x", ""),
	}
	seen := truth{
		ecs:   ecs.NewFromConfig(c, func(o *ecs.Options) { o.APIOptions = r.ways(o.APIOptions, "ecs", observer) }),
		mesh:  appmesh.NewFromConfig(c, func(o *appmesh.Options) { o.APIOptions = r.ways(o.APIOptions, "appmesh", observer) }),
		stack: cloudformation.NewFromConfig(c, func(o *cloudformation.Options) { o.APIOptions = r.ways(o.APIOptions, "cloudformation", observer) }),
		ssm:   ssm.NewFromConfig(c, func(o *ssm.Options) { o.APIOptions = r.ways(o.APIOptions, "ssm", observer) }),
	}
	where := r.clients.Where
	seen.ports = engine.Ports{
		Router: aws.NewRouter(seen.mesh, where, ""), Stacks: aws.NewStacks(seen.stack, where),
		Versions: aws.NewVersions(seen.ssm, where),
	}
	return seen
}

// connect makes clients of the region, as a process has them.
func (r *region) connect(t *testing.T) *aws.Clients {
	t.Helper()
	return r.connectBy(t, r.transport())
}

func (r *region) connectBy(t *testing.T, transport http.RoundTripper) *aws.Clients {
	t.Helper()
	clients, err := aws.Connect(t.Context(), aws.Options{
		Region: r.Region(), Sandbox: r.Endpoint(), Transport: transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	clients.AppMesh = appmesh.New(clients.AppMesh.Options(), func(o *appmesh.Options) {
		o.Retryer, o.APIOptions = steady(), r.ways(o.APIOptions, "appmesh", "sandbox")
	})
	clients.CloudFormation = cloudformation.New(clients.CloudFormation.Options(), func(o *cloudformation.Options) {
		o.Retryer, o.APIOptions = steady(), r.ways(o.APIOptions, "cloudformation", "sandbox")
	})
	clients.CloudMap = servicediscovery.New(clients.CloudMap.Options(), func(o *servicediscovery.Options) {
		o.Retryer, o.APIOptions = steady(), r.ways(o.APIOptions, "servicediscovery", "sandbox")
	})
	clients.CloudWatch = cloudwatch.New(clients.CloudWatch.Options(), func(o *cloudwatch.Options) {
		o.Retryer, o.APIOptions = steady(), r.ways(o.APIOptions, "monitoring", "sandbox")
	})
	clients.ECS = ecs.New(clients.ECS.Options(), func(o *ecs.Options) {
		o.Retryer, o.APIOptions = steady(), r.ways(o.APIOptions, "ecs", "sandbox")
	})
	clients.SSM = ssm.New(clients.SSM.Options(), func(o *ssm.Options) {
		o.Retryer, o.APIOptions = steady(), r.ways(o.APIOptions, "ssm", "sandbox")
	})
	return clients
}

// ways are how a client reaches the region: directly, where it is still and bare.
func (r *region) ways(others []func(*middleware.Stack) error, scope, accessKey string) []func(*middleware.Stack) error {
	if !r.bare {
		return others
	}
	return append(slices.Clone(others), r.direct(scope, accessKey))
}

// steady is the SDK's retryer without its adaptive mode. That mode waits for its rate to
// allow another attempt, and when what it lacks would come within less than a nanosecond
// it waits no time at all, again and again: real time goes on meanwhile, virtual time
// does not (aws-sdk-go-v2 v1.47.7, AdaptiveMode.GetAttemptToken).
func steady() awssdk.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = 4, 2*time.Second })
}

func (r *region) transport() http.RoundTripper {
	if r.still {
		return r.Transport()
	}
	transport := &http.Transport{
		MaxIdleConnsPerHost: 8,
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return r.network.Dial(ctx, address)
		},
	}
	r.idle = append(r.idle, transport)
	return transport
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

// still are the options of a lively region without servers behind the APIs, nor a network
// before them: for trials of something else than containers and connections. Much time
// passes in them, at a tenth of the cost.
func still(around wire.Around) sandbox.Options {
	options := lively(around)
	options.Still = true
	return options
}

// specOf is the spec of a new version of a service, changed by settings.
func (r *region) specOf(t *testing.T, service, tag string, set ...string) engine.Spec {
	t.Helper()
	return specOf(t, service, r.ImageURI(service, tag), set...)
}

func specOf(t *testing.T, service, image string, set ...string) engine.Spec {
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
		"Sha=" + canarySha, "ContainerImage=" + image,
		"CanaryTemplate=" + base64.StdEncoding.EncodeToString(template),
		"WaitTime=30", "MetricPeriod=30", "MetricDelay=30", "FailureThresholdTime=120",
	}, set...)
	if !strings.Contains(strings.Join(set, " "), "Steps=") {
		all = append([]string{"PercentageStep=50"}, all...)
	} else {
		text = regexp.MustCompile(`"PercentageStep": \d+,`).ReplaceAll(text, nil)
	}
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
