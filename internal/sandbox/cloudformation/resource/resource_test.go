package resource_test

import (
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"serin/internal/sandbox/cloudformation/resource"
	"serin/internal/sandbox/region"
)

func registry() resource.Registry {
	return resource.NewRegistry(region.Region{Account: "123456789012", Name: "us-west-2"}, resource.Services{})
}

func request(properties map[string]any) resource.Request {
	return resource.Request{LogicalID: "It", StackName: "stack", StackID: "id", Properties: properties}
}

func TestInertTypes(t *testing.T) {
	t.Parallel()
	types := registry()
	cases := []struct {
		kind       string
		properties map[string]any
		id         string
		attributes map[string]string
	}{
		{"AWS::EC2::VPC", map[string]any{"CidrBlock": "10.0.0.0/16"}, `vpc-[0-9a-f]{17}`, map[string]string{"CidrBlock": `10\.0\.0\.0/16`, "DefaultSecurityGroup": `sg-[0-9a-f]{17}`}},
		{"AWS::EC2::Subnet", map[string]any{"VpcId": "vpc-1"}, `subnet-[0-9a-f]{17}`, map[string]string{"AvailabilityZone": "us-west-2a", "VpcId": "vpc-1"}},
		{"AWS::EC2::VPCGatewayAttachment", map[string]any{"VpcId": "vpc-1", "InternetGatewayId": "igw-1"}, `igw-1\|vpc-1`, nil},
		{"AWS::EC2::EIP", nil, `203\.0\.113\.\d+`, map[string]string{"AllocationId": `eipalloc-[0-9a-f]{17}`}},
		{"AWS::EC2::SecurityGroupIngress", map[string]any{"IpProtocol": "tcp", "GroupId": "sg-1"}, `sgr-[0-9a-f]{17}`, nil},
		{"AWS::IAM::Role", map[string]any{"AssumeRolePolicyDocument": map[string]any{}}, `stack-It-[A-Z2-7]{12}`, map[string]string{"Arn": `arn:aws:iam::123456789012:role/stack-It-[A-Z2-7]{12}`}},
		{"AWS::IAM::Role", map[string]any{"AssumeRolePolicyDocument": map[string]any{}, "RoleName": "task"}, `task`, map[string]string{"Arn": `arn:aws:iam::123456789012:role/task`}},
		{"AWS::IAM::ManagedPolicy", map[string]any{"PolicyDocument": map[string]any{}}, `arn:aws:iam::123456789012:policy/stack-It-.*`, nil},
		{"AWS::ElasticLoadBalancingV2::LoadBalancer", map[string]any{"Name": "Yelb"}, `arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/Yelb/[0-9a-f]{16}`, map[string]string{"LoadBalancerFullName": `app/Yelb/[0-9a-f]{16}`, "DNSName": `yelb-12345678\.us-west-2\.elb\.amazonaws\.com`}},
		{"AWS::ElasticLoadBalancingV2::TargetGroup", map[string]any{"Name": "Yelb"}, `arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/Yelb/[0-9a-f]{16}`, map[string]string{"TargetGroupFullName": `targetgroup/Yelb/[0-9a-f]{16}`}},
		{"AWS::ElasticLoadBalancingV2::Listener", map[string]any{"LoadBalancerArn": "arn:x:loadbalancer/app/y/1", "DefaultActions": []any{}}, `arn:x:listener/app/y/1/[0-9a-f]{16}`, nil},
		{"AWS::ECR::Repository", nil, `stack-it-[a-z2-7]{12}`, map[string]string{"RepositoryUri": `123456789012\.dkr\.ecr\.us-west-2\.amazonaws\.com/stack-it-.*`}},
		{"AWS::Logs::LogGroup", map[string]any{"LogGroupName": "/yelb"}, `/yelb`, map[string]string{"Arn": `arn:aws:logs:us-west-2:123456789012:log-group:/yelb:\*`}},
		{"AWS::KMS::Key", nil, `[0-9a-f-]{36}`, map[string]string{"Arn": `arn:aws:kms:us-west-2:123456789012:key/[0-9a-f-]{36}`}},
	}
	for _, c := range cases {
		made, err := types[c.kind].Create(t.Context(), request(c.properties))
		if err != nil {
			t.Errorf("%s: %v", c.kind, err)
			continue
		}
		if !regexp.MustCompile("^" + c.id + "$").MatchString(made.PhysicalID) {
			t.Errorf("%s has the id %s", c.kind, made.PhysicalID)
		}
		for attribute, pattern := range c.attributes {
			value, _ := made.Attributes[attribute].(string)
			if !regexp.MustCompile("^" + pattern + "$").MatchString(value) {
				t.Errorf("%s.%s is %q", c.kind, attribute, value)
			}
		}
	}
}

