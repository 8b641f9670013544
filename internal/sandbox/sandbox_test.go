package sandbox

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cloudformationtypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"serin/internal/sandbox/pipenet"
	"serin/internal/sandbox/wire"
	"serin/specfiles"
)

// patience is how long a test waits for what happens behind an API.
const patience = 20 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plain has net/http only read bodies: it closes the connection of one that the SDK has
// closed while it writes itself, and with it an answer that is being read.
type plain struct{ http.RoundTripper }

func (p plain) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body != nil {
		request.Body = struct{ io.ReadCloser }{request.Body}
	}
	return p.RoundTripper.RoundTrip(request)
}

// started is a sandbox with clients that reach it over HTTP, as serin does.
type started struct {
	*Sandbox
	config aws.Config
	web    *http.Client
}

// start starts a sandbox without any waits.
func start(t *testing.T, options Options) started {
	t.Helper()
	options.ScrapeInterval = 20 * time.Millisecond
	s, err := Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	variables := make(map[string]string)
	for _, export := range s.Exports() {
		name, value, _ := strings.Cut(export, "=")
		variables[name] = value
	}
	transport := &http.Transport{}
	if options.Network != nil {
		transport.DialContext = func(ctx context.Context, _, address string) (net.Conn, error) {
			return options.Network.Dial(ctx, address)
		}
	}
	t.Cleanup(transport.CloseIdleConnections)
	web := &http.Client{Transport: transport, Timeout: patience}
	return started{Sandbox: s, web: web, config: aws.Config{
		BaseEndpoint: aws.String(variables["AWS_ENDPOINT_URL"]),
		Region:       variables["AWS_REGION"],
		HTTPClient:   &http.Client{Transport: plain{transport}, Timeout: patience},
		Credentials: credentials.NewStaticCredentialsProvider(
			variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"], ""),
	}}
}

// get fetches a path of the page.
func (s started) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Page()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.web.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(raw)
}

// eventually asks again and again until the answer is yes.
func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !ask() {
		select {
		case <-ctx.Done():
			t.Fatalf("after %v, still not: %s", patience, what)
		case <-ticker.C:
		}
	}
}

