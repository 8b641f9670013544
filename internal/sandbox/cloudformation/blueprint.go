package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"serin/internal/sandbox/cloudformation/resource"
	"serin/internal/sandbox/cloudformation/template"
)

// blueprint is what a stack is to be: a template with its parameters, tags and
// capabilities, checked as far as that can be done before anything is made. It is
// immutable.
type blueprint struct {
	body         string
	template     *template.Template
	evaluation   *template.Evaluation
	parameters   []types.Parameter
	tags         []types.Tag
	capabilities []types.Capability
	// imports are the names of the exports that it imports.
	imports []string
}

// draft is what a request asks for. Previous is what the stack is now, nil for a new
// one.
type draft struct {
	name, id         string
	body, url        *string
	usePrevious      bool
	parameters       []types.Parameter
	tags             []types.Tag
	capabilities     []types.Capability
	notificationARNs []string
	previous         *blueprint
}

// blueprint reads and checks a draft. It calls Systems Manager for parameters that are
// stored there; mu must not be held.
func (s *Service) blueprint(ctx context.Context, d draft) (*blueprint, error) {
	body, err := d.text()
	if err != nil {
		return nil, err
	}
	if err := checkTags(d.tags); err != nil {
		return nil, err
	}
	parsed, err := template.Parse(body)
	if err != nil {
		return nil, refused(err)
	}
	b := &blueprint{body: body, template: parsed, tags: d.tags, capabilities: d.capabilities}
	values, err := s.bind(ctx, d, b)
	if err != nil {
		return nil, err
	}
	if b.evaluation, err = parsed.Evaluate(s.scope(d, values)); err != nil {
		return nil, refused(err)
	}
	if b.imports, err = b.evaluation.Imports(); err != nil {
		return nil, refused(err)
	}
	return b, first(s.checkTypes(b), s.checkAttributes(b), checkCapabilities(parsed, d.capabilities))
}

func (d draft) text() (string, error) {
	if d.usePrevious && d.previous != nil {
		if d.body != nil || d.url != nil {
			return "", invalid("You cannot specify both usePreviousTemplate and Template Body/Template URL.")
		}
		return d.previous.body, nil
	}
	return templateText(d.body, d.url)
}

// templateText is a request's template. The sandbox has no S3, so a URL never leads
// anywhere.
func templateText(body, url *string) (string, error) {
	switch {
	case body != nil && url != nil:
		return "", invalid("Must specify only one of Template Body or Template URL")
	case url != nil:
		return "", invalid("S3 error: The specified bucket does not exist")
	case body == nil:
		return "", invalid("Either Template URL or Template Body must be specified.")
	}
	return *body, templateBody.check("templateBody", body)
}

func checkTags(tags []types.Tag) error {
	if len(tags) > 50 {
		return constraintError(fmt.Sprintf("%d tags", len(tags)), "tags", "Member must have length less than or equal to 50")
	}
	seen := make(map[string]bool)
	for _, tag := range tags {
		key := aws.ToString(tag.Key)
		switch {
		case key == "" || len(key) > 128:
			return constraintError(key, "tags.member.key", "Member must have length between 1 and 128")
		case len(aws.ToString(tag.Value)) > 256:
			return constraintError(*tag.Value, "tags.member.value", "Member must have length less than or equal to 256")
		case strings.HasPrefix(key, "aws:"):
			return invalid("Invalid tag key %s: keys must not begin with aws:", key)
		case seen[key]:
			return invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[key] = true
	}
	return nil
}

// bind decides the parameters, notes them in the blueprint as they are described, and
// returns the values that the template is evaluated with.
func (s *Service) bind(ctx context.Context, d draft, b *blueprint) (map[string]string, error) {
	given := make(map[string]string, len(d.parameters))
	for _, parameter := range d.parameters {
		key := aws.ToString(parameter.ParameterKey)
		if !aws.ToBool(parameter.UsePreviousValue) {
			given[key] = aws.ToString(parameter.ParameterValue)
			continue
		}
		value, ok := d.previousValue(key)
		if !ok {
			return nil, invalid("Invalid input for parameter key %s. Cannot specify usePreviousValue as true for a parameter key not in the previous template", key)
		}
		given[key] = value
	}
	values, err := b.template.Bind(given)
	if err != nil {
		return nil, refused(err)
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		described := types.Parameter{ParameterKey: aws.String(key), ParameterValue: aws.String(values[key])}
		if _, stored := b.template.Parameters[key].Stored(); stored {
			if values[key], err = s.stored(ctx, values[key]); err != nil {
				return nil, err
			}
			described.ResolvedValue = aws.String(values[key])
		}
		b.parameters = append(b.parameters, described)
	}
	return values, nil
}

func (d draft) previousValue(key string) (string, bool) {
	if d.previous == nil {
		return "", false
	}
	for _, parameter := range d.previous.parameters {
		if *parameter.ParameterKey == key {
			return *parameter.ParameterValue, true
		}
	}
	return "", false
}

// stored is the value of a Systems Manager parameter.
func (s *Service) stored(ctx context.Context, name string) (string, error) {
	unknown := invalid("Unable to fetch parameters [%s] from parameter store for this account.", name)
	if s.services.SSM == nil {
		return "", unknown
	}
	out, err := s.services.SSM.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", unknown
	}
	if out.Parameter.Type == "SecureString" {
		return "", invalid("Parameters [%s] referenced by template have types not supported by CloudFormation.", name)
	}
	return aws.ToString(out.Parameter.Value), nil
}

