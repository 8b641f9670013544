package engine

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// minimal is a spec with what is required and nothing else.
const minimal = `{"EnvironmentName": "ecs-blogpost", "MicroserviceName": "yelb-ui", "Namespace": "yelb.local",
"Protocol": "http", "Port": 80, "PercentageStep": 25, "WaitTime": 60}`

// with is minimal with other members: {"Port": 80} becomes {"Port": 81}, and a member
// that is given without a value, as `"Port"`, is left out.
func with(t *testing.T, members ...string) string {
	t.Helper()
	fields := []string{
		`"EnvironmentName": "ecs-blogpost"`, `"MicroserviceName": "yelb-ui"`, `"Namespace": "yelb.local"`,
		`"Protocol": "http"`, `"Port": 80`, `"PercentageStep": 25`, `"WaitTime": 60`,
	}
	for _, member := range members {
		name, _, isValue := strings.Cut(member, ":")
		kept := fields[:0:0]
		for _, field := range fields {
			if old, _, _ := strings.Cut(field, ":"); old != name {
				kept = append(kept, field)
			}
		}
		if isValue {
			kept = append(kept, member)
		}
		fields = kept
	}
	return "{" + strings.Join(fields, ",\n") + "}"
}

func mustParse(t *testing.T, text string, set ...Setting) Spec {
	t.Helper()
	spec, err := ParseSpec("deploy.json", []byte(text), set)
	if err != nil {
		t.Fatalf("%s\nis refused: %v", text, err)
	}
	return spec
}

