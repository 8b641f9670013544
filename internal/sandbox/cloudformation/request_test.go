package cloudformation_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"serin/internal/sandbox/cloudformation"
	"serin/internal/sandbox/region"
)

const topic = "Resources: {Topic: {Type: 'AWS::SNS::Topic'}}"

func TestCreateStackIsIdempotentByToken(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		in := func() *sdk.CreateStackInput {
			return &sdk.CreateStackInput{
				StackName: aws.String("s"), TemplateBody: aws.String(topic), ClientRequestToken: aws.String("one"),
				Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}},
			}
		}
		id := w.create(in())
		if again := w.create(in()); again != id {
			t.Errorf("the same request makes %s and %s", id, again)
		}
		exists := "Stack [s] already exists"
		other := in()
		other.Tags[0].Value = aws.String("c")
		_, err := w.CreateStack(t.Context(), other)
		wantError(t, err, "AlreadyExistsException", exists)
		without := in()
		without.ClientRequestToken = nil
		_, err = w.CreateStack(t.Context(), without)
		wantError(t, err, "AlreadyExistsException", exists)
		w.await(id, types.StackStatusCreateComplete)
		if again := w.create(in()); again != id {
			t.Error("a late repetition makes another stack")
		}
		answers := make(chan string, 2)
		for range 2 {
			go func() {
				twin := in()
				twin.StackName = aws.String("twin")
				out, err := w.CreateStack(t.Context(), twin)
				if err != nil {
					t.Error(err)
					answers <- ""
					return
				}
				answers <- *out.StackId
			}()
		}
		if one, other := <-answers, <-answers; one != other {
			t.Errorf("two repetitions at once make %s and %s", one, other)
		}
		if n := len(w.events(id)); n != 5 {
			t.Errorf("%d events:\n%s", n, strings.Join(w.history(id), "\n"))
		}
	})
}

func TestCreateStackRefuses(t *testing.T) {
	name, long := aws.String("s"), strings.Repeat("x", 129)
	cases := []struct {
		name          string
		in            sdk.CreateStackInput
		code, message string
	}{
		{"no name", sdk.CreateStackInput{}, "ValidationError", "1 validation error detected: Value null at 'stackName' failed to satisfy constraint: Member must not be null"},
		{"pattern", sdk.CreateStackInput{StackName: aws.String("yelb.1")}, "ValidationError", "1 validation error detected: Value 'yelb.1' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"},
		{"length", sdk.CreateStackInput{StackName: &long}, "ValidationError", "1 validation error detected: Value '" + long + "' at 'stackName' failed to satisfy constraint: Member must have length less than or equal to 128"},
		{"no template", sdk.CreateStackInput{StackName: name}, "ValidationError", "Either Template URL or Template Body must be specified."},
		{"token", sdk.CreateStackInput{StackName: name, ClientRequestToken: aws.String("-x")}, "ValidationError", "1 validation error detected: Value '-x' at 'clientRequestToken' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9][-a-zA-Z0-9]*"},
		{"both", sdk.CreateStackInput{StackName: name, OnFailure: types.OnFailureDelete, DisableRollback: aws.Bool(false)}, "ValidationError", "You cannot specify both OnFailure and DisableRollback."},
		{"enum", sdk.CreateStackInput{StackName: name, OnFailure: "PANIC"}, "ValidationError", "1 validation error detected: Value 'PANIC' at 'onFailure' failed to satisfy constraint: Member must satisfy enum value set: [DO_NOTHING, ROLLBACK, DELETE]"},
		{"not a type", sdk.CreateStackInput{StackName: name, TemplateBody: aws.String("Resources: {A: {Type: 'Topic'}}")}, "ValidationError", "Template format error: Unrecognized resource types: [Topic]"},
		{"attribute", sdk.CreateStackInput{StackName: name, TemplateBody: aws.String(topic + "\nOutputs: {O: {Value: !GetAtt Topic.Colour}}")}, "ValidationError", "Template error: resource Topic does not support attribute type Colour in Fn::GetAtt"},
		{"parameter", sdk.CreateStackInput{StackName: name, TemplateBody: aws.String(topic), Parameters: parameters("X", "y")}, "ValidationError", "Parameters: [X] do not exist in the template"},
		{"value", sdk.CreateStackInput{StackName: name, TemplateBody: aws.String("Parameters: {X: {Type: String}}\n" + topic)}, "ValidationError", "Parameters: [X] must have values"},
		{"iam", sdk.CreateStackInput{StackName: name, TemplateBody: aws.String("Resources: {R: {Type: 'AWS::IAM::Role', Properties: {AssumeRolePolicyDocument: {}}}}")}, "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]"},
		{"named iam", sdk.CreateStackInput{StackName: name, Capabilities: []types.Capability{types.CapabilityCapabilityIam}, TemplateBody: aws.String("Resources: {R: {Type: 'AWS::IAM::Role', Properties: {RoleName: r, AssumeRolePolicyDocument: {}}}}")}, "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]"},
		{"import of a resource", sdk.CreateStackInput{StackName: name, TemplateBody: aws.String(topic + "\nOutputs: {O: {Value: !ImportValue {'Fn::Sub': '${Topic}'}}}")}, "ValidationError", "Template error: the attribute in Fn::ImportValue must not depend on any resources, imported values, or Fn::GetAZs"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				t := w.t
				_, err := w.CreateStack(t.Context(), &c.in)
				wantError(t, err, c.code, c.message)
			})
		})
	}
	t.Run("too much template", func(t *testing.T) {
		inWorld(t, func(w *world) {
			t := w.t
			body := topic + strings.Repeat(" ", 51201-len(topic))
			_, err := w.CreateStack(t.Context(), &sdk.CreateStackInput{StackName: name, TemplateBody: &body})
			if err == nil || !strings.HasSuffix(err.Error(), "Member must have length less than or equal to 51200") {
				t.Errorf("got %v", err)
			}
			fits := body[:51200]
			w.create(&sdk.CreateStackInput{StackName: name, TemplateBody: &fits})
		})
	})
}

