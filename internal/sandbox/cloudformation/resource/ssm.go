package resource

import (
	"context"
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"

	"serin/internal/sandbox/cloudformation/property"
)

// SSM is the part of Systems Manager's API that stacks use.
type SSM interface {
	PutParameter(context.Context, *sdk.PutParameterInput) (*sdk.PutParameterOutput, error)
	GetParameter(context.Context, *sdk.GetParameterInput) (*sdk.GetParameterOutput, error)
	DeleteParameter(context.Context, *sdk.DeleteParameterInput) (*sdk.DeleteParameterOutput, error)
}

func ssmTypes(api SSM) Registry {
	return Registry{
		"AWS::SSM::Parameter": {
			Provider: parameter(api), Attributes: []string{"Type", "Value"}, NameProperty: "Name",
			Duration: 2 * time.Second, Tags: TagMap,
		},
	}
}

// tagPairs turns Tags, which AWS::SSM::Parameter writes as a mapping, into the list
// that the SDK has.
func tagPairs(properties map[string]any) map[string]any {
	tags, ok := properties["Tags"].(map[string]any)
	if !ok {
		return properties
	}
	reshaped := make(map[string]any, len(properties))
	maps.Copy(reshaped, properties)
	list := make([]any, 0, len(tags))
	for key, value := range tags {
		list = append(list, map[string]any{"Key": key, "Value": value})
	}
	reshaped["Tags"] = list
	return reshaped
}

func parameter(api SSM) Provider {
	put := func(ctx context.Context, in *sdk.PutParameterInput) (Resource, error) {
		if in.Type == "SecureString" {
			// Templates are no place for secrets: the type is not offered to them.
			return Resource{}, &property.Error{Violations: []string{"#/Type: SecureString is not a valid enum value"}}
		}
		if _, err := api.PutParameter(ctx, in); err != nil {
			return Resource{}, err
		}
		return Resource{PhysicalID: *in.Name, Attributes: map[string]any{
			"Type": string(in.Type), "Value": aws.ToString(in.Value),
		}}, nil
	}
	return typed[sdk.PutParameterInput]{
		service: "Ssm",
		mapper: property.Mapper{
			Hidden:   map[string]bool{"KeyId": true, "Overwrite": true},
			Required: map[string][]string{"PutParameterInput": {"Type", "Value"}},
		},
		reshape: tagPairs,
		name:    func(in *sdk.PutParameterInput) **string { return &in.Name },
		create:  put,
		pinned:  []string{"Name", "Type"},
		update: func(ctx context.Context, existing Resource, in *sdk.PutParameterInput) (Resource, error) {
			// Systems Manager refuses tags when it overwrites.
			in.Name, in.Overwrite, in.Tags = &existing.PhysicalID, aws.Bool(true), nil
			return put(ctx, in)
		},
		remove: func(ctx context.Context, existing Resource) error {
			_, err := api.DeleteParameter(ctx, &sdk.DeleteParameterInput{Name: &existing.PhysicalID})
			return err
		},
	}
}
