package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func (w *world) update(in *sdk.UpdateStackInput, want types.StackStatus) []string {
	w.t.Helper()
	before := len(w.events(*in.StackName))
	if _, err := w.UpdateStack(w.t.Context(), in); err != nil {
		w.t.Fatal(err)
	}
	w.await(*in.StackName, want)
	return w.history(*in.StackName)[before:]
}

// physical is a resource's physical id.
func (w *world) physical(stack, logicalID string) string {
	w.t.Helper()
	out, err := w.DescribeStackResource(w.t.Context(), &sdk.DescribeStackResourceInput{StackName: &stack, LogicalResourceId: &logicalID})
	if err != nil {
		w.t.Fatal(err)
	}
	return aws.ToString(out.StackResourceDetail.PhysicalResourceId)
}

func TestUpdate(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		body := `
Parameters: {Filter: {Type: String, Default: ALLOW_ALL}, Block: {Type: String, Default: 10.0.0.0/16}}
Resources:
  Mesh: {Type: "AWS::AppMesh::Mesh", Properties: {Spec: {EgressFilter: {Type: !Ref Filter}}}}
  VPC: {Type: "AWS::EC2::VPC", Properties: {CidrBlock: !Ref Block}}
  Table: {Type: "AWS::EC2::RouteTable", Properties: {VpcId: !Ref VPC}}
  Old: {Type: "AWS::SNS::Topic"}
Outputs: {VPC: {Value: !Ref VPC}}
`
		id := w.create(&sdk.CreateStackInput{StackName: aws.String("s"), TemplateBody: &body})
		w.await(id, types.StackStatusCreateComplete)
		_, err := w.UpdateStack(t.Context(), &sdk.UpdateStackInput{StackName: &id, UsePreviousTemplate: aws.Bool(true)})
		wantError(t, err, "ValidationError", "No updates are to be performed.")
		_, err = w.UpdateStack(t.Context(), &sdk.UpdateStackInput{StackName: aws.String("nobody"), TemplateBody: &body})
		wantError(t, err, "ValidationError", "Stack [nobody] does not exist")
		_, err = w.UpdateStack(t.Context(), &sdk.UpdateStackInput{StackName: &id, TemplateBody: aws.String("Resources: {Old: {Type: 'AWS::EC2::VPC'}}")})
		wantError(t, err, "ValidationError", "Update of resource type is not permitted. The new template modifies resource type of the following resources: [Old]")

		mesh, vpc := w.physical("s", "Mesh"), w.physical("s", "VPC")
		history := w.update(&sdk.UpdateStackInput{
			StackName: &id, UsePreviousTemplate: aws.Bool(true), Parameters: parameters("Filter", "DROP_ALL"),
		}, types.StackStatusUpdateComplete)
		index(t, history, "Mesh UPDATE_COMPLETE")
		if strings.Contains(strings.Join(history, "\n"), "VPC") || w.physical("s", "Mesh") != mesh {
			t.Errorf("more than the mesh has changed:\n%s", strings.Join(history, "\n"))
		}
		fresh := strings.Replace(body, "Old", "New", 1)
		history = w.update(&sdk.UpdateStackInput{
			StackName: &id, TemplateBody: &fresh, ClientRequestToken: aws.String("second"), Parameters: []types.Parameter{
				{ParameterKey: aws.String("Filter"), UsePreviousValue: aws.Bool(true)},
				{ParameterKey: aws.String("Block"), ParameterValue: aws.String("10.1.0.0/16")},
			},
		}, types.StackStatusUpdateComplete)
		for _, line := range []string{
			"VPC UPDATE_IN_PROGRESS Requested update requires the creation of a new physical resource; hence creating one.",
			"VPC UPDATE_COMPLETE", "Table UPDATE_COMPLETE", "New CREATE_COMPLETE", "s UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
			"VPC DELETE_COMPLETE", "Table DELETE_COMPLETE", "Old DELETE_COMPLETE", "s UPDATE_COMPLETE",
		} {
			index(t, history, line)
		}
		again := &sdk.UpdateStackInput{StackName: &id, TemplateBody: &fresh, ClientRequestToken: aws.String("second")}
		_, err = w.UpdateStack(t.Context(), again)
		wantError(t, err, "TokenAlreadyExistsException", "Token second already exists for stack "+id)
		stack := w.describe(id)
		if now := w.physical("s", "VPC"); now == vpc || *stack.Outputs[0].OutputValue != now || stack.LastUpdatedTime == nil {
			t.Errorf("the network is %s, was %s: %+v", now, vpc, stack)
		}
		resources, err := w.ListStackResources(t.Context(), &sdk.ListStackResourcesInput{StackName: &id})
		if err != nil || len(resources.StackResourceSummaries) != 4 {
			t.Errorf("%+v, %v", resources, err)
		}
		w.delete(&sdk.DeleteStackInput{StackName: &id})
		w.await(id, types.StackStatusDeleteComplete)
	})
}

