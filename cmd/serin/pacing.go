package main

import (
	"context"
	"slices"
	"strings"

	"serin/internal/ui/guide"
	uiscene "serin/internal/ui/scene"
)

// pace is how fast an image is rolled out in the demo, for 20 visitors a second.
type pace struct{ wait, threshold string }

// settings are those of a pace; the post's times stay as they are.
func (p pace) settings(realTime bool) []string {
	if realTime {
		return []string{p.threshold}
	}
	return []string{p.wait, p.threshold}
}

// With the usual pace some 40 s pass before :flaky, with its 5 of a hundred, comes to the
// threshold, which leaves time to pause it; and what a busy machine times out fails no
// canary. :wrongport fails every request, and would be gone before anybody has seen a page
// without votes: it comes to its threshold after some 25 s, all of them in the first step.
var (
	usualPace     = pace{"WaitTime=8", "FailureThresholdValue=20"}
	wrongPortPace = pace{"WaitTime=40", "FailureThresholdValue=100"}
)

// pacing is the demo's host: it has every order of the demo's service rolled out at the
// pace that suits its image, whatever the one before had. What was typed goes before it.
type pacing struct {
	uiscene.Host
	flags *demoFlags
}

// Propose implements scene.Host.
func (p pacing) Propose(ctx context.Context, order uiscene.Order) (uiscene.Proposal, error) {
	return p.Host.Propose(ctx, p.paced(order))
}

// Deploy implements scene.Host.
func (p pacing) Deploy(ctx context.Context, order uiscene.Order) error {
	return p.Host.Deploy(ctx, p.paced(order))
}

func (p pacing) paced(order uiscene.Order) uiscene.Order {
	if order.Service != guide.Service || order.File != "" {
		return order
	}
	its := usualPace
	if order.Image == guide.WrongPort || strings.HasSuffix(order.Image, "/"+guide.WrongPort) {
		its = wrongPortPace
	}
	order.Set = slices.Concat(its.settings(p.flags.realTime), p.flags.set, order.Set)
	return order
}
