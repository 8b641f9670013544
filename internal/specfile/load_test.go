package specfile

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"serin/internal/engine"
	"serin/specfiles"
)

// version is a template that takes what every version is given, and what is added.
func version(parameters ...string) string {
	lines := []string{"Parameters:"}
	for _, name := range []string{"EnvironmentName", "MicroserviceName", "Namespace", "Sha", "ContainerImage", "Protocol"} {
		lines = append(lines, "  "+name+": {Type: String}")
	}
	lines = append(lines, "  Port: {Type: Number, MinValue: 1, MaxValue: 65535}")
	for _, parameter := range parameters {
		lines = append(lines, "  "+parameter)
	}
	return strings.Join(lines, "\n") + `
Resources:
  Service: {Type: AWS::ECS::Service}
  Node: {Type: AWS::AppMesh::VirtualNode}
`
}

// write writes files into a new directory, and returns its path.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const deployText = plain + `"Sha": "3f2a91c0", "ContainerImage": "yelb-ui:1"}`

func encoded(template string) string { return base64.StdEncoding.EncodeToString([]byte(template)) }

func TestLoadTakesTheTemplateFromTheFlagTheFileOrBesideIt(t *testing.T) {
	t.Parallel()
	within := plain + `"CanaryTemplate": "` + encoded(version()+"# within") + `"}`
	dir := write(t, map[string]string{
		"with.json": within, "without.json": deployText,
		"canary-helper.yaml": version() + "# beside", "other.yaml": version() + "# other",
	})
	tests := []struct{ file, flag, want string }{
		{"without.json", "", "# beside"},
		{"with.json", "", "# within"},
		{"without.json", "other.yaml", "# other"},
		{"with.json", "other.yaml", "# other"},
	}
	for _, test := range tests {
		options := Options{}
		if test.flag != "" {
			options.Template = filepath.Join(dir, test.flag)
		}
		spec, err := Load(filepath.Join(dir, test.file), options)
		if err != nil {
			t.Errorf("%s with %q: %v", test.file, test.flag, err)
		}
		if !strings.HasSuffix(string(spec.CanaryTemplate), test.want) {
			t.Errorf("%s with %q: the template is not %q", test.file, test.flag, test.want)
		}
	}
}

func TestAgainKeepsAllButTheVersion(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"deploy.json": deployText, "canary-helper.yaml": version() + "# then", "other.yaml": version() + "# other"})
	then, err := Load(filepath.Join(dir, "deploy.json"), Options{Set: []string{`Steps=[{"Weight":5},{"Gate":"QA"}]`, "WaitTime=7"}})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Again("the last rollout", then, Options{Sha: "9bd0417e", Image: "yelb-ui:2"})
	want := then
	want.Sha, want.ContainerImage = "9bd0417e", "yelb-ui:2"
	if err != nil || !reflect.DeepEqual(again, want) {
		t.Errorf("%+v (%v), want %+v", again, err, want)
	}
	again, err = Again("the last rollout", then, Options{Set: []string{"BakeTime=9"}, Template: filepath.Join(dir, "other.yaml")})
	if err != nil || again.Sha != "" || again.ContainerImage != "" || again.BakeTime != 9 || !strings.HasSuffix(string(again.CanaryTemplate), "# other") {
		t.Errorf("%+v (%v)", again, err)
	}
	_, err = Again("the last rollout", then, Options{Sha: "9-b", Set: []string{"Prot=http"}})
	if err == nil || !strings.Contains(err.Error(), "--sha: Sha: ") || !strings.Contains(err.Error(), "--set: Prot") {
		t.Errorf("%v", err)
	}
}

