package aws

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// TestARouteIsGivenBackByHand: the command changes the weights of the versions and nothing
// else; what no foreign target has goes to the one that it names. Where the record tells no
// version, or two of them, there is a command for each.
func TestARouteIsGivenBackByHand(t *testing.T) {
	mesh := meshWith(at("yelb-appserver-aaaa", 40), at("yelb-appserver-bbbb", 50), at("yelb-appserver-legacy-x", 10))
	made := func(image string) *stackFake {
		stack := stackIn(types.StackStatusCreateComplete)
		stack.Parameters = []types.Parameter{{ParameterKey: aws.String("ContainerImage"), ParameterValue: &image}}
		return &stackFake{stack: stack}
	}
	for name, stacks := range map[string]*stackFake{"nobody runs it": {}, "both run it": made("yelb:1")} {
		t.Run(name, func(t *testing.T) {
			hand := &ByHand{router: mesh.router(), stacks: stacks.stacks(), versions: (&parameterFake{values: []string{"yelb:1"}}).versions()}
			lines, err := hand.Lines(t.Context(), appserver(), true)
			if err != nil || len(lines) != 4 {
				t.Fatalf("it says %q, %v", lines, err)
			}
			said := strings.Join(lines, "\n")
			for _, want := range []string{
				"yelb-appserver-aaaa 40, yelb-appserver-bbbb 50, yelb-appserver-legacy-x 10", "yelb:1, version 1 of the record",
				"to give all of it to yelb-appserver-bbbb: aws appmesh update-route --mesh-name ecs-blogpost --virtual-router-name yelb-appserver-vr" +
					" --route-name yelb-appserver-route --region us-west-2 --profile 'dev' --spec '{",
				`[{"virtualNode":"yelb-appserver-aaaa","weight":90},{"virtualNode":"yelb-appserver-bbbb","weight":0},{"virtualNode":"yelb-appserver-legacy-x","weight":10}]`,
				`"name":"x-tenant"`, `"priority":7`,
			} {
				if !strings.Contains(said, want) {
					t.Errorf("it says nothing of %q:\n%s", want, said)
				}
			}
		})
	}
	whole := meshWith(at("yelb-appserver-aaaa", 100))
	hand := &ByHand{router: whole.router(), stacks: made("yelb:1").stacks(), versions: (&parameterFake{values: []string{"yelb:1"}}).versions()}
	if lines, err := hand.Lines(t.Context(), appserver(), true); err != nil || len(lines) > 0 {
		t.Errorf("of a route that nobody shares it says %q, %v", lines, err)
	}
	if lines, err := hand.Lines(t.Context(), appserver(), false); err != nil || !strings.Contains(strings.Join(lines, "\n"), "that is yelb-appserver-aaaa") {
		t.Errorf("of a version that the record tells it says %q, %v", lines, err)
	}
}
