package specfiles_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"serin/specfiles"
)

// The tests run build.yml's own commands in a shell, in a repository of their own. The
// programs that would reach AWS, a container engine or another repository are replaced
// by ones that write down how they were called.

const commit = "9bd0417e5c1f00d2a7b3e4f5061728394a5b6c7d"

func TestBuildCompletesTheDeployFile(t *testing.T) {
	for _, service := range specfiles.Services() {
		t.Run(service, func(t *testing.T) {
			b := newBuild(t, service)
			b.write("Dockerfile", "FROM scratch\n")
			if out, err := b.run(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}

			got, before := b.deploy(), map[string]any{}
			if err := json.Unmarshal(read(t, service, specfiles.DeployFile), &before); err != nil {
				t.Fatal(err)
			}
			if got["Sha"] != commit[:8] {
				t.Errorf("Sha = %v, want %s", got["Sha"], commit[:8])
			}
			image, _ := got["ContainerImage"].(string)
			form := regexp.MustCompile(`^123456789012\.dkr\.ecr\.us-west-2\.amazonaws\.com/` + service + `:\d{8}_\d{6}\.` + commit[:8] + `$`)
			if !form.MatchString(image) {
				t.Errorf("ContainerImage = %q, want it like %s", image, form)
			}
			encoded, _ := got["CanaryTemplate"].(string)
			template, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil || string(template) != string(read(t, service, specfiles.TemplateFile)) {
				t.Errorf("CanaryTemplate is not the template (%v)", err)
			}
			if strings.ContainsAny(encoded, "\r\n") {
				t.Error("CanaryTemplate is wrapped")
			}
			for _, added := range []string{"Sha", "ContainerImage", "CanaryTemplate"} {
				delete(got, added)
			}
			if !maps.Equal(got, before) {
				t.Errorf("the service's own fields: %v, were %v", got, before)
			}

			want := []string{
				"aws sts get-caller-identity --query Account --output text",
				"aws ecr get-login-password --region us-west-2",
				"docker login --username AWS --password-stdin 123456789012.dkr.ecr.us-west-2.amazonaws.com",
				"docker build --tag " + image + " .",
				"docker push " + image,
			}
			if calls := b.calls(); !slices.Equal(sorted(calls), sorted(want)) {
				t.Errorf("calls %q, want %q", calls, want)
			}
		})
	}
}

func TestBuildTakesItsSourceFromAnotherRepository(t *testing.T) {
	b := newBuild(t, "yelb-db")
	b.set("IMAGE_REPOSITORY", "registry.test/team/db")
	b.set("SOURCE_REPOSITORY", "source.test/yelb")
	b.set("SOURCE_REVISION", "v1")
	b.set("SOURCE_DIRECTORY", "yelb-db")
	if out, err := b.run(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	calls := strings.Join(b.calls(), "\n")
	for _, want := range []string{"git clone --quiet source.test/yelb ", "checkout --quiet --detach v1", "docker login --username AWS --password-stdin registry.test", "/yelb-db\n"} {
		if !strings.Contains(calls+"\n", want) {
			t.Errorf("no %q in\n%s", want, calls)
		}
	}
	if image, _ := b.deploy()["ContainerImage"].(string); !strings.HasPrefix(image, "registry.test/team/db:") {
		t.Errorf("ContainerImage = %q", image)
	}
}

func TestBuildFailsClearlyAndLeavesTheDeployFile(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(*build)
		says    string
	}{
		"no commit": {
			func(b *build) { b.set("CODEBUILD_RESOLVED_SOURCE_VERSION", "arn:aws:s3:::bucket/key") },
			"not a commit",
		},
		"no Dockerfile": {func(b *build) { b.remove("Dockerfile") }, "no Dockerfile in ."},
		"no service":    {func(b *build) { b.write("specfiles/deploy.json", "{}") }, "not JSON with a MicroserviceName"},
		"no revision":   {func(b *build) { b.set("SOURCE_REPOSITORY", "source.test/yelb") }, "SOURCE_REVISION is not"},
		"clone refused": {func(b *build) {
			b.set("FAIL", "git clone")
			b.set("SOURCE_REPOSITORY", "x")
			b.set("SOURCE_REVISION", "v1")
		}, "cannot clone x"},
		"account refused":  {func(b *build) { b.set("FAIL", "aws sts") }, "the account is not known"},
		"password refused": {func(b *build) { b.set("FAIL", "aws ecr") }, "cannot log in"},
		"login refused":    {func(b *build) { b.set("FAIL", "docker login") }, "cannot log in"},
		"build fails":      {func(b *build) { b.set("FAIL", "docker build") }, "does not build"},
		"push refused":     {func(b *build) { b.set("FAIL", "docker push") }, "cannot push"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBuild(t, "yelb-ui")
			b.write("Dockerfile", "FROM scratch\n")
			c.arrange(b)
			out, err := b.run()
			if err == nil || !strings.Contains(out, c.says) {
				t.Errorf("got %v and\n%s\nwant a failure that says %q", err, out, c.says)
			}
			if deploy := b.deploy(); deploy["Sha"] != nil {
				t.Errorf("deploy.json was completed: %v", deploy)
			}
		})
	}
}

