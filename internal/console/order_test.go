package console

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"serin/internal/engine"
	"serin/internal/journal"
	"serin/internal/ui/scene"
	"serin/specfiles"
)

// deployFile writes a deploy.json of the cart, changed.
func deployFile(t *testing.T, change map[string]any) string {
	t.Helper()
	file := map[string]any{
		"EnvironmentName": "shop", "MicroserviceName": "cart", "Namespace": "shop.local", "Protocol": "http", "Port": 80,
		"PercentageStep": 20, "WaitTime": 30, "FailureThresholdValue": 1, "FailureThresholdTime": 600,
	}
	maps.Copy(file, change)
	text, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	template, err := specfiles.Read("yelb-appserver", specfiles.TemplateFile)
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	for name, content := range map[string][]byte{"deploy.json": text, specfiles.TemplateFile: template} {
		if err := os.WriteFile(filepath.Join(directory, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(directory, "deploy.json")
}

func TestOrdersOfAFile(t *testing.T) {
	w, log := newWorld(), journal.NewMemory()
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		proposal, err := h.Propose(t.Context(), scene.Order{File: deployFile(t, nil), Image: "cart:2", Sha: canary, Set: []string{"WaitTime=10"}})
		if err != nil || proposal.Service != "cart" || proposal.Stable != stable || proposal.Canary != canary || proposal.Image != "cart:2" {
			t.Fatalf("%+v, %v", proposal, err)
		}
		if len(proposal.Plan.Steps) != 5 || proposal.Takes != 50*time.Second+2*time.Minute {
			t.Errorf("it takes %s in %d steps", proposal.Takes, len(proposal.Plan.Steps))
		}
		for what, c := range map[string]struct {
			order scene.Order
			words string
		}{
			"nothing":             {scene.Order{}, "name a service"},
			"no file":             {scene.Order{File: "/nowhere/deploy.json"}, "there is no such file"},
			"another environment": {scene.Order{File: deployFile(t, map[string]any{"EnvironmentName": "mall"}), Image: "cart:2"}, "is for environment mall"},
			"another service":     {scene.Order{File: deployFile(t, nil), Service: "store", Image: "cart:2"}, "is for service cart"},
			"no image":            {scene.Order{File: deployFile(t, nil)}, "ContainerImage"},
			"a bad setting":       {scene.Order{Service: "yelb-ui", Image: "x:1", Set: []string{"WaitTime"}}, "is not Field=Value"},
			"an unknown field":    {scene.Order{Service: "yelb-ui", Image: "x:1", Set: []string{"WaitTme=3"}}, "set: WaitTme: not a known field"},
			"a bad sha":           {scene.Order{Service: "yelb-ui", Image: "x:1", Sha: "a b"}, `sha: Sha: "a b" has characters`},
			"a bad sha of a file": {scene.Order{File: deployFile(t, nil), Image: "x:1", Sha: "a b"}, `sha: Sha: "a b" has characters`},
			"an unknown service":  {scene.Order{Service: "cart", Image: "cart:2"}, "nobody knows how cart is rolled out"},
			"a version that serves": {
				scene.Order{File: deployFile(t, nil), Image: "cart:2", Sha: stable}, "is what serves now",
			},
		} {
			_, err := h.Propose(t.Context(), c.order)
			if err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%s: %v; want %q", what, err, c.words)
			}
			if err != nil && strings.Contains(err.Error(), "--") {
				t.Errorf("%s: %v names a flag; nobody gave one", what, err)
			}
		}
	})
}

// What was rolled out once is rolled out as then, with what the order says over it.
func TestAnOrderWithoutAFileGoesByTheLastRollout(t *testing.T) {
	w, log := newWorld(), journal.NewMemory()
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		foreign(t, log, "r1")
		if _, err := h.Propose(t.Context(), scene.Order{Service: "cart", Image: "cart:3"}); err == nil {
			t.Error("it proposes what it has no template for")
		}
		order := scene.Order{File: deployFile(t, map[string]any{"WaitTime": 77}), Image: "cart:2"}
		if _, err := h.Propose(t.Context(), order); err == nil || !strings.Contains(err.Error(), "has an open rollout, r1, driven by elsewhere") {
			t.Errorf("a second rollout: %v", err)
		}
		appended(t, log, "r1", 1, &engine.Finished{Outcome: engine.RolledBack})
		after(2 * time.Second)
		if err := h.Deploy(t.Context(), order); err != nil {
			t.Fatal(err)
		}
		h.Close()
		id := cart(t, h).Rollout.Rollout.ID
		appended(t, log, id, cart(t, h).Rollout.Rollout.Seq, &engine.Finished{Outcome: engine.RolledBack})
		after(2 * time.Second)
		proposal, err := h.Propose(t.Context(), scene.Order{Service: "cart", Image: "cart:3", Set: []string{"PercentageStep=50"}})
		if err != nil || proposal.Plan.Steps[0].Hold != 77*time.Second || len(proposal.Plan.Steps) != 2 || proposal.Image != "cart:3" {
			t.Errorf("%+v, %v", proposal, err)
		}
	})
}

func TestWhatIsFoundBeforehandForbidsARollout(t *testing.T) {
	w, log := newWorld(), journal.NewMemory()
	observed(t, w, log, func(t *testing.T, h *Host) {
		t.Helper()
		order := scene.Order{File: deployFile(t, nil), Image: "cart:2"}
		var problems []string
		var unknown error
		h.Preflight = func(context.Context, engine.Spec, string) ([]string, error) { return problems, unknown }
		problems = []string{"no such image", "no such alarm"}
		if err := h.Deploy(t.Context(), order); err == nil || err.Error() != "no such image\nno such alarm" {
			t.Errorf("%v", err)
		}
		problems, unknown = nil, errors.New("nobody answers")
		if err := h.Deploy(t.Context(), order); !errors.Is(err, unknown) {
			t.Errorf("%v", err)
		}
		if headers, err := log.Rollouts(t.Context(), where(), 0); err != nil || len(headers) != 0 {
			t.Errorf("%d rollouts began, %v", len(headers), err)
		}
	})
}

// A path that was typed into a form is read as a shell reads it.
func TestAFileUnderTheHomeDirectory(t *testing.T) {
	path := deployFile(t, nil)
	t.Setenv("HOME", filepath.Dir(path))
	observed(t, newWorld(), journal.NewMemory(), func(t *testing.T, h *Host) {
		t.Helper()
		after(time.Second)
		proposal, err := h.Propose(t.Context(), scene.Order{File: "~/deploy.json", Image: "cart:2", Sha: canary})
		if err != nil || proposal.Service != "cart" {
			t.Errorf("%+v, %v", proposal, err)
		}
	})
}
