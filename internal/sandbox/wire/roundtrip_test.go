package wire

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
	"github.com/aws/smithy-go/transport/http/protocol/awsquery"
)

// unreachable are operations that no codec is to blame for: unsigned ones, and those
// whose client builds requests that are not plain calls.
var unreachable = []string{"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"}

type spokenService struct {
	name, scope string
	client      func(aws.Config) any
}

func spokenServices() []spokenService {
	return []spokenService{
		{"appmesh", "appmesh", func(c aws.Config) any { return appmesh.NewFromConfig(c) }},
		{"cloudformation", "cloudformation", func(c aws.Config) any { return cloudformation.NewFromConfig(c) }},
		{"ecr", "ecr", func(c aws.Config) any { return ecr.NewFromConfig(c) }},
		{"ecs", "ecs", func(c aws.Config) any { return ecs.NewFromConfig(c) }},
		{"servicediscovery", "servicediscovery", func(c aws.Config) any { return servicediscovery.NewFromConfig(c) }},
		{"ssm", "ssm", func(c aws.Config) any { return ssm.NewFromConfig(c) }},
		{"sts", "sts", func(c aws.Config) any { return sts.NewFromConfig(c) }},
		{"cloudwatch in CBOR", "monitoring", func(c aws.Config) any { return cloudwatch.NewFromConfig(c) }},
		{"cloudwatch in JSON", "monitoring", func(c aws.Config) any {
			return cloudwatch.NewFromConfig(c, func(o *cloudwatch.Options) {
				o.Protocol = awsjson.New10(schemas.GraniteServiceVersion20100801)
			})
		}},
		{"cloudwatch in Query", "monitoring", func(c aws.Config) any {
			return cloudwatch.NewFromConfig(c, func(o *cloudwatch.Options) {
				o.Protocol = awsquery.New(schemas.GraniteServiceVersion20100801)
			})
		}},
	}
}

// TestRoundTrip has the SDK's own client call every operation of every service with
// every member filled, and compares what arrived on either side.
func TestRoundTrip(t *testing.T) {
	for _, service := range spokenServices() {
		t.Run(service.name, func(t *testing.T) {
			desk := &desk{}
			config := serve(t, service.scope, desk)
			client := service.client(config)
			desk.operations(reflect.TypeOf(client))
			handler := desk.handler(t, service.scope)
			desk.server.Config.Handler = handler
			for _, operation := range desk.offered {
				t.Run(operation.Name, func(t *testing.T) { roundTrip(t, client, desk, operation) })
			}
		})
	}
}

// plain has net/http only read bodies: it closes the connection of one that the SDK has
// closed while it writes itself, and with it an answer that is being read.
type plain struct{ http.RoundTripper }

func (p plain) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body != nil {
		request.Body = struct{ io.ReadCloser }{request.Body}
	}
	return p.RoundTripper.RoundTrip(request)
}

// desk is a service that answers every operation with a filled output.
type desk struct {
	server   *httptest.Server
	offered  []Operation
	received any
	answered any
}

func serve(t *testing.T, scope string, d *desk) aws.Config {
	t.Helper()
	d.server = httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(d.server.Close)
	address := d.server.Listener.Addr().String()
	dialer := &net.Dialer{}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "tcp", address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return aws.Config{
		Region:       "us-west-2",
		BaseEndpoint: aws.String("http://" + scope + ".test"),
		HTTPClient:   &http.Client{Transport: plain{transport}, Timeout: time.Minute},
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}, nil
		}),
	}
}

