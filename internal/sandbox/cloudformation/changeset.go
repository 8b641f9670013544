package cloudformation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/uuid"

	"serin/internal/sandbox/cloudformation/template"
)

// changeSet is an update, or a creation, that waits to be executed.
type changeSet struct {
	id, name, description string
	created               time.Time
	blueprint             *blueprint
	changes               []types.Change
	onFailure             types.OnStackFailure
	// reason is why it cannot be executed; "" where it can.
	reason string
	// executed is the operation that executes it, nil before that.
	executed *operation
}

func (c *changeSet) status() types.ChangeSetStatus {
	if c.reason != "" {
		return types.ChangeSetStatusFailed
	}
	return types.ChangeSetStatusCreateComplete
}

func (c *changeSet) execution() types.ExecutionStatus {
	switch {
	case c.reason != "":
		return types.ExecutionStatusUnavailable
	case c.executed == nil:
		return types.ExecutionStatusAvailable
	}
	select {
	case <-c.executed.done:
		return types.ExecutionStatusExecuteComplete
	default:
		return types.ExecutionStatusExecuteInProgress
	}
}

// CreateChangeSet works out what an update would change; for a stack that is not there
// yet it enters the stack, in review.
func (s *Service) CreateChangeSet(ctx context.Context, in *sdk.CreateChangeSetInput) (*sdk.CreateChangeSetOutput, error) {
	err := first(
		aStackName.check("stackName", in.StackName), changeSetName.check("changeSetName", in.ChangeSetName),
		enumerated("changeSetType", in.ChangeSetType, in.ChangeSetType.Values()),
	)
	if err != nil {
		return nil, err
	}
	if in.ChangeSetType == types.ChangeSetTypeImport {
		return nil, invalid("Resource import is not supported in this region.")
	}
	create := in.ChangeSetType == types.ChangeSetTypeCreate
	d, err := s.changeDraft(*in.StackName, create)
	if err != nil {
		return nil, err
	}
	d.body, d.url, d.usePrevious = in.TemplateBody, in.TemplateURL, aws.ToBool(in.UsePreviousTemplate)
	d.parameters, d.capabilities = in.Parameters, in.Capabilities
	if in.Tags != nil {
		d.tags = in.Tags
	}
	b, err := s.blueprint(ctx, d)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addChangeSet(in, d, b)
}

