package cloudformation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"serin/internal/sandbox/cloudformation/resource"
	"serin/internal/sandbox/cloudformation/template"
)

// UpdateStack begins to change a stack and answers at once.
func (s *Service) UpdateStack(ctx context.Context, in *sdk.UpdateStackInput) (*sdk.UpdateStackOutput, error) {
	err := first(
		aStackName.check("stackName", in.StackName),
		requestToken.check("clientRequestToken", in.ClientRequestToken),
	)
	if err != nil {
		return nil, err
	}
	asked, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("update stack: %w", err)
	}
	d, err := s.updateDraft(*in.StackName)
	if err != nil {
		return nil, err
	}
	begun, err := s.updatedBefore(d.id, in.ClientRequestToken, string(asked))
	if err != nil {
		return nil, err
	}
	if begun {
		return &sdk.UpdateStackOutput{StackId: &d.id}, nil
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
	st := s.stacks[d.id]
	if err := checkUpdate(st, b); err != nil {
		return nil, err
	}
	st.updatedWith, st.updateToken = string(asked), aws.ToString(in.ClientRequestToken)
	s.startUpdate(st, b, st.updateToken, aws.ToBool(in.DisableRollback))
	return &sdk.UpdateStackOutput{StackId: &st.id}, nil
}

// updatedBefore reports whether the very same request, with the same token, has begun
// the stack's newest update. The same token on another request is an error.
func (s *Service) updatedBefore(id string, token *string, asked string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stacks[id]
	if token == nil || st.updateToken != *token {
		return false, nil
	}
	if st.updatedWith == asked {
		return true, nil
	}
	message := fmt.Sprintf("Token %s already exists for stack %s", *token, st.id)
	return false, &types.TokenAlreadyExistsException{Message: &message}
}

// updateDraft is a draft that changes nothing of a stack yet.
func (s *Service) updateDraft(nameOrID string) (draft, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.find(nameOrID)
	if st == nil || !st.deleted.IsZero() {
		return draft{}, invalid("Stack [%s] does not exist", nameOrID)
	}
	return draft{
		name: st.name, id: st.id, previous: st.blueprint, tags: st.blueprint.tags,
		notificationARNs: st.settings.notificationARNs,
	}, nil
}

// updatable are the statuses from which a stack can be updated (CloudFormation user
// guide, stack status codes).
var updatable = []types.StackStatus{
	types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete,
	types.StackStatusImportComplete, types.StackStatusUpdateFailed, types.StackStatusCreateFailed,
}

func checkUpdate(st *stack, b *blueprint) error {
	if !slices.Contains(updatable, st.status) {
		return invalid("Stack:%s is in %s state and can not be updated.", st.id, st.status)
	}
	var changed []string
	for _, name := range b.evaluation.Resources() {
		if m := st.members[name]; m != nil && m.exists() && m.kind != b.template.Resources[name].Type {
			changed = append(changed, name)
		}
	}
	if len(changed) > 0 {
		return invalid("Update of resource type is not permitted. The new template modifies resource type of the following resources: [%s]",
			strings.Join(changed, ", "))
	}
	failed := st.status == types.StackStatusUpdateFailed || st.status == types.StackStatusCreateFailed
	if !failed && b.same(st.blueprint) {
		return invalid("No updates are to be performed.")
	}
	return nil
}

// startUpdate begins an update. The caller holds mu.
func (s *Service) startUpdate(st *stack, b *blueprint, token string, keepFailed bool) {
	u := &update{from: st.blueprint, to: b, before: make(map[string]member), keepFailed: keepFailed}
	for name, m := range st.members {
		u.before[name] = *m
	}
	st.blueprint = b
	st.updated = time.Now().UTC()
	st.record(token, types.StackStatusUpdateInProgress, "User Initiated")
	s.begin(st, token, func(op *operation) {
		u.operation = op
		u.run()
	})
}

// update is an operation from one blueprint to another.
type update struct {
	*operation
	from, to *blueprint
	// before is the members as they were.
	before map[string]member
	// keepFailed leaves things as they are when the update fails.
	keepFailed bool
}

