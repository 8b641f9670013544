package template_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"serin/internal/sandbox/cloudformation/template"
)

// world answers with what it is asked.
type world struct{}

func (world) Ref(logicalID string) (string, error) { return "ref-" + logicalID, nil }

func (world) Attribute(logicalID, attribute string) (any, error) {
	if attribute == "List" {
		return []any{"first", "second"}, nil
	}
	return logicalID + "/" + attribute, nil
}

func (world) Import(name string) (string, error) {
	if strings.HasPrefix(name, "missing") {
		return "", fmt.Errorf("no export named %s", name)
	}
	return "import-" + name, nil
}

func scope(values map[string]string) template.Scope {
	return template.Scope{
		Region: "us-west-2", Account: "123456789012", Partition: "aws", URLSuffix: "amazonaws.com",
		StackName: "stack", StackID: "stack-id", Zones: []string{"us-west-2a", "us-west-2b"},
		NotificationARNs: []string{"arn:topic"}, Parameters: values,
	}
}

func evaluate(t *testing.T, body string, given map[string]string) *template.Evaluation {
	t.Helper()
	parsed, err := template.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	values, err := parsed.Bind(given)
	if err != nil {
		t.Fatal(err)
	}
	evaluation, err := parsed.Evaluate(scope(values))
	if err != nil {
		t.Fatal(err)
	}
	return evaluation
}

const head = `
Parameters:
  Name: {Type: String, Default: blue}
  Zones: {Type: CommaDelimitedList, Default: "a, b,c"}
  Production: {Type: String, Default: "no"}
Mappings:
  Sizes:
    small: {Cpu: 256, Ports: [80, 443]}
Conditions:
  IsProduction: !Equals [!Ref Production, "yes"]
  IsNot: !Not [!Condition IsProduction]
  Either: !Or [{Condition: IsProduction}, !And [!Condition IsNot, !Equals [!Ref Name, blue]]]
Resources:
  Other: {Type: "AWS::SNS::Topic"}
  It:
    Type: AWS::SNS::Topic
    Properties:
      Value: `

func TestFunctions(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, expression string
		want             any
	}{
		{"scalar number", "007", "007"},
		{"scalar boolean", "true", "true"},
		{"boolean of YAML 1.1", "[yes, Off, 'yes', \"off\", !Ref Production]", []any{"true", "false", "yes", "off", "no"}},
		{"ref parameter", "!Ref Name", "blue"},
		{"ref list", "!Ref Zones", []any{"a", "b", "c"}},
		{"ref resource", "!Ref Other", "ref-Other"},
		{"ref long form", `{"Ref": "Other"}`, "ref-Other"},
		{"region", "!Ref AWS::Region", "us-west-2"},
		{"account", "!Ref AWS::AccountId", "123456789012"},
		{"partition", "!Ref AWS::Partition", "aws"},
		{"suffix", "!Ref AWS::URLSuffix", "amazonaws.com"},
		{"stack", "!Sub '${AWS::StackName} ${AWS::StackId}'", "stack stack-id"},
		{"notifications", "!Ref AWS::NotificationARNs", []any{"arn:topic"}},
		{"no value in a list", "[1, !Ref AWS::NoValue, 2]", []any{"1", "2"}},
		{"no value in a mapping", "{A: !Ref 'AWS::NoValue', B: x}", map[string]any{"B": "x"}},
		{"get attribute", "!GetAtt Other.Arn", "Other/Arn"},
		{"get nested attribute", "!GetAtt Other.Endpoint.Port", "Other/Endpoint.Port"},
		{"get attribute list", "!GetAtt [Other, !Ref Name]", "Other/blue"},
		{"get attribute long form", "{'Fn::GetAtt': [Other, Arn]}", "Other/Arn"},
		{"sub", "!Sub 'a-${Name}-${Other}-${Other.Arn}-${!literal}'", "a-blue-ref-Other-Other/Arn-${literal}"},
		{"sub with variables", "!Sub ['${X}-${Name}', {X: !GetAtt Other.Arn}]", "Other/Arn-blue"},
		{"join", "!Join ['-', [a, !Ref Name, !Ref Other]]", "a-blue-ref-Other"},
		{"join of a function", "!Join ['+', !Ref Zones]", "a+b+c"},
		{"split", "!Split ['/', !GetAtt Other.Arn]", []any{"Other", "Arn"}},
		{"select", "!Select [1, !Split ['/', !GetAtt Other.Arn]]", "Arn"},
		{"select of an attribute", "!Select ['0', !GetAtt Other.List]", "first"},
		{"if, not", "!If [IsProduction, a, b]", "b"},
		{"if, or and and", "!If [Either, !Ref Name, b]", "blue"},
		{"if no value", "{A: !If [IsProduction, x, !Ref 'AWS::NoValue']}", map[string]any{}},
		{"find in map", "!FindInMap [Sizes, small, Cpu]", "256"},
		{"find a list in a map", "!FindInMap [Sizes, !Sub small, Ports]", []any{"80", "443"}},
		{"import", "!ImportValue {'Fn::Sub': '${Name}:Mesh'}", "import-blue:Mesh"},
		{"import long form", "{'Fn::ImportValue': !Sub '${Name}:Mesh'}", "import-blue:Mesh"},
		{"base64", "!Base64 hello", "aGVsbG8="},
		{"zones", "!Select [1, !GetAZs '']", "us-west-2b"},
		{"cidr", "!Cidr ['10.0.0.0/16', 3, 8]", []any{"10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"}},
		{"a key called Condition", "{Condition: {StringEquals: {a: b}}}", map[string]any{
			"Condition": map[string]any{"StringEquals": map[string]any{"a": "b"}},
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			properties, err := evaluate(t, head+c.expression+"\n", nil).Properties("It", world{})
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(properties["Value"], c.want) {
				t.Errorf("%s\n got %#v\nwant %#v", c.expression, properties["Value"], c.want)
			}
		})
	}
}