func TestFailedUpdateRollsBack(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.environment()
		id := w.create(w.version("3f2a91c0"))
		w.await(id, types.StackStatusCreateComplete)
		service, definition := w.physical(id, "Service"), w.physical(id, "TaskDefinition")
		w.cluster.refuse = &ecstypes.InvalidParameterException{Message: aws.String("The service is not in the mood.")}
		in := w.version("3f2a91c0")
		in.Parameters[4].ParameterValue = aws.String("yelb-appserver:fixed")
		update := &sdk.UpdateStackInput{StackName: &id, TemplateBody: in.TemplateBody, Parameters: in.Parameters}
		history := w.update(update, types.StackStatusUpdateRollbackComplete)
		index(t, history, "ecs-blogpost-yelb-appserver-3f2a91c0 UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Service].")
		if !strings.Contains(strings.Join(history, "\n"), "Service UPDATE_FAILED Resource handler returned message: \"The service is not in the mood. (Service: AmazonECS, Status Code: 400") {
			t.Errorf("no such failure in\n%s", strings.Join(history, "\n"))
		}
		index(t, history, "TaskDefinition DELETE_COMPLETE")
		if w.physical(id, "Service") != service || w.physical(id, "TaskDefinition") != definition {
			t.Error("something else is in its place")
		}
		history = w.update(update, types.StackStatusUpdateComplete)
		index(t, history, "Service UPDATE_COMPLETE")
		if w.cluster.updates == 0 || w.physical(id, "TaskDefinition") == definition {
			t.Error("the service has not been updated")
		}
	})
}

func TestFailedUpdateCanBeLeftAndRepeated(t *testing.T) {
	inWorld(t, func(w *world) {
		w.environment()
		id := w.create(w.version("3f2a91c0"))
		w.await(id, types.StackStatusCreateComplete)
		w.cluster.refuse = &ecstypes.InvalidParameterException{Message: aws.String("Not now.")}
		in := w.version("3f2a91c0")
		in.Parameters[4].ParameterValue = aws.String("yelb-appserver:fixed")
		update := &sdk.UpdateStackInput{
			StackName: &id, TemplateBody: in.TemplateBody, Parameters: in.Parameters, DisableRollback: aws.Bool(true),
		}
		old := w.physical(id, "TaskDefinition")
		w.update(update, types.StackStatusUpdateFailed)
		history := w.update(update, types.StackStatusUpdateComplete)
		index(w.t, history, "Service UPDATE_COMPLETE")
		index(w.t, history, "TaskDefinition DELETE_COMPLETE")
		if w.physical(id, "TaskDefinition") == old {
			w.t.Error("the task definition is still the old one")
		}
		w.delete(&sdk.DeleteStackInput{StackName: &id})
		w.await(id, types.StackStatusDeleteComplete)
	})
}

func TestCustomNamedResourceIsNotReplaced(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		body := func(port string) *string {
			return aws.String("Resources: {Group: {Type: 'AWS::ElasticLoadBalancingV2::TargetGroup', Properties: {Name: yelb, Port: " + port + "}}}")
		}
		id := w.create(&sdk.CreateStackInput{StackName: aws.String("s"), TemplateBody: body("80")})
		w.await(id, types.StackStatusCreateComplete)
		history := w.update(&sdk.UpdateStackInput{StackName: &id, TemplateBody: body("81")}, types.StackStatusUpdateRollbackComplete)
		index(t, history, "Group UPDATE_FAILED CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename yelb and update the stack again.")
		other := w.create(&sdk.CreateStackInput{StackName: aws.String("other"), TemplateBody: body("80")})
		w.await(other, types.StackStatusRollbackComplete)
		if !strings.Contains(strings.Join(w.history(other), "\n"), "with identifier 'yelb' already exists.") {
			t.Errorf("a name is given twice:\n%s", strings.Join(w.history(other), "\n"))
		}
	})
}

func TestStackThatIsBeingUpdated(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		id := w.create(&sdk.CreateStackInput{StackName: aws.String("s"), TemplateBody: aws.String(topic)})
		_, err := w.UpdateStack(t.Context(), &sdk.UpdateStackInput{StackName: &id, TemplateBody: aws.String("Resources: {Other: {Type: 'AWS::SNS::Topic'}}")})
		wantError(t, err, "ValidationError", "Stack:"+id+" is in CREATE_IN_PROGRESS state and can not be updated.")
		w.await(id, types.StackStatusCreateComplete)
		for range 2 {
			_, err = w.UpdateStack(t.Context(), &sdk.UpdateStackInput{
				StackName: &id, ClientRequestToken: aws.String("t"), TemplateBody: aws.String("Resources: {Other: {Type: 'AWS::SNS::Topic'}}"),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		_, err = w.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: &id})
		wantError(t, err, "ValidationError", "Stack [s] cannot be deleted while in status UPDATE_IN_PROGRESS")
		w.await(id, types.StackStatusUpdateComplete)
	})
}

