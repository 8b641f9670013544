package specfile

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"serin/internal/engine"
	"serin/specfiles"
)

func mustInspect(t *testing.T, text string) Template {
	t.Helper()
	template, err := Inspect([]byte(text))
	if err != nil {
		t.Fatalf("%s\nis refused: %v", text, err)
	}
	return template
}

func TestInspectReadsYAML(t *testing.T) {
	t.Parallel()
	template := mustInspect(t, `
Parameters:
  Size:
    Type: String
    Default: ""
    AllowedValues: ["", small]
  Port: {Type: Number, MinValue: 1, MaxValue: 10}
Resources:
  Service:
    Type: AWS::ECS::Service
    Properties:
      Cluster: !Ref EnvironmentName
`)
	size, port := template.Parameters["Size"], template.Parameters["Port"]
	if size.Type != "String" || !size.HasDefault || size.Default != "" || !reflect.DeepEqual(size.AllowedValues, []string{"", "small"}) {
		t.Errorf("Size is %+v", size)
	}
	if port.Type != "Number" || port.HasDefault || *port.MinValue != 1 || *port.MaxValue != 10 {
		t.Errorf("Port is %+v", port)
	}
	if !reflect.DeepEqual(template.Resources, map[string]string{"Service": "AWS::ECS::Service"}) || template.Transformed {
		t.Errorf("resources are %v", template.Resources)
	}
}

func TestInspectReadsJSON(t *testing.T) {
	t.Parallel()
	template := mustInspect(t, "{\n\t\"Parameters\":\t{\"Port\": {\"Type\": \"Number\"}},\n\t\"Resources\": {\"Service\": {\"Type\": \"AWS::ECS::Service\", "+
		"\"Properties\": {\"Cluster\": {\"Fn::ImportValue\": {\"Fn::Sub\": \"${EnvironmentName}:Mesh\"}}}}}}")
	if len(template.Parameters) != 1 || len(template.Resources) != 1 || !reflect.DeepEqual(template.Imports, []string{"${EnvironmentName}:Mesh"}) {
		t.Errorf("got %+v", template)
	}
}

func TestInspectFindsImports(t *testing.T) {
	t.Parallel()
	template := mustInspect(t, `
Parameters:
  EnvironmentName: {Type: String}
  Zone: {Type: String, Default: blue}
Resources:
  A:
    Type: X
    Properties:
      - !ImportValue plain
      - !ImportValue {"Fn::Sub": "${EnvironmentName}:Mesh"}
      - Fn::ImportValue: !Sub "${ EnvironmentName }:VPC"
      - Fn::ImportValue: !Sub ["${E}:Subnet", {E: !Ref EnvironmentName}]
      - Fn::ImportValue: !Join [":", [!Ref EnvironmentName, Role]]
      - Fn::ImportValue: {"Fn::Join": ["-", [{Ref: Zone}, "!Sub"]]}
      - Fn::ImportValue: !Sub "${Zone}-${AWS::Region}"
      - Fn::ImportValue: !Sub "${!Literal}"
      - Fn::ImportValue: &again !Sub "${EnvironmentName}:Mesh"
      - Fn::ImportValue: *again
      - Fn::ImportValue: !FindInMap [a, b, c]
      - Fn::ImportValue: !Join [":", [!GetAtt A.Name, !Select [0, [a]]]]
`)
	want := []string{
		"${!Literal}", "blue-!Sub", "blue-${AWS::Region}", "dev:Mesh", "dev:Role", "dev:Subnet", "dev:VPC", "plain",
	}
	if got := template.ImportNames(map[string]string{"EnvironmentName": "dev"}); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestInspectRefuses(t *testing.T) {
	t.Parallel()
	const resources = "\nResources: {A: {Type: X}}\n"
	tests := []struct{ name, text, want string }{
		{"nothing", "", "is empty"},
		{"a comment alone", "# no\n", "is empty"},
		{"a text", "hello", "is no template (line 1): write a CloudFormation template with Resources"},
		{"a list", "- a", "is no template (line 1)"},
		{"an open bracket", "Resources: [", "is not YAML: line 1: did not find expected node content"},
		{"a tab", "Resources:\n\tA: 1", "is not YAML: line 2"},
		{"binary", "\x00\x01", "is not YAML: control characters are not allowed"},
		{"two documents", "Resources: {A: {Type: X}}\n---\nB: 1\n", "holds more than one YAML document"},
		{"no resources", "Parameters: {}", "has no Resources"},
		{"empty resources", "Resources: {}", "has no resource under Resources"},
		{"resources of nothing", "Resources:\n", "Resources is no mapping (line 1)"},
		{"a resource without a type", "Resources:\n  A: {}", `the resource "A" has no Type (line 2)`},
		{"a resource that is a text", "Resources:\n  A: X", `the resource "A" has no Type`},
		{"a resource twice", "Resources:\n  A: {Type: X}\n  A: {Type: Y}\n", `Resources has "A" twice (line 3): keep one`},
		{"a section twice", resources + resources, `the template has "Resources" twice`},
		{"a parameter without a type", "Parameters: {A: {}}" + resources, `the parameter "A" has no Type`},
		{"a parameter that is a text", "Parameters: {A: String}" + resources, `the parameter "A" is no mapping`},
		{"a parameter with a bad name", `Parameters: {"A\e": {Type: String}}` + resources, `the parameter "A\x1b" is no name for one`},
		{"too much", strings.Repeat("#", 51_200) + resources, "has 51227 bytes, 27 more than the 51200 that CloudFormation takes"},
		{"an alias to nothing", "Resources: *a", "is not YAML"},
	}
	for _, test := range tests {
		_, err := Inspect([]byte(test.text))
		var all *engine.SpecError
		if !errors.As(err, &all) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s:\n got %v\nwant %s", test.name, err, test.want)
			continue
		}
		for _, one := range all.Errors {
			if one.Field != "CanaryTemplate" || one.Problem == "" || one.Mend == "" {
				t.Errorf("%s: an error lacks a word: %+v", test.name, *one)
			}
		}
	}
}

