package cloudformation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/uuid"

	"serin/internal/sandbox/cloudformation/template"
)

// CreateStack begins to make a stack and answers at once.
func (s *Service) CreateStack(ctx context.Context, in *sdk.CreateStackInput) (*sdk.CreateStackOutput, error) {
	if err := checkCreate(in); err != nil {
		return nil, err
	}
	asked, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("create stack: %w", err)
	}
	if id, repeated := s.repeated(in, string(asked)); repeated {
		return &sdk.CreateStackOutput{StackId: &id}, nil
	}
	id := s.newStackID(*in.StackName)
	b, err := s.blueprint(ctx, draft{
		name: *in.StackName, id: id, body: in.TemplateBody, url: in.TemplateURL,
		parameters: in.Parameters, tags: in.Tags, capabilities: in.Capabilities, notificationARNs: in.NotificationARNs,
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if existing := s.names[*in.StackName]; existing != nil {
		if existing.repeats(in.ClientRequestToken, string(asked)) {
			return &sdk.CreateStackOutput{StackId: aws.String(existing.id)}, nil
		}
		return nil, alreadyExists(*in.StackName)
	}
	st := s.add(id, *in.StackName, b)
	st.settings = createSettings(in)
	st.createdWith, st.createToken = string(asked), aws.ToString(in.ClientRequestToken)
	s.start(st, st.createToken)
	return &sdk.CreateStackOutput{StackId: &st.id}, nil
}

func (s *Service) newStackID(name string) string {
	return s.region.ARN("cloudformation", "stack/"+name+"/"+uuid.NewString())
}

// add enters a stack of which nothing is made yet. The caller holds mu.
func (s *Service) add(id, name string, b *blueprint) *stack {
	st := &stack{
		id: id, name: name, created: time.Now().UTC(), blueprint: b, members: make(map[string]*member),
	}
	s.stacks[id], s.names[name] = st, st
	s.order = append(s.order, st)
	return st
}

// start begins a stack's creation. The caller holds mu.
func (s *Service) start(st *stack, token string) {
	st.record(token, types.StackStatusCreateInProgress, "User Initiated")
	s.begin(st, token, (*operation).create)
}

func checkCreate(in *sdk.CreateStackInput) error {
	err := first(
		newStackName.check("stackName", in.StackName),
		requestToken.check("clientRequestToken", in.ClientRequestToken),
		enumerated("onFailure", in.OnFailure, in.OnFailure.Values()),
	)
	if err != nil {
		return err
	}
	if in.OnFailure != "" && in.DisableRollback != nil {
		return invalid("You cannot specify both OnFailure and DisableRollback.")
	}
	if in.TimeoutInMinutes != nil && *in.TimeoutInMinutes < 1 {
		return constraintError(fmt.Sprint(*in.TimeoutInMinutes), "timeoutInMinutes", "Member must have value greater than or equal to 1")
	}
	return nil
}

func createSettings(in *sdk.CreateStackInput) settings {
	onFailure := in.OnFailure
	if onFailure == "" {
		onFailure = types.OnFailureRollback
		if aws.ToBool(in.DisableRollback) {
			onFailure = types.OnFailureDoNothing
		}
	}
	return settings{
		onFailure: onFailure, retainExceptOnCreate: aws.ToBool(in.RetainExceptOnCreate),
		timeout:   time.Duration(aws.ToInt32(in.TimeoutInMinutes)) * time.Minute,
		protected: aws.ToBool(in.EnableTerminationProtection), roleARN: in.RoleARN, notificationARNs: in.NotificationARNs,
	}
}

// repeated finds the stack that the very same request, with the same token, has made.
func (s *Service) repeated(in *sdk.CreateStackInput, asked string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.names[*in.StackName]
	if st == nil || !st.repeats(in.ClientRequestToken, asked) {
		return "", false
	}
	return st.id, true
}

// repeats reports whether a request is the one, with the same token, that made the stack.
func (st *stack) repeats(token *string, asked string) bool {
	return token != nil && st.createdWith == asked
}

// create makes the stack's resources and then its outputs.
func (op *operation) create() {
	b := op.stack.blueprint
	if reason := op.missingImport(b); reason != "" {
		op.giveUp(reason)
		return
	}
	ctx, stop := op.bounded()
	defer stop()
	failed := &names{}
	order := make(graph)
	for _, name := range b.evaluation.Resources() {
		order[name] = b.evaluation.Dependencies(name)
	}
	complete := order.run(func(name string) bool {
		made := op.provision(ctx, b, name)
		if !made {
			failed.add(name)
			stop()
		}
		return made
	}, func() bool { return ctx.Err() != nil })
	switch {
	case op.ctx.Err() != nil:
	case complete:
		op.conclude(b, types.StackStatusCreateComplete, op.giveUp)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		op.giveUp("Stack creation time exceeded the specified timeout.")
	default:
		op.giveUp("The following resource(s) failed to create: " + failed.list() + ".")
	}
}

// bounded is the operation's context with the stack's timeout, if it has one.
func (op *operation) bounded() (context.Context, context.CancelFunc) {
	var timeout time.Duration
	op.locked(func() { timeout = op.stack.settings.timeout })
	if timeout == 0 {
		return context.WithCancel(op.ctx)
	}
	return context.WithTimeout(op.ctx, timeout)
}

// missingImport is why the stack cannot be made, or "".
func (op *operation) missingImport(b *blueprint) (reason string) {
	op.locked(func() {
		exports := op.service.exports()
		for _, name := range b.imports {
			if _, exported := exports[name]; !exported {
				reason = missingExport(name).Error() + "."
				return
			}
		}
	})
	return reason
}

// conclude gives the stack its outputs and its final status, or hands the reason why
// there can be no outputs to failed.
func (op *operation) conclude(b *blueprint, status types.StackStatus, failed func(reason string)) {
	reason := ""
	op.newest(func() {
		outputs, err := b.evaluation.Outputs(resolver{op.service, op.stack})
		if err == nil {
			err = op.service.checkExports(op.stack, outputs)
		}
		if err != nil {
			reason = err.Error() + "."
			return
		}
		op.stack.outputs = outputs
		op.stack.record(op.token, status, "")
	})
	if reason != "" {
		failed(reason)
	}
}

// checkExports refuses exports that another stack has, and to take away or change
// exports that another stack imports. The caller holds mu.
func (s *Service) checkExports(st *stack, outputs []template.OutputValue) error {
	values := make(map[string]string)
	exports := s.exports()
	for _, output := range outputs {
		if output.Export == "" {
			continue
		}
		if other, taken := exports[output.Export]; taken && other.stack != st {
			return invalidExport("Export with name %s is already exported by stack %s", output.Export, other.stack.name)
		}
		values[output.Export] = output.Value
	}
	for _, output := range st.outputs {
		if output.Export == "" || len(s.importers(output.Export)) == 0 {
			continue
		}
		value, still := values[output.Export]
		switch {
		case !still:
			return invalidExport("Export %s cannot be deleted as it is in use by %s", output.Export, s.importers(output.Export)[0])
		case value != output.Value:
			return invalidExport("Export %s cannot be updated as it is in use by %s", output.Export, s.importers(output.Export)[0])
		}
	}
	return nil
}

func invalidExport(format string, values ...any) error {
	return &template.Error{Message: fmt.Sprintf(format, values...)}
}

// giveUp does with a stack that could not be created what its creator has asked for.
func (op *operation) giveUp(reason string) {
	var onFailure types.OnFailure
	op.locked(func() { onFailure = op.stack.settings.onFailure })
	switch onFailure {
	case types.OnFailureDoNothing:
		op.newest(func() { op.stack.record(op.token, types.StackStatusCreateFailed, reason+" ") })
	case types.OnFailureDelete:
		if op.newest(func() {
			op.stack.record(op.token, types.StackStatusDeleteInProgress, reason+" Delete requested by user.")
		}) {
			op.removeAll(types.StackStatusDeleteComplete, types.StackStatusDeleteFailed, op.retainedOnCreate)
		}
	default:
		if op.newest(func() {
			op.stack.record(op.token, types.StackStatusRollbackInProgress, reason+" Rollback requested by user.")
		}) {
			op.removeAll(types.StackStatusRollbackComplete, types.StackStatusRollbackFailed, op.retainedOnCreate)
		}
	}
}

// retainedOnCreate reports whether a resource outlives a creation that failed.
func (op *operation) retainedOnCreate(m *member) bool {
	return m.deletionPolicy == "Retain" && !op.stack.settings.retainExceptOnCreate
}

// removeAll deletes all of the stack's resources and gives it one status or the other.
func (op *operation) removeAll(complete, failed types.StackStatus, keep func(*member) bool) {
	leftovers := op.remove(op.everything(), keep)
	if op.ctx.Err() != nil {
		return
	}
	op.newest(func() {
		if !leftovers.empty() {
			op.stack.record(op.token, failed, "The following resource(s) failed to delete: "+leftovers.list()+". ")
			return
		}
		if complete == types.StackStatusDeleteComplete {
			op.service.bury(op.stack)
		}
		op.stack.record(op.token, complete, "")
	})
}

// everything is the stack's resources, those included that an update has left behind.
func (op *operation) everything() map[string]*member {
	all := make(map[string]*member)
	op.locked(func() {
		maps.Copy(all, op.stack.members)
		for i, m := range op.stack.retired {
			all[fmt.Sprintf("%s#%d", m.logicalID, i)] = m
		}
	})
	return all
}

// bury takes the stack's name and exports away. The caller holds mu.
func (s *Service) bury(st *stack) {
	st.deleted = time.Now().UTC()
	st.outputs = nil
	if s.names[st.name] == st {
		delete(s.names, st.name)
	}
	s.forgetDeleted()
}

// forgetDeleted drops those of the deleted stacks that were deleted first. The caller
// holds mu.
func (s *Service) forgetDeleted() {
	deleted := slices.DeleteFunc(slices.Clone(s.order), func(st *stack) bool { return st.deleted.IsZero() })
	slices.SortStableFunc(deleted, func(a, b *stack) int { return a.deleted.Compare(b.deleted) })
	for _, st := range deleted[:max(len(deleted)-keptDeleted, 0)] {
		delete(s.stacks, st.id)
	}
	s.order = slices.DeleteFunc(s.order, func(st *stack) bool { return s.stacks[st.id] == nil })
}
