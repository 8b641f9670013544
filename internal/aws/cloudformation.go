package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"serin/internal/engine"
)

// StackAPI is what Stacks need of CloudFormation.
type StackAPI interface {
	CreateStack(context.Context, *cloudformation.CreateStackInput, ...func(*cloudformation.Options)) (*cloudformation.CreateStackOutput, error)
	DeleteStack(context.Context, *cloudformation.DeleteStackInput, ...func(*cloudformation.Options)) (*cloudformation.DeleteStackOutput, error)
	DescribeStacks(context.Context, *cloudformation.DescribeStacksInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error)
	DescribeStackEvents(context.Context, *cloudformation.DescribeStackEventsInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error)
	ValidateTemplate(context.Context, *cloudformation.ValidateTemplateInput, ...func(*cloudformation.Options)) (*cloudformation.ValidateTemplateOutput, error)
	ListExports(context.Context, *cloudformation.ListExportsInput, ...func(*cloudformation.Options)) (*cloudformation.ListExportsOutput, error)
}

// Stacks are the stacks of versions on CloudFormation.
type Stacks struct {
	api   StackAPI
	where Where
}

var (
	_ engine.Stacks = (*Stacks)(nil)
	_ StackAPI      = (*cloudformation.Client)(nil)
)

// NewStacks are the stacks of one account and region.
func NewStacks(api StackAPI, where Where) *Stacks { return &Stacks{api: api, where: where} }

// templateLimit is how large a template may be in a request, in bytes (CreateStack,
// TemplateBody).
const templateLimit = 51200

// Create asks for a stack that stays as it is when it fails (OnFailure DO_NOTHING), so
// that its resources can be looked at; the driver deletes it. See engine.Stacks.
func (s *Stacks) Create(ctx context.Context, request engine.StackRequest) (string, error) {
	op, target := "create", "stack "+request.Name
	template, err := s.validate(ctx, op, target, request.Template)
	if err != nil {
		return "", err
	}
	token := stackToken(request.Token)
	out, err := s.api.CreateStack(ctx, &cloudformation.CreateStackInput{
		StackName:          &request.Name,
		TemplateBody:       awssdk.String(string(request.Template)),
		Parameters:         parametersOf(request.Parameters),
		Tags:               tagsOf(request.Tags),
		Capabilities:       template.capabilities,
		OnFailure:          types.OnFailureDoNothing,
		ClientRequestToken: &token,
	})
	if hasCode(err, "AlreadyExistsException", "TokenAlreadyExistsException") {
		return s.afterConflict(ctx, op, target, request.Name, token)
	}
	if err != nil {
		return "", s.where.fault(ctx, op, target, err)
	}
	return awssdk.ToString(out.StackId), nil
}

// tokenForm is what a client request token may look like (CreateStack,
// ClientRequestToken).
var tokenForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-zA-Z0-9][-a-zA-Z0-9]{0,127}$`)
})

// stackToken is a client request token made of a token of the engine's.
func stackToken(token string) string {
	if tokenForm().MatchString(token) {
		return token
	}
	return "serin-" + strings.ReplaceAll(digest(token), "_", "-")
}

func parametersOf(values map[string]string) []types.Parameter {
	var out []types.Parameter
	for _, name := range slices.Sorted(maps.Keys(values)) {
		out = append(out, types.Parameter{ParameterKey: &name, ParameterValue: awssdk.String(values[name])})
	}
	return out
}

func tagsOf(values map[string]string) []types.Tag {
	var out []types.Tag
	for _, name := range slices.Sorted(maps.Keys(values)) {
		out = append(out, types.Tag{Key: &name, Value: awssdk.String(values[name])})
	}
	return out
}

// afterConflict looks at the stack that has the name already: it is ours when it was
// created with our token.
func (s *Stacks) afterConflict(ctx context.Context, op, target, name, token string) (string, error) {
	stack, err := s.describe(ctx, op, target, name)
	if err != nil {
		return "", err
	}
	if stack == nil {
		return "", refuse(op, target, engine.Transient, "", "a stack of that name was there and is gone: it can be created now")
	}
	id := awssdk.ToString(stack.StackId)
	ours := func(event types.StackEvent) bool {
		return awssdk.ToString(event.ClientRequestToken) == token &&
			event.ResourceStatus == types.ResourceStatusCreateInProgress &&
			awssdk.ToString(event.PhysicalResourceId) == id
	}
	events, err := s.events(ctx, op, target, id, ours)
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(events, ours) {
		return id, nil
	}
	return "", refuse(op, target, engine.Conflict, takenStackHint,
		"%s", alreadyThere(name, stack))
}

// takenStackHint is what to do about a stack that has the name already. Who reads it at
// night must not delete what serves.
const takenStackHint = "deploy another sha; delete that stack only if no route names it"

func alreadyThere(name string, stack *types.Stack) string {
	said := fmt.Sprintf("a stack %s exists already (%s", name, clean(string(stack.StackStatus)))
	if stack.CreationTime != nil {
		said += ", since " + stack.CreationTime.UTC().Format(time.RFC3339)
	}
	return said + ")"
}

// Delete asks for a deletion; see engine.Stacks. It reads first, so that the same token
// deletes once, and a deletion that failed is tried anew.
func (s *Stacks) Delete(ctx context.Context, nameOrID, token string) error {
	op, target := "delete", "stack "+stackName(nameOrID)
	stack, err := s.describe(ctx, op, target, nameOrID)
	if err != nil {
		return err
	}
	if stack == nil || stack.StackStatus == types.StackStatusDeleteComplete ||
		stack.StackStatus == types.StackStatusDeleteInProgress {
		return nil
	}
	attempt := stackToken(digest(token, awssdk.ToString(stack.StackId), lastDeletion(stack)))
	_, err = s.api.DeleteStack(ctx, &cloudformation.DeleteStackInput{
		StackName: stack.StackId, ClientRequestToken: &attempt,
	})
	switch {
	case err == nil, isNoStack(err):
		return nil
	case strings.Contains(failureOf(err).message, "TerminationProtection"):
		return refuse(op, target, engine.Conflict,
			"allow it: `aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name "+
				stackName(nameOrID)+"`", "the stack is protected from termination")
	}
	return s.where.fault(ctx, op, target, err)
}