func TestPropertiesAreChecked(t *testing.T) {
	cases := []struct{ name, resource, want string }{
		{"unknown type", "{Type: 'AWS::Lambda::Function'}", "Unrecognized resource types: [AWS::Lambda::Function]"},
		{"inert", "{Type: 'AWS::SNS::Topic', Properties: {Colour: red}}", "Properties validation failed for resource It with message:\n#: extraneous key [Colour] is not permitted"},
		{"nested", "{Type: 'AWS::AppMesh::Mesh', Properties: {Spec: {EgresFilter: {Type: ALLOW_ALL}}}}", "Properties validation failed for resource It with message:\n#/Spec: extraneous key [EgresFilter] is not permitted"},
		{"required", "{Type: 'AWS::AppMesh::VirtualNode', Properties: {Spec: {Listeners: [{}]}}}", "Properties validation failed for resource It with message:\n#/Spec/Listeners/0: required key [PortMapping] not found\n#: required key [MeshName] not found"},
		{"number", "{Type: 'AWS::ECS::Service', Properties: {TaskDefinition: x, DesiredCount: many}}", "Properties validation failed for resource It with message:\n#/DesiredCount: expected type: Integer, found: String"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				t := w.t
				id := w.create(&sdk.CreateStackInput{StackName: aws.String("s"), TemplateBody: aws.String("Resources: {It: " + c.resource + "}")})
				w.await(id, types.StackStatusRollbackComplete)
				index(t, w.history(id), "It CREATE_FAILED "+c.want)
			})
		})
	}
}

func TestFailureCancelsWhatIsUnderWay(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		id := w.create(&sdk.CreateStackInput{StackName: aws.String("s"), TemplateBody: aws.String(`
Resources:
  Good: {Type: "AWS::SNS::Topic"}
  Bad: {Type: "AWS::SNS::Topic", Properties: {Colour: red}}
  Later: {Type: "AWS::SNS::Topic", DependsOn: Good}
  Never: {Type: "AWS::SNS::Topic", DependsOn: Bad}
`)})
		w.await(id, types.StackStatusRollbackComplete)
		history := w.history(id)
		index(t, history, "s ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Bad, Good]. Rollback requested by user.")
		index(t, history, "Good CREATE_FAILED Resource creation cancelled")
		for _, line := range history {
			if strings.HasPrefix(line, "Never") || strings.HasPrefix(line, "Later") {
				t.Errorf("begun after the failure: %s", line)
			}
		}
	})
}

