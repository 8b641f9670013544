package aws

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"serin/internal/engine"
)

const (
	stackX   = "ecs-blogpost-yelb-appserver-aaaa"
	stackXID = "arn:aws:cloudformation:us-west-2:123456789012:stack/" + stackX + "/0b1c"
)

// stackFake is CloudFormation with at most one stack. Events are kept oldest first and
// paged newest first, as AWS does.
type stackFake struct {
	stack      *types.Stack
	events     []types.StackEvent
	pageSize   int
	validation *cloudformation.ValidateTemplateOutput
	exports    []cloudformation.ListExportsOutput
	created    []*cloudformation.CreateStackInput
	deleted    []*cloudformation.DeleteStackInput
	pagesRead  int
	// fail has the error of an operation.
	fail map[string]error
}

var _ StackAPI = (*stackFake)(nil)

func (s *stackFake) stacks() *Stacks { return NewStacks(s, here()) }

func (s *stackFake) CreateStack(_ context.Context, in *cloudformation.CreateStackInput, _ ...func(*cloudformation.Options)) (*cloudformation.CreateStackOutput, error) {
	s.created = append(s.created, in)
	if err := s.fail["CreateStack"]; err != nil {
		return nil, err
	}
	return &cloudformation.CreateStackOutput{StackId: aws.String(stackXID)}, nil
}

func (s *stackFake) DeleteStack(_ context.Context, in *cloudformation.DeleteStackInput, _ ...func(*cloudformation.Options)) (*cloudformation.DeleteStackOutput, error) {
	s.deleted = append(s.deleted, in)
	return &cloudformation.DeleteStackOutput{}, s.fail["DeleteStack"]
}

func noStack(name string) error {
	return said("CloudFormation", "DescribeStacks", 400, "ValidationError", "Stack with id "+name+" does not exist")
}

func (s *stackFake) DescribeStacks(_ context.Context, in *cloudformation.DescribeStacksInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	if err := s.fail["DescribeStacks"]; err != nil {
		return nil, err
	}
	if s.stack == nil {
		return nil, noStack(*in.StackName)
	}
	return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{*s.stack}}, nil
}

func (s *stackFake) DescribeStackEvents(_ context.Context, in *cloudformation.DescribeStackEventsInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error) {
	if err := s.fail["DescribeStackEvents"]; err != nil {
		return nil, err
	}
	s.pagesRead++
	end := len(s.events)
	if in.NextToken != nil {
		end, _ = strconv.Atoi(*in.NextToken)
	}
	size := s.pageSize
	if size == 0 {
		size = 100
	}
	out := &cloudformation.DescribeStackEventsOutput{}
	begin := max(0, end-size)
	for i := end - 1; i >= begin; i-- {
		out.StackEvents = append(out.StackEvents, s.events[i])
	}
	if begin > 0 {
		out.NextToken = aws.String(strconv.Itoa(begin))
	}
	return out, nil
}

func (s *stackFake) ValidateTemplate(context.Context, *cloudformation.ValidateTemplateInput, ...func(*cloudformation.Options)) (*cloudformation.ValidateTemplateOutput, error) {
	if err := s.fail["ValidateTemplate"]; err != nil {
		return nil, err
	}
	if s.validation == nil {
		return &cloudformation.ValidateTemplateOutput{}, nil
	}
	return s.validation, nil
}

func (s *stackFake) ListExports(_ context.Context, in *cloudformation.ListExportsInput, _ ...func(*cloudformation.Options)) (*cloudformation.ListExportsOutput, error) {
	if err := s.fail["ListExports"]; err != nil {
		return nil, err
	}
	page := 0
	if in.NextToken != nil {
		page, _ = strconv.Atoi(*in.NextToken)
	}
	return &s.exports[page], nil
}

func stackIn(status types.StackStatus) *types.Stack {
	return &types.Stack{
		StackName: aws.String(stackX), StackId: aws.String(stackXID), StackStatus: status,
		CreationTime: aws.Time(noon()), StackStatusReason: aws.String("the stack's own reason"),
	}
}