func TestDefaultsAreTheOriginals(t *testing.T) {
	t.Parallel()
	want := Spec{
		EnvironmentName: "ecs-blogpost", MicroserviceName: "yelb-ui", Namespace: "yelb.local", Protocol: HTTP, Port: 80,
		PercentageStep: 25, WaitTime: 60, FailureThresholdValue: 0, FailureThresholdTime: 600,
		BakeTime: 60, Router: RouterSpec{Type: AppMesh}, MetricPeriod: 60, MetricDelay: 120, OnNoData: NoDataPasses,
		ProgressDeadline: 900, Analysis: AnalysisSpec{Policy: ThresholdPolicy}, Metric: DefaultMetricSource(),
	}
	if got := mustParse(t, minimal); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestOriginalFiles(t *testing.T) {
	t.Parallel()
	tests := map[string]Spec{
		"yelb-ui":          {Protocol: HTTP, Port: 80, PercentageStep: 25, FailureThresholdValue: 1, FailureThresholdTime: 600},
		"yelb-appserver":   {Protocol: HTTP, Port: 4567, PercentageStep: 10, FailureThresholdValue: 1, FailureThresholdTime: 600},
		"yelb-redisserver": {Protocol: TCP, Port: 6379, PercentageStep: 25, FailureThresholdValue: 5, FailureThresholdTime: 300},
		"yelb-db":          {Protocol: TCP, Port: 5432, PercentageStep: 25, FailureThresholdValue: 5, FailureThresholdTime: 300},
	}
	for name, want := range tests {
		data, err := os.ReadFile(filepath.Join("testdata", "yelb", name+".deploy.json"))
		if err != nil {
			t.Fatal(err)
		}
		got := mustParse(t, string(data))
		if got.MicroserviceName != name || got.Protocol != want.Protocol || got.Port != want.Port ||
			got.PercentageStep != want.PercentageStep || got.WaitTime != 60 || got.BakeTime != 60 ||
			got.FailureThresholdValue != want.FailureThresholdValue || got.FailureThresholdTime != want.FailureThresholdTime {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestTemplateIsReadWithAndWithoutLineBreaks(t *testing.T) {
	t.Parallel()
	template := strings.Repeat("Resources: {}\n", 20)
	encoded := base64.StdEncoding.EncodeToString([]byte(template))
	wrapped := func(by string) string {
		var lines []string
		for rest := encoded; rest != ""; {
			n := min(76, len(rest))
			lines, rest = append(lines, rest[:n]), rest[n:]
		}
		return strings.Join(lines, by) + by
	}
	for name, text := range map[string]string{
		"in one line": encoded, "with escaped breaks": wrapped(`\n`), "with raw breaks": wrapped("\n"),
		"with raw breaks of Windows": wrapped("\r\n"), "with escaped breaks of Windows": wrapped(`\r\n`),
	} {
		spec := mustParse(t, with(t, `"CanaryTemplate": "`+text+`"`))
		if string(spec.CanaryTemplate) != template {
			t.Errorf("%s: got %q", name, spec.CanaryTemplate)
		}
	}
}

func TestWhatIsAccepted(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a byte order mark":            "\ufeff" + minimal,
		"breaks of Windows":            strings.ReplaceAll(minimal, "\n", "\r\n"),
		"a step that does not fit 100": with(t, `"PercentageStep": 7`),
		"another one":                  with(t, `"PercentageStep": 33`),
		"all at once":                  with(t, `"PercentageStep": 100`),
		"a whole number as a fraction": with(t, `"WaitTime": 60.0`),
		"a whole number as a power":    with(t, `"WaitTime": 6e1`),
		"no wait":                      with(t, `"WaitTime": 0`),
		"the longest wait":             with(t, `"WaitTime": 604800`),
		"grpc":                         with(t, `"Protocol": "grpc"`),
		"http2":                        with(t, `"Protocol": "http2"`),
		"an escape":                    with(t, `"Protocol": "\u0068ttp"`),
		"an image of a registry":       with(t, `"ContainerImage": "123456789012.dkr.ecr.us-west-2.amazonaws.com/yelb/ui:20200101_1200.3f2a91c0"`),
		"an image of a local registry": with(t, `"ContainerImage": "localhost:5000/ui"`),
		"an image with a digest":       with(t, `"ContainerImage": "ui:1@sha256:`+strings.Repeat("ab", 32)+`"`),
		"a short period":               with(t, `"MetricPeriod": 10`),
		"a long period":                with(t, `"MetricPeriod": 300`),
		"an alb":                       with(t, `"Router": {"Type": "alb", "ListenerRuleArn": "arn:aws:elasticloadbalancing:us-west-2:123456789012:listener-rule/app/a/1/2/3"}`),
		"a character beyond the plane": with(t, `"Alarms": ["\ud83d\ude00"]`),
		"the longest stack name":       with(t, `"EnvironmentName": "`+strings.Repeat("e", 128-len("-yelb-ui-3f2a91c0"))+`"`, `"Sha": "3f2a91c0"`),
		"the longest version name":     with(t, `"Sha": "`+strings.Repeat("a", 63-len("yelb-ui-"))+`"`),
	} {
		if _, err := ParseSpec("deploy.json", []byte(text), nil); err != nil {
			t.Errorf("%s is refused: %v", name, err)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"nothing", "", "the file is empty: write one object"},
		{"white space", " \n", "the file is empty"},
		{"a byte order mark alone", "\ufeff", "the file is empty"},
		{"a binary file", "\x7fELF\x02\x01\x01\x00\x00", "this is a binary file: name the service's deploy.json"},
		{"UTF-16", "\xff\xfe{\x00}\x00", "the file is in UTF-16: save it as UTF-8"},
		{"UTF-16 without a mark", "{\x00}\x00", "the file is in UTF-16"},
		{"Latin-1", "{\"EnvironmentName\": \"caf\xe9\"}", "the file is not in UTF-8"},
		{"a list", "[]", "the file holds a list: write one object"},
		{"a text", `"x"`, `the file holds "x": write one object`},
		{"a comment", "{\n  // the port\n  \"Port\": 80}", "deploy.json: line 2, column 3: JSON has no comments: remove it"},
		{"a comment of many lines", "{ /* the port */ }", "line 1, column 3: JSON has no comments"},
		{"a comment of a shell", "# deploy\n{}", "line 1, column 1: JSON has no comments"},
		{"a trailing comma", "{\"Port\": 80,\n}", "line 1, column 12: there is a comma before the closing }: remove the comma"},
		{"a trailing comma in a list", `{"Alarms": ["a", ]}`, "there is a comma before the closing ]"},
		{"a missing comma", "{\"Port\": 80\n \"WaitTime\": 1}", "line 2, column 2: a comma or the closing } belongs here"},
		{"a missing colon", `{"Port" 80}`, `a colon belongs after the name "Port"`},
		{"a missing value", `{"Port":,}`, "a value belongs before ','"},
		{"a missing bracket", `{"Port": 80`, "the text ends before the closing }"},
		{"trailing data", minimal + "\n{}", "there is more after the end of the value"},
		{"an unquoted text", `{"Protocol": http}`, `"http" is not JSON: write texts in double quotes`},
		{"an unquoted name", `{Protocol: "http"}`, "the name of a field belongs here, in double quotes"},
		{"single quotes", `{"Protocol": 'http'}`, "JSON has no single quotes"},
		{"an open quote", "{\"Protocol\": \"http\n}", "line 1, column 14: the text has no closing quote on its line"},
		{"an unknown escape", `{"Protocol": "ht\tp\x"}`, `there is no such escape in JSON`},
		{"half a character", `{"Protocol": "\ud83d"}`, "there is half a character"},
		{"a raw tab", "{\"Protocol\": \"ht\ttp\"}", "raw control character (U+0009)"},
		{"a leading zero", `{"Port": 080}`, `"080" is not a number of JSON: write it in plain digits`},
		{"a plus", `{"Port": +80}`, `"+80" is not a number of JSON`},
		{"brackets without end", strings.Repeat("[", 100), "nested too deep"},

		{"a field twice", "{\"Port\": 80,\n \"Port\": 81}", "deploy.json: Port: given twice, first in line 1: keep one"},
		{"an unknown field", with(t, `"Waitime": 60`), "deploy.json: Waitime: not a known field: Did you mean WaitTime?"},
		{"another case", with(t, `"waittime": 60`), "waittime: not a known field: Did you mean WaitTime?"},
		{"a field from nowhere", with(t, `"Colour": 60`), "Colour: not a known field: remove it; the fields here are EnvironmentName, "},
		{"an unknown nested field", with(t, `"Router": {"Typ": "alb"}`), "Router.Typ: not a known field: Did you mean Type?"},
		{"an unknown field of a step", with(t, `"PercentageStep"`, `"Steps": [{"Wieght": 5}]`), "Steps[0].Wieght: not a known field: Did you mean Weight?"},
		{"a name for a terminal to obey", with(t, `"\u001b[31m": 60`), `"\x1b[31m": not a known field`},

		{"no port", with(t, `"Port"`), "deploy.json: Port: missing: add it: a whole number from 1 to 65535"},
		{"no pace", with(t, `"PercentageStep"`), "PercentageStep: missing: add it"},
		{"no wait", with(t, `"WaitTime"`), "WaitTime: missing: add it"},
		{"null", with(t, `"Port": null`), "Port: null is no value: write a whole number from 1 to 65535, or remove the field"},
		{"a number as a text", with(t, `"WaitTime": "60"`), `WaitTime: "60" is text, not a number: write 60, not "60"`},
		{"a word as a number", with(t, `"WaitTime": "a minute"`), `WaitTime: "a minute" is not a number: write a whole number from 0 to 604800`},
		{"a text as a number", with(t, `"Protocol": 80`), `Protocol: 80 is not text: write "80", not 80`},
		{"a list as a number", with(t, `"Port": [80]`), "Port: a list is not a number"},
		{"a truth as a number", with(t, `"Port": true`), "Port: true is not a number"},
		{"a text as an object", with(t, `"Router": "alb"`), `Router: "alb" is not an object: write an object with Type or ListenerRuleArn`},
		{"a step of 0", with(t, `"PercentageStep": 0`), "PercentageStep: 0 is not between 1 and 100: write a whole number from 1 to 100"},
		{"a step of -1", with(t, `"PercentageStep": -1`), "PercentageStep: -1 is not between 1 and 100"},
		{"a step of 2.5", with(t, `"PercentageStep": 2.5`), "PercentageStep: 2.5 is not a whole number: write a whole number from 1 to 100"},
		{"a step of 101", with(t, `"PercentageStep": 101`), "deploy.json: PercentageStep: 101 is not between 1 and 100: write a whole number from 1 to 100"},
		{"a huge number", with(t, `"Port": 1e99`), "Port: 1e99 is not between 1 and 65535"},
		{"a number without end", with(t, `"Port": 1e999999999`), "Port: 1e999999999 is not a whole number"},
		{"a number just beside a whole one", with(t, `"Port": 80.00000000000000000001`), "is not a whole number"},
		{"a negative wait", with(t, `"WaitTime": -1`), "WaitTime: -1 is not between 0 and 604800"},
		{"a negative window", with(t, `"FailureThresholdTime": -600`), "FailureThresholdTime: -600 is not between 1 and 604800"},
		{"no window", with(t, `"FailureThresholdTime": 0`), "FailureThresholdTime: 0 is not between 1 and"},
		{"a wait of more than a week", with(t, `"WaitTime": 604801`), "WaitTime: 604801 is not between 0 and 604800"},
		{"port 0", with(t, `"Port": 0`), "Port: 0 is not between 1 and 65535"},
		{"a port too high", with(t, `"Port": 65536`), "Port: 65536 is not between 1 and 65535"},
		{"a protocol that App Mesh lacks", with(t, `"Protocol": "udp"`), `Protocol: "udp" is not one of the values allowed: write "http", "http2", "grpc" or "tcp"`},
		{"a protocol in capitals", with(t, `"Protocol": "HTTP"`), `Did you mean "http"?`},
		{"an odd period", with(t, `"MetricPeriod": 90`), "MetricPeriod: 90 is no period that CloudWatch has: write 1, 5, 10, 30 or a multiple of 60"},
		{"an underscore", with(t, `"MicroserviceName": "yelb_ui"`), `MicroserviceName: "yelb_ui" is not a legal name for a stack: write a letter, then`},
		{"a digit first", with(t, `"EnvironmentName": "1st"`), `EnvironmentName: "1st" is not a legal name`},
		{"no name", with(t, `"EnvironmentName": ""`), `EnvironmentName: "" is empty`},
		{"no namespace", with(t, `"Namespace": "yelb local"`), `Namespace: "yelb local" is not a DNS name`},
		{"a hyphen in a sha", with(t, `"Sha": "3f2a-91c0"`), `Sha: "3f2a-91c0" has characters that a version's name cannot hold: write letters and digits only`},
		{"an empty sha", with(t, `"Sha": ""`), `Sha: "" is empty`},
		{"a sha too long for a stack", with(t, `"Sha": "`+strings.Repeat("a", 120)+`"`), "Sha: \"aaa"},
		{"a sha too long for DNS", with(t, `"Sha": "`+strings.Repeat("a", 56)+`"`), "64 characters long, 1 more than the 63 allowed: shorten MicroserviceName or Sha by 1"},
		{"names too long for any sha", with(t, `"EnvironmentName": "`+strings.Repeat("e", 120)+`"`), "130 characters long, 2 more than the 128 allowed"},
		{"an image with a space", with(t, `"ContainerImage": "yelb ui:1"`), `ContainerImage: "yelb ui:1" is not an image reference`},
		{"an image in capitals", with(t, `"ContainerImage": "Yelb:1"`), "is not an image reference"},
		{"an image too long", with(t, `"ContainerImage": "`+strings.Repeat("a", 256)+`"`), "is 256 characters long, 1 more than the 255 allowed"},
		{"a template that is not base64", with(t, `"CanaryTemplate": "Resources: {}"`), `CanaryTemplate: "Resources: {}" is not base64`},
		{"an empty template", with(t, `"CanaryTemplate": "\n"`), "CanaryTemplate: \"\\n\" is empty"},
		{"a control character", with(t, `"Alarms": ["a\u001b[2J"]`), `Alarms[0]: "a\x1b[2J" has a control character in it: remove it`},
		{"an alarm twice", with(t, `"Alarms": ["a", "a"]`), `Alarms[1]: "a" is there twice: remove one`},
		{"a parameter as a number", with(t, `"TemplateParameters": {"Memory": 512}`), `TemplateParameters.Memory: 512 is not text: write "512", not 512`},
		{"a parameter with a hyphen", with(t, `"TemplateParameters": {"A-B": "1"}`), `TemplateParameters: "A-B" is not the name of a parameter`},
		{"a parameter that Serin gives", with(t, `"TemplateParameters": {"Sha": "1"}`), "TemplateParameters.Sha: is given by another field: remove it here"},

		{"steps twice", with(t, `"Steps": [{"Weight": 5}]`), "PercentageStep: 25 and Steps exclude each other: keep one of them"},
		{"no steps", with(t, `"PercentageStep"`, `"Steps": []`), "Steps: a list has 0 items"},
		{"a step that is a number", with(t, `"PercentageStep"`, `"Steps": [5]`), "Steps[0]: 5 is not an object"},
		{"a step of nothing", with(t, `"PercentageStep"`, `"Steps": [{}]`), "Steps[0]: has neither a Weight nor a Gate"},
		{"a step of both", with(t, `"PercentageStep"`, `"Steps": [{"Weight": 5, "Gate": "QA"}]`), "Steps[0]: has a Gate and a Weight"},
		{"an empty gate", with(t, `"PercentageStep"`, `"Steps": [{"Gate": ""}]`), `Steps[0].Gate: "" is empty`},
		{"a weight of 0", with(t, `"PercentageStep"`, `"Steps": [{"Weight": 0}]`), "Steps[0].Weight: 0 is not between 1 and 100"},
		{"a weight over 100", with(t, `"PercentageStep"`, `"Steps": [{"Weight": 101}]`), "Steps[0].Weight: 101 is not between 1 and 100"},
		{"equal weights", with(t, `"PercentageStep"`, `"Steps": [{"Weight": 5}, {"Gate": "QA"}, {"Weight": 5}]`), "Steps[2].Weight: 5 is not above 5, the weight before it"},
		{"falling weights", with(t, `"PercentageStep"`, `"Steps": [{"Weight": 50}, {"Weight": 5}]`), "Steps[1].Weight: 5 is not above 50"},
		{"a hold on a gate", with(t, `"PercentageStep"`, `"Steps": [{"Gate": "QA", "Hold": 5}]`), "Steps[0].Hold: 5 does not go with a Gate"},
		{"a timeout on a weight", with(t, `"PercentageStep"`, `"Steps": [{"Weight": 5, "Timeout": 5}]`), "Steps[0].Timeout: 5 goes with a Gate only"},
		{"an end of time on a weight", with(t, `"PercentageStep"`, `"Steps": [{"Weight": 5, "OnTimeout": "promote"}]`), `Steps[0].OnTimeout: "promote" goes with a Gate only`},
		{"an unknown end of time", with(t, `"PercentageStep"`, `"Steps": [{"Gate": "QA", "Timeout": 5, "OnTimeout": "wait"}]`), `Steps[0].OnTimeout: "wait" is not one of`},
		{"a negative timeout", with(t, `"PercentageStep"`, `"Steps": [{"Gate": "QA", "Timeout": -5}]`), "Steps[0].Timeout: -5 is not between 0 and"},
		{"no hold at all", with(t, `"PercentageStep"`, `"WaitTime"`, `"BakeTime": 5`, `"Steps": [{"Weight": 5}]`), "Steps[0].Hold: missing: add it, or WaitTime"},
		{"no bake at all", with(t, `"PercentageStep"`, `"WaitTime"`, `"Steps": [{"Weight": 5, "Hold": 5}]`), "BakeTime: missing: add it, or WaitTime"},
		{"two bakes", with(t, `"PercentageStep"`, `"BakeTime": 5`, `"Steps": [{"Weight": 100, "Hold": 6}]`), "BakeTime: 5 differs from Steps[0].Hold, 6"},

		{"an alb without a rule", with(t, `"Router": {"Type": "alb"}`), "Router.ListenerRuleArn: missing"},
		{"a mesh with a rule", with(t, `"Router": {"ListenerRuleArn": "arn:aws:elasticloadbalancing:us-west-2:123456789012:listener-rule/a"}`), "does not go with the router appmesh"},
		{"a rule that is none", with(t, `"Router": {"Type": "alb", "ListenerRuleArn": "rule"}`), `"rule" is not the ARN of a listener rule`},
		{"a metric without classes", with(t, `"Metric": {"Dimensions": {"node": "{version}"}}`), "Metric.Dimensions: an object has no {class}"},
		{"a metric without versions", with(t, `"Metric": {"Dimensions": {"code": "{class}"}}`), "Metric.Dimensions: an object has neither {version} nor {sha}"},
		{"an unknown placeholder", with(t, `"Metric": {"Dimensions": {"code": "{klass}"}}`), "in braces only {environment}"},
	}
	for _, test := range tests {
		spec, err := ParseSpec("deploy.json", []byte(test.text), nil)
		var all *SpecError
		if !errors.As(err, &all) {
			t.Errorf("%s: got %+v and the error %v, want a SpecError", test.name, spec, err)
			continue
		}
		if !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s:\n got %v\nwant %s", test.name, err, test.want)
		}
		for _, one := range all.Errors {
			if one.File != "deploy.json" || one.Problem == "" || one.Mend == "" {
				t.Errorf("%s: an error lacks a word: %+v", test.name, *one)
			}
		}
	}
}

func TestAllErrorsComeAtOnceInTheOrderOfTheLines(t *testing.T) {
	t.Parallel()
	_, err := ParseSpec("deploy.json", []byte("{\n\"PercentageStep\": 101,\n\"Port\": \"80\",\n\"WaitTime\": -1,\n\"Protokol\": \"http\"}"), nil)
	want := `deploy.json: PercentageStep: 101 is not between 1 and 100: write a whole number from 1 to 100
deploy.json: Port: "80" is text, not a number: write 80, not "80"
deploy.json: WaitTime: -1 is not between 0 and 604800: write a whole number from 0 to 604800
deploy.json: Protokol: not a known field: Did you mean Protocol?
deploy.json: EnvironmentName: missing: add it: a letter, then letters, digits and hyphens only
deploy.json: MicroserviceName: missing: add it: a letter, then letters, digits and hyphens only
deploy.json: Namespace: missing: add it: labels of letters, digits and hyphens with dots between them, like "yelb.local"
deploy.json: Protocol: missing: add it: "http", "http2", "grpc" or "tcp"`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	var first *FieldError
	if !errors.As(err, &first) || first.Line != 2 || first.Column != 19 {
		t.Errorf("the first error is at %+v, want line 2, column 19", first)
	}
}

func TestStepsFillInTheirHolds(t *testing.T) {
	t.Parallel()
	spec := mustParse(t, with(t, `"PercentageStep"`, `"Steps": [{"Gate": "begin"}, {"Weight": 5}, {"Weight": 50, "Hold": 10},
		{"Gate": "QA signs off", "Timeout": 3600}, {"Gate": "last", "Timeout": 5, "OnTimeout": "promote"}]`))
	want := []StepSpec{
		{Gate: "begin"},
		{Weight: 5, Hold: new(60)},
		{Weight: 50, Hold: new(10)},
		{Gate: "QA signs off", Timeout: 3600, OnTimeout: TimeoutRollsBack},
		{Gate: "last", Timeout: 5, OnTimeout: TimeoutPromotes},
	}
	if !reflect.DeepEqual(spec.Steps, want) || spec.BakeTime != 60 {
		t.Errorf("got %+v, bake %d", spec.Steps, spec.BakeTime)
	}
}

func TestTheStepAtHundredIsTheBake(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		text string
		bake int
	}{
		{"its hold", with(t, `"PercentageStep"`, `"WaitTime"`, `"Steps": [{"Weight": 100, "Hold": 7}]`), 7},
		{"its hold over WaitTime", with(t, `"PercentageStep"`, `"Steps": [{"Weight": 100, "Hold": 7}]`), 7},
		{"WaitTime", with(t, `"PercentageStep"`, `"Steps": [{"Weight": 100}]`), 60},
		{"BakeTime", with(t, `"PercentageStep"`, `"WaitTime"`, `"BakeTime": 9`, `"Steps": [{"Weight": 100}]`), 9},
		{"BakeTime over WaitTime", with(t, `"PercentageStep"`, `"BakeTime": 9`, `"Steps": [{"Weight": 100}]`), 9},
		{"BakeTime over the pace", with(t, `"BakeTime": 0`), 0},
		{"both alike", with(t, `"PercentageStep"`, `"BakeTime": 7`, `"Steps": [{"Weight": 100, "Hold": 7}]`), 7},
	}
	for _, test := range tests {
		spec := mustParse(t, test.text)
		if spec.BakeTime != test.bake {
			t.Errorf("%s: bake %d, want %d", test.name, spec.BakeTime, test.bake)
		}
		if len(spec.Steps) == 1 && *spec.Steps[0].Hold != test.bake {
			t.Errorf("%s: hold %d, want %d", test.name, *spec.Steps[0].Hold, test.bake)
		}
	}
}

func TestCompleteNamesTheFlags(t *testing.T) {
	t.Parallel()
	err := mustParse(t, minimal).Complete()
	want := `Sha: missing: add it to deploy.json, or give --sha
ContainerImage: missing: add it to deploy.json, or give --image
CanaryTemplate: missing: add it to deploy.json, give --template, or put canary-helper.yaml beside the file`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	full := mustParse(t, with(t, `"Sha": "3f2a91c0"`, `"ContainerImage": "ui:1"`, `"CanaryTemplate": "e30="`))
	if err := full.Complete(); err != nil {
		t.Errorf("a spec with all is not complete: %v", err)
	}
}
