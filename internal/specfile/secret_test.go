package specfile

import (
	"path/filepath"
	"strings"
	"testing"

	"serin/internal/engine"
)

const hunter = "hunter2-0123456789"

// refusal wants an error that names a field and what to do, and shows no secret.
func refusal(t *testing.T, what string, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s is taken", what)
		return
	}
	for _, word := range append(words, "{{resolve:secretsmanager:", "{{resolve:ssm-secure:") {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s: no %q in %v", what, word, err)
		}
	}
	if strings.Contains(err.Error(), hunter[:8]) {
		t.Errorf("%s is shown: %v", what, err)
	}
}

func TestASecretIsNotTaken(t *testing.T) {
	t.Parallel()
	const field = "deploy.json: TemplateParameters.DbPassword: is a secret"
	for _, noEcho := range []string{"true", `"true"`, "'true'", "True", "TRUE", "yes", "on", "1", `"1"`, "!Ref X", "{Ref: X}"} {
		declared := "DbPassword: {Type: String, NoEcho: " + noEcho + "}"
		dir := write(t, map[string]string{
			"deploy.json": deployText, "canary-helper.yaml": version(declared),
			"with.json":   strings.TrimSuffix(deployText, "}") + `, "TemplateParameters": {"DbPassword": "` + hunter + `"}}`,
			"inside.json": plain + `"CanaryTemplate": "` + encoded(version(declared)) + `"}`,
		})
		given := Options{Set: []string{"TemplateParameters.DbPassword=" + hunter}}
		_, err := Load(filepath.Join(dir, "deploy.json"), given)
		refusal(t, noEcho+" set", err, field)
		_, err = Load(filepath.Join(dir, "with.json"), Options{})
		refusal(t, noEcho+" in the file", err, strings.Replace(field, "deploy", "with", 1))
		_, err = Load(filepath.Join(dir, "inside.json"), given)
		refusal(t, noEcho+" with the template inside", err, strings.Replace(field, "deploy", "inside", 1))
		found := Lint(filepath.Join(dir, "with.json"))
		if len(found) != 1 || found[0].Severity != Error {
			t.Fatalf("%s: lint finds %v", noEcho, found)
		}
		refusal(t, noEcho+" linted", found[0], strings.Replace(field, "deploy", "with", 1))
	}
}

// What was deployed before the template said that it is a secret is not deployed again.
func TestASecretOfThePastIsNotTaken(t *testing.T) {
	t.Parallel()
	before, err := engine.ParseSpec("deploy.json", []byte(deployText), []engine.Setting{{Field: "TemplateParameters.DbPassword", Value: hunter}})
	if err != nil {
		t.Fatal(err)
	}
	before.CanaryTemplate = []byte(version("DbPassword: {Type: String, NoEcho: true}"))
	_, err = Again("the deploy.json of rollout 1", before, Options{Sha: "3f2a91c0", Image: "yelb-ui:1"})
	refusal(t, "a secret of the past", err, "the deploy.json of rollout 1: TemplateParameters.DbPassword: ")
}

func TestWhatIsNoSecretIsTaken(t *testing.T) {
	t.Parallel()
	for _, declared := range []string{
		"{Type: String}", "{Type: String, NoEcho: false}", `{Type: String, NoEcho: "false"}`, "{Type: String, NoEcho: no}", "{Type: String, NoEcho: }",
		"{Type: 'AWS::SSM::Parameter::Value<String>', NoEcho: true, Default: /db/password}",
	} {
		dir := write(t, map[string]string{"deploy.json": deployText, "canary-helper.yaml": version("Own: " + declared)})
		if _, err := Load(filepath.Join(dir, "deploy.json"), Options{Set: []string{"TemplateParameters.Own=/a/name"}}); err != nil {
			t.Errorf("%s: %v", declared, err)
		}
	}
}

// A secret that is not given has to be the template's to find, and not in it: a rollout is
// recorded with its template.
func TestASecretOfTheTemplate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ declared, want string }{
		{"{Type: String, NoEcho: true, Default: ''}", ""},
		{"{Type: String, NoEcho: true, Default: '{{resolve:secretsmanager:db:SecretString:password}}'}", ""},
		{"{Type: String, NoEcho: true}", `canary-helper.yaml: CanaryTemplate: the parameter "DbPassword" is NoEcho without a Default`},
		{"{Type: String, NoEcho: true, Default: " + hunter + "}", `canary-helper.yaml: CanaryTemplate: the parameter "DbPassword" is NoEcho and has its value as its Default`},
	} {
		dir := write(t, map[string]string{"deploy.json": deployText, "canary-helper.yaml": version("DbPassword: " + test.declared)})
		_, err := Load(filepath.Join(dir, "deploy.json"), Options{})
		if test.want == "" && err != nil {
			t.Errorf("%s: %v", test.declared, err)
		}
		if test.want != "" {
			refusal(t, test.declared, err, test.want)
		}
	}
	dir := write(t, map[string]string{"canary-helper.yaml": version("DbPassword: {Type: String, NoEcho: true, Default: " + hunter + "}")})
	found := Lint(filepath.Join(dir, "canary-helper.yaml"))
	if len(found) != 1 || found[0].Severity != Error {
		t.Fatalf("lint finds %v", found)
	}
	refusal(t, "a default", found[0], `"DbPassword"`)
}

// An error of a field shows its value, but not a secret's.
func TestASecretThatIsWrongIsNotShown(t *testing.T) {
	t.Parallel()
	declared := version("DbPassword: {Type: String, NoEcho: true}")
	wrong := `, "TemplateParameters": {"DbPassword": ["` + hunter + `"]}}`
	dir := write(t, map[string]string{
		"deploy.json": deployText, "canary-helper.yaml": declared, "list.json": strings.TrimSuffix(deployText, "}") + wrong,
		"control.json": strings.TrimSuffix(deployText, "}") + `, "TemplateParameters": {"DbPassword": "` + hunter + `\u0007"}}`,
	})
	inside := write(t, map[string]string{"deploy.json": plain + `"CanaryTemplate": "` + encoded(declared) + `"}`})
	long := Options{Set: []string{"TemplateParameters.DbPassword=" + hunter + strings.Repeat("x", 5000)}}
	for what, load := range map[string]struct {
		path    string
		options Options
	}{
		"a list":          {filepath.Join(dir, "list.json"), Options{}},
		"a control":       {filepath.Join(dir, "control.json"), Options{}},
		"too long":        {filepath.Join(dir, "deploy.json"), long},
		"too long inside": {filepath.Join(inside, "deploy.json"), long},
	} {
		_, err := Load(load.path, load.options)
		refusal(t, what, err, "TemplateParameters.DbPassword: is a secret")
	}
}