// event is one line of the stack; resource "" is the stack itself.
func event(n int, resource string, status types.ResourceStatus, reason string) types.StackEvent {
	out := types.StackEvent{
		EventId: aws.String("e" + strconv.Itoa(n)), StackId: aws.String(stackXID), Timestamp: aws.Time(minute(n)),
		LogicalResourceId: aws.String(resource), PhysicalResourceId: aws.String("p"), ResourceType: aws.String("AWS::ECS::" + resource),
		ResourceStatus: status, ClientRequestToken: aws.String("token"),
	}
	if resource == "" {
		out.LogicalResourceId, out.PhysicalResourceId, out.ResourceType = aws.String(stackX), aws.String(stackXID), aws.String("AWS::CloudFormation::Stack")
	}
	if reason != "" {
		out.ResourceStatusReason = &reason
	}
	return out
}

func request() engine.StackRequest {
	return engine.StackRequest{
		Name: stackX, Template: []byte("Resources: {}"), Token: "token",
		Parameters: map[string]string{"Sha": "aaaa", "Port": "4567"}, Tags: map[string]string{"serin:rollout": "r1"},
	}
}

func TestCreateAsksForAStack(t *testing.T) {
	fake := &stackFake{}
	id, err := fake.stacks().Create(t.Context(), request())
	if err != nil || id != stackXID {
		t.Fatalf("%s, %v", id, err)
	}
	asked := fake.created[0]
	if *asked.StackName != stackX || *asked.TemplateBody != "Resources: {}" || asked.OnFailure != types.OnFailureDoNothing ||
		*asked.ClientRequestToken != "token" || asked.Capabilities != nil || asked.DisableRollback != nil {
		t.Errorf("asked for %+v", asked)
	}
	if len(asked.Parameters) != 2 || *asked.Parameters[0].ParameterKey != "Port" || *asked.Parameters[0].ParameterValue != "4567" || *asked.Parameters[1].ParameterValue != "aaaa" {
		t.Errorf("parameters %+v", asked.Parameters)
	}
	if len(asked.Tags) != 1 || *asked.Tags[0].Key != "serin:rollout" || *asked.Tags[0].Value != "r1" {
		t.Errorf("tags %+v", asked.Tags)
	}
}

func TestCapabilitiesAreThoseThatTheTemplateNeeds(t *testing.T) {
	iam := []types.Capability{types.CapabilityCapabilityIam}
	named, expand := types.CapabilityCapabilityNamedIam, types.CapabilityCapabilityAutoExpand
	for name, c := range map[string]struct {
		validation cloudformation.ValidateTemplateOutput
		want       []types.Capability
	}{
		"none":       {cloudformation.ValidateTemplateOutput{}, nil},
		"roles":      {cloudformation.ValidateTemplateOutput{Capabilities: iam}, []types.Capability{named}},
		"transforms": {cloudformation.ValidateTemplateOutput{DeclaredTransforms: []string{"AWS::Include"}}, []types.Capability{expand}},
		"both": {
			cloudformation.ValidateTemplateOutput{Capabilities: []types.Capability{named, expand}}, []types.Capability{named, expand},
		},
	} {
		t.Run(name, func(t *testing.T) {
			fake := &stackFake{validation: &c.validation}
			if _, err := fake.stacks().Create(t.Context(), request()); err != nil {
				t.Fatal(err)
			}
			if got := fake.created[0].Capabilities; !reflect.DeepEqual(got, c.want) {
				t.Errorf("capabilities %v", got)
			}
		})
	}
}

func TestTokensAreLawful(t *testing.T) {
	for _, token := range []string{"token", "01J-x", "rollout/1:create", strings.Repeat("x", 200), "", "-a", "ü"} {
		if got := stackToken(token); !tokenForm().MatchString(got) || got != stackToken(token) || got == "serin-" {
			t.Errorf("%q became %q", token, got)
		}
	}
	if stackToken("a/b") == stackToken("a:b") {
		t.Error("two tokens became one")
	}
}