func (d *desk) handler(t *testing.T, scope string) *Handler {
	t.Helper()
	handler, err := NewHandler([]Service{{Scope: scope, Operations: d.offered}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// operations offers whatever a client can call.
func (d *desk) operations(client reflect.Type) {
	for method := range client.Methods() {
		if method.Type.NumIn() != 4 || method.Type.NumOut() != 2 || slices.Contains(unreachable, method.Name) {
			continue
		}
		operation := Operation{
			Name:  method.Name,
			input: method.Type.In(2).Elem(), output: method.Type.Out(0).Elem(),
		}
		route := appmeshRoutes[method.Name]
		operation.Method, operation.Path = route[0], route[1]
		operation.call = func(_ context.Context, input any) (any, error) {
			d.received = input
			output := reflect.New(operation.output)
			(&filler{}).fill(output.Elem(), nil)
			d.answered = output.Interface()
			return d.answered, nil
		}
		d.offered = append(d.offered, operation)
	}
}

func roundTrip(t *testing.T, client any, d *desk, operation Operation) {
	t.Helper()
	d.received, d.answered = nil, nil
	input := reflect.New(operation.input)
	(&filler{}).fill(input.Elem(), nil)
	results := reflect.ValueOf(client).MethodByName(operation.Name).Call(
		[]reflect.Value{reflect.ValueOf(t.Context()), input})
	if err, failed := reflect.TypeAssert[error](results[1]); failed {
		t.Fatal(err)
	}
	if difference := differ(input, reflect.ValueOf(d.received), "input"); difference != "" {
		t.Error(difference)
	}
	if difference := differ(reflect.ValueOf(d.answered), results[0], "output"); difference != "" {
		t.Error(difference)
	}
}

// filler gives every member of a structure a value of its own, but for what would
// nest a structure in itself without end and for unions that the codecs refuse.
type filler struct {
	count int
}

func (f *filler) fill(value reflect.Value, within []reflect.Type) {
	f.count++
	shape := value.Type()
	switch {
	case shape == timeType:
		value.Set(reflect.ValueOf(time.UnixMilli(1_700_000_000_125 + int64(f.count)*1000).UTC()))
	case shape == documentType:
	case shape.Kind() == reflect.Pointer:
		if !slices.Contains(within, shape.Elem()) {
			value.Set(reflect.New(shape.Elem()))
			f.fill(value.Elem(), within)
		}
	case shape.Kind() == reflect.Struct:
		for _, field := range fieldsOf(shape) {
			f.fill(value.Field(field.index), append(slices.Clone(within), shape))
		}
	case shape.Kind() == reflect.Interface:
		f.fillUnion(value, within)
	case shape == bytesType:
		value.SetBytes(fmt.Appendf(nil, "blob %d", f.count))
	case shape.Kind() == reflect.Slice:
		f.fillSlice(value, within)
	case shape.Kind() == reflect.Map:
		f.fillMap(value, within)
	default:
		f.fillScalar(value)
	}
}

func (f *filler) fillUnion(value reflect.Value, within []reflect.Type) {
	var names []string
	for name := range unions[value.Type()] {
		names = append(names, name)
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	member := reflect.New(unions[value.Type()][names[f.count%len(names)]])
	f.fill(member.Elem().FieldByName("Value"), within)
	value.Set(member)
}

func (f *filler) fillSlice(value reflect.Value, within []reflect.Type) {
	element := value.Type().Elem()
	if slices.Contains(within, element) || element.Kind() == reflect.Interface && unions[element] == nil {
		return
	}
	list := reflect.MakeSlice(value.Type(), 2, 2)
	f.fill(list.Index(0), within)
	f.fill(list.Index(1), within)
	value.Set(list)
}

func (f *filler) fillMap(value reflect.Value, within []reflect.Type) {
	if slices.Contains(within, value.Type().Elem()) {
		return
	}
	entries := reflect.MakeMap(value.Type())
	for _, key := range []string{"first key", "second"} {
		entry := reflect.New(value.Type().Elem()).Elem()
		f.fill(entry, within)
		entries.SetMapIndex(reflect.ValueOf(key).Convert(value.Type().Key()), entry)
	}
	value.Set(entries)
}

func (f *filler) fillScalar(value reflect.Value) {
	switch value.Kind() {
	case reflect.String:
		value.SetString(fmt.Sprintf("text <%d> & \"é\"/…", f.count))
	case reflect.Bool:
		value.SetBool(true)
	case reflect.Int32, reflect.Int64:
		value.SetInt(int64(f.count))
	case reflect.Float32, reflect.Float64:
		value.SetFloat(float64(f.count) + 0.25)
	default:
		panic("the filler has no value for " + value.Type().String())
	}
}

// differ says where two values first differ, and nothing when they do not.
func differ(want, got reflect.Value, path string) string {
	if !want.IsValid() || !got.IsValid() {
		return fmt.Sprintf("%s: want %v, got %v", path, want, got)
	}
	if want.Type() != got.Type() {
		return fmt.Sprintf("%s: want a %s, got a %s", path, want.Type(), got.Type())
	}
	switch {
	case want.Type() == timeType:
		if a, b := want.Interface().(time.Time), got.Interface().(time.Time); !a.Equal(b) {
			return fmt.Sprintf("%s: want %v, got %v", path, a, b)
		}
	case want.Kind() == reflect.Pointer, want.Kind() == reflect.Interface:
		if want.IsNil() != got.IsNil() {
			return fmt.Sprintf("%s: want %v, got %v", path, want, got)
		}
		if !want.IsNil() {
			return differ(want.Elem(), got.Elem(), path)
		}
	case want.Kind() == reflect.Struct:
		for _, field := range fieldsOf(want.Type()) {
			difference := differ(want.Field(field.index), got.Field(field.index), path+"."+field.name)
			if difference != "" {
				return difference
			}
		}
	case want.Kind() == reflect.Slice && want.Type() != bytesType:
		if want.Len() != got.Len() {
			return fmt.Sprintf("%s: want %d elements, got %d", path, want.Len(), got.Len())
		}
		for i := range want.Len() {
			if difference := differ(want.Index(i), got.Index(i), fmt.Sprintf("%s[%d]", path, i)); difference != "" {
				return difference
			}
		}
	case want.Kind() == reflect.Map:
		for key, entry := range want.Seq2() {
			if difference := differ(entry, got.MapIndex(key), path+"."+key.String()); difference != "" {
				return difference
			}
		}
	case !reflect.DeepEqual(want.Interface(), got.Interface()):
		return fmt.Sprintf("%s: want %v, got %v", path, want, got)
	}
	return ""
}