func TestExports(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		exporting := topic + "\nOutputs: {O: {Value: !GetAtt Topic.TopicName, Export: {Name: 'env:Topic'}}}"
		exporter := w.create(&sdk.CreateStackInput{StackName: aws.String("exporter"), TemplateBody: &exporting})
		w.await(exporter, types.StackStatusCreateComplete)
		_, err := w.ListImports(t.Context(), &sdk.ListImportsInput{ExportName: aws.String("env:Topic")})
		wantError(t, err, "ValidationError", "Export 'env:Topic' is not imported by any stack.")

		importer := w.create(&sdk.CreateStackInput{StackName: aws.String("importer"), TemplateBody: aws.String(
			"Resources: {T: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: !ImportValue 'env:Topic'}}}")})
		_, err = w.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: &exporter})
		wantError(t, err, "ValidationError", "Export env:Topic cannot be deleted as it is in use by importer")
		w.await(importer, types.StackStatusCreateComplete)

		exports, err := w.ListExports(t.Context(), &sdk.ListExportsInput{})
		if err != nil || len(exports.Exports) != 1 || *exports.Exports[0].ExportingStackId != exporter {
			t.Errorf("exports %v, %v", exports, err)
		}
		imports, err := w.ListImports(t.Context(), &sdk.ListImportsInput{ExportName: aws.String("env:Topic")})
		if err != nil || len(imports.Imports) != 1 || imports.Imports[0] != "importer" {
			t.Errorf("imports %v, %v", imports, err)
		}
		_, err = w.UpdateStack(t.Context(), &sdk.UpdateStackInput{StackName: &exporter, TemplateBody: aws.String(topic)})
		if err != nil {
			t.Fatal(err)
		}
		w.await(exporter, types.StackStatusUpdateRollbackComplete)
		index(t, w.history(exporter), "exporter UPDATE_ROLLBACK_IN_PROGRESS Export env:Topic cannot be deleted as it is in use by importer.")

		second := w.create(&sdk.CreateStackInput{StackName: aws.String("second"), TemplateBody: &exporting})
		w.await(second, types.StackStatusRollbackComplete)
		index(t, w.history(second), "second ROLLBACK_IN_PROGRESS Export with name env:Topic is already exported by stack exporter. Rollback requested by user.")

		lost := w.create(&sdk.CreateStackInput{StackName: aws.String("lost"), TemplateBody: aws.String(
			"Resources: {T: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: !ImportValue 'env:Nothing'}}}")})
		w.await(lost, types.StackStatusRollbackComplete)
		index(t, w.history(lost), "lost ROLLBACK_IN_PROGRESS No export named env:Nothing found. Rollback requested by user.")

		w.delete(&sdk.DeleteStackInput{StackName: &importer})
		w.await(importer, types.StackStatusDeleteComplete)
		w.delete(&sdk.DeleteStackInput{StackName: &exporter})
		w.await(exporter, types.StackStatusDeleteComplete)
		if exports, err = w.ListExports(t.Context(), &sdk.ListExportsInput{}); err != nil || len(exports.Exports) != 0 {
			t.Errorf("exports %v, %v", exports, err)
		}
	})
}

func TestTerminationProtectionAndRetention(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		id := w.create(&sdk.CreateStackInput{
			StackName: aws.String("s"), EnableTerminationProtection: aws.Bool(true),
			TemplateBody: aws.String("Resources: {Kept: {Type: 'AWS::SNS::Topic', DeletionPolicy: Retain}, Gone: {Type: 'AWS::SNS::Topic'}}"),
		})
		stack := w.await(id, types.StackStatusCreateComplete)
		if !*stack.EnableTerminationProtection {
			t.Error("not protected")
		}
		_, err := w.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: aws.String("s")})
		wantError(t, err, "ValidationError", "Stack [s] cannot be deleted while TerminationProtection is enabled")
		_, err = w.UpdateTerminationProtection(t.Context(), &sdk.UpdateTerminationProtectionInput{
			StackName: aws.String("s"), EnableTerminationProtection: aws.Bool(false),
		})
		if err != nil {
			t.Fatal(err)
		}
		w.delete(&sdk.DeleteStackInput{StackName: aws.String("s")})
		w.await(id, types.StackStatusDeleteComplete)
		index(t, w.history(id), "Kept DELETE_SKIPPED")
		index(t, w.history(id), "Gone DELETE_COMPLETE")
		w.delete(&sdk.DeleteStackInput{StackName: aws.String("never-was")})
	})
}