func TestCreateMeetsAStackOfThatName(t *testing.T) {
	began := event(1, "", types.ResourceStatusCreateInProgress, "User Initiated")
	other := began
	other.ClientRequestToken = aws.String("another")
	for name, c := range map[string]struct {
		first types.StackEvent
		ours  bool
	}{"ours": {began, true}, "another's": {other, false}} {
		t.Run(name, func(t *testing.T) {
			fake := &stackFake{
				stack: stackIn(types.StackStatusCreateComplete), pageSize: 2,
				events: []types.StackEvent{c.first, event(2, "Node", types.ResourceStatusCreateInProgress, ""), event(3, "Node", types.ResourceStatusCreateComplete, "")},
				fail:   map[string]error{"CreateStack": said("CloudFormation", "CreateStack", 400, "AlreadyExistsException", "Stack exists")},
			}
			id, err := fake.stacks().Create(t.Context(), request())
			if c.ours {
				if err != nil || id != stackXID {
					t.Errorf("%s, %v", id, err)
				}
				return
			}
			wantFault(t, err, engine.Conflict, stackX, "CREATE_COMPLETE", "since 2026-11-23T12:00:00Z", "another sha")
		})
	}
	gone := &stackFake{fail: map[string]error{"CreateStack": said("CloudFormation", "CreateStack", 400, "AlreadyExistsException", "")}}
	_, err := gone.stacks().Create(t.Context(), request())
	wantFault(t, err, engine.Transient, "is gone")
}

func TestTemplatesThatCannotBe(t *testing.T) {
	fake := &stackFake{}
	large := request()
	large.Template = make([]byte, templateLimit+1)
	_, err := fake.stacks().Create(t.Context(), large)
	wantFault(t, err, engine.Invalid, "51201 bytes", "comments")
	_, err = fake.stacks().Template(t.Context(), nil)
	wantFault(t, err, engine.Invalid, "empty")
	fake.fail = map[string]error{"ValidateTemplate": said("CloudFormation", "ValidateTemplate", 400, "ValidationError", "Template format error: unsupported structure")}
	_, err = fake.stacks().Create(t.Context(), request())
	wantFault(t, err, engine.Invalid, "unsupported structure")
	if len(fake.created) != 0 {
		t.Error("it was created")
	}
}

func TestTemplateTellsItsParameters(t *testing.T) {
	fake := &stackFake{validation: &cloudformation.ValidateTemplateOutput{Parameters: []types.TemplateParameter{
		{ParameterKey: aws.String("Sha")}, {ParameterKey: aws.String("Cpu"), DefaultValue: aws.String("")},
	}}}
	template, err := fake.stacks().Template(t.Context(), []byte("x"))
	if want := map[string]bool{"Sha": false, "Cpu": true}; err != nil || !reflect.DeepEqual(template.Parameters, want) {
		t.Errorf("%v, %v", template.Parameters, err)
	}
}

func TestStackStates(t *testing.T) {
	for status, want := range map[types.StackStatus]engine.StackState{
		types.StackStatusCreateInProgress: engine.StackCreating, types.StackStatusCreateComplete: engine.StackReady,
		types.StackStatusCreateFailed: engine.StackFailed, types.StackStatusRollbackInProgress: engine.StackFailed,
		types.StackStatusRollbackComplete: engine.StackFailed, types.StackStatusRollbackFailed: engine.StackFailed,
		types.StackStatusDeleteInProgress: engine.StackDeleting, types.StackStatusDeleteFailed: engine.StackDeleteFailed,
		types.StackStatusDeleteComplete: engine.StackAbsent, types.StackStatusUpdateComplete: engine.StackReady,
		"SOMETHING_NEW": engine.StackCreating,
	} {
		fake := &stackFake{stack: stackIn(status)}
		stack, err := fake.stacks().Stack(t.Context(), stackX, "")
		if err != nil || stack.State != want || stack.Status != string(status) || stack.ID != stackXID || stack.Name != stackX || stack.ReadAt.IsZero() {
			t.Errorf("%s: %+v, %v", status, stack, err)
		}
	}
	for _, status := range types.StackStatus("").Values() {
		if _, known := stackStates[status]; !known {
			t.Errorf("%s is not known", status)
		}
	}
	for nameOrID, name := range map[string]string{stackX: stackX, stackXID: stackX} {
		stack, err := (&stackFake{}).stacks().Stack(t.Context(), nameOrID, "")
		if err != nil || stack.State != engine.StackAbsent || stack.Name != name {
			t.Errorf("%s: %+v, %v", nameOrID, stack, err)
		}
	}
}

func TestAStackSaysWhichRolloutAskedForIt(t *testing.T) {
	tagged := stackIn(types.StackStatusCreateComplete)
	tagged.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("r9")}, {Key: aws.String(engine.OwnerTag), Value: aws.String("r1")}}
	for owner, fake := range map[string]*stackFake{"r1": {stack: tagged}, "": {stack: stackIn(types.StackStatusCreateComplete)}} {
		stack, err := fake.stacks().Stack(t.Context(), stackX, "")
		if err != nil || stack.Owner != owner {
			t.Errorf("the owner is %q (%v), want %q", stack.Owner, err, owner)
		}
	}
}