func (s *Service) scope(d draft, values map[string]string) template.Scope {
	return template.Scope{
		Region: s.region.Name, Account: s.region.Account, Partition: "aws", URLSuffix: "amazonaws.com",
		StackName: d.name, StackID: d.id, NotificationARNs: d.notificationARNs,
		Zones:      []string{s.region.Name + "a", s.region.Name + "b", s.region.Name + "c"},
		Parameters: values,
	}
}

// checkTypes refuses what cannot be the name of a resource type. A name that could be
// one, and that this region does not offer, fails when the resource is made.
func (s *Service) checkTypes(b *blueprint) error {
	var unknown []string
	for _, name := range b.evaluation.Resources() {
		kind := b.template.Resources[name].Type
		if !resource.Wellformed(kind) && !slices.Contains(unknown, kind) {
			unknown = append(unknown, kind)
		}
	}
	if len(unknown) > 0 {
		return invalid("Template format error: Unrecognized resource types: [%s]", strings.Join(unknown, ", "))
	}
	return nil
}

func (s *Service) checkAttributes(b *blueprint) error {
	read := b.evaluation.Attributes()
	for _, name := range slices.Sorted(maps.Keys(read)) {
		kind, offered := s.registry[b.template.Resources[name].Type]
		if !offered {
			continue
		}
		for _, attribute := range read[name] {
			if !slices.Contains(kind.Attributes, attribute) {
				return invalid("Template error: resource %s does not support attribute type %s in Fn::GetAtt", name, attribute)
			}
		}
	}
	return nil
}

// requiredCapabilities are those that a template's IAM resources ask for, and why
// (CloudFormation API reference, CreateStack).
func requiredCapabilities(t *template.Template) ([]types.Capability, string) {
	custom := map[string]string{
		"AWS::IAM::Group": "GroupName", "AWS::IAM::InstanceProfile": "InstanceProfileName",
		"AWS::IAM::ManagedPolicy": "ManagedPolicyName", "AWS::IAM::Role": "RoleName", "AWS::IAM::User": "UserName",
	}
	plain := []string{"AWS::IAM::AccessKey", "AWS::IAM::Policy", "AWS::IAM::UserToGroupAddition"}
	var kinds []string
	needed := types.CapabilityCapabilityIam
	for _, name := range slices.Sorted(maps.Keys(t.Resources)) {
		declared := t.Resources[name]
		nameProperty, nameable := custom[declared.Type]
		if !nameable && !slices.Contains(plain, declared.Type) {
			continue
		}
		if _, named := declared.Properties[nameProperty]; nameable && named {
			needed = types.CapabilityCapabilityNamedIam
		}
		if !slices.Contains(kinds, declared.Type) {
			kinds = append(kinds, declared.Type)
		}
	}
	if len(kinds) == 0 {
		return nil, ""
	}
	return []types.Capability{needed}, fmt.Sprintf("The following resource(s) require capabilities: [%s]", strings.Join(kinds, ", "))
}

func checkCapabilities(t *template.Template, given []types.Capability) error {
	for _, capability := range given {
		if err := enumerated("capabilities", capability, capability.Values()); err != nil {
			return err
		}
	}
	needed, _ := requiredCapabilities(t)
	if len(needed) == 0 || slices.Contains(given, types.CapabilityCapabilityNamedIam) || slices.Contains(given, needed[0]) {
		return nil
	}
	message := fmt.Sprintf("Requires capabilities : [%s]", needed[0])
	return &types.InsufficientCapabilitiesException{Message: &message}
}

// tagMap is the stack's tags as resources take them.
func (b *blueprint) tagMap() map[string]string {
	tags := make(map[string]string, len(b.tags))
	for _, tag := range b.tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags
}

// same reports whether two blueprints make the same stack.
func (b *blueprint) same(other *blueprint) bool {
	return b.evaluation.Fingerprint() == other.evaluation.Fingerprint() && maps.Equal(b.tagMap(), other.tagMap())
}

// resolver answers a stack's templates from its members and from other stacks' exports.
// Whoever evaluates with it holds the service's mutex.
type resolver struct {
	service *Service
	stack   *stack
}

var _ template.Resolver = resolver{}

var errNotMade = errors.New("the resource is not there")

// Ref implements template.Resolver.
func (r resolver) Ref(logicalID string) (string, error) {
	m := r.stack.members[logicalID]
	if m == nil || !m.exists() {
		return "", fmt.Errorf("%s: %w", logicalID, errNotMade)
	}
	return m.made.PhysicalID, nil
}

// Attribute implements template.Resolver.
func (r resolver) Attribute(logicalID, attribute string) (any, error) {
	m := r.stack.members[logicalID]
	if m == nil || !m.exists() {
		return nil, fmt.Errorf("%s: %w", logicalID, errNotMade)
	}
	value, known := m.made.Attributes[attribute]
	if !known {
		return nil, &template.Error{
			Message: fmt.Sprintf("Template error: resource %s does not support attribute type %s in Fn::GetAtt", logicalID, attribute),
		}
	}
	return value, nil
}

// Import implements template.Resolver.
func (r resolver) Import(name string) (string, error) {
	found, exported := r.service.exports()[name]
	if !exported {
		return "", missingExport(name)
	}
	return found.value, nil
}

func missingExport(name string) error {
	return &template.Error{Message: "No export named " + name + " found"}
}
