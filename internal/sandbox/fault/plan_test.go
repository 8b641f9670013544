package fault

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	plan, err := Parse("appmesh:UpdateRoute#2=throttle, cloudwatch:GetMetricData@0.2=500,cloudformation:*@0.05=lose," +
		"ssm:*#3-=denied,cloudmap:*#2-4@0.5=stale:3,ecs:*=stale,stack:*-9bd0417e#1=delete_failed,metric:*=late:30s,seed=7,for=10m")
	wanted := &Plan{Seed: 7, For: 10 * time.Minute, Rules: []Rule{
		{Target: Target{"appmesh", "UpdateRoute"}, Calls: Range{2, 2}, Probability: 1, Kind: Throttle},
		{Target: Target{"monitoring", "GetMetricData"}, Calls: always, Probability: 0.2, Kind: Internal},
		{Target: Target{"cloudformation", "*"}, Calls: always, Probability: 0.05, Kind: Lose},
		{Target: Target{"ssm", "*"}, Calls: Range{3, always.Last}, Probability: 1, Kind: Denied},
		{Target: Target{"servicediscovery", "*"}, Calls: Range{2, 4}, Probability: 0.5, Kind: Stale, Back: 3},
		{Target: Target{"ecs", "*"}, Calls: always, Probability: 1, Kind: Stale, Ago: 5 * time.Second},
		{Target: Target{"stack", "*-9bd0417e"}, Calls: Range{1, 1}, Probability: 1, Kind: DeleteFailed},
		{Target: Target{"metric", "*"}, Calls: always, Probability: 1, Kind: Late, Ago: 30 * time.Second},
	}}
	if err != nil || !reflect.DeepEqual(plan, wanted) {
		t.Errorf("%+v, %v\nwant %+v", plan, err, wanted)
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for text, words := range map[string]string{
		"":                          `plan "" has no rule`,
		"seed=7":                    `has no rule: write one`,
		"appmesh:UpdateRoute":       `says not what goes wrong: write target=kind, such as appmesh:UpdateRoute=500`,
		"seed=x,ecs:*=500":          `fault "seed=x": seed "x" is not a whole number: write 0 or more`,
		"for=-1s,ecs:*=500":         `for "-1s" is not a time`,
		"UpdateRoute=500":           `target "UpdateRoute" names no operation: write service:operation`,
		"route53:*=500":             `service "route53" is none of the sandbox's: write stack, metric or one of *, appmesh`,
		"ecs:*#0=500":               `calls "0" are not numbers of calls: write 2, 2-4 or 2-`,
		"ecs:*#4-2=500":             `calls "4-2"`,
		"ecs:*#a-=500":              `calls "a-"`,
		"ecs:*@1.5=500":             `probability "1.5" is not a probability: write a number above 0 and up to 1`,
		"ecs:*@nan=500":             `probability "nan"`,
		"ecs:*=explode":             `fault "explode" cannot happen to ecs:*: write one of throttle, 500, 503`,
		"metric:*=throttle":         `cannot happen to metric:*: write one of late, missing`,
		"stack:*=nan":               `cannot happen to stack:*: write one of fail, rollback, delete_failed`,
		"ecs:*=500:3s":              `amount "3s" means nothing to 500`,
		"ecs:*=stale:soon":          `amount "soon" is not an age`,
		"metric:*=late:3,ecs:*=500": `amount "3" is not an age`,
	} {
		_, err := Parse(text)
		if _, is := errors.AsType[*Error](err); !is || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v\nwant %s", text, err, words)
		}
	}
}

func TestLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plan.json")
	load := func(content string) (*Plan, error) {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load(file)
	}
	inText, err := Parse("ecs:*#2-4@0.2=stale:5s,ssm:*=500,seed=7,for=10m")
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{
		`{"seed": 7, "for": "10m", "rules": [{"on": "ecs:*", "calls": "2-4", "probability": 0.2, "fault": "stale", "by": "5s"},
			{"on": "ssm:*", "fault": "500"}]}`,
		"ecs:*#2-4@0.2=stale:5s\nssm:*=500\n\nseed=7 for=10m\n",
	} {
		if plan, err := load(content); err != nil || !reflect.DeepEqual(plan, inText) {
			t.Errorf("%s: %+v, %v", content, plan, err)
		}
	}
	for content, words := range map[string]string{
		`{"rules": []}`:          `rules "[]" is empty`,
		`{"seed": 7, "rule": 1}`: `fault "plan": key "rule" is not known here: write one of seed, for, rules`,
		`{"rules": [{"on": "ecs:*", "fault": "500"}, {"on": "ecs:*", "kind": "500"}]}`: `fault "rules[1]": key "kind" is not known here: write one of on, calls, probability, fault, by`,
		`{"rules": [{"on": "ecs:*", "fault": 500}]}`:                                   "fault rules[0]: json",
		`{"rules": {}}`: "fault plan: json",
		`{"rules": [{"on": "ecs:*", "fault": "500"}]} more`:              "after its closing brace",
		`{"for": "x", "rules": []}`:                                      `for "x"`,
		`{"rules": [{"on": "ecs:*", "fault": "500", "probability": 2}]}`: `fault "rules[0]": probability "2"`,
	} {
		if _, err := load(content); err == nil || !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", content, err)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"UpdateRoute", "UpdateRoute", true},
		{"UpdateRoute", "UpdateRoutes", false},
		{"*", "", true},
		{"Describe*", "DescribeRoute", true},
		{"*Route", "DescribeRoute", true},
		{"*Route", "DescribeRoutes", false},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "acb", false},
		{"ab*bc", "abc", false},
		{"**", "x", true},
	} {
		if got := matches(c.pattern, c.text); got != c.want {
			t.Errorf("%s and %s: %v", c.pattern, c.text, got)
		}
	}
}

func TestDrawsFollowFromTheSeed(t *testing.T) {
	drawn := func(seed uint64) (fired []int) {
		plan := Plan{Seed: seed, Rules: []Rule{{Target: Target{"ecs", "*"}, Calls: always, Probability: 0.3, Kind: Internal}}}
		injector := &Injector{plan: plan, began: time.Now(), counts: map[string]int{}}
		for call := range 1000 {
			if _, found := injector.next("", func(Rule) bool { return true }); found {
				fired = append(fired, call)
			}
		}
		return fired
	}
	one, again, other := drawn(1), drawn(1), drawn(2)
	if !reflect.DeepEqual(one, again) || reflect.DeepEqual(one, other) {
		t.Error("the draws do not follow from the seed")
	}
	if len(one) < 240 || len(one) > 360 {
		t.Errorf("%d of 1000 calls at a probability of 0.3", len(one))
	}
}