func TestTheLargestTemplateIsTaken(t *testing.T) {
	t.Parallel()
	text := "Resources: {A: {Type: X}}\n"
	mustInspect(t, text+strings.Repeat("#", 51_200-len(text)))
}

func TestCheckValuesAsCloudFormationWould(t *testing.T) {
	t.Parallel()
	tests := []struct{ declared, value, want string }{
		{"{Type: String, AllowedValues: [a, b]}", "a", ""},
		{"{Type: String, AllowedValues: [a, b]}", "c", `"c" is not a value that the template allows: write one of "a", "b"`},
		{"{Type: CommaDelimitedList, AllowedValues: [a, b]}", "a, b", ""},
		{"{Type: CommaDelimitedList, AllowedValues: [a, b]}", "a,c", `"a,c" is not a value that the template allows`},
		{"{Type: Number}", "1.5", ""},
		{"{Type: Number}", "one", `"one" is not a number, which the template wants`},
		{"{Type: Number, MinValue: 1, MaxValue: 3}", "3", ""},
		{"{Type: Number, MinValue: 1, MaxValue: 3}", "4", `"4" is not what the template allows: write a number from 1 to 3`},
		{"{Type: Number, MinValue: 1}", "0", "write a number of at least 1"},
		{"{Type: Number, MaxValue: 3}", "4", "write a number of at most 3"},
		{"{Type: List<Number>}", "1,2,x", `"x" is not a number`},
		{"{Type: String, MinLength: 2, MaxLength: 3}", "abc", ""},
		{"{Type: String, MinLength: 2, MaxLength: 3}", "a", `"a" is 1 characters long, and the template allows from 2 to 3`},
		{"{Type: String, AllowedPattern: '[a-z]+'}", "abc", ""},
		{"{Type: String, AllowedPattern: '[a-z]+'}", "abc1", `"abc1" does not match what the template allows: write something that matches "[a-z]+"`},
		{"{Type: String, AllowedPattern: '(?<=java)x'}", "abc", ""},
	}
	for _, test := range tests {
		spec, err := engine.ParseSpec("deploy.json", []byte(deployText), []engine.Setting{{Field: "TemplateParameters.Own", Value: test.value}})
		if err != nil {
			t.Fatal(err)
		}
		err = mustInspect(t, version("Own: "+test.declared)).Check(spec)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s refuses %q: %v", test.declared, test.value, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), "TemplateParameters.Own: ") || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s on %q:\n got %v\nwant %s", test.declared, test.value, err, test.want)
		}
	}
}

func TestCheckNamesTheFieldThatGivesAValue(t *testing.T) {
	t.Parallel()
	text := strings.Replace(version(), "Protocol: {Type: String}", "Protocol: {Type: String, AllowedValues: [tcp]}", 1)
	spec, err := engine.ParseSpec("deploy.json", []byte(deployText), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := mustInspect(t, text).Check(spec); err == nil || err.Error() != `Protocol: "http" is not a value that the template allows: write one of "tcp"` {
		t.Errorf("got %v", err)
	}
}

func TestCheckLetsAVersionBeUnknownYet(t *testing.T) {
	t.Parallel()
	text := strings.Replace(version(), "Sha: {Type: String}", "Sha: {Type: String, MinLength: 8}", 1)
	spec, err := engine.ParseSpec("deploy.json", []byte(plain+`"BakeTime": 1}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := mustInspect(t, text).Check(spec); err != nil {
		t.Error(err)
	}
}

// FuzzInspect asks of any template: no panic, and errors that say what is wrong with
// what, in one line that a terminal shows as it is.
func FuzzInspect(f *testing.F) {
	for _, service := range specfiles.Services() {
		template, err := specfiles.Read(service, specfiles.TemplateFile)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(template)
	}
	for _, text := range []string{
		"", "{", "Resources: &a [*a]", "Resources: {A: {Type: X, B: !Join [a, &c [*c]]}}", "Resources: &a\n  A: *a\n",
		"? [a]\n: b\n", "Parameters: {\"A\\e\": {}}", "{\"Resources\":\t{}}", "a: !!binary x", "<<: *a", "Fn::ImportValue: &a !Join [x, [*a]]",
		"Fn::ImportValue: &a {\"Fn::Join\": [x, [*a]]}",
	} {
		f.Add([]byte(text))
	}
	spec, err := engine.ParseSpec("deploy.json", []byte(deployText), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		template, err := Inspect(text)
		if err == nil {
			template.ImportNames(spec.Parameters())
			err = template.Check(spec)
		}
		for _, one := range fieldErrors(err) {
			if one.Field == "" || one.Problem == "" || one.Mend == "" {
				t.Errorf("an error lacks a word: %+v", *one)
			}
			if strings.ContainsFunc(one.Error(), func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) {
				t.Errorf("an error has a control character: %q", one.Error())
			}
		}
	})
}
