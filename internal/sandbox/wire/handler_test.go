package wire

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	appmeshtypes "github.com/aws/aws-sdk-go-v2/service/appmesh/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cloudformationtypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	servicediscoverytypes "github.com/aws/aws-sdk-go-v2/service/servicediscovery/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"
	awshttp "github.com/aws/smithy-go/transport/http"
)

// failing offers one operation of each protocol that fails with one error.
func failing(t *testing.T, reason error, around Around) aws.Config {
	t.Helper()
	services := []Service{
		{"appmesh", []Operation{REST("DeleteMesh", "DELETE", "/v20190125/meshes/{meshName}",
			func(context.Context, *appmesh.DeleteMeshInput) (*appmesh.DeleteMeshOutput, error) { return nil, reason })}},
		{"cloudformation", []Operation{Op("DeleteStack",
			func(context.Context, *cloudformation.DeleteStackInput) (*cloudformation.DeleteStackOutput, error) {
				return nil, reason
			})}},
		{"monitoring", []Operation{Op("DescribeAlarms",
			func(context.Context, *cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error) {
				return nil, reason
			})}},
		{"servicediscovery", []Operation{Op("GetOperation",
			func(context.Context, *servicediscovery.GetOperationInput) (*servicediscovery.GetOperationOutput, error) {
				return nil, reason
			})}},
		{"ssm", []Operation{Op("GetParameter",
			func(context.Context, *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
				if reason == nil {
					panic("out of ideas")
				}
				return nil, reason
			})}},
	}
	config := serve(t, "any", &desk{})
	handler, err := NewHandler(services, around)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	config.BaseEndpoint = aws.String(server.URL)
	config.HTTPClient = &http.Client{Transport: plain{server.Client().Transport}}
	return config
}

// calls are one call of each protocol.
func calls(config aws.Config) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"restJson1": func(ctx context.Context) error {
			_, err := appmesh.NewFromConfig(config).DeleteMesh(ctx, &appmesh.DeleteMeshInput{MeshName: aws.String("m")})
			return err
		},
		"awsQuery": func(ctx context.Context) error {
			_, err := cloudformation.NewFromConfig(config).DeleteStack(ctx,
				&cloudformation.DeleteStackInput{StackName: aws.String("s")})
			return err
		},
		"cbor": func(ctx context.Context) error {
			_, err := cloudwatch.NewFromConfig(config).DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{})
			return err
		},
		"awsJson1_1": func(ctx context.Context) error {
			_, err := servicediscovery.NewFromConfig(config).GetOperation(ctx,
				&servicediscovery.GetOperationInput{OperationId: aws.String("o")})
			return err
		},
		"awsJson1_1 by schema": func(ctx context.Context) error {
			_, err := ssm.NewFromConfig(config).GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("p")})
			return err
		},
	}
}

func TestGenericErrorsReachTheClientInEveryProtocol(t *testing.T) {
	reason := &smithy.GenericAPIError{Code: "ThrottlingException", Message: "Rate <exceeded>", Fault: smithy.FaultClient}
	for name, call := range calls(failing(t, reason, nil)) {
		t.Run(name, func(t *testing.T) {
			expectAPIError(t, call(t.Context()), "ThrottlingException", "Rate <exceeded>", 400)
		})
	}
}

func TestUnmodelledErrorsAreInternalFailures(t *testing.T) {
	for name, call := range calls(failing(t, errors.New("disk full"), nil)) {
		t.Run(name, func(t *testing.T) {
			expectAPIError(t, call(t.Context()), "InternalFailure", "disk full", 500)
		})
	}
}

func TestPanickingHandlerFailsItsCallOnly(t *testing.T) {
	config := failing(t, nil, nil)
	for range 2 {
		err := calls(config)["awsJson1_1 by schema"](t.Context())
		expectAPIError(t, err, "InternalFailure", "GetParameter panicked: out of ideas", 500)
	}
}

