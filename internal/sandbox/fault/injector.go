package fault

import (
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"serin/internal/sandbox/wire"
)

// Injector carries a plan out. It is safe for concurrent use.
type Injector struct {
	plan  Plan
	began time.Time

	mu sync.Mutex
	// counts are the calls that each rule has seen, by what it counts.
	counts map[string]int
	// past are the answers of reads, oldest first.
	past map[string][]answer
}

// NewInjector carries a plan out from now on. It fails when a rule is for an operation
// that none of the services has.
func NewInjector(plan Plan, services []wire.Service) (*Injector, error) {
	for _, rule := range plan.Rules {
		if err := rule.check(services); err != nil {
			return nil, err
		}
	}
	return &Injector{
		plan: plan, began: time.Now(), counts: make(map[string]int), past: make(map[string][]answer),
	}, nil
}

// check finds the operation that a rule is for.
func (r Rule) check(services []wire.Service) error {
	if r.Target.Service == stacks || r.Target.Service == metrics {
		return nil
	}
	for _, service := range services {
		for _, operation := range service.Operations {
			if r.Target.is(service.Scope, operation.Name) {
				return nil
			}
		}
	}
	return &Error{
		Where: r.Target.Service + ":" + r.Target.Name, Field: "operation", Value: r.Target.Name,
		Problem: "is none that the sandbox has", Correction: "write one as AWS does, such as UpdateRoute, or *",
	}
}

func (t Target) is(service, name string) bool {
	return (t.Service == service || t.Service == "*") && matches(t.Name, name)
}

// matches tells whether a text is like a pattern, in which * stands for any characters.
func matches(pattern, text string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == text
	}
	if !strings.HasPrefix(text, first) {
		return false
	}
	text = text[len(first):]
	parts := strings.Split(rest, "*")
	last := parts[len(parts)-1]
	for _, part := range parts[:len(parts)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return strings.HasSuffix(text, last)
}

// next counts a call for every rule that is for it and returns the first that applies.
// counted is what the rules count it as.
func (i *Injector) next(counted string, isFor func(Rule) bool) (Rule, bool) {
	var chosen Rule
	found := false
	i.mu.Lock()
	defer i.mu.Unlock()
	for n, rule := range i.plan.Rules {
		if !isFor(rule) {
			continue
		}
		key := strconv.Itoa(n) + " " + counted
		i.counts[key]++
		if !found && !i.over() && rule.Calls.has(i.counts[key]) && i.draw(key, i.counts[key]) < rule.Probability {
			chosen, found = rule, true
		}
	}
	return chosen, found
}

func (i *Injector) over() bool {
	return i.plan.For > 0 && time.Since(i.began) >= i.plan.For
}

// draw is a number in [0, 1) that follows from the seed, the rule and the number of the
// call: calls that come at once in another order are drawn for as before.
func (i *Injector) draw(key string, call int) float64 {
	digest := fnv.New64a()
	_, _ = digest.Write([]byte(key))
	return rand.New(rand.NewPCG(i.plan.Seed^digest.Sum64(), uint64(call))).Float64()
}