// changeDraft is a draft for the stack that is to be created or updated.
func (s *Service) changeDraft(name string, create bool) (draft, error) {
	if !create {
		return s.updateDraft(name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.find(name)
	switch {
	case st == nil || !st.deleted.IsZero():
		return draft{name: name, id: s.newStackID(name)}, newStackName.check("stackName", &name)
	case st.status == types.StackStatusReviewInProgress:
		return draft{name: st.name, id: st.id}, nil
	default:
		return draft{}, invalid("Stack [%s] already exists and cannot be created again with the changeSet [CREATE].", name)
	}
}

// addChangeSet enters a change set, and its stack where that is new. The caller holds mu.
func (s *Service) addChangeSet(in *sdk.CreateChangeSetInput, d draft, b *blueprint) (*sdk.CreateChangeSetOutput, error) {
	st := s.stacks[d.id]
	if st == nil {
		if s.names[d.name] != nil {
			return nil, alreadyExists(d.name)
		}
		st = s.add(d.id, d.name, &blueprint{template: &template.Template{}, evaluation: b.evaluation})
		st.record("", types.StackStatusReviewInProgress, "User Initiated")
	}
	for _, other := range st.changeSets {
		// One that was executed has given its name up: pipelines use the same one every time.
		if other.name == *in.ChangeSetName && other.executed == nil {
			message := fmt.Sprintf("ChangeSet %s already exists for stack %s", other.name, st.id)
			return nil, &types.AlreadyExistsException{Message: &message}
		}
	}
	cs := &changeSet{
		id:   s.region.ARN("cloudformation", "changeSet/"+*in.ChangeSetName+"/"+uuid.NewString()),
		name: *in.ChangeSetName, description: aws.ToString(in.Description), created: time.Now().UTC(),
		blueprint: b, onFailure: in.OnStackFailure, changes: st.changes(b),
	}
	if d.previous != nil && b.same(d.previous) {
		cs.reason = "The submitted information didn't contain changes. Submit different information to create a change set."
	}
	st.changeSets = append(st.changeSets, cs)
	return &sdk.CreateChangeSetOutput{Id: aws.String(cs.id), StackId: aws.String(st.id)}, nil
}

// changes are what an update to a blueprint would do, by logical id.
func (st *stack) changes(b *blueprint) []types.Change {
	var changes []types.Change
	add := func(action types.ChangeAction, name, kind string, m *member) {
		change := &types.ResourceChange{Action: action, LogicalResourceId: aws.String(name), ResourceType: aws.String(kind)}
		if m != nil {
			change.PhysicalResourceId = optional(m.made.PhysicalID)
		}
		if action == types.ChangeActionModify {
			change.Scope = []types.ResourceAttribute{types.ResourceAttributeProperties}
			change.Replacement = types.ReplacementConditional
		}
		changes = append(changes, types.Change{Type: types.ChangeTypeResource, ResourceChange: change})
	}
	wanted := b.evaluation.Resources()
	for _, name := range wanted {
		m := st.members[name]
		switch {
		case m == nil || !m.exists():
			add(types.ChangeActionAdd, name, b.template.Resources[name].Type, nil)
		case b.evaluation.ResourceFingerprint(name) != st.blueprint.evaluation.ResourceFingerprint(name):
			add(types.ChangeActionModify, name, m.kind, m)
		}
	}
	for name, m := range st.members {
		if m.exists() && !slices.Contains(wanted, name) {
			add(types.ChangeActionRemove, name, m.kind, m)
		}
	}
	slices.SortFunc(changes, func(a, b types.Change) int {
		return strings.Compare(*a.ResourceChange.LogicalResourceId, *b.ResourceChange.LogicalResourceId)
	})
	return changes
}

// changeSet finds a change set by its id, or by its name and its stack; of two with a
// name it is the younger. The caller holds mu.
func (s *Service) changeSet(nameOrID, stackName *string) (*stack, *changeSet, error) {
	if err := changeSetName.check("changeSetName", nameOrID); err != nil {
		return nil, nil, err
	}
	if stackName == nil && !strings.HasPrefix(*nameOrID, "arn:") {
		return nil, nil, invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
	}
	for _, st := range s.order {
		if stackName != nil && s.find(*stackName) != st {
			continue
		}
		for _, cs := range slices.Backward(st.changeSets) {
			if cs.id == *nameOrID || (stackName != nil && cs.name == *nameOrID) {
				return st, cs, nil
			}
		}
	}
	message := fmt.Sprintf("ChangeSet [%s] does not exist", *nameOrID)
	return nil, nil, &types.ChangeSetNotFoundException{Message: &message}
}

// DescribeChangeSet describes a change set and what it would change.
func (s *Service) DescribeChangeSet(_ context.Context, in *sdk.DescribeChangeSetInput) (*sdk.DescribeChangeSetOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, cs, err := s.changeSet(in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	changes, next, err := page(cs.changes, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &sdk.DescribeChangeSetOutput{
		ChangeSetId: aws.String(cs.id), ChangeSetName: aws.String(cs.name), Description: optional(cs.description),
		StackId: aws.String(st.id), StackName: aws.String(st.name), CreationTime: aws.Time(cs.created),
		Status: cs.status(), StatusReason: optional(cs.reason), ExecutionStatus: cs.execution(),
		Changes: slices.Clone(changes), NextToken: next, OnStackFailure: cs.onFailure,
		Parameters: cs.blueprint.shownParameters(), Tags: slices.Clone(cs.blueprint.tags),
		Capabilities: slices.Clone(cs.blueprint.capabilities),
	}, nil
}

// ListChangeSets lists a stack's change sets that have not been executed.
func (s *Service) ListChangeSets(_ context.Context, in *sdk.ListChangeSetsInput) (*sdk.ListChangeSetsOutput, error) {
	if err := aStackName.check("stackName", in.StackName); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.need(*in.StackName)
	if err != nil {
		return nil, err
	}
	var summaries []types.ChangeSetSummary
	for _, cs := range st.changeSets {
		summaries = append(summaries, types.ChangeSetSummary{
			ChangeSetId: aws.String(cs.id), ChangeSetName: aws.String(cs.name), Description: optional(cs.description),
			StackId: aws.String(st.id), StackName: aws.String(st.name), CreationTime: aws.Time(cs.created),
			Status: cs.status(), StatusReason: optional(cs.reason), ExecutionStatus: cs.execution(),
		})
	}
	listed, next, err := page(summaries, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &sdk.ListChangeSetsOutput{Summaries: listed, NextToken: next}, nil
}

// ExecuteChangeSet begins what a change set describes. The stack's other change sets go
// away: they describe a stack that is no more.
func (s *Service) ExecuteChangeSet(_ context.Context, in *sdk.ExecuteChangeSetInput) (*sdk.ExecuteChangeSetOutput, error) {
	if err := requestToken.check("clientRequestToken", in.ClientRequestToken); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st, cs, err := s.changeSet(in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	if cs.execution() != types.ExecutionStatusAvailable {
		message := fmt.Sprintf("ChangeSet [%s] cannot be executed in its current execution status of [%s]", cs.id, cs.execution())
		return nil, &types.InvalidChangeSetStatusException{Message: &message}
	}
	if cs.onFailure != "" && in.DisableRollback != nil {
		return nil, invalid("You cannot specify DisableRollback when the change set has OnStackFailure.")
	}
	token := aws.ToString(in.ClientRequestToken)
	if st.status == types.StackStatusReviewInProgress {
		st.blueprint = cs.blueprint
		st.settings.onFailure = executionFailure(cs.onFailure, aws.ToBool(in.DisableRollback))
		st.settings.retainExceptOnCreate = aws.ToBool(in.RetainExceptOnCreate)
		s.start(st, token)
	} else {
		if err := checkUpdate(st, cs.blueprint); err != nil {
			return nil, err
		}
		s.startUpdate(st, cs.blueprint, token, aws.ToBool(in.DisableRollback) || cs.onFailure == types.OnStackFailureDoNothing)
	}
	cs.executed = st.operation
	st.changeSets = []*changeSet{cs}
	return &sdk.ExecuteChangeSetOutput{}, nil
}

func executionFailure(asked types.OnStackFailure, disableRollback bool) types.OnFailure {
	switch {
	case asked != "":
		return types.OnFailure(asked)
	case disableRollback:
		return types.OnFailureDoNothing
	default:
		return types.OnFailureRollback
	}
}

// DeleteChangeSet deletes a change set; one that is not there is no error.
func (s *Service) DeleteChangeSet(_ context.Context, in *sdk.DeleteChangeSetInput) (*sdk.DeleteChangeSetOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, cs, err := s.changeSet(in.ChangeSetName, in.StackName)
	if err != nil {
		return &sdk.DeleteChangeSetOutput{}, ignoreMissing(err)
	}
	if cs.execution() == types.ExecutionStatusExecuteInProgress {
		message := fmt.Sprintf("ChangeSet [%s] cannot be deleted while it is being executed", cs.id)
		return nil, &types.InvalidChangeSetStatusException{Message: &message}
	}
	st.changeSets = slices.DeleteFunc(st.changeSets, func(other *changeSet) bool { return other == cs })
	return &sdk.DeleteChangeSetOutput{}, nil
}