func expectAPIError(t *testing.T, err error, code, message string, status int) {
	t.Helper()
	var api smithy.APIError
	var response *awshttp.ResponseError
	if !errors.As(err, &api) || !errors.As(err, &response) {
		t.Fatalf("want an API error, got %v", err)
	}
	if api.ErrorCode() != code || api.ErrorMessage() != message || response.HTTPStatusCode() != status {
		t.Errorf("got %s %q with status %d, want %s %q with %d",
			api.ErrorCode(), api.ErrorMessage(), response.HTTPStatusCode(), code, message, status)
	}
	if response.Response.Header.Get("X-Amzn-Requestid") == "" {
		t.Error("the answer has no request id")
	}
}

func TestModelledErrorsKeepTheirTypes(t *testing.T) {
	message := aws.String("no such thing")
	t.Run("restJson1", func(t *testing.T) {
		err := calls(failing(t, &appmeshtypes.ResourceInUseException{Message: message}, nil))["restJson1"](t.Context())
		expectAPIError(t, err, "ResourceInUseException", *message, 409)
		if _, ok := errors.AsType[*appmeshtypes.ResourceInUseException](err); !ok {
			t.Errorf("got %T", err)
		}
	})
	t.Run("awsQuery", func(t *testing.T) {
		err := calls(failing(t, &cloudformationtypes.TokenAlreadyExistsException{Message: message}, nil))["awsQuery"](t.Context())
		expectAPIError(t, err, "TokenAlreadyExistsException", *message, 400)
		if _, ok := errors.AsType[*cloudformationtypes.TokenAlreadyExistsException](err); !ok {
			t.Errorf("got %T", err)
		}
	})
	t.Run("cbor", func(t *testing.T) {
		err := calls(failing(t, &cloudwatchtypes.InvalidParameterValueException{Message: message}, nil))["cbor"](t.Context())
		expectAPIError(t, err, "InvalidParameterValue", *message, 400)
		if _, ok := errors.AsType[*cloudwatchtypes.InvalidParameterValueException](err); !ok {
			t.Errorf("got %T", err)
		}
	})
	t.Run("awsJson1_1 with a member of its own", func(t *testing.T) {
		reason := &servicediscoverytypes.DuplicateRequest{Message: message, DuplicateOperationId: aws.String("op-1")}
		err := calls(failing(t, reason, nil))["awsJson1_1"](t.Context())
		// GetOperation does not model the error, so its members are read off the body.
		expectAPIError(t, err, "DuplicateRequest", *message, 400)
	})
}

func TestAroundSeesTheCallAndCanFailIt(t *testing.T) {
	var seen Call
	config := failing(t, errors.New("never asked"), func(call Call, _ http.Handler) http.Handler {
		seen = call
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			Fail(w, r, &smithy.GenericAPIError{Code: "Throttling", Message: "Rate exceeded"})
		})
	})
	for name, call := range calls(config) {
		t.Run(name, func(t *testing.T) {
			expectAPIError(t, call(t.Context()), "Throttling", "Rate exceeded", 400)
			if seen.AccessKey != "AKIDTEST" || seen.Region != "us-west-2" || seen.Operation == "" {
				t.Errorf("seen %+v", seen)
			}
		})
	}
}

func TestAroundCanLoseAnAnswer(t *testing.T) {
	var performed atomic.Bool
	config := failing(t, errors.New("lost"), func(_ Call, next http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(httptest.NewRecorder(), r)
			performed.Store(true)
			panic(http.ErrAbortHandler)
		})
	})
	err := calls(config)["awsQuery"](t.Context())
	if _, answered := errors.AsType[smithy.APIError](err); err == nil || answered || !performed.Load() {
		t.Errorf("performed %v, got %v", performed.Load(), err)
	}
}

const signature = "AWS4-HMAC-SHA256 Credential=AKID/20261123/us-west-2/%s/aws4_request, SignedHeaders=host, Signature=00"

