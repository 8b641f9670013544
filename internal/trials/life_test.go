package trials

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/sandbox/fault"
)

// life is one random rollout: what is deployed, how, what goes wrong, who asks what,
// and where drivers die.
type life struct {
	seed         uint64
	service, tag string
	empty        bool
	attended     bool
	set          []string
	plan         string
	commands     []timed
	// crashes are the writes to the journal at which drivers die, each counted from the
	// beginning of its driver.
	crashes []int
}

type timed struct {
	at   time.Duration
	kind engine.CommandKind
}

// String is a life in a line.
func (l life) String() string {
	return fmt.Sprintf("%s:%s empty=%v attended=%v %v\n  plan %s\n  commands %v, crashes %v",
		l.service, l.tag, l.empty, l.attended, l.set, l.plan, l.commands, l.crashes)
}

// good tells whether nothing is wrong with the canary.
func (l life) good() bool {
	return l.tag == "fixed" || l.tag == "2" || l.tag == "1" || l.tag == "slow"
}

// faults is the plan of a life, which spares the observer.
func (l life) faults() (*fault.Plan, error) {
	plan, err := fault.Parse(l.plan)
	if err == nil {
		plan.Spares = observer
	}
	return plan, err
}

// drawn draws from a source.
type drawn struct{ *rand.Rand }

func (d drawn) one(of ...string) string { return of[d.IntN(len(of))] }

func (d drawn) chance(p float64) bool { return d.Float64() < p }

// newLife draws the life of a seed.
func newLife(seed uint64) life {
	d := drawn{rand.New(rand.NewPCG(seed, 0x5e41))}
	l := life{seed: seed, service: "yelb-appserver", attended: d.chance(0.3)}
	l.tag = d.one("fixed", "fixed", "fixed", "late", "flaky", "slow", "crash", "wrongport")
	if d.chance(0.25) {
		l.service, l.tag = d.one("yelb-redisserver", "yelb-db"), d.one("2", "2", "crash", "late")
	}
	l.empty = d.chance(0.15)
	l.set = d.settings(l.service == "yelb-appserver")
	l.plan = d.plan()
	for range d.IntN(4) {
		kinds := engine.CommandKinds()
		l.commands = append(l.commands, timed{time.Duration(d.IntN(400)) * time.Second, kinds[d.IntN(len(kinds))]})
	}
	for d.chance(0.4) && len(l.crashes) < 3 {
		l.crashes = append(l.crashes, 1+d.IntN(40))
	}
	return l
}

func (d drawn) settings(http bool) []string {
	set := []string{"ProgressDeadline=" + d.one("120", "300", "900")}
	switch d.IntN(4) {
	case 0:
		set = append(set, `Steps=[{"Weight":10,"Hold":30},{"Gate":"QA","Timeout":90,"OnTimeout":"`+d.one("rollback", "promote")+`"},{"Weight":60,"Hold":20}]`)
	case 1:
		set = append(set, "PercentageStep="+d.one("25", "100"))
	}
	if d.chance(0.3) {
		set = append(set, "BakeTime="+d.one("0", "5", "90"))
	}
	if http {
		set = append(set, "OnNoData="+d.one("pass", "hold", "fail"), "MinimumRequests="+d.one("0", "0", "3"))
	}
	return set
}

// operations are what a rollout calls.
var operations = []string{
	"appmesh:*", "appmesh:DescribeRoute", "appmesh:UpdateRoute", "appmesh:CreateRoute", "appmesh:DeleteRoute",
	"cloudformation:*", "cloudformation:CreateStack", "cloudformation:DeleteStack", "cloudformation:DescribeStacks",
	"cloudformation:DescribeStackEvents", "cloudwatch:GetMetricData", "ecs:*", "ecs:DescribeServices", "ecs:DescribeTasks",
	"ecs:ListTasks", "cloudmap:*", "ssm:*", "ssm:PutParameter", "ssm:GetParameter", "*:*",
}

// plan draws up to five rules, which end within half an hour.
func (d drawn) plan() string {
	rules := []string{fmt.Sprintf("seed=%d,for=%s", d.Uint32(), d.one("2m", "10m", "30m"))}
	for range 1 + d.IntN(5) {
		rules = append(rules, d.rule())
	}
	return strings.Join(rules, ",")
}

func (d drawn) rule() string {
	switch {
	case d.chance(0.12):
		return d.one("stack:*-"+canarySha, "stack:*", "stack:*-yelb-*") + d.one("", "#1", "#1-2", "@0.5") + "=" +
			d.one("fail", "rollback", "delete_failed", "delete_failed")
	case d.chance(0.15):
		return d.one("metric:*", "metric:*-"+canarySha) + d.one("", "@0.3", "#2-5", "@0.7") + "=" +
			d.one("late:30s", "late:5m", "missing", "partial", "duplicated", "nan")
	}
	when := d.one("#1", "#2", "#3-6", "#2-", "#1-40", "@0.02", "@0.1", "@0.3", "@0.6")
	kind := d.one("throttle", "500", "503", "reset", "lose", "lose", "hang", "stale:3s", "stale:2", "stale:20s", "expired", "denied")
	return operations[d.IntN(len(operations))] + when + "=" + kind
}

// TestLivesHaveEveryFault finds in the plans of everyday's seeds every kind of fault, by its
// number and by a probability, and in the lives every kind of command and of service.
func TestLivesHaveEveryFault(t *testing.T) {
	missing := map[string]bool{"an empty region": true, "a canary of tcp": true, "somebody who attends": true}
	for _, kind := range fault.Kinds() {
		missing[string(kind)+" by number"], missing[string(kind)+" by probability"] = true, true
	}
	for _, kind := range engine.CommandKinds() {
		missing[string(kind)] = true
	}
	drawn := func(what string, is bool) {
		if is {
			delete(missing, what)
		}
	}
	for n := range uint64(1000) {
		l := newLife(n + 1)
		plan, err := l.faults()
		if err != nil {
			t.Fatalf("seed %d: %v", l.seed, err)
		}
		drawn("an empty region", l.empty)
		drawn("a canary of tcp", l.service != "yelb-appserver")
		drawn("somebody who attends", l.attended)
		for _, rule := range plan.Rules {
			drawn(string(rule.Kind)+" by number", rule.Calls.First > 1 || rule.Calls.Last < 1000)
			drawn(string(rule.Kind)+" by probability", rule.Probability < 1)
		}
		for _, command := range l.commands {
			drawn(string(command.kind), true)
		}
	}
	for what := range missing {
		t.Errorf("no life has %s", what)
	}
}