func TestDescriptions(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		body := "Description: one topic\nParameters: {Secret: {Type: String, NoEcho: true}, Plain: {Type: String, Default: p}}\n" +
			"Resources: {Topic: {Type: 'AWS::SNS::Topic', Metadata: {Owner: kim}, Properties: {DisplayName: !Sub 'x-${Secret}'}}}"
		id := w.create(&sdk.CreateStackInput{
			StackName: aws.String("s"), TemplateBody: &body, Parameters: parameters("Secret", "hush"),
			Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("a")}},
		})
		stack := w.await(id, types.StackStatusCreateComplete)
		shown := fmt.Sprint(*stack.Parameters[0].ParameterKey, *stack.Parameters[0].ParameterValue, *stack.Parameters[1].ParameterValue)
		if shown != "Plainp****" || *stack.Description != "one topic" || *stack.Tags[0].Key != "team" {
			t.Errorf("stack %+v", stack)
		}
		for _, event := range w.events(id) {
			if shown := aws.ToString(event.ResourceProperties); strings.Contains(shown, "hush") ||
				(event.ResourceStatus == types.ResourceStatusCreateComplete && *event.LogicalResourceId == "Topic" && !strings.Contains(shown, `"x-****"`)) {
				t.Errorf("an event shows %s", shown)
			}
		}
		one, err := w.DescribeStackResource(t.Context(), &sdk.DescribeStackResourceInput{
			StackName: &id, LogicalResourceId: aws.String("Topic"),
		})
		if err != nil || *one.StackResourceDetail.Metadata != `{"Owner":"kim"}` {
			t.Fatalf("%+v, %v", one, err)
		}
		arn := one.StackResourceDetail.PhysicalResourceId
		for _, in := range []*sdk.DescribeStackResourcesInput{{StackName: &id}, {PhysicalResourceId: arn}} {
			all, err := w.DescribeStackResources(t.Context(), in)
			if err != nil || len(all.StackResources) != 1 || all.StackResources[0].ResourceStatus != types.ResourceStatusCreateComplete {
				t.Errorf("%+v, %v", all, err)
			}
		}
		listed, err := w.ListStackResources(t.Context(), &sdk.ListStackResourcesInput{StackName: &id})
		if err != nil || len(listed.StackResourceSummaries) != 1 || *listed.StackResourceSummaries[0].PhysicalResourceId != *arn {
			t.Errorf("%+v, %v", listed, err)
		}
		got, err := w.GetTemplate(t.Context(), &sdk.GetTemplateInput{StackName: &id})
		if err != nil || *got.TemplateBody != body {
			t.Errorf("%+v, %v", got, err)
		}
		validated, err := w.ValidateTemplate(t.Context(), &sdk.ValidateTemplateInput{TemplateBody: &body})
		if err != nil || len(validated.Parameters) != 2 || !*validated.Parameters[1].NoEcho || *validated.Description != "one topic" {
			t.Errorf("%+v, %v", validated, err)
		}
		bare, err := w.ValidateTemplate(t.Context(), &sdk.ValidateTemplateInput{TemplateBody: aws.String(topic)})
		if err != nil || bare.Parameters == nil {
			t.Errorf("the AWS CLI needs a list of parameters, even an empty one: %+v, %v", bare, err)
		}
		_, err = w.ValidateTemplate(t.Context(), &sdk.ValidateTemplateInput{TemplateBody: aws.String("Resources: []")})
		wantError(t, err, "ValidationError", "Template format error: [/Resources] 'Resources' expected a JSON object.")
		summary, err := w.GetTemplateSummary(t.Context(), &sdk.GetTemplateSummaryInput{StackName: &id})
		if err != nil || len(summary.ResourceTypes) != 1 || *summary.Parameters[1].ParameterType != "String" {
			t.Errorf("%+v, %v", summary, err)
		}
		_, err = w.DescribeStackEvents(t.Context(), &sdk.DescribeStackEventsInput{StackName: aws.String("nobody")})
		wantError(t, err, "ValidationError", "Stack [nobody] does not exist")
	})
}