// build is a service's repository as CodeBuild checks it out.
type build struct {
	t        *testing.T
	dir      string
	commands []string
	env      map[string]string
}

// stub is what stands for aws, docker and git: it writes its call to the log, fails if
// the call starts as $FAIL says, and answers what the build reads.
const stub = `#!/bin/sh
tool="${0##*/}"
echo "$tool $*" >>"$CALLS"
if [ -n "$FAIL" ]; then
  case "$tool $*" in "$FAIL"*) exit 1 ;; esac
fi
case "$tool $*" in
"aws sts"*) echo 123456789012 ;;
"aws ecr"*) echo password ;;
"docker login"*) cat >/dev/null ;;
"git clone"*) for last; do :; done; mkdir -p "$last/yelb-db"; echo FROM scratch >"$last/yelb-db/Dockerfile" ;;
esac
`

func newBuild(t *testing.T, service string) *build {
	t.Helper()
	for _, tool := range []string{"bash", "python3", "base64"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("build.yml needs %s: %v", tool, err)
		}
	}
	var buildspec struct {
		Env struct {
			Variables map[string]string `yaml:"variables"`
		} `yaml:"env"`
		Phases map[string]struct {
			Commands []string `yaml:"commands"`
		} `yaml:"phases"`
	}
	if err := yaml.Unmarshal(read(t, service, specfiles.BuildFile), &buildspec); err != nil {
		t.Fatal(err)
	}
	if len(buildspec.Phases) != 1 || len(buildspec.Phases["build"].Commands) == 0 {
		t.Fatalf("build.yml has the phases %v, want build alone", buildspec.Phases)
	}
	b := &build{t: t, dir: t.TempDir(), commands: buildspec.Phases["build"].Commands, env: buildspec.Env.Variables}
	for _, file := range []string{specfiles.DeployFile, specfiles.TemplateFile} {
		b.write(filepath.Join("specfiles", file), string(read(t, service, file)))
	}
	for _, tool := range []string{"aws", "docker", "git"} {
		b.write(filepath.Join("bin", tool), stub)
	}
	b.set("PATH", filepath.Join(b.dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	b.set("CALLS", filepath.Join(b.dir, "calls"))
	b.set("TMPDIR", t.TempDir())
	b.set("AWS_REGION", "us-west-2")
	b.set("CODEBUILD_RESOLVED_SOURCE_VERSION", commit)
	return b
}

func (b *build) set(name, value string) { b.env[name] = value }

// run runs the commands in one shell, as version 0.2 of a buildspec does, until one fails.
func (b *build) run() (string, error) {
	b.t.Helper()
	command := exec.CommandContext(b.t.Context(), "bash", "-c", strings.Join(b.commands, "\n"))
	command.Dir = b.dir
	for name, value := range b.env {
		command.Env = append(command.Env, name+"="+value)
	}
	out, err := command.CombinedOutput()
	return string(out), err
}

func (b *build) write(file, content string) {
	b.t.Helper()
	file = filepath.Join(b.dir, file)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
		b.t.Fatal(err)
	}
}

func (b *build) remove(file string) {
	b.t.Helper()
	if err := os.Remove(filepath.Join(b.dir, file)); err != nil {
		b.t.Fatal(err)
	}
}

func (b *build) deploy() map[string]any {
	b.t.Helper()
	content, err := os.ReadFile(filepath.Join(b.dir, "specfiles", specfiles.DeployFile))
	if err != nil {
		b.t.Fatal(err)
	}
	var deploy map[string]any
	if err := json.Unmarshal(content, &deploy); err != nil {
		b.t.Fatal(err)
	}
	return deploy
}

func (b *build) calls() []string {
	b.t.Helper()
	content, err := os.ReadFile(b.env["CALLS"])
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(content)), "\n")
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }
