package resource

import (
	"context"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"

	"serin/internal/sandbox/cloudformation/property"
	"serin/internal/sandbox/region"
)

// CloudWatch is the part of CloudWatch's API that stacks use.
type CloudWatch interface {
	PutMetricAlarm(context.Context, *sdk.PutMetricAlarmInput) (*sdk.PutMetricAlarmOutput, error)
	DeleteAlarms(context.Context, *sdk.DeleteAlarmsInput) (*sdk.DeleteAlarmsOutput, error)
}

func cloudWatchTypes(place region.Region, api CloudWatch) Registry {
	return Registry{
		"AWS::CloudWatch::Alarm": {
			Provider: alarm(place, api), Attributes: []string{"Arn"}, NameProperty: "AlarmName",
			Duration: 2 * time.Second, Tags: TagList,
		},
	}
}

func alarm(place region.Region, api CloudWatch) Provider {
	put := func(ctx context.Context, in *sdk.PutMetricAlarmInput) (Resource, error) {
		if _, err := api.PutMetricAlarm(ctx, in); err != nil {
			return Resource{}, err
		}
		return Resource{
			PhysicalID: *in.AlarmName,
			Attributes: map[string]any{"Arn": place.ARN("cloudwatch", "alarm:"+*in.AlarmName)},
		}, nil
	}
	return typed[sdk.PutMetricAlarmInput]{
		service: "CloudWatch",
		mapper: property.Mapper{
			Required: map[string][]string{"PutMetricAlarmInput": {"ComparisonOperator", "EvaluationPeriods"}},
		},
		name:   func(in *sdk.PutMetricAlarmInput) **string { return &in.AlarmName },
		create: put,
		pinned: []string{"AlarmName"},
		update: func(ctx context.Context, existing Resource, in *sdk.PutMetricAlarmInput) (Resource, error) {
			in.AlarmName = &existing.PhysicalID
			return put(ctx, in)
		},
		remove: func(ctx context.Context, existing Resource) error {
			_, err := api.DeleteAlarms(ctx, &sdk.DeleteAlarmsInput{AlarmNames: []string{existing.PhysicalID}})
			return err
		},
	}
}
