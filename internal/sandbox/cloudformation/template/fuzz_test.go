package template_test

import (
	"errors"
	"strings"
	"testing"

	"serin/internal/sandbox/cloudformation/template"
)

// FuzzTemplate feeds texts that are hardly templates: whatever they are, reading and
// evaluating them ends with a result or an error in CloudFormation's words.
func FuzzTemplate(f *testing.F) {
	f.Add(head + "!Sub ['${X}-${Name}', {X: !GetAtt Other.Arn}]\n")
	f.Add(head + "!Select [1, !Split ['/', !GetAtt Other.Arn]]\nOutputs: {O: {Value: !Ref It, Export: {Name: x}}}\n")
	f.Add(head + "!If [Either, !FindInMap [Sizes, small, Ports], !Ref AWS::NoValue]\n")
	f.Add(head + "!Cidr ['10.0.0.0/16', 3, 8]\n")
	f.Add(head + "!ImportValue {'Fn::Sub': '${Name}:Mesh'}\n")
	f.Add(`{"Resources": {"It": {"Type": "A::B::C", "DependsOn": ["It"], "Properties": {"Fn::If": ["a", {}, []]}}}}`)
	f.Fuzz(func(t *testing.T, body string) {
		parsed, err := template.Parse(body)
		if err != nil {
			if _, ours := errors.AsType[*template.Error](err); !ours || strings.TrimSpace(err.Error()) == "" {
				t.Errorf("not CloudFormation's error: %v", err)
			}
			return
		}
		values, err := parsed.Bind(nil)
		if err != nil {
			return
		}
		evaluation, err := parsed.Evaluate(scope(values))
		if err != nil {
			return
		}
		if evaluation.Fingerprint() == "" {
			t.Error("no fingerprint")
		}
		_, importErr := evaluation.Imports()
		_, outputErr := evaluation.Outputs(world{})
		for _, name := range evaluation.Resources() {
			_, err := evaluation.Properties(name, world{})
			for _, needed := range evaluation.Dependencies(name) {
				if needed == name {
					t.Errorf("%s needs itself: %v, %v, %v", name, err, importErr, outputErr)
				}
			}
		}
	})
}