func TestEventsComeOnceAndOldestFirst(t *testing.T) {
	fake := &stackFake{stack: stackIn(types.StackStatusCreateInProgress), pageSize: 3}
	for n := range 10 {
		fake.events = append(fake.events, event(n, "Node", types.ResourceStatusCreateInProgress, "why\x1b"))
	}
	for name, c := range map[string]struct {
		after        string
		first, pages int
		count        int
	}{
		"all":              {"", 0, 4, 10},
		"after the fifth":  {"e5", 6, 2, 4},
		"after the last":   {"e9", 0, 1, 0},
		"after an unknown": {"zz", 0, 4, 10},
	} {
		t.Run(name, func(t *testing.T) {
			fake.pagesRead = 0
			stack, err := fake.stacks().Stack(t.Context(), stackXID, c.after)
			if err != nil || len(stack.Events) != c.count || fake.pagesRead != c.pages {
				t.Fatalf("%d events in %d pages, %v", len(stack.Events), fake.pagesRead, err)
			}
			for i, got := range stack.Events {
				n := c.first + i
				want := engine.StackEvent{
					ID: fmt.Sprintf("e%d", n), At: minute(n), Resource: "Node", Type: "AWS::ECS::Node",
					Status: "CREATE_IN_PROGRESS", Reason: "why",
				}
				if got != want {
					t.Errorf("%d: %+v", i, got)
				}
			}
		})
	}
}

func TestReasonsAreTheFirstCauses(t *testing.T) {
	failed := []types.StackEvent{
		event(0, "", types.ResourceStatusCreateInProgress, "User Initiated"),
		event(1, "Node", types.ResourceStatusCreateComplete, ""),
		event(2, "Service", types.ResourceStatusCreateFailed, "Resource handler returned message: \"no capacity\""),
		event(3, "Role", types.ResourceStatusCreateFailed, "Resource creation cancelled"),
		event(4, "Log", types.ResourceStatusCreateFailed, ""),
		event(5, "Service", types.ResourceStatusCreateFailed, "Resource handler returned message: \"no capacity\""),
		event(6, "", types.ResourceStatusCreateFailed, "The following resource(s) failed to create: [Service, Role, Log]. "),
	}
	undeletable := append(failed,
		event(7, "", types.ResourceStatusDeleteInProgress, ""), event(8, "Node", types.ResourceStatusDeleteFailed, "old"),
		event(9, "", types.ResourceStatusDeleteFailed, "x"), event(10, "", types.ResourceStatusDeleteInProgress, ""),
		event(11, "Node", types.ResourceStatusDeleteFailed, "it is the target of one or more routes"),
		event(12, "", types.ResourceStatusDeleteFailed, "The following resource(s) failed to delete: [Node]."))
	causes := []string{
		`Service (AWS::ECS::Service): Resource handler returned message: "no capacity"`,
		"Log (AWS::ECS::Log): CREATE_FAILED, without a reason",
	}
	for name, c := range map[string]struct {
		status types.StackStatus
		events []types.StackEvent
		after  string
		want   []string
	}{
		"failed":               {types.StackStatusCreateFailed, failed, "", causes},
		"rolling back":         {types.StackStatusRollbackInProgress, failed, "", causes},
		"events were read":     {types.StackStatusCreateFailed, failed, "e6", causes},
		"cannot be deleted":    {types.StackStatusDeleteFailed, undeletable, "", []string{"Node (AWS::ECS::Node): it is the target of one or more routes"}},
		"the stack's own line": {types.StackStatusCreateFailed, failed[:2], "", []string{"the stack's own reason"}},
		"not failed":           {types.StackStatusCreateComplete, failed, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			fake := &stackFake{stack: stackIn(c.status), events: c.events, pageSize: 2}
			stack, err := fake.stacks().Stack(t.Context(), stackX, c.after)
			if err != nil || !reflect.DeepEqual(stack.Reasons, c.want) {
				t.Errorf("%q, %v", stack.Reasons, err)
			}
		})
	}
}

