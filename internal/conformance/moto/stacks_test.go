package moto

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"serin/internal/aws"
	"serin/internal/engine"
)

// template makes a parameter, and exports its name.
const template = `
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Name: {Type: String}
  Value: {Type: String, Default: first}
Resources:
  Table:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Name: !Ref Name, Value: !Ref Value}
Outputs:
  Table:
    Value: !Ref Table
    Export: {Name: !Sub "${AWS::StackName}:Table"}
`

// meshTemplate makes what moto has no resource for.
const meshTemplate = `
Resources:
  Mesh:
    Type: AWS::AppMesh::Mesh
    Properties: {MeshName: !Ref AWS::StackName}
`

func stackBehaviours() []behaviour {
	return []behaviour{
		{"a stack that is not there is absent", func(ctx context.Context, w world) error {
			stack, err := w.ports.Stacks.Stack(ctx, w.service.StackName(canary), "")
			if err == nil && (stack.State != engine.StackAbsent || stack.ID != "") {
				err = fmt.Errorf("it is %+v", stack)
			}
			return err
		}},
		{"a stack that is not there is deleted", func(ctx context.Context, w world) error {
			return w.ports.Stacks.Delete(ctx, w.service.StackName(canary), "delete")
		}},
		{"a stack comes to be, with its owner and its events", stackComesToBe},
		{"events after one are those after it", eventsGoOn},
		{"a stack makes what is in it", stackMakesThings},
		{"a stack takes what is in it along", stackTakesThingsAlong},
		{"the same token is the same stack", func(ctx context.Context, w world) error {
			id, err := w.ready(ctx)
			if err != nil {
				return err
			}
			again, err := w.ports.Stacks.Create(ctx, w.request())
			if err == nil && again != id {
				err = fmt.Errorf("%s beside %s", again, id)
			}
			return err
		}},
		{"a name that another stack has is a conflict", func(ctx context.Context, w world) error {
			if _, err := w.ready(ctx); err != nil {
				return err
			}
			request := w.request()
			request.Token = "another"
			_, err := w.ports.Stacks.Create(ctx, request)
			return wantKind(err, engine.Conflict)
		}},
		{"a deleted stack is absent, by its name and by its ID", stackIsDeleted},
		{"a deleted stack still has its events", deletedStackHasEvents},
		{"a stack without a parameter's value is refused", func(ctx context.Context, w world) error {
			request := w.request()
			request.Parameters = nil
			_, err := w.ports.Stacks.Create(ctx, request)
			return wantKind(err, engine.Invalid)
		}},
		{"a stack that fails says why", stackFails},
		{"a stack makes a mesh", stackMakesMesh},
		{"what a stack exports is listed", func(ctx context.Context, w world) error {
			if _, err := w.ready(ctx); err != nil {
				return err
			}
			name := w.service.StackName(canary) + ":Table"
			exports, err := aws.NewStacks(w.clients.CloudFormation, w.clients.Where).Exports(ctx)
			if err == nil && exports[name] != w.service.Environment+"-table" {
				err = fmt.Errorf("%s is %q", name, exports[name])
			}
			return err
		}},
		{"a template tells its parameters", func(ctx context.Context, w world) error {
			found, err := aws.NewStacks(w.clients.CloudFormation, w.clients.Where).Template(ctx, []byte(template))
			if want := map[string]bool{"Name": false, "Value": true}; err == nil && !reflect.DeepEqual(found.Parameters, want) {
				err = fmt.Errorf("it has %v", found.Parameters)
			}
			return err
		}},
		{"what is no template is refused", func(ctx context.Context, w world) error {
			_, err := aws.NewStacks(w.clients.CloudFormation, w.clients.Where).Template(ctx, []byte("Resources: ["))
			return wantKind(err, engine.Invalid)
		}},
	}
}

// request is for the stack of the canary.
func (w world) request() engine.StackRequest {
	return engine.StackRequest{
		Name: w.service.StackName(canary), Template: []byte(template), Token: "create",
		Parameters: map[string]string{"Name": w.service.Environment + "-table"},
		Tags:       map[string]string{engine.OwnerTag: "rollout-1"},
	}
}

// ready makes the stack, and waits for it.
func (w world) ready(ctx context.Context) (string, error) {
	return w.makeStack(ctx, w.request())
}

func (w world) makeStack(ctx context.Context, request engine.StackRequest) (string, error) {
	id, err := w.ports.Stacks.Create(ctx, request)
	if err != nil {
		return "", err
	}
	return id, w.awaitStack(ctx, id, engine.StackReady)
}

func (w world) awaitStack(ctx context.Context, nameOrID string, state engine.StackState) error {
	var last engine.Stack
	err := w.eventually(ctx, "the stack is "+string(state), func() (bool, error) {
		var err error
		last, err = w.ports.Stacks.Stack(ctx, nameOrID, "")
		return last.State == state, err
	})
	if err != nil {
		err = fmt.Errorf("%w; the last was %+v", err, last)
	}
	return err
}

func stackComesToBe(ctx context.Context, w world) error {
	id, err := w.ready(ctx)
	if err != nil {
		return err
	}
	stack, err := w.ports.Stacks.Stack(ctx, w.service.StackName(canary), "")
	if err != nil {
		return err
	}
	if stack.ID != id || stack.Name != w.service.StackName(canary) || stack.Owner != "rollout-1" || len(stack.Events) < 2 {
		return fmt.Errorf("it is %+v", stack)
	}
	first, last := stack.Events[0], stack.Events[len(stack.Events)-1]
	if first.Status != "CREATE_IN_PROGRESS" || last.Status != "CREATE_COMPLETE" || last.Resource != stack.Name || last.At.Before(first.At) {
		return fmt.Errorf("its events are %+v", stack.Events)
	}
	return nil
}

func eventsGoOn(ctx context.Context, w world) error {
	id, err := w.ready(ctx)
	if err != nil {
		return err
	}
	all, err := w.ports.Stacks.Stack(ctx, id, "")
	if err != nil || len(all.Events) < 2 {
		return errors.Join(err, fmt.Errorf("%d events", len(all.Events)))
	}
	for i, event := range all.Events {
		rest, err := w.ports.Stacks.Stack(ctx, id, event.ID)
		if err != nil || len(rest.Events) != len(all.Events)-i-1 {
			return errors.Join(err, fmt.Errorf("%d events after number %d of %d", len(rest.Events), i+1, len(all.Events)))
		}
	}
	return nil
}

// value is what the stack's parameter holds.
func (w world) value(ctx context.Context) (string, error) {
	out, err := w.clients.SSM.GetParameter(ctx, &ssm.GetParameterInput{Name: awssdk.String(w.service.Environment + "-table")})
	if err != nil {
		return "", err
	}
	return awssdk.ToString(out.Parameter.Value), nil
}

func stackMakesThings(ctx context.Context, w world) error {
	if _, err := w.ready(ctx); err != nil {
		return err
	}
	got, err := w.value(ctx)
	if err == nil && got != "first" {
		err = fmt.Errorf("the parameter holds %q", got)
	}
	return err
}

func stackTakesThingsAlong(ctx context.Context, w world) error {
	id, err := w.ready(ctx)
	if err != nil {
		return err
	}
	if err := w.ports.Stacks.Delete(ctx, id, "delete"); err != nil {
		return err
	}
	if err := w.awaitStack(ctx, id, engine.StackAbsent); err != nil {
		return err
	}
	_, err = w.value(ctx)
	return wantCode(err, "ParameterNotFound")
}

func stackIsDeleted(ctx context.Context, w world) error {
	id, err := w.ready(ctx)
	if err != nil {
		return err
	}
	for range 2 {
		if err := w.ports.Stacks.Delete(ctx, id, "delete"); err != nil {
			return err
		}
	}
	return errors.Join(
		w.awaitStack(ctx, id, engine.StackAbsent),
		w.awaitStack(ctx, w.service.StackName(canary), engine.StackAbsent),
	)
}

func deletedStackHasEvents(ctx context.Context, w world) error {
	id, err := w.ready(ctx)
	if err != nil {
		return err
	}
	if err := w.ports.Stacks.Delete(ctx, id, "delete"); err != nil {
		return err
	}
	if err := w.awaitStack(ctx, id, engine.StackAbsent); err != nil {
		return err
	}
	stack, err := w.ports.Stacks.Stack(ctx, id, "")
	if err != nil {
		return err
	}
	if stack.ID != id || len(stack.Events) == 0 || stack.Events[len(stack.Events)-1].Status != "DELETE_COMPLETE" {
		return fmt.Errorf("it is %+v", stack)
	}
	return nil
}

// stackFails asks for a parameter that is there already.
func stackFails(ctx context.Context, w world) error {
	if _, err := w.clients.SSM.PutParameter(ctx, &ssm.PutParameterInput{
		Name: awssdk.String(w.service.Environment + "-table"), Value: awssdk.String("taken"), Type: "String",
	}); err != nil {
		return err
	}
	id, err := w.ports.Stacks.Create(ctx, w.request())
	if err != nil {
		return err
	}
	if err := w.awaitStack(ctx, id, engine.StackFailed); err != nil {
		return err
	}
	stack, err := w.ports.Stacks.Stack(ctx, id, "")
	if err == nil && len(stack.Reasons) == 0 {
		err = fmt.Errorf("it is %+v", stack)
	}
	return err
}

func stackMakesMesh(ctx context.Context, w world) error {
	request := w.request()
	request.Template, request.Parameters = []byte(meshTemplate), nil
	id, err := w.ports.Stacks.Create(ctx, request)
	if err != nil {
		return err
	}
	if err := w.awaitStack(ctx, id, engine.StackReady); err != nil {
		return err
	}
	_, err = w.clients.AppMesh.DescribeMesh(ctx, &appmesh.DescribeMeshInput{MeshName: &request.Name})
	return err
}
