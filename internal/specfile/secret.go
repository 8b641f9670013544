package specfile

import (
	"encoding/json"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"serin/internal/engine"
)

// resolves is how a template names a secret without holding it (CloudFormation user
// guide, "Dynamic references").
const resolves = "{{resolve:"

const resolveSecret = `have the template resolve it itself, with "{{resolve:secretsmanager:NAME:SecretString:KEY}}" or "{{resolve:ssm-secure:NAME}}"`

// isNoEcho tells whether a parameter's value is not to be shown. What is not clearly a no
// counts as a yes: a secret that is shown cannot be taken back.
func isNoEcho(parameter *yaml.Node) bool {
	said := value(parameter, "NoEcho")
	if said == nil {
		return false
	}
	no := []string{"false", "no", "off", "n", "null", "~", ""}
	return said.Kind != yaml.ScalarNode || !slices.Contains(no, strings.ToLower(said.Value))
}

// isSecret tells whether the value of a parameter is a secret: a rollout is recorded with
// its parameters, and with its template. That of a parameter of Systems Manager is a name.
func (p Parameter) isSecret() bool {
	return p.NoEcho && !strings.HasPrefix(p.Type, "AWS::SSM::Parameter::")
}

// holdsSecret tells whether a template says what a secret is, and not only where.
func (p Parameter) holdsSecret() bool {
	return p.isSecret() && p.Default != "" && !strings.Contains(p.Default, resolves)
}

// secretGiven is what is wrong with a field that gives a secret, whatever its value, which
// it does not show.
func secretGiven(field string) *engine.FieldError {
	return &engine.FieldError{
		Field: field, Problem: "is a secret, NoEcho in the template, and what is given is recorded in the journal",
		Mend: "remove it here, and " + resolveSecret,
	}
}

// veil hides the values of secrets in what is wrong with a specfile: errors of a field show
// its value. Which are secrets the template tells, as far as there is one to be read.
func veil(problems []*engine.FieldError, path string, data []byte, options Options) {
	var file struct{ CanaryTemplate []byte }
	_ = json.Unmarshal(data, &file) // it may be what is wrong
	found := loaded{spec: engine.Spec{CanaryTemplate: file.CanaryTemplate}}
	if _, problem := found.findTemplate(path, options); problem != nil {
		return
	}
	template, _ := Inspect(found.spec.CanaryTemplate) // as above
	for _, problem := range problems {
		name, is := strings.CutPrefix(problem.Field, "TemplateParameters.")
		if is && template.Parameters[name].isSecret() {
			veiled := secretGiven(problem.Field)
			problem.Value, problem.Problem, problem.Mend = "", veiled.Problem, veiled.Mend
		}
	}
}
