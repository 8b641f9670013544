package ui

import (
	"context"
	"errors"
	"strings"
	"testing"

	"serin/internal/engine"
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
)

// goingBack is a host whose history has one rollout of a service; what is asked of it is
// noted.
func goingBack(asked, started *[]scene.Order) *host {
	h := deploying(started)
	propose := h.propose
	h.propose = func(ctx context.Context, order scene.Order) (scene.Proposal, error) {
		*asked = append(*asked, order)
		order.Image = "yelb-ui:planted"
		proposal, err := propose(ctx, order)
		proposal.Service = order.Service
		if order.Fast {
			proposal.Plan = engine.Plan{Steps: []engine.Step{{Weight: 100, Bake: true}}}
		}
		return proposal, err
	}
	h.history = func(context.Context, string) ([]scene.Past, error) {
		key := engine.Key{Service: "yelb-ui"}
		return []scene.Past{{Header: engine.Header{ID: "r1", Key: key}, Rollout: &engine.Rollout{ID: "r1", Key: key, Outcome: engine.Succeeded}}}, nil
	}
	return h
}

func TestGoingBack(t *testing.T) {
	var asked, started []scene.Order
	rig := newRig(t, goingBack(&asked, &started))
	rig.press("b")
	rig.says("version before: only on the page history")
	rig.press("h", "b")
	if title := rig.dialog().title; title != "Take yelb-ui back to the version before?" {
		t.Fatalf("the dialog is %q", title)
	}
	rig.press("enter")
	rig.noDialog()
	rig.press("b", "shift+tab", "checkout is slow", "tab", "f")
	if plan := strings.Join(rig.dialog().lines, "\n"); !strings.Contains(plan, "steps 100 % bake") || !strings.Contains(plan, "yelb-ui:planted") {
		t.Fatalf("the plan is %q", plan)
	}
	rig.press("s", "f", "y")
	rig.noDialog()
	rig.showsPage(screen.Detail)
	if len(asked) != 5 || !asked[0].Previous || asked[0].Image != "" || asked[0].Fast || !asked[4].Fast {
		t.Errorf("asked for %+v", asked)
	}
	if len(started) != 1 {
		t.Fatalf("started %+v", started)
	}
	got := started[0]
	if !got.Previous || !got.Fast || got.Service != "yelb-ui" || got.Image != "yelb-ui:planted" || got.Sha != "9bd0417e" || got.Reason != "checkout is slow" {
		t.Errorf("started %+v", got)
	}
}

// A service that cannot go back says why, and nothing is typed in vain.
func TestGoingBackIsRefused(t *testing.T) {
	var asked, started []scene.Order
	h := goingBack(&asked, &started)
	h.propose = func(context.Context, scene.Order) (scene.Proposal, error) {
		return scene.Proposal{}, errors.New("it has no version before")
	}
	rig := newRig(t, h)
	rig.press("h", "b")
	if d := rig.dialog(); d.fault != "it has no version before" {
		t.Fatalf("the dialog says %q", d.fault)
	}
	rig.press("y", "f")
	if len(started) != 0 {
		t.Fatalf("started %+v", started)
	}
	rig.press("enter")
	rig.noDialog()
	rig.showsPage(screen.History)
}

// Going back is not asked any more of a service that somebody else deploys.
func TestGoingBackIsWithdrawn(t *testing.T) {
	var asked, started []scene.Order
	rig := newRig(t, goingBack(&asked, &started))
	rig.press("h", "b", "tab", "checkout is slow")
	rig.shows(rolling("yelb-ui", engine.Shifting))
	rig.noDialog()
	rig.says("yelb-ui has an open rollout now: nothing was deployed")
	if len(started) != 0 {
		t.Fatalf("started %+v", started)
	}
}