func TestRefusals(t *testing.T) {
	config := failing(t, errors.New("never asked"), nil)
	for name, c := range map[string]struct {
		scope, method, path, body string
		header                    map[string]string
		status                    int
		says                      string
	}{
		"unsigned": {
			method: "POST", path: "/", status: 403, says: "MissingAuthenticationToken",
		},
		"unknown service": {
			scope: "dynamodb", method: "POST", path: "/", status: 400, says: "not to 'dynamodb'",
		},
		"unknown JSON operation": {
			scope: "ssm", method: "POST", path: "/", header: map[string]string{"X-Amz-Target": "AmazonSSM.MakeCoffee"},
			status: 400, says: "UnknownOperationException",
		},
		"foreign JSON target": {
			scope: "ssm", method: "POST", path: "/", header: map[string]string{"X-Amz-Target": "DynamoDB_20120810.GetItem"},
			status: 400, says: "UnknownOperationException",
		},
		"malformed JSON": {
			scope: "ssm", method: "POST", path: "/", body: `{"Name":`,
			header: map[string]string{"X-Amz-Target": "AmazonSSM.GetParameter"}, status: 400, says: "SerializationException",
		},
		"trailing JSON": {
			scope: "ssm", method: "POST", path: "/", body: `{} {}`,
			header: map[string]string{"X-Amz-Target": "AmazonSSM.GetParameter"}, status: 400, says: "SerializationException",
		},
		"JSON of the wrong type": {
			scope: "ssm", method: "POST", path: "/", body: `{"Name": 7}`,
			header: map[string]string{"X-Amz-Target": "AmazonSSM.GetParameter"}, status: 400, says: "Name: the number 7 is not a string",
		},
		"not gzip": {
			scope: "ssm", method: "POST", path: "/", body: `{}`,
			header: map[string]string{"X-Amz-Target": "AmazonSSM.GetParameter", "Content-Encoding": "gzip"},
			status: 400, says: "SerializationException",
		},
		"unknown REST path": {
			scope: "appmesh", method: "GET", path: "/v20190125/coffee", status: 404, says: "message",
		},
		"empty label": {
			scope: "appmesh", method: "DELETE", path: "/v20190125/meshes/", status: 404, says: "message",
		},
		"no action": {
			scope: "cloudformation", method: "POST", path: "/", status: 400, says: "<Code>MissingAction</Code>",
		},
		"unknown action": {
			scope: "cloudformation", method: "POST", path: "/", body: "Action=MakeCoffee", status: 400,
			says: "<Code>InvalidAction</Code>",
		},
		"other version": {
			scope: "cloudformation", method: "POST", path: "/", body: "Action=DeleteStack&Version=1999-01-01", status: 400,
			says: "<Code>NoSuchVersion</Code>",
		},
		"malformed form": {
			scope: "cloudformation", method: "POST", path: "/", body: "Action=%zz", status: 400,
			says: "<Code>SerializationException</Code>",
		},
		"malformed CBOR": {
			scope: "monitoring", method: "POST", path: "/service/GraniteServiceVersion20100801/operation/DescribeAlarms",
			body: "\xbf\x01", header: map[string]string{"Smithy-Protocol": "rpc-v2-cbor"}, status: 400, says: "SerializationException",
		},
		"unknown CBOR path": {
			scope: "monitoring", method: "POST", path: "/service/Granite/operation/DescribeAlarms",
			header: map[string]string{"Smithy-Protocol": "rpc-v2-cbor"}, status: 404, says: "UnknownOperationException",
		},
		"too large": {
			scope: "ssm", method: "POST", path: "/", body: strings.Repeat(" ", maxBody+1),
			header: map[string]string{"X-Amz-Target": "AmazonSSM.GetParameter"}, status: 413, says: "RequestEntityTooLarge",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), c.method, *config.BaseEndpoint+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if c.scope != "" {
				r.Header.Set("Authorization", strings.Replace(signature, "%s", c.scope, 1))
			}
			for name, value := range c.header {
				r.Header.Set(name, value)
			}
			status, body := exchangeRaw(t, config, r)
			if status != c.status || !strings.Contains(body, c.says) {
				t.Errorf("got %d %q, want %d and %q", status, body, c.status, c.says)
			}
		})
	}
}