// lastDeletion is when the stack was last asked to go, so that each attempt has a token
// of its own.
func lastDeletion(stack *types.Stack) string {
	if stack.DeletionTime == nil {
		return ""
	}
	return stack.DeletionTime.UTC().Format(time.RFC3339Nano)
}

// stackName is the name in a stack's ID
// (arn:aws:cloudformation:<region>:<account>:stack/<name>/<uuid>), or a name as it is.
func stackName(nameOrID string) string {
	if _, path, isID := strings.Cut(nameOrID, ":stack/"); isID {
		name, _, _ := strings.Cut(path, "/")
		return clean(name)
	}
	return clean(nameOrID)
}

// describe reads a stack; it is nil when there is none.
func (s *Stacks) describe(ctx context.Context, op, target, nameOrID string) (*types.Stack, error) {
	out, err := s.api.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &nameOrID})
	switch {
	case isNoStack(err):
		return nil, nil
	case err != nil:
		return nil, s.where.fault(ctx, op, target, err)
	case len(out.Stacks) == 0:
		return nil, nil
	}
	return &out.Stacks[0], nil
}

// isNoStack tells CloudFormation's answer for a stack that is not there: a
// ValidationError with a sentence, for lack of a code.
func isNoStack(err error) bool {
	return hasCode(err, "StackNotFoundException") ||
		hasCode(err, "ValidationError") && strings.Contains(failureOf(err).message, "does not exist")
}

// Template is what CloudFormation says about a template.
type Template struct {
	// Parameters are those that it has, by name; the value is false for one without a
	// default, which a stack must be given.
	Parameters   map[string]bool
	capabilities []types.Capability
}

// Template has CloudFormation validate a template. One that it would not take is a
// fault of kind Invalid.
func (s *Stacks) Template(ctx context.Context, body []byte) (Template, error) {
	return s.validate(ctx, "validate", "the template", body)
}

func (s *Stacks) validate(ctx context.Context, op, target string, body []byte) (Template, error) {
	if len(body) == 0 {
		return Template{}, refuse(op, target, engine.Invalid, "", "the template is empty")
	}
	if len(body) > templateLimit {
		return Template{}, refuse(op, target, engine.Invalid,
			"take comments and blank lines out of it, or what all versions share into a stack of the environment",
			"the template has %d bytes; CloudFormation takes %d", len(body), templateLimit)
	}
	out, err := s.api.ValidateTemplate(ctx, &cloudformation.ValidateTemplateInput{TemplateBody: awssdk.String(string(body))})
	if err != nil {
		return Template{}, s.where.fault(ctx, op, target, err)
	}
	template := Template{Parameters: make(map[string]bool, len(out.Parameters)), capabilities: capabilitiesFor(out)}
	for _, parameter := range out.Parameters {
		template.Parameters[awssdk.ToString(parameter.ParameterKey)] = parameter.DefaultValue != nil
	}
	return template, nil
}

// capabilitiesFor are the consents that a template needs, and no others.
func capabilitiesFor(out *cloudformation.ValidateTemplateOutput) []types.Capability {
	var needed []types.Capability
	if slices.Contains(out.Capabilities, types.CapabilityCapabilityIam) ||
		slices.Contains(out.Capabilities, types.CapabilityCapabilityNamedIam) {
		needed = append(needed, types.CapabilityCapabilityNamedIam)
	}
	if len(out.DeclaredTransforms) > 0 ||
		slices.Contains(out.Capabilities, types.CapabilityCapabilityAutoExpand) {
		needed = append(needed, types.CapabilityCapabilityAutoExpand)
	}
	return needed
}

// Exports are the values that the stacks of the region export, by name.
func (s *Stacks) Exports(ctx context.Context) (map[string]string, error) {
	exports := make(map[string]string)
	pages := newPages()
	for token := (*string)(nil); ; {
		out, err := s.api.ListExports(ctx, &cloudformation.ListExportsInput{NextToken: token})
		if err != nil {
			return nil, s.where.fault(ctx, "list", "the exports of stacks", err)
		}
		for _, export := range out.Exports {
			exports[awssdk.ToString(export.Name)] = awssdk.ToString(export.Value)
		}
		if token = out.NextToken; awssdk.ToString(token) == "" {
			return exports, nil
		}
		if err := pages.next(*token); err != nil {
			return nil, s.where.fault(ctx, "list", "the exports of stacks", err)
		}
	}
}

// pages watches the tokens of a list, so that a list that repeats itself ends.
type pages struct {
	seen map[string]bool
}

func newPages() *pages { return &pages{seen: make(map[string]bool)} }

func (p *pages) next(token string) error {
	if p.seen[token] {
		return errors.New("the list repeats itself: its next page is one that was read before")
	}
	p.seen[token] = true
	return nil
}
