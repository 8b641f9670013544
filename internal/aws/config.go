package aws

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"serin/internal/engine"
)

// Deadlines bound every call. A call ends by its whole deadline however many attempts
// it took; an attempt ends by its own, so that one lost answer leaves time for another.
type Deadlines struct {
	// Read and Write bound a call with all its attempts and the waits between them.
	Read, Write time.Duration
	// ReadAttempt and WriteAttempt bound one attempt.
	ReadAttempt, WriteAttempt time.Duration
}

// DefaultDeadlines are 10 seconds for a read and 20 for a write, half of it an attempt.
func DefaultDeadlines() Deadlines {
	return Deadlines{
		Read: 10 * time.Second, ReadAttempt: 5 * time.Second,
		Write: 20 * time.Second, WriteAttempt: 10 * time.Second,
	}
}

// Options say how to reach AWS. The zero value is the SDK's standard chain: environment,
// shared configuration, SSO, containers and instances.
type Options struct {
	// Profile and Region override the environment's and the configuration's.
	Profile, Region string
	// Sandbox is the URL of a sandbox that answers in place of AWS, with credentials made
	// up for it. Empty leaves both to the environment (AWS_ENDPOINT_URL).
	Sandbox string
	// Transport sends every request; nil is a pool of connections of the clients' own.
	Transport http.RoundTripper
	// Version is Serin's, for the user agent; "dev" when it is empty.
	Version string
	// Deadlines are DefaultDeadlines when they are zero.
	Deadlines Deadlines
}

// Clients are the SDK's clients of one account and region. They are safe for concurrent
// use and share one pool of connections; each has a retryer of its own, so that a
// throttled CloudWatch does not slow App Mesh down.
type Clients struct {
	Where          Where
	AppMesh        *appmesh.Client
	CloudFormation *cloudformation.Client
	CloudMap       *servicediscovery.Client
	CloudWatch     *cloudwatch.Client
	DynamoDB       *dynamodb.Client
	ECR            *ecr.Client
	ECS            *ecs.Client
	SSM            *ssm.Client
	STS            *sts.Client
}

// maxAttempts is how often the SDK tries one call; the driver tries again above it.
const maxAttempts = 4

// Connect makes the clients. It calls nobody: credentials are fetched by the first call.
// A region or profile that cannot be found is a fault of kind Invalid or Denied.
func Connect(ctx context.Context, options Options) (*Clients, error) {
	where := Where{Profile: options.Profile, Region: options.Region}
	configuration, err := config.LoadDefaultConfig(ctx, loadOptions(options)...)
	if err != nil {
		return nil, where.fault(ctx, "read", "the AWS configuration", err)
	}
	where.Region = configuration.Region
	where.Endpoint = ShownEndpoint(awssdk.ToString(configuration.BaseEndpoint))
	if where.Region == "" {
		return nil, refuse("connect to", "AWS", engine.Invalid, regionHint, "no AWS region is set")
	}
	clients := &Clients{
		Where:          where,
		AppMesh:        appmesh.NewFromConfig(configuration),
		CloudFormation: cloudformation.NewFromConfig(configuration),
		CloudMap:       servicediscovery.NewFromConfig(configuration, oneHost),
		CloudWatch:     cloudwatch.NewFromConfig(configuration),
		DynamoDB:       dynamodb.NewFromConfig(configuration, soonTold),
		ECR:            ecr.NewFromConfig(configuration),
		ECS:            ecs.NewFromConfig(configuration),
		SSM:            ssm.NewFromConfig(configuration),
		STS:            sts.NewFromConfig(configuration),
	}
	if err := clients.checkEndpoints(configuration.BaseEndpoint); err != nil {
		return nil, err
	}
	return clients, nil
}

// oneHost keeps Cloud Map from putting "data-" before the host of an endpoint that is not
// AWS's (DiscoverInstances): a loopback address has no such name beside it.
func oneHost(options *servicediscovery.Options) {
	if options.BaseEndpoint == nil {
		return
	}
	keep := middleware.InitializeMiddlewareFunc("SerinOneHost", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
	})
	options.APIOptions = append(options.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(keep, middleware.Before)
	})
}

// Ports are the engine's ports on these clients. meshOwner is the account that shares
// the mesh; empty when the mesh is the caller's own.
func (c *Clients) Ports(meshOwner string) engine.Ports {
	metrics := NewMetrics(c.CloudWatch, c.Where)
	return engine.Ports{
		Router:   NewRouter(c.AppMesh, c.Where, meshOwner),
		Stacks:   NewStacks(c.CloudFormation, c.Where),
		Metrics:  metrics,
		Alarms:   metrics,
		Tasks:    NewTasks(c.ECS, c.CloudMap, c.Where),
		Versions: NewVersions(c.SSM, c.Where),
	}
}

// Catalogue finds the services of environments with these clients; meshOwner as in
// Ports.
func (c *Clients) Catalogue(meshOwner string) *Catalogue {
	return NewCatalogue(c.AppMesh, c.Where, meshOwner)
}

func loadOptions(options Options) []func(*config.LoadOptions) error {
	deadlines := options.Deadlines
	if deadlines == (Deadlines{}) {
		deadlines = DefaultDeadlines()
	}
	version := options.Version
	if version == "" {
		version = "dev"
	}
	load := []func(*config.LoadOptions) error{
		config.WithHTTPClient(httpClient()),
		config.WithRetryer(newRetryer),
		config.WithLogger(logging.Nop{}), // the SDK's own one writes over the console
		config.WithAPIOptions([]func(*middleware.Stack) error{
			awsmiddleware.AddUserAgentKeyValue("serin", version),
			deadlines.add,
			readOnlyBody,
		}),
	}
	if options.Profile != "" {
		load = append(load, config.WithSharedConfigProfile(options.Profile))
	}
	if options.Region != "" {
		load = append(load, config.WithRegion(options.Region))
	}
	if options.Transport != nil {
		load = append(load, config.WithHTTPClient(&http.Client{Transport: options.Transport}))
	}
	if options.Sandbox != "" {
		load = append(load, config.WithBaseEndpoint(options.Sandbox), config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider("sandbox", "sandbox", "")))
	}
	return load
}