func TestFunctionsAreRefused(t *testing.T) {
	t.Parallel()
	cases := []struct{ expression, want string }{
		{"!Select [9, !Ref Zones]", "Template error: Fn::Select cannot select nonexistent value at index 9"},
		{"!FindInMap [Sizes, large, Cpu]", "Template error: Unable to get mapping for Sizes::large::Cpu"},
		{"!FindInMap [Nothing, large, Cpu]", "Template error: Mapping named 'Nothing' is not present in the 'Mappings' section of template."},
		{"!Sub 'x${Zones}'", "Template error: variable Zones in Fn::Sub expression does not resolve to a string"},
		{"!Ref Nobody", "Template format error: Unresolved resource dependencies [Nobody] in the Resources block of the template"},
		{"!Sub '${Nobody}'", "Template format error: Unresolved resource dependencies [Nobody] in the Resources block of the template"},
		{"!GetAtt Nobody.Arn", "Template error: instance of Fn::GetAtt references undefined resource Nobody"},
		{"!If [Unknown, a, b]", "Template format error: Unresolved condition dependency Unknown in the Resources block of the template"},
		{"!ImportValue missing", "no export named missing"},
		{"!Ref It", "Circular dependency between resources: [It]"},
		{"{'Fn::Magic': x}", "Template format error: Encountered unsupported function: Fn::Magic Supported functions are: [Fn::And, " +
			"Fn::Base64, Fn::Cidr, Fn::Equals, Fn::FindInMap, Fn::GetAZs, Fn::GetAtt, Fn::If, Fn::ImportValue, Fn::Join, Fn::Not, " +
			"Fn::Or, Fn::Select, Fn::Split, Fn::Sub]"},
		{"!Magic x", "Template format error: YAML not well-formed. (line 18, column 14)"},
		{"!Cidr ['10.0.0.0/24', 4, 8]", "Template error: Fn::Cidr cannot make 4 blocks of /24 in 10.0.0.0/24"},
	}
	for _, c := range cases {
		t.Run(c.expression, func(t *testing.T) {
			t.Parallel()
			if got := failure(head+c.expression+"\n", nil); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// failure is the first error on the way from a template to the properties of It.
func failure(body string, given map[string]string) string {
	parsed, err := template.Parse(body)
	if err != nil {
		return err.Error()
	}
	values, err := parsed.Bind(given)
	if err != nil {
		return err.Error()
	}
	evaluation, err := parsed.Evaluate(scope(values))
	if err != nil {
		return err.Error()
	}
	if _, err = evaluation.Properties("It", world{}); err != nil {
		return err.Error()
	}
	return ""
}

func TestTemplatesAreRefused(t *testing.T) {
	t.Parallel()
	const topic = "Resources: {It: {Type: 'AWS::SNS::Topic'}}\n"
	cases := []struct{ name, body, want string }{
		{"prose", "no template at all", "Template format error: unsupported structure."},
		{"empty", "", "Template format error: unsupported structure."},
		{"yaml", "Resources:\n  A: [", "Template format error: YAML not well-formed. (line 2, column 1)"},
		{"json", "{\"Resources\": {\n  oops}}", "Template format error: JSON not well-formed. (line 2, column 3)"},
		{"duplicate", "Resources:\n  A: {Type: 'AWS::SNS::Topic'}\n  A: {Type: 'AWS::SNS::Topic'}", "Template format error: YAML not well-formed. (line 3, column 3)"},
		{"alias", "Metadata: {a: &x 1, b: *x}\n" + topic, "Template error: YAML aliases are not allowed in CloudFormation templates"},
		{"no resources", "Description: x", "Template format error: At least one Resources member must be defined."},
		{"section", "Resource: {}\n" + topic, "Invalid template property or properties [Resource]"},
		{"version", "AWSTemplateFormatVersion: 2011-01-01\n" + topic, "Template format error: 2011-01-01 is not a supported value for AWSTemplateFormatVersion."},
		{"transform", "Transform: AWS::Serverless-2016-10-31\n" + topic, "No transform named AWS::Serverless-2016-10-31 found."},
		{"no type", "Resources: {It: {Properties: {}}}", "Template format error: [/Resources/It] Every Resources object must contain a Type member."},
		{"null", "Resources:\n  It:\n    Type: AWS::SNS::Topic\n    Properties:", "Template format error: [/Resources/It/Properties] 'null' values are not allowed in templates"},
		{"member", "Resources: {It: {Type: 'AWS::SNS::Topic', Propertys: {}}}", "Invalid template resource property 'Propertys'"},
		{"name", "Resources: {my-it: {Type: 'AWS::SNS::Topic'}}", "Template format error: Resource name my-it is non alphanumeric."},
		{"depends", "Resources: {It: {Type: 'AWS::SNS::Topic', DependsOn: [Gone]}}", "Template format error: Unresolved resource dependencies [Gone] in the Resources block of the template"},
		{"policy", "Resources: {It: {Type: 'AWS::SNS::Topic', DeletionPolicy: Keep}}", "Template format error: Unrecognized DeletionPolicy Keep for resource It"},
		{"condition", "Resources: {It: {Type: 'AWS::SNS::Topic', Condition: Gone}}", "Template format error: Unresolved condition dependency Gone in the Resources block of the template"},
		{"condition on a resource", "Conditions: {C: !Equals [!Ref It, x]}\n" + topic, "Template format error: Unresolved dependencies [It]. Cannot reference resources in the Conditions block of the template"},
		{"conditions in a circle", "Conditions: {A: !Not [!Condition B], B: !Not [!Condition A]}\n" + topic, "Template format error: Circular dependency between conditions: [A]"},
		{"output", topic + "Outputs: {O: {Value: !Ref Gone}}", "Template format error: Unresolved resource dependencies [Gone] in the Outputs block of the template"},
		{"output without value", topic + "Outputs: {O: {Description: x}}", "Template format error: [/Outputs/O] Every Outputs member must contain a Value object"},
		{"parameter type", "Parameters: {P: {Type: Text}}\n" + topic, "Template format error: Unrecognized parameter type: Text"},
		{"circle", "Resources:\n  A: {Type: 'AWS::SNS::Topic', Properties: {X: !Ref B}}\n  B: {Type: 'AWS::SNS::Topic', DependsOn: It}\n  It: {Type: 'AWS::SNS::Topic', Properties: {X: !Sub '${A.Arn}'}}\n  D: {Type: 'AWS::SNS::Topic'}", "Circular dependency between resources: [A, B, It]"},
		{"reference to what is not wanted", "Conditions: {Never: !Equals [a, b]}\nResources:\n  A: {Type: 'AWS::SNS::Topic', Condition: Never}\n  It: {Type: 'AWS::SNS::Topic', Properties: {X: !Ref A}}", "Template format error: Unresolved resource dependencies [A] in the Resources block of the template"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := failure(c.body, nil); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestParameters(t *testing.T) {
	t.Parallel()
	body := func(declaration string) string {
		return "Parameters: {P: " + declaration + ", Q: {Type: String, Default: q}}\n" +
			"Resources: {It: {Type: 'AWS::SNS::Topic', Properties: {Value: !Ref P}}}\n"
	}
	cases := []struct{ name, declaration, value, want string }{
		{"allowed", "{Type: String, AllowedValues: [a, b]}", "b", ""},
		{"not allowed", "{Type: String, AllowedValues: [a, b]}", "c", "Parameter 'P' must be one of AllowedValues"},
		{"pattern", "{Type: String, AllowedPattern: '[a-z]+'}", "abc", ""},
		{"pattern is anchored", "{Type: String, AllowedPattern: '[a-z]+'}", "abc1", "Parameter 'P' must match pattern [a-z]+"},
		{"own words", "{Type: String, AllowedPattern: '[a-z]+', ConstraintDescription: only letters}", "1", "Parameter 'P' failed to satisfy constraint: only letters"},
		{"too short", "{Type: String, MinLength: 3}", "ab", "Parameter 'P' must contain at least 3 characters"},
		{"too long", "{Type: String, MaxLength: 3}", "abcd", "Parameter 'P' must contain at most 3 characters"},
		{"number", "{Type: Number, MinValue: 1, MaxValue: 65535}", "4567", ""},
		{"no number", "{Type: Number}", "http", "Parameter 'P' must be a number"},
		{"too small", "{Type: Number, MinValue: 1}", "0", "Parameter 'P' must be a number not less than 1"},
		{"too big", "{Type: Number, MaxValue: 2.5}", "3", "Parameter 'P' must be a number not greater than 2.5"},
		{"list of numbers", "{Type: List<Number>}", "1, x", "Parameter 'P' must be a number"},
		{"of a resource", "{Type: 'AWS::EC2::VPC::Id'}", "vpc-1", ""},
		{"stored", "{Type: 'AWS::SSM::Parameter::Value<String>'}", "/path", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := failure(body(c.declaration), map[string]string{"P": c.value}); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if got, want := failure(body("{Type: String}"), nil), "Parameters: [P] must have values"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	given := map[string]string{"P": "x", "Z": "1", "Y": "1"}
	if got, want := failure(body("{Type: String}"), given), "Parameters: [Y, Z] do not exist in the template"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestJSONAndYAMLAreTheSame(t *testing.T) {
	t.Parallel()
	written := `{
	"Parameters": {"Port": {"Type": "Number", "Default": 80}},
	"Resources": {"It": {"Type": "AWS::SNS::Topic", "Properties": {
		"Port": {"Ref": "Port"}, "On": true, "Name": {"Fn::Sub": "${AWS::Region}-x"}, "N": 12, "L": [1.50]}}}}`
	properties, err := evaluate(t, written, nil).Properties("It", world{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"Port": "80", "On": "true", "Name": "us-west-2-x", "N": "12", "L": []any{"1.50"}}
	if !reflect.DeepEqual(properties, want) {
		t.Errorf("got %#v", properties)
	}
}

func TestOrderConditionsAndOutputs(t *testing.T) {
	t.Parallel()
	body := `
Parameters: {Extra: {Type: String, Default: "no"}, Env: {Type: String, Default: blue}}
Conditions: {WithExtra: !Equals [!Ref Extra, "yes"]}
Resources:
  Base: {Type: "AWS::SNS::Topic"}
  Optional: {Type: "AWS::SNS::Topic", Condition: WithExtra}
  Top:
    Type: AWS::SNS::Topic
    DependsOn: [Base, Optional]
    Properties:
      A: !If [WithExtra, !Ref Optional, !GetAtt Base.Arn]
      B: !ImportValue {'Fn::Sub': '${Env}:Mesh'}
      C: !If [WithExtra, !ImportValue never, x]
Outputs:
  Always: {Value: !Ref Top, Description: it is, Export: {Name: !Sub '${Env}:Top'}}
  Sometimes: {Condition: WithExtra, Value: !Ref Optional}
`
	without := evaluate(t, body, nil)
	if got := without.Resources(); !reflect.DeepEqual(got, []string{"Base", "Top"}) {
		t.Errorf("resources %v", got)
	}
	if got := without.Dependencies("Top"); !reflect.DeepEqual(got, []string{"Base"}) {
		t.Errorf("dependencies %v", got)
	}
	imports, err := without.Imports()
	if err != nil || !reflect.DeepEqual(imports, []string{"blue:Mesh"}) {
		t.Errorf("imports %v, %v", imports, err)
	}
	outputs, err := without.Outputs(world{})
	want := []template.OutputValue{{Key: "Always", Description: "it is", Value: "ref-Top", Export: "blue:Top"}}
	if err != nil || !reflect.DeepEqual(outputs, want) {
		t.Errorf("outputs %v, %v", outputs, err)
	}
	with := evaluate(t, body, map[string]string{"Extra": "yes"})
	if got := with.Dependencies("Top"); !reflect.DeepEqual(got, []string{"Base", "Optional"}) {
		t.Errorf("dependencies %v", got)
	}
	if with.Fingerprint() == without.Fingerprint() {
		t.Error("another condition leaves the fingerprint as it was")
	}
	if evaluate(t, body, nil).Fingerprint() != without.Fingerprint() {
		t.Error("the same template has another fingerprint")
	}
}