func TestChangeSets(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		create := func(name, body string, kind types.ChangeSetType) string {
			t.Helper()
			out, err := w.CreateChangeSet(t.Context(), &sdk.CreateChangeSetInput{
				StackName: aws.String("s"), ChangeSetName: &name, ChangeSetType: kind, TemplateBody: &body,
			})
			if err != nil {
				t.Fatal(err)
			}
			return *out.Id
		}
		describe := func(id string) *sdk.DescribeChangeSetOutput {
			t.Helper()
			out, err := w.DescribeChangeSet(t.Context(), &sdk.DescribeChangeSetInput{ChangeSetName: &id})
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		id := create("first", topic, types.ChangeSetTypeCreate)
		found := describe(id)
		if found.Status != types.ChangeSetStatusCreateComplete || found.ExecutionStatus != types.ExecutionStatusAvailable ||
			len(found.Changes) != 1 || found.Changes[0].ResourceChange.Action != types.ChangeActionAdd {
			t.Errorf("%+v", found)
		}
		if got := w.describe("s").StackStatus; got != types.StackStatusReviewInProgress {
			t.Errorf("the stack is %s", got)
		}
		if _, err := w.ExecuteChangeSet(t.Context(), &sdk.ExecuteChangeSetInput{ChangeSetName: &id}); err != nil {
			t.Fatal(err)
		}
		w.await("s", types.StackStatusCreateComplete)
		_, err := w.ExecuteChangeSet(t.Context(), &sdk.ExecuteChangeSetInput{ChangeSetName: &id})
		wantError(t, err, "InvalidChangeSetStatus", "ChangeSet ["+id+"] cannot be executed in its current execution status of [EXECUTE_COMPLETE]")

		same := describe(create("same", topic, types.ChangeSetTypeUpdate))
		if same.Status != types.ChangeSetStatusFailed || same.ExecutionStatus != types.ExecutionStatusUnavailable ||
			*same.StatusReason != "The submitted information didn't contain changes. Submit different information to create a change set." {
			t.Errorf("%+v", same)
		}
		second := create("second", "Resources: {Other: {Type: 'AWS::SNS::Topic'}}", types.ChangeSetTypeUpdate)
		if changes := describe(second).Changes; len(changes) != 2 || changes[0].ResourceChange.Action != types.ChangeActionAdd ||
			changes[1].ResourceChange.Action != types.ChangeActionRemove {
			t.Errorf("%+v", changes)
		}
		listed, err := w.ListChangeSets(t.Context(), &sdk.ListChangeSetsInput{StackName: aws.String("s")})
		if err != nil || len(listed.Summaries) != 3 {
			t.Errorf("%+v, %v", listed, err)
		}
		for range 2 {
			_, err = w.DeleteChangeSet(t.Context(), &sdk.DeleteChangeSetInput{StackName: aws.String("s"), ChangeSetName: aws.String("same")})
			if err != nil {
				t.Fatal(err)
			}
		}
		_, err = w.ExecuteChangeSet(t.Context(), &sdk.ExecuteChangeSetInput{StackName: aws.String("s"), ChangeSetName: aws.String("second")})
		if err != nil {
			t.Fatal(err)
		}
		w.await("s", types.StackStatusUpdateComplete)
		_, err = w.DescribeChangeSet(t.Context(), &sdk.DescribeChangeSetInput{StackName: aws.String("s"), ChangeSetName: aws.String("same")})
		wantError(t, err, "ChangeSetNotFound", "ChangeSet [same] does not exist")

		again := create("second", topic, types.ChangeSetTypeUpdate)
		byName, err := w.DescribeChangeSet(t.Context(), &sdk.DescribeChangeSetInput{StackName: aws.String("s"), ChangeSetName: aws.String("second")})
		if err != nil || again == second || *byName.ChangeSetId != again || describe(second).ExecutionStatus != types.ExecutionStatusExecuteComplete {
			t.Errorf("after %s the name of %s is of %+v, %v", again, second, byName, err)
		}
		_, err = w.CreateChangeSet(t.Context(), &sdk.CreateChangeSetInput{
			StackName: aws.String("s"), ChangeSetName: aws.String("second"), ChangeSetType: types.ChangeSetTypeUpdate, TemplateBody: aws.String(topic),
		})
		wantError(t, err, "AlreadyExistsException", "ChangeSet second already exists for stack "+*byName.StackId)
	})
}
