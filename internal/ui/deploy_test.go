package ui

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"serin/internal/engine"
	"serin/internal/ui/scene"
	"serin/internal/ui/screen"
)

// deploying is a host that knows images and plans, and what was started.
func deploying(started *[]scene.Order) *host {
	h := hostOf(idle("yelb-appserver"), idle("yelb-ui"))
	h.images = func(_ context.Context, service string) ([]string, error) {
		return []string{service + ":fixed", service + ":flaky"}, nil
	}
	h.propose = func(_ context.Context, order scene.Order) (scene.Proposal, error) {
		if strings.HasSuffix(order.Image, ":none") {
			return scene.Proposal{}, errors.New("there is no such image\nPercentageStep: 0 is too small")
		}
		return scene.Proposal{
			Service: "yelb-appserver", Stable: "3f2a91c0", Canary: "9bd0417e", Image: order.Image, Takes: 90 * time.Second,
			Plan:     engine.Plan{Steps: []engine.Step{{Weight: 50}, {Gate: "QA", Weight: 50}, {Weight: 100, Bake: true, Hold: time.Minute}}},
			Warnings: []string{"OnNoData is pass"},
		}, nil
	}
	h.deploy = func(_ context.Context, order scene.Order) error {
		*started = append(*started, order)
		return nil
	}
	return h
}

func TestDeploying(t *testing.T) {
	var started []scene.Order
	rig := newRig(t, deploying(&started))
	rig.press("d")
	if got := strings.Join(rig.dialog().lines, "\n"); !strings.Contains(got, "Images of yelb-appserver:\n  fixed  flaky") {
		t.Fatalf("the form lists %q", got)
	}
	rig.press("down", "enter")
	plan := strings.Join(rig.dialog().lines, "\n")
	for _, part := range []string{"3f2a91c0", "9bd0417e", "yelb-appserver:fixed", "50 % · gate: QA · 100 % bake 1m0s", "1m30s", "OnNoData is pass"} {
		if !strings.Contains(plan, part) {
			t.Errorf("the plan lacks %q:\n%s", part, plan)
		}
	}
	rig.press("enter")
	if len(started) != 0 || rig.dialog().title != "Deploy" {
		t.Fatal("enter starts a rollout")
	}
	rig.press("enter", "d", "y")
	rig.noDialog()
	want := scene.Order{Service: "yelb-appserver", Image: "yelb-appserver:fixed"}
	if len(started) != 1 || started[0].Service != want.Service || started[0].Image != want.Image {
		t.Fatalf("started %+v", started)
	}
	rig.showsPage(screen.Detail)
	rig.says("has begun")
}

func TestDeployingAnotherService(t *testing.T) {
	var started []scene.Order
	rig := newRig(t, deploying(&started))
	rig.press("d", "shift+tab", "ctrl+u", "yelb-ui", "tab")
	if got := rig.dialog().fields[imageField].offers; len(got) != 2 || got[0] != "yelb-ui:fixed" {
		t.Fatalf("offered %v", got)
	}
	rig.press("tab", "specfiles/deploy.json", "tab", "tab", "tab", "p", "y")
	if len(started) != 1 || started[0].File != "specfiles/deploy.json" || started[0].Service != "" {
		t.Fatalf("started %+v", started)
	}
}

// A version may be named, and settings laid over the specfile. What the host refuses is
// said, a problem a line, and all that was typed is still there.
func TestDeployingWithSettings(t *testing.T) {
	var started []scene.Order
	h := deploying(&started)
	known := h.propose
	h.propose = func(ctx context.Context, order scene.Order) (scene.Proposal, error) {
		if slices.Contains(order.Set, "WaitTime=soon") {
			return scene.Proposal{}, errors.New("--set: WaitTime: \"soon\" is not a number: write seconds\n--set: Sha: \"A-1\" has a -")
		}
		p, err := known(ctx, order)
		p.Canary = order.Sha
		return p, err
	}
	h.deploy = func(_ context.Context, order scene.Order) error {
		started = append(started, order)
		return errors.New("kim drives one already")
	}
	rig := newRig(t, h)
	rig.press("d", "fixed", "tab", "tab", "A-1", "tab", "WaitTime=soon BakeTime=9", "enter")
	frame := ansi.Strip(rig.m.View().Content)
	for _, words := range []string{"! --set: WaitTime: \"soon\" is not a number: write seconds", "! --set: Sha: \"A-1\" has a -", "WaitTime=soon BakeTime=9", "A-1"} {
		if !strings.Contains(frame, words) {
			t.Errorf("%q is not in\n%s", words, frame)
		}
	}
	rig.press("home", "ctrl+e", "shift+tab", "ctrl+u", "a1", "tab", "ctrl+u", "WaitTime=5 BakeTime=9", "enter", "y")
	want := scene.Order{Service: "yelb-appserver", Image: "yelb-appserver:fixed", Sha: "a1", Set: []string{"WaitTime=5", "BakeTime=9"}}
	if len(started) != 1 || !reflect.DeepEqual(started[0], want) {
		t.Fatalf("started %+v, want %+v", started, want)
	}
	rig.press("esc")
	for index, text := range map[int]string{imageField: "fixed", shaField: "a1", setField: "WaitTime=5 BakeTime=9"} {
		if got := rig.dialog().fields[index].text; got != text {
			t.Errorf("back in the form, field %d is %q, want %q", index, got, text)
		}
	}
}

