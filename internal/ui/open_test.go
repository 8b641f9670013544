package ui

import (
	"context"
	"errors"
	"strings"
	"testing"

	"serin/internal/engine"
	"serin/internal/ui/scene"
)

func TestAddresses(t *testing.T) {
	named := func(r *scene.Rollout) {
		r.Rollout.Spec.MicroserviceName = "yelb-appserver"
		r.Rollout.CanaryStack.Name = "ecs-blogpost-yelb-appserver-9bd0417e"
	}
	routed := idle("yelb-ui")
	routed.Route = engine.Route{Targets: []engine.Target{{Name: "yelb-ui-aaaa", Sha: "aaaa", Weight: 20}, {Name: "yelb-ui-bbbb", Sha: "bbbb", Weight: 80}}}
	for _, c := range []struct {
		region  string
		service scene.Service
		want    string
	}{
		{"us-west-2", rolling("yelb-appserver", engine.Deploying, named), "https://us-west-2.console.aws.amazon.com/cloudformation/home?region=us-west-2#/stacks?filteringText=ecs-blogpost-yelb-appserver-9bd0417e"},
		{"us-west-2", rolling("yelb-appserver", engine.Holding, named), "https://us-west-2.console.aws.amazon.com/ecs/v2/clusters/ecs-blogpost/services/yelb-appserver-9bd0417e/health?region=us-west-2"},
		{"cn-north-1", routed, "https://cn-north-1.console.amazonaws.cn/ecs/v2/clusters/ecs-blogpost/services/yelb-ui-bbbb/health?region=cn-north-1"},
		{"us-gov-west-1", idle("yelb-db"), "https://us-gov-west-1.console.amazonaws-us-gov.com/ecs/v2/clusters/ecs-blogpost/services?region=us-gov-west-1"},
	} {
		h := hostOf(c.service)
		h.now.Region = c.region
		rig := newRig(t, h)
		if got, _ := rig.m.address(); got != c.want {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
	h := hostOf(idle("yelb-ui"))
	h.now.Page = "http://127.0.0.1:8080"
	if got, _ := newRig(t, h).m.address(); got != h.now.Page {
		t.Errorf("in the sandbox: %s", got)
	}
	h.now.Page, h.now.Endpoint = "", "http://127.0.0.1:4566"
	other := newRig(t, h)
	other.press("o")
	other.says("there is no AWS console: http://127.0.0.1:4566 answers in place of AWS")
	h.now.Endpoint, h.now.Region = "", ""
	rig := newRig(t, h)
	rig.press("o")
	rig.says("the region is not known")
}

func TestOpening(t *testing.T) {
	rig := newRig(t, hostOf(idle("yelb-ui")))
	rig.m.opener = nil
	rig.press("o")
	if lines := strings.Join(rig.dialog().lines, "\n"); !strings.Contains(lines, "No browser") || !strings.Contains(lines, "https://") {
		t.Errorf("shown:\n%s", lines)
	}
	rig.press("y")
	rig.noDialog()
	rig.says("clipboard")
	var opened string
	rig.m.opener = func(_ context.Context, address string) error { opened = address; return nil }
	rig.press("o")
	if lines := strings.Join(rig.dialog().lines, "\n"); !strings.HasPrefix(opened, "https://") || !strings.Contains(lines, "given to the browser") {
		t.Errorf("opened %q, shown:\n%s", opened, lines)
	}
	rig.press("esc")
	rig.m.opener = func(context.Context, string) error { return errors.New("exit status 3") }
	rig.press("o")
	if !strings.Contains(rig.dialog().fault, "exit status 3") {
		t.Errorf("the fault is %q", rig.m.dialog.fault)
	}
}

func TestNoBrowserOverSSH(t *testing.T) {
	if openerFor([]string{"DISPLAY=:0", "SSH_CONNECTION=1 2 3 4"}) != nil || openerFor(nil) != nil {
		t.Error("a browser would open where nobody sits")
	}
}

func TestStartingABrowser(t *testing.T) {
	if err := start(t.Context(), "/bin/true", "x"); err != nil {
		t.Error(err)
	}
	if start(t.Context(), "/bin/false", "x") == nil || start(t.Context(), "/nowhere", "x") == nil {
		t.Error("a browser that fails is not told")
	}
}
