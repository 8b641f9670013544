package aws

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"serin/internal/engine"
)

// alone takes the machine's own AWS configuration out of a test.
func alone(t *testing.T) string {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	file := filepath.Join(t.TempDir(), "config")
	t.Setenv("AWS_CONFIG_FILE", file)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file+"-credentials")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	return file
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// serve answers every request with handle and counts them.
func serve(tb testing.TB, handle http.HandlerFunc) (url string, requests *atomic.Int64) {
	tb.Helper()
	requests = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		handle(w, r)
	}))
	tb.Cleanup(server.Close)
	return server.URL, requests
}

func connect(t *testing.T, options Options) *Clients {
	t.Helper()
	clients, err := Connect(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	return clients
}

const callerXML = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>` +
	`<Arn>arn:aws:iam::123456789012:user/kim</Arn><UserId>A</UserId><Account>123456789012</Account></GetCallerIdentityResult>` +
	`<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetCallerIdentityResponse>`

func queryError(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `<ErrorResponse><Error><Type>Sender</Type><Code>`+code+`</Code><Message>m</Message></Error><RequestId>r</RequestId></ErrorResponse>`)
}

func TestConnectReachesASandbox(t *testing.T) {
	alone(t)
	var agent, scope atomic.Value
	url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		agent.Store(r.UserAgent())
		scope.Store(r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, callerXML)
	})
	clients := connect(t, Options{Region: "eu-central-1", Sandbox: url, Version: "1.2.3"})
	caller, err := Identify(t.Context(), clients.STS, clients.Where)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Caller{ARN: "arn:aws:iam::123456789012:user/kim", Account: "123456789012", Region: "eu-central-1"}); caller != want {
		t.Errorf("caller is %+v", caller)
	}
	if got := agent.Load().(string); !contains(got, "serin/1.2.3") {
		t.Errorf("user agent is %q", got)
	}
	if got := scope.Load().(string); !contains(got, "/eu-central-1/sts/aws4_request") {
		t.Errorf("signed for %q", got)
	}
}

func TestConnectTakesTheEndpointOfTheEnvironment(t *testing.T) {
	alone(t)
	url, requests := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, callerXML) })
	t.Setenv("AWS_ENDPOINT_URL", url)
	t.Setenv("AWS_REGION", "us-west-2")
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	clients := connect(t, Options{})
	if clients.Where.Endpoint != url {
		t.Errorf("endpoint is %q, want %q", clients.Where.Endpoint, url)
	}
	if _, err := Identify(t.Context(), clients.STS, clients.Where); err != nil || requests.Load() != 1 {
		t.Errorf("%d requests, %v", requests.Load(), err)
	}
}

func TestConnectRefusesAnEndpointThatIsNone(t *testing.T) {
	alone(t)
	t.Setenv("AWS_REGION", "us-west-2")
	for _, endpoint := range []string{"notaurl", "127.0.0.1:8470", "ftp://a", "http://"} {
		t.Setenv("AWS_ENDPOINT_URL", endpoint)
		if _, err := Connect(t.Context(), Options{}); engine.KindOf(err) != engine.Invalid || !contains(err.Error(), "AWS_ENDPOINT_URL") {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

func TestConnectTakesProfileAndRegionOfTheConfiguration(t *testing.T) {
	file := alone(t)
	write(t, file, "[profile dev]\nregion = ap-south-1\naws_access_key_id = a\naws_secret_access_key = b\n")
	if where := connect(t, Options{Profile: "dev"}).Where; where.Region != "ap-south-1" || where.Profile != "dev" {
		t.Errorf("connected to %+v", where)
	}
	if where := connect(t, Options{Profile: "dev", Region: "us-east-1"}).Where; where.Region != "us-east-1" {
		t.Errorf("--region lost against the profile: %+v", where)
	}
}

func TestConnectSaysWhatIsMissing(t *testing.T) {
	alone(t)
	_, err := Connect(t.Context(), Options{})
	wantFault(t, err, engine.Invalid, "no AWS region", "--region")
	_, err = Connect(t.Context(), Options{Profile: "nobody", Region: "us-west-2"})
	wantFault(t, err, engine.Denied, `no profile "nobody"`)
}

func TestNoCredentialsIsDenied(t *testing.T) {
	alone(t)
	clients := connect(t, Options{Region: "us-west-2"})
	_, err := Identify(t.Context(), clients.STS, clients.Where)
	wantFault(t, err, engine.Denied, "no AWS credentials", "aws sso login")
}

func TestAnSSOSessionThatIsNotThereIsDenied(t *testing.T) {
	file := alone(t)
	write(t, file, "[profile dev]\nregion = us-west-2\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n"+
		"[sso-session s]\nsso_region = us-west-2\nsso_start_url = https://example.awsapps.com/start\n")
	t.Setenv("HOME", t.TempDir())
	clients := connect(t, Options{Profile: "dev"})
	_, err := Identify(t.Context(), clients.STS, clients.Where)
	wantFault(t, err, engine.Denied, "aws sso login --profile dev")
}

func TestCallsAreTriedAgain(t *testing.T) {
	alone(t)
	for name, fail := range map[string]http.HandlerFunc{
		"throttled": func(w http.ResponseWriter, _ *http.Request) { queryError(w, 400, "Throttling") },
		"down":      func(w http.ResponseWriter, _ *http.Request) { queryError(w, 503, "ServiceUnavailable") },
		"reset":     func(w http.ResponseWriter, _ *http.Request) { reset(w) },
	} {
		t.Run(name, func(t *testing.T) {
			var count atomic.Int64
			url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if count.Add(1) == 1 {
					fail(w, r)
					return
				}
				_, _ = io.WriteString(w, callerXML)
			})
			clients := connect(t, Options{Region: "us-west-2", Sandbox: url})
			if _, err := Identify(t.Context(), clients.STS, clients.Where); err != nil {
				t.Errorf("after %d requests: %v", count.Load(), err)
			}
			if count.Load() != 2 {
				t.Errorf("%d requests", count.Load())
			}
		})
	}
}

// reset ends a connection without an answer.
func reset(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_ = connection.(*net.TCPConn).SetLinger(0)
	_ = connection.Close()
}

// hang answers nothing until the client is gone.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func TestALostAnswerIsAskedForAgain(t *testing.T) {
	alone(t)
	var count atomic.Int64
	url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if count.Add(1) == 1 {
			hang(w, r)
			return
		}
		_, _ = io.WriteString(w, callerXML)
	})
	clients := connect(t, Options{Region: "us-west-2", Sandbox: url, Deadlines: Deadlines{
		Read: time.Minute, ReadAttempt: 50 * time.Millisecond, Write: time.Minute, WriteAttempt: time.Minute,
	}})
	if _, err := Identify(t.Context(), clients.STS, clients.Where); err != nil {
		t.Fatal(err)
	}
	if count.Load() != 2 {
		t.Errorf("%d requests", count.Load())
	}
}

func TestACallEndsByItsDeadline(t *testing.T) {
	alone(t)
	url, requests := serve(t, hang)
	short, long := 50*time.Millisecond, time.Minute
	clients := connect(t, Options{Region: "us-west-2", Sandbox: url, Deadlines: Deadlines{
		Read: short, ReadAttempt: long, Write: 2 * short, WriteAttempt: long,
	}})
	_, err := Identify(t.Context(), clients.STS, clients.Where)
	wantFault(t, err, engine.Transient, "no answer within 50ms")
	if errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("our deadline looks like the caller's: %v", err)
	}
	if _, err = NewVersions(clients.SSM, clients.Where).Record(t.Context(), appserver(), "image"); err == nil {
		t.Error("a write was answered by nobody")
	}
	wantFault(t, err, engine.Transient, "no answer within 100ms")
	if requests.Load() != 2 {
		t.Errorf("%d requests", requests.Load())
	}
}

func TestReadsOfEveryServiceHaveTheDeadlineOfReads(t *testing.T) {
	alone(t)
	url, _ := serve(t, hang)
	clients := connect(t, Options{Region: "us-west-2", Sandbox: url, Deadlines: Deadlines{
		Read: 20 * time.Millisecond, ReadAttempt: time.Minute, Write: time.Minute, WriteAttempt: time.Minute,
	}})
	ports, service, now := clients.Ports(""), appserver(), time.Now()
	for name, call := range map[string]func(context.Context) error{
		"App Mesh":       func(ctx context.Context) error { _, err := ports.Router.Route(ctx, service); return err },
		"CloudFormation": func(ctx context.Context) error { _, err := ports.Stacks.Stack(ctx, "x", ""); return err },
		"CloudWatch": func(ctx context.Context) error {
			_, err := ports.Metrics.Responses(ctx, []engine.ResponseQuery{countsOf("1", now.Add(-time.Hour), now)})
			return err
		},
		"ECS": func(ctx context.Context) error { _, err := ports.Tasks.Health(ctx, service, []string{"1"}); return err },
		"SSM": func(ctx context.Context) error { _, err := ports.Versions.Deployed(ctx, service); return err },
		"ECR": func(ctx context.Context) error {
			_, err := NewImages(clients.ECR, clients.Where).Check(ctx, "yelb-ui:1")
			return err
		},
		"Cloud Map": func(ctx context.Context) error {
			_, err := (&registrations{api: clients.CloudMap, where: clients.Where}).healthy(ctx, service, "1")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { wantFault(t, call(t.Context()), engine.Transient, "no answer within 20ms") })
	}
}

func TestACallEndsWithItsCaller(t *testing.T) {
	alone(t)
	ctx, cancel := context.WithCancel(t.Context())
	url, requests := serve(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		hang(w, r)
	})
	clients := connect(t, Options{Region: "us-west-2", Sandbox: url})
	_, err := Identify(ctx, clients.STS, clients.Where)
	if !errors.Is(err, context.Canceled) || requests.Load() != 1 {
		t.Errorf("%d requests, %v", requests.Load(), err)
	}
}

func TestASandboxThatIsNotThere(t *testing.T) {
	alone(t)
	gone := httptest.NewServer(nil)
	gone.Close()
	clients := connect(t, Options{Region: "us-west-2", Sandbox: gone.URL, Deadlines: Deadlines{
		Read: time.Second / 4, ReadAttempt: time.Second, Write: time.Second, WriteAttempt: time.Second,
	}})
	_, err := NewRouter(clients.AppMesh, clients.Where, "").Route(t.Context(), appserver())
	wantFault(t, err, engine.Transient)
}

func TestOnlyReadsAreReads(t *testing.T) {
	for operation, want := range map[string]bool{
		"DescribeRoute": true, "GetMetricData": true, "ListTasks": true, "BatchGetImage": true,
		"DiscoverInstances": true, "ValidateTemplate": true,
		"UpdateRoute": false, "CreateStack": false, "DeleteStack": false, "PutParameter": false,
	} {
		if got := isRead(operation); got != want {
			t.Errorf("isRead(%s) = %t", operation, got)
		}
	}
}

func TestEveryClientHasARetryerOfItsOwn(t *testing.T) {
	alone(t)
	clients := connect(t, Options{Region: "us-west-2", Sandbox: "http://127.0.0.1:1"})
	if clients.AppMesh.Options().Retryer == clients.CloudWatch.Options().Retryer {
		t.Error("App Mesh is slowed down with CloudWatch")
	}
	if got := clients.AppMesh.Options().Retryer.MaxAttempts(); got != maxAttempts {
		t.Errorf("%d attempts", got)
	}
	ports := clients.Ports("")
	if ports.Router == nil || ports.Stacks == nil || ports.Metrics == nil || ports.Alarms == nil || ports.Tasks == nil || ports.Versions == nil {
		t.Errorf("a port is missing: %+v", ports)
	}
}

// TestAThrottledJournalSaysSo, many callers at once, in less than a driver waits.
func TestAThrottledJournalSaysSo(t *testing.T) {
	alone(t)
	synctest.Test(t, func(t *testing.T) {
		clients := connect(t, Options{Region: "us-west-2", Sandbox: "http://127.0.0.1:1", Transport: sender(func(*http.Request) (*http.Response, error) {
			said := `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}`
			return &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(said))}, nil
		})})
		for range 30 {
			go func() {
				began := time.Now()
				_, err := clients.DynamoDB.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: awssdk.String("t"), Key: map[string]types.AttributeValue{}})
				if took := time.Since(began); took > 4*time.Second || !hasCode(err, "ProvisionedThroughputExceededException") {
					t.Errorf("after %s: %v", took, err)
				}
			}()
		}
		synctest.Wait()
		time.Sleep(time.Minute)
	})
}

type identityFake func() (*sts.GetCallerIdentityOutput, error)

func (f identityFake) GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error) {
	return f()
}

func TestIdentifyTroubles(t *testing.T) {
	testTroubles(t, "STS", "GetCallerIdentity", func(failure error) error {
		_, err := Identify(t.Context(), identityFake(func() (*sts.GetCallerIdentityOutput, error) { return nil, failure }), here())
		return err
	})
}

func TestDriverName(t *testing.T) {
	env := func(value string, set bool) func(string) (string, bool) {
		return func(name string) (string, bool) { return value, set && name == "CODEBUILD_BUILD_ID" }
	}
	for name, c := range map[string]struct {
		lookup           func(string) (string, bool)
		user, host, want string
	}{
		"in a build":      {env("yelb:77", true), "root", "h", "codebuild yelb:77"},
		"empty build":     {env("", true), "kim", "laptop", "kim@laptop"},
		"at a desk":       {env("", false), "kim", "laptop", "kim@laptop"},
		"without a host":  {env("", false), "kim", "", "kim"},
		"without a user":  {env("", false), "", "laptop", "someone@laptop"},
		"hostile hosts":   {env("", false), "kim", "lap\x1b[2Jtop", "kim@lap[2Jtop"},
		"a hostile build": {env("a\nb", true), "", "", "codebuild a b"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := DriverName(c.lookup, c.user, c.host); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