func (u *update) run() {
	if reason := u.missingImport(u.to); reason != "" {
		u.fail(reason)
		return
	}
	ctx, stop := context.WithCancel(u.ctx)
	defer stop()
	created, updated := &names{}, &names{}
	order := make(graph)
	for _, name := range u.to.evaluation.Resources() {
		order[name] = u.to.evaluation.Dependencies(name)
	}
	complete := order.run(func(name string) bool {
		failures := updated
		perform := u.change
		if !u.existed(name) {
			failures, perform = created, u.create
		}
		done := perform(ctx, name)
		if !done {
			failures.add(name)
			stop()
		}
		return done
	}, func() bool { return ctx.Err() != nil })
	switch {
	case u.ctx.Err() != nil:
	case complete:
		u.conclude(u.to, types.StackStatusUpdateCompleteCleanupInProgress, u.fail)
		u.cleanUp(types.StackStatusUpdateCompleteCleanupInProgress, types.StackStatusUpdateComplete)
	default:
		u.fail(failures(created, updated))
	}
}

func failures(created, updated *names) string {
	var reasons []string
	if !created.empty() {
		reasons = append(reasons, "The following resource(s) failed to create: "+created.list()+".")
	}
	if !updated.empty() {
		reasons = append(reasons, "The following resource(s) failed to update: "+updated.list()+".")
	}
	return strings.Join(reasons, " ")
}

func (u *update) existed(name string) bool {
	m, ok := u.before[name]
	return ok && m.exists()
}

func (u *update) create(ctx context.Context, name string) bool {
	return u.provision(ctx, u.to, name)
}

// change brings one resource that there is to what the new blueprint wants.
func (u *update) change(ctx context.Context, name string) bool {
	var m *member
	var kind resource.Type
	var request resource.Request
	var err error
	unchanged := false
	u.locked(func() {
		m = u.stack.members[name]
		kind, request, err = u.request(u.to, name)
		fresh := u.to.member(name)
		m.needs, m.deletionPolicy = fresh.needs, fresh.deletionPolicy
		sound := !strings.HasSuffix(string(m.status), "_FAILED")
		unchanged = err == nil && sound && reflect.DeepEqual(m.made.Properties, request.Properties)
		if !unchanged {
			u.stack.recordMember(u.token, m, types.ResourceStatusUpdateInProgress, "")
		}
	})
	if unchanged {
		return true
	}
	if err == nil {
		err = u.apply(ctx, &m, kind, request)
	}
	return u.settle(m, err, types.ResourceStatusUpdateComplete, types.ResourceStatusUpdateFailed)
}

// apply changes a resource in place, or makes another in its stead: then the member is
// another one as well, and the old one is retired.
func (u *update) apply(ctx context.Context, m **member, kind resource.Type, request resource.Request) error {
	if err := u.service.region.Pace.Wait(ctx, kind.Duration/2); err != nil {
		return err
	}
	made, err := kind.Update(u.service.life, (*m).made, request)
	if errors.Is(err, resource.ErrReplacement) {
		return u.replace(ctx, m, kind, request)
	}
	if err != nil {
		return err
	}
	u.locked(func() { (*m).made = made })
	return u.stabilize(ctx, *m, kind)
}

func (u *update) replace(ctx context.Context, m **member, kind resource.Type, request resource.Request) error {
	name, custom := request.Properties[kind.NameProperty]
	if custom && reflect.DeepEqual(name, (*m).made.Properties[kind.NameProperty]) {
		return &template.Error{Message: fmt.Sprintf(
			"CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename %v and update the stack again.", name)}
	}
	fresh := u.to.member((*m).logicalID)
	u.locked(func() {
		u.stack.recordMember(u.token, *m, types.ResourceStatusUpdateInProgress,
			"Requested update requires the creation of a new physical resource; hence creating one.")
		u.stack.retired = append(u.stack.retired, *m)
		u.stack.members[fresh.logicalID] = fresh
	})
	old := *m
	*m = fresh
	err := u.make(ctx, fresh, kind, request, types.ResourceStatusUpdateInProgress)
	if err != nil && u.keepFailed && !fresh.exists() {
		// Nothing took its place, and no rollback puts it back: it still is the resource.
		u.locked(func() { u.unretire(old) })
		*m = old
	}
	return err
}

