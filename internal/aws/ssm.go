package aws

import (
	"context"
	"errors"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"serin/internal/engine"
)

// ParameterAPI is what Versions need of Parameter Store.
type ParameterAPI interface {
	GetParameter(context.Context, *ssm.GetParameterInput, ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
	PutParameter(context.Context, *ssm.PutParameterInput, ...func(*ssm.Options)) (*ssm.PutParameterOutput, error)
	GetParameterHistory(context.Context, *ssm.GetParameterHistoryInput, ...func(*ssm.Options)) (*ssm.GetParameterHistoryOutput, error)
}

// Versions are the records of deployed versions in Parameter Store: a SecureString a
// service, <env>-canary-<service>-version, whose value is the image and whose own
// version counts the deployments.
type Versions struct {
	api   ParameterAPI
	where Where
}

var (
	_ engine.Versions = (*Versions)(nil)
	_ engine.Archive  = (*Versions)(nil)
	_ ParameterAPI    = (*ssm.Client)(nil)
)

// NewVersions are the records of one account and region.
func NewVersions(api ParameterAPI, where Where) *Versions { return &Versions{api: api, where: where} }

func parameterTarget(service engine.Service) string { return "parameter " + service.ParameterName() }

// Deployed reads the record of a service.
func (v *Versions) Deployed(ctx context.Context, service engine.Service) (engine.Deployed, error) {
	out, err := v.api.GetParameter(ctx, &ssm.GetParameterInput{
		Name: awssdk.String(service.ParameterName()), WithDecryption: awssdk.Bool(true),
	})
	if hasCode(err, "ParameterNotFound") {
		return engine.Deployed{}, nil
	}
	if err != nil {
		return engine.Deployed{}, v.where.fault(ctx, "read", parameterTarget(service), err)
	}
	if out.Parameter == nil {
		return engine.Deployed{}, refuse("read", parameterTarget(service), engine.Transient, "", "the answer has no parameter")
	}
	return engine.Deployed{Exists: true, Image: text(out.Parameter.Value), Number: out.Parameter.Version}, nil
}

// Record records an image. The SDK does not try it again, because each write that
// reached AWS counts: whoever calls reads before they repeat.
func (v *Versions) Record(ctx context.Context, service engine.Service, image string) (int64, error) {
	out, err := v.api.PutParameter(ctx, &ssm.PutParameterInput{
		Name: awssdk.String(service.ParameterName()), Value: &image,
		Type: types.ParameterTypeSecureString, Overwrite: awssdk.Bool(true),
	}, func(options *ssm.Options) { options.RetryMaxAttempts = 1 })
	if err != nil {
		return 0, withoutSecret(v.where.fault(ctx, "write", parameterTarget(service), err), image)
	}
	return out.Version, nil
}

// withoutSecret takes a value out of a fault: SSM repeats values that it does not like.
func withoutSecret(err error, value string) error {
	fault, ok := errors.AsType[*engine.Fault](err)
	if !ok || value == "" || !strings.Contains(fault.Err.Error(), clean(value)) {
		return err
	}
	fault.Err = &cause{text: strings.ReplaceAll(fault.Err.Error(), clean(value), "(the value)")}
	return fault
}

// historyPerRequest is the most that GetParameterHistory answers with (API reference).
const historyPerRequest = 50

// History reads the records of a service, newest first; it is empty before the first
// deployment. Parameter Store keeps a hundred of them.
func (v *Versions) History(ctx context.Context, service engine.Service) ([]engine.PastVersion, error) {
	var records []engine.PastVersion
	input := &ssm.GetParameterHistoryInput{
		Name: awssdk.String(service.ParameterName()), WithDecryption: awssdk.Bool(true),
		MaxResults: awssdk.Int32(historyPerRequest),
	}
	pages := newPages()
	for {
		out, err := v.api.GetParameterHistory(ctx, input)
		if hasCode(err, "ParameterNotFound") {
			return nil, nil
		}
		if err != nil {
			return nil, v.where.fault(ctx, "read the history of", parameterTarget(service), err)
		}
		for _, record := range out.Parameters {
			records = append(records, engine.PastVersion{
				Number: record.Version, Image: text(record.Value),
				At: awssdk.ToTime(record.LastModifiedDate), By: text(record.LastModifiedUser),
			})
		}
		if awssdk.ToString(out.NextToken) == "" {
			break
		}
		if err := pages.next(*out.NextToken); err != nil {
			return nil, v.where.fault(ctx, "read the history of", parameterTarget(service), err)
		}
		input.NextToken = out.NextToken
	}
	slices.SortFunc(records, func(a, b engine.PastVersion) int { return int(b.Number - a.Number) })
	return records, nil
}
