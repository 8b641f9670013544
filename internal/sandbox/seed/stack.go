package seed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// look is the time between two looks at a stack: CloudFormation tells nobody when it
// is done.
const look = 5 * time.Millisecond

// stack is one to be created; its parameters are names and values in turn.
type stack struct {
	name, template string
	parameters     []string
}

// make creates stacks side by side and returns when all of them are complete, or with
// the reason why one cannot be.
func (s Seeder) make(ctx context.Context, stacks ...stack) error {
	for _, one := range stacks {
		in := &cloudformation.CreateStackInput{
			StackName: aws.String(one.name), TemplateBody: aws.String(one.template),
			Capabilities: []types.Capability{types.CapabilityCapabilityIam},
			OnFailure:    types.OnFailureDoNothing,
		}
		for pair := range slices.Chunk(one.parameters, 2) {
			in.Parameters = append(in.Parameters,
				types.Parameter{ParameterKey: aws.String(pair[0]), ParameterValue: aws.String(pair[1])})
		}
		if _, err := s.Stacks.CreateStack(ctx, in); err != nil {
			return fmt.Errorf("seed: stack %s: %w", one.name, err)
		}
	}
	for _, one := range stacks {
		if err := s.await(ctx, one.name); err != nil {
			return fmt.Errorf("seed: stack %s: %w", one.name, err)
		}
	}
	return nil
}

func (s Seeder) await(ctx context.Context, name string) error {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		out, err := s.Stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(name)})
		if err != nil {
			return err
		}
		switch out.Stacks[0].StackStatus {
		case types.StackStatusCreateComplete:
			return nil
		case types.StackStatusCreateInProgress:
		default:
			return s.reason(ctx, name)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// reason is why a stack failed: what CloudFormation says of each resource that did.
func (s Seeder) reason(ctx context.Context, name string) error {
	out, err := s.Stacks.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: aws.String(name)})
	if err != nil {
		return err
	}
	var reasons []string
	for _, event := range out.StackEvents {
		if event.ResourceStatus == types.ResourceStatusCreateFailed {
			reasons = append(reasons, aws.ToString(event.LogicalResourceId)+": "+aws.ToString(event.ResourceStatusReason))
		}
	}
	return errors.New(strings.Join(reasons, "; "))
}