func TestLoadWithoutAnyTemplateIsNotComplete(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"deploy.json": deployText})
	spec, err := Load(filepath.Join(dir, "deploy.json"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.Complete(); err == nil || !strings.Contains(err.Error(), "CanaryTemplate: missing") {
		t.Errorf("Complete says %v, want that the template is missing", err)
	}
}

func TestLoadLaysFlagsOverTheFile(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"deploy.json": deployText, "canary-helper.yaml": version(`Size: {Type: String, Default: "1"}`)})
	spec, err := Load(filepath.Join(dir, "deploy.json"), Options{
		Set: []string{"WaitTime=3", "Sha=11111111", "TemplateParameters.Size=2"}, Sha: "22222222", Image: "yelb-ui:2",
	})
	if err != nil {
		t.Fatal(err)
	}
	if spec.WaitTime != 3 || spec.Sha != "22222222" || spec.ContainerImage != "yelb-ui:2" || spec.TemplateParameters["Size"] != "2" {
		t.Errorf("got %+v", spec)
	}
	if err := spec.Complete(); err != nil {
		t.Error(err)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat(" ", 1<<20) + deployText
	dir := write(t, map[string]string{
		"deploy.json": deployText, "empty.json": "", "huge.json": huge, "canary-helper.yaml": version(),
		"binary.json": "\x00\x01\x02", "comment.json": "{\n// no\n}", "empty.yaml": "", "broken.yaml": "Resources: [",
		"base64.json": plain + `"CanaryTemplate": "Resources: {}"}`,
		"text.json":   plain + `"CanaryTemplate": "` + encoded("hello") + `"}`,
		"small.yaml":  "Resources: {Service: {Type: AWS::ECS::Service}}",
		"more.yaml":   version("Cpu: {Type: Number}"),
		"choice.yaml": version(`Size: {Type: String, Default: s, AllowedValues: [s, m]}`),
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	tests := []struct {
		name    string
		file    string
		options Options
		want    string
	}{
		{"no file", at("absent.json"), Options{}, at("absent.json") + ": there is no such file: check the path"},
		{"no name", "", Options{}, "no file is named"},
		{"a directory", dir, Options{}, dir + ": this is a directory: name a file in it, like " + at("deploy.json")},
		{"a file as a directory", at("deploy.json/deploy.json"), Options{}, "the file cannot be read: not a directory"},
		{"an empty file", at("empty.json"), Options{}, "the file is empty"},
		{"a huge file", at("huge.json"), Options{}, "the file is larger than 1 MiB"},
		{"a binary file", at("binary.json"), Options{}, "this is a binary file"},
		{"a comment", at("comment.json"), Options{}, at("comment.json") + ": line 2, column 1: JSON has no comments"},
		{"settings", at("deploy.json"), Options{Set: []string{"WaitTime"}}, `--set: "WaitTime" is not Field=Value`},
		{"settings of a missing file", at("absent.json"), Options{Set: []string{"WaitTime"}}, `--set: "WaitTime" is not Field=Value`},
		{"a sha", at("deploy.json"), Options{Sha: "a-b"}, `--sha: Sha: "a-b" has characters`},
		{"an image", at("deploy.json"), Options{Image: "a b"}, `--image: ContainerImage: "a b" is not an image reference`},
		{"no template", at("deploy.json"), Options{Template: at("absent.yaml")}, at("absent.yaml") + ": there is no such file"},
		{"a directory as a template", at("deploy.json"), Options{Template: dir}, "this is a directory"},
		{"an empty template", at("deploy.json"), Options{Template: at("empty.yaml")}, at("empty.yaml") + ": CanaryTemplate: the file is empty"},
		{"a template that is not base64", at("base64.json"), Options{}, `CanaryTemplate: "Resources: {}" is not base64`},
		{"a template that is not YAML", at("deploy.json"), Options{Template: at("broken.yaml")}, at("broken.yaml") + ": CanaryTemplate: is not YAML"},
		{"a template that is a text", at("text.json"), Options{}, at("text.json") + ": CanaryTemplate: is no template (line 1)"},
		{"a template without parameters", at("deploy.json"), Options{Template: at("small.yaml")}, at("small.yaml") + `: CanaryTemplate: does not declare the parameter "ContainerImage"`},
		{
			"a parameter without a value", at("deploy.json"),
			Options{Template: at("more.yaml")},
			at("deploy.json") + ": TemplateParameters.Cpu: missing: the template declares it without a Default: add it to TemplateParameters, or give --set TemplateParameters.Cpu=VALUE",
		},
		{
			"a value that is no number", at("deploy.json"),
			Options{Template: at("more.yaml"), Set: []string{"TemplateParameters.Cpu=big"}},
			`TemplateParameters.Cpu: "big" is not a number, which the template wants`,
		},
		{
			"a parameter that is not there", at("deploy.json"),
			Options{Template: at("choice.yaml"), Set: []string{"TemplateParameters.size=s"}},
			"TemplateParameters.size: not a parameter of the template: Did you mean Size?",
		},
		{
			"a value that is not allowed", at("deploy.json"),
			Options{Template: at("choice.yaml"), Set: []string{"TemplateParameters.Size=l"}},
			`TemplateParameters.Size: "l" is not a value that the template allows: write one of "s", "m"`,
		},
		{
			"a parameter that every version is given", at("deploy.json"),
			Options{Set: []string{"TemplateParameters.Sha=1"}},
			"--set: TemplateParameters.Sha: is given by another field: remove it here",
		},
	}
	for _, test := range tests {
		spec, err := Load(test.file, test.options)
		var all *engine.SpecError
		if !errors.As(err, &all) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s:\n got %v\nwant %s", test.name, err, test.want)
			continue
		}
		if spec.EnvironmentName != "" {
			t.Errorf("%s: a spec comes with the error: %+v", test.name, spec)
		}
		for _, one := range all.Errors {
			if one.File == "" && test.file != "" || one.Problem == "" || one.Mend == "" {
				t.Errorf("%s: an error lacks a word: %+v", test.name, *one)
			}
		}
	}
}

func TestLoadSaysWhenAFileMayNotBeRead(t *testing.T) {
	t.Parallel()
	err := unopened("deploy.json", &os.PathError{Op: "open", Path: "deploy.json", Err: os.ErrPermission})
	if err.Error() != "deploy.json: permission denied: let this user read it" {
		t.Errorf("got %v", err)
	}
}

func TestTheShippedSpecfilesLoad(t *testing.T) {
	t.Parallel()
	for _, service := range specfiles.Services() {
		path := filepath.Join("..", "..", "specfiles", service, specfiles.DeployFile)
		spec, err := Load(path, Options{Sha: "3f2a91c0", Image: "yelb:1"})
		if err != nil {
			t.Errorf("%s: %v", service, err)
			continue
		}
		if err := spec.Complete(); err != nil {
			t.Errorf("%s: %v", service, err)
		}
		template, err := Inspect(spec.CanaryTemplate)
		if err != nil {
			t.Fatal(err)
		}
		if names := template.ImportNames(spec.Parameters()); !slices.Contains(names, "ecs-blogpost:Mesh") {
			t.Errorf("%s imports %q, without the mesh", service, names)
		}
	}
}

func TestASpecThatWasLoadedIsLoadedAgain(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"deploy.json": deployText, "canary-helper.yaml": version()})
	first, err := Load(filepath.Join(dir, "deploy.json"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Load(filepath.Join(write(t, map[string]string{"deploy.json": string(text)}), "deploy.json"), Options{})
	if err != nil || string(second.CanaryTemplate) != string(first.CanaryTemplate) {
		t.Errorf("%s\nis not loaded again: %v", text, err)
	}
}
