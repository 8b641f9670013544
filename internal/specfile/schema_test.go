package specfile

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"serin/internal/engine"
)

var update = flag.Bool("update", false, "write the generated files instead of comparing them")

func TestTheSchemaIsCurrent(t *testing.T) {
	t.Parallel()
	file := filepath.Join("..", "..", "specfiles", "deploy.schema.json")
	if *update {
		if err := os.WriteFile(file, engine.Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, engine.Schema()) {
		t.Errorf("%s is not what the table of fields makes: run make schema", file)
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(engine.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("deploy.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("deploy.schema.json")
	if err != nil {
		t.Fatalf("the schema is not one of draft 2020-12: %v", err)
	}
	return schema
}

// pace is a deploy.json's start, without the fields that say how fast.
const pace = `{"EnvironmentName": "ecs-blogpost", "MicroserviceName": "yelb-ui", "Namespace": "yelb.local", "Protocol": "http", "Port": 80, `

// plain is a deploy.json that takes further members.
const plain = pace + `"PercentageStep": 25, "WaitTime": 60, `

// TestSchemaAndParserAgree tries a corpus on both. What only the parser can refuse, since
// it is about the values of several fields, is in the corpus as such.
func TestSchemaAndParserAgree(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	rule := `"arn:aws:elasticloadbalancing:us-west-2:123456789012:listener-rule/app/a/1/2/3"`
	tests := []struct {
		text               string
		schemaOK, parserOK bool
	}{
		{plain + `"Sha": "3f2a91c0"}`, true, true},
		{plain + `"Sha": "3f2a-91c0"}`, false, false},
		{plain + `"Sha": ""}`, false, false},
		{plain + `"Sha": 12345678}`, false, false},
		{plain + `"Sha": null}`, false, false},
		{plain + `"sha": "3f2a91c0"}`, false, false},
		{plain + `"ContainerImage": "123456789012.dkr.ecr.us-west-2.amazonaws.com/yelb-ui:20200101_1200.3f2a91c0"}`, true, true},
		{plain + `"ContainerImage": "localhost:5000/a/b"}`, true, true},
		{plain + `"ContainerImage": "a b"}`, false, false},
		{plain + `"ContainerImage": "a:"}`, false, false},
		{plain + `"ContainerImage": "A/b"}`, true, true},
		{plain + `"ContainerImage": "B"}`, false, false},
		{plain + `"ContainerImage": "` + strings.Repeat("a", 255) + `"}`, true, true},
		{plain + `"ContainerImage": "` + strings.Repeat("a", 256) + `"}`, false, false},
		{plain + `"CanaryTemplate": "e30="}`, true, true},
		{plain + `"CanaryTemplate": "e30=\n"}`, true, true},
		{plain + `"CanaryTemplate": "e3\n0\r\n="}`, true, true},
		{plain + `"CanaryTemplate": "e30"}`, false, false},
		{plain + `"CanaryTemplate": "e"}`, false, false},
		{plain + `"CanaryTemplate": ""}`, false, false},
		{plain + `"CanaryTemplate": "{}"}`, false, false},
		{plain + `"CanaryTemplate": "QUJD"}`, true, true},
		{plain + `"CanaryTemplate": "QUI="}`, true, true},
		{plain + `"CanaryTemplate": "QQ=="}`, true, true},
		{plain + `"CanaryTemplate": "QQ==QQ=="}`, false, false},
		{pace + `"PercentageStep": 1, "WaitTime": 0}`, true, true},
		{pace + `"PercentageStep": 7, "WaitTime": 604800}`, true, true},
		{pace + `"PercentageStep": 100, "WaitTime": 60.0}`, true, true},
		{pace + `"PercentageStep": 33, "WaitTime": 6e1}`, true, true},
		{pace + `"PercentageStep": 0, "WaitTime": 60}`, false, false},
		{pace + `"PercentageStep": -1, "WaitTime": 60}`, false, false},
		{pace + `"PercentageStep": 2.5, "WaitTime": 60}`, false, false},
		{pace + `"PercentageStep": 101, "WaitTime": 60}`, false, false},
		{pace + `"PercentageStep": "10", "WaitTime": 60}`, false, false},
		{pace + `"PercentageStep": 10, "WaitTime": -1}`, false, false},
		{pace + `"PercentageStep": 10, "WaitTime": 604801}`, false, false},
		{pace + `"PercentageStep": 10}`, false, false},
		{pace + `"WaitTime": 10}`, false, false},
		{pace + `"WaitTime": 10, "Steps": [{"Weight": 5}]}`, true, true},
		{pace + `"WaitTime": 10, "PercentageStep": 10, "Steps": [{"Weight": 5}]}`, false, false},
		{pace + `"BakeTime": 10, "Steps": [{"Weight": 5, "Hold": 0}, {"Gate": "QA", "Timeout": 5, "OnTimeout": "promote"}]}`, true, true},
		{pace + `"WaitTime": 10, "Steps": []}`, false, false},
		{pace + `"WaitTime": 10, "Steps": [{}]}`, false, false},
		{pace + `"WaitTime": 10, "Steps": [5]}`, false, false},
		{pace + `"WaitTime": 10, "Steps": [{"Weight": 5, "Gate": "QA"}]}`, false, false},
		{pace + `"WaitTime": 10, "Steps": [{"Weight": 5, "Timeout": 5}]}`, false, false},
		{pace + `"WaitTime": 10, "Steps": [{"Gate": "QA", "Hold": 5}]}`, false, false},
		{pace + `"WaitTime": 10, "Steps": [{"Gate": ""}]}`, false, false},
		{pace + `"WaitTime": 10, "Steps": [{"Weight": 0}]}`, false, false},
		{pace + `"WaitTime": 10, "Steps": [{"Weight": 5, "Speed": 5}]}`, false, false},
		{pace + `"WaitTime": 10, "Steps": [{"Weight": 5}, {"Weight": 5}]}`, true, false},
		{pace + `"Steps": [{"Weight": 5}]}`, true, false},
		{plain + `"BakeTime": 5}`, true, true},
		{plain + `"Router": {}}`, true, true},
		{plain + `"Router": {"Type": "appmesh"}}`, true, true},
		{plain + `"Router": {"Type": "alb", "ListenerRuleArn": ` + rule + `}}`, true, true},
		{plain + `"Router": {"Type": "alb"}}`, false, false},
		{plain + `"Router": {"Type": "appmesh", "ListenerRuleArn": ` + rule + `}}`, false, false},
		{plain + `"Router": {"ListenerRuleArn": ` + rule + `}}`, false, false},
		{plain + `"Router": {"Type": "nginx"}}`, false, false},
		{plain + `"Router": []}`, false, false},
		{plain + `"MetricPeriod": 1}`, true, true},
		{plain + `"MetricPeriod": 30}`, true, true},
		{plain + `"MetricPeriod": 300}`, true, true},
		{plain + `"MetricPeriod": 0}`, false, false},
		{plain + `"MetricPeriod": 90}`, false, false},
		{plain + `"MetricDelay": 0, "FailureThresholdValue": 0, "MinimumRequests": 100, "ProgressDeadline": 60}`, true, true},
		{plain + `"FailureThresholdTime": 0}`, false, false},
		{plain + `"FailureThresholdValue": -1}`, false, false},
		{plain + `"OnNoData": "hold"}`, true, true},
		{plain + `"OnNoData": "Hold"}`, false, false},
		{plain + `"Alarms": ["a", "b"]}`, true, true},
		{plain + `"Alarms": []}`, true, true},
		{plain + `"Alarms": ["a", "a"]}`, false, false},
		{plain + `"Alarms": [""]}`, false, false},
		{plain + `"Alarms": ["a\u0007"]}`, false, false},
		{plain + `"TemplateParameters": {"DesiredCount": "2"}}`, true, true},
		{plain + `"TemplateParameters": {}}`, true, true},
		{plain + `"TemplateParameters": {"DesiredCount": 2}}`, false, false},
		{plain + `"TemplateParameters": {"Desired-Count": "2"}}`, false, false},
		{plain + `"TemplateParameters": {"Sha": "2"}}`, false, false},
		{plain + `"Analysis": {"Policy": "threshold"}}`, true, true},
		{plain + `"Analysis": {"Policy": "guess"}}`, false, false},
		{plain + `"Metric": {"Name": "requests"}}`, true, true},
		{plain + `"Metric": {"Dimensions": {"Node": "{version}", "Code": "{class}xx"}}}`, true, true},
		{plain + `"Metric": {"Dimensions": {"Node": "{vrsn}", "Code": "{class}"}}}`, false, false},
		{plain + `"Metric": {"Dimensions": {}}}`, false, false},
		{plain + `"Metric": {"Dimensions": {"Node": "{version}"}}}`, true, false},
		{plain + `"Metric": {"Namespace": "a b"}}`, false, false},
		{plain + `"Colour": "red"}`, false, false},
		{`{}`, false, false},
		{`[]`, false, false},
		{`"x"`, false, false},
		{strings.Replace(plain, `"http"`, `"udp"`, 1) + `"BakeTime": 5}`, false, false},
		{strings.Replace(plain, `"http"`, `"grpc"`, 1) + `"BakeTime": 5}`, true, true},
		{strings.Replace(plain, `: 80`, `: 65536`, 1) + `"BakeTime": 5}`, false, false},
		{strings.Replace(plain, `: 80`, `: 0`, 1) + `"BakeTime": 5}`, false, false},
		{strings.Replace(plain, `"Port": 80, `, ``, 1) + `"BakeTime": 5}`, false, false},
		{strings.Replace(plain, `yelb-ui`, `yelb_ui`, 1) + `"BakeTime": 5}`, false, false},
		{strings.Replace(plain, `ecs-blogpost`, `1st`, 1) + `"BakeTime": 5}`, false, false},
		{strings.Replace(plain, `yelb.local`, `yelb..local`, 1) + `"BakeTime": 5}`, false, false},
		{strings.Replace(plain, `ecs-blogpost`, strings.Repeat("e", 130), 1) + `"BakeTime": 5}`, true, false},
	}
	for _, test := range tests {
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(test.text))
		if err != nil {
			t.Fatalf("%s: %v", test.text, err)
		}
		if err := schema.Validate(document); (err == nil) != test.schemaOK {
			t.Errorf("the schema on %s: %v", test.text, err)
		}
		if _, err := engine.ParseSpec("deploy.json", []byte(test.text), nil); (err == nil) != test.parserOK {
			t.Errorf("the parser on %s: %v", test.text, err)
		}
	}
}

func TestTheSchemaTakesTheOriginalFiles(t *testing.T) {
	t.Parallel()
	schema := compiled(t)
	files, err := filepath.Glob(filepath.Join("..", "engine", "testdata", "yelb", "*.json"))
	if err != nil || len(files) != 4 {
		t.Fatalf("%d of the four original files: %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(document); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}