func codeOf(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

func TestSeededEnvironmentHasTheNamesOfTheOriginal(t *testing.T) {
	s := start(t, Options{})
	client := cloudformation.NewFromConfig(s.config)
	stacks, err := client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, stack := range stacks.Stacks {
		if stack.StackStatus != cloudformationtypes.StackStatusCreateComplete {
			t.Errorf("%s is in %s", *stack.StackName, stack.StackStatus)
		}
		names = append(names, *stack.StackName)
	}
	wanted := []string{"ecs-blogpost-vpc", "ecs-blogpost-clusterresources"}
	for _, service := range specfiles.Services() {
		wanted = append(wanted, "ecs-blogpost-pipeline-"+service, "ecs-blogpost-"+service+"-"+s.plantedImages()[service].Sha)
	}
	for _, name := range wanted {
		if !slices.Contains(names, name) {
			t.Errorf("there is no stack %s among %v", name, names)
		}
	}
	exports, err := client.ListExports(t.Context(), &cloudformation.ListExportsInput{})
	if err != nil {
		t.Fatal(err)
	}
	var exported []string
	for _, export := range exports.Exports {
		exported = append(exported, *export.Name)
	}
	for name := range strings.FieldsSeq("Mesh ExecutionRole TaskRole ContainerSecurityGroup CloudMapNamespaceId " +
		"PublicLoadBalancer TargetGroupArn VPC PublicSubnet1 PublicSubnet2 PrivateSubnet1 PrivateSubnet2 VpcCIDR") {
		if !slices.Contains(exported, "ecs-blogpost:"+name) {
			t.Errorf("there is no export %s among %v", name, exported)
		}
	}
	parameter, err := ssm.NewFromConfig(s.config).GetParameter(t.Context(), &ssm.GetParameterInput{
		Name: aws.String("ecs-blogpost-canary-yelb-appserver-version"), WithDecryption: aws.Bool(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	if p := parameter.Parameter; p.Version != 1 || *p.Value != s.ImageURI("yelb-appserver", "planted") ||
		p.Type != ssmtypes.ParameterTypeSecureString {
		t.Errorf("parameter %+v", p)
	}
	images, err := ecr.NewFromConfig(s.config).DescribeImages(t.Context(),
		&ecr.DescribeImagesInput{RepositoryName: aws.String("yelb-appserver")})
	if err != nil || len(images.ImageDetails) < 6 {
		t.Errorf("images %+v, %v", images, err)
	}
}

func TestEmptyEnvironmentHasNoService(t *testing.T) {
	s := start(t, Options{Empty: true, Environment: "shop", Region: "eu-central-1"})
	if status, body := s.get(t, "/"); status != http.StatusNotFound {
		t.Errorf("the page answers %d %q", status, body)
	}
	_, err := ssm.NewFromConfig(s.config).GetParameter(t.Context(),
		&ssm.GetParameterInput{Name: aws.String("shop-canary-yelb-ui-version")})
	if codeOf(err) != "ParameterNotFound" {
		t.Errorf("parameter: %v", err)
	}
	routes, err := appmesh.NewFromConfig(s.config).ListRoutes(t.Context(), &appmesh.ListRoutesInput{
		MeshName: aws.String("shop"), VirtualRouterName: aws.String("yelb-ui-vr"),
	})
	if err != nil || len(routes.Routes) != 0 {
		t.Errorf("routes %+v, %v", routes, err)
	}
}

func TestEverySandboxHasAnAccountOfItsOwn(t *testing.T) {
	one, other := start(t, Options{Empty: true}), start(t, Options{Empty: true})
	identity, err := sts.NewFromConfig(one.config).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if *identity.Account != one.Account() || len(one.Account()) != 12 || one.Account() == other.Account() {
		t.Errorf("caller's account %s, of %s and %s", *identity.Account, one.Account(), other.Account())
	}
}

func TestVisitorsComeAtTheirRate(t *testing.T) {
	s := start(t, Options{Rate: 200})
	eventually(t, "fifty requests", func() bool { return s.Visitors().Counts().Requests >= 50 })
	if counts := s.Visitors().Counts(); counts.Errors > 0 || counts.ByStatus[http.StatusOK] < 50 {
		t.Errorf("counts %+v", counts)
	}
}

func TestSandboxOnPipesListensNowhere(t *testing.T) {
	s := start(t, Options{Network: pipenet.New()})
	if status, body := s.get(t, "/api/hostname"); status != http.StatusOK || !strings.HasPrefix(body, "ip-10-") {
		t.Errorf("got %d %q", status, body)
	}
}

func TestAddressesThatAreTaken(t *testing.T) {
	var config net.ListenConfig
	taken, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for what, options := range map[string]Options{
		"address of the APIs": {Address: taken.Addr().String()},
		"address of the page": {PageAddress: taken.Addr().String()},
	} {
		if _, err := Start(t.Context(), options); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("got %v, want an error about the %s", err, what)
		}
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, Options{}); err == nil {
		t.Error("a sandbox started in a context that had ended")
	}
}

func TestAroundIsAskedForEveryCall(t *testing.T) {
	throttled := func(call wire.Call, next http.Handler) http.Handler {
		if call.Operation != "GetParameter" {
			return next
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			wire.Fail(w, r, &smithy.GenericAPIError{Code: "ThrottlingException", Message: "Rate exceeded"})
		})
	}
	s := start(t, Options{Empty: true, Around: throttled})
	s.config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	_, err := ssm.NewFromConfig(s.config).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("p")})
	if codeOf(err) != "ThrottlingException" {
		t.Errorf("got %v", err)
	}
}

func TestCloseFreesTheAddresses(t *testing.T) {
	s := start(t, Options{Rate: 50})
	eventually(t, "a visitor", func() bool { return s.Visitors().Counts().Requests > 0 })
	s.Close()
	s.Close()
	var dialer net.Dialer
	for _, url := range []string{s.Endpoint(), s.Page()} {
		if conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://")); err == nil {
			_ = conn.Close()
			t.Errorf("%s still answers", url)
		}
	}
}