// unretire has a member of the past be the present one again. The caller holds the
// service's mutex.
func (u *update) unretire(old *member) {
	u.stack.retired = slices.DeleteFunc(u.stack.retired, func(m *member) bool { return m == old })
	u.stack.members[old.logicalID] = old
}

// cleanUp deletes what the stack has no use for any more, provided that it still has
// the status given, and gives it its final one. What cannot be deleted is left behind,
// as CloudFormation does.
func (u *update) cleanUp(while, final types.StackStatus) {
	useless := make(map[string]*member)
	if !u.newest(func() {
		if u.stack.status != while {
			return
		}
		for name, m := range u.stack.members {
			if !u.wants(name) {
				useless[name] = m
			}
		}
		for i, m := range u.stack.retired {
			useless[fmt.Sprintf("%s#%d", m.logicalID, i)] = m
		}
		u.stack.retired = nil
	}) {
		return
	}
	u.remove(useless, func(m *member) bool { return m.deletionPolicy == "Retain" })
	u.newest(func() {
		if u.stack.status != while {
			return
		}
		for name, m := range useless {
			if u.stack.members[name] == m {
				delete(u.stack.members, name)
			}
		}
		u.stack.record(u.token, final, "")
	})
}

// wants reports whether the stack's present blueprint has a resource.
func (u *update) wants(name string) bool {
	return slices.Contains(u.stack.blueprint.evaluation.Resources(), name)
}

// fail takes the stack back to what it was, unless it is to be left as it is.
func (u *update) fail(reason string) {
	status := types.StackStatusUpdateRollbackInProgress
	if u.keepFailed {
		status = types.StackStatusUpdateFailed
	}
	if !u.newest(func() { u.stack.record(u.token, status, reason+" ") }) || u.keepFailed {
		return
	}
	u.locked(func() { u.stack.blueprint = u.from })
	failed := &names{}
	for _, name := range slices.Sorted(maps.Keys(u.before)) {
		if !u.revert(name) {
			failed.add(name)
		}
	}
	if u.ctx.Err() != nil {
		return
	}
	if !failed.empty() {
		u.newest(func() {
			u.stack.record(u.token, types.StackStatusUpdateRollbackFailed, "The following resource(s) failed to update: "+failed.list()+". ")
		})
		return
	}
	cleaning := types.StackStatusUpdateRollbackCompleteCleanupInProgress
	u.newest(func() { u.stack.record(u.token, cleaning, "") })
	u.cleanUp(cleaning, types.StackStatusUpdateRollbackComplete)
}

// revert takes one resource back to what it was. It reports success.
func (u *update) revert(name string) bool {
	before := u.before[name]
	var m *member
	u.locked(func() { m = u.stack.members[name] })
	if m == nil {
		return false
	}
	if m.made.PhysicalID != before.made.PhysicalID {
		u.locked(func() { u.reinstate(name, m) })
		return true
	}
	untouched := reflect.DeepEqual(m.made.Properties, before.made.Properties) && m.status == before.status
	if untouched || !before.exists() {
		return true
	}
	kind := u.service.registry[m.kind]
	u.locked(func() { u.stack.recordMember(u.token, m, types.ResourceStatusUpdateInProgress, "") })
	made, err := kind.Update(u.service.life, m.made, resource.Request{
		LogicalID: name, StackName: u.stack.name, StackID: u.stack.id, Properties: before.made.Properties,
	})
	if err == nil {
		u.locked(func() { m.made, m.needs, m.deletionPolicy = made, before.needs, before.deletionPolicy })
		err = u.stabilize(u.ctx, m, kind)
	}
	return u.settle(m, err, types.ResourceStatusUpdateComplete, types.ResourceStatusUpdateFailed)
}

// reinstate puts the resource that was replaced back in its place and retires the one
// that replaced it. The caller holds the service's mutex.
func (u *update) reinstate(name string, replacement *member) {
	u.stack.retired = slices.DeleteFunc(u.stack.retired, func(m *member) bool { return m.logicalID == name })
	u.stack.retired = append(u.stack.retired, replacement)
	before := u.before[name]
	u.stack.members[name] = &before
	if !before.exists() {
		return
	}
	u.stack.recordMember(u.token, &before, types.ResourceStatusUpdateComplete, "")
}