func TestDeployingWrong(t *testing.T) {
	var started []scene.Order
	rig := newRig(t, deploying(&started))
	rig.press("d", "enter")
	if fault := rig.dialog().fault; !strings.Contains(fault, "which image") {
		t.Fatalf("the fault is %q", fault)
	}
	rig.press("yelb-appserver:none", "enter")
	if fault := rig.dialog().fault; !strings.Contains(fault, "PercentageStep") {
		t.Fatalf("the fault is %q", fault)
	}
	rig.press("esc")
	rig.noDialog()
	if len(started) != 0 {
		t.Fatalf("started %+v", started)
	}
}

// What becomes of a start is told, in the dialog or after it.
func TestStartingFails(t *testing.T) {
	var started []scene.Order
	h := deploying(&started)
	h.deploy = func(context.Context, scene.Order) error { return errors.New("kim drives one already") }
	rig := newRig(t, h)
	rig.press("d", "down", "enter", "y")
	if rig.dialog().fault != "kim drives one already" {
		t.Fatalf("the fault is %q", rig.dialog().fault)
	}
	rig.press("esc", "esc")
	rig.noDialog()

	rig.press("d", "down", "enter")
	d := rig.dialog()
	cmd := rig.m.choose("y")
	rig.press("p", "y", "enter")
	if rig.m.dialog != d {
		t.Fatal("keys act while the rollout is being started")
	}
	rig.press("esc")
	rig.noDialog()
	rig.send(cmd())
	rig.says("yelb-appserver was not deployed: kim drives one already")
}

// A tag alone means the one image that is listed with it, and what enter does while a
// field is typed into is shown with that key.
func TestDeployingATag(t *testing.T) {
	var started []scene.Order
	rig := newRig(t, deploying(&started))
	rig.press("d", "fixed")
	shown := rig.dialog().shown("")
	if got := shown.Choices[0].Key; got != "enter" {
		t.Errorf("the plan is at %q while the image is typed", got)
	}
	rig.m.choose(shown.Choices[1].Key)
	rig.noDialog()
	rig.press("d", "fixed", "enter", "y")
	if len(started) != 1 || started[0].Image != "yelb-appserver:fixed" {
		t.Fatalf("started %+v", started)
	}
	rig.press("esc", "d", "tab", "tab", "tab", "tab")
	if got := rig.dialog().shown("").Choices[0].Key; got != "p" {
		t.Errorf("the plan is at %q", got)
	}
}

func TestImagesInWords(t *testing.T) {
	for want, images := range map[string][]string{
		"Images of 1.dkr.ecr.eu-west-1.amazonaws.com/yelb-ui:|  a  b": {"1.dkr.ecr.eu-west-1.amazonaws.com/yelb-ui:a", "1.dkr.ecr.eu-west-1.amazonaws.com/yelb-ui:b"},
		"Images: localhost:5000/yelb-ui":                              {"localhost:5000/yelb-ui"},
		"Images: yelb-ui@sha256:77":                                   {"yelb-ui@sha256:77"},
		"Images: a:1  b:1":                                            {"a:1", "b:1"},
	} {
		if got := strings.Join(imagesInWords(images), "|"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	form := &deployForm{dialog: &dialog{fields: []*field{{}, {offers: []string{"a:1", "b:1", "b:2"}}, {}}}}
	for typed, want := range map[string]string{"1": "1", "2": "b:2", "b:1": "b:1", "c:1": "c:1", "": ""} {
		form.dialog.fields[imageField].set(typed)
		if got := form.image(); got != want {
			t.Errorf("%q is %q, want %q", typed, got, want)
		}
	}
}
