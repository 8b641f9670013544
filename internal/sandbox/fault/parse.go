package fault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Error is a plan that cannot be: the field, its value, what is wrong with it and what
// to write instead.
type Error struct {
	// Where is the rule, or the file, that is wrong.
	Where               string
	Field, Value        string
	Problem, Correction string
}

// Error is all of it in one line.
func (e *Error) Error() string {
	said := "fault"
	if e.Where != "" {
		said += " " + strconv.Quote(e.Where)
	}
	return fmt.Sprintf("%s: %s %q %s: %s", said, e.Field, e.Value, e.Problem, e.Correction)
}

// Load reads a plan from a text as Parse knows it, or from the file of that name: JSON,
// or such a text with any white space for the commas. What has no "=" in it is a file.
func Load(fileOrText string) (*Plan, error) {
	if strings.Contains(fileOrText, "=") {
		return Parse(fileOrText)
	}
	raw, err := os.ReadFile(fileOrText)
	if err != nil {
		return nil, fmt.Errorf("fault plan: %w", err)
	}
	plan, err := parseFile(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fileOrText, err)
	}
	return plan, nil
}

func parseFile(raw []byte) (*Plan, error) {
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		return parseJSON(raw)
	}
	return Parse(strings.Join(strings.FieldsFunc(string(raw), func(r rune) bool {
		return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r'
	}), ","))
}

// Parse reads a plan from a text of rules and settings with commas between them:
//
//	rule    = target [ "#" calls ] [ "@" probability ] "=" kind [ ":" amount ]
//	target  = service ":" operation / "stack:" name / "metric:" name
//	calls   = number / number "-" [ number ]
//	setting = "seed=" number / "for=" duration
//
// as in appmesh:UpdateRoute#2=throttle,cloudwatch:*@0.2=500,seed=7. What is wrong is an
// *Error.
func Parse(text string) (*Plan, error) {
	plan := &Plan{}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		if err := plan.add(part); err != nil {
			return nil, err
		}
	}
	if len(plan.Rules) == 0 {
		return nil, &Error{
			Field: "plan", Value: text, Problem: "has no rule",
			Correction: "write one, such as appmesh:UpdateRoute#2=throttle",
		}
	}
	return plan, nil
}

func (p *Plan) add(part string) error {
	left, right, found := strings.Cut(part, "=")
	if !found {
		return &Error{Where: part, Field: "rule", Value: part, Problem: "says not what goes wrong", Correction: "write target=kind, such as " + part + "=500"}
	}
	switch left {
	case "seed":
		seed, err := strconv.ParseUint(right, 10, 64)
		if err != nil {
			return &Error{Where: part, Field: "seed", Value: right, Problem: "is not a whole number", Correction: "write 0 or more"}
		}
		p.Seed = seed
		return nil
	case "for":
		lasts, err := positive(right)
		if err != nil {
			return &Error{Where: part, Field: "for", Value: right, Problem: "is not a time", Correction: "write a duration, such as 10m"}
		}
		p.For = lasts
		return nil
	}
	draft := draft{where: part}
	left, draft.Probability, _ = strings.Cut(left, "@")
	draft.On, draft.Calls, _ = strings.Cut(left, "#")
	draft.Fault, draft.By, _ = strings.Cut(right, ":")
	rule, err := draft.rule()
	if err == nil {
		p.Rules = append(p.Rules, rule)
	}
	return err
}

// draft is a rule as it was written.
type draft struct {
	On          string      `json:"on"`
	Calls       string      `json:"calls"`
	Probability string      `json:"-"`
	Odds        json.Number `json:"probability"`
	Fault       string      `json:"fault"`
	By          string      `json:"by"`

	where string
}

// wrong is an error about a field of the rule.
func (d draft) wrong(field, value, problem, correction string) error {
	return &Error{Where: d.where, Field: field, Value: value, Problem: problem, Correction: correction}
}

func (d draft) rule() (Rule, error) {
	rule := Rule{Calls: always, Probability: 1}
	for _, read := range []func(*Rule) error{d.target, d.calls, d.probability, d.kind, d.amount} {
		if err := read(&rule); err != nil {
			return Rule{}, err
		}
	}
	return rule, nil
}

func (d draft) target(rule *Rule) error {
	service, name, found := strings.Cut(d.On, ":")
	if !found || name == "" {
		return d.wrong("target", d.On, "names no operation", "write service:operation, stack:name or metric:name, with * for any")
	}
	if service != stacks && service != metrics {
		scope, known := scopes[service]
		if !known {
			names := slices.Sorted(maps.Keys(scopes))
			return d.wrong("service", service, "is none of the sandbox's",
				"write stack, metric or one of "+strings.Join(names, ", "))
		}
		service = scope
	}
	rule.Target = Target{Service: service, Name: name}
	return nil
}

func (d draft) calls(rule *Rule) error {
	if d.Calls == "" {
		return nil
	}
	first, last, isRange := strings.Cut(d.Calls, "-")
	from, err := strconv.Atoi(first)
	to := from
	switch {
	case isRange && last == "":
		to = always.Last
	case isRange && err == nil:
		to, err = strconv.Atoi(last)
	}
	if err != nil || from < 1 || to < from {
		return d.wrong("calls", d.Calls, "are not numbers of calls", "write 2, 2-4 or 2-, counted from 1")
	}
	rule.Calls = Range{First: from, Last: to}
	return nil
}

func (d draft) probability(rule *Rule) error {
	if d.Probability == "" {
		return nil
	}
	odds, err := strconv.ParseFloat(d.Probability, 64)
	if err != nil || !(odds > 0 && odds <= 1) {
		return d.wrong("probability", d.Probability, "is not a probability", "write a number above 0 and up to 1, such as 0.2")
	}
	rule.Probability = odds
	return nil
}

func (d draft) kind(rule *Rule) error {
	rule.Kind = Kind(d.Fault)
	possible := family(rule.Target.Service)
	if slices.Contains(possible, rule.Kind) {
		return nil
	}
	names := make([]string, len(possible))
	for i, kind := range possible {
		names[i] = string(kind)
	}
	return d.wrong("fault", d.Fault, "cannot happen to "+d.On, "write one of "+strings.Join(names, ", "))
}

func (d draft) amount(rule *Rule) error {
	rule.Ago = defaults[rule.Kind]
	if d.By == "" {
		return nil
	}
	if rule.Ago == 0 {
		return d.wrong("amount", d.By, "means nothing to "+d.Fault, "leave it out; stale and late have one")
	}
	if back, err := strconv.Atoi(d.By); err == nil && back > 0 && rule.Kind == Stale {
		rule.Ago, rule.Back = 0, back
		return nil
	}
	ago, err := positive(d.By)
	if err != nil {
		return d.wrong("amount", d.By, "is not an age", "write a duration such as 5s, or for stale a number of calls such as 3")
	}
	rule.Ago = ago
	return nil
}

func positive(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err == nil && d <= 0 {
		err = errors.New("not positive")
	}
	return d, err
}
