package specfile

import (
	"path/filepath"
	"strings"
	"testing"

	"serin/specfiles"
)

// told are findings with the directory taken out of them.
func told(findings []Finding, dir string) string {
	var lines []string
	for _, finding := range findings {
		lines = append(lines, strings.ReplaceAll(finding.String(), dir+string(filepath.Separator), ""))
	}
	return strings.Join(lines, "\n")
}

func TestLintWarns(t *testing.T) {
	t.Parallel()
	calm := `"BakeTime": 60, "MetricDelay": 0, `
	tcp := strings.Replace(pace, `"http"`, `"tcp"`, 1)
	tests := []struct{ name, text, want string }{
		{"nothing to say", pace + calm + `"PercentageStep": 10, "WaitTime": 60}`, ""},
		{"all at once", pace + calm + `"PercentageStep": 100, "WaitTime": 0}`, ""},
		{
			"a hold shorter than its metric", pace + `"PercentageStep": 10, "WaitTime": 60}`,
			"warning: deploy.json: WaitTime: 60 is shorter than MetricPeriod and MetricDelay together, 180: the weight is judged by evidence from before it: write 180 or more",
		},
		{
			"a step shorter than its metric", pace + calm + `"Steps": [{"Weight": 5, "Hold": 60}, {"Weight": 50, "Hold": 30}]}`,
			"warning: deploy.json: Steps[1].Hold: 30 is shorter than MetricPeriod and MetricDelay together, 60: the weight is judged by evidence from before it: write 60 or more",
		},
		{
			"nothing watched", pace + `"MetricDelay": 0, "PercentageStep": 10, "WaitTime": 0}`,
			"warning: deploy.json: WaitTime: 0: nothing is watched at this weight: write how many seconds it shall be watched\n" +
				"warning: deploy.json: BakeTime: 0: the old version is removed without a look at the new one with all traffic: write how many seconds to look",
		},
		{
			"a gate that waits for ever", pace + calm + `"Steps": [{"Gate": "QA"}]}`,
			"warning: deploy.json: Steps[0].Timeout: missing: the gate waits for ever: add it: after how many seconds to roll back",
		},
		{
			"an end that never comes", pace + calm + `"Steps": [{"Gate": "QA", "OnTimeout": "promote"}]}`,
			"warning: deploy.json: Steps[0].Timeout: missing: the gate waits for ever, so OnTimeout never happens: add it, or remove OnTimeout",
		},
		{"a gate with an end", pace + calm + `"Steps": [{"Gate": "QA", "Timeout": 60}]}`, ""},
		{
			"responses of tcp", tcp + calm + `"PercentageStep": 10, "WaitTime": 60, "MinimumRequests": 5, "OnNoData": "fail"}`,
			"warning: deploy.json: MinimumRequests: a tcp service has no responses to count: it is judged by the health of its tasks: remove it\n" +
				"warning: deploy.json: OnNoData: a tcp service has no responses to count: it is judged by the health of its tasks: remove it",
		},
		{"a short hold of tcp", tcp + `"PercentageStep": 10, "WaitTime": 5}`, ""},
		{
			"a window shorter than a period", pace + calm + `"PercentageStep": 10, "WaitTime": 60, "FailureThresholdTime": 30}`,
			"warning: deploy.json: FailureThresholdTime: 30 is shorter than MetricPeriod, 60: no period fits into it: write 60 or more",
		},
		{
			"an error", pace + `"PercentageStep": 101, "WaitTime": 60}`,
			"error: deploy.json: PercentageStep: 101 is not between 1 and 100: write a whole number from 1 to 100",
		},
	}
	for _, test := range tests {
		dir := write(t, map[string]string{"deploy.json": test.text, "canary-helper.yaml": version()})
		if got := told(Lint(filepath.Join(dir, "deploy.json")), dir); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

func TestLintReadsTemplates(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"good.yaml", version(), ""},
		{"more.yaml", version("Cpu: {Type: Number}"), ""},
		{"macro.yaml", version() + "Transform: Mine\n", ""},
		{"text.yaml", "hello", "error: text.yaml: CanaryTemplate: is no template (line 1): write a CloudFormation template with Resources"},
		{
			"lacks.yaml", strings.Replace(version(), "  Sha: {Type: String}\n", "", 1),
			`error: lacks.yaml: CanaryTemplate: does not declare the parameter "Sha": declare it under Parameters: every version is given it`,
		},
		{
			"node.yml", strings.Replace(version(), "AWS::AppMesh::VirtualNode", "AWS::SNS::Topic", 1),
			"warning: node.yml: CanaryTemplate: has no resource of type AWS::AppMesh::VirtualNode: add one: a version is a service and the node that the route names",
		},
		{"template.json", `{"Resources": {}}`, "error: template.json: CanaryTemplate: has no resource under Resources (line 1): write a CloudFormation template with Resources"},
	}
	for _, test := range tests {
		dir := write(t, map[string]string{test.name: test.text})
		if got := told(Lint(filepath.Join(dir, test.name)), dir); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

func TestLintOfSeveralFilesSaysEverythingOnce(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"deploy.json":        pace + `"PercentageStep": 10, "WaitTime": 600}`,
		"canary-helper.yaml": strings.Replace(version(), "AWS::ECS::Service", "AWS::SNS::Topic", 1),
	})
	got := told(Lint(filepath.Join(dir, "deploy.json"), filepath.Join(dir, "canary-helper.yaml"), filepath.Join(dir, "absent.json")), dir)
	want := "warning: canary-helper.yaml: CanaryTemplate: has no resource of type AWS::ECS::Service: add one: a version is a service and the node that the route names\n" +
		"error: absent.json: there is no such file: check the path"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestLintMissesTheTemplate(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"deploy.json": pace + `"PercentageStep": 10, "WaitTime": 600}`})
	want := "warning: deploy.json: CanaryTemplate: missing: add it, put canary-helper.yaml beside the file, or give --template to deploy"
	if got := told(Lint(filepath.Join(dir, "deploy.json")), dir); got != want {
		t.Errorf("got %s", got)
	}
}

func TestTheShippedSpecfilesHaveNoErrors(t *testing.T) {
	t.Parallel()
	for _, service := range specfiles.Services() {
		dir := filepath.Join("..", "..", "specfiles", service)
		for _, finding := range Lint(filepath.Join(dir, specfiles.DeployFile), filepath.Join(dir, specfiles.TemplateFile)) {
			if finding.Severity == Error {
				t.Error(finding)
			}
		}
	}
}