func TestInertNamesAreUniqueWhileTheyAreThere(t *testing.T) {
	t.Parallel()
	kind := registry()["AWS::Logs::LogGroup"]
	properties := map[string]any{"LogGroupName": "/yelb", "RetentionInDays": "7"}
	made, err := kind.Create(t.Context(), request(properties))
	if err != nil {
		t.Fatal(err)
	}
	_, err = kind.Create(t.Context(), request(properties))
	want := `Resource handler returned message: "Resource of type 'AWS::Logs::LogGroup' with identifier '/yelb' already exists." (RequestToken: `
	if reason := resource.Reason("It", err); !strings.HasPrefix(reason, want) || !strings.HasSuffix(reason, "HandlerErrorCode: AlreadyExists)") {
		t.Errorf("got %s", reason)
	}
	changed, err := kind.Update(t.Context(), made, request(map[string]any{"LogGroupName": "/yelb", "RetentionInDays": "14"}))
	if err != nil || changed.PhysicalID != made.PhysicalID || !reflect.DeepEqual(changed.Attributes, made.Attributes) {
		t.Errorf("%+v, %v", changed, err)
	}
	_, err = kind.Update(t.Context(), made, request(map[string]any{"LogGroupName": "/other"}))
	if !errors.Is(err, resource.ErrReplacement) {
		t.Errorf("another name: %v", err)
	}
	if err := kind.Delete(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	if _, err = kind.Create(t.Context(), request(properties)); err != nil {
		t.Errorf("the name is not free again: %v", err)
	}
}

func TestWithTags(t *testing.T) {
	t.Parallel()
	stackTags := map[string]string{"team": "a", "owner": "stack"}
	own := map[string]any{"Tags": []any{map[string]any{"Key": "owner", "Value": "kim"}}}
	list := resource.Type{Tags: resource.TagList}.WithTags(own, stackTags)
	if want := []any{map[string]any{"Key": "owner", "Value": "kim"}, map[string]any{"Key": "team", "Value": "a"}}; !reflect.DeepEqual(list["Tags"], want) {
		t.Errorf("list %v", list)
	}
	if len(own["Tags"].([]any)) != 1 {
		t.Error("the template's own tags have changed")
	}
	mapping := resource.Type{Tags: resource.TagMap}.WithTags(map[string]any{"Tags": map[string]any{"owner": "kim"}}, stackTags)
	if want := map[string]any{"owner": "kim", "team": "a"}; !reflect.DeepEqual(mapping["Tags"], want) {
		t.Errorf("mapping %v", mapping)
	}
	if untagged := (resource.Type{}).WithTags(map[string]any{}, stackTags); len(untagged) != 0 {
		t.Errorf("untagged %v", untagged)
	}
}

func TestTypesOfMissingServicesAreNotOffered(t *testing.T) {
	t.Parallel()
	if _, offered := registry()["AWS::ECS::Service"]; offered {
		t.Error("a service without ECS")
	}
	for name, well := range map[string]bool{
		"AWS::SNS::Topic": true, "Custom::Thing": true, "Topic": false, "AWS::SNS": false, "AWS::::Topic": false, "": false,
	} {
		if resource.Wellformed(name) != well {
			t.Errorf("%q is well-formed: %v", name, !well)
		}
	}
}