// newRetryer is the SDK's adaptive mode: it slows a client down that is throttled. Waits
// are short, because a call has to end within its deadline.
func newRetryer() awssdk.Retryer {
	return retry.NewAdaptiveMode(func(mode *retry.AdaptiveModeOptions) {
		mode.StandardOptions = append(mode.StandardOptions, func(standard *retry.StandardOptions) {
			standard.MaxAttempts = maxAttempts
			standard.MaxBackoff = 2 * time.Second
		})
	})
}

// soonTold has a throttled journal say that it is, before those who write to it give it up
// for not answering: a driver does within 5 seconds (engine.DriveLoop), and tries again more
// and more rarely, which the adaptive mode would do once more.
func soonTold(options *dynamodb.Options) {
	options.Retryer = retry.NewStandard(func(standard *retry.StandardOptions) {
		standard.MaxAttempts = maxAttempts
		standard.MaxBackoff = time.Second
	})
}

// httpClient keeps enough connections open that a roll back never waits for one.
func httpClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithDialerOptions(func(dialer *net.Dialer) {
			dialer.Timeout = 3 * time.Second
			dialer.KeepAlive = 30 * time.Second
		}).
		WithTransportOptions(func(transport *http.Transport) {
			transport.MaxIdleConns = 128
			transport.MaxIdleConnsPerHost = 32
			transport.IdleConnTimeout = 90 * time.Second
			transport.TLSHandshakeTimeout = 5 * time.Second
		})
}

// onlyReader hides that a body can write itself.
type onlyReader struct {
	io.ReadSeeker
}

// readOnlyBody makes net/http read the bodies of requests and not have them write
// themselves. The SDK closes a body when the answer has begun, and its WriteTo then
// fails with io.EOF; net/http, which looks whether there is more of a body than it has
// sent, takes that for a reason to close the connection, and so the answer breaks off
// (smithy-go v1.28.8, safeWriteToReadCloser; net/http, transferWriter.writeBody).
func readOnlyBody(stack *middleware.Stack) error {
	return stack.Build.Add(middleware.BuildMiddlewareFunc("SerinReadOnlyBody", func(
		ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler,
	) (middleware.BuildOutput, middleware.Metadata, error) {
		if request, ok := in.Request.(*smithyhttp.Request); ok {
			if body, seeks := request.GetStream().(io.ReadSeeker); seeks {
				changed, err := request.SetStream(onlyReader{body})
				if err != nil {
					return middleware.BuildOutput{}, middleware.Metadata{}, fmt.Errorf("read the body of the request: %w", err)
				}
				in.Request = changed
			}
		}
		return next.HandleBuild(ctx, in)
	}), middleware.Before)
}

// add puts the deadlines around every call and every attempt of a client.
func (d Deadlines) add(stack *middleware.Stack) error {
	whole := middleware.InitializeMiddlewareFunc("SerinCallDeadline", d.call)
	if err := stack.Initialize.Add(whole, middleware.Before); err != nil {
		return fmt.Errorf("add the deadline of calls: %w", err)
	}
	attempt := middleware.FinalizeMiddlewareFunc("SerinAttemptDeadline", d.attempt)
	if err := stack.Finalize.Insert(attempt, "Retry", middleware.After); err != nil {
		return fmt.Errorf("add the deadline of attempts: %w", err)
	}
	return nil
}

func (d Deadlines) call(
	ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
) (middleware.InitializeOutput, middleware.Metadata, error) {
	limit := d.Write
	if isRead(middleware.GetOperationName(ctx)) {
		limit = d.Read
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out, metadata, err := next.HandleInitialize(bounded, in)
	return out, metadata, lateOr(ctx, bounded, limit, err)
}

func (d Deadlines) attempt(
	ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
) (middleware.FinalizeOutput, middleware.Metadata, error) {
	limit := d.WriteAttempt
	if isRead(middleware.GetOperationName(ctx)) {
		limit = d.ReadAttempt
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out, metadata, err := next.HandleFinalize(bounded, in)
	return out, metadata, lateOr(ctx, bounded, limit, err)
}

// lateOr is a *lateError where err is due to a deadline of ours and not to the caller's
// context, and err otherwise.
func lateOr(outer, bounded context.Context, limit time.Duration, err error) error {
	if err == nil || outer.Err() != nil || bounded.Err() == nil {
		return err
	}
	return &lateError{limit: limit}
}

// isRead tells a call that changes nothing from one that does, by the verb in its name.
func isRead(operation string) bool {
	for _, verb := range []string{"Describe", "Get", "List", "BatchGet", "Discover", "Query", "Validate"} {
		if strings.HasPrefix(operation, verb) {
			return true
		}
	}
	return false
}

// lateError is a call or an attempt that ended by a deadline of ours. It is no end of
// the caller's context, and the SDK may try again.
type lateError struct {
	limit time.Duration
}

func (e *lateError) Error() string { return fmt.Sprintf("no answer within %s", e.limit) }

// Timeout makes it a net.Error's kind of timeout.
func (*lateError) Timeout() bool { return true }

// RetryableError tells the SDK's retryer to try again.
func (*lateError) RetryableError() bool { return true }