func exchangeRaw(t *testing.T, config aws.Config, r *http.Request) (status int, body string) {
	t.Helper()
	response, err := config.HTTPClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.Header.Get("X-Amzn-Requestid") == "" {
		t.Error("the answer has no request id")
	}
	return response.StatusCode, string(raw) + response.Header.Get("X-Amzn-Errortype")
}

func TestCompressedBody(t *testing.T) {
	reason := errors.New("reached")
	config := failing(t, reason, nil)
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write([]byte(`{"Name": "p"}`)); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, *config.BaseEndpoint, &packed)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", strings.Replace(signature, "%s", "ssm", 1))
	r.Header.Set("X-Amz-Target", "AmazonSSM.GetParameter")
	r.Header.Set("Content-Encoding", "gzip")
	if status, body := exchangeRaw(t, config, r); status != 500 || !strings.Contains(body, "reached") {
		t.Errorf("got %d %s", status, body)
	}
}

func TestNewHandlerRefusesWhatItCannotServe(t *testing.T) {
	if _, err := NewHandler([]Service{{Scope: "coffee"}}, nil); err == nil {
		t.Error("a service without a wire format was taken")
	}
	if _, err := NewHandler([]Service{{Scope: "ssm"}, {Scope: "ssm"}}, nil); err == nil {
		t.Error("a service was taken twice")
	}
}

// FuzzServe sends arbitrary bodies in every protocol: each must be answered, none may
// end in an internal failure.
func FuzzServe(f *testing.F) {
	targets := []struct{ scope, method, path, target, smithy string }{
		{"appmesh", "PUT", "/v20190125/meshes/m/virtualNodes", "", ""},
		{"cloudformation", "POST", "/", "", ""},
		{"monitoring", "POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData", "", "rpc-v2-cbor"},
		{"servicediscovery", "POST", "/", "Route53AutoNaming_v20170314.CreateService", ""},
	}
	for i := range targets {
		for _, body := range []string{
			`{"spec":{"backends":[{"virtualService":{}}]}}`, "Action=CreateStack&Parameters.member.1.ParameterKey=a",
			"\xa1\x69Namespace\x61n", `{"spec":{"serviceDiscovery":{"dns":{},"awsCloudMap":{}}}}`, "",
		} {
			f.Add(i, []byte(body))
		}
	}
	handler, err := NewHandler([]Service{
		{"appmesh", []Operation{REST("CreateVirtualNode", "PUT", targets[0].path, accept[appmesh.CreateVirtualNodeInput, appmesh.CreateVirtualNodeOutput])}},
		{"cloudformation", []Operation{Op("CreateStack", accept[cloudformation.CreateStackInput, cloudformation.CreateStackOutput])}},
		{"monitoring", []Operation{Op("PutMetricData", accept[cloudwatch.PutMetricDataInput, cloudwatch.PutMetricDataOutput])}},
		{"servicediscovery", []Operation{Op("CreateService", accept[servicediscovery.CreateServiceInput, servicediscovery.CreateServiceOutput])}},
	}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, which int, body []byte) {
		c := targets[uint(which)%uint(len(targets))]
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, bytes.NewReader(body))
		r.Header.Set("Authorization", strings.Replace(signature, "%s", c.scope, 1))
		r.Header.Set("X-Amz-Target", c.target)
		r.Header.Set("Smithy-Protocol", c.smithy)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s %q: %d %s", c.scope, body, w.Code, w.Body)
		}
	})
}

func accept[In, Out any](context.Context, *In) (*Out, error) { return new(Out), nil }