func TestDeleteIsIdempotent(t *testing.T) {
	for status, deletes := range map[types.StackStatus]int{
		types.StackStatusCreateComplete: 1, types.StackStatusCreateFailed: 1, types.StackStatusDeleteFailed: 1,
		types.StackStatusDeleteInProgress: 0, types.StackStatusDeleteComplete: 0,
	} {
		fake := &stackFake{stack: stackIn(status)}
		if err := fake.stacks().Delete(t.Context(), stackX, "t"); err != nil || len(fake.deleted) != deletes {
			t.Errorf("%s: %d deletes, %v", status, len(fake.deleted), err)
		}
		if deletes == 1 && (*fake.deleted[0].StackName != stackXID || !tokenForm().MatchString(*fake.deleted[0].ClientRequestToken)) {
			t.Errorf("%s: %+v", status, fake.deleted[0])
		}
	}
	if err := (&stackFake{}).stacks().Delete(t.Context(), stackX, "t"); err != nil {
		t.Errorf("no stack: %v", err)
	}
	meanwhile := &stackFake{stack: stackIn(types.StackStatusCreateComplete), fail: map[string]error{"DeleteStack": noStack(stackX)}}
	if err := meanwhile.stacks().Delete(t.Context(), stackX, "t"); err != nil {
		t.Errorf("gone meanwhile: %v", err)
	}
}

func TestADeletionThatFailedIsTriedAnew(t *testing.T) {
	fake := &stackFake{stack: stackIn(types.StackStatusCreateComplete)}
	deletion := func() string {
		if err := fake.stacks().Delete(t.Context(), stackX, "t"); err != nil {
			t.Fatal(err)
		}
		return *fake.deleted[len(fake.deleted)-1].ClientRequestToken
	}
	first := deletion()
	if again := deletion(); again != first {
		t.Error("a repeated call has another token")
	}
	fake.stack.StackStatus, fake.stack.DeletionTime = types.StackStatusDeleteFailed, aws.Time(noon().Add(time.Minute))
	if again := deletion(); again == first {
		t.Error("CloudFormation would take it for the attempt that failed")
	}
}

func TestAStackThatIsProtected(t *testing.T) {
	fake := &stackFake{stack: stackIn(types.StackStatusCreateComplete), fail: map[string]error{
		"DeleteStack": said("CloudFormation", "DeleteStack", 400, "ValidationError", "Stack ["+stackX+"] cannot be deleted while TerminationProtection is enabled"),
	}}
	wantFault(t, fake.stacks().Delete(t.Context(), stackXID, "t"), engine.Conflict, "protected", "--stack-name "+stackX)
}

func TestExports(t *testing.T) {
	fake := &stackFake{exports: []cloudformation.ListExportsOutput{
		{Exports: []types.Export{{Name: aws.String("e:Mesh"), Value: aws.String("m")}}, NextToken: aws.String("1")},
		{Exports: []types.Export{{Name: aws.String("e:VPC"), Value: aws.String("v")}}},
	}}
	exports, err := fake.stacks().Exports(t.Context())
	if want := map[string]string{"e:Mesh": "m", "e:VPC": "v"}; err != nil || !reflect.DeepEqual(exports, want) {
		t.Errorf("%v, %v", exports, err)
	}
	fake.exports[1].NextToken = aws.String("1")
	_, err = fake.stacks().Exports(t.Context())
	wantFault(t, err, engine.Transient, "repeats itself")
}

func TestStackTroubles(t *testing.T) {
	call := map[string]func(*Stacks, context.Context) error{
		"CreateStack":         func(s *Stacks, ctx context.Context) error { _, err := s.Create(ctx, request()); return err },
		"ValidateTemplate":    func(s *Stacks, ctx context.Context) error { _, err := s.Create(ctx, request()); return err },
		"DescribeStacks":      func(s *Stacks, ctx context.Context) error { _, err := s.Stack(ctx, stackX, ""); return err },
		"DescribeStackEvents": func(s *Stacks, ctx context.Context) error { _, err := s.Stack(ctx, stackX, ""); return err },
		"DeleteStack":         func(s *Stacks, ctx context.Context) error { return s.Delete(ctx, stackX, "t") },
		"ListExports":         func(s *Stacks, ctx context.Context) error { _, err := s.Exports(ctx); return err },
	}
	for operation, do := range call {
		t.Run(operation, func(t *testing.T) {
			testTroubles(t, "CloudFormation", operation, func(failure error) error {
				fake := &stackFake{stack: stackIn(types.StackStatusCreateComplete), fail: map[string]error{operation: failure}}
				return do(fake.stacks(), t.Context())
			})
		})
	}
}
