package ssm

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// Limits of Parameter Store (Systems Manager quotas and PutParameter's reference).
const (
	maxVersions       = 100
	maxName           = 1011
	maxLevels         = 15
	maxStandardValue  = 4096
	maxAdvancedValue  = 8192
	maxDescription    = 1024
	maxAllowedPattern = 1024
	defaultKey        = "alias/aws/ssm"
)

var validName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-zA-Z0-9_.\-/]+$`)
})

// PutParameter makes a parameter, or, with Overwrite, its next version.
func (s *Service) PutParameter(
	_ context.Context, in *ssm.PutParameterInput,
) (*ssm.PutParameterOutput, error) {
	if err := checkPut(in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, exists := s.parameters[*in.Name]
	if exists && !aws.ToBool(in.Overwrite) {
		return nil, &types.ParameterAlreadyExists{
			Message: aws.String("The parameter already exists. To overwrite this value, set the overwrite option in the request to true."),
		}
	}
	if !exists {
		p = &parameter{name: *in.Name, tags: tagMap(in.Tags)}
	}
	v, err := p.next(in)
	if err != nil {
		return nil, err
	}
	if err := p.makeRoom(); err != nil {
		return nil, err
	}
	p.versions = append(p.versions, v)
	s.parameters[*in.Name] = p
	return &ssm.PutParameterOutput{Version: v.number, Tier: v.tier}, nil
}

func checkPut(in *ssm.PutParameterInput) error {
	if in.Name == nil || in.Value == nil {
		return validation("Name and Value are required.")
	}
	if err := checkName(*in.Name); err != nil {
		return err
	}
	switch {
	case *in.Value == "":
		return validation("1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1.")
	case in.Type != "" && !slices.Contains(in.Type.Values(), in.Type):
		return &types.UnsupportedParameterType{Message: aws.String("The parameter type " + string(in.Type) + " is not supported.")}
	case in.Tier != "" && !slices.Contains(in.Tier.Values(), in.Tier):
		return validation("The tier " + string(in.Tier) + " is not supported.")
	case len(aws.ToString(in.Description)) > maxDescription:
		return validation("A description must have at most 1024 characters.")
	case aws.ToBool(in.Overwrite) && len(in.Tags) > 0:
		return validation("Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
	case in.Policies != nil && *in.Policies != "":
		return validation("The sandbox has no parameter policies.")
	case in.KeyId != nil && in.Type != types.ParameterTypeSecureString:
		return validation("KeyId is required for SecureString type parameter only.")
	case in.DataType != nil && *in.DataType != "text":
		return validation("The sandbox has the data type text only.")
	}
	return checkPattern(in)
}

func checkName(name string) error {
	plain := strings.ToLower(strings.TrimPrefix(name, "/"))
	switch {
	case name == "" || !validName().MatchString(name) || len(name) > maxName:
		return validation("Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_")
	case strings.HasPrefix(plain, "aws") || strings.HasPrefix(plain, "ssm"):
		return validation("Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).")
	case strings.Contains(name, "/") && !strings.HasPrefix(name, "/"):
		return validation("Parameter name must be a fully qualified name.")
	case strings.Count(name, "/") > maxLevels:
		return &types.HierarchyLevelLimitExceededException{
			Message: aws.String("Hierarchies can have a maximum of 15 levels."),
		}
	default:
		return nil
	}
}

func checkPattern(in *ssm.PutParameterInput) error {
	if in.AllowedPattern == nil || *in.AllowedPattern == "" {
		return nil
	}
	pattern, err := regexp.Compile("^(?:" + *in.AllowedPattern + ")$")
	if err != nil || len(*in.AllowedPattern) > maxAllowedPattern {
		return &types.InvalidAllowedPatternException{Message: aws.String("The allowed pattern is not a valid regular expression.")}
	}
	if !pattern.MatchString(*in.Value) {
		return &types.ParameterPatternMismatchException{
			Message: aws.String("Parameter value, cannot be validated against allowedPattern: " + *in.AllowedPattern),
		}
	}
	return nil
}

// next is the version that a request makes of a parameter; what the request does not
// give, apart from its description and pattern, is as in the version before.
func (p *parameter) next(in *ssm.PutParameterInput) (*version, error) {
	v := &version{
		number: 1, value: *in.Value, shape: in.Type, tier: in.Tier, dataType: "text",
		description: in.Description, pattern: in.AllowedPattern, keyID: in.KeyId, modified: time.Now().UTC(),
	}
	if len(p.versions) > 0 {
		before := p.latest()
		v.number = before.number + 1
		v.shape = cmp.Or(v.shape, before.shape)
		v.keyID = cmp.Or(v.keyID, before.keyID)
		if v.shape != before.shape {
			return nil, &types.HierarchyTypeMismatchException{
				Message: aws.String("Parameter Store doesn't support changing a parameter type in a hierarchy."),
			}
		}
		if before.tier == types.ParameterTierAdvanced {
			v.tier = types.ParameterTierAdvanced // There is no way back to Standard.
		}
	}
	if v.shape == "" {
		return nil, validation("A parameter type is required when you create a parameter.")
	}
	if v.shape == types.ParameterTypeSecureString && v.keyID == nil {
		v.keyID = aws.String(defaultKey)
	}
	return v, v.fit()
}

// fit settles the tier by the value's length.
func (v *version) fit() error {
	if v.tier == types.ParameterTierIntelligentTiering && len(v.value) > maxStandardValue {
		v.tier = types.ParameterTierAdvanced
	}
	if v.tier != types.ParameterTierAdvanced {
		v.tier = types.ParameterTierStandard
	}
	if v.tier == types.ParameterTierStandard && len(v.value) > maxStandardValue {
		return validation("Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html")
	}
	if len(v.value) > maxAdvancedValue {
		return validation("Advanced tier parameters support a maximum parameter value of 8192 characters.")
	}
	return nil
}

// makeRoom drops the oldest version when there are as many as are kept. One that bears
// a label is not dropped: the write is refused.
func (p *parameter) makeRoom() error {
	if len(p.versions) < maxVersions {
		return nil
	}
	if oldest := p.versions[0]; len(oldest.labels) > 0 {
		return &types.ParameterMaxVersionLimitExceeded{
			Message: aws.String("You attempted to create a new version of " + p.name +
				" by calling the PutParameter API with the overwrite flag. Version " + itoa(oldest.number) +
				", the oldest version, can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and try again."),
		}
	}
	p.versions = slices.Delete(p.versions, 0, 1)
	return nil
}
