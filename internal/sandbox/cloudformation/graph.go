package cloudformation

import "slices"

// graph is work in an order: each name with the names whose work must be done first.
// Names that are not in the graph are done already.
type graph map[string][]string

// reversed is the order in which what was made in the graph's order is taken apart.
func (g graph) reversed() graph {
	turned := make(graph, len(g))
	for name := range g {
		turned[name] = nil
	}
	for name, needs := range g {
		for _, need := range needs {
			if _, within := g[need]; within {
				turned[need] = append(turned[need], name)
			}
		}
	}
	return turned
}

// run performs every name's work, as much in parallel as the order allows, and returns
// when all that was begun has ended. What needs work that failed is not begun, and
// nothing is begun once stopped says so. perform reports success; run reports whether
// all was begun and succeeded.
func (g graph) run(perform func(name string) bool, stopped func() bool) bool {
	type ending struct {
		name string
		done bool
	}
	endings := make(chan ending)
	begun, done := make(map[string]bool), make(map[string]bool)
	running, succeeded := 0, 0
	begin := func() {
		for name, needs := range g {
			if begun[name] || stopped() || slices.ContainsFunc(needs, func(need string) bool {
				_, within := g[need]
				return within && !done[need]
			}) {
				continue
			}
			begun[name] = true
			running++
			go func() { endings <- ending{name, perform(name)} }()
		}
	}
	for begin(); running > 0; begin() {
		ended := <-endings
		running--
		if done[ended.name] = ended.done; ended.done {
			succeeded++
		}
	}
	return succeeded == len(g)
}