func TestPages(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		var many strings.Builder
		many.WriteString("Resources:\n")
		for i := range 60 {
			fmt.Fprintf(&many, "  Topic%d: {Type: 'AWS::SNS::Topic'}\n", i)
		}
		id := w.create(&sdk.CreateStackInput{StackName: aws.String("many"), TemplateBody: aws.String(many.String())})
		w.await(id, types.StackStatusCreateComplete)
		first, err := w.DescribeStackEvents(t.Context(), &sdk.DescribeStackEventsInput{StackName: &id})
		if err != nil || len(first.StackEvents) != 100 || *first.StackEvents[0].ResourceType != "AWS::CloudFormation::Stack" {
			t.Fatalf("%d events, %v", len(first.StackEvents), err)
		}
		w.delete(&sdk.DeleteStackInput{StackName: &id})
		second, err := w.DescribeStackEvents(t.Context(), &sdk.DescribeStackEventsInput{StackName: &id, NextToken: first.NextToken})
		if err != nil || len(second.StackEvents) != 82 || second.NextToken != nil {
			t.Errorf("%d events, %v", len(second.StackEvents), err)
		}
		_, err = w.DescribeStackEvents(t.Context(), &sdk.DescribeStackEventsInput{StackName: &id, NextToken: aws.String("%")})
		wantError(t, err, "ValidationError", "NextToken is invalid")
		w.await(id, types.StackStatusDeleteComplete)

		for i := range 130 {
			w.create(&sdk.CreateStackInput{StackName: aws.String(fmt.Sprintf("s%d", i)), TemplateBody: aws.String(topic)})
		}
		w.await("s129", types.StackStatusCreateComplete)
		var names []string
		in := &sdk.DescribeStacksInput{}
		for {
			out, err := w.DescribeStacks(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			for _, stack := range out.Stacks {
				names = append(names, *stack.StackName)
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				break
			}
		}
		if len(names) != 130 || names[0] != "s129" || names[129] != "s0" {
			t.Errorf("%d stacks, %v", len(names), names)
		}
		deleted, err := w.ListStacks(t.Context(), &sdk.ListStacksInput{StackStatusFilter: []types.StackStatus{types.StackStatusDeleteComplete}})
		if err != nil || len(deleted.StackSummaries) != 1 || *deleted.StackSummaries[0].StackName != "many" {
			t.Errorf("%+v, %v", deleted, err)
		}
		all, err := w.ListStacks(t.Context(), &sdk.ListStacksInput{})
		if err != nil || len(all.StackSummaries) != 100 || all.NextToken == nil {
			t.Errorf("%d stacks, %v", len(all.StackSummaries), err)
		}
	})
}

// store is a Systems Manager with one parameter.
type store struct{}

func (store) PutParameter(context.Context, *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
	return &ssm.PutParameterOutput{Version: 1}, nil
}

func (store) DeleteParameter(context.Context, *ssm.DeleteParameterInput) (*ssm.DeleteParameterOutput, error) {
	return &ssm.DeleteParameterOutput{}, nil
}

func (store) GetParameter(_ context.Context, in *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
	if *in.Name != "/image" {
		return nil, &ssmtypes.ParameterNotFound{}
	}
	return &ssm.GetParameterOutput{Parameter: &ssmtypes.Parameter{Value: aws.String("yelb:1")}}, nil
}

func TestStoredParameters(t *testing.T) {
	t.Parallel()
	s := cloudformation.New(region.Region{Account: "123456789012", Name: "us-west-2"}, cloudformation.Services{SSM: store{}})
	defer s.Close()
	in := func(name string) *sdk.CreateStackInput {
		return &sdk.CreateStackInput{StackName: aws.String("s"), Parameters: parameters("Image", name), TemplateBody: aws.String(`
Parameters: {Image: {Type: "AWS::SSM::Parameter::Value<String>"}}
Resources: {P: {Type: "AWS::SSM::Parameter", Properties: {Type: String, Value: !Ref Image, Tags: {team: a}}}}
Outputs: {Value: {Value: !GetAtt P.Value}}`)}
	}
	_, err := s.CreateStack(t.Context(), in("/other"))
	wantError(t, err, "ValidationError", "Unable to fetch parameters [/other] from parameter store for this account.")
	if _, err := s.CreateStack(t.Context(), in("/image")); err != nil {
		t.Fatal(err)
	}
	waiter := sdk.NewStackCreateCompleteWaiter(describer{s})
	out, err := waiter.WaitForOutput(t.Context(), &sdk.DescribeStacksInput{StackName: aws.String("s")}, time.Minute,
		func(o *sdk.StackCreateCompleteWaiterOptions) {
			o.MinDelay, o.MaxDelay = time.Millisecond, 5*time.Millisecond
		})
	if err != nil {
		t.Fatal(err)
	}
	stack := out.Stacks[0]
	if *stack.Outputs[0].OutputValue != "yelb:1" || *stack.Parameters[0].ResolvedValue != "yelb:1" || *stack.Parameters[0].ParameterValue != "/image" {
		t.Errorf("%+v", stack)
	}
}

// describer lets the SDK's waiter ask the service.
type describer struct{ service *cloudformation.Service }

func (d describer) DescribeStacks(ctx context.Context, in *sdk.DescribeStacksInput, _ ...func(*sdk.Options)) (*sdk.DescribeStacksOutput, error) {
	return d.service.DescribeStacks(ctx, in)
}
