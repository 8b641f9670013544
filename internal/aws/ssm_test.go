package aws

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"serin/internal/engine"
)

// parameterFake is one parameter; its versions are its values.
type parameterFake struct {
	values  []string
	put     *ssm.PutParameterInput
	options ssm.Options
	got     *ssm.GetParameterInput
	fail    map[string]error
	history func(*ssm.GetParameterHistoryInput) *ssm.GetParameterHistoryOutput
}

var _ ParameterAPI = (*parameterFake)(nil)

func (p *parameterFake) versions() *Versions { return NewVersions(p, here()) }

func (p *parameterFake) GetParameter(_ context.Context, in *ssm.GetParameterInput, _ ...func(*ssm.Options)) (*ssm.GetParameterOutput, error) {
	p.got = in
	if err := p.fail["GetParameter"]; err != nil {
		return nil, err
	}
	if len(p.values) == 0 {
		return nil, said("SSM", "GetParameter", 400, "ParameterNotFound", "")
	}
	last := p.values[len(p.values)-1]
	return &ssm.GetParameterOutput{Parameter: &types.Parameter{Value: &last, Version: int64(len(p.values))}}, nil
}

func (p *parameterFake) PutParameter(_ context.Context, in *ssm.PutParameterInput, options ...func(*ssm.Options)) (*ssm.PutParameterOutput, error) {
	p.put = in
	for _, option := range options {
		option(&p.options)
	}
	if err := p.fail["PutParameter"]; err != nil {
		return nil, err
	}
	p.values = append(p.values, *in.Value)
	return &ssm.PutParameterOutput{Version: int64(len(p.values))}, nil
}

func (p *parameterFake) GetParameterHistory(_ context.Context, in *ssm.GetParameterHistoryInput, _ ...func(*ssm.Options)) (*ssm.GetParameterHistoryOutput, error) {
	if err := p.fail["GetParameterHistory"]; err != nil {
		return nil, err
	}
	return p.history(in), nil
}

func TestTheRecordCountsDeployments(t *testing.T) {
	fake := &parameterFake{}
	if deployed, err := fake.versions().Deployed(t.Context(), appserver()); err != nil || deployed != (engine.Deployed{}) {
		t.Errorf("before the first: %+v, %v", deployed, err)
	}
	for n, image := range []string{"yelb-appserver:planted", "yelb-appserver:fixed"} {
		number, err := fake.versions().Record(t.Context(), appserver(), image)
		if err != nil || number != int64(n+1) {
			t.Errorf("%d, %v", number, err)
		}
	}
	deployed, err := fake.versions().Deployed(t.Context(), appserver())
	if want := (engine.Deployed{Exists: true, Image: "yelb-appserver:fixed", Number: 2}); err != nil || deployed != want {
		t.Errorf("%+v, %v", deployed, err)
	}
	if *fake.got.Name != "ecs-blogpost-canary-yelb-appserver-version" || !*fake.got.WithDecryption {
		t.Errorf("asked for %+v", fake.got)
	}
	if put := fake.put; *put.Name != *fake.got.Name || put.Type != types.ParameterTypeSecureString || !*put.Overwrite {
		t.Errorf("put %+v", put)
	}
	if fake.options.RetryMaxAttempts != 1 {
		t.Error("the SDK would write it twice")
	}
}

func TestTheValueIsInNoError(t *testing.T) {
	const image = "registry.example/secret:1"
	fake := &parameterFake{fail: map[string]error{
		"PutParameter": said("SSM", "PutParameter", 400, "ValidationException", "Value '"+image+"' at 'value' failed to satisfy constraint"),
	}}
	_, err := fake.versions().Record(t.Context(), appserver(), image)
	wantFault(t, err, engine.Invalid, "failed to satisfy constraint")
	for layer := err; layer != nil; layer = errors.Unwrap(layer) {
		if strings.Contains(layer.Error(), image) {
			t.Errorf("the value is in %v", layer)
		}
	}
}

func TestHistoryIsNewestFirst(t *testing.T) {
	page := func(token *string, versions ...int64) *ssm.GetParameterHistoryOutput {
		out := &ssm.GetParameterHistoryOutput{NextToken: token}
		for _, version := range versions {
			out.Parameters = append(out.Parameters, types.ParameterHistory{
				Version: version, Value: aws.String("image"), LastModifiedUser: aws.String("arn:kim"), LastModifiedDate: aws.Time(minute(int(version))),
			})
		}
		return out
	}
	fake := &parameterFake{history: func(in *ssm.GetParameterHistoryInput) *ssm.GetParameterHistoryOutput {
		if in.NextToken == nil {
			return page(aws.String("more"), 1, 2)
		}
		return page(nil, 3)
	}}
	records, err := fake.versions().History(t.Context(), appserver())
	want := []engine.PastVersion{}
	for _, number := range []int64{3, 2, 1} {
		want = append(want, engine.PastVersion{Number: number, Image: "image", At: minute(int(number)), By: "arn:kim"})
	}
	if err != nil || !reflect.DeepEqual(records, want) {
		t.Errorf("%+v, %v", records, err)
	}
	fake.history = func(*ssm.GetParameterHistoryInput) *ssm.GetParameterHistoryOutput { return page(aws.String("more")) }
	_, err = fake.versions().History(t.Context(), appserver())
	wantFault(t, err, engine.Transient, "repeats itself")
	fake.fail = map[string]error{"GetParameterHistory": said("SSM", "GetParameterHistory", 400, "ParameterNotFound", "")}
	if records, err := fake.versions().History(t.Context(), appserver()); err != nil || records != nil {
		t.Errorf("before the first: %v, %v", records, err)
	}
}

func TestVersionTroubles(t *testing.T) {
	for operation, call := range map[string]func(*Versions, context.Context) error{
		"GetParameter": func(v *Versions, ctx context.Context) error { _, err := v.Deployed(ctx, appserver()); return err },
		"PutParameter": func(v *Versions, ctx context.Context) error {
			_, err := v.Record(ctx, appserver(), "yelb-appserver:fixed")
			return err
		},
		"GetParameterHistory": func(v *Versions, ctx context.Context) error { _, err := v.History(ctx, appserver()); return err },
	} {
		t.Run(operation, func(t *testing.T) {
			testTroubles(t, "SSM", operation, func(failure error) error {
				return call((&parameterFake{fail: map[string]error{operation: failure}}).versions(), t.Context())
			})
		})
	}
}
